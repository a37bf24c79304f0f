"""Replaces spans of the user's SQL and leaves everything else as it is."""

from collections.abc import Sequence

from catalog.engine.quoting import identifier
from catalog.errors import InvalidInput
from catalog.query.parse.statements import FunctionReference, Place, Span, TableReference

Replacement = tuple[Span, str]
"""A span of the text, and what to put there."""


def splice(text: str, replacements: Sequence[Replacement]) -> str:
    """Replaces spans of a text, given in any order; duplicates count once.

    A blank is inserted where words or quotes would otherwise run together.

    Raises:
        InvalidInput: Two spans overlap, or one lies outside of the text.

    Example:
        >>> splice("FROM orders@main o", [((5, 18), "recent AS o")])
        'FROM recent AS o'
    """
    pieces: list[str] = []
    position = 0
    for (start, end), new in sorted(set(replacements)):
        if not position <= start <= end <= len(text):
            raise InvalidInput(f"cannot replace the span {start} to {end}: it overlaps another")
        pieces.append(text[position:start])
        pieces.append(" " if _sticks(text[start - 1 : start]) and _sticks(new[:1]) else "")
        pieces.append(new)
        pieces.append(" " if _sticks(new[-1:]) and _sticks(text[end : end + 1]) else "")
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _sticks(character: str) -> bool:
    """Returns whether a character would be one token with another such character."""
    return character.isalnum() or character in ("_", "$", '"', "'") or character > "\x7f"


def replacements(
    reference: TableReference | FunctionReference, relation: str
) -> tuple[Replacement, ...]:
    """Returns what to splice to put a relation in the place of a reference.

    The relation, SQL for a FROM clause, gets the alias given, else the last part of the table's
    name (or the function's name), so that ``orders.id`` still resolves after ``FROM orders@main``.

    Raises:
        InvalidInput: The reference is a target, which a relation cannot replace.

    Example:
        >>> from catalog.query.parse.analyse import analyse
        >>> text = "SELECT orders.id FROM orders@main"
        >>> reference = analyse(text)[0].references[0]
        >>> splice(text, replacements(reference, "(SELECT 1 AS id)"))
        'SELECT orders.id FROM (SELECT 1 AS id) AS "orders"'
    """
    columns = ", ".join(map(identifier, reference.column_aliases))
    name = reference.name if isinstance(reference, FunctionReference) else reference.name[-1]
    alias = identifier(reference.alias or name)
    source = f"{relation} AS {alias}({columns})" if columns else f"{relation} AS {alias}"
    if isinstance(reference, FunctionReference):
        return ((reference.span, source),)
    match reference.place:
        case Place.SOURCE:
            new = source
        case Place.TABLE_COMMAND:
            new = f"SELECT * FROM {relation} AS {alias}"
        case Place.DESCRIBE:
            new = f"(SELECT * FROM {relation} AS {alias})"
        case Place.COPY:
            new = f"(SELECT {columns or '*'} FROM {relation} AS {alias})"
        case Place.TARGET:
            raise InvalidInput(f"the target {'.'.join(reference.name)!r} cannot be replaced")
    return ((reference.span, new), *((span, "") for span in reference.qualifiers))
