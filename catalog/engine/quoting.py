"""Names and values written into SQL."""

import re

from catalog.errors import CorruptData, InvalidInput
from catalog.model.types import (
    NULL_TYPE,
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    is_scalar_name,
)


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


def pattern(uri: str) -> str:
    """Returns a pattern that matches one file: glob characters are in brackets.

    Example:
        >>> print(pattern("/data/a[1].parquet"))
        /data/a[[]1].parquet
    """
    return "".join(f"[{c}]" if c in "*?[" else c for c in uri)


def _checked(text: str) -> str:
    if "\0" in text:
        raise InvalidInput(f"{text!r} has a NUL character, which SQL text cannot hold")
    return text


_QUOTED = re.compile(r""" "(?:[^"]|"")*" | '(?:[^']|'')*' """, re.VERBOSE)
_LEADS_OUT = re.compile(r"""[;$\\"'] | -- | /[*]""", re.VERBOSE)
_NOT_PARENTHESES = re.compile(r"[^()]+")


def is_enclosed(text: str) -> bool:
    """Returns whether SQL is one pair of parentheses and what is in it: it ends no statement.

    Comments are not let through either, nor quotes other than those of ``identifier`` and
    ``literal``. The engine's parser would tell the same, but take as long as for the query itself.

    Example:
        >>> is_enclosed("(SELECT ';' AS a)"), is_enclosed("(SELECT 1); (SELECT 2)")
        (True, False)
    """
    bare = _QUOTED.sub("", text)
    if _LEADS_OUT.search(bare):
        return False
    depth = 0
    for at, mark in enumerate(marks := _NOT_PARENTHESES.sub("", bare)):
        depth += 1 if mark == "(" else -1
        if depth == 0:
            return at == len(marks) - 1 and text.startswith("(") and text.endswith(")")
    return False


def type_sql(kind: DataType) -> str:
    """Returns a type as SQL.

    Raises:
        CorruptData: A scalar type in it has a name that is not a type's: it would be run as SQL.
    """
    match kind:
        case Scalar(name):
            if not is_scalar_name(name):
                raise CorruptData(f"{name[:100]!r} is not the name of a column type")
            return f'"{name}"' if kind == NULL_TYPE else name
        case ListType(element):
            return f"{type_sql(element)}[]"
        case StructType(fields):
            inner = ", ".join(f"{identifier(name)} {type_sql(inner)}" for name, inner in fields)
            return f"STRUCT({inner})"
        case MapType(key, value):
            return f"MAP({type_sql(key)}, {type_sql(value)})"
