"""Finds statements that cannot be misled by Parquet's statistics about NaN.

A float column needs no protection where the statement never filters, joins or orders by it,
and takes no minimum or maximum of it. That is certain if the column is not named at all, or
only as the argument of sums and counts.
"""

from catalog.query.keywords import fold
from catalog.query.lexer import NAME_KINDS, Token, tokenize

_UNSAFE_WORDS = frozenset(
    {"columns", "except", "intersect", "natural", "order", "pivot", "summarize", "unpivot"}
)
"""Words that let a statement use columns that it does not name."""

_SUMS = frozenset({"avg", "count", "fsum", "mean", "stddev", "sum", "var_samp", "variance"})
"""Aggregates whose argument is read, never compared."""


def nan_free_columns(statement: str, columns: frozenset[str]) -> frozenset[str]:
    """Returns the columns that a statement never compares, folded.

    Args:
        statement: The text of one statement.
        columns: Folded names of the float columns in question.
    """
    tokens = tokenize(statement)
    words = {token.word for token in tokens}
    if _UNSAFE_WORDS & words or "#" in statement:
        return frozenset()
    compared = {
        fold(token.name)
        for at, token in enumerate(tokens)
        if token.kind in NAME_KINDS and not _is_summed(tokens, at)
    }
    return columns - compared


def _is_summed(tokens: tuple[Token, ...], at: int) -> bool:
    """Tells whether a name stands alone, but for its table, between a sum's parentheses."""
    before = at - 1
    if before > 0 and _text(tokens, before) == ".":
        before -= 2
    return (
        before > 0
        and _text(tokens, before) == "("
        and tokens[before - 1].word in _SUMS
        and at + 1 < len(tokens)
        and _text(tokens, at + 1) == ")"
    )


def _text(tokens: tuple[Token, ...], at: int) -> str:
    return tokens[at].text
