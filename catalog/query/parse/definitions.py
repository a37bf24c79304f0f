"""Reads from the tokens what CREATE TABLE and ALTER TABLE say about a table.

Columns, types and constraints are left to DuckDB, which is given the statement without what is
the catalog's own: ``PARTITIONED BY (…)``, and ``PRIMARY KEY (…)`` before ``AS``.
"""

from enum import StrEnum
from itertools import pairwise

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.query.parse.lexer import DEPTH, NAME_KINDS, Token, TokenKind, tokenize
from catalog.query.parse.outline import closing
from catalog.query.parse.statements import Span, Statement


@dataclass(frozen=True, slots=True)
class Creation:
    """The clauses of a CREATE TABLE, apart from its columns.

    Attributes:
        replaces: Whether it says OR REPLACE.
        if_not_exists: Whether it says IF NOT EXISTS.
        has_query: Whether it has rows: ``AS SELECT …``.
        partition_by: Columns of PARTITIONED BY; None without it.
        key: Columns of a PRIMARY KEY between the table's name and ``AS``; None without it.
        own: Spans, in the statement's own text, to hide from DuckDB.
    """

    replaces: bool
    if_not_exists: bool
    has_query: bool
    partition_by: tuple[str, ...] | None
    key: tuple[str, ...] | None
    own: tuple[Span, ...]


class Alteration(StrEnum):
    """What an ALTER TABLE does."""

    ADD_COLUMN = "add column"
    DROP_COLUMN = "drop column"
    RENAME_COLUMN = "rename column"
    RENAME_TABLE = "rename table"
    CHANGE_TYPE = "change type"


@dataclass(frozen=True, slots=True)
class Altering:
    """The clauses of an ALTER TABLE.

    Attributes:
        kind: What it does.
        column: The column that it names; empty for ``RENAME_TABLE``.
        new_name: The new name of a column, or the new dotted name of the table.
        if_exists: Whether it says ALTER TABLE IF EXISTS.
        lenient: Whether the column may exist already (ADD), or be missing (DROP).
        has_default: Whether an added column has a DEFAULT.
    """

    kind: Alteration
    column: str = ""
    new_name: str = ""
    if_exists: bool = False
    lenient: bool = False
    has_default: bool = False


def read_creation(statement: Statement) -> Creation:
    """Reads a CREATE TABLE.

    Raises:
        InvalidInput: PARTITIONED BY holds anything but columns.
        Unsupported: It creates something else.
    """
    tokens = tokenize(statement.text)
    words = [token.word for token in tokens]
    target = statement.target
    assert target is not None, "CREATE TABLE names a table"
    if "table" not in words[:4]:
        raise Unsupported(
            f"cannot create this on {'.'.join(target.name)!r}: a branch holds tables",
            kind=ErrorKind.UNSUPPORTED_STATEMENT,
        )
    after = _after_target(tokens, statement)
    stop = _top_level(tokens, after, "as")
    partition_by = key = None
    own: list[Span] = []
    for first, second in (("partitioned", "by"), ("primary", "key")):
        at = _top_level(tokens, after, first, stop)
        if at >= stop or words[at + 1 : at + 2] != [second]:
            continue
        last = closing(tokens, at + 2) if at + 2 < stop else at
        names = _names(tokens[at + 3 : last], f"{first} {second}".upper())
        own.append((tokens[at].start, tokens[last].end))
        if second == "key":
            key = names
        else:
            partition_by = names
    return Creation(
        "replace" in words[:3],
        "exists" in words[: min(after, 7)],
        stop < len(tokens),
        partition_by,
        key,
        tuple(own),
    )


def read_altering(statement: Statement) -> Altering:
    """Reads an ALTER TABLE.

    Raises:
        Unsupported: It does something else to a table.
    """
    tokens = tokenize(statement.text)
    target = statement.target
    assert target is not None, "ALTER TABLE names a table"
    after = _after_target(tokens, statement)
    if_exists = [t.word for t in tokens[2:4]] == ["if", "exists"]
    rest = tokens[after:]
    words = [token.word for token in rest]
    match words:
        case ["add", *_]:
            return _adding(rest, if_exists)
        case ["drop", *_]:
            at = 2 if words[1:2] == ["column"] else 1
            lenient = words[at : at + 2] == ["if", "exists"]
            column = _column(rest, at + 2 * lenient)
            return Altering(Alteration.DROP_COLUMN, column, if_exists=if_exists, lenient=lenient)
        case ["rename", "to", *_]:
            parts, dots = rest[2::2], rest[3::2]
            if parts and all(p.kind in NAME_KINDS for p in parts) and _are(dots, "."):
                name = ".".join(token.name for token in parts)
                return Altering(Alteration.RENAME_TABLE, new_name=name, if_exists=if_exists)
        case ["rename", *_]:
            at = 2 if words[1:2] == ["column"] and words[2:3] != ["to"] else 1
            column = _column(rest, at)
            new = rest[-1].name
            return Altering(Alteration.RENAME_COLUMN, column, new, if_exists=if_exists)
        case ["alter", *_]:
            at = 2 if words[1:2] == ["column"] and len(words) > 3 else 1
            column = _column(rest, at)
            change = words[at + 1 : at + 4]
            if (change[:1] == ["type"] or change == ["set", "data", "type"]) and (
                "using" not in words
            ):
                return Altering(Alteration.CHANGE_TYPE, column, if_exists=if_exists)
    raise Unsupported(
        f"this change of table {'.'.join(target.name)!r} is not supported",
        kind=ErrorKind.UNSUPPORTED_STATEMENT,
        hint="ALTER TABLE can ADD, DROP and RENAME a COLUMN, ALTER COLUMN … TYPE, and RENAME TO; "
        "anything else: CREATE OR REPLACE TABLE … AS",
    )


def _adding(rest: tuple[Token, ...], if_exists: bool) -> Altering:
    words = [token.word for token in rest]
    at = 2 if words[1:2] == ["column"] else 1
    lenient = words[at : at + 3] == ["if", "not", "exists"]
    at += 3 * lenient
    if words[at : at + 1] and words[at] in ("primary", "unique", "constraint", "foreign", "check"):
        raise Unsupported(
            "constraints cannot be added to a table",
            kind=ErrorKind.UNSUPPORTED_STATEMENT,
            hint="declare the key with CREATE OR REPLACE TABLE … PRIMARY KEY (…) AS",
        )
    default = _top_level(rest, at, "default") < len(rest)
    column = _column(rest, at)
    return Altering(
        Alteration.ADD_COLUMN, column, if_exists=if_exists, lenient=lenient, has_default=default
    )


def _column(tokens: tuple[Token, ...], at: int) -> str:
    if at + 1 < len(tokens) and tokens[at + 1].text == ".":
        raise Unsupported(
            f"a single field of a struct column cannot be changed: {tokens[at].name}.…",
            kind=ErrorKind.UNSUPPORTED_STATEMENT,
            hint="recreate the table: CREATE OR REPLACE TABLE … AS",
        )
    return tokens[at].name if at < len(tokens) else ""


def _names(tokens: tuple[Token, ...], clause: str) -> tuple[str, ...]:
    """Reads a list of columns.

    Raises:
        InvalidInput: It is not a list of columns.
    """
    names = tokens[::2]
    commas = tokens[1::2]
    if (
        not names
        or any(token.kind not in NAME_KINDS for token in names)
        or not _are(commas, ",")
        or len(names) != len(commas) + 1
    ):
        raise InvalidInput(
            f"{clause} takes a list of columns in parentheses",
            kind=ErrorKind.SQL_ERROR,
            hint=f"e.g. {clause} (day)",
        )
    return tuple(token.name for token in names)


def _are(tokens: tuple[Token, ...], text: str) -> bool:
    return all(token.text == text for token in tokens)


def _top_level(tokens: tuple[Token, ...], begin: int, word: str, end: int | None = None) -> int:
    """Returns the index of a word outside of all parentheses, or where the tokens end."""
    depth = 0
    end = len(tokens) if end is None else end
    for at in range(begin, end):
        if tokens[at].kind is TokenKind.SYMBOL:
            depth += DEPTH.get(tokens[at].text, 0)
        elif depth == 0 and tokens[at].word == word:
            return at
    return end


def has_clause(statement: Statement, word: str) -> bool:
    """Returns whether a word occurs in a statement outside all parentheses."""
    tokens = tokenize(statement.text)
    return _top_level(tokens, 0, word) < len(tokens)


def merge_spans(statement: Statement) -> tuple[Span, Span] | None:
    """Returns the spans of the WITH clause of a MERGE, and of its source with the alias.

    They are offsets in the statement's own text; the first is empty without WITH.
    """
    tokens = tokenize(statement.text)
    begin = _top_level(tokens, 0, "merge")
    using = _top_level(tokens, begin, "using")
    end = min(_top_level(tokens, using + 1, word) for word in ("on", "using"))
    if end >= len(tokens) or end <= using + 1:
        return None
    return (0, tokens[begin].start), (tokens[using + 1].start, tokens[end - 1].end)


def is_insert_or(statement: Statement) -> bool:
    """Returns whether a statement is INSERT OR REPLACE, or INSERT OR IGNORE."""
    words = [token.word for token in tokenize(statement.text)]
    return any(pair == ("insert", "or") for pair in pairwise(words))


def has_rest(statement: Statement, known: tuple[str, ...]) -> bool:
    """Returns whether anything but the known words follows the target of a statement."""
    tokens = tokenize(statement.text)
    return any(token.word not in known for token in tokens[_after_target(tokens, statement) :])


def _after_target(tokens: tuple[Token, ...], statement: Statement) -> int:
    """Returns the index of the first token after the target of a statement."""
    assert statement.target is not None, "the statement names a table"
    end = statement.target.span[1] - statement.span[0]
    return next((n for n, token in enumerate(tokens) if token.start >= end), len(tokens))
