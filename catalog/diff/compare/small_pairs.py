"""Pairs of small files compared by position in Arrow, column by column.

A statement of the engine takes milliseconds, however few rows it reads. So of files of up to a
block of rows, only the columns that may differ are read here, and their values compared as
fingerprints compare them. The engine is handed the rows that differ, of many files at a time.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.diff.compare.align import Numbers, differing
from catalog.diff.compare.arrays import Unreadable, arrow_type, as_type
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.fingerprints.canonical import unwrapped
from catalog.diff.fingerprints.column_reader import in_one
from catalog.diff.forms import common_forms
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.diff.route import FilePair, constant
from catalog.engine.arrow_arrays import constant as scalar
from catalog.engine.arrow_arrays import from_numpy, to_numpy
from catalog.formats.footer import (
    ParquetSource,
    committed_label,
    damaged,
    parquet_errors,
)
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS
from catalog.model.schema import Field, PhysicalColumn
from catalog.model.types import NULL_TYPE
from catalog.model.values import encoded_text

SMALL_BYTES = 16 << 20
"""Size of the largest file that is compared here, since whole columns of it are held in memory."""


class SmallPairs:
    """Finds the rows in which two small files differ, where their columns allow it."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader
        self._plan = reader.plan
        self._layouts: dict[tuple[SideName, str], _Layout] = {}
        self._possible: dict[tuple[int, ...], bool] = {}
        self._differed = False
        self._keys = [p for p in self._plan.key_pairs if not constant(self._plan, p)]

    def differing(
        self, pair: FilePair, needed: Mapping[SideName, Sequence[Field]], *, number: int
    ) -> pa.Table | None:
        """Returns the rows in which two files differ, with the columns ``needed`` of each side.

        They are in the form of ``PartialRows``, but partition columns are text. ``number`` stands
        for the pair in them. None if the engine must compare the files.

        Raises:
            CorruptData: A file cannot be read.
        """
        if not self._is_small(pair) or not self._can_compare(pair.changed):
            return None
        try:
            return self._differing(pair, needed, number)
        except Unreadable:
            return None

    def _is_small(self, pair: FilePair) -> bool:
        size = max(pair.before.size_bytes, pair.after.size_bytes)
        return not pair.permuted and pair.after.rows <= BLOCK_ROWS and size <= SMALL_BYTES

    def _can_compare(self, changed: Sequence[ColumnPair]) -> bool:
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
            column.on(side).id in self._plan.side(side).partition_by for side in SIDES
        )
        return (
            in_files
            and forms is not None
            and forms.as_they_are
            and column.before.type == column.after.type
            and arrow_type(column.before.type) is not None
        )

    def _differing(
        self, pair: FilePair, needed: Mapping[SideName, Sequence[Field]], number: int
    ) -> pa.Table:
        sides = {side: self._open(side, pair.on(side)) for side in SIDES}
        try:
            at_once = [f for f in needed["t"] if f.id not in self._plan.side("t").partition_by]
            sides["f"].read([column.before for column in pair.changed])
            sides["t"].read(at_once if self._differed else [p.after for p in pair.changed])
            differs = np.zeros(pair.after.rows, dtype=bool)
            for column in pair.changed:
                values = [sides[side].column(column.on(side)) for side in SIDES]
                differs |= _differing(values[0], values[1])
            places = from_numpy(np.flatnonzero(differs))
            self._differed = len(places) > 0
            numbers = from_numpy(np.full(len(places), number, dtype=np.int32))
            found = {"pair": numbers, "place": places}
            for side in SIDES:
                spec = self._plan.side(side).partition_by
                for field in needed[side]:
                    name = f"{side}_c{field.id}"
                    if field.id in spec:
                        found[name] = self._text(side, pair, field, count=len(places))
                    else:
                        found[name] = _taken(sides[side].column(field), places)
        finally:
            for one in sides.values():
                one.close()
        return pa.table(found)

    def _text(self, side: SideName, pair: FilePair, field: Field, *, count: int) -> pa.Array:
        """Returns the value that a partition column has throughout a file, as text."""
        place = self._plan.side(side).partition_by.index(field.id)
        kind = self._plan.side(side).partition_fields[place][1]
        text = encoded_text(pair.on(side).partition[place], kind)
        return pa.nulls(count, pa.string()) if text is None else pa.repeat(scalar(text), count)

    def _open(self, side: SideName, file: DataFile) -> "_OpenFile":
        schema = self._plan.side(side).file_schemas[file.file_schema]
        known = side, file.file_schema
        opened = _OpenFile(
            file, schema.columns, self._layouts.get(known), source=self._reader.source(file)
        )
        self._layouts[known] = opened.layout
        return opened


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of files of one schema, as Arrow names them.

    Attributes:
        schema: The schema in the files.
        names: The names of the columns at the places of the file schema; empty of those that are
            not read here.
        places: Their places by field id.
    """

    schema: pq.ParquetSchema
    names: Sequence[str]
    places: Mapping[int, int]


def _layout(schema: pq.ParquetSchema, columns: Sequence[PhysicalColumn]) -> _Layout:
    """Returns how files of a schema name their columns; none are read that are not plain."""
    leaves = [schema.column(n) for n in range(len(schema))]
    plain = {leaf.path for leaf in leaves if leaf.name == leaf.path and "." not in leaf.path}
    plain -= {leaf.path for leaf in leaves if leaf.physical_type == "INT96"}
    found = schema.to_arrow_schema().names
    if not len(found) == len({*found}) == len(columns):
        found = [""] * len(columns)
    names = [name if name in plain else "" for name in found]
    return _Layout(schema, names, {column.field_id: n for n, column in enumerate(columns)})


class _OpenFile:
    """A file whose columns are read one at a time, each once."""

    def __init__(
        self,
        file: DataFile,
        columns: Sequence[PhysicalColumn],
        known: _Layout | None,
        *,
        source: ParquetSource,
    ) -> None:
        self._file = file
        self._columns = columns
        self._label = committed_label(file.path)
        self._read: dict[int, pa.Array] = {}
        with parquet_errors(self._label):
            # no method may be called of its metadata, which were not checked; see formats.footer
            self._parquet = pq.ParquetFile(
                pa.OSFile(source) if isinstance(source, str) else source,
                pre_buffer=False,
                page_checksum_verification=True,
            )
            schema = self._parquet.schema
            same = known is not None and known.schema.equals(schema)
            self.layout = known if known is not None and same else _layout(schema, columns)

    def close(self) -> None:
        """Closes the file."""
        self._parquet.close()

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
        kinds: dict[str, tuple[Field, pa.DataType]] = {}
        for field in fields:
            kind, place = arrow_type(field.type), self.layout.places.get(field.id)
            if kind is None:
                raise Unreadable(field.name)
            if place is None or self._columns[place].type == NULL_TYPE:
                self._read[field.id] = pa.nulls(self._file.rows, kind)
                continue
            name = self.layout.names[place]
            if not name or self._columns[place].type != field.type:
                raise Unreadable(field.name)
            kinds[name] = field, kind
        if not kinds:
            return
        with parquet_errors(self._label):
            found = self._parquet.read(columns=list(kinds), use_threads=False)
        if found.num_rows != self._file.rows:
            raise damaged(
                self._label, f"it holds {found.num_rows} rows, {self._file.rows} were committed"
            )
        if found.column_names != list(kinds) and {*found.column_names} != kinds.keys():
            raise Unreadable(next(iter(kinds)))
        for name, (field, kind) in kinds.items():
            whole = in_one(unwrapped(as_type(found.column(name), kind, field.name)))
            if whole is None:
                raise Unreadable(field.name)
            self._read[field.id] = whole


def _differing(before: pa.Array, after: pa.Array) -> Numbers:
    """Returns which values differ.

    Most have the same bits, and need not be brought into one form.
    """
    mine, theirs = _bits(before), _bits(after)
    if mine is None or theirs is None:
        return differing(before, after, None)
    unlike: Numbers = mine != theirs
    if before.null_count or after.null_count:
        unlike |= to_numpy(before.is_valid()) != to_numpy(after.is_valid())
    places = np.flatnonzero(unlike)
    if 0 < len(places) < len(unlike):
        taken = from_numpy(places)
        unlike[places] = differing(before.take(taken), after.take(taken), None)
    return differing(before, after, None) if len(places) == len(unlike) else unlike


def _bits(column: pa.Array) -> Numbers | None:
    """Returns values of fixed width as whole numbers of their bits; None for others."""
    kind, values = column.type, column.buffers()[1] if len(column) else None
    if values is None or not pa.types.is_primitive(kind) or kind.bit_width not in (8, 16, 32, 64):
        return None
    size = kind.bit_width // 8
    bits: Numbers = np.frombuffer(values, f"u{size}", len(column), column.offset * size)
    return bits


def _taken(column: pa.Array, places: pa.Array) -> pa.Array:
    """Returns some values of a column.

    Raises:
        Unreadable: One is a text that is not valid, which the engine refuses.
    """
    taken = column.take(places)
    if pa.types.is_string(taken.type):
        try:
            taken.validate(full=True)
        except pa.ArrowInvalid as error:
            raise Unreadable("text") from error
    return taken
