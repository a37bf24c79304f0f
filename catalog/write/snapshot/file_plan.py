"""What a snapshot makes of a table's files: those that stay, come and go."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.formats.hive_path import partition_path
from catalog.formats.parquet import ParquetFooter, read_footer
from catalog.formats.source import Layout, SourceFile
from catalog.formats.unify import Unified
from catalog.model.datafile import DataFile
from catalog.model.names import encode_segment
from catalog.model.partition import Partition
from catalog.model.values import decode, text
from catalog.repository.commit_writer import MAX_CHANGE_LIST
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.stat_records import StatRecord
from catalog.repository.tables import data_files, files_in_partition, root_of, rows_of
from catalog.repository.tree import TreeReader
from catalog.storage.store import ObjectStore
from catalog.write.snapshot import ingest
from catalog.write.snapshot.ingest import Mode, Taken
from catalog.write.snapshot.table_plan import PartitionSpec, Scope

FileKey = tuple[str, Partition, str]


class KnownFiles:
    """Knows the files of the table that a source may replace or keep.

    None is kept where the table is partitioned in another way: its entries are of no use then.
    """

    def __init__(
        self, base: StoredTable | None, files: Sequence[DataFile], *, matching: bool = True
    ) -> None:
        self._schemas = {} if base is None else base.snapshot.file_schemas
        self.files = files
        self._by_key: dict[FileKey, list[DataFile]] = {}
        for file in files if matching else ():
            place = "" if file.guard is None else file.path
            self._by_key.setdefault(_key(file.token, file.partition, place), []).append(file)

    @staticmethod
    def load(
        commits: Commits, base: StoredTable | None, spec: PartitionSpec, *, full: bool
    ) -> "KnownFiles":
        """Reads the files of a table: all, or those of the partitions that a source has."""
        if base is None:
            return KnownFiles(None, ())
        if full:
            files = list(data_files(commits, base, fields=()))
            same_spec = tuple(name for name, _ in base.snapshot.partition_fields) == spec.names
            return KnownFiles(base, files, matching=same_spec)
        partitions = dict.fromkeys(spec.values.values())
        return KnownFiles(
            base, [f for p in partitions for f in files_in_partition(commits, base, p)]
        )

    def expected(
        self,
        source: SourceFile,
        spec: PartitionSpec,
        mode: Mode,
        records: Mapping[str, StatRecord],
    ) -> DataFile | None:
        """Returns the table's file that a source file surely is, without reading it."""
        record = records.get(source.relative)
        if mode is Mode.REFERENCE:
            token = ingest.reference_token(source)
        elif record is not None and ingest.matches(record, source):
            token = record.token
        elif mode is Mode.COPY and source.etag:  # the server may have copied it by itself
            token = ingest.reference_token(source)
        else:
            return None
        place = source.path if mode is Mode.REFERENCE else ""
        found = self._by_key.get(_key(token, spec.values[source.path], place), ())
        return next((f for f in found if f.file_schema in self._schemas), None)

    def columns(self, file: DataFile) -> Layout:
        """Returns the physical columns of a file of the table."""
        return tuple((c.name, c.type) for c in self._schemas[file.file_schema].columns)

    def take(self, token: str, partition: Partition, path: str, *, own: bool) -> DataFile | None:
        """Returns a file of the table with that content, each only once.

        Args:
            token: The content.
            partition: The partition values.
            path: Where the source file is.
            own: Whether the bytes must be the catalog's own.
        """
        found = self._by_key.get(_key(token, partition, "" if own else path), [])
        for n, file in enumerate(found):
            if not (own and file.guard is not None):
                return found.pop(n)
        return None


def _key(token: str, partition: Partition, path: str) -> FileKey:
    """Returns by what a file is known: of one that stays where it is, where that is, too."""
    return (token, partition, path if token.startswith(("stat:", "etag:")) else "")


@dataclass(frozen=True, slots=True)
class FilePlan:
    """Holds what becomes of a table's files.

    Attributes:
        added: Files that come.
        sources: Where each of them comes from.
        removed: Files that go.
        warnings: What the user should know.
    """

    added: tuple[DataFile, ...]
    sources: tuple[Taken, ...]
    removed: tuple[DataFile, ...]
    warnings: tuple[str, ...] = ()


def plan_files(
    name: str,
    taken: Sequence[Taken],
    footers: Mapping[str, ParquetFooter],
    unified: Unified,
    spec: PartitionSpec,
    known: KnownFiles,
    mode: Mode,
    scope: Scope,
    store: ObjectStore,
) -> FilePlan:
    """Matches the files of a source with those of the table.

    Args:
        name: The table.
        taken: The files of the source, their content known.
        footers: Footers by path, of those that were read.
        unified: How files are read.
        spec: The partition values of the files.
        known: The files of the table.
        mode: How the bytes get in.
        scope: What the source replaces.
        store: The catalog's, to read sources that lie elsewhere.
    """
    paths = {file.path for file in known.files}
    kept: set[str] = set()
    fresh: list[DataFile] = []
    sources: list[Taken] = []
    for one in taken:
        source, partition = one.source, spec.values[one.source.path]
        footer = footers.get(source.path)
        same = known.take(one.token, partition, source.path, own=mode is Mode.COPY)
        if same is not None and _reads_alike(same, footer, known, unified):
            kept.add(same.path)
            continue
        footer = footer or read_footer(ingest.readable_source(store, source))
        path = _store_path(name, one, spec, partition, mode, paths)
        paths.add(path)
        fresh.append(_entry(path, one, footer, partition, unified))
        sources.append(one)
    warnings: tuple[str, ...] = ()
    removed: tuple[DataFile, ...] = ()
    if scope != "append":
        removed = tuple(file for file in known.files if file.path not in kept)
    else:
        rewritten = {file.path for file in fresh}  # references whose files were written again
        removed = tuple(file for file in known.files if file.path in rewritten)
    if scope == "append" and kept:
        warnings = (f"{len(kept)} files are in table {name} already and were not added again",)
    return FilePlan(tuple(fresh), tuple(sources), removed, warnings)


def _reads_alike(
    file: DataFile, footer: ParquetFooter | None, known: KnownFiles, unified: Unified
) -> bool:
    columns = known.columns(file) if footer is None else footer.columns
    return unified.file_schemas[columns].id == file.file_schema


def _store_path(
    name: str,
    one: Taken,
    spec: PartitionSpec,
    partition: Partition,
    mode: Mode,
    taken_paths: set[str],
) -> str:
    if mode is Mode.REFERENCE:
        return one.source.path
    values = [
        None if value is None else text(decode(value, kind), kind)
        for value, kind in zip(partition, spec.kinds, strict=True)
    ]
    folders = partition_path(spec.names, values)
    stem = one.token.removeprefix("sha256:")
    if stem == one.token:  # copied by the server, which has no hash of it
        stem = hashlib.sha256(f"{one.token}\n{one.source.path}".encode()).hexdigest()
    if mode is Mode.LINK:
        stem = f"{stem}-{one.source.inode:x}"
    start = "/".join(part for part in ("data", encode_segment(name), folders, stem) if part)
    path = f"{start}.parquet"
    copy = 2
    while path in taken_paths:
        path = f"{start}-{copy}.parquet"
        copy += 1
    return path


def _entry(
    path: str, one: Taken, footer: ParquetFooter, partition: Partition, unified: Unified
) -> DataFile:
    file_schema = unified.file_schemas[footer.columns]
    ids = {column.name: column.field_id for column in file_schema.columns}
    return DataFile(
        path=path,
        token=one.token,
        size_bytes=one.source.size_bytes,
        rows=footer.rows,
        partition=partition,
        file_schema=file_schema.id,
        stats={ids[column]: stats for column, stats in footer.stats.items()},
    )


def full_entries(
    commits: Commits, base: StoredTable, removed: Sequence[DataFile], added: int
) -> tuple[DataFile, ...]:
    """Returns files with all their statistics, if a change list is going to hold them."""
    if not removed or len(removed) + added > MAX_CHANGE_LIST:
        return tuple(removed)
    rows = rows_of(base)
    reader = TreeReader(rows, commits.nodes)
    found = (reader.find(root_of(base), rows.key(file)) for file in removed)
    return tuple(file for file in found if file is not None)
