"""Names and values written into SQL."""

from catalog.errors import InvalidInput
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType


def identifier(name: str) -> str:
    """Returns a name as a quoted SQL identifier.

    Raises:
        InvalidInput: The name cannot be written in SQL: it is empty, or has a NUL character.

    Example:
        >>> print(identifier('12" pipes'))
        "12"" pipes"
    """
    if not name:
        raise InvalidInput("an empty name cannot be written in SQL")
    return '"' + _checked(name).replace('"', '""') + '"'


def literal(text: str) -> str:
    """Returns text as a quoted SQL string; backslashes mean themselves.

    Raises:
        InvalidInput: The text has a NUL character.

    Example:
        >>> print(literal("it's"))
        'it''s'
    """
    return "'" + _checked(text).replace("'", "''") + "'"


def _checked(text: str) -> str:
    if "\0" in text:
        raise InvalidInput(f"{text!r} has a NUL character, which SQL text cannot hold")
    return text


def type_sql(kind: DataType) -> str:
    """Returns a type as SQL."""
    match kind:
        case Scalar(name):
            return name
        case ListType(element):
            return f"{type_sql(element)}[]"
        case StructType(fields):
            inner = ", ".join(f"{identifier(name)} {type_sql(inner)}" for name, inner in fields)
            return f"STRUCT({inner})"
        case MapType(key, value):
            return f"MAP({type_sql(key)}, {type_sql(value)})"
