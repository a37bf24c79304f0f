"""Columns of few values, read as files store them."""

import struct
from collections.abc import Sequence

import pyarrow as pa

from catalog.diff.compare.by_digest.stored_columns import StoredColumns
from catalog.diff.plan import ColumnPair, SideName
from catalog.diff.segments.candidates import MOST_COLUMNS
from catalog.diff.segments.value_counts import FEW_VALUES
from catalog.model.datafile import DataFile
from catalog.model.types import Scalar, TypeClass
from catalog.model.values import encoded_ticks

VALUE_BYTES = 2.0
"""Bytes per value up to which a column in a dictionary counts as one of few values: what numbers
of up to ``FEW_VALUES`` entries take, and the entries."""

ENTRY_BYTES = 32_768
"""Bytes for the entries themselves, which weigh more where there are few rows."""


class StoredSource:
    """Reads columns as files store them, of any size."""

    def __init__(self, stored: StoredColumns) -> None:
        self._stored = stored
        self.side: SideName = stored.side

    def group_rows(self, file: DataFile) -> Sequence[int]:
        """Returns the number of rows of each row group; see ``ColumnSource``."""
        return self._stored.group_rows(file)

    def candidates(
        self, pairs: Sequence[ColumnPair], file: DataFile, group: int
    ) -> list[ColumnPair]:
        """Returns columns of few values; see ``ColumnSource``."""
        ids = {pair.number: pair.on(self.side).id for pair in pairs}
        sizes = self._stored.sizes(file, group, ids.values())
        rows = self._stored.group_rows(file)[group]
        found: list[tuple[float, int, ColumnPair]] = []
        for pair in pairs:
            size = sizes.get(ids[pair.number])
            if pair.on(self.side).type == Scalar("BOOLEAN"):
                found.append((0, pair.number, pair))
            elif size is not None and size <= VALUE_BYTES * rows + ENTRY_BYTES:
                found.append((size, pair.number, pair))
            elif self._stored.is_held(file) or self._has_narrow_bounds(file, pair):
                found.append((VALUE_BYTES * rows, pair.number, pair))
        return [pair for *_, pair in sorted(found, key=lambda one: one[:2])[:MOST_COLUMNS]]

    def column(self, pair: ColumnPair, file: DataFile, group: int) -> pa.Array | None:
        """Returns a column of a row group; see ``ColumnSource``."""
        return self._stored.of_group(file, pair.on(self.side).id, group)

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
