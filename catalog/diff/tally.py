"""Counts over the remainder of a table: rows, cells, partitions, and examples of changes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from catalog.dataclasses import dataclass, replace
from catalog.diff.cell_counts import Cells, Label, Tally, in_order, nothing_yet
from catalog.diff.compare.cell_rows import ARROW_COLUMNS, cell_rows, of_one_kind
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.counts import Example
from catalog.diff.examples import ColumnChanges, changes_of_value
from catalog.diff.findings import Delta
from catalog.diff.kept_rows import KEPT_ROWS, KeptRows
from catalog.diff.phases import Phase, unwatched
from catalog.diff.plan import SIDES, ColumnPair, TablePlan

EXAMPLE_ROWS = 2_000_000
"""Changed rows up to which changes of value are counted; above that, grouping by every column would
cost more than the diff, and examples come from the first rows, without counts."""

TOLERANT_ROWS = KEPT_ROWS
"""The same, where a tolerance leaves so many of more than ``EXAMPLE_ROWS`` rows that differ."""

EXAMPLE_SAMPLE = 100_000
"""Rows that uncounted examples come from."""

PAIRS = 256
"""Columns whose cells one query counts: what it costs to plan grows faster than they do."""

FEW = 24
"""Columns of one kind up to which each has counts of its own in a query; from here on, planning
those takes longer than to put the cells of all below each other."""


def tally(
    con: duckdb.DuckDBPyConnection, columns: SqlColumns, parts: Sequence[Part], *, kept: KeptRows
) -> Tally:
    """Counts what a settled remainder holds.

    Rows of files that differ in most of them, but of which few count as changed, go to ``kept``.
    """
    plan = columns.plan
    counts = nothing_yet(plan)
    partitions: defaultdict[Label, list[int]] = defaultdict(lambda: [0] * 6)
    for part in parts:
        many = _many_of_a_kind(columns, part)
        apart = {pair.number for pairs in many for pair in pairs}
        few = tuple(pair for pair in part.pairs if pair.number not in apart)
        if part.arrays is not None:
            counts.updated += len(next(iter(part.arrays.values())))
        for start in range(0, max(len(few), 1) if part.arrays is None else 0, PAIRS):
            pairs = few[start : start + PAIRS]
            found = None
            if kept.takes(part):
                query = _grouped(columns, part, pairs, with_rows=True, listed=kept.listed(part))
                found = kept.counted(part, query)
            if found is None:
                query = _grouped(columns, part, pairs, with_rows=start == 0)
                found = con.execute(query).fetchall()
            for deleted, *row in found:
                label, numbers = _labelled(plan, row, deleted=deleted)
                own = _add(counts, pairs, numbers)
                partitions[label] = [a + b for a, b in zip(partitions[label], own, strict=True)]
        for pairs in many:
            with cell_rows(con, columns, part, pairs, carried=_partitions(columns)) as cells:
                found = con.execute(_cells_grouped(columns, pairs[0], cells)).fetchall()
            for place, *row in found:
                label, numbers = _labelled(plan, row, deleted=False)
                kinds = _add_cells(counts.cells[pairs[place].name], numbers)
                known = partitions[label]
                known[3:] = [a + b for a, b in zip(known[3:], kinds, strict=True)]
    counts.partitions = in_order(plan, partitions)
    return counts


def _many_of_a_kind(columns: SqlColumns, part: Part) -> list[tuple[ColumnPair, ...]]:
    """Returns columns of a part whose cells are counted as rows, by kind."""
    if part.arrays is not None:
        return of_one_kind(columns, part.pairs, most=ARROW_COLUMNS)
    if len(part.pairs) < FEW or part.streamed is not None:  # each query would join files again
        return []
    return [pairs for pairs in of_one_kind(columns, part.pairs) if len(pairs) >= FEW]


def _labelled(plan: TablePlan, row: Sequence[Any], *, deleted: bool) -> tuple[Label, Sequence[int]]:
    """Splits a row into its partition and its counts."""
    before, after = ([name for name, _ in plan.side(side).partition_fields] for side in SIDES)
    names, values = (before, row) if deleted else (after, row[len(before) :])
    label = tuple(zip(names, map(_text, values), strict=False))
    return label, row[len(before) + len(after) :]


def _partitions(columns: SqlColumns) -> dict[str, str]:
    """Returns the columns that hold the partition of an updated row, by the names they get."""
    return {f"p{i}t": f"t_c{i}" for i in columns.plan.side("t").partition_by}


def _cells_grouped(columns: SqlColumns, first: ColumnPair, cells: str) -> str:
    """Returns SQL that counts cells of columns of one kind, by column and partition.

    With columns 5 and 7 of a table partitioned by ``c3``, there are: the place of the column;
    the partition before and after; filled, cleared, corrected and tolerated cells::

        0  NULL  2024-01  1  0  2  0
        1  NULL  2024-01  0  0  3  0
    """
    before, carried = columns.plan.side("f").partition_by, _partitions(columns)
    inner = [
        "c",
        *carried,
        f"{columns.changed(first)} AS x",
        f"{columns.within(first)} AS w",
        f"{columns.missing('f', first)} AS a",
        f"{columns.missing('t', first)} AS b",
    ]
    shown = [*("NULL" for _ in before), *(f"CAST({group} AS VARCHAR)" for group in carried)]
    sums = (
        "count_if(x AND a)",
        "count_if(x AND b)",
        "count_if(x AND NOT a AND NOT b)",
        "count_if(w)",
    )
    return (
        f"SELECT {', '.join(['c', *shown, *sums])} FROM (SELECT {', '.join(inner)} FROM {cells}) "
        f"GROUP BY {', '.join(['c', *carried])}"
    )


# long: the example rows, and SQL of each count
def _grouped(
    columns: SqlColumns,
    part: Part,
    pairs: Sequence[ColumnPair],
    *,
    with_rows: bool,
    listed: str | None = None,
) -> str:
    """Returns SQL that counts cells of some columns of a part by partition, and rows if wanted.

    There is no FILTER in its counts: DuckDB would copy the input of all aggregates for each. Which
    cells are within their tolerance is a column of its own, so that it is decided once. With rows
    ``listed`` as values, those that were updated are in a last column, ``kept``.

    Of a table partitioned by ``c3`` with one column that may differ, each row has: whether it
    counts deleted rows; the partition before and after; inserted, deleted, updated and moved
    rows; filled, cleared, corrected and tolerated cells of the column::

        false  NULL  2024-01  5  0  3  1  0  1  2  0
        true   2024-01  NULL  0  4  0  0  0  0  0  0
    """
    plan = columns.plan
    before, after = plan.side("f").partition_by, plan.side("t").partition_by
    moving = [p for p in plan.pairs if p.partition and not part.partial]
    moved = [columns.differ(pair) for pair in moving]
    within, changed = _decided_once(columns, pairs)
    inner = ["kind"]
    inner += [f"CASE WHEN kind = 'd' THEN f_c{i} END AS p{i}f" for i in before]
    inner += [f"CASE WHEN kind <> 'd' THEN t_c{i} END AS p{i}t" for i in after]
    names = [*(f"f_c{i}" for i in before), *(f"t_c{i}" for i in after)]
    names += columns.cell_names([*pairs, *(part.pairs if with_rows else ())])
    sums = ["0"] * 4
    if with_rows:
        others = [columns.changed(p) for p in part.pairs[len(pairs) :]]
        any_changed = " OR ".join([*changed, *others]) or "false"
        inner.append(f"kind = 'u' AND ({any_changed}) AS is_updated")
        inner.append(f"({' OR '.join(moved) or 'false'}) AS is_moved")
        sums = [
            "count_if(kind = 'i')",
            "count_if(kind = 'd')",
            "count_if(is_updated)",
            "count_if(is_updated AND is_moved)",
        ]
    for n, pair in enumerate(pairs):
        own, counted = _cells_counted(columns, pair, n, changed=changed[n])
        inner += own
        sums += counted
    for added in plan.added if with_rows and not part.partial else ():
        inner.append(f"kind = 'u' AND t_c{added.id} IS NOT NULL AS n{added.id}")
        sums.append(f"count_if(n{added.id})")
    if listed is not None:
        inner.append(f"{listed} AS own")
        sums.append("list(own) FILTER (WHERE is_updated) AS kept")
    rows = part.only(names)
    if within:  # else it would be thousands of columns that are named once more
        rows = f"(SELECT {', '.join(['*', *within])} FROM {rows})"
    groups = [*(f"p{i}f" for i in before), *(f"p{i}t" for i in after)]
    shown = ["kind = 'd'", *(f"CAST({group} AS VARCHAR)" for group in groups)]
    return (
        f"SELECT {', '.join([*shown, *sums])} FROM "
        f"(SELECT {', '.join(inner)} FROM {rows}) GROUP BY {', '.join([shown[0], *groups])}"
    )


def _cells_counted(
    columns: SqlColumns, pair: ColumnPair, n: int, *, changed: str
) -> tuple[list[str], list[str]]:
    """Returns what is known of each cell of a column, and what counts the cells."""
    known = [
        f"kind = 'u' AND {changed} AS x{n}",
        f"kind = 'u' AND {f'w{n}' if pair.tolerance else 'false'} AS w{n}",
        f"{columns.missing('f', pair)} AS a{n}",
        f"{columns.missing('t', pair)} AS b{n}",
    ]
    sums = [
        f"count_if(x{n} AND a{n})",
        f"count_if(x{n} AND b{n})",
        f"count_if(x{n} AND NOT a{n} AND NOT b{n})",
        f"count_if(w{n})",
    ]
    return known, sums


def _decided_once(columns: SqlColumns, pairs: Sequence[ColumnPair]) -> tuple[list[str], list[str]]:
    """Returns columns of which cells are within their tolerance, and conditions that some changed.

    The conditions, one for each column, go by those columns.
    """
    within = [f"{columns.within(p)} AS w{n}" for n, p in enumerate(pairs) if p.tolerance]
    changed = [
        f"({columns.differ(p)} AND NOT w{n})" if p.tolerance else columns.changed(p)
        for n, p in enumerate(pairs)
    ]
    return within, changed


def _add(counts: Tally, pairs: Sequence[ColumnPair], group: Sequence[int]) -> list[int]:
    """Adds the counts of a group of rows to those of the table.

    Returns:
        The counts of the group's partition, as ``PartitionCounts`` takes them.
    """
    counts.inserted += group[0]
    counts.deleted += group[1]
    counts.updated += group[2]
    counts.moved += group[3]
    kinds = [0, 0, 0]
    for n, pair in enumerate(pairs):
        own = _add_cells(counts.cells[pair.name], group[4 + 4 * n : 8 + 4 * n])
        kinds = [a + b for a, b in zip(kinds, own, strict=True)]
    for added_id, filled in zip(counts.added, group[4 + 4 * len(pairs) :], strict=False):
        counts.added[added_id] += filled
    return [*group[:3], *kinds]


def _add_cells(cells: Cells, numbers: Sequence[int]) -> Sequence[int]:
    """Adds counts to those of a column, and returns them without those within tolerance."""
    filled, cleared, corrected, within = numbers
    cells.filled += filled
    cells.cleared += cleared
    cells.corrected += corrected
    cells.within += within
    return filled, cleared, corrected


def updated(columns: SqlColumns, pairs: Sequence[ColumnPair]) -> str:
    """Returns the condition that a row is an updated one, if it may differ in some columns.

    Only a tolerance makes it another than that the row is a pair: pairs that are equal throughout
    are not in a remainder.
    """
    if pairs and columns.always_changed(pairs):
        return "(kind = 'u')"
    return f"(kind = 'u' AND ({columns.any_changed(pairs)}))"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _are_countable(counts: Tally) -> bool:
    """Returns whether all changes of value are counted.

    A tolerance must not make a diff dearer: where examples would not be counted without it, they
    are only if few changes are left, which the first rows may not show.
    """
    if counts.updated > EXAMPLE_ROWS:
        return False
    differing = (c.filled + c.cleared + c.corrected + c.within for c in counts.cells.values())
    return counts.updated <= TOLERANT_ROWS or max(differing, default=0) <= EXAMPLE_ROWS


@dataclass(frozen=True, slots=True)
class Shown:
    """What a diff shows of changes of value.

    Attributes:
        examples: The most frequent of every changed column.
        distinct: How many different ones there are, by column; columns of which all were counted.
        deltas: By how much, or in which way, values changed, by column; if that is wanted.
    """

    examples: tuple[Example, ...]
    distinct: Mapping[str, int]
    deltas: Mapping[str, Delta]


def shown_changes(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    *,
    parts: Sequence[Part],
    counts: Tally,
    explained: bool,
    phase: Phase = unwatched,
) -> Shown:
    """Returns what is shown of the changes of value of every changed column."""
    changed = [
        pair
        for pair in columns.plan.value_pairs
        if (cells := counts.cells[pair.name]).filled or cells.cleared or cells.corrected
    ]
    countable = _are_countable(counts)
    found: dict[int, ColumnChanges] = {}
    if countable:
        found = changes_of_value(
            con,
            columns,
            changed,
            parts=parts,
            rows=counts.updated,
            explained=explained,
            phase=phase,
        )
    for part in parts if not countable else ():
        held = {pair.number for pair in part.pairs} - found.keys()
        pairs = [pair for pair in changed if pair.number in held]
        rows = f"(FROM {part.relation} LIMIT {EXAMPLE_SAMPLE})"
        rows = rows if part.streamed is None else part.streamed.sample
        some = replace(part, relation=rows, streamed=None, table=None)
        found |= changes_of_value(
            con, columns, pairs, parts=[some], rows=EXAMPLE_SAMPLE, explained=explained
        )
    own = [(pair.name, found[pair.number]) for pair in changed if pair.number in found]
    examples = tuple(example for _, one in own for example in one.examples)
    deltas = {name: one.delta for name, one in own if one.delta is not None}
    if countable:
        return Shown(examples, {name: one.distinct for name, one in own}, deltas)
    from catalog.diff.deltas.columns import of_a_sample

    return Shown(
        tuple(replace(example, count=None) for example in examples),
        {},
        {name: of_a_sample(delta) for name, delta in deltas.items()},
    )
