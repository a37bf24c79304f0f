"""Queries: what the columns of a result are made from, and what decides its rows.

Names are resolved by the rules of DuckDB where these are certain; where a name may mean several
things, all of them count. Whatever is not understood is ``UNKNOWN``, never left out: at the end,
every column and every input in the tree must have been seen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.model.lineage import Influence
from catalog.query.lineage.expressions import (
    ExpressionReader,
    column_name,
    has_aggregate,
    uses_named_window,
)
from catalog.query.lineage.parts import NOTHING, UNKNOWN, Parts, through, united
from catalog.query.lineage.pivots import pivoted
from catalog.query.lineage.relations import Item, Relation, Scope, collapsed
from catalog.query.parse.keywords import fold

Names = Mapping[str, Relation]
"""What names of one part mean as tables: the inputs, and the CTEs in scope."""

_NO_INPUT = Relation((Item("", NOTHING, many=True),))
"""A file, or a table of the session that is made from no input."""

MOST_ROUNDS = 50
"""Rounds after which a recursive CTE must have settled: a column per round is far more than any
has."""

_SPREADING = (exp.Explode, exp.Unnest, exp.Inline)
"""Functions that make rows of a list, or columns of a struct."""


class QueryReader:
    """Reads queries.

    Attributes:
        expressions: Reads the expressions in them.
        seen: Identities of the nodes of tables that were read.
        names: What names of tables mean to subqueries in expressions.
    """

    def __init__(self) -> None:
        self.expressions = ExpressionReader(self._subquery)
        self.seen: set[int] = set()
        self.names: Names = {}

    def query(self, node: exp.Expr, outer: Scope, names: Names) -> Relation:
        """Returns the relation that a query is.

        Args:
            node: The query.
            outer: The scope around it, for what is correlated.
            names: What names of tables mean.
        """
        before, self.names = self.names, names
        try:
            return self._query(node, outer, self.with_ctes(node, outer, names))
        finally:
            self.names = before

    def with_ctes(self, node: exp.Expr, outer: Scope, names: Names) -> Names:
        """Returns what names mean below a node that may begin with WITH."""
        with_ = node.args.get("with_")
        if not isinstance(with_, exp.With):
            return names
        for cte in with_.expressions:
            alias = cte.args.get("alias")
            name = fold(alias.name) if isinstance(alias, exp.TableAlias) else ""
            columns = _alias_columns(alias)
            if with_.args.get("recursive"):
                relation = self._recursive(cte.this, outer, names, name=name, columns=columns)
            else:
                relation = self.query(cte.this, outer, names).renamed(columns)
            names = {**names, name: relation}
        return names

    def _recursive(
        self, node: exp.Expr, outer: Scope, names: Names, *, name: str, columns: Sequence[str]
    ) -> Relation:
        """Returns a CTE that may read itself: what it is made from, until nothing is added."""
        if not isinstance(node, exp.Union):
            return self.query(node, outer, names).renamed(columns)
        inner = self.with_ctes(node, outer, names)
        found = self.query(node.this, outer, inner).renamed(columns)
        for _ in range(MOST_ROUNDS):
            known = {**inner, name: found, f"recurring.{name}": found}
            more = self.query(node.expression, outer, known)
            joined = self._set_operation(node, found, more).renamed(columns)
            if joined == found:
                return found
            found = joined
        return Relation((Item("", {UNKNOWN: 1}, many=True),), {UNKNOWN: 1})

    def _subquery(self, node: exp.Expr, scope: Scope) -> Relation:
        return self.query(node, scope, self.names)

    def _query(self, node: exp.Expr, outer: Scope, names: Names) -> Relation:
        if isinstance(node, exp.Select):
            return self._select(node, outer, names)
        if isinstance(node, exp.SetOperation):
            left, right = (self.query(side, outer, names) for side in (node.this, node.expression))
            return self._modified(node, self._set_operation(node, left, right), outer)
        if isinstance(node, exp.Subquery):
            relation = self._source(node, Scope(outer=outer), names)
            return self._modified(node, relation, outer)
        if isinstance(node, exp.Values | exp.Table | exp.Pivot):
            return self._modified(node, self._source(node, Scope(outer=outer), names), outer)
        return self._opaque(node, outer, names)

    def _set_operation(self, node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
        everything = united([left.everything, right.everything])
        rows = united([left.rows, right.rows])
        if not isinstance(node, exp.Union):
            rows = united([rows, through(everything, Influence.FILTER)])
        elif node.args.get("distinct"):
            rows = united([rows, through(everything, Influence.GROUP_BY)])
        if not (left.is_certain and right.is_certain):
            return replace(collapsed(left, right), rows=rows)
        if node.args.get("by_name"):
            names = dict.fromkeys(item.name for item in (*left.items, *right.items))
            if "" in names:
                return replace(collapsed(left, right), rows=rows)
            items = tuple(
                Item(name, united(p for one in (left, right) if (p := one.named(name)) is not None))
                for name in names
            )
        elif len(left.items) != len(right.items):
            return replace(collapsed(left, right), rows=rows)
        else:
            items = tuple(
                replace(one, parts=united([one.parts, other.parts]))
                for one, other in zip(left.items, right.items, strict=True)
            )
        return Relation(items, rows)

    def _modified(self, node: exp.Expr, relation: Relation, outer: Scope) -> Relation:
        """Returns a relation with what ORDER BY and LIMIT after it add."""
        scope = Scope([("", relation)], outer)
        rows = [relation.rows, *self._order(node, scope, relation.items)]
        rows += self._limits(node, scope)
        return replace(relation, rows=united(rows))

    def _select(self, node: exp.Select, outer: Scope, names: Names) -> Relation:
        scope = Scope(outer=outer)
        star, rows = self._from(node, scope, names)
        windows = united(
            through(self.expressions.parts(child, scope), Influence.WINDOW)
            for window in node.args.get("windows") or ()
            for key in ("partition_by", "order", "spec")
            for child in _listed(window.args.get(key))
        )
        items: list[Item] = []
        for projection in node.expressions:
            added = list(self._projected(projection, scope, star))
            if windows and uses_named_window(projection):
                added = [replace(i, parts=united([i.parts, windows])) for i in added]
            items += added
            scope.aliases = items
        parts = [rows, *self._clauses(node, scope, items)]
        if node.args.get("qualify"):
            parts.append(windows)
        parts += self._order(node, scope, items)
        parts += self._limits(node, scope)
        for spreading in _spreading(node.expressions):
            parts.append(through(self.expressions.parts(spreading, scope), Influence.JOIN))
        return Relation(tuple(items), united(parts))

    def _clauses(self, node: exp.Select, scope: Scope, items: Sequence[Item]) -> Iterator[Parts]:
        """Yields what the clauses between FROM and ORDER BY decide rows by."""
        read = self.expressions.parts
        for key in ("where", "having", "qualify"):
            clause = node.args.get(key)
            if isinstance(clause, exp.Expr):
                both = key != "where"
                yield through(read(clause.this, scope, both=both), Influence.FILTER)
        group = node.args.get("group")
        if isinstance(group, exp.Group):
            yield self._listed(group.walk(), scope, items, kind=Influence.GROUP_BY)
            for value in group.args.values():
                for child in _listed(value):
                    yield through(read(child, scope, both=True), Influence.GROUP_BY)
            if group.args.get("all"):
                plain = [
                    item.parts
                    for projection, item in zip(node.expressions, items, strict=False)
                    if len(node.expressions) != len(items) or not has_aggregate(projection)
                ]
                yield through(united(plain), Influence.GROUP_BY)
        distinct = node.args.get("distinct")
        if isinstance(distinct, exp.Distinct):
            on = distinct.args.get("on")
            if isinstance(on, exp.Expr):
                yield self._listed(on.walk(), scope, items, kind=Influence.GROUP_BY)
                yield through(read(on, scope, both=True), Influence.GROUP_BY)
            else:
                yield through(united(item.parts for item in items), Influence.GROUP_BY)

    def _listed(
        self, nodes: Iterable[exp.Expr], scope: Scope, items: Sequence[Item], *, kind: Influence
    ) -> Parts:
        """Returns what columns of the result that are given by number are made from."""
        numbers = [
            int(node.name)
            for node in nodes
            if isinstance(node, exp.Literal) and not node.is_string and node.name.isdecimal()
        ]
        if not numbers:
            return NOTHING
        certain = not any(item.many for item in items)
        chosen = [item.parts for n, item in enumerate(items, 1) if n in numbers or not certain]
        return through(united(chosen), kind)

    def _order(self, node: exp.Expr, scope: Scope, items: Sequence[Item]) -> Iterator[Parts]:
        order = node.args.get("order")
        if not isinstance(order, exp.Order):
            return
        for one in order.expressions:
            key = one.this if isinstance(one, exp.Ordered) else one
            if isinstance(key, exp.Var | exp.Star | exp.Columns):
                self.expressions.understand(key)
                yield through(united(item.parts for item in items), Influence.SORT)
            else:
                yield self._listed([key], scope, items, kind=Influence.SORT)
                parts = self.expressions.parts(key, scope, both=True)
                yield through(parts, Influence.SORT)

    def _limits(self, node: exp.Expr, scope: Scope) -> Iterator[Parts]:
        for key in ("limit", "offset", "sample"):
            clause = node.args.get(key)
            if isinstance(clause, exp.Expr):
                yield through(self.expressions.parts(clause, scope), Influence.FILTER)

    def _projected(self, node: exp.Expr, scope: Scope, star: Relation) -> Iterator[Item]:
        """Yields the columns of a result that an expression in its list stands for."""
        read = self.expressions
        inner = node.this if isinstance(node, exp.Alias) else node
        if isinstance(inner, exp.Star):
            yield from self._star(inner, star, scope)
            return
        if isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star):
            read.seen.add(id(inner))
            name = column_name(inner)
            found = [r for alias, r in scope.sources if alias and name[-1:] == [alias]]
            if found:
                yield from self._star(inner.this, found[0], scope)
            else:
                yield Item(
                    "", through(read.column(inner, scope), Influence.TRANSFORMATION), many=True
                )
            return
        expanding = list(inner.find_all(exp.Columns))
        if expanding:
            yield from self._expanded(inner, expanding, scope, star)
            return
        parts = read.parts(inner, scope)
        if isinstance(node, exp.Alias):
            yield Item(fold(node.alias), parts)
        elif isinstance(inner, exp.Column):
            yield Item(column_name(inner)[-1], parts)
        elif isinstance(inner, (*_SPREADING, exp.Aliases)):
            yield Item("", parts, many=True)
        else:
            yield Item("", parts)

    def _star(self, node: exp.Star, relation: Relation, scope: Scope) -> Iterator[Item]:
        """Yields the columns of ``*`` with EXCLUDE, REPLACE and RENAME."""
        read = self.expressions
        read.understand(node)
        excluded = {fold(one.name) for one in _listed(node.args.get("except_"))}
        replaced = {
            fold(one.alias): read.parts(one.this, scope)
            for one in _listed(node.args.get("replace"))
        }
        renamed = {fold(one.this.name): fold(one.alias) for one in _listed(node.args.get("rename"))}
        for item in relation.items:
            if item.many and replaced:
                yield replace(item, parts=united([item.parts, *replaced.values()]))
            elif item.many or item.name not in excluded:
                parts = replaced.get(item.name, item.parts) if not item.many else item.parts
                yield replace(item, name=renamed.get(item.name, item.name), parts=parts)

    def _expanded(
        self, node: exp.Expr, expanding: Sequence[exp.Columns], scope: Scope, star: Relation
    ) -> Iterator[Item]:
        """Yields the columns of an expression with ``COLUMNS(…)``: one for each that it matches."""
        every = all(
            isinstance(one.this, exp.Star) and not any(one.this.args.values()) for one in expanding
        )
        if every and star.is_certain and not any(one.args.get("unpack") for one in expanding):
            for item in star.items:
                scope.expanded = item.parts
                yield Item(item.name, self.expressions.parts(node, scope))
            scope.expanded = None
            return
        yield Item("", self.expressions.parts(node, scope), many=True)

    def _from(self, node: exp.Expr, scope: Scope, names: Names) -> tuple[Relation, Parts]:
        """Adds the relations of a FROM clause to a scope.

        Returns what ``*`` stands for, and what decides which rows there are.
        """
        from_ = node.args.get("from_")
        held, rows = [Relation()], list[Parts]()
        if isinstance(from_, exp.From):
            held[0] = self._added(from_.this, scope, names)
            rows += [held[0].rows, *self._joins(from_.this, scope, names, left=held)]
        rows += self._joins(node, scope, names, left=held)
        for lateral in _listed(node.args.get("laterals")):
            relation = self._added(lateral, scope, names)
            rows.append(relation.rows)
            held[0] = Relation((*held[0].items, *relation.items))
        return held[0], united(rows)

    def joined(self, node: exp.Expr, scope: Scope, names: Names) -> Parts:
        """Adds a relation, with all that is joined to it, to a scope; returns what decides rows."""
        held = [self._added(node, scope, names)]
        return united([held[0].rows, *self._joins(node, scope, names, left=held)])

    def _added(self, node: exp.Expr, scope: Scope, names: Names) -> Relation:
        relation = self._source(node, scope, names)
        scope.sources.append((fold(node.alias_or_name), relation))
        return relation

    def _joins(
        self, node: exp.Expr, scope: Scope, names: Names, *, left: list[Relation]
    ) -> Iterator[Parts]:
        """Adds joined relations to a scope; ``left`` holds what ``*`` stands for, and is updated.

        Yields what decides which rows there are.
        """
        for join in node.args.get("joins") or ():
            right = self._added(join.this, scope, names)
            yield right.rows
            nested = [right]
            yield from self._joins(join.this, scope, names, left=nested)
            right = nested[0]
            yield through(self.expressions.parts(join.args.get("on"), scope), Influence.JOIN)
            using = [fold(one.name) for one in _listed(join.args.get("using"))]
            natural = str(join.args.get("method") or "").upper() == "NATURAL"
            shown, shared = _paired(left[0], right, None if natural else using)
            yield through(shared, Influence.JOIN)
            for key in ("match_condition", "expressions"):
                for child in _listed(join.args.get(key)):
                    yield through(self.expressions.parts(child, scope), Influence.JOIN)
            if str(join.args.get("kind") or "").upper() not in ("SEMI", "ANTI"):
                left[0] = shown

    def _source(self, node: exp.Expr, scope: Scope, names: Names) -> Relation:
        """Returns the relation of an item of a FROM clause; ``scope`` has those before it."""
        alias = node.args.get("alias")
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Func):
            relation = self._table(node, names)
        elif isinstance(node, exp.Pivot):
            relation = pivoted(self._source(node.this, scope, names), node, self.expressions, scope)
            alias = None
        elif isinstance(node, exp.Subquery | exp.Lateral) and isinstance(
            node.this, exp.Query | exp.Pivot | exp.Values
        ):
            relation = self._nested(node, scope, names)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            inner = Scope(outer=scope)
            first = self._added(node.this, inner, names)
            held = [first]
            rows = [first.rows, *self._joins(node.this, inner, names, left=held)]
            rows += self._joins(node, inner, names, left=held)
            relation = Relation(held[0].items, united(rows))
            scope.sources += inner.sources
        elif isinstance(node, exp.Values):
            relation = self._values(node, scope)
        elif isinstance(node, exp.Table | exp.Unnest | exp.Lateral | exp.Func):
            relation = self._function(node, scope)
        else:
            relation = self._opaque(node, scope, names)
        for pivot in node.args.get("pivots") or ():
            relation = pivoted(relation, pivot, self.expressions, scope)
        if isinstance(node.args.get("sample"), exp.Expr):
            relation = replace(
                relation,
                rows=united([relation.rows, *self._limits(node, Scope([("", relation)], scope))]),
            )
        return relation.renamed(_alias_columns(alias))

    def _nested(self, node: exp.Expr, scope: Scope, names: Names) -> Relation:
        """Returns the relation of a subquery in FROM, with joins in its parentheses."""
        names = self.with_ctes(node, scope, names)
        return self.query(node.this, scope, names)

    def _table(self, node: exp.Table, names: Names) -> Relation:
        self.seen.add(id(node))
        schema, name = node.args.get("db"), fold(node.name)
        if isinstance(schema, exp.Identifier):
            name = f"{fold(schema.name)}.{name}"
        found = None if node.args.get("catalog") else names.get(name)
        return _NO_INPUT if found is None else found

    def _values(self, node: exp.Values, scope: Scope) -> Relation:
        rows = [
            row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions
        ]
        widths = {len(row) for row in rows}
        if len(widths) != 1:
            parts = united(self.expressions.parts(one, scope) for row in rows for one in row)
            return Relation((Item("", parts, many=True),))
        return Relation(
            tuple(
                Item(
                    f"col{n}",
                    united(self.expressions.parts(row[n], scope) for row in rows),
                )
                for n in range(widths.pop())
            )
        )

    def _function(self, node: exp.Expr, scope: Scope) -> Relation:
        """Returns the relation of a table function: all of it comes from all its arguments."""
        inner = node.this if isinstance(node, exp.Table | exp.Lateral) else node
        parts = (
            through(self.expressions.parts(inner, scope), Influence.TRANSFORMATION)
            if isinstance(inner, exp.Expr)
            else NOTHING
        )
        return Relation((Item("", parts, many=True),), through(parts, Influence.JOIN))

    def _opaque(self, node: exp.Expr, outer: Scope, names: Names) -> Relation:
        """Returns the relation of something else, such as SUMMARIZE: all of all tables in it."""
        sources = [self._table(one, names) for one in node.find_all(exp.Table)]
        every = collapsed(*sources)
        self.expressions.understand(node)
        parts = {**through(every.everything, Influence.TRANSFORMATION), UNKNOWN: 1}
        return Relation((Item("", parts, many=True),), every.rows)


def _paired(left: Relation, right: Relation, using: Sequence[str] | None) -> tuple[Relation, Parts]:
    """Returns what ``*`` stands for after a join, and what is compared by USING or NATURAL.

    ``using`` None means all names that both have.
    """
    if using is None and not (left.is_certain and right.is_certain):
        both = collapsed(left, right)
        return both, both.everything
    if using is None:
        names = {item.name for item in left.items} & {item.name for item in right.items} - {""}
    else:
        names = set(using)
    if not names:
        return Relation((*left.items, *right.items)), NOTHING
    other = {name: right.named(name) or right.unnamed or NOTHING for name in names}
    own = {name: left.named(name) or left.unnamed or NOTHING for name in names}
    items = [
        replace(item, parts=united([item.parts, other[item.name]])) if item.name in names else item
        for item in left.items
    ]
    items += [item for item in right.items if item.name not in names]
    return Relation(tuple(items)), united([*other.values(), *own.values()])


def _spreading(projections: Iterable[exp.Expr]) -> Iterator[exp.Expr]:
    """Yields what makes several rows of one: ``unnest(…)`` in the list of a SELECT."""
    for projection in projections:
        yield from projection.find_all(*_SPREADING, exp.GenerateSeries)


def _alias_columns(alias: object) -> list[str]:
    columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    return [fold(one.name) for one in columns or ()]


def _listed(value: object) -> Iterator[exp.Expr]:
    """Yields the nodes of an argument that is one, a list of them, or none."""
    for one in value if isinstance(value, list) else (value,):
        if isinstance(one, exp.Expr):
            yield one
