"""Columns of few values, read from data files by row groups."""

import struct
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa

from catalog.diff.compare.arrays import Unreadable, is_plain
from catalog.diff.fingerprints.column_reader import in_one
from catalog.diff.fingerprints.open_files import OpenFiles
from catalog.diff.plan import ColumnPair, SideName, TablePlan
from catalog.diff.segments.value_counts import FEW_VALUES
from catalog.formats.footer import ParquetSource
from catalog.model.datafile import DataFile
from catalog.model.types import NULL_TYPE, Scalar, TypeClass
from catalog.model.values import encoded_ticks

MOST_COLUMNS = 24
"""Columns that are looked at; those of the fewest values, as far as sizes tell."""

VALUE_BYTES = 2.0
"""Bytes per value up to which a column in a dictionary counts as one of few values: what numbers
of up to ``FEW_VALUES`` entries take, and the entries."""

ENTRY_BYTES = 32_768
"""Bytes for the entries themselves, which weigh more where there are few rows."""

OPEN_FILES = 8
"""Files that stay open: to open one takes as long as to read a column of it."""

_KINDS = (TypeClass.BOOLEAN, TypeClass.INTEGER, TypeClass.TEXT, TypeClass.DATE)


class ColumnFiles:
    """Reads columns of a side's files.

    Attributes:
        side: The side.
        possible: The columns whose values can be shown, the same on both sides.
    """

    def __init__(
        self,
        plan: TablePlan,
        side: SideName,
        source: Callable[[DataFile], ParquetSource],
        *,
        held: Mapping[str, pa.Table] = MappingProxyType({}),
    ) -> None:
        self.side: SideName = side
        self.possible = [pair for pair in plan.pairs if _is_possible(plan, pair, side)]
        self._table = plan.side(side)
        self._held = held
        self._open = OpenFiles(self._table, source, most=OPEN_FILES)
        self._group_rows: dict[tuple[str, str], Sequence[int]] = {}
        self._read: dict[tuple[str, int, int], pa.Array] = {}

    def group_rows(self, file: DataFile) -> Sequence[int]:
        """Returns the number of rows of each row group of a file.

        Raises:
            CorruptData: The file cannot be read.
        """
        if file.path in self._held:
            return [file.rows]
        key = file.path, file.file_schema
        if key not in self._group_rows:
            with self._open.columns(file) as columns:
                self._group_rows[key] = columns.group_rows
        return self._group_rows[key]

    def candidates(
        self, pairs: Sequence[ColumnPair], file: DataFile, group: int
    ) -> list[ColumnPair]:
        """Returns which of some columns have few values, to judge by a row group, or may have.

        Raises:
            CorruptData: The file cannot be read.
        """
        places = self._places(file)
        if file.path in self._held:
            return list(pairs[:MOST_COLUMNS])
        with self._open.columns(file) as columns:
            sizes = columns.sizes_in_dictionaries(group, places.values())
            rows = columns.group_rows[group]
        found: list[tuple[float, int, ColumnPair]] = []
        for pair in pairs:
            size = sizes.get(places.get(pair.on(self.side).id, -1))
            if pair.on(self.side).type == Scalar("BOOLEAN"):
                found.append((0, pair.number, pair))
            elif size is not None and size <= VALUE_BYTES * rows + ENTRY_BYTES:
                found.append((size, pair.number, pair))
            elif self._has_narrow_bounds(file, pair):
                found.append((VALUE_BYTES * rows, pair.number, pair))
        return [pair for *_, pair in sorted(found, key=lambda one: one[:2])[:MOST_COLUMNS]]

    def column(self, pair: ColumnPair, file: DataFile, group: int) -> pa.Array | None:
        """Returns a column of a row group; None if the file does not hold it.

        Raises:
            CorruptData: The file cannot be read.
            Unreadable: Only the engine can read it.
        """
        field_id = pair.on(self.side).id
        held = self._held.get(file.path)
        if held is not None:
            name = f"c{field_id}"
            return in_one(held.column(name)) if name in held.column_names else None
        place = self._places(file).get(field_id)
        if place is None:
            return None
        key = file.path, group, field_id
        if key not in self._read:
            self._read = {known: one for known, one in self._read.items() if known[:2] == key[:2]}
            self._read[key] = self._column(file, place, group)
        return self._read[key]

    def _column(self, file: DataFile, place: int, group: int) -> pa.Array:
        with self._open.columns(file) as columns:
            name = columns.columns[place].name
            if not columns.agreed[place] or place in columns.int96:
                raise Unreadable(name)
            whole = in_one(columns.some(place, (group,)))
        if whole is None:
            raise Unreadable(name)
        return whole

    def _places(self, file: DataFile) -> dict[int, int]:
        """Returns the places of the columns that a file holds, by field id."""
        held = self._table.file_schemas[file.file_schema].columns
        return {c.field_id: place for place, c in enumerate(held) if c.type != NULL_TYPE}

    def _has_narrow_bounds(self, file: DataFile, pair: ColumnPair) -> bool:
        """Returns whether numbers or dates lie so close together that they can only be few."""
        field = pair.on(self.side)
        stats = file.stats.get(field.id)
        assert isinstance(field.type, Scalar), "only such columns are possible"
        if field.type.type_class not in (TypeClass.INTEGER, TypeClass.DATE) or stats is None:
            return False
        if stats.low is None or stats.high is None:
            return False
        try:
            return encoded_ticks(stats.high) - encoded_ticks(stats.low) < FEW_VALUES
        except struct.error:  # a stranger may have written them
            return False


def _is_possible(plan: TablePlan, pair: ColumnPair, side: SideName) -> bool:
    kind = pair.on(side).type
    return (
        pair.compared
        and not (pair.key and len(plan.key) == 1)
        and not pair.partition
        and pair.before.type == pair.after.type
        and isinstance(kind, Scalar)
        and kind.type_class in _KINDS
        and is_plain(plan.side(side), pair.on(side).id)
    )
