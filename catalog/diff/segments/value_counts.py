"""How often each value of a column occurs in changed rows and in others."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call
from catalog.diff.segments.changed_rows import Flags, Group
from catalog.engine.arrow_arrays import Numbers, to_numpy
from catalog.model.values import Value

FEW_VALUES = 1_000
"""Different values of a column up to which it is said to have few."""


class ValueCounts:
    """The counts of one column.

    Attributes:
        values: Numbers of the values; of dates, days since 1970.
    """

    def __init__(self, groups: Collection[Group]) -> None:
        self.values: dict[Value | None, int] = {}
        self._groups = {group: n for n, group in enumerate(groups)}
        self._counts = np.zeros((len(groups) + 2, 8), np.int64)

    def changed(self, group: Group) -> Numbers:
        """Returns how many rows of a group have each value."""
        return np.asarray(self._counts[self._groups[group], : len(self.values)])

    def others(self, share: float = 1.0) -> Numbers:
        """Returns how many rows that did not change have each value.

        Args:
            share: How much of the rows was added, among which those of ``add_changed`` are.
        """
        both, among = self._counts[-2:, : len(self.values)]
        return np.asarray(np.maximum(both - (among * share).astype(np.int64), 0))

    def add(self, column: pa.Array, rows: Numbers, flags: Flags) -> bool:
        """Adds a column of some rows.

        Args:
            column: The values of all rows.
            rows: The numbers of the changed rows among them, each once.
            flags: Which of these are in each group.

        Returns:
            False if there are too many values; then the counts are of no use.
        """
        entries = column
        if not pa.types.is_dictionary(column.type):
            entries = call("dictionary_encode", column)
        empty = len(entries.dictionary)
        if empty > FEW_VALUES:
            return False
        codes = to_numpy(entries.indices)
        if entries.indices.null_count:
            codes = codes.copy()
            codes[~to_numpy(call("is_valid", entries.indices))] = empty
        places = self._places([*_values(entries.dictionary), None])
        own = codes[rows]
        changed = np.bincount(own, minlength=empty + 1)
        np.add.at(self._counts[-2], places, np.bincount(codes, minlength=empty + 1) - changed)
        for group, flag in flags.items():
            if group in self._groups:
                counts = changed if flag.all() else np.bincount(own[flag], minlength=empty + 1)
                np.add.at(self._counts[self._groups[group]], places, counts)
        return len(self.values) <= FEW_VALUES + 1

    def add_changed(
        self, values: pa.Array, total: Numbers, counts: Mapping[Group, Numbers]
    ) -> bool:
        """Adds changed rows by value, of which some are in each group.

        All rows among which they are must be added as well, as if these had not changed.

        Returns:
            False if there are too many values.
        """
        if len(values) > FEW_VALUES:
            return False
        places = self._places(_values(values))
        np.add.at(self._counts[-1], places, total)
        for group, own in counts.items():
            np.add.at(self._counts[self._groups[group]], places, own)
        return len(self.values) <= FEW_VALUES + 1

    def add_nulls(self, count: int, changed: int, flags: Flags) -> bool:
        """Adds rows without a value: ``count``, of which some ``changed``."""
        (place,) = self._places([None])
        self._counts[-2, place] += count - changed
        for group, flag in flags.items():
            if group in self._groups:
                self._counts[self._groups[group], place] += int(flag.sum())
        return True

    def _places(self, values: Sequence[Value | None]) -> Numbers:
        """Returns the numbers of values."""
        for value in values:
            self.values.setdefault(value, len(self.values))
        width = self._counts.shape[1]
        if len(self.values) > width:
            more = max(len(self.values), 2 * width) - width
            self._counts = np.pad(self._counts, ((0, 0), (0, more)))
        return np.array([self.values[value] for value in values], np.int64)


def _values(known: pa.Array) -> list[Value]:
    """Returns values as Python has them, dates as numbers: some are beyond those of Python."""
    if pa.types.is_date32(known.type):
        known = known.view(pa.int32())
    found: list[Value] = known.to_pylist()
    return found
