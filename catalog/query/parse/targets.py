"""Reads the target of ``ALTER``, ``DROP`` and ``TRUNCATE`` from the tokens alone."""

from catalog.query.parse.lexer import NAME_KINDS, Token, TokenKind, word_at
from catalog.query.parse.ref_text import ref_after_name
from catalog.query.parse.statements import Place, TableReference, TargetKind


def named_target(
    tokens: tuple[Token, ...], index: int
) -> tuple[TableReference | None, TargetKind | None]:
    """Returns the table or view, and which of these it is, that the statement at an index names.

    It returns None and None for another kind of object.
    """
    at = index + 1
    if word_at(tokens, at) in list(TargetKind):
        kind = TargetKind(tokens[at].word)
        at += 1
    elif tokens[index].word == "truncate":
        kind = TargetKind.TABLE
    else:
        return None, None
    if [token.word for token in tokens[at : at + 2]] == ["if", "exists"]:
        at += 2
    parts: list[Token] = []
    while at < len(tokens) and tokens[at].kind in NAME_KINDS:
        parts.append(tokens[at])
        at += 1
        if at >= len(tokens) or tokens[at].text != ".":
            break
        at += 1
    if not 1 <= len(parts) <= 3:
        return None, None
    ref, end = None, parts[-1].end
    if at < len(tokens) and tokens[at].kind is TokenKind.REF:
        ref, end = ref_after_name(tokens[at]), tokens[at].end
    name = tuple(part.name for part in parts)
    return TableReference((parts[0].start, end), name, ref, place=Place.TARGET), kind
