"""Finds the tables in a syntax tree, and which of them are names of CTEs in scope.

The rules are DuckDB's, measured (2.0):

- A CTE is known to the CTEs after it and to the query that owns the WITH, at any depth below;
  never to itself or to those before it, not even with RECURSIVE.
- Only the right side of a top-level ``UNION [ALL]`` without ``BY NAME`` in ``WITH RECURSIVE``
  knows its own CTE; there ``recurring.name`` means it too.
- Only a bare name of one part can mean a CTE, in any case of A to Z, quoted or not.
"""

from collections.abc import Callable, Iterator

from sqlglot import exp

from catalog.dataclasses import dataclass
from catalog.query.parse.conjuncts import predicates_by_table
from catalog.query.parse.keywords import fold
from catalog.query.parse.predicates import Predicate

_NO_PRUNING_BELOW = (exp.Lambda, exp.Comprehension)
"""Below these, a name may be a parameter instead of a column."""

_NOT_READ = (exp.Reference, exp.UserDefinedFunction)
"""Below these are names of tables that are not read: foreign keys, names of macros."""

NameOf = Callable[[exp.Identifier], str]
"""Gives the name that an identifier of the tree has in the user's text."""


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table, or a table function, that a statement reads.

    Attributes:
        node: Its node.
        predicates: What its rows must meet to reach the result.
        is_cte: Whether its bare name means a CTE in scope.
    """

    node: exp.Table
    predicates: tuple[Predicate, ...]
    is_cte: bool


@dataclass(frozen=True, slots=True)
class _Visit:
    node: exp.Expr
    ctes: frozenset[str]
    prunes: bool
    recursive: str = ""


def tables_read(root: exp.Expr, *, name_of: NameOf, prunes: bool) -> Iterator[FoundTable]:
    """Yields the tables, CTEs and table functions below a node, in no particular order.

    Predicates are looked for only if the statement ``prunes``.
    """
    predicates: dict[int, tuple[Predicate, ...]] = {}
    visits = [_Visit(root, frozenset(), prunes)]
    while visits:
        visit = visits.pop()
        node = visit.node
        if isinstance(node, _NOT_READ):
            continue
        if isinstance(node, exp.Table):
            is_cte = _means_cte(node, visit.ctes, name_of)
            yield FoundTable(node, predicates.get(id(node), ()), is_cte)
        if isinstance(node, exp.Select) and visit.prunes:
            predicates.update(predicates_by_table(node))
        visits.extend(_below(visit, name_of))


def _below(visit: _Visit, name_of: NameOf) -> Iterator[_Visit]:
    """Yields the visits of a node's children, with the CTEs that each of them knows."""
    node, ctes = visit.node, visit.ctes
    prunes = visit.prunes and not isinstance(node, _NO_PRUNING_BELOW)
    with_ = node.args.get("with_")
    if isinstance(with_, exp.With):
        for cte in with_.expressions:
            name = _cte_name(cte, name_of)
            yield _Visit(cte.this, ctes, prunes, name if with_.args.get("recursive") else "")
            ctes |= {name}
    recurses = isinstance(node, exp.Union) and not node.args.get("by_name")
    for key, value in node.args.items():
        if key == "with_":
            continue
        known, recursive = ctes, ""
        if visit.recursive and key == "expression" and recurses:
            known = ctes | {visit.recursive, f"recurring.{visit.recursive}"}
        elif visit.recursive and key == "this" and isinstance(node, exp.Subquery):
            recursive = visit.recursive
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, exp.Expr):
                yield _Visit(child, known, prunes, recursive)


def _cte_name(cte: exp.Expr, name_of: NameOf) -> str:
    alias = cte.args.get("alias")
    identifier = alias.this if isinstance(alias, exp.TableAlias) else None
    return fold(name_of(identifier)) if isinstance(identifier, exp.Identifier) else ""


def _means_cte(node: exp.Table, ctes: frozenset[str], name_of: NameOf) -> bool:
    identifier, schema = node.this, node.args.get("db")
    if not ctes or not isinstance(identifier, exp.Identifier) or node.args.get("catalog"):
        return False
    name = fold(name_of(identifier))
    if isinstance(schema, exp.Identifier):
        name = f"{fold(name_of(schema))}.{name}"
    return name in ctes
