"""Columns of data files as they are stored: whole, or of some rows and their row groups alone."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import cast, take
from catalog.dataclasses import dataclass
from catalog.diff.compare.align import Numbers
from catalog.diff.compare.arrays import Unreadable, arrow_type, as_type
from catalog.diff.compare.entry_bounds import entry_bounds
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.fingerprints.canonical import unwrapped
from catalog.diff.fingerprints.column_reader import FileColumns, in_one
from catalog.diff.fingerprints.open_files import OpenFiles
from catalog.diff.fingerprints.row_digest import cell_hashes
from catalog.diff.plan import SideName
from catalog.engine.arrow_arrays import from_numpy
from catalog.model.datafile import DataFile
from catalog.model.schema import Field, PhysicalColumn
from catalog.model.types import NULL_TYPE

KEPT_BYTES = 64 << 20
"""Columns of a side that are kept until all rows of a task were taken from them."""

OPEN_FILES = 32
"""Files of a side that stay open."""


@dataclass(frozen=True, slots=True)
class Places:
    """Rows of some files of one side, in any order.

    Attributes:
        file: Of each row, the number of its file among those of the side.
        row: Of each row, its number in that file.
    """

    file: Numbers
    row: Numbers

    def __len__(self) -> int:
        return len(self.file)

    def at(self, which: Numbers) -> "Places":
        """Returns some of the rows."""
        return Places(self.file[which], self.row[which])

    def by_file(self) -> Iterator[tuple[int, Numbers, Numbers]]:
        """Yields the number of each file, its rows in order, and where they stand among all."""
        order = np.lexsort((self.row, self.file))
        files, rows = self.file[order], self.row[order]
        for start, stop in _runs(files):
            yield int(files[start]), rows[start:stop], order[start:stop]


def joined(places: Sequence[Places]) -> Places:
    """Returns the rows of all."""
    nothing = Places(np.zeros(0, np.int64), np.zeros(0, np.int64))
    some = [nothing, *places]
    return Places(np.concatenate([p.file for p in some]), np.concatenate([p.row for p in some]))


@contextmanager
def within_arrays() -> Iterator[None]:
    """Turns Arrow's error for text of more bytes than an array can hold into ``Unreadable``."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise Unreadable("rows too large for an array") from error


def _runs(values: Numbers) -> Iterator[tuple[int, int]]:
    """Yields the starts and ends of runs of equal values."""
    if not len(values):
        return
    edges = np.flatnonzero(values[1:] != values[:-1]) + 1
    yield from zip([0, *edges.tolist()], [*edges.tolist(), len(values)], strict=True)


class StoredColumns:
    """Reads columns of a side's files as they are stored."""

    def __init__(self, reader: TableReader, side: SideName, files: Sequence[DataFile]) -> None:
        self.side: SideName = side
        self.files = files
        self._reader = reader
        self._table = reader.plan.side(side)
        self._open = OpenFiles(self._table, self._reader.source, most=OPEN_FILES)
        self._kept: dict[int, _Kept] = {}
        self._room = KEPT_BYTES

    def whole(self, file: DataFile, ids: Collection[int]) -> dict[int, pa.Array]:
        """Returns columns of a file by field id; those that it does not hold are left out.

        Raises:
            CorruptData: The file cannot be read.
            Unreadable: The engine must read a column, or it is too large for an array.
        """
        places = self._places(file, ids)
        found: dict[int, pa.Array] = {}
        if not places:
            return found
        held = self._reader.held.get(file.path)
        if held is not None:
            for field_id in places:
                whole = in_one(held.column(f"c{field_id}"))
                if whole is None:
                    raise Unreadable(f"c{field_id}")
                found[field_id] = whole
            return found
        with self._open.columns(file) as columns:
            for field_id, place in places.items():
                whole = in_one(columns.column(place)) if _agreed(columns, place) else None
                if whole is None:
                    raise Unreadable(columns.columns[place].name)
                found[field_id] = whole
        return found

    def in_dictionaries(self, file: DataFile, field_id: int) -> bool:
        """Returns whether a file keeps a column of text in dictionaries, nearly all.

        Raises:
            CorruptData: The file cannot be read.
        """
        places = self._places(file, [field_id])
        with self._open.columns(file) as columns:
            return all(columns.in_dictionaries(place) for place in places.values())

    def some(self, places: Places, ids: Collection[int]) -> dict[int, list["Piece"]]:
        """Returns the values of rows by field id, in pieces of one file each.

        Raises:
            CorruptData: A file cannot be read.
            Unreadable: The engine must read a column.
        """
        found: dict[int, list[Piece]] = {field_id: [] for field_id in ids}
        for number, rows, at in places.by_file():
            file = self.files[number]
            held = self._places(file, ids)
            for field_id in ids:
                if field_id not in held:
                    found[field_id].append(Piece(at, None, None))
            if not held:
                continue
            with self._open.columns(file) as columns:
                groups = _groups_of(columns.group_rows, rows)
                kept = self._kept.get(number)
                if kept is None or not set(groups) <= set(kept.groups):
                    kept = self._kept[number] = _Kept(groups, {})
                taken = from_numpy(_within(columns.group_rows, kept.groups, rows))
                for field_id, place in held.items():
                    if not _agreed(columns, place):
                        raise Unreadable(columns.columns[place].name)
                    column = self._column(columns, place, kept)
                    if len(kept.groups) == len(columns.group_rows):
                        self._note_bounds(file, field_id, column)
                    values = _take(column, taken)
                    found[field_id].append(Piece(at, values, columns.columns[place]))
        return found

    def _column(self, columns: FileColumns, place: int, kept: "_Kept") -> pa.ChunkedArray:
        """Returns a column in the row groups that are kept, and keeps it if there is room."""
        found = kept.columns.get(place)
        if found is None:
            found = columns.some(place, kept.groups)
            if found.nbytes <= self._room:
                self._room -= found.nbytes
                kept.columns[place] = found
        return found

    def _note_bounds(self, file: DataFile, field_id: int, column: pa.ChunkedArray) -> None:
        """Notes the bounds of a whole column of text for who wants them later."""
        name = self.side, file.path, file.file_schema, field_id
        if name not in self._reader.text_bounds:
            found = entry_bounds(column)
            if found is not None:
                self._reader.text_bounds[name] = found

    def forget(self) -> None:
        """Gives up columns that were kept, as rows of other files come next."""
        self._kept, self._room = {}, KEPT_BYTES

    def groups_of(self, number: int, rows: Numbers) -> Numbers:
        """Returns the number of the row group of each of some rows of a file, in order of rows."""
        with self._open.columns(self.files[number]) as columns:
            ends = np.cumsum(columns.group_rows)
        return np.searchsorted(ends, rows, side="right")

    def _places(self, file: DataFile, ids: Collection[int]) -> dict[int, int]:
        """Returns the places of columns that a file holds, by field id."""
        held = self._table.file_schemas[file.file_schema].columns
        return {
            column.field_id: place
            for place, column in enumerate(held)
            if column.field_id in ids and column.type != NULL_TYPE
        }


@dataclass(frozen=True, slots=True)
class _Kept:
    """Columns of a file, by their places in it, in some row groups."""

    groups: tuple[int, ...]
    columns: dict[int, pa.ChunkedArray]


@dataclass(frozen=True, slots=True)
class Piece:
    """The values of some rows of one file.

    Attributes:
        at: Where the rows stand among all.
        values: Their values as they are stored; None if the file does not hold the column.
        column: The column in the file.
    """

    at: Numbers
    values: pa.Array | None
    column: PhysicalColumn | None


def hashes(pieces: Sequence[Piece], rows: int) -> Numbers:
    """Returns the hashes of a column's cells, as digests have them."""
    found = np.zeros(rows, np.uint64)
    for piece in pieces:
        if piece.values is None or piece.column is None:
            continue
        own = cell_hashes(piece.values, piece.column.name)
        assert own is not None, "columns in digests have hashes"
        found[piece.at] = own
    return found


def in_table_type(column: pa.Array, field: Field) -> pa.Array:
    """Returns stored values in the type of their table's column.

    Raises:
        Unreadable: They are stored in a type that only the engine can bring into that one.
    """
    kind = arrow_type(field.type)
    if kind is None:
        raise Unreadable(field.name)
    with within_arrays():
        column = unwrapped(column)
        if pa.types.is_integer(column.type) and pa.types.is_integer(kind):
            return cast(column, kind)
        return as_type(column, kind, field.name)


def values(pieces: Sequence[Piece], rows: int, field: Field) -> pa.Array:
    """Returns a column in the type of its table.

    Raises:
        Unreadable: It is stored in a type that only the engine can bring into that one, or too
            large for an array.
    """
    kind = arrow_type(field.type)
    if kind is None:
        raise Unreadable(field.name)
    arrays, at = [], []
    for piece in pieces:
        column = piece.values
        absent = pa.nulls(len(piece.at), kind)
        arrays.append(absent if column is None else in_table_type(column, field))
        at.append(piece.at)
    if not arrays:
        return pa.nulls(0, kind)
    with within_arrays():
        whole = arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
    order = np.empty(rows, np.int64)
    order[np.concatenate(at)] = np.arange(rows)
    return take(whole, from_numpy(order))


def _agreed(columns: FileColumns, place: int) -> bool:
    return columns.agreed[place] and place not in columns.int96


def _groups_of(group_rows: Sequence[int], rows: Numbers) -> tuple[int, ...]:
    """Returns the row groups that hold some rows, in order."""
    ends = np.cumsum(np.asarray(group_rows, np.int64))
    wanted = np.zeros(len(ends), bool)
    wanted[np.searchsorted(ends, rows, side="right")] = True
    return tuple(int(n) for n in np.flatnonzero(wanted))


def _within(group_rows: Sequence[int], groups: Sequence[int], rows: Numbers) -> Numbers:
    """Returns the numbers of rows within some row groups, which hold them."""
    sizes = np.asarray(group_rows, np.int64)
    left_out = np.ones(len(sizes), bool)
    left_out[list(groups)] = False
    skipped = np.where(left_out, sizes, 0).cumsum()
    return np.asarray(rows - skipped[np.searchsorted(np.cumsum(sizes), rows, side="right")])


def _take(column: pa.ChunkedArray, rows: pa.Array) -> pa.Array:
    """Returns the values of some rows as one array."""
    coded = pa.types.is_dictionary(column.type)  # each chunk may have a dictionary of its own
    whole = in_one(column) if coded else column
    with within_arrays():
        taken = None if whole is None else take(whole, rows)
    found = in_one(taken) if isinstance(taken, pa.ChunkedArray) else taken
    if found is None:
        raise Unreadable("rows too large for an array")
    return found
