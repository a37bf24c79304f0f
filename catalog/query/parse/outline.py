"""Splits a text into statements and finds the kind of each, by tokens alone.

Nothing here depends on whether the statement can be parsed.
"""

from catalog.dataclasses import dataclass
from catalog.query.parse.lexer import Token
from catalog.query.parse.statements import StatementKind

DESCRIBE_WORDS = frozenset({"describe", "desc", "show", "summarize"})
"""Words that show something about a table or a query."""

_SELECT_WORDS = frozenset(
    {"select", "from", "values", "table", "pivot", "pivot_wider", "pivot_longer", "unpivot"}
)

_WRITE_KINDS = (
    StatementKind.INSERT,
    StatementKind.UPDATE,
    StatementKind.DELETE,
    StatementKind.MERGE,
)

_AFTER_CTES = _SELECT_WORDS | {kind.value for kind in _WRITE_KINDS}

QUERY_WORDS = _SELECT_WORDS | DESCRIBE_WORDS | {"with", "("}
"""Words with which a query may begin."""

_TRANSACTION_WORDS = ("begin", "start", "commit", "end", "rollback", "abort")

_KIND_OF_WORD: dict[str, StatementKind] = {
    **{kind.value: kind for kind in StatementKind if kind is not StatementKind.OTHER},
    **dict.fromkeys(_SELECT_WORDS | {"("}, StatementKind.SELECT),
    **dict.fromkeys(DESCRIBE_WORDS, StatementKind.DESCRIBE),
    **dict.fromkeys(_TRANSACTION_WORDS, StatementKind.TRANSACTION),
    "reset": StatementKind.SET,
}

LISTING_WORDS = frozenset({"tables", "databases", "schemas", "variables", "all"})
"""Words after ``SHOW`` and ``DESCRIBE`` that list things and name no table."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A statement as its tokens show it.

    Attributes:
        tokens: All its tokens, at least one, without the semicolon.
        kind: What it does.
        body: Index of the token with which the inner statement begins, after ``EXPLAIN …`` or
            ``PREPARE … AS``; else 0.
        body_kind: What the inner statement does.
    """

    tokens: tuple[Token, ...]
    kind: StatementKind
    body: int
    body_kind: StatementKind


def outlines(tokens: tuple[Token, ...]) -> tuple[Outline, ...]:
    """Splits tokens at the semicolons, leaving out empty statements."""
    ends = [index for index, token in enumerate(tokens) if token.text == ";"]
    spans = zip([0, *(end + 1 for end in ends)], [*ends, len(tokens)], strict=True)
    return tuple(_outline(tokens[begin:end]) for begin, end in spans if begin < end)


def _outline(tokens: tuple[Token, ...]) -> Outline:
    kind = kind_at(tokens, 0)
    body = 0
    if kind is StatementKind.EXPLAIN:
        body = _after_explain(tokens)
    elif kind is StatementKind.PREPARE:
        body = _after_prepare(tokens)
    return Outline(tokens, kind, body, kind_at(tokens, body) if body else kind)


def kind_at(tokens: tuple[Token, ...], index: int) -> StatementKind:
    """Returns the kind of the statement that begins at a token."""
    if index >= len(tokens):
        return StatementKind.OTHER
    word = tokens[index].word or tokens[index].text
    if word == "with":
        word = _word_after_ctes(tokens, index)
    return _KIND_OF_WORD.get(word, StatementKind.OTHER)


def _word_after_ctes(tokens: tuple[Token, ...], index: int) -> str:
    """Returns the word that follows the closing parenthesis of the last CTE."""
    depth = 0
    for at in range(index + 1, len(tokens)):
        token = tokens[at]
        if token.text == "(":
            if depth == 0 and tokens[at - 1].text == ")":
                return "("
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif depth == 0 and token.word in _AFTER_CTES and tokens[at - 1].text == ")":
            return token.word
    return "select"


def _after_explain(tokens: tuple[Token, ...]) -> int:
    index = 1
    if index < len(tokens) and tokens[index].word in ("analyze", "analyse"):
        index += 1
    options = ("analyze", "format", "verbose", "costs")
    if index + 1 < len(tokens) and tokens[index].text == "(" and tokens[index + 1].word in options:
        index = closing(tokens, index) + 1
    return index


def _after_prepare(tokens: tuple[Token, ...]) -> int:
    index = 2
    if index < len(tokens) and tokens[index].text == "(":
        index = closing(tokens, index) + 1
    return index + 1 if index < len(tokens) and tokens[index].word == "as" else len(tokens)


def closing(tokens: tuple[Token, ...], index: int) -> int:
    """Returns the index of what closes the parenthesis at an index, or of the last token."""
    depth = 0
    for at in range(index, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[at].text, 0)
        if depth == 0:
            return at
    return len(tokens) - 1
