"""Which expressions are equal in every row that meets a condition.

Equality is followed from one to the next only between expressions of one exact type, where it is
transitive: between ``BIGINT`` and ``DOUBLE``, say, it is not.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from sqlglot import exp

from catalog.dataclasses import dataclass, field, replace
from catalog.flow.partitionwise.carry import Carry, is_exact
from catalog.flow.partitionwise.expressions import Term, term
from catalog.flow.partitionwise.prover import Place
from catalog.flow.partitionwise.refusal import Refused
from catalog.flow.partitionwise.relation import Column, ColumnId, Rows

MAX_EQUALITIES = 200
"""Most equalities of a condition that are read; without the others, less is known."""


@dataclass(slots=True)
class Equalities:
    """Classes of terms that are equal.

    Attributes:
        classes: The terms of each class.
    """

    classes: list[list[Term]] = field(default_factory=list)

    def add(self, one: Term, other: Term) -> None:
        """Joins the classes of two terms, if their equality can be trusted."""
        same_carry = (
            one.carry is not None
            and other.carry is not None
            and (one.carry.text == other.carry.text)
        )
        same_type = one.type_name == other.type_name and is_exact(one.type_name)
        if not (same_carry or same_type):
            return
        ids = {one.id, other.id}
        touched = [c for c in self.classes if any(t.id in ids for t in c)]
        merged = [t for c in touched for t in c]
        known = {t.id for t in merged}
        merged += [t for t in (one, other) if t.id not in known]
        self.classes = [c for c in self.classes if c not in touched] + [merged]

    def carried_in(self, columns: frozenset[ColumnId]) -> "list[tuple[Term, Sequence[Term]]]":
        """Returns the terms over some columns of this query that carry something."""
        return [
            (one, others)
            for others in self.classes
            for one in others
            if one.carry is not None and one.level == 0 and one.id[1:3] in columns
        ]

    def meet(
        self, left: frozenset[ColumnId], right: frozenset[ColumnId]
    ) -> "Iterable[tuple[Carry, Carry]]":
        """Yields what is carried on both sides of a join and is equal there."""
        for one, others in self.carried_in(left):
            for other in others:
                if other.level == 0 and other.id[1:3] in right and _same(one.carry, other.carry):
                    assert one.carry is not None
                    assert other.carry is not None
                    yield one.carry, other.carry

    def pinned(self, columns: frozenset[ColumnId]) -> "Iterable[Carry]":
        """Yields what is carried by some columns and is equal to what an outer row carries."""
        for one, others in self.carried_in(columns):
            if any(other.level > 0 and _same(one.carry, other.carry) for other in others):
                assert one.carry is not None
                yield one.carry

    def without(self, columns: frozenset[ColumnId]) -> "Equalities":
        """Returns them with nothing known of what some columns carry."""
        return Equalities(
            [
                [replace(t, carry=None) if t.id[1:3] in columns and not t.level else t for t in c]
                for c in self.classes
            ]
        )

    def spread(self, rows: Rows) -> Rows:
        """Lets columns of the same type carry what a column does that they are equal to."""

        def change(at: ColumnId, column: Column) -> Column:
            if column.carry is not None or not is_exact(column.type_name):
                return column
            for others in self.classes:
                if not any(t.level == 0 and t.column == at for t in others):
                    continue
                for other in others:
                    bare = other.level == 0 and other.column is not None
                    if bare and other.carry and other.type_name == column.type_name:
                        return replace(column, carry=other.carry)
            return column

        return rows.mapped(change)


def _same(one: Carry | None, other: Carry | None) -> bool:
    return one is not None and other is not None and one.text == other.text


def equalities(conditions: Iterable[exp.Expr], place: Place, *, local: bool = False) -> Equalities:
    """Reads the equalities among conditions that are all true.

    Args:
        conditions: The conditions.
        place: Where they stand.
        local: Whether the FROM clause is not complete yet: then only equalities that certainly
            mean columns of it count.
    """
    found = Equalities()
    signs = (one for one in conditions if type(one) in (exp.EQ, exp.NullSafeEQ))
    for condition in islice(signs, MAX_EQUALITIES):
        try:
            one, other = term(condition.this, place), term(condition.expression, place)
        except Refused:
            if local:
                continue
            raise
        if one is None or other is None or (local and (one.level or other.level)):
            continue
        found.add(one, other)
    return found
