"""Columns of a comparison as SQL: what each side's rows carry, and how they compare.

A side's table has every column of its snapshot as ``c<field id>``, and ``m<n>`` for the nth
pair of columns whose values compare in another form than their own. The remainder has all
of these twice: ``f_…`` of the older side, ``t_…`` of the newer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from catalog.diff.forms import Form, form, identity
from catalog.diff.plan import ColumnPair, SideName, TablePlan
from catalog.model.schema import Field


@dataclass(frozen=True, slots=True)
class Part:
    """Is part of the changed rows of a table, in the remainder's form.

    Attributes:
        relation: SQL of the rows, to stand after FROM.
        pairs: The columns in which they may differ.
        partial: Whether they are updated rows only, that lack the columns that are equal, and
            lie in the same partition on both sides.
        sample: SQL of some of the rows, where a limit cannot be set to them: it would end a join
            by position half way.
    """

    relation: str
    pairs: tuple[ColumnPair, ...]
    partial: bool
    sample: str | None = None


@dataclass(frozen=True, slots=True)
class SqlColumns:
    """Writes the columns of a table's plan as SQL."""

    plan: TablePlan

    def fields(self, side: SideName) -> tuple[Field, ...]:
        """Returns the columns of a side's snapshot."""
        return self.plan.side(side).schema.fields

    def carried(self, side: SideName) -> list[str]:
        """Returns the names of the columns that a side's rows carry."""
        formed = [f"m{n}" for n, _ in enumerate(self.plan.pairs) if self._formed(side, n)]
        return [*(f"c{f.id}" for f in self.fields(side)), *formed]

    def select(self, side: SideName) -> str:
        """Returns the select list that makes a side's rows from its relation."""
        columns = [f"c{f.id}" for f in self.fields(side)]
        for n, pair in enumerate(self.plan.pairs):
            if self._formed(side, n):
                columns.append(f"{self.expression(side, pair)} AS m{n}")
        return ", ".join([*columns, "true AS here"])

    def expression(self, side: SideName, pair: ColumnPair, *, of: str | None = None) -> str:
        """Returns the comparing value as an expression over a side's relation, or of other SQL."""
        return self._form(side, pair)(self._raw(side, pair) if of is None else of)

    def missing(self, side: SideName, pair: ColumnPair) -> str:
        """Returns the condition that a side's cell is NULL, in the remainder."""
        return f"{side}_{self._raw(side, pair)} IS NULL"

    def value(self, side: SideName, pair: ColumnPair) -> str:
        """Returns the column of a side's rows that compares with the other side's."""
        n = self.plan.pairs.index(pair)
        return f"m{n}" if self._formed(side, n) else self._raw(side, pair)

    def original(self, side: SideName, pair: ColumnPair) -> str:
        """Returns the column of a side's rows that holds the value as it is."""
        return self._raw(side, pair)

    def values(self, side: SideName, pairs: Sequence[ColumnPair]) -> list[str]:
        """Returns the comparing columns of several pairs."""
        return [self.value(side, pair) for pair in pairs]

    def same(self, pairs: Sequence[ColumnPair], left: str = "f.", right: str = "t.") -> str:
        """Returns the condition that values of both sides are equal."""
        return self._joined(
            [
                f"{left}{self.value('f', p)} IS NOT DISTINCT FROM {right}{self.value('t', p)}"
                for p in pairs
            ]
        )

    def differ(self, pair: ColumnPair) -> str:
        """Returns the condition that a cell differs, in the remainder."""
        return f"f_{self.value('f', pair)} IS DISTINCT FROM t_{self.value('t', pair)}"

    def within(self, pair: ColumnPair) -> str:
        """Returns the condition that a differing cell is let pass, in the remainder."""
        if pair.tolerance is None:
            return "false"
        before, after = f"f_{self._raw('f', pair)}", f"t_{self._raw('t', pair)}"
        name = tolerance_function(self.plan, pair)
        return (
            f"({self.differ(pair)} AND {before} IS NOT NULL AND {after} IS NOT NULL AND "
            f"{name}(CAST({before} AS VARCHAR), CAST({after} AS VARCHAR)))"
        )

    def changed(self, pair: ColumnPair) -> str:
        """Returns the condition that a cell counts as changed, in the remainder."""
        if pair.tolerance is None:
            return f"({self.differ(pair)})"
        return f"({self.differ(pair)} AND NOT {self.within(pair)})"

    def _joined(self, conditions: Sequence[str]) -> str:
        return " AND ".join(conditions) if conditions else "true"

    def _raw(self, side: SideName, pair: ColumnPair) -> str:
        return f"c{pair.before.id if side == 'f' else pair.after.id}"

    def _form(self, side: SideName, pair: ColumnPair) -> Form:
        mine, theirs = pair.before.type, pair.after.type
        found = form(mine, theirs) if side == "f" else form(theirs, mine)
        assert found is not None, "a pair in a plan compares"
        return found

    def _formed(self, side: SideName, n: int) -> bool:
        return self._form(side, self.plan.pairs[n]) is not identity


def tolerance_function(plan: TablePlan, pair: ColumnPair) -> str:
    """Returns the name of the SQL function that tells whether a difference is let pass.

    It differs between tables, whose rows may be read from one connection.
    """
    digest = sha256(f"{plan.table}\0{pair.name}\0{pair.tolerance}".encode()).hexdigest()
    return f"parquetry_within_{digest[:16]}"
