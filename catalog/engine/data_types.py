"""Types of the engine as those of the catalog."""

from duckdb.sqltypes import DuckDBPyType

from catalog.model.types import NULL_TYPE, DataType, ListType, MapType, Scalar, StructType


def data_type(kind: DuckDBPyType) -> DataType:
    """Returns a type of the engine as one of the catalog.

    Lists of a fixed size count as lists, which is how Parquet holds them.
    """
    match str(kind.id):
        case "null":
            return NULL_TYPE
        case "list" | "array":
            return ListType(_child(kind, 0))
        case "map":
            return MapType(_child(kind, 0), _child(kind, 1))
        case "struct":
            fields = enumerate(name for name, _ in kind.children)
            return StructType(tuple((name, _child(kind, n)) for n, name in fields))
    return Scalar(str(kind))


def _child(kind: DuckDBPyType, number: int) -> DataType:
    child = kind.children[number][1]
    assert isinstance(child, DuckDBPyType), f"{kind} has no type as its child {number}"
    return data_type(child)
