"""Rewrites a statement, for the parser only, into SQL that any parser of DuckDB's dialect reads.

The masked text has the same length, so that every position in it is a position in the user's
text. What the parser must not see is covered: refs after names and ``AT (…)`` clauses, comments,
strings of unusual form, ``EXPLAIN …`` and ``PREPARE … AS``. So the parser never has to know refs,
and can never take one for an alias; whether each covered ref follows a table name is
checked afterwards against the syntax tree.
"""

import re

from catalog.dataclasses import dataclass
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import NAME_KINDS, Token, TokenKind, text_at, word_at
from catalog.query.parse.outline import DESCRIBE_WORDS, LISTING_WORDS, QUERY_WORDS, Outline
from catalog.query.parse.ref_text import at_clause, begins_at_clause, ref_after_name
from catalog.query.parse.statements import RefText

COVERED = "\ue000"
"""Fills strings whose content is not shown to the parser; a literal that holds it is unknown."""

_NOT_NEWLINE = re.compile(r"[^\n]")

_STAND_IN = "_"
"""Fills names that the parser would read in its own way, and ``?`` of ``?::INTEGER``, which it
would not read; their text is read from the tokens."""

_UNREADABLE_NAMES = frozenset(
    {"alter", "drop", "force", "grant", "insert", "install", "revoke", "rollback", "values"}
)
"""Words that DuckDB takes as names of tables and sqlglot does not (a test compares them)."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A statement as the parser sees it.

    Attributes:
        text: The text to parse, as long as the statement's span.
        start: Offset of the statement in the whole text.
        refs: For each covered ref, by the index of its first token: the ref and the index of
            its last token.
    """

    text: str
    start: int
    refs: dict[int, tuple[RefText, int]]


def mask(text: str, outline: Outline, functions: frozenset[str]) -> Masked:
    """Covers what the parser must not see of a statement in a text.

    Among it are the names of ``functions``, folded: the parser treats some (``log``) specially.

    Raises:
        InvalidInput: An ``AT (…)`` clause does not have a literal.
    """
    tokens = outline.tokens
    refs: dict[int, tuple[RefText, int]] = {}
    pieces: list[str] = []
    index, position = 0, tokens[0].start
    while index < len(tokens):
        token, last = tokens[index], index
        pieces.append(_blank(text[position : token.start]))
        if token.kind is TokenKind.REF:
            refs[index] = (ref_after_name(token), index)
            pieces.append(_blank(token.text))
        elif token.word == "at" and begins_at_clause(tokens, index):
            ref, last = at_clause(text, tokens, index)
            refs[index] = (ref, last)
            pieces.append(_blank(text[token.start : tokens[last].end]))
        elif index < outline.body:
            pieces.append(_blank(token.text))
        else:
            pieces.append(_shown(tokens, index, outline.body, functions))
        index, position = last + 1, tokens[last].end
    return Masked("".join(pieces), tokens[0].start, refs)


def _blank(text: str) -> str:
    return text if text == " " else _NOT_NEWLINE.sub(" ", text)


def _shown(tokens: tuple[Token, ...], index: int, begin: int, functions: frozenset[str]) -> str:
    """Returns what the parser sees of a token."""
    token = tokens[index]
    match token.kind:
        case TokenKind.SPECIAL_STRING:
            return "'" + _NOT_NEWLINE.sub(COVERED, token.text[1:-1]) + "'"
        case TokenKind.WORD if token.word in DESCRIBE_WORDS and shows(tokens, index, begin):
            after = tokens[index + 1]
            if (after.word or after.text) in QUERY_WORDS:
                return " " * len(token.text)
            return "FROM".rjust(len(token.text))
        case TokenKind.PARAMETER if token.text == "?" and text_at(tokens, index + 1) == "::":
            return _STAND_IN
        case TokenKind.WORD if _matches_columns(tokens, index):
            return " " * len(token.text)
        case TokenKind.STRING if (
            word_at(tokens, index - 1) == "error" and word_at(tokens, index - 2) == "then"
        ):
            return _blank(token.text)
        case TokenKind.WORD | TokenKind.QUOTED_NAME if _calls(tokens, index, functions):
            return _STAND_IN * len(token.text)
        case TokenKind.WORD if token.word in _UNREADABLE_NAMES and _has_ref(tokens, index):
            return _STAND_IN * len(token.text)
        case TokenKind.QUOTED_NAME if token.text[0] == "`" and '"' not in token.text:
            return token.text.replace("`", '"')
        case _:
            return token.text


def shows(tokens: tuple[Token, ...], index: int, begin: int) -> bool:
    """Returns whether a word such as ``DESCRIBE`` is the command, with something after it."""
    first = index == begin or tokens[index - 1].text == "("
    if not first or index + 1 >= len(tokens):
        return False
    after = tokens[index + 1]
    return after.kind in NAME_KINDS | {TokenKind.STRING} or after.text == "("


def lists(tokens: tuple[Token, ...], index: int) -> bool:
    """Returns whether ``SHOW`` at an index lists things, such as ``SHOW TABLES``."""
    named = _has_ref(tokens, index + 1) or text_at(tokens, index + 2) == "."
    return word_at(tokens, index + 1) in LISTING_WORDS and not named


def _matches_columns(tokens: tuple[Token, ...], index: int) -> bool:
    """Returns whether a word belongs to ``UPDATE BY NAME`` of MERGE, or INSERT's ``BY POSITION``.

    Neither says anything about tables, and the parser does not know them.
    """
    begin = index if word_at(tokens, index) == "by" else index - 1
    before, how, after = (word_at(tokens, begin + n) for n in (-1, 1, 2))
    if word_at(tokens, begin) != "by" or how not in ("name", "position"):
        return False
    if before == "update":
        return True
    query = after in QUERY_WORDS or text_at(tokens, begin + 2) == "("
    return how == "position" and query and before not in ("order", "group", "partition")


def _has_ref(tokens: tuple[Token, ...], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].kind is TokenKind.REF


def _calls(tokens: tuple[Token, ...], index: int, functions: frozenset[str]) -> bool:
    called = text_at(tokens, index + 1) == "(" and text_at(tokens, index - 1) != "."
    return called and fold(tokens[index].name) in functions
