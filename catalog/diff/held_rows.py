"""The changed rows of a table while the engine holds them: what is asked beyond the counts.

They are asked by conditions on the form of a remainder; see ``compare.remainder``.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

import duckdb

from catalog.dataclasses import dataclass
from catalog.diff.cell_counts import Label
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.counts import TEXT_LENGTH
from catalog.diff.exact_sums import exact_sum
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.diff.row_form import RowParts, row_reader
from catalog.diff.selection import RowReader
from catalog.diff.tally import updated
from catalog.engine.checks import Check
from catalog.engine.connection import single_row
from catalog.model.types import is_float

Condition: TypeAlias = Callable[[Part], str | None]
"""Returns SQL that some of a part's rows meet; None if certainly none does."""

_SIDES: tuple[tuple[SideName, int, str], ...] = (("f", -1, "i"), ("t", 1, "d"))
"""Each side, whether what it has counts for or against, and the rows that are missing there."""

SHOWN_COLUMNS = 256
"""Changed columns among which one is shown for a row."""

SHOWN_KEY = 8
"""Columns that are shown of a row without a key."""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A changed row as it is shown.

    Attributes:
        key: Its key as texts by column; if there is no key, its first columns.
        column: A column that changed; empty for a row that came or went.
        before: That column's value before, as text; None for NULL.
        after: Its value after.
    """

    key: Mapping[str, str | None]
    column: str = ""
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Moves:
    """How the sum of a column moved, and how many of its cells are no finite number.

    Attributes:
        total: The sum of the finite values after, less that before.
        endless: By ``nan``, ``inf`` and ``-inf``, how many more cells have it after.
    """

    total: Fraction
    endless: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class HeldRows:
    """The changed rows of a table, until what holds them is closed.

    Attributes:
        con: The connection that holds them.
        columns: Their columns.
        parts: Returns the rows as they are held.
        whole: Returns the rows with all columns.
        count: How many there are.
        checks: What checks the files that others can change, once they were read.
        drop: Gives them up.
    """

    con: duckdb.DuckDBPyConnection
    columns: SqlColumns
    parts: Callable[[], Sequence[Part]]
    whole: RowParts
    count: int
    checks: Sequence[Check] = ()
    drop: Callable[[], None] = lambda: None

    @property
    def plan(self) -> TablePlan:
        """Returns how the table was compared."""
        return self.columns.plan

    def reader(self, touched: Collection[str]) -> RowReader:
        """Returns what reads the rows in the row form, with at least some of the columns."""
        return row_reader(
            self.con,
            self.columns,
            self.whole,
            count=self.count,
            touched=touched,
            checks=self.checks,
        )

    def inserted(self, part: Part) -> str | None:
        """The condition that a row was inserted."""
        return None if part.partial else "kind = 'i'"

    def deleted(self, part: Part) -> str | None:
        """The condition that a row was deleted."""
        return None if part.partial else "kind = 'd'"

    def updated(self, part: Part) -> str | None:
        """The condition that a row was updated."""
        return updated(self.columns, part.pairs)

    def moved(self, part: Part) -> str | None:
        """The condition that a row was moved to another partition."""
        pairs = [p for p in self.plan.pairs if p.partition]
        if part.partial or not pairs:
            return None
        differ = " OR ".join(map(self.columns.differ, pairs))
        return f"({updated(self.columns, part.pairs)} AND ({differ}))"

    def any_row(self, part: Part) -> str | None:
        """The condition that a row changed."""
        own = "" if part.partial else "kind <> 'u' OR "
        return f"({own}{updated(self.columns, part.pairs)})"

    def in_rows(self, side: SideName, condition: str) -> Condition:
        """Returns the condition that a changed row was, or is, there and meets some SQL."""
        absent = "i" if side == "f" else "d"

        def there(part: Part) -> str | None:
            return f"(kind <> '{absent}' AND {self.any_row(part)} AND {condition})"

        return there

    def leaving(self, condition: Condition) -> Condition:
        """Returns the condition that a row meets another and is no longer in its partition."""

        def left(part: Part) -> str | None:
            moved, also = self.moved(part), condition(part)
            if part.partial or also is None:
                return None
            gone = "kind = 'd'" if moved is None else f"(kind = 'd' OR {moved})"
            return f"({gone} AND {also})"

        return left

    def either(self, one: Condition, other: Condition) -> Condition:
        """Returns the condition that a row meets one of two."""

        def either(part: Part) -> str | None:
            met = [sql for sql in (one(part), other(part)) if sql is not None]
            return f"({' OR '.join(met)})" if met else None

        return either

    def among(self, condition: Condition, also: str) -> Condition:
        """Returns the condition that a row meets another, and some SQL."""

        def among(part: Part) -> str | None:
            sql = condition(part)
            return None if sql is None else f"({sql} AND {also})"

        return among

    def any_value(self, pair: ColumnPair) -> Condition:
        """Returns the condition that a cell changed, or came or went with its row."""
        cells = self.cells(pair, "changed")

        def condition(part: Part) -> str | None:
            changed, row = cells(part), None if part.partial else "kind <> 'u'"
            met = [sql for sql in (changed, row) if sql is not None]
            return f"({' OR '.join(met)})" if met else None

        return condition

    def cells(self, pair: ColumnPair, what: str) -> Condition:
        """Returns the condition that a cell was ``filled``, ``cleared``, ``corrected``, or any."""
        before, after = self.columns.missing("f", pair), self.columns.missing("t", pair)
        also = {
            "filled": f" AND {before}",
            "cleared": f" AND {after}",
            "corrected": f" AND NOT {before} AND NOT {after}",
            "changed": "",
        }[what]

        def condition(part: Part) -> str | None:
            if pair.number not in {one.number for one in part.pairs}:
                return None
            return f"(kind = 'u' AND {self.columns.changed(pair)}{also})"

        return condition

    def given(self, pair: ColumnPair, condition: str) -> Condition:
        """Returns the condition that a cell that was changed, or came, meets some SQL."""

        def given(part: Part) -> str | None:
            changed = self.cells(pair, "changed")(part)
            came = None if part.partial else "kind = 'i'"
            either = " OR ".join(one for one in (changed, came) if one is not None)
            return f"(({either}) AND ({condition}))" if either else None

        return given

    def number(self, condition: Condition) -> int:
        """Returns how many rows meet a condition."""
        counts = (
            single_row(self.con, f"SELECT count(*) FROM {part.relation} WHERE {sql}")
            for part, sql in self._met(condition)
        )
        return sum(int(count) for (count,) in counts)

    def by_partition(self, condition: Condition, side: SideName | None = None) -> dict[Label, int]:
        """Counts the rows that meet a condition by partition.

        Args:
            condition: The condition.
            side: The side whose partition counts; None is that where a row is now, or was if it
                is deleted.
        """
        found: defaultdict[Label, int] = defaultdict(int)
        for part, sql in self._met(condition):
            for label, (count,) in self._grouped(part, sql, ["count(*)"], side=side):
                found[label] += count
        return {label: count for label, count in found.items() if count}

    def null_moves(self, pairs: Sequence[ColumnPair]) -> dict[Label, list[int]]:
        """Returns by partition how many more NULLs each of some columns has after."""
        found: defaultdict[Label, list[int]] = defaultdict(lambda: [0] * len(pairs))
        for part in self.parts():
            held = {p.number for p in part.pairs} if part.partial else None
            for side, sign, absent in _SIDES:
                counted = [
                    f"count_if({self.columns.missing(side, p)})"
                    if held is None or p.number in held
                    else "0"
                    for p in pairs
                ]
                groups = self._grouped(part, f"kind <> '{absent}'", counted, side=side)
                for label, counts in groups:
                    known = found[label]
                    found[label] = [a + sign * b for a, b in zip(known, counts, strict=True)]
        return dict(found)

    def sum_moves(self, pair: ColumnPair) -> Moves:
        """Returns how the sum of a column of numbers moved, exactly."""
        total = Fraction(0)
        endless = dict.fromkeys(("nan", "inf", "-inf"), 0)
        for part in self.parts():
            if part.partial and pair.number not in {p.number for p in part.pairs}:
                continue
            for side, sign, absent in _SIDES:
                kind = pair.on(side).type
                value = f"{side}_{self.columns.original(side, pair)}"
                query = (
                    f"SELECT {value} AS value FROM {part.relation} "
                    f"WHERE kind <> '{absent}' AND {value} IS NOT NULL"
                )
                total += sign * exact_sum(self.con, query, kind)
                if is_float(kind):
                    signs = (
                        f"coalesce(count_if(CAST(value AS DOUBLE) = CAST('{one}' AS DOUBLE)), 0)"
                        for one in endless
                    )
                    counts = single_row(self.con, f"SELECT {', '.join(signs)} FROM ({query})")
                    for one, count in zip(endless, counts, strict=True):
                        endless[one] += sign * int(count)
        return Moves(total, endless)

    def examples(
        self, condition: Condition, *, column: ColumnPair | None = None, limit: int
    ) -> list[ShownRow]:
        """Returns some of the rows that meet a condition, in the order of keys.

        Args:
            condition: The condition.
            column: The column whose values are shown; None shows one that changed.
            limit: How many rows.
        """
        found: list[tuple[object, ...]] = []
        for part, sql in self._met(condition):
            found += self.con.execute(
                self._example_query(part, sql, column=column, limit=limit)
            ).fetchall()
        found.sort(key=lambda row: [(text is not None, str(text)) for text in row[3:]])
        return [self._shown(row, column) for row in found[:limit]]

    def _example_query(
        self, part: Part, condition: str, *, column: ColumnPair | None, limit: int
    ) -> str:
        """Returns SQL of rows as they are shown: how changed, before, after, and the key.

        Of an updated row, if no column is asked for, ``how`` is the number of one that changed::

            how  before  after  k0
            4      9.50  10.50  118
            -1     NULL   NULL  120
        """
        columns = self.columns
        pairs = [column] if column is not None else list(part.pairs[:SHOWN_COLUMNS])
        whens = [f"WHEN {columns.changed(pair)} THEN {pair.number}" for pair in pairs]
        if column is not None:
            how = str(column.number)
        else:
            how = f"CASE WHEN kind <> 'u' THEN -1 {' '.join(whens)} ELSE -1 END"
        values = []
        for side in SIDES:
            texts = " ".join(
                f"WHEN {pair.number} THEN {_text(f'{side}_{columns.original(side, pair)}')}"
                for pair in pairs
            )
            values.append(f"CASE how {texts} END" if pairs else "NULL")
        keys, order = self._keys(part)
        source = f"(SELECT *, {how} AS how FROM {part.relation} WHERE {condition})"
        listed = ", ".join(["how", *values, *(_text(key) for key in keys)])
        ordered = f" ORDER BY {', '.join(order)}" if order else ""
        return f"SELECT {listed} FROM {source}{ordered} LIMIT {limit}"

    def _keys(self, part: Part) -> tuple[list[str], list[str]]:
        """Returns SQL of what names a row, and of an order of rows."""
        keys = self.plan.key_pairs or self.plan.pairs[:SHOWN_KEY]
        if part.partial:
            named = [f"t_{self.columns.original('t', pair)}" for pair in keys]
            return named, named
        named = [
            f"CASE WHEN kind = 'd' THEN {_text('f_' + self.columns.original('f', pair))} "
            f"ELSE {_text('t_' + self.columns.original('t', pair))} END"
            for pair in keys
        ]
        order = [
            f"coalesce(t_{self.columns.original('t', p)}, f_{self.columns.original('f', p)})"
            if p.before.type == p.after.type
            else text
            for p, text in zip(keys, named, strict=True)
        ]
        return named, order

    def _shown(self, row: Sequence[object], column: ColumnPair | None) -> ShownRow:
        how, before, after, *key = row
        keys = self.plan.key_pairs or self.plan.pairs[:SHOWN_KEY]
        named = {p.name: _or_none(value) for p, value in zip(keys, key, strict=True)}
        assert isinstance(how, int)
        if how < 0:
            return ShownRow(named)
        shown = next(pair for pair in self.plan.pairs if pair.number == how)
        return ShownRow(named, shown.name, _or_none(before), _or_none(after))

    def _met(self, condition: Condition) -> list[tuple[Part, str]]:
        pairs = ((part, condition(part)) for part in self.parts())
        return [(part, sql) for part, sql in pairs if sql is not None]

    def _grouped(
        self, part: Part, condition: str, counted: Sequence[str], *, side: SideName | None
    ) -> list[tuple[Label, list[int]]]:
        """Returns aggregates over rows that meet a condition, by partition."""
        plan = self.plan
        sides: Sequence[SideName] = ("f", "t") if side is None else (side,)
        groups, names = ["kind = 'd'"], {}
        for one in sides:
            fields = plan.side(one).partition_fields
            names[one] = [name for name, _ in fields]
            ids = plan.side(one).partition_by
            groups += [
                f"CAST({one}_c{i} AS VARCHAR)"
                if side is not None
                else f"CASE WHEN kind {'=' if one == 'f' else '<>'} 'd' "
                f"THEN CAST({one}_c{i} AS VARCHAR) END"
                for i in ids
            ]
        aliased = [f"{sql} AS g{n}" for n, sql in enumerate(groups)]
        listed = ", ".join(f"g{n}" for n in range(len(groups)))
        inner = f"(SELECT *, {', '.join(aliased)} FROM {part.relation} WHERE {condition})"
        query = f"SELECT {listed}, {', '.join(counted)} FROM {inner} GROUP BY {listed}"
        found = []
        for is_deleted, *row in self.con.execute(query).fetchall():
            own: SideName = side or ("f" if is_deleted else "t")
            start = len(names["f"]) if side is None and own == "t" else 0
            values = row[start : start + len(names[own])]
            label = tuple(zip(names[own], map(_or_none, values), strict=True))
            found.append((label, [int(n) for n in row[len(row) - len(counted) :]]))
        return found


def _text(sql: str) -> str:
    return f"left(CAST({sql} AS VARCHAR), {TEXT_LENGTH})"


def _or_none(value: object) -> str | None:
    return None if value is None else str(value)
