"""The merge of a file set that both sides changed: by whole rows, each path with its content."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.engine.connection import borrowed
from catalog.errors import CorruptData
from catalog.formats.file_sets.rows import read_rows
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.file_sets import KEY, PROPERTY, check_file_set, is_file_set
from catalog.model.ids import excerpt
from catalog.model.table import TableSnapshot
from catalog.repository.blobs import Blob, read_list
from catalog.repository.columnar import byte_strings, integers
from catalog.repository.datafiles import readable
from catalog.repository.tables import data_files
from catalog.storage.store import ObjectStore
from catalog.write.file_sets.known import KnownRows
from catalog.write.file_sets.plan import FinalRows, cut_rows
from catalog.write.files.rewrite import FileEdit
from catalog.write.files.writer import DataWriter, paths_of
from catalog.write.merge.conflicts import ConflictRow, conflict_row, key_json
from catalog.write.merge.ends import BothSides, MergeContext
from catalog.write.merge.file_paths import FilePaths, FileRow, PathConflict
from catalog.write.merge.rows import Taking
from catalog.write.merge.sides import MergedRows, TableSides

Entries = Mapping[str, DataFile]
"""Data files by path."""


def unlike_file_sets(name: str, both: BothSides) -> ConflictRow | None:
    """Returns the conflict about a table that is a file set on one side; None if there is none.

    Raises:
        CorruptData: It has not the columns or the key of a file set, on either side or in the base.
        Unsupported: A newer release wrote it.
    """
    tables = [table.snapshot for table in (both.base, both.ours, both.theirs) if table is not None]
    ours, theirs = both.ours.snapshot, both.theirs.snapshot
    if not any(is_file_set(table.properties) for table in (ours, theirs)):
        return None
    if ours.properties.get(PROPERTY) == theirs.properties.get(PROPERTY):
        for table in tables:
            check_file_set(name, table)
        return None
    base = None if both.base is None else _described(both.base.snapshot)
    texts = base, _described(ours), _described(theirs)
    return conflict_row(name, "file-set-or-table", texts)


def _described(table: TableSnapshot) -> str:
    stored = table.properties.get(PROPERTY)
    return "a table of rows" if stored is None else f"a file set, {excerpt(stored)}"


def merge_files(
    context: MergeContext,
    sides: TableSides,
    *,
    resolve: Taking | None = None,
    strict: bool = False,
) -> MergedRows:
    """Merges what two sides did to the files of a file set.

    Only data files are read that either side changed. A data file that holds just what is merged
    stays as one of the sides has it.

    Raises:
        CorruptData: A data file is not what was committed, or has a path twice.
    """
    states = _States.of(sides)
    total = sum(file.rows for file in states.every)
    context.progress(sides.name, 0, total)
    pool = _Pool.read(context, sides.name, states.every)
    base, ours, theirs = map(pool.files, (states.base, states.ours, states.theirs))
    paths = FilePaths(pool.facts, base, ours, theirs, resolve, strict)
    paths.run()
    places = _Places.of(context.write.store, states)
    change = _Writing(context, sides, states, pool, places).run(paths.merged)
    context.progress(sides.name, total, total)
    conflicts = _conflict_rows(sides, paths.conflicts) if paths.conflicts else None
    return MergedRows(change, conflicts)


@dataclass(frozen=True, slots=True)
class _States:
    """The data files of three states that any side changed.

    Attributes:
        every: All of them, each content once.
    """

    base: Entries
    ours: Entries
    theirs: Entries
    every: Sequence[DataFile]

    @staticmethod
    def of(sides: TableSides) -> "_States":
        """Returns what the changes of both sides concern."""
        base = _by_path((*sides.ours.removed, *sides.theirs.removed))
        ours, theirs = (_changed(base, changes) for changes in (sides.ours, sides.theirs))
        every = {_bytes_of(file): file for state in (base, ours, theirs) for file in state.values()}
        return _States(base, ours, theirs, tuple(every.values()))

    def sources(self) -> Iterator[DataFile]:
        """Yields the entries, those of ours first."""
        for state in (self.ours, self.theirs, self.base):
            yield from state.values()


def _by_path(files: Iterable[DataFile]) -> dict[str, DataFile]:
    return {file.path: file for file in files}


def _changed(base: Entries, changes: FileChanges) -> dict[str, DataFile]:
    gone = paths_of(changes.removed)
    kept = {path: file for path, file in base.items() if path not in gone}
    return {**kept, **_by_path(changes.added)}


def _bytes_of(file: DataFile) -> tuple[str, str]:
    """Returns what tells the content of a data file, whatever its entry says besides."""
    return file.path, file.token


@dataclass(frozen=True, slots=True)
class _Pool:
    """The rows of all states, each data file read once.

    Attributes:
        known: The data files, and their rows.
        paths, facts: The same, row by row.
        spans: Which rows those of a data file are, by its bytes.
    """

    known: KnownRows
    paths: Sequence[str]
    facts: Sequence[FileRow]
    spans: Mapping[tuple[str, str], range]

    @staticmethod
    def read(context: MergeContext, table: str, files: Sequence[DataFile]) -> "_Pool":
        """Reads data files."""
        store = context.write.store
        context.write.verified(table, files)
        parts = [read_rows(readable(store, file), file.path) for file in files]
        known = KnownRows.joined(files, parts)
        columns = known.rows.select(["path", *FileRow._fields])
        at = columns.schema.get_field_index("modified")
        columns = columns.set_column(at, "modified", columns["modified"].cast(pa.int64()))
        paths, *facts = (column.to_pylist() for column in columns.columns)
        ends = list(accumulate(map(len, parts), initial=0))
        spans = {_bytes_of(f): range(*span) for f, span in zip(files, pairwise(ends), strict=True)}
        return _Pool(known, paths, list(map(FileRow, *facts)), spans)

    def files(self, state: Entries) -> dict[str, int]:
        """Returns the files of a state.

        Raises:
            CorruptData: A path is there twice.
        """
        found: dict[str, int] = {}
        for file in state.values():
            span = self.spans[_bytes_of(file)]
            before = len(found)
            found.update(zip(self.paths[span.start : span.stop], span, strict=True))
            if len(found) < before + len(span):
                raise CorruptData(f"{file.path} has a path twice, or one of another data file")
        return found


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the contents lie that are not the catalog's own, in what is merged."""

    merged: Mapping[str, str]

    @staticmethod
    def of(store: ObjectStore, states: _States) -> "_Places":
        """Merges the places: as the side has it that changed one; else the catalog's own copy."""
        if not any(map(_is_elsewhere, states.sources())):
            return _Places({})
        base, ours, theirs = (
            _contents(store, state) for state in (states.base, states.ours, states.theirs)
        )
        merged = {}
        for sha256 in {**base, **ours, **theirs}:
            before = base.get(sha256)
            found = [at for side in (ours, theirs) if (at := side.get(sha256)) is not None]
            changed = [at for at in found if at != before] or found or [before or ""]
            if all(changed):
                merged[sha256] = changed[0]
        return _Places(merged)

    def of_rows(self, rows: pa.Table) -> dict[str, str]:
        """Returns the places of the contents that some rows name."""
        if not self.merged:
            return {}
        sums = rows["sha256"].to_pylist()
        return {sha256: self.merged[sha256] for sha256 in sums if sha256 in self.merged}


def _contents(store: ObjectStore, state: Entries) -> dict[str, str]:
    """Returns where the contents of some data files lie; empty is the catalog's own."""
    found: dict[str, str] = {}
    for file in state.values():
        for blob in () if file.blobs is None else read_list(store, file.blobs):
            if found.get(blob.sha256) != "":
                found[blob.sha256] = blob.place
    return found


@dataclass(frozen=True, slots=True)
class _Writing:
    """Puts merged rows into data files."""

    context: MergeContext
    sides: TableSides
    states: _States
    pool: _Pool
    places: _Places

    def run(self, merged: Mapping[str, int]) -> FileEdit:
        """Returns what changes in ours."""
        rows = self._final(merged)
        taken = paths_of(self.states.every)
        there: dict[str, DataFile] = {}
        write, sides = self.context.write, self.sides
        with DataWriter(write, sides.name, sides.shape, taken=taken) as writer:
            for start, end in self._runs(rows):
                part = FinalRows(rows.rows.slice(start, end - start), rows.owner[start:end], ())
                for cut in cut_rows(part, self.pool.known):
                    cut_off = part.rows.slice(cut.start, cut.end - cut.start)
                    file = self._file(writer, cut_off, cut.same_as)
                    there[file.path] = file
        ours = self.states.ours
        return FileEdit(
            tuple(file for path, file in ours.items() if there.get(path) != file),
            tuple(file for path, file in there.items() if ours.get(path) != file),
        )

    def _final(self, merged: Mapping[str, int]) -> FinalRows:
        by_path = sorted(merged.items(), key=lambda item: item[0].encode())
        at = integers([place for _, place in by_path])
        known = self.pool.known
        return FinalRows(known.rows.take(at).combine_chunks(), known.owner.take(at).to_pylist(), ())

    def _runs(self, final: FinalRows) -> Iterator[tuple[int, int]]:
        """Yields stretches of rows between which a data file lies that no side changed."""
        changed = self.states.ours
        stats = (
            file.stats.get(KEY[0])
            for file in data_files(self.context.commits, self.sides.head, fields=KEY)
            if file.path not in changed
        )
        lows = sorted(one.low for one in stats if one is not None and one.low is not None)
        paths = [path.encode() for path in final.rows["path"].to_pylist()]
        start = 0
        for n, path in enumerate(paths):
            if n and lows and bisect_right(lows, paths[n - 1]) != bisect_right(lows, path):
                yield start, n
                start = n
        if paths:
            yield start, len(paths)

    def _file(self, writer: DataWriter, rows: pa.Table, same_as: int | None) -> DataFile:
        """Returns a data file of some rows: one that is there, or a new one."""
        places = self.places.of_rows(rows)
        if same_as is None:
            return writer.file_set_rows(rows, places)
        wanted = _bytes_of(self.pool.known.files[same_as])
        store = self.context.write.store
        entries = [file for file in self.states.sources() if _bytes_of(file) == wanted]
        for file in entries:
            listed = read_list(store, file.blobs) if file.blobs and file.blobs.elsewhere else ()
            if {blob.sha256: blob.place for blob in listed if blob.place} == places:
                return file
        columns = rows.select(["sha256", "size"]).to_pydict()
        pairs = zip(columns["sha256"], columns["size"], strict=True)
        return writer.relisted(
            entries[0], [Blob(sha256, size, places.get(sha256, "")) for sha256, size in pairs]
        )


def _is_elsewhere(file: DataFile) -> bool:
    return file.blobs is not None and bool(file.blobs.elsewhere)


def _conflict_rows(sides: TableSides, conflicts: Sequence[PathConflict]) -> pa.Table:
    """Returns conflicts about paths with the columns that those about rows have."""
    columns = [_texts(column) for column in zip(*conflicts, strict=True)]
    found = pa.Table.from_arrays(columns, names=list(PathConflict._fields))
    key = key_json(sides.shape.fields(KEY), ["path"])
    with borrowed() as con:
        con.register("found", found)
        chosen = f"kind, {key} AS key, NULL::VARCHAR AS column_name, base, ours, theirs"
        return con.sql(f"SELECT {chosen} FROM found").to_arrow_table()


def _texts(values: Sequence[str | None]) -> pa.Array:
    encoded = [None if value is None else value.encode() for value in values]
    return byte_strings(encoded).cast(pa.string())
