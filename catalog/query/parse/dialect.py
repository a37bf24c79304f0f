"""Parses masked statements with sqlglot's DuckDB dialect.

The subclass corrects what sqlglot would wrongly accept or refuse: a statement that it does
not know becomes an opaque command with a line in the log (here: an error); ``INSERT INTO t (FROM
x)`` becomes a list of columns named ``FROM``; ``PIVOT`` statements cannot end in ORDER BY. Refs
need no grammar here, since ``masking`` has covered them.
"""

import re
from itertools import pairwise
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.duckdb import DuckDBParser
from sqlglot.tokenizer_core import Token, TokenType


class NotUnderstoodError(Exception):
    """A statement could not be parsed.

    Attributes:
        reason: Why, as one sentence without a position.
        offset: Offset in the parsed text of the offending token.
    """

    def __init__(self, reason: str, *, offset: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


class _Parser(DuckDBParser):
    """The DuckDB parser, without its silent fallbacks."""

    CONFLICT_ACTIONS: ClassVar = {**DuckDBParser.CONFLICT_ACTIONS, "ERROR": ()}

    def _parse_as_command(self, start: Token) -> exp.Command:
        self.raise_error("Unsupported syntax", start)
        return super()._parse_as_command(start)

    def _parse_command(self) -> exp.Command:
        self.raise_error("Unsupported syntax", self._prev)
        return super()._parse_command()

    def _parse_schema(self, this: exp.Expr | None = None) -> exp.Expr | None:
        begins_query = self._curr.token_type == TokenType.L_PAREN and (
            self._next.token_type == TokenType.FROM
        )
        return this if begins_query else super()._parse_schema(this=this)

    def _parse_simplified_pivot(self, is_unpivot: bool | None = None) -> exp.Pivot:
        pivot = super()._parse_simplified_pivot(is_unpivot=is_unpivot)
        pivot.set("order", self._parse_order())
        pivot.set("limit", self._parse_limit())
        pivot.set("offset", self._parse_offset())
        return pivot


_DIALECT = DuckDB()

_SPEECH = re.compile(r"<Token .*?text: (.*?), line: .*>|<class '[\w.]*\.(\w+)'>")
"""Finds Python objects in sqlglot's messages; their text or name is enough."""

_STRAY_ERRORS = (AttributeError, LookupError, TypeError, ValueError)
"""What sqlglot raises, besides its own errors, on some texts that are not SQL."""


def parse(text: str) -> exp.Expr:
    """Parses one masked statement, without a semicolon.

    Raises:
        NotUnderstoodError: sqlglot cannot parse it.
    """
    try:
        tokens = _with_literals(_DIALECT.tokenize(text))
        trees = _Parser(dialect=_DIALECT).parse(tokens, text)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        reason = _SPEECH.sub(r"\1\2", str(first.get("description") or error).split("\n")[0])
        column = int(first.get("col") or 1) - max(len(str(first.get("highlight") or "")) - 1, 0)
        offset = _offset(text, int(first.get("line") or 1), column)
        raise NotUnderstoodError(reason, offset=offset) from error
    except TokenError as error:
        raise NotUnderstoodError(str(error).split("\n")[0]) from error
    except RecursionError as error:
        raise NotUnderstoodError("the statement is nested too deeply") from error
    except _STRAY_ERRORS as error:
        raise NotUnderstoodError("Invalid expression") from error
    if len(trees) != 1 or trees[0] is None:
        raise NotUnderstoodError("the statement is empty")
    return trees[0]


def _with_literals(tokens: list[Token]) -> list[Token]:
    """Lets the name of a type that sqlglot does not know begin a literal: ``TIMESTAMPTZ_NS '…'``.

    It stands for its coarser sister, which no condition is read from either.
    """
    for n, (token, after) in enumerate(pairwise(tokens)):
        if token.text.upper() == "TIMESTAMPTZ_NS" and after.token_type == TokenType.STRING:
            tokens[n] = Token(
                TokenType.TIMESTAMPTZ,
                token.text,
                token.line,
                token.col,
                token.start,
                token.end,
                token.comments,
            )
    return tokens


def _offset(text: str, line: int, column: int) -> int:
    """Returns the offset of a line and column, both counted from 1."""
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return max(0, min(start + column - 1, len(text) - 1))
