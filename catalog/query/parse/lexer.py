"""Cuts SQL text into tokens by DuckDB's rules, and knows the one addition: a ref after a name.

Everything that must be certain rests on these tokens: where statements end, what is a string
or a comment, and where a ref such as ``orders@main~1`` begins and ends.

**Unquoted refs.** A ref begins at an ``@`` that directly follows a name (a word that may name a
table, or a quoted name) and is itself directly followed by a letter, a digit, ``_``, ``"``, ``{``
or a character beyond ASCII. So ``l@>[1]``, ``@x``, ``x @ y`` and ``WHERE@x`` stay operators. The
ref goes on over letters, digits, ``_ . ~ ^`` and characters beyond ASCII, over ``-`` unless it
begins a comment (``--``), over ``/`` unless it begins a comment (``/*``), and over ``@{…}``. What
follows must be a blank, a comment, one of ``, ; ( )`` or the end; anything else is refused rather
than guessed. Since no operator may follow a table name, ``FROM orders@main-1`` is the ref
``main-1``. A ref with other characters is quoted: ``orders@"release 1"``; ``~2``, ``^2`` and
``@{…}`` may follow the quotes.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from catalog.dataclasses import dataclass
from catalog.errors import InvalidInput
from catalog.query.parse.keywords import NEVER_BEFORE_REF, fold


class TokenKind(StrEnum):
    """What a token is."""

    WORD = "word"
    QUOTED_NAME = "quoted-name"
    STRING = "string"
    SPECIAL_STRING = "special-string"
    NUMBER = "number"
    PARAMETER = "parameter"
    SYMBOL = "symbol"
    REF = "ref"
    UNTERMINATED = "unterminated"


NAME_KINDS = frozenset({TokenKind.WORD, TokenKind.QUOTED_NAME})
"""The kinds of tokens that may name a thing."""

DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
"""How much deeper the tokens are that follow a parenthesis or bracket."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        kind: What it is. ``SPECIAL_STRING`` is a string with a prefix (``E'…'``, ``x'…'``) or in
            dollars; ``UNTERMINATED`` is a string, name or comment without an end.
        text: Its text, as written.
        start: Offset of its first code point in the whole text.
        end: Offset after its last code point.
    """

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word in lower case, or an empty text if the token is not a word."""
        return fold(self.text) if self.kind is TokenKind.WORD else ""

    @property
    def name(self) -> str:
        """The name or string that the token stands for, without quotes."""
        if self.kind in (TokenKind.QUOTED_NAME, TokenKind.STRING):
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote)
        return self.text


_BLANKS = "\t\n\v\f\r \u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_BEYOND = f"[^\\x00-\\x7f{_BLANKS}]"
_NAME_START = f"(?:[A-Za-z_]|{_BEYOND})"
_NAME_PART = f"(?:[A-Za-z0-9_$]|{_BEYOND})"
_TAG_PART = f"(?:[A-Za-z0-9_]|{_BEYOND})"

_DIGITS = r"(?:[0-9.]|(?<=[0-9])_(?=[0-9]))"
"""Parts of numbers; DuckDB takes ``1.5.5`` and ``1e5e5`` as one token, and then refuses it."""

_TOKEN = re.compile(
    rf"""
    (?P<skip>[{_BLANKS}]+|--[^\r\n]*)
    |(?P<comment>/\*)
    |(?P<special_string>[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|[xXbBnN]'[^']*(?:''[^']*)*')
    |(?P<open_string>[eExXbBnN]')
    |(?P<word>{_NAME_START}{_NAME_PART}*)
    |(?P<quoted_name>"[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`)
    |(?P<string>'[^']*(?:''[^']*)*')
    |(?P<number>(?=\.?[0-9]){_DIGITS}+(?:[eE][+-]?[0-9]{_DIGITS}*)*)
    |(?P<dollar>\$(?:{_NAME_START}{_TAG_PART}*)?\$)
    |(?P<parameter>\${_TAG_PART}+|\?[0-9]*)
    |(?P<symbol>::|:=|=>|(?:(?!--|/\*)[~!@#^&|+\-*/%<>=])+|.)
    """,
    re.VERBOSE | re.DOTALL,
)

_KINDS = {kind.replace("-", "_"): kind for kind in TokenKind}
"""The kinds of tokens by the groups of ``_TOKEN``."""

_COMMENT_MARK = re.compile(r"/\*|\*/")

_REF_START = re.compile(rf'@(?=[A-Za-z0-9_"{{]|{_BEYOND})')

_REF = re.compile(
    rf"""@
    (?: "[^"]+(?:""[^"]*)*" (?:[~^][0-9]*|@\{{[^{{}}'"\r\n]*\}})*
      | (?:\{{[^{{}}'"\r\n]*\}} | [A-Za-z0-9_] | {_BEYOND})
        (?:[A-Za-z0-9_.~^] | {_BEYOND} | -(?!-) | /(?!\*) | @\{{[^{{}}'"\r\n]*\}})*
    )
    (?=[{_BLANKS},;()]|--|/\*|\Z)
    """,
    re.VERBOSE,
)


def tokenize(text: str) -> tuple[Token, ...]:
    """Cuts a text, possibly of many statements, into tokens, leaving out blanks and comments.

    Raises:
        InvalidInput: An ``@`` after a name begins a ref that cannot be read.

    Source: DuckDB's scanner; a test compares with ``duckdb.tokenize``.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        if text[position] == "@" and tokens and _begins_ref(text, position, tokens):
            token = _ref_token(text, position)
        else:
            match = _TOKEN.match(text, position)
            assert match is not None  # the last alternative takes any character
            group = match.lastgroup or ""
            if group == "skip":
                position = match.end()
                continue
            if group == "comment":
                end = _end_of_comment(text, position)
                if end > 0:
                    position = end
                    continue
                token = _unterminated(text, position)
            elif group == "dollar":
                token = _dollar_string(text, match)
            elif group == "open_string" or match.group() in ("'", '"', "`"):
                token = _unterminated(text, position)
            else:
                token = Token(_KINDS[group], match.group(), position, match.end())
        tokens.append(token)
        position = token.end
    return tuple(tokens)


def _begins_ref(text: str, position: int, tokens: list[Token]) -> bool:
    """Returns whether the ``@`` at a position begins a ref, rather than an operator."""
    before = tokens[-1]
    if before.end != position or before.kind not in NAME_KINDS:
        return False
    if before.word in NEVER_BEFORE_REF and not (len(tokens) > 1 and tokens[-2].text == "."):
        return False
    return _REF_START.match(text, position) is not None


def _ref_token(text: str, position: int) -> Token:
    match = _REF.match(text, position)
    if match is None:
        shown = text[position : position + 40].split("\n")[0]
        raise InvalidInput(
            f"cannot read the ref {shown!r} at {line_and_column(text, position)}: a ref ends at a "
            "blank, a comma, a semicolon or a parenthesis",
            hint='write unusual refs in quotes: orders@"release 1"',
        )
    return Token(TokenKind.REF, match.group(), position, match.end())


def _end_of_comment(text: str, start: int) -> int:
    """Returns the offset after a block comment, which may hold others, or -1 without an end."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return -1


def _dollar_string(text: str, opening: re.Match[str]) -> Token:
    closing = text.find(opening.group(), opening.end())
    if closing < 0:
        return _unterminated(text, opening.start())
    end = closing + len(opening.group())
    return Token(TokenKind.SPECIAL_STRING, text[opening.start() : end], opening.start(), end)


def _unterminated(text: str, start: int) -> Token:
    return Token(TokenKind.UNTERMINATED, text[start:], start, len(text))


def text_at(tokens: Sequence[Token], index: int) -> str:
    """Returns the text of a token, or an empty text beyond the ends."""
    return tokens[index].text if 0 <= index < len(tokens) else ""


def word_at(tokens: Sequence[Token], index: int) -> str:
    """Returns the word of a token, or an empty text for other kinds and beyond the ends."""
    return tokens[index].word if 0 <= index < len(tokens) else ""


def line_and_column(text: str, offset: int) -> str:
    """Returns where an offset is, for people: ``line 2, column 5``."""
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return f"line {line}, column {column}"
