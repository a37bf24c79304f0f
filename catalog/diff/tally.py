"""Counts over the remainder of a table: rows, cells, partitions, and examples of changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import duckdb

from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.counts import Example, PartitionCounts
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan

EXAMPLES = 2
"""Examples per column: one shows the rule, a second the exception."""

EXAMPLE_ROWS = 2_000_000
"""Changed rows up to which changes of value are counted; beyond that the group-by of every
column would cost more than the diff, and examples come from the first rows, without counts."""

EXAMPLE_SAMPLE = 100_000
"""Rows that those examples come from."""

TEXT_LENGTH = 200
"""Characters of a value that an example shows."""


Label: TypeAlias = tuple[tuple[str, str | None], ...]
"""A partition: its columns with their values in text form."""


@dataclass(slots=True)
class Cells:
    """Counts cells of one column while groups are added up."""

    filled: int = 0
    cleared: int = 0
    corrected: int = 0
    within: int = 0


@dataclass(slots=True)
class Tally:
    """Holds the counts of a remainder.

    Attributes:
        inserted: Rows of the newer side that no row of the older matches.
        deleted: The other way round.
        updated: Pairs of rows with a changed cell.
        moved: Of those, in another partition.
        cells: Counts by column of the plan's value pairs.
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


def tally(con: duckdb.DuckDBPyConnection, plan: TablePlan, parts: Sequence[Part]) -> Tally:
    """Counts what a settled remainder holds.

    Args:
        con: Has the remainder.
        plan: The table's plan.
        parts: Its rows.
    """
    result = Tally(
        cells={pair.name: Cells() for pair in plan.value_pairs},
        added={one.id: 0 for one in plan.added},
    )
    names = {side: _partition_names(plan, side) for side in SIDES}
    partitions: dict[Label, list[int]] = {}
    for part in parts:
        for row in con.execute(_grouped(plan, part)).fetchall():
            _add(result, partitions, plan, part, names, row)
    result.partitions = tuple(
        PartitionCounts(dict(label), *partitions[label])
        for label in sorted(partitions, key=_label_order)
        if (names["f"] or names["t"]) and any(partitions[label])
    )
    return result


def _grouped(plan: TablePlan, part: Part) -> str:
    """Returns SQL that counts a part by partition; see ``_add`` for its columns."""
    columns = SqlColumns(plan)
    before, after = plan.side("f").partition_by, plan.side("t").partition_by
    moved = "false" if part.partial else _moved(columns)
    inner = ["kind", f"{updated(columns, part.pairs)} AS is_updated", f"{moved} AS is_moved"]
    inner += [f"CASE WHEN kind = 'd' THEN f_c{i} END AS p{i}f" for i in before]
    inner += [f"CASE WHEN kind <> 'd' THEN t_c{i} END AS p{i}t" for i in after]
    sums = [
        "count(*) FILTER (kind = 'i')",
        "count(*) FILTER (kind = 'd')",
        "count(*) FILTER (is_updated)",
        "count(*) FILTER (is_updated AND is_moved)",
    ]
    for n, pair in enumerate(part.pairs):
        inner.append(f"kind = 'u' AND {columns.changed(pair)} AS x{n}")
        inner.append(f"kind = 'u' AND {columns.within(pair)} AS w{n}")
        inner.append(f"{columns.missing('f', pair)} AS a{n}")
        inner.append(f"{columns.missing('t', pair)} AS b{n}")
        sums += [
            f"count(*) FILTER (x{n} AND a{n})",
            f"count(*) FILTER (x{n} AND b{n})",
            f"count(*) FILTER (x{n} AND NOT a{n} AND NOT b{n})",
            f"count(*) FILTER (w{n})",
        ]
    for one in () if part.partial else plan.added:
        inner.append(f"kind = 'u' AND t_c{one.id} IS NOT NULL AS n{one.id}")
        sums.append(f"count(*) FILTER (n{one.id})")
    groups = [*(f"p{i}f" for i in before), *(f"p{i}t" for i in after)]
    shown = ["kind = 'd'", *(f"CAST({group} AS VARCHAR)" for group in groups)]
    grouping = ", ".join(["kind = 'd'", *groups])
    return (
        f"SELECT {', '.join([*shown, *sums])} FROM "
        f"(SELECT {', '.join(inner)} FROM {part.relation}) GROUP BY {grouping}"
    )


def _add(
    result: Tally,
    partitions: dict[Label, list[int]],
    plan: TablePlan,
    part: Part,
    names: Mapping[SideName, Sequence[str]],
    row: Sequence[object],
) -> None:
    """Adds the counts of one group of rows."""
    gone, *rest = row
    before, rest = rest[: len(names["f"])], rest[len(names["f"]) :]
    after, rest = rest[: len(names["t"])], rest[len(names["t"]) :]
    counts = [_int(value) for value in rest]
    result.inserted += counts[0]
    result.deleted += counts[1]
    result.updated += counts[2]
    result.moved += counts[3]
    kinds = [0, 0, 0]
    for n, pair in enumerate(part.pairs):
        filled, cleared, corrected, within = counts[4 + 4 * n : 8 + 4 * n]
        cells = result.cells[pair.name]
        cells.filled += filled
        cells.cleared += cleared
        cells.corrected += corrected
        cells.within += within
        kinds = [a + b for a, b in zip(kinds, (filled, cleared, corrected), strict=True)]
    for one, filled in zip(plan.added, counts[4 + 4 * len(part.pairs) :], strict=False):
        result.added[one.id] += filled
    own, values = (names["f"], before) if gone else (names["t"], after)
    label = tuple(zip(own, map(_text, values), strict=True))
    more = [*counts[:3], *kinds]
    known = partitions.setdefault(label, [0] * len(more))
    partitions[label] = [a + b for a, b in zip(known, more, strict=True)]


def updated(columns: SqlColumns, pairs: Sequence[ColumnPair]) -> str:
    """Returns the condition that a row is an updated one, if it may differ in some columns."""
    changed = " OR ".join(columns.changed(pair) for pair in pairs)
    return f"(kind = 'u' AND ({changed or 'false'}))"


def _moved(columns: SqlColumns) -> str:
    moved = [columns.differ(pair) for pair in columns.plan.pairs if pair.partition]
    return f"({' OR '.join(moved) or 'false'})"


def _partition_names(plan: TablePlan, side: SideName) -> list[str]:
    shape = plan.side(side)
    return [f.name for f in shape.fields(shape.partition_by)]


def _label_order(label: Label) -> tuple[object, ...]:
    return tuple((name, value is not None, value or "") for name, value in label)


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def examples(
    con: duckdb.DuckDBPyConnection,
    plan: TablePlan,
    name: str,
    parts: Sequence[Part],
    counts: Tally,
) -> tuple[Example, ...]:
    """Returns the most frequent changes of value of every changed column.

    Args:
        con: Has the remainder.
        plan: The table's plan.
        name: The view of the whole remainder.
        parts: Its rows.
        counts: What it holds.
    """
    columns = SqlColumns(plan)
    found: list[Example] = []
    few = counts.updated <= EXAMPLE_ROWS
    for pair in plan.value_pairs:
        cells = counts.cells[pair.name]
        if not (cells.filled or cells.cleared or cells.corrected):
            continue
        if few:
            found += _column_examples(con, columns, name, pair, counted=True)
            continue
        for part in parts:
            if pair in part.pairs:
                rows = part.sample or f"(FROM {part.relation} LIMIT {EXAMPLE_SAMPLE})"
                shown = _column_examples(con, columns, rows, pair, counted=False)
                if shown:
                    found += shown
                    break
    return tuple(found)


def _column_examples(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    source: str,
    pair: ColumnPair,
    *,
    counted: bool,
) -> list[Example]:
    keys = columns.plan.key_pairs
    least = ", ".join(f"t_{columns.original('t', key)}" for key in keys)
    before = f"left(CAST(f_{columns.original('f', pair)} AS VARCHAR), {TEXT_LENGTH})"
    after = f"left(CAST(t_{columns.original('t', pair)} AS VARCHAR), {TEXT_LENGTH})"
    texts = ", ".join(f"left(CAST(k[{n + 1}] AS VARCHAR), {TEXT_LENGTH})" for n in range(len(keys)))
    rows = con.execute(
        f"SELECT a, b, n, {texts} FROM (SELECT {before} AS a, {after} AS b, count(*) AS n, "
        f"min(row({least})) AS k FROM {source} WHERE kind = 'u' AND {columns.changed(pair)} "
        f"GROUP BY 1, 2 ORDER BY n DESC, a NULLS FIRST, b NULLS FIRST, k LIMIT {EXAMPLES})"
    ).fetchall()
    return [
        Example(
            pair.name,
            _text(old),
            _text(new),
            _int(count) if counted else None,
            {key.name: _text(value) for key, value in zip(keys, values, strict=True)},
        )
        for old, new, count, *values in rows
    ]
