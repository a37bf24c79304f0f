"""Values that only the engine understands, as text: geometries and variants.

In Arrow they are bytes, which say nothing to a reader.
"""

import duckdb

from catalog.engine.copying import is_geometry
from catalog.engine.data_types import data_type
from catalog.engine.quoting import identifier, type_sql
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType


def readable_type(kind: DataType) -> DataType:
    """Returns the type in which values of another can be read: with text for those."""
    match kind:
        case ListType(element):
            return ListType(readable_type(element))
        case MapType(key, value):
            return MapType(readable_type(key), readable_type(value))
        case StructType(fields):
            return StructType(tuple((name, readable_type(inner)) for name, inner in fields))
    bytes_only = kind == Scalar("VARIANT") or is_geometry(kind)
    return Scalar("VARCHAR") if bytes_only else kind


def readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Returns the rows of a relation in types that can be read."""
    kinds = [data_type(kind) for kind in relation.types]
    if all(readable_type(kind) == kind for kind in kinds):
        return relation
    columns = [
        f"#{n}"
        if readable_type(kind) == kind
        else f"CAST(#{n} AS {type_sql(readable_type(kind))}) AS {identifier(name)}"
        for n, (name, kind) in enumerate(zip(relation.columns, kinds, strict=True), 1)
    ]
    return relation.project(", ".join(columns))
