"""The search for what changed rows have in common, over row groups of the files that differ.

Columns of few values are read in row groups with changed rows alone. After the first of them, only
those columns are read on whose values may still tell changed rows from the others there; and those
that do are read in a few more row groups, in which nothing changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Protocol

import numpy as np

from catalog.arrow_functions import take
from catalog.dataclasses import dataclass
from catalog.diff.cell_counts import Tally
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.elsewhere import Elsewhere
from catalog.diff.counts import TEXT_LENGTH
from catalog.diff.findings import Segment
from catalog.diff.plan import ColumnPair, SideName, TablePlan
from catalog.diff.segments.changed_rows import Change, FileRows, Flags, Group
from catalog.diff.segments.column_files import ColumnFiles
from catalog.diff.segments.partitions import partition_values
from catalog.diff.segments.rule import LEAST_ROWS, Separation, may_separate, separation
from catalog.diff.segments.value_counts import ValueCounts
from catalog.engine.arrow_arrays import Numbers, from_numpy
from catalog.errors import CatalogError, CorruptData
from catalog.model.datafile import DataFile
from catalog.model.types import DataType, Scalar, TypeClass
from catalog.model.values import Value, decode, encode, text

MOST_GROUPS = 16
"""Changed columns whose rows are looked at by themselves: those with the most changed cells."""

MOST_SEGMENTS = 3
"""Segments of the same rows that are reported."""

LOOKED_AT = (1, 4, 16)
"""Row groups after which a column is read on only if its values may tell rows apart in these."""

ENOUGH_ROWS = 30
"""Rows of a group that are looked for in the first row groups: fewer do not say much."""

SAMPLE_ROWS = 131_072
"""Rows of row groups without changed rows that are looked at: one row group of many a writer."""


class UnplacedRows(Protocol):
    """Changed rows of which nobody knows where they lie in the files that differ.

    Attributes:
        count: How many there are.
    """

    count: int

    def add_to(self, values: ValueCounts, pair: ColumnPair, groups: Sequence[Group]) -> bool:
        """Adds them to the counts of a column; False if it has too many values."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A row group of a file, or the part of it that is known.

    Attributes:
        rows: The numbers of changed rows, counted from the first row of the row group.
        flags: Which of these are in each group.
        count: Rows of the row group that are looked at, from the first on.
    """

    file: DataFile
    group: int
    rows: Numbers
    flags: Flags
    count: int


def changed_groups(plan: TablePlan, counts: Tally) -> list[Group]:
    """Returns the changed rows that may have something in common."""
    numbers: dict[Change, int] = {
        "updated": counts.updated,
        "inserted": counts.inserted,
        "deleted": counts.deleted,
    }
    found = [Group(change) for change, count in numbers.items() if count >= LEAST_ROWS]
    changed = {}
    for pair in plan.value_pairs:
        cells = counts.cells[pair.name]
        changed[pair] = cells.filled + cells.cleared + cells.corrected
    most = sorted(changed, key=lambda pair: (-changed[pair], pair.number))[:MOST_GROUPS]
    return [*found, *(Group("updated", p) for p in most if changed[p] >= LEAST_ROWS)]


def groups_of_sides(groups: Sequence[Group]) -> list[tuple[SideName, list[Group]]]:
    """Returns the groups of rows that are looked at on each side, the newer one first."""
    deleted = [group for group in groups if group.change == "deleted"]
    return [("t", [group for group in groups if group not in deleted]), ("f", deleted)]


class Search:
    """Looks at the changed rows of one side, which are in some groups."""

    def __init__(
        self,
        plan: TablePlan,
        files: ColumnFiles,
        groups: Sequence[Group],
        *,
        counts: Tally,
        elsewhere: Elsewhere,
    ) -> None:
        self._plan = plan
        self._files = files
        self._groups = groups
        self._counts = counts
        self._elsewhere = elsewhere
        self._touched = {p.number for p in plan.value_pairs if counts.touched(p.name)}
        self._possible = [pair for pair in files.possible if self._groups_of(pair)]

    def run(
        self, files: Sequence[FileRows], unplaced: UnplacedRows | None = None
    ) -> tuple[list[Segment], int]:
        """Returns what changed rows have in common: those of some files, and others.

        With it comes how many rows that did not change were looked at; 0 if no values of theirs
        were of use.

        Raises:
            CorruptData: A file cannot be read.
        """
        alive = self._alive(files, unplaced) if self._possible else {}
        looked_at = max((int(v.others().sum()) for v in alive.values()), default=0)
        return self._segments(alive), looked_at

    def _alive(
        self, files: Sequence[FileRows], unplaced: UnplacedRows | None
    ) -> dict[ColumnPair, ValueCounts]:
        """Returns the counts of columns whose values may tell changed rows from others."""
        ordered = _ordered(files)
        further: Iterable[Unit] = self._without_changes(files)
        units: Iterator[Unit]
        units = (unit for one in ordered for unit in self._units(one) if len(unit.rows))
        if unplaced is not None and unplaced.count:
            units, further = chain(units, further), ()
        first = next(units, None)
        if first is None:
            return {}
        chosen = self._files.candidates(self._possible, first.file, first.group)
        alive = {pair: ValueCounts(self._groups) for pair in chosen}
        if unplaced is not None and unplaced.count:
            alive = {
                p: v
                for p, v in alive.items()
                if unplaced.add_to(v, p, self._groups) and self._is_open(p, v)
            }
        else:
            alive = {pair: values for pair, values in alive.items() if self._may_share(pair, first)}
        alive = self._read(alive, chain([first], units)) if alive else {}
        alive = {p: v for p, v in alive.items() if self._is_open(p, v, share=1.0)}
        alive = self._with_more(alive, further)
        if any(int(values.others().sum()) >= ENOUGH_ROWS for values in alive.values()):
            return alive
        return self._with_more(alive, self._in_other_files())

    def _with_more(
        self, alive: dict[ColumnPair, ValueCounts], units: Iterable[Unit]
    ) -> dict[ColumnPair, ValueCounts]:
        """Adds about ``SAMPLE_ROWS`` rows of row groups in which nothing changed."""
        rows = 0
        for unit in units if alive else ():
            alive = self._added(alive, unit)
            rows += unit.count
            if rows >= SAMPLE_ROWS:
                break
        return alive

    def _read(
        self, alive: dict[ColumnPair, ValueCounts], units: Iterable[Unit]
    ) -> dict[ColumnPair, ValueCounts]:
        """Adds row groups to the counts of columns, and returns those that may be of use."""
        rows, seen = sum(file.rows for file in self._plan.files(self._files.side)), 0
        for n, unit in enumerate(units):
            alive = self._added(alive, unit)
            seen += unit.count
            if n + 1 in LOOKED_AT:
                few = n + 1 < LOOKED_AT[-1]
                share = seen / rows
                alive = {
                    p: v for p, v in alive.items() if self._is_open(p, v, share=share, few=few)
                }
            if not alive:
                break
        return alive

    def _added(
        self, alive: Mapping[ColumnPair, ValueCounts], unit: Unit
    ) -> dict[ColumnPair, ValueCounts]:
        """Adds a row group to the counts of columns, and returns those that are of use still."""
        return {pair: values for pair, values in alive.items() if self._add(values, pair, unit)}

    def _may_share(self, pair: ColumnPair, unit: Unit) -> bool:
        """Returns whether the changed rows of a row group may have values in common.

        There are few of them, which takes less to see than what the others have.
        """
        if len(unit.rows) * 2 > unit.count:
            return True
        try:
            column = self._files.column(pair, unit.file, unit.group)
        except Unreadable:
            return False
        if column is None:
            return True
        values, every = ValueCounts(self._groups), np.arange(len(unit.rows))
        some = take(column, from_numpy(unit.rows))
        return values.add(some, every, unit.flags) and self._is_open(pair, values, few=True)

    def _without_changes(self, files: Sequence[FileRows]) -> Iterator[Unit]:
        """Yields row groups without changed rows, of files that differ, spread over all."""
        nothing = np.zeros(0, np.int64)
        known = {(one.file.identity, one.file.path): one for one in files}
        every = self._plan.files(self._files.side)
        for file in _spread(every):
            one = known.get((file.identity, file.path), FileRows(file, nothing, {}, file.rows))
            yield from (unit for unit in self._units(one) if not len(unit.rows))

    def _in_other_files(self) -> Iterator[Unit]:
        """Yields row groups of files that do not differ, spread over all.

        They serve where those that differ have hardly any other rows, as if rows only came.
        """
        nothing = np.zeros(0, np.int64)
        side = self._files.side
        for file in _spread(self._elsewhere.files(side)):
            if not self._elsewhere.is_as_committed(side, file):
                continue
            try:
                yield from self._units(FileRows(file, nothing, {}, file.rows))
            except CatalogError:  # the diff does not need it
                continue

    def _units(self, one: FileRows) -> Iterator[Unit]:
        """Yields the row groups of a file, as far as they are known."""
        ends = np.cumsum(self._files.group_rows(one.file))
        bounds = np.searchsorted(one.rows, np.append(0, ends))
        start = 0
        for group, end in enumerate(ends.tolist()):
            first, last = bounds[group], bounds[group + 1]
            count = min(end, one.known) - start
            if count > 0:
                flags = {n: own[first:last] for n, own in one.flags.items()}
                yield Unit(one.file, group, one.rows[first:last] - start, flags, count)
            start = end

    def _add(self, values: ValueCounts, pair: ColumnPair, unit: Unit) -> bool:
        """Adds the values of a column in a row group; False if they are of no use."""
        try:
            column = self._files.column(pair, unit.file, unit.group)
        except Unreadable:
            return False
        if column is None:
            return values.add_nulls(unit.count, len(unit.rows), unit.flags)
        return values.add(column.slice(0, unit.count), unit.rows, unit.flags)

    def _groups_of(self, pair: ColumnPair) -> list[Group]:
        """Returns the groups of rows that may have values of a column in common.

        A column whose cells changed themselves says nothing of where updated rows are.
        """
        return [
            g for g in self._groups if g.change != "updated" or pair.number not in self._touched
        ]

    def _is_open(
        self, pair: ColumnPair, values: ValueCounts, *, share: float = 0.0, few: bool = False
    ) -> bool:
        """Returns whether values may tell rows apart, once a share of the rows was read.

        If only a ``few`` row groups were, too few rows say nothing.
        """
        others = values.others(share)
        return any(
            may_separate(values.changed(group), others)
            or (few and group.pair is None and values.changed(group).sum() < ENOUGH_ROWS)
            for group in self._groups_of(pair)
        )

    def _segments(self, alive: Mapping[ColumnPair, ValueCounts]) -> list[Segment]:
        """Returns the segments of each group of rows, the strongest first."""
        found: list[Segment] = []
        known = {pair: sorted(values.values, key=_value_order) for pair, values in alive.items()}
        partitions = list(
            partition_values(
                self._plan,
                self._files.side,
                self._groups,
                counts=self._counts,
                elsewhere=self._elsewhere.files(self._files.side),
            )
        )
        for group in self._groups:
            own = [
                (one.found, one.pair, one.texts)
                for one in partitions
                if one.group == group and one.pair.number not in self._touched
            ]
            for pair, values in alive.items():
                if group not in self._groups_of(pair):
                    continue
                order = [values.values[value] for value in known[pair]]
                counts = values.changed(group)[order], values.others()[order]
                one = separation(*counts, columns=len(self._possible))
                texts = None if one is None else self._texts(one, pair, known[pair])
                if one is not None and texts is not None:
                    own.append((one, pair, texts))
            own.sort(key=lambda one: (len(one[2]), -one[0].strength, one[1].number))
            found += [_segment(group, *one) for one in own[:MOST_SEGMENTS]]
        return found

    def _texts(
        self, one: Separation, pair: ColumnPair, values: Sequence[Value | None]
    ) -> tuple[str | None, ...] | None:
        """Returns the values of a segment as texts; None if they cannot be shown."""
        kind = pair.on(self._files.side).type
        try:
            texts = tuple(value_text(values[n], kind) for n in one.values)
        except CorruptData:  # a date that Python does not know
            return None
        if any(shown is not None and len(shown) > TEXT_LENGTH for shown in texts):
            return None
        return texts


def _segment(
    group: Group, one: Separation, pair: ColumnPair, texts: tuple[str | None, ...]
) -> Segment:
    return Segment(
        column=pair.name,
        values=texts,
        change=group.change,
        rows=one.rows,
        out_of=one.out_of,
        others=one.others,
        others_out_of=one.others_out_of,
        cells_of=None if group.pair is None else group.pair.name,
    )


def value_text(value: Value | None, kind: DataType) -> str | None:
    """Returns a value as segments show it: as the engine writes it; dates are numbers.

    Raises:
        CorruptData: A date is beyond those that Python knows.
    """
    assert isinstance(kind, Scalar), "only such columns are looked at"
    if value is not None and kind.type_class == TypeClass.DATE:
        value = decode(encode(value, kind), kind)
    return text(value, kind)


def _value_order(value: Value | None) -> tuple[bool, Value]:
    return (value is None, 0 if value is None else value)


def _spread(files: Sequence[DataFile]) -> Iterator[DataFile]:
    """Yields files such that the first of them, of ``SAMPLE_ROWS`` rows, are spread over all."""
    step = max(1, sum(file.rows for file in files) // SAMPLE_ROWS)
    return chain.from_iterable(files[start::step] for start in range(min(step, len(files))))


def _ordered(files: Sequence[FileRows]) -> list[FileRows]:
    """Returns files such that the first of them have many changed rows, and rows of all groups."""
    left = sorted(range(len(files)), key=lambda n: (-len(files[n].rows), n))
    first: list[int] = []
    seen: dict[Group, int] = {}
    while left and len(first) < LOOKED_AT[1]:
        best = max(left, key=lambda n: (_news(files[n], seen), len(files[n].rows), -n))
        left.remove(best)
        first.append(best)
        for group, flag in files[best].flags.items():
            seen[group] = seen.get(group, 0) + int(flag.sum())
    return [files[n] for n in (*first, *sorted(left))]


def _news(one: FileRows, seen: Mapping[Group, int]) -> int:
    """Returns how many groups have so few rows yet that those of a file would help."""
    return sum(
        bool(flag.any()) for group, flag in one.flags.items() if seen.get(group, 0) < ENOUGH_ROWS
    )
