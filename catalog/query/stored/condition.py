"""Conditions on rows that a catalog stores: which of them may be run.

Such a condition is written into SQL of ours, so it must be one expression about one row: no
parenthesis that closes one of ours, no other query, nothing that makes fewer or more rows.
"""

from collections.abc import Iterator
from functools import lru_cache

from catalog.dataclasses import dataclass
from catalog.engine.quoting import identifier
from catalog.engine.syntax_trees import syntax_trees
from catalog.errors import ErrorKind, InvalidInput
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import DEPTH, TokenKind, tokenize
from catalog.query.parse.predicates import Predicate
from catalog.query.stored.check import KEPT, changing_functions, check_stored_select
from catalog.query.stored.functions import AGGREGATES, SPREADING

_TABLE = "t"
"""What the table is called before it gets its own name as an alias."""

_EMPTY_PARTS = ("modifiers", "group_expressions", "group_sets", "having", "sample", "qualify")
"""Parts of a SELECT that one with nothing but a WHERE leaves empty."""

_REFUSED = {
    "SUBQUERY": "has a query of its own",
    "WINDOW": "looks at other rows, by a window",
    "STAR": "names columns by a star",
    "POSITIONAL_REFERENCE": "names columns by numbers",
    "DEFAULT": "has DEFAULT in place of a value",
}
"""What a condition with such an expression does, for messages."""

_HINT = "write a condition on single rows, such as status = 'paid' AND amount > 0"


@dataclass(frozen=True, slots=True)
class StoredCondition:
    """A condition on rows that may be stored and run.

    Attributes:
        text: Its text; in SQL it stands in parentheses of its own, on lines of its own.
        names: What it names, folded: columns, fields of structs, the table.
        whole: Whether it may use a row as a whole, by the name of the table.
        predicates: What its rows must meet, for pruning.
        bounded: Whether the limits of an engine in this process suffice for it.
        changing: Functions whose result depends on chance or on the clock.
    """

    text: str
    names: frozenset[str]
    whole: bool
    predicates: tuple[Predicate, ...]
    bounded: bool
    changing: tuple[str, ...]

    @property
    def sql(self) -> str:
        """Returns it as one expression."""
        return f"(\n{self.text}\n)"


@lru_cache(maxsize=KEPT)
def check_stored_condition(text: str, *, table: str, what: str) -> StoredCondition:
    """Checks that a text is a condition on the rows of a table, and nothing else.

    Args:
        text: The condition.
        table: The name by which it may qualify columns.
        what: What it is, for messages: ``the condition of check paid``.

    Raises:
        InvalidInput: It is something else.

    Example:
        >>> found = check_stored_condition("o.amount > 0", table="o", what="it")
        >>> sorted(found.names)
        ['amount', 'o']
    """
    _check_alone(text, what)
    wrapped = f"SELECT * FROM {_TABLE} AS {identifier(table)} WHERE (\n{text}\n)"
    try:
        select = check_stored_select(wrapped, what=what)
    except InvalidInput as error:
        reason = error.message.partition(": ")[2] or error.message
        raise _refused(what, reason.partition(" at line ")[0]) from error
    (tree,) = syntax_trees(wrapped).statements
    table_node = tree.get("from_table")
    is_plain = isinstance(table_node, dict) and table_node.get("type") == "BASE_TABLE"
    if tree.get("type") != "SELECT_NODE" or not is_plain or any(map(tree.get, _EMPTY_PARTS)):
        raise _refused(what, "it is more than a condition")
    where = tree.get("where_clause")
    references = list(_checked_references(where, what))
    spread = sorted(select.functions & (AGGREGATES | SPREADING))
    if spread:
        raise _refused(what, f"it calls {spread[0]}(), which is not about single rows")
    return StoredCondition(
        text,
        frozenset(part for parts in references for part in parts),
        (fold(table),) in references,
        tuple(one for reference in select.references for one in reference.predicates),
        select.bounded,
        changing_functions(select),
    )


def _check_alone(text: str, what: str) -> None:
    """Refuses a text that could end, or reach beyond, what is written around it."""
    if not text.strip():
        raise _refused(what, "it is empty")
    if "\0" in text:
        raise _refused(what, "it has a NUL character")
    depth = 0
    for token in tokenize(text):
        if token.kind is TokenKind.UNTERMINATED:
            raise _refused(what, f"{token.text[:20]} has no end")
        if token.text == ";":
            raise _refused(what, "it has a semicolon")
        depth += DEPTH.get(token.text, 0) if token.kind is TokenKind.SYMBOL else 0
        if depth < 0:
            break
    if depth:
        raise _refused(what, "its parentheses do not match")


def _checked_references(node: object, what: str) -> Iterator[tuple[str, ...]]:
    """Yields the names in an expression, as their parts, folded."""
    pending: list[object] = [node]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            kind = str(value.get("class"))
            if kind in _REFUSED:
                raise _refused(what, f"it {_REFUSED[kind]}")
            parts = value.get("column_names") if kind == "COLUMN_REF" else None
            if isinstance(parts, list):
                yield tuple(fold(str(part)) for part in parts)
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _refused(what: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"{what} is not a condition on rows: {reason}", kind=ErrorKind.BAD_WHERE, hint=_HINT
    )
