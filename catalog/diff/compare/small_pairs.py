"""Pairs of small files compared by position in Arrow, column by column.

A statement of the engine takes milliseconds, however few rows it reads. So of files of up to a
block of rows, only the columns that may differ are read here, and their values compared as
fingerprints compare them. Columns of many pairs are compared at once: a call of numpy or Arrow
takes longer than a thousand values in it. The engine is handed the rows that differ, of many files
at a time.
"""

import struct
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import take
from catalog.dataclasses import dataclass
from catalog.diff.compare.arrays import Unreadable, arrow_type
from catalog.diff.compare.differing import unlike
from catalog.diff.compare.small_file import Layout, SmallFile, as_kept
from catalog.diff.fingerprints.canonical import is_binary, is_text
from catalog.diff.fingerprints.column_reader import in_one
from catalog.diff.forms import common_forms
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.diff.route import FilePair, Prints, constant
from catalog.engine.arrow_arrays import Numbers, from_numpy
from catalog.engine.arrow_arrays import constant as scalar
from catalog.formats.footer import ParquetSource
from catalog.formats.joined_columns import StoredFile, joined_columns
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS
from catalog.model.schema import Field
from catalog.model.types import NULL_TYPE
from catalog.model.values import encoded_text

SMALL_BYTES = 16 << 20
"""Size of the largest file that is compared here, since whole columns of it are held in memory.

Of larger ones, columns of numbers can be read: as long as those that are wanted take no more."""

WIDEST_BYTES = 16
"""Bytes of the longest number."""

MOST_CELLS = 1 << 20
"""Values of a side that are read of many files at once: some megabytes."""


@dataclass(frozen=True, slots=True)
class ReadPairs:
    """Pairs of small files that may differ in the same columns, and what was read of them.

    Attributes:
        numbers: Stand for the pairs in rows.
        columns: By side and field id, one file below the other.
    """

    numbers: tuple[int, ...]
    pairs: tuple[FilePair, ...]
    columns: Mapping[SideName, Mapping[int, pa.Array]]

    @property
    def changed(self) -> tuple[int, ...]:
        """Returns the numbers of the columns in which the files may differ."""
        return tuple(column.number for column in self.pairs[0].changed)

    @property
    def nbytes(self) -> int:
        """Returns the bytes of the columns."""
        return sum(one.nbytes for columns in self.columns.values() for one in columns.values())

    def apart(self) -> "Iterator[ReadPairs]":
        """Yields each pair by itself."""
        start = 0
        for number, pair in zip(self.numbers, self.pairs, strict=True):
            rows = pair.after.rows
            columns = {
                side: {i: one.slice(start, rows) for i, one in own.items()}
                for side, own in self.columns.items()
            }
            yield ReadPairs((number,), (pair,), columns)
            start += rows


class SmallPairs:
    """Finds the rows in which two small files of a plan differ, where their columns allow it."""

    def __init__(
        self,
        plan: TablePlan,
        source: Callable[[DataFile], ParquetSource],
        prints: Prints = MappingProxyType({}),
    ) -> None:
        self.plan = plan
        self._source = source
        self._prints = prints
        self._partition_fields = {side: plan.side(side).partition_fields for side in SIDES}
        self._layouts: dict[tuple[SideName, str], Layout] = {}
        self._joined: dict[tuple[SideName, str, tuple[int, ...]], Sequence[Field] | None] = {}
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
    ) -> ReadPairs | None:
        """Reads the columns ``needed`` of two files; None if the engine must compare them.

        Raises:
            CorruptData: A file cannot be read.
        """
        if not self._is_read_here(pair, needed):
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
        return ReadPairs((number,), (pair,), columns)

    def _is_read_here(self, pair: FilePair, needed: Mapping[SideName, Sequence[Field]]) -> bool:
        return (
            all(_is_small(pair.on(side), needed[side]) for side in SIDES)
            and self.can_compare(pair.changed)
            and pair.before.rows == pair.after.rows
        )

    def stored_alike(self, pair: FilePair, needed: Mapping[SideName, Sequence[Field]]) -> Hashable:
        """Returns what pairs have in common that can be read together; None if this one cannot."""
        if not self._is_read_here(pair, needed):
            return None
        found: list[object] = [tuple(column.number for column in pair.changed)]
        for side in SIDES:
            file = pair.on(side)
            known = self._prints.get(file.identity)
            fields = self._joined_fields(side, file, needed[side])
            if known is None or fields is None:
                return None
            for field in fields:
                chunk = known.chunks.get(field.id)
                if chunk is None:
                    return None
                found.append(chunk.element)
        return tuple(found)

    def _joined_fields(
        self, side: SideName, file: DataFile, needed: Sequence[Field]
    ) -> Sequence[Field] | None:
        """Returns the columns that are read of a file; None if one is not in it as it is."""
        about = side, file.file_schema, tuple(field.id for field in needed)
        if about not in self._joined:
            table = self.plan.side(side)
            kinds = {c.field_id: c.type for c in table.file_schemas[file.file_schema].columns}
            fields = [field for field in needed if field.id not in table.partition_by]
            as_they_are = all(
                kinds.get(field.id) == field.type != NULL_TYPE
                and arrow_type(field.type) is not None
                for field in fields
            )
            self._joined[about] = fields if as_they_are else None
        return self._joined[about]

    def read_together(
        self,
        pairs: Sequence[tuple[int, FilePair]],
        needed: Mapping[SideName, Sequence[Field]],
    ) -> ReadPairs | None:
        """Reads the columns ``needed`` of numbered pairs that are stored alike.

        None if something is wrong with one of them: then each must be read by itself.
        """
        columns: dict[SideName, dict[int, pa.Array]] = {}
        try:
            for side in SIDES:
                files = [pair.on(side) for _, pair in pairs]
                fields = self._joined_fields(side, files[0], needed[side]) or ()
                columns[side] = self._read_together(files, fields)
        except (pa.ArrowException, OSError, ValueError, struct.error, Unreadable):
            return None
        numbers, listed = zip(*pairs, strict=True)
        return ReadPairs(numbers, listed, columns)

    def _read_together(
        self, files: Sequence[DataFile], fields: Sequence[Field]
    ) -> dict[int, pa.Array]:
        """Returns columns of files, by field id, one file below the other."""
        if not fields:
            return {}
        stored = [
            StoredFile(
                self._source(file),
                file.size_bytes,
                file.rows,
                [self._prints[file.identity].chunks[field.id] for field in fields],
            )
            for file in files
        ]
        found = joined_columns(stored)
        if found.num_rows != sum(file.rows for file in files):
            raise Unreadable("rows")
        return {
            field.id: as_kept(column, field)
            for field, column in zip(fields, found.columns, strict=True)
        }

    def compared(
        self, read: Sequence[ReadPairs], needed: Mapping[SideName, Sequence[Field]]
    ) -> tuple[list[pa.Table], list[int]]:
        """Returns the rows in which files differ, of pairs that may differ in the same columns.

        They are in the form that ``differing`` returns, in the order of the pairs. With them come
        the numbers of the pairs that the engine must compare.
        """
        try:
            return [self._differing(read, needed)], []
        except Unreadable:
            pass
        found: list[pa.Table] = []
        refused: list[int] = []
        for one in chain.from_iterable(several.apart() for several in read):
            try:
                found.append(self._differing([one], needed))
            except Unreadable:
                refused += one.numbers
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
                if not _is_small(pair.on(side), wanted[side]):
                    return None
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
        if not _is_small(file, fields):
            return None
        opened = self._open(side, file)
        try:
            opened.read(fields)
            return [_checked(opened.column(field)) for field in fields]
        except Unreadable:
            return None
        finally:
            opened.close()

    def joined_columns(
        self, side: SideName, files: Sequence[DataFile], fields: Sequence[Field]
    ) -> list[pa.Array] | None:
        """Returns columns of files of a side, one file after another; None as for ``columns``.

        Raises:
            CorruptData: A file cannot be read.
        """
        read = []
        for file in files:
            columns = self.columns(side, file, fields) if file.rows else []
            if columns is None:
                return None
            read += [columns] if columns else []
        if not read:
            return [pa.nulls(0, arrow_type(field.type)) for field in fields]
        joined = []
        for parts in zip(*read, strict=True):
            whole = in_one(pa.chunked_array(parts))
            if whole is None:
                return None
            joined.append(whole)
        return joined

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
        self, read: Sequence[ReadPairs], needed: Mapping[SideName, Sequence[Field]]
    ) -> pa.Table:
        """Compares the columns that were read of some pairs, one below the other.

        Raises:
            Unreadable: The engine must compare one of the pairs.
        """
        pairs = [pair for one in read for pair in one.pairs]
        ends = np.cumsum([pair.after.rows for pair in pairs])
        differs = np.zeros(ends[-1], dtype=bool)
        for column in pairs[0].changed:
            mine, theirs = (_below(read, side, column.on(side)) for side in SIDES)
            differs |= unlike(mine, theirs)
        rows = np.flatnonzero(differs)
        owners = np.searchsorted(ends, rows, side="right")
        starts = np.append(0, ends[:-1])
        numbers = np.array([n for one in read for n in one.numbers], dtype=np.int32)
        at, of = from_numpy(rows), from_numpy(owners)
        found = {"pair": from_numpy(numbers[owners]), "place": from_numpy(rows - starts[owners])}
        for side in SIDES:
            spec = self.plan.side(side).partition_by
            for field in needed[side]:
                if field.id in spec:
                    texts = [self._text(side, pair, field) for pair in pairs]
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

    def _open(self, side: SideName, file: DataFile) -> SmallFile:
        known = side, file.file_schema
        opened = SmallFile(
            file,
            self.plan.side(side),
            self._layouts.get(known),
            source=self._source(file),
        )
        self._layouts[known] = opened.layout
        return opened


def _is_small(file: DataFile, fields: Sequence[Field]) -> bool:
    """Returns whether a file is small, or columns of it are that can take only so much."""
    if file.rows > BLOCK_ROWS:
        return False
    if file.size_bytes <= SMALL_BYTES:
        return True
    kinds = [arrow_type(field.type) for field in fields]
    if any(kind is None or is_text(kind) or is_binary(kind) for kind in kinds):
        return False
    return file.rows * len(kinds) * WIDEST_BYTES <= SMALL_BYTES


def _below(read: Sequence[ReadPairs], side: SideName, field: Field) -> pa.Array:
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
