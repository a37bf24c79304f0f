"""What a snapshot makes of a table's files: those that stay, come and go."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from catalog.dataclasses import dataclass
from catalog.engine.file_types import as_read
from catalog.formats.bounds import Claims
from catalog.formats.parquet import ParquetFooter, read_footer
from catalog.formats.source import Discovery, Layout, SourceFile
from catalog.formats.unify import Unified
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.repository.commit_writer import MAX_CHANGE_LIST
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import data_files, files_in_partition, root_of, rows_of
from catalog.repository.tree import TreeReader
from catalog.write.files.writer import folder_of, unused_path
from catalog.write.put_together import Parts, parts_of
from catalog.write.snapshot import ingest
from catalog.write.snapshot.ingest import Mode, TakenFile
from catalog.write.snapshot.table_plan import PartitionSpec, SnapshotScope, SnapshotTask

FileKey = tuple[str, Partition, str]

NO_PARTS = Parts()
"""Where nothing was put together, or it does not matter."""


class KnownFiles:
    """The files of the table that a source may replace or keep.

    None is kept where the table is partitioned in another way, since its entries would not fit.
    Whatever else the table has stays: ``rest`` tells whether there is such a file at a path.
    ``parts`` were put together with others since: the table has their rows.

    Attributes:
        is_whole: Whether they are all files of each of their partitions.
    """

    def __init__(
        self,
        base: StoredTable | None,
        files: Sequence[DataFile],
        *,
        matching: bool = True,
        rest: Callable[[Partition, str], bool] | None = None,
        parts: Parts = NO_PARTS,
    ) -> None:
        self.is_whole = rest is None
        self.rest = rest or (lambda partition, path: False)
        own = {} if base is None else base.snapshot.file_schemas
        self._schemas = {**(parts.schemas or {}), **own}
        self.files = files
        self._by_key: dict[FileKey, list[DataFile]] = {}
        for file in (*files, *parts.files) if matching else ():
            place = "" if file.guard is None else file.path
            self._by_key.setdefault(_key(file.token, file.partition, place), []).append(file)

    @staticmethod
    def load(
        commits: Commits, base: StoredTable | None, spec: PartitionSpec, *, scope: SnapshotScope
    ) -> "KnownFiles":
        """Reads the files of a table: all, or those of the partitions that a source has.

        Where a source is added, files must not be added again that were put together since.
        """
        if base is None:
            return KnownFiles(None, ())
        if scope == "full":
            files = list(data_files(commits, base, fields=()))
            same_spec = tuple(name for name, _ in base.snapshot.partition_fields) == spec.names
            return KnownFiles(base, files, matching=same_spec)
        partitions = dict.fromkeys(spec.values.values())
        found = [f for p in partitions for f in files_in_partition(commits, base, p)]
        parts = parts_of(commits, base, found) if scope == "append" else NO_PARTS
        return KnownFiles(base, found, parts=parts)

    def with_content(self, token: str, partition: Partition, path: str) -> DataFile | None:
        """Returns a file of the table with that content, whose schema is known."""
        found = self._by_key.get(_key(token, partition, path), ())
        return next((f for f in found if f.file_schema in self._schemas), None)

    def columns(self, file: DataFile) -> Layout:
        """Returns the physical columns of a file of the table."""
        return tuple((c.name, c.type) for c in self._schemas[file.file_schema].columns)

    def take(self, token: str, partition: Partition, path: str, *, own: bool) -> DataFile | None:
        """Returns a file of the table with that content, each only once.

        If the bytes must be the catalog's own, a file that stays elsewhere does not count.
        """
        found = self._by_key.get(_key(token, partition, "" if own else path), [])
        for n, file in enumerate(found):
            if not (own and file.guard is not None):
                return found.pop(n)
        return None


def _key(token: str, partition: Partition, path: str) -> FileKey:
    """Returns what identifies a file: for one that stays where it is, its path too."""
    return (token, partition, path if token.startswith(("stat:", "etag:")) else "")


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What becomes of a table's files.

    Attributes:
        sources: Where each of those that come is from.
        claims: What the footer of each claims of its columns, by field id.
        written: Files that come, too, and were written for this: they are in the store already.
    """

    added: tuple[DataFile, ...]
    sources: tuple[TakenFile, ...]
    claims: tuple[Mapping[int, Claims], ...]
    removed: tuple[DataFile, ...]
    warnings: tuple[str, ...] = ()
    written: tuple[DataFile, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of a source, with what is known about them.

    Attributes:
        expected: The table's file that each file surely is, by path; None: it must be read.
        footers: Footers by path, of those that were read.
    """

    listing: Discovery
    spec: PartitionSpec
    known: KnownFiles
    expected: Mapping[str, DataFile | None]
    footers: Mapping[str, ParquetFooter]

    def layouts(self) -> dict[Layout, str]:
        """Returns the different physical columns of the files, each with an example's path."""
        layouts: dict[Layout, str] = {}
        for file in self.listing.files:
            same = self.expected[file.path]
            columns = self.footers[file.path].columns if same is None else self.known.columns(same)
            layouts.setdefault(columns, file.path)
        return layouts


def expected_file(
    source: SourceFile, known: KnownFiles, *, partition: Partition, mode: Mode, token: str | None
) -> DataFile | None:
    """Returns the table's file that a source file surely is, without reading it.

    The token is that of a valid stat record, if there is one.
    """
    if mode is Mode.REFERENCE:
        return known.with_content(ingest.reference_token(source), partition, source.path)
    if token is None and mode is Mode.COPY and source.etag:
        token = ingest.reference_token(source)  # the server may have copied it by itself
    return None if token is None else known.with_content(token, partition, "")


def plan_files(
    task: SnapshotTask,
    source: SourceFiles,
    *,
    taken: Sequence[TakenFile],
    unified: Unified,
    staying: Collection[str] = (),
    written: Sequence[DataFile] = (),
) -> FilePlan:
    """Matches the files of a source, their content known, with those of the table.

    Files of the table whose paths are ``staying`` do so whatever is in the source; those that were
    ``written`` for it come as well.
    """
    known, mode = source.known, task.mode
    own = mode is Mode.COPY
    paths = {file.path for file in (*known.files, *written)}
    kept = set(staying)
    fresh: list[DataFile] = []
    sources: list[TakenFile] = []
    claims: list[Mapping[int, Claims]] = []
    schemas: dict[
        int, tuple[str, Mapping[str, int]]
    ] = {}  # by identity: few objects, whose hashes take long
    for one in taken:
        path, partition = one.source.path, source.spec.values[one.source.path]
        footer = source.footers.get(path)
        same = known.take(one.token, partition, path, own=own)
        if same is not None:
            columns = known.columns(same) if footer is None else footer.columns
            if unified.file_schema(path, columns).id == same.file_schema:
                kept.add(same.path)
                continue
        if footer is None:
            stored = read_footer(ingest.readable_source(task.store, one.source))
            footer = as_read(stored, path, task.engine)
        file_schema = unified.file_schema(path, footer.columns)
        if mode is not Mode.REFERENCE:
            start = _path_start(task, one, source.spec)
            path = unused_path(start, partial(_is_taken, task, known, paths, partition))
        paths.add(path)
        if id(file_schema) not in schemas:
            by_name = {column.name: column.field_id for column in file_schema.columns}
            schemas[id(file_schema)] = file_schema.id, by_name
        schema_id, ids = schemas[id(file_schema)]
        fresh.append(
            DataFile(
                path=path,
                token=one.token,
                size_bytes=one.source.size_bytes,
                rows=footer.rows,
                partition=partition,
                file_schema=schema_id,
                stats={ids[column]: stats for column, stats in footer.stats.items()},
            )
        )
        sources.append(one)
        claims.append({ids[column]: one for column, one in footer.claims.items()})
    removed, warnings = _leaving(task, known, kept, fresh)
    return FilePlan(tuple(fresh), tuple(sources), tuple(claims), removed, warnings, tuple(written))


# each argument but the last is the same for all files
def _is_taken(
    task: SnapshotTask, known: KnownFiles, paths: Collection[str], partition: Partition, path: str
) -> bool:
    taken = path in paths or known.rest(partition, path)
    return taken or task.repository.condemned.is_listed(path)


def _leaving(
    task: SnapshotTask, known: KnownFiles, kept: Collection[str], fresh: Sequence[DataFile]
) -> tuple[tuple[DataFile, ...], tuple[str, ...]]:
    """Returns the files of the table that go, and warnings."""
    if task.request.scope != "append":
        return tuple(file for file in known.files if file.path not in kept), ()
    rewritten = {file.path for file in fresh}  # references whose files were written again
    removed = tuple(file for file in known.files if file.path in rewritten)
    if not kept:
        return removed, ()
    files = "1 file is" if len(kept) == 1 else f"{len(kept)} files are"
    again = "was" if len(kept) == 1 else "were"
    return removed, (f"{files} already in table {task.name} and {again} not added again",)


def _path_start(task: SnapshotTask, one: TakenFile, spec: PartitionSpec) -> str:
    """Returns how the path of a new file begins: directory, partition and content."""
    fields = zip(spec.names, spec.kinds, strict=True)
    folder = folder_of(task.name, fields, spec.values[one.source.path])
    stem = one.token.removeprefix("sha256:")
    if stem == one.token:  # copied by the server, which has no hash of it
        stem = hashlib.sha256(f"{one.token}\n{one.source.path}".encode()).hexdigest()
    if task.mode is Mode.LINK:
        stem = f"{stem}-{one.source.inode:x}"
    return f"{folder}/{stem}"


def full_entries(
    commits: Commits, base: StoredTable, removed: Sequence[DataFile], *, added: int
) -> tuple[DataFile, ...]:
    """Returns files with all their statistics, if a change list is going to hold them."""
    if not removed or len(removed) + added > MAX_CHANGE_LIST:
        return tuple(removed)
    rows = rows_of(base)
    reader = TreeReader(rows, commits.nodes)
    found = (reader.find(root_of(base), rows.key(file)) for file in removed)
    return tuple(file for file in found if file is not None)
