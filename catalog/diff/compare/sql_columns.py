"""Columns of a comparison as SQL: what each side's rows carry, and how they compare.

A side's table has every column of its snapshot as ``c<field id>``, and ``m<n>`` for the pair of
number n if its values compare in another form than their own. The remainder has all of these
twice: ``f_…`` of the older side, ``t_…`` of the newer.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence

import pyarrow as pa

from catalog.dataclasses import dataclass, field
from catalog.diff.compare.tolerances import within_tolerance
from catalog.diff.forms import Form, common_forms, identity
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.engine.quoting import type_sql
from catalog.model.datafile import DataFile
from catalog.model.schema import Field


@dataclass(frozen=True, slots=True)
class Streamed:
    """Rows of two files that have a ``place`` each, and are found anew whenever they are read.

    Attributes:
        sample: SQL of the first of them: LIMIT would end a positional join half way.
        rows: Rows of each file.
        keys: SQL of the keys of all rows of the newer file, by their ``place``.
        sampled: How many rows of each file ``sample`` finds all of.
    """

    sample: str
    rows: int
    keys: str
    sampled: int


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """Where rows lie in the files of each side.

    Attributes:
        columns: The columns that hold the number of a row's file, and of the row in it.
        files: The files by that number.
    """

    columns: Mapping[SideName, tuple[str, str]]
    files: Mapping[SideName, Sequence[DataFile]]

    @property
    def names(self) -> tuple[str, ...]:
        """Returns all of the columns."""
        return tuple(dict.fromkeys(name for side in SIDES for name in self.columns[side]))


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the changed rows of a table, in the remainder's form.

    Attributes:
        relation: SQL of the rows, to follow FROM.
        pairs: The columns in which they may differ.
        partial: Whether they are updated rows without the columns that are equal, each in the
            same partition on both sides.
        streamed: Rows that are not held, but read from two files when they are asked for.
        table: The table that holds partial rows, in which ``derived`` columns are called otherwise.
        arrays: The columns of the rows, if the engine has not been handed these yet: it must be
            before ``relation`` or ``only`` are used. No such row counts as equal.
        derived: Columns of the older side that were not read but are those of the newer side, with
            their names there; only parts of updated rows have such.
        places: Where its rows lie; None if that is not known.
    """

    relation: str
    pairs: tuple[ColumnPair, ...]
    partial: bool
    streamed: Streamed | None = None
    table: str | None = None
    derived: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, pa.Array] | None = None
    places: RowPlaces | None = None

    @property
    def all_updated(self) -> bool:
        """Returns whether it certainly holds no rows but updated ones."""
        return self.partial or bool(self.derived)

    def only(self, names: Iterable[str]) -> str:
        """Returns SQL of the rows with at least ``kind`` and some columns, to follow FROM.

        Of a table with thousands of columns the engine would spend more on naming all of them, in
        each query, than on the rows.
        """
        if self.table is None:
            return self.relation
        listed = (
            f"{self.derived[name]} AS {name}" if name in self.derived else name
            for name in dict.fromkeys(names)
        )
        return f"(SELECT 'u' AS kind{''.join(f', {name}' for name in listed)} FROM {self.table})"


class SqlColumns:
    """The columns of a table's plan as SQL."""

    def __init__(self, plan: TablePlan) -> None:
        self.plan = plan
        self._forms: dict[SideName, list[Form]] = {"f": [], "t": []}
        self._types = {side: {f.id: f.type for f in self.fields(side)} for side in SIDES}
        for pair in plan.pairs:
            forms = common_forms(pair.before.type, pair.after.type)
            assert forms is not None, "a pair in a plan compares"
            self._forms["f"].append(forms.before)
            self._forms["t"].append(forms.after)

    def fields(self, side: SideName) -> tuple[Field, ...]:
        """Returns the columns of a side's snapshot."""
        return self.plan.side(side).schema.fields

    def formed(self, side: SideName) -> list[ColumnPair]:
        """Returns the pairs whose values on a side compare in another form than their own."""
        forms = self._forms[side]
        return [pair for pair in self.plan.pairs if forms[pair.number] is not identity]

    def carried(self, side: SideName) -> list[str]:
        """Returns the names of the columns that a side's rows carry."""
        formed = [f"m{pair.number}" for pair in self.formed(side)]
        return [*(f"c{f.id}" for f in self.fields(side)), *formed]

    def select(self, side: SideName) -> str:
        """Returns the select list that makes a side's rows from its relation.

        Of a BIGINT column 1 that is compared with a VARCHAR column 1, and a column 2::

            older side:  c1, c2, CAST(c1 AS VARCHAR) AS m0, true AS here
            newer side:  c1, c2, true AS here
        """
        columns = [f"c{f.id}" for f in self.fields(side)]
        columns += [
            f"{self.expression(side, pair)} AS m{pair.number}" for pair in self.formed(side)
        ]
        return ", ".join([*columns, "true AS here"])

    def nulls(self) -> str:
        """Returns a select list of NULLs in place of the columns of the remainder."""
        listed = []
        for side in SIDES:
            nulls = {f.id: f"CAST(NULL AS {type_sql(f.type)})" for f in self.fields(side)}
            listed += [f"{null} AS {side}_c{i}" for i, null in nulls.items()]
            listed += [
                f"{self.expression(side, pair, of=nulls[pair.on(side).id])} AS "
                f"{side}_m{pair.number}"
                for pair in self.formed(side)
            ]
        return ", ".join(listed)

    def expression(self, side: SideName, pair: ColumnPair, *, of: str | None = None) -> str:
        """Returns the comparing value as an expression over a side's relation, or of other SQL."""
        return self._forms[side][pair.number](self.original(side, pair) if of is None else of)

    def missing(self, side: SideName, pair: ColumnPair) -> str:
        """Returns the condition that a side's cell is NULL, in the remainder."""
        return f"{side}_{self.original(side, pair)} IS NULL"

    def value(self, side: SideName, pair: ColumnPair) -> str:
        """Returns the column of a side's rows that compares with the other side's."""
        as_it_is = self._forms[side][pair.number] is identity
        return self.original(side, pair) if as_it_is else f"m{pair.number}"

    def original(self, side: SideName, pair: ColumnPair) -> str:
        """Returns the column of a side's rows that holds the value as it is."""
        return f"c{pair.on(side).id}"

    def values(self, side: SideName, pairs: Sequence[ColumnPair]) -> list[str]:
        """Returns the comparing columns of several pairs."""
        return [self.value(side, pair) for pair in pairs]

    def same(self, pairs: Sequence[ColumnPair], left: str = "f.", right: str = "t.") -> str:
        """Returns the condition that values of both sides are equal."""
        conditions = (
            f"{left}{self.value('f', pair)} IS NOT DISTINCT FROM {right}{self.value('t', pair)}"
            for pair in pairs
        )
        return " AND ".join(conditions) or "true"

    def cell_kind(self, pair: ColumnPair) -> Hashable:
        """Returns what is equal for pairs whose cells compare by the same SQL, but for names."""
        stored = tuple(self._types[side][pair.on(side).id] for side in SIDES)
        return (*stored, pair.before.type, pair.after.type, pair.tolerance)

    def cell_names(self, pairs: Iterable[ColumnPair]) -> list[str]:
        """Returns the columns of the remainder that hold the cells of some pairs."""
        return [
            f"{side}_{name}"
            for pair in pairs
            for side in SIDES
            for name in dict.fromkeys((self.original(side, pair), self.value(side, pair)))
        ]

    def differ(self, pair: ColumnPair) -> str:
        """Returns the condition that a cell differs, in the remainder."""
        return f"f_{self.value('f', pair)} IS DISTINCT FROM t_{self.value('t', pair)}"

    def within(self, pair: ColumnPair) -> str:
        """Returns the condition that a differing cell is within its tolerance, in the remainder."""
        if pair.tolerance is None:
            return "false"
        before, after = f"f_{self.original('f', pair)}", f"t_{self.original('t', pair)}"
        within = within_tolerance(pair, before, after)
        return f"({self.differ(pair)} AND coalesce({within}, false))"

    def changed(self, pair: ColumnPair) -> str:
        """Returns the condition that a cell counts as changed, in the remainder."""
        if pair.tolerance is None:
            return f"({self.differ(pair)})"
        return f"({self.differ(pair)} AND NOT {self.within(pair)})"

    def any_changed(self, pairs: Sequence[ColumnPair]) -> str:
        """Returns the condition that some cell of a row counts as changed, in the remainder."""
        return " OR ".join(map(self.changed, pairs)) or "false"

    @staticmethod
    def always_changed(pairs: Sequence[ColumnPair]) -> bool:
        """Returns whether every row that differs in one of some columns counts as changed."""
        return all(pair.tolerance is None for pair in pairs)
