"""Rows aligned by key, in whatever order the files of both sides hold them.

The keys of both sides are matched first; then column after column of the newer side is brought
into the older side's order and compared, in Arrow and numpy. Only rows that differ reach the
engine. Columns are read one at a time, so that memory follows the widest.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.diff.compare.arrays import Arrays, arrow_type
from catalog.diff.compare.differing import differing
from catalog.diff.fingerprints.canonical import fixed, repeated, unwrapped
from catalog.diff.forms import common_forms
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.engine.arrow_arrays import from_numpy, to_numpy
from catalog.engine.connection import cursor
from catalog.model.schema import Field
from catalog.model.types import is_integer

Numbers: TypeAlias = np.ndarray[Any, Any]
Sides: TypeAlias = Mapping[SideName, Arrays]

CANDIDATES = 4
"""Columns of integers that are tried as a key where a table has none: each is read to find out."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """The rows in which two sides differ, by their numbers.

    Attributes:
        before: Rows of the older side that have a partner and differ from it.
        after: Their partners, in the same order.
        deleted: Rows of the older side without a partner.
        inserted: Rows of the newer side without one.
        equal: Rows of the newer side that equal their partner.
    """

    before: Numbers
    after: Numbers
    deleted: Numbers
    inserted: Numbers
    equal: Numbers


def can_align(plan: TablePlan) -> bool:
    """Returns whether a plan's columns compare as they are, in types Arrow reads as DuckDB does."""
    before, after = plan.side("f").partition_by, plan.side("t").partition_by
    places = {side: {i: n for n, i in enumerate(plan.side(side).partition_by)} for side in SIDES}
    for pair in plan.pairs:
        forms = common_forms(pair.before.type, pair.after.type)
        if forms is None or not forms.as_they_are or pair.before.type != pair.after.type:
            return False
        if places["f"].get(pair.before.id) != places["t"].get(pair.after.id):
            return False
    return before == after and all(
        arrow_type(field.type) is not None for side in SIDES for field in held(plan, side)
    )


def inner(plan: TablePlan, pairs: Sequence[ColumnPair]) -> list[ColumnPair]:
    """Returns those of some columns that do not follow from a file's partition."""
    before, after = plan.side("f").partition_by, plan.side("t").partition_by
    return [p for p in pairs if p.before.id not in before and p.after.id not in after]


def pseudo_key(plan: TablePlan, both: Sides) -> list[ColumnPair]:
    """Returns a column of integers in which all rows of a side differ, if one is soon found.

    Equal rows have the same value in it, so rows without a key can be matched by it.
    """
    compared = [pair for pair in plan.pairs if pair.compared]
    wanted = [p for p in inner(plan, compared) if is_integer(p.before.type)]
    for pair in wanted[:CANDIDATES]:
        sides = [both[side].column(pair.on(side)) for side in SIDES]
        if all(not column.null_count and not repeated(to_numpy(column)) for column in sides):
            return [pair]
    return []


def align(
    con: duckdb.DuckDBPyConnection,
    plan: TablePlan,
    both: Sides,
    *,
    key: Sequence[ColumnPair],
) -> Aligned:
    """Matches the rows of two sides by a key that no two rows of a side share, and compares them.

    Raises:
        CorruptData: A file cannot be read.
        Unreadable: The engine must read a column.
    """
    partner, inserted = _matched(con, both, key)
    here = partner >= 0
    differs = np.zeros(both["f"].rows, dtype=bool)
    if here.any():
        at = None if _in_order(partner, both["t"].rows) else np.where(here, partner, 0)
        compared = [pair for pair in plan.pairs if pair.compared and pair not in key]
        for pair in inner(plan, compared):
            differs |= differing(both["f"].column(pair.before), both["t"].column(pair.after), at)
    differs &= here
    return Aligned(
        np.flatnonzero(differs),
        partner[differs],
        np.flatnonzero(~here),
        inserted,
        partner[here & ~differs],
    )


def _in_order(partner: Numbers, rows: int) -> bool:
    return len(partner) == rows and bool((partner == np.arange(rows)).all())


def _matched(
    con: duckdb.DuckDBPyConnection, both: Sides, key: Sequence[ColumnPair]
) -> tuple[Numbers, Numbers]:
    """Returns the partner of every older row, -1 for none, and the newer rows without one."""
    if len(key) == 1:
        mine, theirs = (_as_integers(both[side].column(key[0].on(side))) for side in SIDES)
        if mine is not None and theirs is not None and mine.dtype == theirs.dtype:
            return _matched_integers(mine, theirs)
    tables = {}
    names = [*(f"k{n}" for n in range(len(key))), "n"]
    for side in SIDES:
        keys = [unwrapped(both[side].column(pair.on(side))) for pair in key]
        tables[side] = pa.table([*keys, from_numpy(np.arange(both[side].rows))], names)
    on = " AND ".join(f"f.k{n} IS NOT DISTINCT FROM t.k{n}" for n in range(len(key)))
    with cursor(con) as own:
        for side, table in tables.items():
            own.register(f"keys_{side}", table)
        partners = own.sql(
            "SELECT coalesce(f.n, -1) AS f, coalesce(t.n, -1) AS t "
            f"FROM keys_f f FULL OUTER JOIN keys_t t ON {on}"
        ).to_arrow_table()
        for side in tables:
            own.unregister(f"keys_{side}")
    mine, theirs = (to_numpy(partners[side]) for side in SIDES)
    partner = np.full(both["f"].rows, -1)
    partner[mine[mine >= 0]] = theirs[mine >= 0]
    return partner, np.sort(theirs[mine < 0])


def _as_integers(column: pa.Array) -> Numbers | None:
    """Returns a column's values as integers that are equal where they are; None for others."""
    kind = column.type
    plain = pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    if not plain or column.null_count:
        return None
    canonical = fixed(column)
    return None if canonical is None else canonical.values


def _matched_integers(mine: Numbers, theirs: Numbers) -> tuple[Numbers, Numbers]:
    order = None if increases(mine) else np.argsort(mine)
    sorted_ = mine if order is None else mine[order]
    other = None if increases(theirs) else np.argsort(theirs)
    wanted = theirs if other is None else theirs[other]
    partner = np.full(len(mine), -1)
    numbers = np.arange(len(theirs)) if other is None else other
    if not len(mine):
        return partner, numbers
    places = np.searchsorted(sorted_, wanted)
    places[places == len(mine)] = 0
    hit = sorted_[places] == wanted
    rows = places[hit] if order is None else order[places[hit]]
    partner[rows] = numbers[hit]
    return partner, np.sort(numbers[~hit])


def increases(values: Numbers) -> bool:
    """Returns whether every value is above the one before."""
    return bool((values[1:] > values[:-1]).all())


def held(plan: TablePlan, side: SideName) -> Iterator[Field]:
    """Yields the columns of a side that are in files."""
    table = plan.side(side)
    return (field for field in table.schema.fields if field.id not in table.partition_by)
