"""Values that only the engine understands, as text.

In Arrow, geometries, variants, bit strings and long integers are bytes that mean nothing to a
reader, unsigned integers of 128 bits are signed, and times of a day have no zone.
"""

import duckdb

from catalog.engine.copying import is_geometry
from catalog.engine.data_types import data_type
from catalog.engine.quoting import identifier, type_sql
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType

NO_COLUMNS = frozenset({"BIGNUM", "BIT", "TIME WITH TIME ZONE", "UHUGEINT"})
"""Types that only queries have: no column of a table holds what Arrow loses of their values."""


def readable_type(kind: DataType, others: frozenset[str] = frozenset()) -> DataType:
    """Returns the type in which values of another can be read: with text for those.

    Args:
        kind: A type of the catalog.
        others: Further types whose values shall be text.
    """
    match kind:
        case ListType(element):
            return ListType(readable_type(element, others))
        case MapType(key, value):
            return MapType(readable_type(key, others), readable_type(value, others))
        case StructType(fields):
            return StructType(tuple((name, readable_type(inner, others)) for name, inner in fields))
    is_text = is_geometry(kind) or (isinstance(kind, Scalar) and kind.name in {"VARIANT", *others})
    return Scalar("VARCHAR") if is_text else kind


def readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Returns the rows of a relation in types that can be read."""
    kinds = [data_type(kind) for kind in relation.types]
    shown = [readable_type(kind, NO_COLUMNS) for kind in kinds]
    if kinds == shown:
        return relation
    columns = [
        f"#{n}" if new == old else f"CAST(#{n} AS {type_sql(new)}) AS {identifier(name)}"
        for n, (name, old, new) in enumerate(zip(relation.columns, kinds, shown, strict=True), 1)
    ]
    return relation.project(", ".join(columns))
