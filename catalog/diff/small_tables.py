"""Tables with few rows in the files that differ, counted without the engine.

To open the engine takes longer than to compare so few rows, and so do the thirty statements that
it runs for each table. What is counted here is what the engine would count: wherever that is not
certain, nothing is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
from catalog.diff.compare.small_pairs import SmallPairs
from catalog.diff.counts import EXAMPLES, TEXT_LENGTH, ColumnCounts, Example, SideStats, TableCounts
from catalog.diff.file_changes import compares_files
from catalog.diff.fingerprints.column_reader import in_one
from catalog.diff.kept_statistics import kept_stats
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.diff.route import FilePair, Prints, constant, known_keys, route
from catalog.errors import CatalogError
from catalog.formats.footer import ParquetSource
from catalog.model.datafile import DataFile
from catalog.model.partition import partition_values
from catalog.model.schema import Field
from catalog.model.types import DataType, Scalar, TypeClass
from catalog.model.values import Value, decode, encode, encoded_text, text

SMALL_COLUMNS = 64
"""Columns in which files may differ up to which they are compared here."""

SMALL_CELLS = 4096
"""Cells of rows that differ up to which they are counted here, one by one."""

_TICKS = {
    TypeClass.DATE: pa.int32(),
    TypeClass.TIME: pa.int64(),
    TypeClass.TIMESTAMP: pa.int64(),
}
"""Types whose values are read as numbers: Arrow would import another library for some."""

_PLAIN = (
    TypeClass.BOOLEAN,
    TypeClass.INTEGER,
    TypeClass.WIDE_INTEGER,
    TypeClass.DECIMAL,
    TypeClass.TEXT,
)

_ORDERED = (*_PLAIN, *_TICKS)
"""Types whose values are in the same order in Python as in the engine."""

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


def small_table(
    plan: TablePlan, options: DiffOptions, prints: Prints
) -> tuple[FilePair, ...] | None:
    """Returns the files to be compared, two by two; None if the engine must compare them.

    ``prints`` are the fingerprints that are stored. Their keys must show that each identifies its
    row, and no rows but those of files with equal keys may differ.
    """
    if plan.before is None or plan.after is None or not plan.key or plan.added:
        return None
    if compares_files(plan):  # what happened to files is told from whole rows
        return None
    if options.check_keys or options.full_stats or any(p.tolerance for p in plan.value_pairs):
        return None
    both = [plan.files(side) for side in SIDES]
    if any(known_keys(files, prints) != (0, 0) for files in both):
        return None
    routes = [route(plan, task, prints) for task in plan.tasks]
    pairs = tuple(pair for chosen in routes for pair in chosen.pairs if pair.changed)
    if any(chosen.rest is not None for chosen in routes):
        return None
    if any(len(pair.changed) > SMALL_COLUMNS for pair in pairs):
        return None
    return pairs


def count_small(
    plan: TablePlan,
    pairs: Sequence[FilePair],
    *,
    prints: Prints,
    source: Callable[[DataFile], ParquetSource],
) -> TableCounts | None:
    """Counts what changed between files of equal keys; None if the engine must.

    Raises:
        CorruptData: A file cannot be read.
    """
    opened: dict[str, int] = {}

    def noted(file: DataFile) -> ParquetSource:
        opened[file.path] = file.size_bytes
        return source(file)

    small, count = SmallPairs(plan, noted), _Count(plan)
    for number, pair in enumerate(pairs):
        rows = small.differing(pair, count.needed(pair), number=number)
        if rows is None:
            return None
        try:
            if not count.add(pair, rows):
                return None
        except (Unreadable, CatalogError, ValueError, OverflowError):
            return None
    described = _statistics(plan, small, tally=count.tally, prints=prints)
    if described is None:
        return None
    return TableCounts(
        row_counts(plan, count.tally),
        column_counts(plan, count.tally, described),
        in_order(plan, count.partitions),
        examples=tuple(count.examples()),
        bytes_read=sum(opened.values()),
    )


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
            stats = _text_stats([small.column(side, file, field) for file in files])
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


def _text_stats(columns: Sequence[pa.Array | None]) -> SideStats | None:
    """Returns statistics of a column of text in some files; None of others."""
    nulls, bounds = 0, []
    for column in columns:
        if column is None or not pa.types.is_string(column.type):
            return None
        nulls += column.null_count
        if column.null_count < len(column):
            found = pc.min_max(column)
            bounds += [found["min"].as_py(), found["max"].as_py()]
    return SideStats(nulls, min(bounds), max(bounds)) if bounds else SideStats(nulls)


class _Count:
    """What was counted in some pairs of files."""

    def __init__(self, plan: TablePlan) -> None:
        self._plan = plan
        self._inner_keys = [pair for pair in plan.key_pairs if not constant(plan, pair)]
        self._keys: dict[int, defaultdict[_Change, list[_Key]]] = {}
        self._cells = 0
        self.tally: Tally = nothing_yet(plan)
        self.partitions: defaultdict[Label, list[int]] = defaultdict(lambda: [0] * 6)

    def needed(self, pair: FilePair) -> Mapping[SideName, Sequence[Field]]:
        """Returns the columns to be read of rows that differ."""
        after = dict.fromkeys(p.after for p in (*pair.changed, *self._inner_keys))
        return {"f": [p.before for p in pair.changed], "t": list(after)}

    def add(self, pair: FilePair, rows: pa.Table) -> bool:
        """Adds the rows in which two files differ; False if they are too many.

        Raises:
            Unreadable: Only the engine knows the texts of some values.
        """
        self._cells += rows.num_rows * len(pair.changed)
        if self._cells > SMALL_CELLS:
            return False
        if not rows.num_rows:
            return True
        keys = _keys(self._plan, pair, rows)
        label = tuple(partition_values(self._plan.side("t"), pair.after).items())
        totals = self.partitions[label]
        self.tally.updated += rows.num_rows
        totals[2] += rows.num_rows
        for column in pair.changed:
            cells = _changed(rows, column)
            kinds = _add_kinds(self.tally.cells[column.name], cells)
            totals[3:] = [a + b for a, b in zip(totals[3:], kinds, strict=True)]
            known = self._keys.setdefault(column.number, defaultdict(list))
            for cell in cells:
                known[cell.before, cell.after].append(keys[cell.row])
        return True

    def examples(self) -> Iterator[Example]:
        """Yields the most frequent changes of each column, as ``changes_of_value`` orders them."""
        for pair in self._plan.value_pairs:
            found = sorted(self._keys.get(pair.number, {}).items(), key=_order)
            for (before, after), keys in found[:EXAMPLES]:
                key = dict(zip(self._plan.key, min(keys).texts, strict=True))
                yield Example(pair.name, before, after, len(keys), key)


def _order(found: tuple[_Change, list[_Key]]) -> tuple[object, ...]:
    change, keys = found
    return (-len(keys), *((value is not None, value or "") for value in change))


def _add_kinds(counts: Cells, cells: Sequence[_Cell]) -> tuple[int, int, int]:
    """Adds cells that differ to those of a column, and returns how many were of each kind."""
    filled = sum(cell.before is None for cell in cells)
    cleared = sum(cell.after is None for cell in cells)
    corrected = len(cells) - filled - cleared
    counts.filled += filled
    counts.cleared += cleared
    counts.corrected += corrected
    return filled, cleared, corrected


def _changed(rows: pa.Table, column: ColumnPair) -> list[_Cell]:
    """Returns the cells of a column that differ, among rows of which some cell does."""
    before, after = (_array(rows, side, column.on(side)) for side in SIDES)
    olds, news = _texts(before, column.before.type), _texts(after, column.after.type)
    places = np.flatnonzero(unlike(before, after)).tolist()
    return [_Cell(n, olds[n], news[n]) for n in places]


def _array(rows: pa.Table, side: SideName, field: Field) -> pa.Array:
    """Returns a column of rows that differ."""
    whole = in_one(rows.column(f"{side}_c{field.id}"))
    assert whole is not None, "few rows fit one array"
    return whole


def _keys(plan: TablePlan, pair: FilePair, rows: pa.Table) -> list[_Key]:
    """Returns the keys of rows that differ."""
    places = plan.side("t").partition_by
    values: list[Sequence[Value | bytes | None]] = []
    texts: list[Sequence[str | None]] = []
    for key in plan.key_pairs:
        kind = key.after.type
        if not isinstance(kind, Scalar) or kind.type_class not in _ORDERED:
            raise Unreadable(key.name)
        if constant(plan, key):
            value = pair.after.partition[places.index(key.after.id)]
            stated = encoded_text(value, kind)
            values.append([value] * rows.num_rows)
            texts.append([None if stated is None else stated[:TEXT_LENGTH]] * rows.num_rows)
        else:
            array = _array(rows, "t", key.after)
            values.append(_values(array, kind))
            texts.append(_texts(array, kind))
    found = []
    for own, shown in zip(zip(*values, strict=True), zip(*texts, strict=True), strict=True):
        known = tuple(value for value in own if value is not None)
        named = tuple(name for name in shown if name is not None)
        if len(known) < len(own):
            raise Unreadable("a key that is NULL")
        found.append(_Key(known, named))
    return found


def _values(array: pa.Array, kind: Scalar) -> list[Value | None]:
    """Returns values as Python has them; dates and times as numbers."""
    ticks = _TICKS.get(kind.type_class)
    found: list[Value | None] = (array if ticks is None else array.view(ticks)).to_pylist()
    return found


def _texts(array: pa.Array, kind: DataType) -> list[str | None]:
    """Returns values in the engine's text form, as far as examples show them.

    Raises:
        Unreadable: Only the engine knows that form.
        CorruptData: A value is beyond those that Python knows.
    """
    assert isinstance(kind, Scalar), "small files are compared in scalar columns"
    values = _values(array, kind)
    if kind.type_class in _TICKS:
        values = [v if v is None else decode(encode(v, kind), kind) for v in values]
    elif kind.name == "DOUBLE":
        if any(value != value for value in values):
            raise Unreadable("NaN, of which there are several")
    elif kind.type_class not in _PLAIN:
        raise Unreadable(kind.name)
    texts = (text(value, kind) for value in values)
    return [None if shown is None else shown[:TEXT_LENGTH] for shown in texts]
