"""Finds the conjuncts ``column op literal`` of WHERE clauses by which data files may be left out.

A conjunct is offered for a table reference only if the result cannot change when rows of the
table that do not meet it are missing. The argument is local to one SELECT: its WHERE drops every
joined row whose part from the table does not meet the conjunct; so if a table's row takes part
in joined rows independently of the table's other rows, leaving it out changes nothing but
joined rows that WHERE drops. This holds wherever the SELECT stands: in CTEs, recursive terms,
correlated and lateral subqueries, set operations, INSERT … SELECT; and for everything that comes
after WHERE: grouping, HAVING, windows, QUALIFY, DISTINCT, ORDER BY, LIMIT and FETCH (the rows
that remain keep their order). What could break it, and what is done:

=================================  ==============================================================
OR, NOT, functions, casts or       No conjunct ``column op literal`` at the top level of WHERE:
COLLATE around the column,         nothing is offered.
parameters, subqueries
WHERE of FILTER, HAVING, QUALIFY,  Not looked at; only the SELECT's own WHERE is.
ON of joins
A SELECT alias of the same name    DuckDB takes the column if there is one (measured), but an
                                   unqualified column that is also an alias is not offered.
IS NULL over an outer join         The side that the join fills with NULLs gets no IS NULL (the
                                   anti-join idiom). Other operators reject those NULLs.
SEMI and ANTI joins                The right side is not visible in WHERE: nothing for it.
ASOF, POSITIONAL, NEAREST joins    A missing row moves other rows' partners: nothing in this FROM.
PIVOT, UNPIVOT in FROM             WHERE sees other columns: nothing in this FROM.
TABLESAMPLE, USING SAMPLE          The sample depends on the rows read: nothing in the statement.
Volatile functions                 The same (``prunable``): ``random()``, ``nextval()`` and such.
A column that may be another's     Offered only if qualified by the one source in this FROM known
                                   by that name, or if the FROM has exactly one source.
An outer query's column, a field   Seen only by someone who knows the table's columns: inner
of a struct (``o.a``)              columns win (measured), so a predicate on a column that the
                                   table does not have is void (see ``predicates``).
``s.t.a``, ``(o).a``, ``o['a']``   Not offered.
Column aliases ``AS o(a, b)``      The names have moved: nothing for this table.
Parameters of lambdas and macros   Nothing below a lambda or comprehension (``scopes``), nothing
                                   in CREATE MACRO (``references``).
FROM of UPDATE, USING of DELETE    No SELECT: nothing (their subqueries are looked at).
The target of UPDATE and DELETE    The same argument holds for its rows (``predicates_of_target``):
                                   beside other tables, only columns qualified by its name.
The target of MERGE                Only what ON demands of its columns, and nothing if unmatched
                                   rows of the target are asked for (``NOT MATCHED BY SOURCE``).
Case of names                      Compared as DuckDB does: A to Z without regard to case.
Text compared with a collation     See ``predicates``.
Parenthesised or nested joins      Nothing in this FROM.
=================================  ==============================================================
"""

import re
from collections.abc import Iterator, Set

from sqlglot import exp

from catalog.dataclasses import dataclass
from catalog.query.parse.keywords import fold
from catalog.query.parse.literals import literal_value
from catalog.query.parse.predicates import LiteralValue, Op, Predicate

_COMPARISONS: dict[type[exp.Expr], Op] = {
    exp.EQ: Op.EQ,
    exp.LT: Op.LT,
    exp.LTE: Op.LE,
    exp.GT: Op.GT,
    exp.GTE: Op.GE,
}

_FLIPPED = {Op.EQ: Op.EQ, Op.LT: Op.GT, Op.LE: Op.GE, Op.GT: Op.LT, Op.GE: Op.LE}

_SELECT_PARTS = frozenset(
    {"with_", "kind", "expressions", "distinct", "operation_modifiers", "from_", "joins", "where"}
    | {"group", "having", "qualify", "windows", "order", "limit", "offset", "exclude"}
)
"""The parts of a SELECT that are known to be safe; any other forbids predicates."""

_JOIN_PARTS = frozenset({"this", "on", "using", "side", "kind", "method"})

NAMED_PARTS = frozenset({"this", "db", "catalog", "alias"})
"""The parts of what is no more than a name with an alias."""

_CHANGE_PARTS = frozenset(
    {"with_", "this", "expressions", "from_", "using", "where", "returning", "cluster"}
)
"""The parts of UPDATE and DELETE that are known to be safe; any other forbids predicates."""

_JOIN_KINDS = frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"})

_JOIN_METHODS = frozenset({"", "NATURAL"})

_UNPRUNABLE_WORDS = re.compile(
    r"sample|tablesample|random|setseed|nextval|currval|uuid|uuidv[0-9]|gen_random_uuid"
)


def prunable(words: frozenset[str]) -> bool:
    """Returns whether none of a statement's words, folded, makes its result depend on rows read."""
    return not any(_UNPRUNABLE_WORDS.fullmatch(word) for word in words)


def predicates_by_table(select: exp.Select) -> dict[int, tuple[Predicate, ...]]:
    """Returns the predicates of the tables in one SELECT's FROM, by the ``id`` of their nodes."""
    where = select.args.get("where")
    if not isinstance(where, exp.Where) or has_other_parts(select, _SELECT_PARTS):
        return {}
    sources = _sources(select)
    if not sources:
        return {}
    aliases = {fold(item.alias) for item in select.expressions if item.alias}
    found: dict[int, list[Predicate]] = {}
    for conjunct in conjuncts(where.this):
        read = _predicate(conjunct)
        if read is None:
            continue
        column, op, values = read
        source = _owner(column, sources, aliases)
        if source is None or source.table is None or (op is Op.IS_NULL and source.nullable):
            continue
        found.setdefault(id(source.table), []).append(Predicate(column.name, op, values))
    return {identity: tuple(predicates) for identity, predicates in found.items()}


def predicates_of_target(root: exp.Expr) -> tuple[Predicate, ...]:
    """Returns what the rows must meet that an UPDATE, DELETE or MERGE changes."""
    target = root.this
    if not isinstance(target, exp.Table) or has_other_parts(target, NAMED_PARTS):
        return ()
    condition = None
    using = root.args.get("using")
    others = [root.args.get("from_"), *(using if isinstance(using, list) else [using])]
    if isinstance(root, exp.Merge) and not root.args.get("using_cond"):
        condition = None if wants_unmatched(root) else root.args.get("on")
    elif isinstance(root, (exp.Update, exp.Delete)) and not has_other_parts(root, _CHANGE_PARTS):
        where = root.args.get("where")
        condition = where.this if isinstance(where, exp.Where) else None
    if condition is None:
        return ()
    sources = [_Source(fold(target.alias_or_name), target, False)]
    for other in others:
        if isinstance(other, exp.Expr):
            named = other.find_all(exp.Table, exp.Subquery, exp.TableAlias)
            names = {fold(node.alias_or_name or node.name) for node in named}
            sources += [_Source(name, None, False) for name in (*names, "")]
    found: list[Predicate] = []
    for conjunct in conjuncts(condition):
        read = _predicate(conjunct)
        if read is not None:
            column, op, values = read
            owner = _owner(column, sources, set())
            found += [Predicate(column.name, op, values)] if owner is sources[0] else []
    return tuple(found)


def wants_unmatched(merge: exp.Merge) -> bool:
    """Returns whether a MERGE asks for rows of the target that no row of the source matches."""
    whens = merge.args["whens"].expressions
    return any(when.args.get("source") and not when.args.get("matched") for when in whens)


@dataclass(frozen=True, slots=True)
class _Source:
    """One item of a FROM clause.

    Attributes:
        name: The folded name by which columns name it, or an empty text.
        table: The table's node if predicates may be offered for it, else None.
        nullable: Whether a join may fill its columns with NULLs.
    """

    name: str
    table: exp.Table | None
    nullable: bool


def _sources(select: exp.Select) -> list[_Source]:
    """Returns the items of the FROM clause, or nothing if it is not fully understood."""
    from_ = select.args.get("from_")
    if not isinstance(from_, exp.From):
        return []
    first = from_.this
    joins = [*(first.args.get("joins") or ()), *(select.args.get("joins") or ())]
    if _is_reshaped(first) or (isinstance(first, exp.Subquery) and _is_group(first)):
        return []
    if not all(_is_plain_join(join) for join in joins):
        return []
    sides = ["", *(join.side for join in joins)]
    items = [first, *(join.this for join in joins)]
    hidden = [False, *(join.kind in ("SEMI", "ANTI") for join in joins)]
    return [
        _Source(
            fold(item.alias_or_name),
            None if hidden[at] else _offered_table(item),
            sides[at] in ("LEFT", "FULL")
            or any(side in ("RIGHT", "FULL") for side in sides[at + 1 :]),
        )
        for at, item in enumerate(items)
    ]


def _offered_table(node: exp.Expr) -> exp.Table | None:
    """Returns a plain table whose columns keep their names, else None."""
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.args.get("columns"):
        return None
    if type(node) is not exp.Table or has_other_parts(node, NAMED_PARTS | {"joins"}):
        return None
    return node if isinstance(node.this, exp.Identifier) else None


def _is_plain_join(join: exp.Expr) -> bool:
    if not isinstance(join, exp.Join) or has_other_parts(join, _JOIN_PARTS):
        return False
    if join.kind not in _JOIN_KINDS or join.method not in _JOIN_METHODS:
        return False
    return not _is_group(join.this) and not _is_reshaped(join.this)


def _is_group(node: exp.Expr) -> bool:
    """Returns whether an item of a FROM clause is joins of its own, in parentheses or nested."""
    return bool(node.args.get("joins")) or (
        isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Query)
    )


def _is_reshaped(node: exp.Expr) -> bool:
    return bool(node.args.get("pivots") or node.args.get("sample"))


def has_other_parts(node: exp.Expr, known: Set[str]) -> bool:
    """Returns whether a node has parts beside the known ones."""
    return any(value for key, value in node.args.items() if key not in known)


def conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """Yields the operands of the top-level ANDs of a condition, without parentheses."""
    waiting = [condition]
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.And):
            waiting += (node.expression, node.this)
        elif isinstance(node, exp.Paren):
            waiting.append(node.this)
        else:
            yield node


def _predicate(node: exp.Expr) -> tuple[exp.Column, Op, tuple[LiteralValue, ...]] | None:
    """Reads a conjunct as column, operator and literals, or returns None."""
    if type(node) in _COMPARISONS:
        return _comparison(node, _COMPARISONS[type(node)])
    op = Op.IS_NULL
    if type(node) is exp.Not and type(node.this) is exp.Is:
        node, op = node.this, Op.IS_NOT_NULL
    column = _column(node.this)
    if type(node) is exp.Is and column is not None and type(node.expression) is exp.Null:
        return column, op, ()
    if type(node) is exp.In and not has_other_parts(node, {"this", "expressions"}):
        return _with_literals(column, Op.IN, node.expressions)
    if type(node) is exp.Between and not has_other_parts(node, {"this", "low", "high"}):
        return _with_literals(column, Op.BETWEEN, [node.args["low"], node.args["high"]])
    return None


def _comparison(node: exp.Expr, op: Op) -> tuple[exp.Column, Op, tuple[LiteralValue, ...]] | None:
    column = _column(node.this)
    if column is not None:
        return _with_literals(column, op, [node.expression])
    column = _column(node.expression)
    if column is not None:
        return _with_literals(column, _FLIPPED[op], [node.this])
    return None


def _with_literals(
    column: exp.Column | None, op: Op, nodes: list[exp.Expr]
) -> tuple[exp.Column, Op, tuple[LiteralValue, ...]] | None:
    """Completes a predicate if all its operands are literals of one kind."""
    values = tuple(value for node in nodes if (value := literal_value(node)) is not None)
    if column is None or len(values) != len(nodes) or len({value.kind for value in values}) != 1:
        return None
    return column, op, values


def _column(node: object) -> exp.Column | None:
    """Returns a column named by itself or with one qualifier, else None."""
    if isinstance(node, exp.Paren):
        return _column(node.this)
    if type(node) is not exp.Column or type(node.this) is not exp.Identifier:
        return None
    return None if has_other_parts(node, {"this", "table"}) else node


def _owner(column: exp.Column, sources: list[_Source], aliases: set[str]) -> _Source | None:
    """Returns the source that a column certainly belongs to, if it belongs to any source."""
    qualifier = fold(column.table)
    if not qualifier:
        return sources[0] if len(sources) == 1 and fold(column.name) not in aliases else None
    named = [source for source in sources if source.name == qualifier]
    return named[0] if len(named) == 1 else None
