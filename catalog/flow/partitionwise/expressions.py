"""Scalar expressions: what they carry, and whether their value depends on their row alone."""

from collections.abc import Iterator

from sqlglot import exp

from catalog.dataclasses import dataclass, replace
from catalog.flow.functions import (
    ALL_AGGREGATES,
    ORDERED_AGGREGATES,
    ORDERED_WINDOW_ONLY,
    SYNTAX,
    UNSTABLE_AGGREGATES,
    WINDOW_ONLY,
)
from catalog.flow.partitionwise.carry import Carry, composed
from catalog.flow.partitionwise.prover import Place, Prover
from catalog.flow.partitionwise.refusal import Refused, refuse_others, shown
from catalog.flow.partitionwise.relation import ColumnId
from catalog.query.parse.keywords import fold

_KNOWN_NODES = (
    exp.AtTimeZone,
    exp.Binary,
    exp.Boolean,
    exp.Bracket,
    exp.DataType,
    exp.DataTypeParam,
    exp.Distinct,
    exp.Filter,
    exp.Func,
    exp.HavingMax,
    exp.Identifier,
    exp.IgnoreNulls,
    exp.Interval,
    exp.Literal,
    exp.Null,
    exp.Order,
    exp.Ordered,
    exp.Predicate,
    exp.PropertyEQ,
    exp.RespectNulls,
    exp.Slice,
    exp.Tuple,
    exp.Unary,
    exp.Var,
    exp.Where,
    exp.WindowSpec,
    exp.WithinGroup,
)
"""What an expression may be made of besides what has a rule of its own below."""

MAX_HOPS = 16
"""How far an alias of an alias is followed."""

_BINDING = (exp.Window, exp.Lambda, exp.Comprehension)
"""Nodes in which a value is of more than its row, or a name is not a column."""

_REFUSED_NODES = (exp.Collate, exp.Columns, exp.Placeholder, exp.Parameter, exp.PositionalColumn)


@dataclass(slots=True)
class Contents:
    """What an expression has in it, outside of its subqueries.

    Attributes:
        aggregate: The first aggregate that is not a window function.
        window: Whether it has a window function.
        unnest: Whether it has an ``unnest``, which may give many columns.
    """

    aggregate: exp.Expr | None = None
    window: bool = False
    unnest: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One side of an equality.

    Attributes:
        id: Equal terms have the same.
        column: The column, if it is a bare one of the FROM clause.
        carry: What it carries.
        type_name: Its type, if it is a bare column of a known one.
        level: How many queries further out it lies.
    """

    id: tuple[object, ...]
    column: ColumnId | None
    carry: Carry | None
    type_name: str
    level: int


def is_query(node: exp.Expr | None) -> bool:
    """Returns whether a node is a query: neither a value nor a table."""
    while isinstance(node, exp.Subquery):
        node = node.this
    is_pivot = isinstance(node, exp.Pivot) and node.this is not None
    return is_pivot or isinstance(node, (exp.Select, exp.SetOperation, exp.Values))


def unwrapped(node: exp.Expr) -> exp.Expr:
    """Returns a node without the parentheses around it."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def carried(node: exp.Expr, place: Place) -> Carry | None:
    """Returns what an expression carries in the rows of its own query.

    Raises:
        Refused: A name in it has no certain meaning.
    """
    found = term(node, place)
    return found.carry if found is not None and found.level == 0 else None


def term(node: exp.Expr, place: Place, *, hops: int = 0) -> Term | None:
    """Reads a side of an equality, None if it is not an expression over exactly one column.

    Raises:
        Refused: A name in it has no certain meaning.
    """
    node = unwrapped(node)
    if isinstance(node, exp.Column):
        return _column_term(node, place, hops)
    either = _coalesced_halves(node, place)
    if either is not None:
        return Term(("either", either.text, id(node)), None, either, "", 0)
    if any(is_query(one) or isinstance(one, _BINDING) for one in node.walk()):
        return None
    columns = list(node.find_all(exp.Column))
    if len({tuple(fold(part.name) for part in column.parts) for column in columns}) != 1:
        return None
    first = _column_term(columns[0], place, hops)
    if first is None or first.carry is None:
        return None
    carry = composed(node, first.carry, lambda one: isinstance(one, exp.Column))
    if carry is None:
        return None
    return Term((*first.id, carry.text), None, carry, "", first.level)


def _column_term(node: exp.Column, place: Place, hops: int) -> Term | None:
    meaning = place.scope.meaning(node)
    if meaning.alias is not None and meaning.level == 0 and hops < MAX_HOPS:
        return term(meaning.alias, place, hops=hops + 1)
    if meaning.id is None:
        return None
    column = meaning.column
    return Term(
        (meaning.level, *meaning.id), meaning.id, column.carry, column.type_name, meaning.level
    )


def _coalesced_halves(node: exp.Expr, place: Place) -> Carry | None:
    """Returns what ``coalesce(a.p, b.p)`` carries after a FULL JOIN of a and b."""
    if not isinstance(node, exp.Coalesce) or len(node.expressions) != 1:
        return None
    sides = [unwrapped(node.this), unwrapped(node.expressions[0])]
    halves = []
    for side in sides:
        if not isinstance(side, exp.Column):
            return None
        meaning = place.scope.meaning(side)
        if meaning.level or meaning.column.half is None:
            return None
        halves.append(meaning.column.half)
    one, other = halves
    fits = one.join == other.join and one.right != other.right
    return one.carry if fits and one.carry.text == other.carry.text else None


def conjuncts(node: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yields the conditions that must all be true for a condition to be true."""
    pending = [] if node is None else [node]
    while pending:
        one = unwrapped(pending.pop())
        if isinstance(one, exp.And):
            pending += [one.expression, one.this]
        else:
            yield one


def check(node: exp.Expr | None, place: Place) -> Contents:
    """Refuses an expression whose value may depend on other rows than its own.

    Returns:
        What it has in it.

    Raises:
        Refused: It has a subquery over partitions other than that of its row, a window over
            several partitions, a name without a certain meaning, or a node without a rule.
    """
    contents = Contents()
    if node is not None:
        _Check(place.prover, contents).visit(node, place)
    return contents


@dataclass(frozen=True, slots=True)
class _Check:
    prover: Prover
    contents: Contents

    def visit(self, node: exp.Expr, place: Place) -> None:
        if is_query(node):
            if self.prover.relation(node, place).split:
                raise Refused(
                    "the subquery is not restricted to the partition of the row it is for", node
                )
            return
        self.prover.seen.add(id(node))
        name = self.prover.called(node)
        match node:
            case exp.Column():
                if isinstance(node.this, exp.Star):
                    raise Refused(f"{shown(node)} stands where a value is expected", node)
                place.scope.meaning(node)
                return
            case exp.Window():
                self._window(node, place)
                return
            case exp.Lambda() | exp.Comprehension():
                place = _with_parameters(node, place)
            case exp.Exists() if is_query(node.this):
                self.visit(node.this, place)
                return
            case exp.Count() if isinstance(node.this, exp.Star):
                refuse_others(node.this, frozenset(), "count(*)")
                self._aggregate(node, place, name)
                return
            case exp.Dot() if isinstance(node.expression, exp.Func):
                raise Refused(f"the call {shown(node)} is written like a field of a value", node)
            case _ if isinstance(node, _REFUSED_NODES) or not isinstance(node, _KNOWN_NODES):
                raise Refused(f"{shown(node)} has no rule that keeps partitions apart", node)
        if name in WINDOW_ONLY | ORDERED_WINDOW_ONLY:
            raise Refused(f"{name}() has no OVER", node)
        if name in ALL_AGGREGATES or (isinstance(node, exp.AggFunc) and name not in SYNTAX):
            self._aggregate(node, place, name)
        elif isinstance(node, exp.Explode):
            self.contents.unnest = True
        self._below(node, place)

    def _below(self, node: exp.Expr, place: Place) -> None:
        for child in node.iter_expressions():
            self.visit(child, place)

    def _aggregate(self, node: exp.Expr, place: Place, name: str) -> None:
        if self.contents.aggregate is None:
            self.contents.aggregate = node
        _check_order(self.prover, node, name)
        levels = []
        if any(is_query(one) for one in node.walk()):
            raise Refused(f"the aggregate {shown(node)} has a subquery in it", node)
        for one in node.walk(prune=lambda n: isinstance(n, (exp.Lambda, exp.Comprehension))):
            if isinstance(one, exp.Column) and not isinstance(one.this, exp.Star):
                levels.append(place.scope.meaning(one).level)
        if levels and min(levels) > 0:
            raise Refused(f"the aggregate {shown(node)} is one of the query around it", node)

    def _window(self, node: exp.Window, place: Place) -> None:
        self.contents.window = True
        parts = list(_window_parts(node, place))
        partition = [key for part in parts for key in part.args.get("partition_by") or []]
        order = [part.args["order"] for part in parts if part.args.get("order")]
        function = node.this
        while isinstance(function, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
            self.prover.seen.add(id(function))
            if isinstance(function, exp.Filter):
                self.visit(function.expression.this, place)
            function = function.this
        self.prover.seen.add(id(function))
        name = self.prover.called(function)
        for below in (*function.iter_expressions(), *partition, *order):
            if not isinstance(below, exp.Star):
                self.visit(below, place)
        _check_window_order(self.prover, node, name, ordered=bool(order))
        for part in parts:
            if part.args.get("spec") is not None:
                self.visit(part.args["spec"], place)
        if place.scope.rows.split and not any(
            self.prover.fixes(carried(key, place)) for key in partition
        ):
            called = f"{name or 'a function'}()"
            raise Refused(f"the window of {called} has no PARTITION BY of a partition column", node)


def _window_parts(node: exp.Window, place: Place) -> Iterator[exp.Window]:
    """Yields a window and the named ones that it refers to.

    Raises:
        Refused: There is none of that name, or a part has no rule.
    """
    names: set[str] = set()
    part: exp.Window | None = node
    while part is not None:
        refuse_others(
            part, frozenset({"this", "partition_by", "order", "spec", "alias", "over"}), "a window"
        )
        yield part
        alias = part.args.get("alias")
        if alias is None:
            return
        name = fold(alias.name)
        part = place.windows.get(name)
        if part is None or name in names:
            raise Refused(f"there is no window {alias.name}", node)
        names.add(name)


def _check_window_order(prover: Prover, node: exp.Window, name: str, *, ordered: bool) -> None:
    if name in UNSTABLE_AGGREGATES:
        raise Refused(f"the result of {name}() depends on the order of rows", node)
    spec = node.args.get("spec")
    rows = spec is not None and str(spec.args.get("kind")).upper() == "ROWS"
    if name in ORDERED_AGGREGATES | ORDERED_WINDOW_ONLY or rows:
        if not ordered:
            raise Refused(f"{name}() depends on the order of rows, and its window has none", node)
        prover.tie(shown(node))


def _check_order(prover: Prover, node: exp.Expr, name: str) -> None:
    """Refuses an aggregate that depends on an order which it does not say."""
    if name in UNSTABLE_AGGREGATES:
        raise Refused(f"the result of {name}() among equals depends on the order of rows", node)
    if name not in ALL_AGGREGATES:
        raise Refused(f"the aggregate {shown(node)} has no rule", node)
    if name not in ORDERED_AGGREGATES:
        return
    order = next(node.find_all(exp.Order), None)
    if order is None:
        raise Refused(f"{name}() without ORDER BY depends on the order of rows", node)
    keys = {shown(key.this) for key in order.expressions}
    value = order.this.expressions[0] if isinstance(order.this, exp.Distinct) else order.this
    if value is None or shown(value) not in keys:
        prover.tie(shown(node))


def _with_parameters(node: exp.Expr, place: Place) -> Place:
    """Returns a place where the names that a lambda binds mean its parameters."""
    bound = node.expressions or [node.args.get("expression"), node.args.get("position")]
    names = {fold(one.name) for one in bound if isinstance(one, exp.Expr)}
    scope = replace(place.scope, parameters=place.scope.parameters | names)
    return replace(place, scope=scope)
