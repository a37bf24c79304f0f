"""What takes part in the value of an expression."""

from collections.abc import Callable, Iterable, Iterator

from sqlglot import exp

from catalog.dataclasses import dataclass, field
from catalog.model.lineage import Influence
from catalog.query.lineage.parts import NOTHING, UNKNOWN, Parts, through, united
from catalog.query.lineage.relations import Relation, Scope
from catalog.query.parse.keywords import fold

ReadQuery = Callable[[exp.Expr, Scope], Relation]
"""Returns the relation of a subquery in an expression, within the scope around it."""

_AGGREGATE_NAMES = """
    arbitrary arg_max arg_max_null arg_min arg_min_null argmax argmin avg bit_and bit_or bit_xor
    bitstring_agg bool_and bool_or corr count count_if count_star countif covar_pop covar_samp
    entropy favg first fsum geomean geometric_mean group_concat histogram histogram_exact
    json_group_array json_group_object json_group_structure kahan_sum kurtosis kurtosis_pop last
    list listagg mad max max_by mean median min min_by mode product quantile quantile_cont
    quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
    regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop stddev_samp string_agg sum
    sum_no_overflow sumkahan var_pop var_samp variance weighted_avg wavg
"""

_AGGREGATES = frozenset(_AGGREGATE_NAMES.split())
"""Aggregates by name: sqlglot does not know all as such."""


@dataclass(slots=True)
class ExpressionReader:
    """Reads expressions, and notes which columns it has seen.

    Attributes:
        read_query: Reads the subqueries in them.
        seen: Identities of the column nodes that were understood.
    """

    read_query: ReadQuery
    seen: set[int] = field(default_factory=set)

    def parts(self, node: exp.Expr | None, scope: Scope, *, both: bool = False) -> Parts:
        """Returns what takes part in an expression; ``both`` as for ``Scope.meaning``."""
        if node is None or isinstance(node, exp.Literal | exp.DataType | exp.Identifier):
            return NOTHING
        if isinstance(node, exp.Column):
            return self.column(node, scope, both=both)
        if isinstance(node, exp.Query):
            relation = self.read_query(node, scope)
            return united([relation.everything, relation.rows])
        if isinstance(node, exp.Exists):
            return self._exists(node, scope)
        if isinstance(node, exp.Alias | exp.Paren):
            return self.parts(node.this, scope, both=both)
        if isinstance(node, exp.Star) and isinstance(node.parent, exp.Count):
            return NOTHING
        if isinstance(node, exp.Columns | exp.Star):
            self.understand(node)
            return scope.everything if scope.expanded is None else scope.expanded
        return united(
            through(self.parts(child, inner, both=both), kind)
            for child, inner, kind in self._children(node, scope)
        )

    def column(self, node: exp.Column, scope: Scope, *, both: bool = False) -> Parts:
        """Returns what a column is made from; ``o.*`` within an expression is all of ``o``."""
        self.seen.add(id(node))
        name = column_name(node)
        if isinstance(node.this, exp.Star):
            return scope.meaning(name) if name else scope.everything
        return scope.meaning(name, both=both) if name else {UNKNOWN: 1}

    def understand(self, node: exp.Expr) -> None:
        """Notes that all columns below a node were taken into account."""
        self.seen.update(id(one) for one in node.find_all(exp.Column))

    def _exists(self, node: exp.Exists, scope: Scope) -> Parts:
        """Returns what decides whether a subquery has rows; what they are does not matter."""
        if isinstance(node.this, exp.Query):
            return self.read_query(node.this, scope).rows
        return self.parts(node.this, scope)

    def _children(
        self, node: exp.Expr, scope: Scope
    ) -> Iterator[tuple[exp.Expr, Scope, Influence]]:
        """Yields the parts of an expression, the scope of each, and how it takes part."""
        kinds: dict[str, Influence] = {}
        usual = Influence.TRANSFORMATION
        if is_aggregate(node):
            usual = Influence.AGGREGATION
        elif isinstance(node, exp.Case | exp.If):
            kinds = {"this": Influence.CONDITIONAL}
        elif isinstance(node, exp.Filter):
            kinds = {"this": Influence.IDENTITY, "expression": Influence.FILTER}
        elif isinstance(node, exp.Window):
            kinds = dict.fromkeys(("partition_by", "order", "spec"), Influence.WINDOW)
        elif isinstance(node, exp.Order | exp.WithinGroup):
            kinds = {"this": Influence.IDENTITY}
            usual = Influence.SORT
        elif isinstance(node, exp.Lambda | exp.Comprehension):
            scope = Scope(outer=scope, parameters=list(_parameters(node)))
        for key, value in node.args.items():
            kind = kinds.get(key, usual)
            if isinstance(node, exp.Window) and isinstance(value, exp.Order):
                value = value.expressions
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, exp.Expr):
                    yield child, scope, kind


def uses_named_window(node: exp.Expr) -> bool:
    """Returns whether an expression has ``OVER w`` in it."""
    return any(window.args.get("alias") for window in node.find_all(exp.Window))


def is_aggregate(node: exp.Expr) -> bool:
    """Returns whether a node is the call of an aggregate."""
    if isinstance(node, exp.AggFunc):
        return True
    return isinstance(node, exp.Anonymous) and fold(str(node.this)) in _AGGREGATES


def has_aggregate(node: exp.Expr) -> bool:
    """Returns whether an expression has an aggregate in it."""
    return any(is_aggregate(one) for one in node.walk())


def column_name(node: exp.Column) -> list[str]:
    """Returns the folded parts of a column's name, without the star of ``o.*``."""
    keys = ("catalog", "db", "table", "this")
    parts = [node.args.get(key) for key in keys]
    return [fold(part.name) for part in parts if isinstance(part, exp.Identifier)]


def _parameters(node: exp.Expr) -> Iterable[str]:
    bound = node.expressions if isinstance(node, exp.Lambda) else [node.args.get("expression")]
    for one in bound:
        if isinstance(one, exp.Expr):
            yield from (fold(name.name) for name in one.find_all(exp.Identifier))
