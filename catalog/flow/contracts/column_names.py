"""Which columns a contract means: by their names before the change, wherever they went since."""

import difflib

from catalog.dataclasses import dataclass
from catalog.diff.plan import ColumnPair, TablePlan
from catalog.model.schema import Field


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a contract's name of a column means.

    Attributes:
        pair: The column on both sides, if it is on both and its cells compare.
        before: The column before; None if it is new.
        after: The column after; None if it is gone.
    """

    pair: ColumnPair | None
    before: Field | None
    after: Field | None


class ColumnNames:
    """The columns of a table's plan by the names that a contract gives them."""

    def __init__(self, plan: TablePlan) -> None:
        """Pairs them by field id: a column that was renamed is still the one that is meant."""
        pairs = {pair.before.id: pair for pair in plan.pairs}
        newer = {pair.after.id for pair in plan.pairs}
        self.columns: list[Resolved] = []
        older = () if plan.before is None else plan.before.schema.fields
        unlike = _unlike(plan)
        for field in older:
            pair = pairs.get(field.id)
            after = unlike.get(field.id) if pair is None else pair.after
            self.columns.append(Resolved(pair, field, after))
        taken = newer | {field.id for field in unlike.values()}
        for field in () if plan.after is None else plan.after.schema.fields:
            if plan.before is None:
                own = next((p for p in plan.pairs if p.after.id == field.id), None)
                self.columns.append(Resolved(own, None, field))
            elif field.id not in taken:
                self.columns.append(Resolved(None, None, field))

    def find(self, name: str) -> Resolved | None:
        """Returns the column of a name; one that was there before goes before one that came."""
        for sides in ("before", "after"):
            named = [(_name(one, sides), one) for one in self.columns]
            exact = [one for own, one in named if own == name]
            folded = [one for own, one in named if own and own.casefold() == name.casefold()]
            found = exact or folded
            if len(found) == 1:
                return found[0]
        return None

    def advice(self, name: str) -> str:
        """Returns the nearest names, or all, in a sentence."""
        known = [_name(one, "before") or _name(one, "after") or "" for one in self.columns]
        near = difflib.get_close_matches(name, known, n=2, cutoff=0.55)
        return f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"


def _name(column: Resolved, side: str) -> str | None:
    field = column.before if side == "before" else column.after
    return None if field is None else field.name


def _unlike(plan: TablePlan) -> dict[int, Field]:
    """Returns columns of both sides whose types do not compare, by field id before."""
    if plan.before is None or plan.after is None:
        return {}
    paired = {pair.after.id for pair in plan.pairs} | {field.id for field in plan.added}
    rest = [field for field in plan.after.schema.fields if field.id not in paired]
    same = plan.before.table_id == plan.after.table_id
    by_id = {field.id: field for field in rest} if same else {}
    by_name = {field.name: field for field in rest}
    known = {pair.before.id for pair in plan.pairs}
    found = {}
    for field in plan.before.schema.fields:
        if field.id not in known:
            other = by_id.get(field.id) or by_name.get(field.name)
            if other is not None:
                found[field.id] = other
    return found
