"""Reads the text of a definition: its tree, and the functions that its tokens call.

The names of functions are taken from the tokens, since the parser gives many functions a node of
another name.
"""

from collections.abc import Mapping
from itertools import islice

from sqlglot import exp

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError
from catalog.flow.functions import (
    ALL_AGGREGATES,
    BARE,
    CLOCK,
    SESSION,
    TABLE_FUNCTIONS,
    TRUSTED,
    UNSTABLE_AGGREGATES,
    VOLATILE,
)
from catalog.flow.partitionwise.refusal import Refused
from catalog.query.parse.analyse import analyse as analyse_statements
from catalog.query.parse.dialect import NotUnderstoodError, parse
from catalog.query.parse.keywords import RESERVED, fold
from catalog.query.parse.lexer import NAME_KINDS, Token, TokenKind, tokenize
from catalog.query.parse.masking import mask, shows
from catalog.query.parse.outline import DESCRIBE_WORDS, outlines
from catalog.query.parse.statements import StatementKind

_WORDS = """
all and any as asof between bpchar by case char cross cube dec decimal distinct else end enum
escape except exclude exists filter from full group having if ilike in inner intersect interval
join lateral left like limit materialized map natural not nulls numeric nvarchar offset on or over
pivot qualify rename replace right rollup row select semi anti sets similar some string struct
table text then time timestamp to try union unpivot using values varchar when where with within
"""

_BEFORE_PARENTHESIS = frozenset(_WORDS.split())
"""Words that may stand before a parenthesis without calling anything; some are functions, too."""


MAX_TABLES, MAX_NODES = 300, 20_000
"""Most places where a query may name tables, and most nodes of its tree: SQL may be anybody's."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A definition as it was read.

    Attributes:
        tree: Its syntax tree.
        calls: The folded names of the functions that it calls, by offset of the name.
        aggregates: How many of them are aggregates.
    """

    tree: exp.Expr
    calls: Mapping[int, str]
    aggregates: int


def check_query(sql: str) -> None:
    """Refuses a text that is not exactly one query over tables without refs.

    Raises:
        Refused: It is not.
    """
    try:
        statements = analyse_statements(sql)
    except CatalogError as error:
        raise Refused(f"the SQL cannot be read: {error.args[0]}") from error
    if len(statements) != 1 or statements[0].kind is not StatementKind.SELECT:
        raise Refused("the SQL is not exactly one SELECT")
    if statements[0].error:
        raise Refused(f"the SQL cannot be read: {statements[0].error}")
    if statements[0].explicit_refs:
        raise Refused("the SQL names a ref of a table")


def read(sql: str) -> Reading:
    """Reads a definition that was checked already; it takes a stack for how deeply it is nested.

    Raises:
        Refused: It cannot be parsed, or calls a function that is not known to depend on its
            arguments alone.
    """
    outline = outlines(tokenize(sql))[0]
    for n in range(len(outline.tokens)):
        if outline.tokens[n].word in DESCRIBE_WORDS and shows(outline.tokens, n, outline.body):
            raise Refused(
                f"{outline.tokens[n].text} describes all rows together", _at(outline.tokens[n])
            )
    masked = mask(sql, outline, frozenset())
    try:
        tree = parse(masked.text)
    except NotUnderstoodError as error:
        raise Refused(f"the SQL cannot be read: {error.reason}") from error
    tables = sum(1 for _ in islice(tree.find_all(exp.Table), MAX_TABLES + 1))
    if tables > MAX_TABLES or sum(1 for _ in islice(tree.walk(), MAX_NODES + 1)) > MAX_NODES:
        raise Refused("the query is too large to be analysed")
    shift(tree, masked.start)
    calls = called(outline.tokens, tree)
    aggregates = sum(1 for name in calls.values() if name in ALL_AGGREGATES)
    return Reading(tree, calls, aggregates)


def shift(tree: exp.Expr, offset: int) -> None:
    """Makes the positions of a tree those of the whole text."""
    for node in tree.walk():
        start = node.meta.get("start")
        if offset and isinstance(start, int):
            node.meta["start"] = start + offset


def called(tokens: tuple[Token, ...], tree: exp.Expr) -> dict[int, str]:
    """Returns the functions that tokens call, by offset of the name.

    Raises:
        Refused: One of them is not known to depend on its arguments alone.
    """
    named = _named_with_columns(tree)
    calls: dict[int, str] = {}
    for n, token in enumerate(tokens):
        if token.kind not in NAME_KINDS:
            continue
        name = fold(token.name)
        before = tokens[n - 1].text if n else ""
        follows = tokens[n + 1].text if n + 1 < len(tokens) else ""
        if token.kind is TokenKind.WORD and name in BARE and before != "." and follows != ".":
            raise Refused(f"{name} reads the clock or the session", _at(token))
        if follows != "(" or token.start in named:
            continue
        if token.kind is TokenKind.WORD and name in _BEFORE_PARENTHESIS:
            if name not in TRUSTED or name in RESERVED:
                continue
        elif name not in TRUSTED | UNSTABLE_AGGREGATES | TABLE_FUNCTIONS:
            raise Refused(_distrust(name), _at(token))
        calls[token.start] = name
    return calls


def _distrust(name: str) -> str:
    """Returns why a function is not trusted."""
    if name in VOLATILE:
        return f"{name}() may give another result with each call"
    if name in CLOCK:
        return f"{name}() reads the clock"
    if name in SESSION:
        return f"{name}() reads the session"
    if name == "columns":
        return "COLUMNS(…) chooses columns by a pattern"
    return f"the function {name}() is not known to depend on its arguments alone"


def _named_with_columns(tree: exp.Expr) -> frozenset[int]:
    """Returns the offsets of names of CTEs and aliases that name columns in parentheses."""
    found = set()
    for alias in tree.find_all(exp.TableAlias):
        start = alias.this.meta.get("start") if alias.this is not None else None
        if alias.args.get("columns") and isinstance(start, int):
            found.add(start)
    return frozenset(found)


def _at(token: Token) -> exp.Expr:
    node = exp.Var(this=token.text)
    node.meta["start"] = token.start
    return node
