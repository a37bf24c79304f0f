"""What a snapshot makes of a table's shape: partition spec, key and schema."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, get_args

import duckdb

from catalog.dataclasses import dataclass, replace
from catalog.diff.fingerprints.row_rule import Prints
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.formats.file_sets.pictures import Images
from catalog.formats.open_table import TableFormat
from catalog.formats.partition_types import (
    check_texts,
    choose_types,
    declared_type,
    is_inferable,
    read_values,
)
from catalog.formats.source import Discovery
from catalog.formats.unify import Unified, column_ids
from catalog.hints import Blank, Option, hint
from catalog.model.judgement import Violation
from catalog.model.partition import Partition
from catalog.model.schema import FileSchema, Schema
from catalog.model.table import TableSnapshot
from catalog.model.texts import check_choice
from catalog.model.types import Scalar
from catalog.repository.commits import StoredTable
from catalog.repository.repository import Repository
from catalog.storage.store import ObjectStore
from catalog.write.snapshot.ingest import Mode

DECLARED = "partition_type."
"""Begins the property that says that the type of a partition column was declared: it then takes
texts that it would not have been inferred from, such as ``01`` for 1."""

SnapshotScope: TypeAlias = Literal["full", "partitions", "append"]


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """How a source is to be taken.

    Attributes:
        key: Key columns; None keeps the table's.
        partition_by: Name and declared type (None: found out) of the partition columns;
            None takes them from the paths.
        mode: How the bytes get in.
        scope: What of the table the source replaces.
        format: What the source is; ``auto`` finds out.
        fingerprints: What is recorded of the new files before the commit, with their keys checked:
            their columns, digests of their rows too, which ``now`` leaves out where they do not
            pay, or nothing; None means now for copies and links, later for references.
        allow_empty: Whether the source may have no files.
        images: Whether the images of a file set are looked at.
        at: Which version of a table of another format is taken: its number, a time or a tag; None
            is the newest.
    """

    key: tuple[str, ...] | None = None
    partition_by: tuple[tuple[str, str | None], ...] | None = None
    mode: Literal["copy", "link", "reference"] = "copy"
    scope: SnapshotScope = "full"
    format: TableFormat = "auto"
    fingerprints: Prints | None = None
    allow_empty: bool = False
    images: Images = "auto"
    at: str | None = None

    def __post_init__(self) -> None:
        check_choice(self.mode, "mode", tuple(Mode))
        check_choice(self.scope, "scope", ("full", "partitions", "append"))
        if self.format not in get_args(TableFormat):
            known = "auto, parquet, delta, iceberg or files"
            raise Unsupported(
                f"format {self.format!r} is not supported by this version: use {known}"
            )
        if self.images != "auto" and self.format != "files":
            raise InvalidInput(
                "only images of a file set are looked at",
                hint=hint("take the source as one: {}", Option("format", "files")),
            )
        if self.fingerprints is not None:
            check_choice(self.fingerprints, "fingerprints", get_args(Prints))

    @property
    def prints(self) -> Prints:
        """What is recorded of the new files."""
        return self.fingerprints or ("later" if self.mode == "reference" else "now")

    @property
    def fingerprints_now(self) -> bool:
        """Whether the new files are fingerprinted before the commit."""
        return self.prints != "later"


def check_without_versions(source: str, request: SnapshotRequest) -> None:
    """Checks that no version of a source is asked for that has none.

    Raises:
        InvalidInput: One is.
    """
    if request.at is not None:
        raise InvalidInput(
            f"{source} is not a table of Delta or Iceberg, and has no version {request.at!r}",
            hint=hint(
                "leave {} out, or name the directory of such a table",
                Option("at", Blank("VERSION")),
            ),
        )


SnapshotJudge: TypeAlias = Callable[[str, TableSnapshot, TableSnapshot], tuple[Violation, ...]]
"""Judges what a snapshot makes of a table: its name, its state before, and its state after, whose
files are not known yet. What it returns is not allowed, so that nothing is written."""


@dataclass(frozen=True, slots=True)
class SnapshotTask:
    """A snapshot that is to be taken.

    Attributes:
        base: The table as the branch has it; None if it is new.
        dry_run: Whether nothing may be written.
        engine: Returns a connection that is asked how files are read.
        aside: Returns a directory for files that must be written again, where the store takes
            none; None if it does.
        judge: Judges it before its files come in; None if it may do anything.
    """

    repository: Repository
    name: str
    base: StoredTable | None
    source: str
    request: SnapshotRequest
    dry_run: bool
    engine: Callable[[], duckdb.DuckDBPyConnection]
    aside: Callable[[], str] | None = None
    judge: SnapshotJudge | None = None

    @property
    def store(self) -> ObjectStore:
        """Where the files go."""
        return self.repository.store

    @property
    def mode(self) -> Mode:
        """How the bytes get in."""
        return Mode(self.request.mode)


@dataclass(frozen=True, slots=True)
class PartitionSpec:
    """How a source is partitioned.

    Attributes:
        names: The partition columns in path order.
        values: The encoded partition values of each file, by its path.
    """

    names: tuple[str, ...]
    kinds: tuple[Scalar, ...]
    values: Mapping[str, Partition]


def partition_spec(
    listing: Discovery, base: StoredTable | None, request: SnapshotRequest
) -> PartitionSpec:
    """Finds how a source is partitioned, and checks that the table agrees.

    Raises:
        InvalidInput: The paths are not as declared, or differ from the table's partitioning.
    """
    declared = {
        name: declared_type(kind) for name, kind in request.partition_by or () if kind is not None
    }
    existing = dict(base.snapshot.partition_fields) if base is not None else {}
    if request.partition_by is not None:
        wanted = tuple(name for name, _ in request.partition_by)
        if wanted != listing.columns:
            raise InvalidInput(
                f"partition columns {_list(wanted)} were declared, but {listing.root} is "
                f"partitioned by {_list(listing.columns)}",
                kind=ErrorKind.PARTITIONING_MISMATCH,
                hint="a partition column needs column=value directories in that order",
            )
    if base is not None and request.scope != "full" and tuple(existing) != listing.columns:
        raise InvalidInput(
            f"table {base.name} is partitioned by {_list(tuple(existing))}, but {listing.root} by "
            f"{_list(listing.columns)}",
            kind=ErrorKind.PARTITIONING_MISMATCH,
            hint="only a full snapshot may change the partitioning",
        )
    said = {} if base is None else base.snapshot.properties
    inferred = {
        n for n, k in existing.items() if is_inferable(k) and said.get(f"{DECLARED}{n}") != k.name
    }
    if base is not None and request.scope != "full":
        kinds = tuple(existing[name] for name in listing.columns)
        _check_declared(base.name, declared, existing)
        loose = [name for name in listing.columns if name in inferred and name not in declared]
        check_texts(listing.columns, kinds, listing.files, inferred=loose)
    else:
        kinds = choose_types(
            listing.columns, listing.files, declared=declared, existing=existing, inferred=inferred
        )
    seen: dict[tuple[str, str], bytes] = {}
    values = {file.path: read_values(file, kinds, seen) for file in listing.files}
    return PartitionSpec(listing.columns, kinds, values)


def _check_declared(
    table: str, declared: Mapping[str, Scalar], existing: Mapping[str, Scalar]
) -> None:
    for name, kind in declared.items():
        if existing[name] != kind:
            raise InvalidInput(
                f"partition column {name!r} of table {table} is {existing[name]}, not {kind}",
                kind=ErrorKind.PARTITIONING_MISMATCH,
                hint="only a full snapshot may change its type",
            )


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "nothing"


def table_snapshot(unified: Unified, spec: PartitionSpec, task: SnapshotTask) -> TableSnapshot:
    """Returns the table to come; its totals and files are filled in at commit.

    Raises:
        InvalidInput: A key column does not exist.
    """
    schema, base, request = unified.schema, task.base, task.request
    if task.judge is None:
        check_key_stays(schema, task)
    key = _key(unified, base, request)
    file_schemas: dict[str, FileSchema] = {}
    if base is not None and request.scope != "full":
        file_schemas.update(base.snapshot.file_schemas)
    used = (*unified.file_schemas.values(), *unified.by_path.values())
    file_schemas.update((one.id, one) for one in dict.fromkeys(used))
    start = TableSnapshot(schema, unified.last_field_id) if base is None else base.snapshot
    return replace(
        start,
        properties=_properties(start.properties, spec, request),
        schema=schema,
        last_field_id=unified.last_field_id,
        key=key,
        partition_by=column_ids(schema, spec.names, "partition column"),
        file_schemas=file_schemas,
    )


def _properties(
    old: Mapping[str, str], spec: PartitionSpec, request: SnapshotRequest
) -> dict[str, str]:
    """Returns the properties of a table, which say what types its paths alone do not explain."""
    declared = {name for name, kind in request.partition_by or () if kind is not None}
    new = {name: text for name, text in old.items() if not name.startswith(DECLARED)}
    for name, kind in zip(spec.names, spec.kinds, strict=True):
        key = f"{DECLARED}{name}"
        if is_inferable(kind) and (name in declared or old.get(key) == kind.name):
            new[key] = kind.name
    return new


def _key(unified: Unified, base: StoredTable | None, request: SnapshotRequest) -> tuple[int, ...]:
    if request.key is not None:
        return column_ids(unified.schema, request.key, "key column")
    if base is None:
        return ()
    return tuple(one for one in base.snapshot.key if unified.schema.by_id(one) is not None)


def check_key_stays(schema: Schema, task: SnapshotTask) -> None:
    """Checks that the key of a table is still there, unless another one is declared.

    What judges the snapshot goes first: that a column is gone is what a guard is there to say.

    Raises:
        InvalidInput: A column of the key is gone.
    """
    if task.base is None or task.request.key is not None:
        return
    old, table = task.base.snapshot, task.base.name
    gone = [f.name for f in old.fields(old.key) if schema.by_id(f.id) is None]
    if gone:
        raise InvalidInput(
            f"key column {gone[0]!r} of table {table} is no longer in the source",
            kind=ErrorKind.KEY_MISSING,
            hint=f"declare the new key of {table} with the snapshot, or an empty one",
        )
