"""Cuts typed SQL into statements, so that a shell knows when one is whole."""

from catalog.dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """What was typed, cut into statements.

    Attributes:
        statements: Whole statements, without their semicolons.
        rest: What comes after the last semicolon; empty if nothing but blanks and comments.
    """

    statements: tuple[str, ...]
    rest: str


def split(text: str) -> Split:
    """Cuts text at the semicolons that end statements, not at those in strings or comments."""
    from catalog.query.parse.lexer import tokenize

    statements = []
    start = 0
    first: int | None = None
    for token in tokenize(text):
        if token.text == ";":
            if first is not None:
                statements.append(text[first : token.start].rstrip())
            start, first = token.end, None
        elif first is None:
            first = token.start
    return Split(tuple(statements), "" if first is None else text[start:].lstrip())
