"""The select list: the columns of the result, their names and what they carry."""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from catalog.dataclasses import dataclass, replace
from catalog.flow.partitionwise.expressions import Contents, carried, check, unwrapped
from catalog.flow.partitionwise.prover import Place
from catalog.flow.partitionwise.refusal import Refused, refuse_others, shown
from catalog.flow.partitionwise.relation import Column, Rows
from catalog.query.parse.keywords import fold


@dataclass(frozen=True, slots=True)
class Projected:
    """One column of a select list.

    Attributes:
        column: What is known of it.
        node: Its expression; None for a column of a star.
        contents: What the expression has in it.
    """

    column: Column
    node: exp.Expr | None
    contents: Contents


@dataclass(frozen=True, slots=True)
class Projection:
    """A select list.

    Attributes:
        columns: Its columns, stars replaced by what they stand for.
        known: How many of them, from the first, are certainly at their place: ``unnest`` of a
            struct gives many columns.
        wild: Whether columns that are not known follow those.
    """

    columns: tuple[Projected, ...]
    known: int
    wild: bool

    @property
    def certain(self) -> tuple[Projected, ...]:
        """The columns that are certainly at their place."""
        return self.columns[: self.known]

    def at(self, number: int, node: exp.Expr) -> Projected:
        """Returns the column that a number in GROUP BY means.

        Raises:
            Refused: It is not certain which.
        """
        if not 1 <= number <= self.known:
            raise Refused(f"the column {number} of the select list is not known", node)
        return self.columns[number - 1]


def projection(nodes: Sequence[exp.Expr], place: Place) -> Projection:
    """Reads a select list.

    Raises:
        Refused: An expression has no rule, or depends on other partitions than its row's.
    """
    columns: list[Projected] = []
    known: int | None = None
    for node in nodes:
        before = len(columns)
        columns += _projected(node, place)
        if known is not None:
            continue
        wild = [source.wild for source in place.scope.rows.sources]
        if _is_star(node) and any(wild):
            known = before if any(wild[:-1]) else len(columns)
        elif any(one.contents.unnest for one in columns[before:]):
            known = before
    return Projection(
        tuple(columns), len(columns) if known is None else known, wild=known is not None
    )


def aliases(nodes: Sequence[exp.Expr]) -> dict[str, exp.Expr]:
    """Returns the expressions of a select list by alias, without aliases that are not unique."""
    found = [(fold(node.alias), node.this) for node in nodes if isinstance(node, exp.Alias)]
    names = [name for name, _ in found]
    return {name: node for name, node in found if names.count(name) == 1}


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) or (
        isinstance(node, exp.Column) and isinstance(node.this, exp.Star)
    )


def _projected(node: exp.Expr, place: Place) -> Iterator[Projected]:
    if _is_star(node):
        yield from _starred(node, place)
        return
    value = node.this if isinstance(node, exp.Alias) else node
    contents = check(value, place)
    place.prover.seen.add(id(node))
    carry = carried(value, place) if contents.aggregate is None else None
    bare = unwrapped(value)
    name, type_name = None, ""
    if isinstance(bare, exp.Column):
        meaning = place.scope.meaning(bare)
        name = bare.name
        if meaning.level == 0 and meaning.id is not None:
            either = any(m.first == meaning.id and m.is_either for m in place.scope.rows.merged)
            name = name if either else meaning.column.name or name
            type_name = meaning.column.type_name
    elif isinstance(bare, exp.Dot) and isinstance(bare.expression, exp.Identifier):
        name = bare.expression.name
    if isinstance(node, exp.Alias):
        name = node.alias
    yield Projected(Column(name, carry, type_name), value, contents)


def _starred(node: exp.Expr, place: Place) -> Iterator[Projected]:
    star = node if isinstance(node, exp.Star) else node.this
    refuse_others(star, frozenset({"except_", "replace", "rename"}), "*")
    rows = place.scope.rows
    if isinstance(node, exp.Column):
        rows = _only(rows, node)
    replaced = {fold(one.alias): one.this for one in star.args.get("replace") or []}
    renamed = {fold(one.this.name): one.alias for one in star.args.get("rename") or []}
    excluded = set()
    for one in star.args.get("except_") or []:
        if not isinstance(one, (exp.Column, exp.Identifier)) or (
            isinstance(one, exp.Column) and len(one.parts) > 1
        ):
            raise Refused(f"EXCLUDE ({shown(one)}) has no rule", node)
        excluded.add(fold(one.name))
    if any(source.wild for source in rows.sources) and (replaced or renamed or excluded):
        raise Refused(f"the columns of {shown(node)} are not known", node)
    changed = [*replaced, *renamed, *excluded]
    keys = [column.key for _, column in rows.star()]
    if any(keys.count(key) > 1 for key in changed):
        raise Refused(f"{shown(node)} changes one of several columns of the same name", node)
    for _, column in rows.star():
        if column.key not in excluded:
            key = column.key or ""
            yield _changed(place, column, (replaced.get(key), renamed.get(key)))


def _changed(place: Place, column: Column, change: tuple[exp.Expr | None, str | None]) -> Projected:
    """Returns a column of a star with what REPLACE and RENAME make of it."""
    value, name = change
    contents = check(value, place)
    made = replace(column, half=None)
    if value is not None:
        made = Column(column.name, carried(value, place) if contents.aggregate is None else None)
    return Projected(made if name is None else replace(made, name=name), value, contents)


def _only(rows: Rows, node: exp.Column) -> Rows:
    """Returns the rows of the one source that ``alias.*`` names."""
    parts = [fold(part.name) for part in node.parts[:-1]]
    found = [source for source in rows.sources if source.alias == parts[-1]]
    if len(found) != 1 or len(parts) > 2 or (len(parts) == 2 and found[0].schema != parts[0]):
        raise Refused(f"the columns of {shown(node)} are not known", node)
    return replace(rows, sources=(found[0],), merged=())
