"""Names and values written into SQL."""

from catalog.model.types import DataType, ListType, MapType, Scalar, StructType


def identifier(name: str) -> str:
    """Returns a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Returns text as a quoted SQL string."""
    return "'" + text.replace("'", "''") + "'"


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
