"""Finds float columns for which it does not matter that Parquet's statistics leave out NaN.

A float column needs no protection where nothing ever filters, joins or orders by it, or takes
its minimum or maximum: not the statement, nor what is built on its result later. That is
certain only in a statement of one SELECT where the column is not named, or only as the argument
of sums and counts, and where no ``*`` and no use of the whole row passes it on without a name.
"""

from catalog.query.parse.keywords import RESERVED, fold
from catalog.query.parse.lexer import NAME_KINDS, Token, TokenKind, text_at, tokenize, word_at
from catalog.query.parse.statements import Place, Statement, TableReference

_UNSAFE_WORDS = frozenset(
    {"columns", "except", "intersect", "natural", "order", "pivot", "pivot_longer", "pivot_wider"}
    | {"summarize", "table", "union", "unpivot", "with"}
)
"""Words that let a statement use columns that it does not name."""

_SUMS = frozenset({"avg", "count", "fsum", "mean", "stddev", "sum", "var_samp", "variance"})
"""Aggregates whose argument is read, never compared."""


def nan_free_columns(
    statement: Statement, reference: TableReference, columns: frozenset[str]
) -> frozenset[str]:
    """Returns which of a table's float columns, folded, are neither compared nor passed on."""
    tokens = tokenize(statement.text)
    if reference.place is not Place.SOURCE or reference.column_aliases:
        return frozenset()
    if not _is_plain(tokens) or _uses_rows(tokens, statement, reference):
        return frozenset()
    compared = {
        fold(token.name)
        for at, token in enumerate(tokens)
        if token.kind in NAME_KINDS and not _is_summed(tokens, at)
    }
    return columns - compared


def _is_plain(tokens: tuple[Token, ...]) -> bool:
    """Returns whether a statement has one SELECT, which passes on named columns only."""
    names = [fold(token.name) for token in tokens if token.kind in NAME_KINDS]
    if not _UNSAFE_WORDS.isdisjoint(names) or any("#" in token.text for token in tokens):
        return False
    queries = [at for at, token in enumerate(tokens) if token.word in ("select", "from")]
    words = sorted(tokens[at].word for at in queries)
    if words != ["from", "select"] or any(text_at(tokens, at - 1) == "(" for at in queries):
        return False
    return not any(_is_star(tokens, at) for at, token in enumerate(tokens) if "*" in token.text)


def _is_star(tokens: tuple[Token, ...], at: int) -> bool:
    """Returns whether ``*`` means columns, as it does unless it certainly multiplies values."""
    if tokens[at].kind is not TokenKind.SYMBOL:
        return False
    before = tokens[at - 1]
    if before.kind in (TokenKind.NUMBER, TokenKind.QUOTED_NAME):
        return False
    if at + 1 < len(tokens) and tokens[at + 1].kind is TokenKind.NUMBER:
        return False
    if before.kind is TokenKind.WORD and before.word not in RESERVED:
        return False
    return not (before.text == "(" and word_at(tokens, at - 2) == "count")


def _uses_rows(tokens: tuple[Token, ...], statement: Statement, reference: TableReference) -> bool:
    """Returns whether the table's name may stand for its rows as values."""
    name = fold(reference.alias or reference.name[-1])
    start, end = (offset - statement.span[0] for offset in reference.span)
    return any(
        token.kind in NAME_KINDS
        and fold(token.name) == name
        and not start <= token.start < end
        and text_at(tokens, at + 1) != "."
        for at, token in enumerate(tokens)
    )


def _is_summed(tokens: tuple[Token, ...], at: int) -> bool:
    """Returns whether a name, with or without its table, is the only argument of a sum."""
    before = at - 1
    if text_at(tokens, before) == ".":
        before -= 2
    return (
        text_at(tokens, before) == "("
        and word_at(tokens, before - 1) in _SUMS
        and text_at(tokens, at + 1) == ")"
    )
