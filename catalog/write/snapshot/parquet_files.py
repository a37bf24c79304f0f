"""Snapshots of Parquet files: a table's state as a directory or a pattern has it."""

from collections.abc import Mapping, Sequence
from functools import partial

from catalog.collecting import rarely_collected
from catalog.dataclasses import replace
from catalog.engine.file_types import as_read, check_values
from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.discover import discover, list_source
from catalog.formats.parquet import ParquetFooter
from catalog.formats.partition_columns import check_partition_column
from catalog.formats.source import Discovery, SourceFile
from catalog.formats.unify import Unified, unify
from catalog.formats.walk import other_format
from catalog.hints import Hint, Option, hint
from catalog.repository.stat_records import read_stat_records
from catalog.storage.store import ObjectStore, RemoteFile
from catalog.write.snapshot import ingest
from catalog.write.snapshot.file_plan import (
    KnownFiles,
    SourceFiles,
    expected_file,
    plan_files,
)
from catalog.write.snapshot.ingest import TakenFile
from catalog.write.snapshot.outcome import (
    TakenSnapshot,
    check_apart,
    fingerprinted,
    outcome,
    with_guards,
)
from catalog.write.snapshot.placement import Placement
from catalog.write.snapshot.records import remember
from catalog.write.snapshot.table_plan import (
    PartitionSpec,
    SnapshotTask,
    partition_spec,
    table_snapshot,
)


def take_files(task: SnapshotTask) -> TakenSnapshot:
    """Takes a table's state from a source; the catalog's refs do not move.

    All files are read before the first gets a place in the store.

    Raises:
        InvalidInput: The source, its schema or the request is not valid.
        CorruptData: A file is damaged, or changed while it was read.
        NotFound: The source is missing.
    """
    store, mode = task.store, task.mode
    listing = _discover(task)
    records = read_stat_records(store, task.name, listing.root)
    known = {file.path: ingest.recorded_token(records, file) for file in listing.files}
    with rarely_collected():
        source, seen, unified = _read_and_unify(task, listing, known)
    snapshot = table_snapshot(unified, source.spec, task)
    unknown = [
        file
        for file in listing.files
        if source.expected[file.path] is None and known[file.path] is None
    ]
    remote = ingest.copied_remotely(store, listing.files, mode, seen=seen, unknown=unknown)
    taken: list[TakenFile] = []
    try:
        for file in listing.files:
            taken.append(
                ingest.take(
                    store,
                    file,
                    mode,
                    known=known[file.path],
                    remote=remote.get(file.path),
                    dry_run=task.dry_run,
                )
            )
        _check_listing(task, listing)
        with rarely_collected():
            plan = plan_files(task, source, taken=taken, unified=unified)
        found = outcome(task, snapshot, plan, listing=listing, known=source.known)
        if task.dry_run or found.report.violations:
            ingest.discard(taken)
            return found
        found = fingerprinted(task, found, plan)
        placed = set(map(id, plan.sources))
        ingest.discard([one for one in taken if id(one) not in placed])
        pairs = [(one, file.path) for one, file in zip(plan.sources, plan.added, strict=True)]
        keep = partial(remember, task, listing.root, taken, {})
        return with_guards(found, Placement(store, pairs, mode, remember=keep), mode)
    except BaseException:
        ingest.discard(taken)
        raise


def _read_and_unify(
    task: SnapshotTask, listing: Discovery, tokens: Mapping[str, str | None]
) -> tuple[SourceFiles, dict[str, RemoteFile], Unified]:
    """Reads the files of a source as far as they are not known, and finds their common schema.

    If there is none, those that the table has already are read as well: earlier versions may have
    stored other types of them than the engine reads.
    """
    source, seen = _read_source(task, listing, tokens)
    try:
        return source, seen, _unify(task, source)
    except InvalidInput as error:
        if error.kind != ErrorKind.SCHEMA_MISMATCH or not any(source.expected.values()):
            raise
    source, seen = _read_source(task, listing, tokens, anew=True)
    return source, seen, _unify(task, source)


def _discover(task: SnapshotTask) -> Discovery:
    source, store, request = task.source, task.store, task.request
    names = [name for name, _ in request.partition_by or ()]
    if task.base is not None and not names:
        names = [name for name, _ in task.base.snapshot.partition_fields]
    listing = discover(source, names, store=store, missing_ok=request.allow_empty)
    if listing.part_of is not None and request.format != "parquet":
        raise other_format(listing.part_of, by_pattern=True)
    if not listing.files:
        if not request.allow_empty:
            raise InvalidInput(
                f"{source} has no Parquet files",
                kind=ErrorKind.EMPTY_SOURCE,
                hint=_if_empty(listing),
            )
        listing = replace(listing, columns=tuple(names))
    check_apart(listing, store)
    return listing


def _if_empty(listing: Discovery) -> Hint:
    empty = Option("allow_empty")
    if not listing.ignored:
        return hint("{} takes it as a table without rows", empty)
    return hint(
        "{} takes files of any kind; {} takes it as a table without rows",
        Option("format", "files"),
        empty,
    )


def _read_source(
    task: SnapshotTask,
    listing: Discovery,
    tokens: Mapping[str, str | None],
    *,
    anew: bool = False,
) -> tuple[SourceFiles, dict[str, RemoteFile]]:
    """Reads the footers of the files that are not recognised without that, or of all ``anew``.

    Returns:
        The files; what the server said about those that were read, by path.
    """
    store, request = task.store, task.request
    spec = partition_spec(listing, task.base, request)
    known = KnownFiles.load(task.repository.commits, task.base, spec, scope=request.scope)
    expected = {
        file.path: None
        if anew
        else expected_file(
            file,
            known,
            partition=spec.values[file.path],
            mode=task.mode,
            token=tokens[file.path],
        )
        for file in listing.files
    }
    needed = [file for file in listing.files if expected[file.path] is None]
    footers: dict[str, ParquetFooter] = {}
    seen: dict[str, RemoteFile] = {}
    for file, (stored, remote) in zip(needed, ingest.footers(store, needed), strict=True):
        footer = footers[file.path] = as_read(stored, file.path, task.engine)
        if request.fingerprints_now:
            check_values(footer, file.path, task.engine)
        seen.update({} if remote is None else {file.path: remote})
        _check_partition_columns(store, file, footer, spec=spec)
    return SourceFiles(listing, spec, known, expected, footers), seen


def _check_partition_columns(
    store: ObjectStore, file: SourceFile, footer: ParquetFooter, *, spec: PartitionSpec
) -> None:
    values = spec.values[file.path]
    for (name, stated), kind, value in zip(file.hive, spec.kinds, values, strict=True):
        present = [known for known, _ in footer.columns if known.casefold() == name.casefold()]
        if len(present) > 1:
            raise InvalidInput(
                f"{file.path} has columns {' and '.join(present)}, and {name} in its path",
                kind=ErrorKind.BAD_COLUMNS,
                hint="write the files with one of them",
            )
        for known in present:
            check_partition_column(
                file.path,
                footer,
                name=known,
                kind=kind,
                value=value,
                stated=stated,
                types=dict(zip(spec.names, spec.kinds, strict=True)),
                opened=partial(ingest.readable_source, store, file),
            )


def _unify(task: SnapshotTask, source: SourceFiles) -> Unified:
    base, empty = task.base, not source.listing.files
    if base is None and empty:
        raise InvalidInput(
            "a new table needs at least one file, from which it gets its columns",
            kind=ErrorKind.EMPTY_SOURCE,
            hint=hint("{} takes files of any kind", Option("format", "files"))
            if source.listing.ignored
            else "",
        )
    existing = None if base is None else base.snapshot
    partition = list(zip(source.spec.names, source.spec.kinds, strict=True))
    keep = task.request.scope != "full" or empty
    return unify(source.layouts(), partition, existing, keep_columns=keep)


def _check_listing(task: SnapshotTask, listing: Discovery) -> None:
    """Checks that no file came, went or changed since the source was listed."""
    if not listing.files:
        return

    def seen(files: Sequence[SourceFile]) -> set[tuple[str, int, int, int]]:
        return {(f.path, f.size_bytes, f.mtime_ns, f.inode) for f in files}

    before, after = seen(listing.files), seen(list_source(task.source, task.store).files)
    if before != after:
        raise ingest.changed(min(before ^ after)[0])
