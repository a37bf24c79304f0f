"""Columns of Iceberg tables in the types of tables here."""

from collections import Counter
from collections.abc import Sequence

from pyiceberg import types as iceberg
from pyiceberg.schema import Schema

from catalog.errors import ErrorKind, Unsupported
from catalog.formats.table_state import SourceColumn
from catalog.model.types import (
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    is_column_name,
    unusable_name,
)

_SCALARS: dict[type[iceberg.IcebergType], str] = {
    iceberg.BooleanType: "BOOLEAN",
    iceberg.IntegerType: "INTEGER",
    iceberg.LongType: "BIGINT",
    iceberg.FloatType: "FLOAT",
    iceberg.DoubleType: "DOUBLE",
    iceberg.DateType: "DATE",
    iceberg.TimeType: "TIME",
    iceberg.TimestampType: "TIMESTAMP",
    iceberg.TimestamptzType: "TIMESTAMP WITH TIME ZONE",
    iceberg.TimestampNanoType: "TIMESTAMP_NS",
    iceberg.TimestamptzNanoType: "TIMESTAMPTZ_NS",
    iceberg.StringType: "VARCHAR",
    iceberg.UUIDType: "UUID",
    iceberg.FixedType: "BLOB",
    iceberg.BinaryType: "BLOB",
}


def source_columns(schema: Schema, root: str) -> tuple[SourceColumn, ...]:
    """Returns the columns of a table, which errors call by ``root``.

    Raises:
        Unsupported: One has a type or a name that tables here cannot have.
    """
    _check_names(schema.fields, root)
    return tuple(
        SourceColumn(
            field.name, _data_type(field.field_type, field.name, root), str(field.field_id)
        )
        for field in schema.fields
    )


def _data_type(kind: iceberg.IcebergType, column: str, root: str) -> DataType:
    match kind:
        case iceberg.StructType():
            _check_names(kind.fields, root)
            if not kind.fields:
                raise _unknown(root, column, "struct without fields")
            fields = (
                (f.name, _data_type(f.field_type, f"{column}.{f.name}", root)) for f in kind.fields
            )
            return StructType(tuple(fields))
        case iceberg.ListType():
            return ListType(_data_type(kind.element_type, f"{column}.element", root))
        case iceberg.MapType():
            key = _data_type(kind.key_type, f"{column}.key", root)
            return MapType(key, _data_type(kind.value_type, f"{column}.value", root))
        case iceberg.DecimalType():
            return Scalar(f"DECIMAL({kind.precision},{kind.scale})")
    name = _SCALARS.get(type(kind))
    if name is None:
        raise _unknown(root, column, str(kind).partition("(")[0])
    return Scalar(name)


def _unknown(root: str, column: str, kind: str) -> Unsupported:
    return Unsupported(
        f"column {column!r} of {root} has type {kind}, which is not read",
        kind=ErrorKind.UNREADABLE_TYPE,
        hint="drop the column, or give it another type",
    )


def _check_names(fields: Sequence[iceberg.NestedField], root: str) -> None:
    names = [field.name for field in fields]
    wrong = next((name for name in names if not is_column_name(name)), None)
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if wrong is not None or twice is not None:
        problem = unusable_name("column", wrong) if wrong is not None else f"two columns {twice!r}"
        raise Unsupported(
            f"{root} has {problem}", kind=ErrorKind.BAD_COLUMNS, hint="rename the column"
        )
