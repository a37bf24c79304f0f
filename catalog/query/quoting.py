"""Quotes names and texts for DuckDB's SQL."""

from catalog.errors import InvalidInput


def quote_identifier(name: str) -> str:
    """Returns a name in double quotes.

    Args:
        name: Any name but the empty one, without a NUL character.

    Raises:
        InvalidInput: The name cannot be written in SQL.

    Example:
        >>> print(quote_identifier('12" pipes'))
        "12"" pipes"
    """
    if not name:
        raise InvalidInput("an empty name cannot be written in SQL")
    _refuse_nul(name)
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Returns a text as a string literal.

    Args:
        text: Any text without a NUL character; backslashes mean themselves.

    Raises:
        InvalidInput: The text cannot be written in SQL.

    Example:
        >>> print(quote_literal("it's"))
        'it''s'
    """
    _refuse_nul(text)
    return "'" + text.replace("'", "''") + "'"


def _refuse_nul(text: str) -> None:
    if "\0" in text:
        raise InvalidInput(f"{text!r} has a NUL character, which SQL text cannot hold")
