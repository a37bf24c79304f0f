"""Reads the text of a ref: after ``@``, and from ``AT (VERSION => …)``, ``AT (TIMESTAMP => …)``."""

import re

from catalog.errors import InvalidInput
from catalog.model.relative_times import relative_time
from catalog.query.parse.lexer import Token, TokenKind, line_and_column
from catalog.query.parse.outline import closing
from catalog.query.parse.statements import RefText

_QUOTED = re.compile(r'@"((?:[^"]|"")*)"(.*)', re.DOTALL)

_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|[+-]\d{2}(?::?\d{2})?)?)?"
)

_MOMENT_TYPES = frozenset({"timestamp", "timestamptz", "date", "datetime"})


def ref_after_name(token: Token) -> RefText:
    """Reads a token of kind ``REF``: ``@main~1``, ``@"release 1"~2``, ``@{2024-05-01}``."""
    text = token.text if token.text.startswith("@{") else token.text[1:]
    quoted = _QUOTED.fullmatch(token.text)
    if quoted is not None:
        text = quoted.group(1).replace('""', '"') + quoted.group(2)
    return RefText(text, (token.start, token.end))


def begins_at_clause(tokens: tuple[Token, ...], index: int) -> bool:
    """Returns whether ``AT (VERSION =>`` or ``AT (TIMESTAMP =>`` begins at a token."""
    return (
        tokens[index].word == "at"
        and index + 3 < len(tokens)
        and tokens[index + 1].text == "("
        and tokens[index + 2].word in ("version", "timestamp")
        and tokens[index + 3].text == "=>"
    )


def at_clause(text: str, tokens: tuple[Token, ...], index: int) -> tuple[RefText, int]:
    """Returns the ref of the clause whose ``AT`` is at an index, and where its parenthesis closes.

    Raises:
        InvalidInput: The value is not a literal, or not a valid time.
    """
    last = closing(tokens, index + 1)
    unit = tokens[index + 2].word
    value = _literal(tokens[index + 4 : last], unit)
    where = line_and_column(text, tokens[index].start)
    if value is None:
        raise InvalidInput(
            f"AT ({unit.upper()} => …) at {where} takes a literal, not an expression",
            hint="write a text in quotes: AT (VERSION => 'main~1'), "
            "AT (TIMESTAMP => '2024-05-01 12:00')",
        )
    if unit == "timestamp":
        value = _reflog_text(value, where)
    return RefText(value, (tokens[index].start, tokens[last].end)), last


def _literal(tokens: tuple[Token, ...], unit: str) -> str | None:
    """Returns the value of a literal: ``'x'``, ``12``, ``TIMESTAMP 'x'``, ``'x'::TIMESTAMP``."""
    kinds = [token.kind for token in tokens]
    if kinds == [TokenKind.STRING]:
        return tokens[0].name
    if unit == "version":
        return tokens[0].text if kinds == [TokenKind.NUMBER] and tokens[0].text.isdigit() else None
    if kinds == [TokenKind.WORD, TokenKind.STRING] and tokens[0].word in _MOMENT_TYPES:
        return tokens[1].name
    if (
        kinds == [TokenKind.STRING, TokenKind.SYMBOL, TokenKind.WORD]
        and tokens[1].text == "::"
        and tokens[2].word in _MOMENT_TYPES
    ):
        return tokens[0].name
    return None


def _reflog_text(value: str, where: str) -> str:
    moment = _MOMENT.fullmatch(value.strip())
    if moment is None and relative_time(value) is not None:
        return f"@{{{value.strip()}}}"
    if moment is None:
        raise InvalidInput(
            f"AT (TIMESTAMP => …) at {where}: {value!r} is not a valid time",
            hint="write it like '2024-05-01', '2024-05-01 12:00:00', '2024-05-01T12:00+02:00', "
            "'yesterday' or '2 days ago'",
        )
    day, time, zone = moment.groups()
    return f"@{{{day}{'T' + time if time else ''}{zone or ''}}}"
