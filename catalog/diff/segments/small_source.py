"""Columns of small files, read without the engine."""

from collections.abc import Sequence

import pyarrow as pa

from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.small_pairs import SmallPairs
from catalog.diff.plan import ColumnPair, SideName
from catalog.diff.segments.candidates import MOST_COLUMNS
from catalog.model.datafile import DataFile


class SmallSource:
    """Reads small files, each in one piece."""

    def __init__(self, small: SmallPairs, side: SideName) -> None:
        self._small = small
        self.side: SideName = side
        self._read: dict[tuple[object, str], dict[int, pa.Array]] = {}
        self._chosen: list[ColumnPair] = []

    def group_rows(self, file: DataFile) -> Sequence[int]:
        """Returns the number of rows of a file; see ``ColumnSource``."""
        return [file.rows]

    def candidates(
        self, pairs: Sequence[ColumnPair], file: DataFile, group: int
    ) -> list[ColumnPair]:
        """Returns columns that may have few values; see ``ColumnSource``."""
        self._chosen = list(pairs[:MOST_COLUMNS])
        return self._chosen

    def column(self, pair: ColumnPair, file: DataFile, group: int) -> pa.Array | None:
        """Returns a column of a file; see ``ColumnSource``."""
        known = self._read.setdefault((file.identity, file.path), {})
        if not known:
            fields = [one.on(self.side) for one in self._chosen]
            found = self._small.columns(self.side, file, fields) or ()
            known.update(zip((one.number for one in self._chosen), found, strict=False))
        if pair.number not in known:
            alone = self._small.columns(self.side, file, [pair.on(self.side)])
            if alone is None:
                raise Unreadable(pair.name)
            known[pair.number] = alone[0]
        return known[pair.number]
