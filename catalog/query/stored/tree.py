"""What a query does, from DuckDB's own syntax tree of it.

DuckDB's tree is the authority, since it is what DuckDB will run: a call is a call there, however it
was written (``x.f()``, ``a ^@ b``, ``[x FOR x IN l]``, ``"f"(x)``, ``EXTRACT(year FROM d)``). Only
kinds of nodes that are named here are let through.
"""

from collections.abc import Iterator

from catalog.dataclasses import dataclass, field
from catalog.engine.syntax_trees import Node
from catalog.query.stored.functions import FUNCTIONS, TABLE_FUNCTIONS

_EXPRESSIONS = frozenset(
    {
        *("BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION"),
        *("CONSTANT", "FUNCTION", "LAMBDA", "OPERATOR", "POSITIONAL_REFERENCE", "STAR"),
        *("SUBQUERY", "TYPE", "WINDOW"),
    }
)
"""Classes of expressions that do nothing but compute a value."""

_NODES = frozenset(
    {
        *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"),
        *("BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT"),
        *("ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"),
        *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
    }
)
"""Types of queries, of items in FROM clauses and of what follows a query."""

_REFUSED = {
    "PARAMETER": "has a parameter",
    "DEFAULT": "has DEFAULT in place of a value",
    "SHOW_REF": "describes a table instead of reading it",
    "INSERT_QUERY_NODE": "writes: INSERT",
    "UPDATE_QUERY_NODE": "writes: UPDATE",
    "DELETE_QUERY_NODE": "writes: DELETE",
    "MERGE_QUERY_NODE": "writes: MERGE",
    "COPY_QUERY_NODE": "writes: COPY",
}
"""What a statement with such a node does, for messages."""

_NOWHERE = 1 << 63
"""DuckDB's offset of what is not in the text is greater."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a query is refused.

    Attributes:
        reason: What it does, after "it".
        offset_bytes: Where, in UTF-8, or None.
        function: The function that it calls though it may not, or an empty text.
    """

    reason: str
    offset_bytes: int | None = None
    function: str = ""


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table, or a CTE, that a query names.

    Attributes:
        name: Its parts.
        offset_bytes: Where, in UTF-8; None for ``TABLE t``, of which DuckDB does not tell.
    """

    name: tuple[str, ...]
    offset_bytes: int | None


@dataclass(slots=True)
class Findings:
    """What was found in a query.

    Attributes:
        refusals: Why it is refused, if it is.
        tables: The tables and CTEs that it names.
        ctes: The names of its CTEs, as they are written.
        functions: The functions and operators that it calls, in lower case.
        recursive: Whether a CTE is recursive.
    """

    refusals: list[Refusal] = field(default_factory=list)
    tables: list[NamedTable] = field(default_factory=list)
    ctes: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    recursive: bool = False


def findings(root: Node) -> Findings:
    """Returns what a query does."""
    found = Findings()
    for node in _nodes(root):
        known = _EXPRESSIONS if "class" in node else _NODES
        kind = node.get("class", node.get("type"))
        if not isinstance(kind, str):
            _find_ctes(node, found)
        elif kind not in known:
            reason = _REFUSED.get(kind, f"has what is not known here: {kind}")
            found.refusals.append(Refusal(reason, _place(node)))
        elif kind in ("FUNCTION", "WINDOW"):
            _find_call(node, found)
        elif kind == "BASE_TABLE":
            _find_table(node, found)
        elif kind == "PIVOT":
            _find_pivot(node, found)
        elif kind == "RECURSIVE_CTE_NODE":
            found.recursive = True
    found.refusals.sort(key=lambda refusal: refusal.offset_bytes or 0)
    return found


def _nodes(root: Node) -> Iterator[Node]:
    """Yields all objects of a tree; a call of a table function has the class ``TABLE``."""
    pending: list[object] = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            call = value.get("function") if value.get("type") == "TABLE_FUNCTION" else None
            if isinstance(call, dict):
                place = {"query_location": value.get("query_location"), "in_from": True}
                value = {**value, "function": {**call, **place}}
            yield value
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _find_ctes(node: Node, found: Findings) -> None:
    """Notes the names of CTEs: they are the keys of a map, written as a list of pairs."""
    pairs = node.get("map")
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, dict):
            found.ctes.add(str(pair.get("key")))


def _find_call(node: Node, found: Findings) -> None:
    name = str(node.get("function_name")).lower()
    allowed = TABLE_FUNCTIONS if node.get("in_from") else FUNCTIONS
    found.functions.add(name)
    if name not in allowed:
        found.refusals.append(Refusal(f"calls {name}()", _place(node), name))
    elif node.get("export_state"):
        found.refusals.append(Refusal(f"exports the state of {name}()", _place(node)))


def _find_table(node: Node, found: Findings) -> None:
    parts = (str(node.get(part) or "") for part in ("catalog_name", "schema_name", "table_name"))
    named = tuple(part for part in parts if part)
    place = _place(node)
    if node.get("at_clause"):
        found.refusals.append(Refusal("reads a table at another time or ref", place))
    else:
        found.tables.append(NamedTable(named, place))


def _find_pivot(node: Node, found: Findings) -> None:
    pivots = node.get("pivots")
    for pivot in pivots if isinstance(pivots, list) else ():
        if isinstance(pivot, dict) and pivot.get("pivot_enum"):
            found.refusals.append(Refusal("pivots by a type", _place(node)))


def _place(node: Node) -> int | None:
    offset = node.get("query_location")
    return offset if isinstance(offset, int) and offset < _NOWHERE else None
