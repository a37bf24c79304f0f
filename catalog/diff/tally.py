"""Counts over the remainder of a table: rows, cells, partitions, and examples of changes."""

from collections.abc import Sequence
from typing import TypeAlias

import duckdb

from catalog.dataclasses import dataclass, field
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.counts import Example, PartitionCounts
from catalog.diff.plan import SIDES, ColumnPair

EXAMPLES = 2
"""Examples per column: one shows the rule, a second the exception."""

EXAMPLE_ROWS = 2_000_000
"""Changed rows up to which changes of value are counted; above that, grouping by every column would
cost more than the diff, and examples come from the first rows, without counts."""

EXAMPLE_SAMPLE = 100_000
"""Rows that uncounted examples come from."""

EXAMPLE_CELLS = 1_000_000
"""Cells of changed rows that one query looks for examples in: what a query costs by itself grows
with the columns of the table, so that one for each column would cost their square."""

PAIRS = 256
"""Columns whose cells one query counts: what it costs to plan grows faster than they do."""

TEXT_LENGTH = 200
"""Characters of a value that an example shows."""


Label: TypeAlias = tuple[tuple[str, str | None], ...]
"""A partition: its columns with their values in text form."""


@dataclass(slots=True)
class Cells:
    """The counts of one column's cells, while groups are added up."""

    filled: int = 0
    cleared: int = 0
    corrected: int = 0
    within: int = 0


@dataclass(slots=True)
class Tally:
    """The counts of a remainder.

    Attributes:
        moved: Updated rows that are in another partition now.
        added: By field id, pairs of rows that carry a value in an added column.
        partitions: Counts per partition where something changed.
    """

    inserted: int = 0
    deleted: int = 0
    updated: int = 0
    moved: int = 0
    cells: dict[str, Cells] = field(default_factory=dict)
    added: dict[int, int] = field(default_factory=dict)
    partitions: tuple[PartitionCounts, ...] = ()


def tally(con: duckdb.DuckDBPyConnection, columns: SqlColumns, parts: Sequence[Part]) -> Tally:
    """Counts what a settled remainder holds."""
    plan = columns.plan
    counts = Tally(
        cells={pair.name: Cells() for pair in plan.value_pairs},
        added={added.id: 0 for added in plan.added},
    )
    before, after = ([name for name, _ in plan.side(side).partition_fields] for side in SIDES)
    partitions: dict[Label, list[int]] = {}
    for part in parts:
        for start in range(0, max(len(part.pairs), 1), PAIRS):
            pairs = part.pairs[start : start + PAIRS]
            query = _grouped(columns, part, pairs, with_rows=start == 0)
            for deleted, *row in con.execute(query).fetchall():
                names, values = (before, row) if deleted else (after, row[len(before) :])
                label = tuple(zip(names, map(_text, values), strict=False))
                own = _add(counts, pairs, row[len(before) + len(after) :])
                known = partitions.setdefault(label, [0] * len(own))
                partitions[label] = [a + b for a, b in zip(known, own, strict=True)]
    counts.partitions = tuple(
        PartitionCounts(dict(label), *partitions[label])
        for label in sorted(partitions, key=_label_order)
        if (before or after) and any(partitions[label])
    )
    return counts


def _grouped(
    columns: SqlColumns, part: Part, pairs: Sequence[ColumnPair], *, with_rows: bool
) -> str:
    """Returns SQL that counts cells of some columns of a part by partition, and rows if wanted.

    There is no FILTER in it: DuckDB would copy the input of all aggregates for each.

    Of a table partitioned by ``c3`` with one column that may differ, each row has: whether it
    counts deleted rows; the partition before and after; inserted, deleted, updated and moved
    rows; filled, cleared, corrected and tolerated cells of the column::

        false  NULL  2024-01  5  0  3  1  0  1  2  0
        true   2024-01  NULL  0  4  0  0  0  0  0  0
    """
    plan = columns.plan
    before, after = plan.side("f").partition_by, plan.side("t").partition_by
    moved = [columns.differ(p) for p in plan.pairs if p.partition and not part.partial]
    inner = ["kind"]
    inner += [f"CASE WHEN kind = 'd' THEN f_c{i} END AS p{i}f" for i in before]
    inner += [f"CASE WHEN kind <> 'd' THEN t_c{i} END AS p{i}t" for i in after]
    sums = ["0"] * 4
    if with_rows:
        inner.append(f"{updated(columns, part.pairs)} AS is_updated")
        inner.append(f"({' OR '.join(moved) or 'false'}) AS is_moved")
        sums = [
            "count_if(kind = 'i')",
            "count_if(kind = 'd')",
            "count_if(is_updated)",
            "count_if(is_updated AND is_moved)",
        ]
    for n, pair in enumerate(pairs):
        inner.append(f"kind = 'u' AND {columns.changed(pair)} AS x{n}")
        inner.append(f"kind = 'u' AND {columns.within(pair)} AS w{n}")
        inner.append(f"{columns.missing('f', pair)} AS a{n}")
        inner.append(f"{columns.missing('t', pair)} AS b{n}")
        sums += [
            f"count_if(x{n} AND a{n})",
            f"count_if(x{n} AND b{n})",
            f"count_if(x{n} AND NOT a{n} AND NOT b{n})",
            f"count_if(w{n})",
        ]
    for added in plan.added if with_rows and not part.partial else ():
        inner.append(f"kind = 'u' AND t_c{added.id} IS NOT NULL AS n{added.id}")
        sums.append(f"count_if(n{added.id})")
    groups = [*(f"p{i}f" for i in before), *(f"p{i}t" for i in after)]
    shown = ["kind = 'd'", *(f"CAST({group} AS VARCHAR)" for group in groups)]
    grouping = ", ".join(["kind = 'd'", *groups])
    return (
        f"SELECT {', '.join([*shown, *sums])} FROM "
        f"(SELECT {', '.join(inner)} FROM {part.relation}) GROUP BY {grouping}"
    )


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
        filled, cleared, corrected, within = group[4 + 4 * n : 8 + 4 * n]
        cells = counts.cells[pair.name]
        cells.filled += filled
        cells.cleared += cleared
        cells.corrected += corrected
        cells.within += within
        kinds = [a + b for a, b in zip(kinds, (filled, cleared, corrected), strict=True)]
    for added_id, filled in zip(counts.added, group[4 + 4 * len(pairs) :], strict=False):
        counts.added[added_id] += filled
    return [*group[:3], *kinds]


def updated(columns: SqlColumns, pairs: Sequence[ColumnPair]) -> str:
    """Returns the condition that a row is an updated one, if it may differ in some columns."""
    return f"(kind = 'u' AND ({columns.any_changed(pairs)}))"


def _label_order(label: Label) -> tuple[object, ...]:
    return tuple((name, value is not None, value or "") for name, value in label)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def examples(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    name: str,
    *,
    parts: Sequence[Part],
    counts: Tally,
) -> tuple[Example, ...]:
    """Returns the most frequent changes of value of every changed column.

    ``name`` is the view of the whole remainder.
    """
    changed = [
        pair
        for pair in columns.plan.value_pairs
        if (cells := counts.cells[pair.name]).filled or cells.cleared or cells.corrected
    ]
    if counts.updated <= EXAMPLE_ROWS:
        step = max(1, EXAMPLE_CELLS // max(counts.updated, 1))
        groups = [changed[start : start + step] for start in range(0, len(changed), step)]
        return tuple(
            example
            for pairs in groups
            for example in _examples_of(con, columns, pairs, source=name, counted=True)
        )
    found: list[Example] = []
    holding = [(part, {pair.number for pair in part.pairs}) for part in parts]
    for pair in changed:
        for part, numbers in holding:
            if pair.number in numbers:
                rows = part.sample or f"(FROM {part.relation} LIMIT {EXAMPLE_SAMPLE})"
                shown = _examples_of(con, columns, [pair], source=rows, counted=False)
                if shown:
                    found += shown
                    break
    return tuple(found)


def _examples_of(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    pairs: Sequence[ColumnPair],
    *,
    source: str,
    counted: bool,
) -> list[Example]:
    """Returns the examples of some columns, in their order.

    The inner rows, of columns 0 and 2 that both changed in the row with key 7, are::

        c  a     b     k
        0  old   new   (7)
        2  NULL  2024  (7)
    """
    keys = columns.plan.key_pairs
    least = ", ".join(f"t_{columns.original('t', key)}" for key in keys)
    cells = ", ".join(_cell(columns, pair, number) for number, pair in enumerate(pairs))
    unnested = (
        f"(SELECT unnest([{cells}]) AS cell, row({least}) AS own FROM {source} WHERE kind = 'u')"
    )
    grouped = (
        "(SELECT cell.c AS c, cell.a AS a, cell.b AS b, count(*) AS n, min(own) AS k "
        f"FROM {unnested} WHERE cell IS NOT NULL GROUP BY 1, 2, 3)"
    )
    order = "n DESC, a NULLS FIRST, b NULLS FIRST, k"
    ranked = (
        f"(FROM {grouped} QUALIFY row_number() OVER (PARTITION BY c ORDER BY {order}) "
        f"<= {EXAMPLES})"
    )
    texts = ", ".join(f"left(CAST(k[{n + 1}] AS VARCHAR), {TEXT_LENGTH})" for n in range(len(keys)))
    rows = con.execute(f"SELECT c, a, b, n, {texts} FROM {ranked} ORDER BY c, {order}").fetchall()
    return [
        Example(
            pairs[number].name,
            _text(old),
            _text(new),
            count if counted else None,
            {key.name: _text(value) for key, value in zip(keys, values, strict=True)},
        )
        for number, old, new, count, *values in rows
    ]


def _cell(columns: SqlColumns, pair: ColumnPair, number: int) -> str:
    """Returns SQL of a changed cell with its texts before and after; NULL if it is none."""
    before = f"left(CAST(f_{columns.original('f', pair)} AS VARCHAR), {TEXT_LENGTH})"
    after = f"left(CAST(t_{columns.original('t', pair)} AS VARCHAR), {TEXT_LENGTH})"
    return (
        f"CASE WHEN {columns.changed(pair)} THEN {{'c': {number}, 'a': {before}, 'b': {after}}} END"
    )
