"""Tables with few rows in the files that differ, counted without the engine.

To open the engine takes longer than to compare so few rows, and so do the thirty statements that
it runs for each table. What is counted here is what the engine would count: wherever that is not
certain, nothing is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call, take
from catalog.dataclasses import dataclass, replace
from catalog.diff.cell_counts import (
    Cells,
    Label,
    Tally,
    column_counts,
    in_order,
    nothing_yet,
    row_counts,
)
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.differing import unlike
from catalog.diff.compare.elsewhere import NO_FILES, Elsewhere
from catalog.diff.compare.python_values import ORDERED, texts_of, values_of
from catalog.diff.compare.small_matching import KeyValues, Matched, matched
from catalog.diff.compare.small_pairs import SmallPairs
from catalog.diff.counts import (
    EXAMPLES,
    TEXT_LENGTH,
    ColumnCounts,
    Example,
    SideStats,
    TableCounts,
)
from catalog.diff.deltas.columns import both_known, delta_form
from catalog.diff.deltas.numbers import Measures, number_delta
from catalog.diff.deltas.texts import delta_of_texts
from catalog.diff.excerpts import excerpts
from catalog.diff.file_changes import compares_files
from catalog.diff.file_rows import FileRows
from catalog.diff.findings import Delta, Findings
from catalog.diff.fingerprints.column_reader import in_one
from catalog.diff.kept_statistics import kept_stats
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SIDES, ColumnPair, DiffTask, SideName, TablePlan
from catalog.diff.route import FilePair, Prints, constant, known_keys, routes
from catalog.diff.segments.changed_rows import Group, Located
from catalog.engine.arrow_arrays import Numbers, from_numpy, to_numpy
from catalog.errors import CatalogError
from catalog.formats.footer import ParquetSource
from catalog.model.datafile import DataFile
from catalog.model.partition import partition_values
from catalog.model.schema import Field
from catalog.model.types import Scalar
from catalog.model.values import Value, encoded_text

SMALL_COLUMNS = 64
"""Columns in which files may differ up to which they are compared here."""

SMALL_CELLS = 4096
"""Cells of rows that differ up to which they are counted here, one by one."""

Sides: TypeAlias = tuple[pa.Array, pa.Array]
"""Values of both sides."""

_Change: TypeAlias = tuple[str | None, str | None]
"""A value before and after, as texts."""


class _Key(NamedTuple):
    """A key: values that are in the engine's order, and texts."""

    values: tuple[Value | bytes, ...]
    texts: tuple[str, ...]


class _Cell(NamedTuple):
    """A cell that differs: its row's number among those that do, and its change of value."""

    row: int
    before: str | None
    after: str | None


class _Values(NamedTuple):
    """Values of a column that differ: their rows' numbers among those that do, and both sides."""

    rows: list[int]
    sides: Sides


@dataclass(frozen=True, slots=True)
class SmallTable:
    """How few rows are compared: in files of equal keys by their place, in others by their key."""

    pairs: tuple[FilePair, ...]
    tasks: tuple[DiffTask, ...]


def small_table(plan: TablePlan, options: DiffOptions, prints: Prints) -> SmallTable | None:
    """Returns how a table is compared without the engine; None if the engine must.

    ``prints`` are the fingerprints that are stored. They must show that each key is that of one
    row.
    """
    if plan.before is None or plan.after is None or not plan.key or plan.added:
        return None
    if options.check_keys or options.full_stats or any(p.tolerance for p in plan.value_pairs):
        return None
    if any(task.partition is None for task in plan.tasks):
        return None
    if any(known_keys(files, prints) != (0, 0) for files in map(plan.files, SIDES) if files):
        return None
    if compares_files(plan):
        return SmallTable((), plan.tasks)
    chosen = list(routes(plan, prints))
    pairs = tuple(pair for one in chosen for pair in one.pairs if pair.changed)
    if any(len(pair.changed) > SMALL_COLUMNS for pair in pairs):
        return None
    return SmallTable(pairs, tuple(one.rest for one in chosen if one.rest is not None))


def count_small(
    plan: TablePlan,
    table: SmallTable,
    *,
    prints: Prints,
    source: Callable[[DataFile], ParquetSource],
    explained: bool,
    elsewhere: Elsewhere = NO_FILES,
) -> TableCounts | None:
    """Counts what changed in a table; None if the engine must.

    What explains the changes is looked for if they are to be ``explained``.

    Raises:
        CorruptData: A file cannot be read.
    """
    opened: dict[str, int] = {}

    def noted(file: DataFile) -> ParquetSource:
        opened[file.path] = file.size_bytes
        return source(file)

    small, count = SmallPairs(plan, noted), _Count(plan)
    if not _count_pairs(small, count, table.pairs) or not _count_tasks(small, count, table.tasks):
        return None
    described = _statistics(plan, small, tally=count.tally, prints=prints)
    if described is None:
        return None
    findings = Findings(count.distinct(), count.deltas()) if explained else Findings()
    if explained and not compares_files(plan):
        from catalog.diff.segments.of_small import segments_of_small

        tally = replace(count.tally, partitions=in_order(plan, count.partitions))
        segments, sample = segments_of_small(
            plan, noted, count.located, counts=tally, elsewhere=elsewhere
        )
        findings = replace(findings, segments=segments, sample=sample)
    columns = column_counts(plan, count.tally, described)
    if explained:
        from catalog.diff.partition_sums import partition_sums

        findings = replace(findings, partition_sums=partition_sums(plan, columns, prints))
    return TableCounts(
        row_counts(plan, count.tally),
        columns,
        in_order(plan, count.partitions),
        examples=tuple(count.examples()),
        bytes_read=sum(opened.values()),
        files=count.files.changes() if compares_files(plan) else None,
        findings=findings,
    )


def _count_pairs(small: SmallPairs, count: "_Count", pairs: Sequence[FilePair]) -> bool:
    """Counts rows of files of equal keys; False if the engine must."""
    for number, pair in enumerate(pairs):
        rows = small.differing(pair, count.needed(pair), number=number)
        if rows is None or not count.add_pair(rows, pair):
            return False
    return True


def _count_tasks(small: SmallPairs, count: "_Count", tasks: Sequence[DiffTask]) -> bool:
    """Counts rows that are matched by their keys; False if the engine must."""
    keys: dict[SideName, set[KeyValues]] = {side: set() for side in SIDES}
    for task in tasks:
        found = matched(small, task)
        if found is None or not count.add_matched(task, found):
            return False
        for side in SIDES:
            keys[side].update(found.keys[side])
    return keys["f"].isdisjoint(keys["t"])  # else rows moved to another partition


def _statistics(
    plan: TablePlan, small: SmallPairs, *, tally: Tally, prints: Prints
) -> dict[str, ColumnCounts] | None:
    """Returns statistics of the columns with a changed cell; None if the engine must."""
    pairs = [pair for pair in plan.value_pairs if tally.touched(pair.name)]
    described: dict[SideName, dict[int, SideStats]] = {}
    for side in SIDES:
        files, fields = plan.files(side), [pair.on(side) for pair in pairs]
        described[side] = kept_stats(
            plan.side(side), files, fields, prints=prints, float_texts=lambda values: {}
        )
        for field in fields:
            if field.id in described[side]:
                continue
            stats = _text_stats([small.columns(side, file, [field]) for file in files])
            if stats is None:
                return None
            described[side][field.id] = stats
    before, after = (sum(file.rows for file in plan.files(side)) for side in SIDES)
    return {
        pair.name: ColumnCounts(
            before=described["f"][pair.before.id],
            after=described["t"][pair.after.id],
            covered=(before, after),
        )
        for pair in pairs
    }


def _text_stats(files: Sequence[list[pa.Array] | None]) -> SideStats | None:
    """Returns statistics of a column of text in some files; None of others."""
    nulls, bounds = 0, []
    for found in files:
        if found is None or not pa.types.is_string(found[0].type):
            return None
        column = found[0]
        nulls += column.null_count
        if column.null_count < len(column):
            edges = call("min_max", column)
            bounds += [edges["min"].as_py(), edges["max"].as_py()]
    return SideStats(nulls, min(bounds), max(bounds)) if bounds else SideStats(nulls)


@dataclass(frozen=True, slots=True)
class _Places:
    """Rows of some files.

    Attributes:
        at: Their numbers among the rows of all of them, one file below the other.
    """

    files: Sequence[DataFile]
    at: Numbers

    @property
    def by_file(self) -> tuple[Numbers, Numbers]:
        """Returns the number of each row's file, and of the row in it."""
        ends = np.cumsum([file.rows for file in self.files], dtype=np.int64)
        numbers = np.searchsorted(ends, self.at, side="right")
        return numbers, self.at - np.append(0, ends)[numbers]


class _Count:
    """What was counted in some pairs of files."""

    def __init__(self, plan: TablePlan) -> None:
        self._plan = plan
        self._inner_keys = [pair for pair in plan.key_pairs if not constant(plan, pair)]
        self._keys: dict[int, defaultdict[_Change, list[_Key]]] = {}
        self._values: defaultdict[int, list[Sides]] = defaultdict(list)
        self._cells = 0
        self.files = FileRows()
        self.located = Located()
        self.tally: Tally = nothing_yet(plan)
        self.partitions: defaultdict[Label, list[int]] = defaultdict(lambda: [0] * 6)

    def needed(self, pair: FilePair) -> Mapping[SideName, Sequence[Field]]:
        """Returns the columns to be read of rows that differ."""
        after = dict.fromkeys(p.after for p in (*pair.changed, *self._inner_keys))
        return {"f": [p.before for p in pair.changed], "t": list(after)}

    def add_pair(self, rows: pa.Table, pair: FilePair) -> bool:
        """Adds rows of two files that differ, at the same place; False as ``_add``."""
        at = to_numpy(rows.column("place"))
        places = {side: _Places((pair.on(side),), at) for side in SIDES}
        return self._add(rows, pair.after, pair.changed, places=places)

    def _add(
        self,
        rows: pa.Table,
        file: DataFile,
        columns: Sequence[ColumnPair],
        *,
        places: Mapping[SideName, "_Places"],
    ) -> bool:
        """Adds pairs of rows that differ, as they are in the newer side's files like ``file``.

        Returns:
            False if they are too many, or only the engine knows texts of theirs.
        """
        if not rows.num_rows:
            return True
        flags = {Group("updated"): np.ones(rows.num_rows, bool)}
        totals = self.partitions[self._label("t", file)]
        self.tally.updated += rows.num_rows
        totals[2] += rows.num_rows
        try:
            keys = _keys(self._plan, file, rows)
            for column in columns:
                values = _changed(rows, column)
                if values is None:
                    continue
                self._values[column.number].append(values.sides)
                cells = _cells(values, column)
                kinds = _add_kinds(self.tally.cells[column.name], cells)
                totals[3:] = [a + b for a, b in zip(totals[3:], kinds, strict=True)]
                known = self._keys.setdefault(column.number, defaultdict(list))
                for cell in cells:
                    known[cell.before, cell.after].append(keys[cell.row])
                self._cells += len(cells)
                if self._cells > SMALL_CELLS:
                    return False
                if cells:
                    flags[Group("updated", column)] = own = np.zeros(rows.num_rows, bool)
                    own[[cell.row for cell in cells]] = True
        except (Unreadable, CatalogError, ValueError, OverflowError):
            return False
        for side in SIDES:
            at = places[side]
            self.located.add(side, at.files, places=at.by_file, flags=flags)
        return True

    def add_matched(self, task: DiffTask, found: Matched) -> bool:
        """Adds rows that were matched by their keys; False as ``_add``."""
        for n, side in enumerate(SIDES):
            count = len(found.keys[side])
            if count:
                self.partitions[self._label(side, task.files(side)[0])][1 - n] += count
                at = _Places(task.files(side), found.alone_places[side])
                group = Group("deleted" if side == "f" else "inserted")
                flags = {group: np.ones(count, bool)}
                self.located.add(side, at.files, places=at.by_file, flags=flags)
        self.tally.deleted += len(found.keys["f"])
        self.tally.inserted += len(found.keys["t"])
        if compares_files(self._plan):
            self.files.add(found)
        columns = [p for p in self._plan.value_pairs if not constant(self._plan, p)]
        places = {side: _Places(task.files(side), found.places[side]) for side in SIDES}
        return not task.after or self._add(found.updated, task.after[0], columns, places=places)

    def _label(self, side: SideName, file: DataFile) -> Label:
        return tuple(partition_values(self._plan.side(side), file).items())

    def examples(self) -> Iterator[Example]:
        """Yields the most frequent changes of each column, as ``changes_of_value`` orders them."""
        for pair in self._plan.value_pairs:
            found = nsmallest(EXAMPLES, self._keys.get(pair.number, {}).items(), key=_order)
            for (before, after), keys in found:
                key = dict(zip(self._plan.key, min(keys).texts, strict=True))
                yield excerpts(before, after).example(pair.name, len(keys), key)

    def distinct(self) -> dict[str, int]:
        """Returns how many different changes of value each changed column has."""
        pairs = ((pair, self._keys.get(pair.number)) for pair in self._plan.value_pairs)
        return {pair.name: len(changes) for pair, changes in pairs if changes}

    def deltas(self) -> dict[str, Delta]:
        """Returns by how much, or in which way, values of each column changed."""
        found: dict[str, Delta] = {}
        for pair in self._plan.value_pairs:
            form = delta_form(pair)
            delta: Delta | None = None
            if form is str:
                changes = self._keys.get(pair.number, {}).items()
                delta = delta_of_texts((*change, len(keys)) for change, keys in changes)
            elif isinstance(form, Measures) and pair.number in self._values:
                sides = zip(*self._values[pair.number], strict=True)
                before, after = (pa.concat_arrays(parts) for parts in sides)
                delta = number_delta(before, after, form, looked_at=both_known(before, after))
            if delta is not None:
                found[pair.name] = delta
        return found


def _order(found: tuple[_Change, list[_Key]]) -> tuple[object, ...]:
    change, keys = found
    texts = ((value is not None, (value or "")[:TEXT_LENGTH]) for value in change)
    return (-len(keys), *texts, min(keys))


def _add_kinds(counts: Cells, cells: Sequence[_Cell]) -> tuple[int, int, int]:
    """Adds cells that differ to those of a column, and returns how many were of each kind."""
    filled = sum(cell.before is None for cell in cells)
    cleared = sum(cell.after is None for cell in cells)
    corrected = len(cells) - filled - cleared
    counts.filled += filled
    counts.cleared += cleared
    counts.corrected += corrected
    return filled, cleared, corrected


def _changed(rows: pa.Table, column: ColumnPair) -> _Values | None:
    """Returns the values of a column that differ, among rows of which some cell does."""
    before, after = (_array(rows, side, column.on(side)) for side in SIDES)
    places = np.flatnonzero(unlike(before, after))
    if not len(places):
        return None
    at = from_numpy(places)
    return _Values(places.tolist(), (take(before, at), take(after, at)))


def _cells(values: _Values, column: ColumnPair) -> list[_Cell]:
    """Returns the cells of a column that differ."""
    texts = [
        texts_of(array, column.on(side).type)
        for side, array in zip(SIDES, values.sides, strict=True)
    ]
    return [_Cell(*cell) for cell in zip(values.rows, *texts, strict=True)]


def _array(rows: pa.Table, side: SideName, field: Field) -> pa.Array:
    """Returns a column of rows that differ."""
    whole = in_one(rows.column(f"{side}_c{field.id}"))
    assert whole is not None, "few rows fit one array"
    return whole


def _keys(plan: TablePlan, file: DataFile, rows: pa.Table) -> list[_Key]:
    """Returns the keys of rows that differ.

    Raises:
        Unreadable: Only the engine knows their order, or their texts.
    """
    places = plan.side("t").partition_by
    values: list[Sequence[Value | bytes | None]] = []
    texts: list[Sequence[str | None]] = []
    for key in plan.key_pairs:
        kind = key.after.type
        if not isinstance(kind, Scalar) or kind.type_class not in ORDERED:
            raise Unreadable(key.name)
        if constant(plan, key):
            value = file.partition[places.index(key.after.id)]
            stated = encoded_text(value, kind)
            values.append([value] * rows.num_rows)
            texts.append([stated] * rows.num_rows)
        else:
            array = _array(rows, "t", key.after)
            values.append(values_of(array, kind))
            texts.append(texts_of(array, kind))
    found = []
    for own, shown in zip(zip(*values, strict=True), zip(*texts, strict=True), strict=True):
        known = tuple(value for value in own if value is not None)
        named = tuple(name[:TEXT_LENGTH] for name in shown if name is not None)
        if len(known) < len(own):
            raise Unreadable("a key that is NULL")
        found.append(_Key(known, named))
    return found
