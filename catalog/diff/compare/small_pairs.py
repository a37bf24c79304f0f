"""Pairs of small files compared by position in Arrow, column by column.

A statement of the engine takes milliseconds, however few rows it reads. So of files of up to a
block of rows, only the columns that may differ are read here, and their values compared as
fingerprints compare them. Columns of many pairs are compared at once: a call of numpy or Arrow
takes longer than a thousand values in it. The engine is handed the rows that differ, of many files
at a time.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.arrow_functions import take
from catalog.dataclasses import dataclass
from catalog.diff.compare.arrays import Unreadable, arrow_type, as_type
from catalog.diff.compare.differing import unlike
from catalog.diff.fingerprints.canonical import unwrapped
from catalog.diff.fingerprints.column_reader import in_one
from catalog.diff.forms import common_forms
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.diff.route import FilePair, constant
from catalog.engine.arrow_arrays import Numbers, from_numpy
from catalog.engine.arrow_arrays import constant as scalar
from catalog.formats.footer import (
    ParquetSource,
    committed_label,
    damaged,
    parquet_errors,
)
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS
from catalog.model.schema import Field, PhysicalColumn
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE
from catalog.model.values import encoded_text

SMALL_BYTES = 16 << 20
"""Size of the largest file that is compared here, since whole columns of it are held in memory."""


@dataclass(frozen=True, slots=True)
class ReadPair:
    """Two small files, and the columns that were read of them.

    Attributes:
        number: Stands for the pair in rows.
        columns: By side and field id, as long as the files.
    """

    number: int
    pair: FilePair
    columns: Mapping[SideName, Mapping[int, pa.Array]]

    @property
    def changed(self) -> tuple[int, ...]:
        """Returns the numbers of the columns in which the files may differ."""
        return tuple(column.number for column in self.pair.changed)

    @property
    def nbytes(self) -> int:
        """Returns the bytes of the columns."""
        return sum(one.nbytes for columns in self.columns.values() for one in columns.values())


class SmallPairs:
    """Finds the rows in which two small files of a plan differ, where their columns allow it."""

    def __init__(self, plan: TablePlan, source: Callable[[DataFile], ParquetSource]) -> None:
        self.plan = plan
        self._source = source
        self._partition_fields = {side: plan.side(side).partition_fields for side in SIDES}
        self._layouts: dict[tuple[SideName, str], _Layout] = {}
        self._possible: dict[tuple[int, ...], bool] = {}
        self._keys = [p for p in self.plan.key_pairs if not constant(self.plan, p)]

    def differing(
        self, pair: FilePair, needed: Mapping[SideName, Sequence[Field]], *, number: int
    ) -> pa.Table | None:
        """Returns the rows in which two files differ, with the columns ``needed`` of each side.

        They are in the form of ``PartialRows``, but partition columns are text. ``number`` stands
        for the pair in them. None if the engine must compare the files.

        Raises:
            CorruptData: A file cannot be read.
        """
        read = self.read(pair, needed, number=number)
        try:
            return None if read is None else self._differing([read], needed)
        except Unreadable:
            return None

    def read(
        self, pair: FilePair, needed: Mapping[SideName, Sequence[Field]], *, number: int
    ) -> ReadPair | None:
        """Reads the columns ``needed`` of two files; None if the engine must compare them.

        Raises:
            CorruptData: A file cannot be read.
        """
        if not all(map(_is_small, (pair.before, pair.after))) or not self.can_compare(pair.changed):
            return None
        if pair.before.rows != pair.after.rows:
            return None
        columns: dict[SideName, dict[int, pa.Array]] = {}
        try:
            for side in SIDES:
                spec = self.plan.side(side).partition_by
                fields = [field for field in needed[side] if field.id not in spec]
                opened = self._open(side, pair.on(side))
                try:
                    opened.read(fields)
                    columns[side] = {field.id: opened.column(field) for field in fields}
                finally:
                    opened.close()
        except Unreadable:
            return None
        return ReadPair(number, pair, columns)

    def compared(
        self, read: Sequence[ReadPair], needed: Mapping[SideName, Sequence[Field]]
    ) -> tuple[list[pa.Table], list[int]]:
        """Returns the rows in which files differ, of pairs that may differ in the same columns.

        They are in the form that ``differing`` returns, in the order of the pairs. With them come
        the numbers of the pairs that the engine must compare.
        """
        try:
            return [self._differing(read, needed)], []
        except Unreadable:
            pass
        found, refused = [], []
        for one in read:
            try:
                found.append(self._differing([one], needed))
            except Unreadable:
                refused.append(one.number)
        return found, refused

    def rows_at(
        self,
        pair: FilePair,
        places: Numbers,
        wanted: Mapping[SideName, Sequence[Field]],
        *,
        number: int,
    ) -> pa.Table | None:
        """Returns columns of both sides of the rows at some places, which ``number`` stands for.

        None if the engine must read the files. Partition columns are not asked for.

        Raises:
            CorruptData: A file cannot be read.
        """
        at = from_numpy(places)
        numbers = from_numpy(np.full(len(places), number, dtype=np.int32))
        found = {"pair": numbers, "place": at}
        try:
            for side in SIDES:
                if not wanted[side]:
                    continue
                opened = self._open(side, pair.on(side))
                try:
                    opened.read(wanted[side])
                    for field in wanted[side]:
                        found[f"{side}_c{field.id}"] = _taken(opened.column(field), at)
                finally:
                    opened.close()
        except Unreadable:
            return None
        return pa.table(found)

    def columns(
        self, side: SideName, file: DataFile, fields: Sequence[Field]
    ) -> list[pa.Array] | None:
        """Returns columns of a file of a side; None if the engine must read one.

        Raises:
            CorruptData: The file cannot be read.
        """
        if not _is_small(file):
            return None
        opened = self._open(side, file)
        try:
            opened.read(fields)
            return [_checked(opened.column(field)) for field in fields]
        except Unreadable:
            return None
        finally:
            opened.close()

    def can_compare(self, changed: Sequence[ColumnPair]) -> bool:
        """Returns whether columns compare as they are, in types that Arrow reads as DuckDB does."""
        numbers = tuple(column.number for column in changed)
        if numbers not in self._possible:
            self._possible[numbers] = all(
                self._compares_here(column) for column in (*changed, *self._keys)
            )
        return self._possible[numbers]

    def _compares_here(self, column: ColumnPair) -> bool:
        forms = common_forms(column.before.type, column.after.type)
        in_files = not any(
            column.on(side).id in self.plan.side(side).partition_by for side in SIDES
        )
        return (
            in_files
            and forms is not None
            and forms.as_they_are
            and column.before.type == column.after.type
            and arrow_type(column.before.type) is not None
        )

    def _differing(
        self, read: Sequence[ReadPair], needed: Mapping[SideName, Sequence[Field]]
    ) -> pa.Table:
        """Compares the columns that were read of some pairs, one below the other.

        Raises:
            Unreadable: The engine must compare one of the pairs.
        """
        ends = np.cumsum([one.pair.after.rows for one in read])
        differs = np.zeros(ends[-1], dtype=bool)
        for column in read[0].pair.changed:
            mine, theirs = (_below(read, side, column.on(side)) for side in SIDES)
            differs |= unlike(mine, theirs)
        rows = np.flatnonzero(differs)
        owners = np.searchsorted(ends, rows, side="right")
        starts = np.append(0, ends[:-1])
        numbers = np.array([one.number for one in read], dtype=np.int32)
        at, of = from_numpy(rows), from_numpy(owners)
        found = {"pair": from_numpy(numbers[owners]), "place": from_numpy(rows - starts[owners])}
        for side in SIDES:
            spec = self.plan.side(side).partition_by
            for field in needed[side]:
                if field.id in spec:
                    texts = [self._text(side, one.pair, field) for one in read]
                    values = take(pa.chunked_array(texts).combine_chunks(), of)
                else:
                    values = _taken(_below(read, side, field), at)
                found[f"{side}_c{field.id}"] = values
        return pa.table(found)

    def _text(self, side: SideName, pair: FilePair, field: Field) -> pa.Array:
        """Returns the value that a partition column has throughout a file, as text."""
        place = self.plan.side(side).partition_by.index(field.id)
        kind = self._partition_fields[side][place][1]
        text = encoded_text(pair.on(side).partition[place], kind)
        return pa.nulls(1, pa.string()) if text is None else pa.repeat(scalar(text), 1)

    def _open(self, side: SideName, file: DataFile) -> "_OpenFile":
        known = side, file.file_schema
        opened = _OpenFile(
            file,
            self.plan.side(side),
            self._layouts.get(known),
            source=self._source(file),
        )
        self._layouts[known] = opened.layout
        return opened


def _is_small(file: DataFile) -> bool:
    return file.rows <= BLOCK_ROWS and file.size_bytes <= SMALL_BYTES


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of files of one schema that are read here.

    Attributes:
        schema: The schema in the files.
        names: The names of columns in the files by field id; None of those that files of this
            schema do not have, so that all values are NULL.
        places: The places in the files of columns by name.
        kinds: The Arrow types whose values they are, by field id.
    """

    schema: pq.ParquetSchema
    names: Mapping[int, str | None]
    places: Mapping[str, int]
    kinds: Mapping[int, pa.DataType]


def _layout(
    schema: pq.ParquetSchema, columns: Sequence[PhysicalColumn], fields: Sequence[Field]
) -> _Layout:
    """Returns which columns of a table are read of files: plain ones, of the table's type."""
    leaves = [schema.column(n) for n in range(len(schema))]
    plain = {leaf.path for leaf in leaves if leaf.name == leaf.path and "." not in leaf.path}
    plain -= {leaf.path for leaf in leaves if leaf.physical_type == "INT96"}
    found = schema.to_arrow_schema().names
    distinct = len(found) == len({*found}) == len(columns)
    places = {column.field_id: n for n, column in enumerate(columns)}
    names: dict[int, str | None] = {}
    kinds = {}
    for field in fields:
        place, kind = places.get(field.id), arrow_type(field.type)
        if kind is None:
            continue
        kinds[field.id] = kind
        if place is None or columns[place].type == NULL_TYPE:
            names[field.id] = None
        elif distinct and found[place] in plain and columns[place].type == field.type:
            names[field.id] = found[place]
    return _Layout(schema, names, {leaf.path: n for n, leaf in enumerate(leaves)}, kinds)


class _OpenFile:
    """A file whose columns are each read once."""

    def __init__(
        self,
        file: DataFile,
        table: TableSnapshot,
        known: _Layout | None,
        *,
        source: ParquetSource,
    ) -> None:
        self._file = file
        self._label = committed_label(file.path)
        self._read: dict[int, pa.Array] = {}
        with parquet_errors(self._label):
            # no method may be called of its metadata, which were not checked; see formats.footer
            self._opened = pa.OSFile(source) if isinstance(source, str) else None
            self._parquet = pq.ParquetReader()  # ParquetFile would list all columns' paths
            self._parquet.open(
                source if self._opened is None else self._opened,
                pre_buffer=False,
                page_checksum_verification=True,
            )
            schema = self._parquet.metadata.schema
            if known is None or not known.schema.equals(schema):
                columns = table.file_schemas[file.file_schema].columns
                known = _layout(schema, columns, table.schema.fields)
        self.layout = known

    def close(self) -> None:
        """Closes the file."""
        if self._opened is not None:
            self._opened.close()

    def column(self, field: Field) -> pa.Array:
        """Returns a column of the file.

        Raises:
            CorruptData: It cannot be read.
            Unreadable: The engine must read it.
        """
        if field.id not in self._read:
            self.read((field,))
        return self._read[field.id]

    def read(self, fields: Sequence[Field]) -> None:
        """Reads columns of the file together, which takes less than one by one.

        Raises:
            CorruptData: They cannot be read.
            Unreadable: The engine must read one of them.
        """
        layout, wanted = self.layout, {}
        for field in fields:
            if field.id not in layout.names:
                raise Unreadable(field.name)
            name = layout.names[field.id]
            if name is None:
                self._read[field.id] = pa.nulls(self._file.rows, layout.kinds[field.id])
            else:
                wanted[name] = field
        if not wanted:
            return
        with parquet_errors(self._label):
            places = [layout.places[name] for name in wanted]
            found = self._parquet.read_all(column_indices=places, use_threads=False)
        if found.num_rows != self._file.rows:
            raise damaged(
                self._label, f"it holds {found.num_rows} rows, {self._file.rows} were committed"
            )
        if {*found.column_names} != wanted.keys():
            raise Unreadable(next(iter(wanted)))
        for name, field in wanted.items():
            kind, column = layout.kinds[field.id], found.column(name)
            if column.type != kind:
                column = unwrapped(as_type(column, kind, field.name))
            whole = in_one(column)
            if whole is None:
                raise Unreadable(field.name)
            self._read[field.id] = whole


def _below(read: Sequence[ReadPair], side: SideName, field: Field) -> pa.Array:
    """Returns a column of some pairs, one file below the other.

    Raises:
        Unreadable: It is too large for one array.
    """
    whole = in_one(pa.chunked_array([one.columns[side][field.id] for one in read]))
    if whole is None:
        raise Unreadable(field.name)
    return whole


def _taken(column: pa.Array, places: pa.Array) -> pa.Array:
    """Returns some values of a column.

    Raises:
        Unreadable: One is a text that is not valid, which the engine refuses.
    """
    return _checked(take(column, places))


def _checked(column: pa.Array) -> pa.Array:
    """Returns values that the engine would not refuse."""
    if pa.types.is_string(column.type):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise Unreadable("text") from error
    return column
