"""Joins: when rows of two relations that meet belong to one partition value."""

from collections.abc import Sequence

from sqlglot import exp

from catalog.dataclasses import dataclass, replace
from catalog.flow.partitionwise.equalities import Equalities, equalities
from catalog.flow.partitionwise.expressions import Term, check, conjuncts
from catalog.flow.partitionwise.prover import Place, Prover
from catalog.flow.partitionwise.refusal import Refused, refuse_others
from catalog.flow.partitionwise.relation import Column, ColumnId, Half, Merged, Rows, new_id
from catalog.flow.partitionwise.scope import Scope
from catalog.query.parse.keywords import fold

_KNOWN = frozenset({"this", "method", "side", "kind", "on", "using"})

_KINDS = frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"})

PRESERVES_LEFT = frozenset({"INNER", "LEFT", "SEMI", "ANTI", "CROSS"})
"""Joins after which a condition on the left side alone may as well be checked before."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a join does.

    Attributes:
        name: ``INNER``, ``CROSS``, ``LEFT``, ``RIGHT``, ``FULL``, ``SEMI`` or ``ANTI``.
        asof: Whether each row of the left side meets the nearest of the right one.
        natural: Whether it is on all columns of the same name.
    """

    name: str
    asof: bool
    natural: bool


def kind_of(join: exp.Join) -> Kind:
    """Reads what a join does.

    Raises:
        Refused: It is of a kind without a rule.
    """
    refuse_others(join, _KNOWN, "a join")
    method, side, kind = (join.text(part).upper() for part in ("method", "side", "kind"))
    if method == "POSITIONAL":
        raise Refused("POSITIONAL JOIN pairs rows by their place among all rows", join)
    if (
        method not in ("", "ASOF", "NATURAL")
        or kind not in _KINDS
        or (side not in ("", "LEFT", "RIGHT", "FULL"))
    ):
        raise Refused("a join of this kind has no rule that keeps partitions apart", join)
    name = side or ("CROSS" if kind == "CROSS" else "")
    if kind in ("SEMI", "ANTI"):
        name = kind if side in ("", "LEFT") else ""
        if not name:
            raise Refused("a join of this kind has no rule that keeps partitions apart", join)
    asof = method == "ASOF"
    if asof and (name not in ("", "LEFT") or join.args.get("using")):
        raise Refused("an ASOF join of this kind has no rule that keeps partitions apart", join)
    return Kind(name or "INNER", asof, method == "NATURAL")


@dataclass(frozen=True, slots=True)
class Join:
    """Two sides to be joined.

    Attributes:
        node: The join.
        kind: What it does.
        left: The rows before it.
        right: The rows that it adds.
        where: Conditions of WHERE that may be checked at once, as far as they are about these.
    """

    node: exp.Join
    kind: Kind
    left: Rows
    right: Rows
    where: Sequence[exp.Expr]


def joined(join: Join, place: Place) -> Rows:
    """Returns the rows of a join.

    Raises:
        Refused: Rows of different partition values may meet, or which of them stay depends on
            other partitions.
    """
    left, right, kind = join.left, join.right, join.kind
    keys = _using(join)
    pair = Rows(left.split or right.split, left.sources + right.sources, left.merged + right.merged)
    inner = replace(place, scope=Scope(pair, place.scope))
    check(join.node.args.get("on"), inner)
    found = equalities(conjuncts(join.node.args.get("on")), inner)
    for key in keys:
        found.add(_named(left, key, join.node), _named(right, key, join.node))
    if kind.name in ("INNER", "CROSS") and not kind.asof:
        also = equalities(join.where, inner, local=True)
        for group in also.classes:
            for other in group[1:]:
                found.add(group[0], other)
    left_ids, right_ids = left.ids(), right.ids()
    first = not kind.asof and kind.name in ("INNER", "LEFT", "SEMI", "ANTI")
    if right.split and first and any(map(place.prover.fixes, found.pinned(right_ids))):
        right = replace(right.without_carriers(), split=False)
        found = found.without(right_ids)
    split = _split(place.prover, join, (left, right), found)
    merged = _merged(left, right, keys, join)
    return _result(
        kind, (left, right), found, split=split, merged=merged, ids=(left_ids, right_ids)
    )


def _split(prover: Prover, join: Join, sides: tuple[Rows, Rows], found: Equalities) -> bool:
    """Returns whether the result is split.

    Raises:
        Refused: It would be neither split nor fixed.
    """
    left, right = sides
    kind = join.kind
    if left.split and right.split:
        met = found.meet(left.ids(), right.ids())
        if not any(prover.fixes(one) for one, _ in met):
            raise Refused(
                f"the {_spoken(kind)} of two partitioned tables is not on equal partition values",
                join.node,
            )
        return True
    kept = {
        "INNER": left.split or right.split,
        "CROSS": left.split or right.split,
        "LEFT": left.split,
        "SEMI": left.split,
        "ANTI": left.split,
        "RIGHT": right.split,
        "FULL": False,
    }[kind.name]
    if kind.asof and right.split:
        kept = False
    if (left.split or right.split) and not kept:
        raise Refused(
            f"the {_spoken(kind)} keeps rows of a table that is not partitioned, whatever "
            "partitions there are",
            join.node,
        )
    return kept


def _spoken(kind: Kind) -> str:
    return f"{'ASOF ' if kind.asof else ''}{kind.name} JOIN"


# long: one table of what each kind of join leaves known
def _result(
    kind: Kind,
    sides: tuple[Rows, Rows],
    found: Equalities,
    *,
    split: bool,
    merged: tuple[Merged, ...],
    ids: tuple[frozenset[ColumnId], frozenset[ColumnId]],
) -> Rows:
    left, right = sides
    if kind.name in ("SEMI", "ANTI"):
        return replace(left, split=split)
    rows = Rows(split, left.sources + right.sources, merged)
    number = new_id()

    def cleared(at: ColumnId, column: Column) -> Column:
        on_left, on_right = at in ids[0], at in ids[1]
        missing = (on_left and kind.name in ("RIGHT", "FULL")) or (
            on_right and kind.name in ("LEFT", "FULL")
        )
        if not missing:
            return column
        carry = column.carry
        half = Half(number, on_right, carry) if kind.name == "FULL" and carry else None
        return replace(column, carry=None, half=half)

    rows = found.spread(rows) if kind.name in ("INNER", "CROSS") else rows.mapped(cleared)
    return rows if split else rows.without_carriers()


def _using(join: Join) -> tuple[str, ...]:
    using = join.node.args.get("using") or []
    if not join.kind.natural:
        return tuple(fold(one.name) for one in using)
    if any(source.wild for side in (join.left, join.right) for source in side.sources) or any(
        column.name is None
        for side in (join.left, join.right)
        for source in side.sources
        for column in source.columns
    ):
        raise Refused("NATURAL JOIN of columns without a known name", join.node)
    left = [column.key for _, column in join.left.star() if column.key is not None]
    right = {column.key for _, column in join.right.star()}
    return tuple(dict.fromkeys(key for key in left if key in right))


def _named(rows: Rows, key: str, node: exp.Expr) -> Term:
    """Returns the column that USING names on one side."""
    meaning = Scope(rows).meaning(exp.column(exp.to_identifier(key, quoted=True)))
    column = meaning.column
    if meaning.id is None:
        raise Refused(f"the column {key} of USING is not known", node)
    carry = column.carry
    if any(m.first == meaning.id and m.is_either for m in rows.merged):
        carry = None
    return Term((0, *meaning.id), meaning.id, carry, column.type_name, 0)


def _merged(left: Rows, right: Rows, keys: tuple[str, ...], join: Join) -> tuple[Merged, ...]:
    """Returns the columns of USING of both sides and of the join itself."""
    rest = [m for m in left.merged + right.merged if m.key not in keys]
    made: list[Merged] = []
    for key in keys:
        members: set[ColumnId] = set()
        means: list[tuple[ColumnId, Column]] = []
        for side in (left, right):
            meaning = Scope(side).meaning(exp.column(exp.to_identifier(key, quoted=True)))
            assert meaning.id is not None
            means.append((meaning.id, meaning.column))
            members.add(meaning.id)
            for old in side.merged:
                if old.key == key:
                    members |= old.members
        (left_id, left_column), (right_id, right_column) = means
        if join.kind.name == "RIGHT":
            made.append(Merged(key, right_column, frozenset(members), right_id))
        elif join.kind.name != "FULL":
            made.append(Merged(key, left_column, frozenset(members), left_id))
        else:
            same = (
                left_column.carry is not None
                and right_column.carry is not None
                and left_column.carry.text == right_column.carry.text
            )
            column = Column(left_column.name, left_column.carry if same else None)
            own = (new_id(), 0)
            left_members = frozenset(m for m in members if m != own)
            made.append(Merged(key, column, left_members, own))
    return (*made, *rest)
