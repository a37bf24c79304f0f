"""Reads the target of ``ALTER``, ``DROP`` and ``TRUNCATE`` from the tokens alone."""

from catalog.query.parse.lexer import NAME_KINDS, Token, TokenKind
from catalog.query.parse.ref_text import ref_after_name
from catalog.query.parse.statements import Place, TableReference, TargetKind

_KINDS = {"table": TargetKind.TABLE, "view": TargetKind.VIEW}


def named_target(
    tokens: tuple[Token, ...], index: int
) -> tuple[TableReference | None, TargetKind | None]:
    """Reads the table or view that such a statement names.

    Args:
        tokens: The tokens of the statement.
        index: Index of ``ALTER``, ``DROP`` or ``TRUNCATE``.

    Returns:
        The target and its kind; None and None for another kind of object.
    """
    at = index + 1
    kind = _KINDS.get(tokens[at].word) if at < len(tokens) else None
    if kind is not None:
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
    ref = None
    end = parts[-1].end
    if at < len(tokens) and tokens[at].kind is TokenKind.REF:
        ref, end = ref_after_name(tokens[at]), tokens[at].end
    return (
        TableReference(
            (parts[0].start, end),
            tuple(part.name for part in parts),
            ref,
            place=Place.TARGET,
        ),
        kind,
    )
