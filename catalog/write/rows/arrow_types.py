"""Types of Arrow that the engine does not take as they are: brought into others, or refused.

What comes in memory is stored only as what it is. The engine would cut nanoseconds off some types,
take extension types that it does not know by their storage, and fail on a few.
"""

from collections.abc import Iterator

import pyarrow as pa

from catalog.errors import ErrorKind, Unsupported

KNOWN_EXTENSIONS = frozenset(
    ("arrow.uuid", "arrow.json", "arrow.bool8", "geoarrow.wkb", "arrow.parquet.variant")
)
"""Extension types that the engine reads as what they stand for."""

_OPAQUE, _ENGINE = "arrow.opaque", "DuckDB"
"""The extension type of what only one system has, and how the engine calls itself there."""

_NAME = b"ARROW:extension:name"
"""Key of a field's metadata with the name of an extension type that Arrow does not know."""


def adapted(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Returns a stream without types that the engine does not know, if others lose nothing.

    Raises:
        Unsupported: A column has a type that tables cannot keep; also while batches are read, of
            values that they cannot.
    """
    schema = pa.schema([_field(field, field.name) for field in reader.schema])
    intervals = [n for n, kind in enumerate(schema.types) if _holds_interval(kind)]
    if schema.types == reader.schema.types and not intervals:
        return reader

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            for n in intervals:
                if _is_too_fine(batch.column(n)):
                    raise inexact(schema.names[n], schema.types[n])
            columns = [
                _cast(field, column) for field, column in zip(schema, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def inexact(name: str, kind: object) -> Unsupported:
    """Returns the error for values that Parquet would give back as others."""
    return Unsupported(
        f"column {name!r} of type {kind} has values that Parquet cannot hold exactly",
        kind=ErrorKind.UNWRITABLE_VALUE,
        hint="cast the column, e.g. to BIGINT or VARCHAR",
    )


def _field(field: pa.Field, name: str) -> pa.Field:
    """Returns a field in a type that the engine takes; its column is called ``name``."""
    extension = (field.metadata or {}).get(_NAME)
    if extension is not None:
        _check_extension(extension.decode(errors="replace"), name)
    kind = _type(field.type, name)
    return field if kind == field.type else field.with_type(kind)


def _check_extension(extension: str, name: str) -> None:
    if extension not in KNOWN_EXTENSIONS:
        raise Unsupported(
            f"column {name!r} has the extension type {extension}, which tables cannot keep",
            kind=ErrorKind.UNWRITABLE_TYPE,
            hint="cast it, e.g. to the type that it is stored as, or to VARCHAR",
        )


def _type(kind: pa.DataType, name: str) -> pa.DataType:
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        own = kind.extension_name == _OPAQUE and kind.vendor_name == _ENGINE
        if not own:
            _check_extension(kind.extension_name, name)
        return kind
    if types.is_float16(kind):
        return pa.float32()
    if types.is_decimal(kind):
        return _decimal(kind, name)
    if types.is_duration(kind):
        return pa.duration("us")
    if types.is_timestamp(kind):
        return kind if kind.unit == "ns" else pa.timestamp("us", kind.tz)
    if types.is_date64(kind):
        return pa.date32()
    if types.is_dictionary(kind):
        values = _type(kind.value_type, name)
        return kind if values == kind.value_type else values
    return _nested(kind, name)


def _decimal(kind: pa.DataType, name: str) -> pa.DataType:
    digits, scale = (kind.precision, kind.scale)
    if scale < 0:
        digits, scale = digits - scale, 0
    if digits > 38:
        raise Unsupported(
            f"column {name!r} has type {kind}: tables keep 38 digits at most",
            kind=ErrorKind.UNWRITABLE_TYPE,
            hint="cast it, e.g. to VARCHAR",
        )
    return pa.decimal128(digits, scale)


def _nested(kind: pa.DataType, name: str) -> pa.DataType:
    """Returns a nested type with types within that the engine takes; others as they are."""
    types = pa.types
    if types.is_struct(kind):
        fields = [_field(field, name) for field in kind]
        return pa.struct(fields) if fields != list(kind) else kind
    if types.is_map(kind):
        key, item = _field(kind.key_field, name), _field(kind.item_field, name)
        same = (key, item) == (kind.key_field, kind.item_field)
        return kind if same else pa.map_(key, item, kind.keys_sorted)
    if not (types.is_nested(kind) and hasattr(kind, "value_field")):
        return kind
    inner = _field(kind.value_field, name)
    if inner == kind.value_field:
        return kind
    if types.is_fixed_size_list(kind):
        return pa.list_(inner, kind.list_size)
    return pa.large_list(inner) if types.is_large_list(kind) else pa.list_(inner)


def _cast(field: pa.Field, column: pa.Array) -> pa.Array:
    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise inexact(field.name, column.type) from error
    except pa.ArrowNotImplementedError as error:
        raise Unsupported(
            f"column {field.name!r} has type {column.type}, which tables cannot keep",
            kind=ErrorKind.UNWRITABLE_TYPE,
            hint="cast it, e.g. to VARCHAR",
        ) from error


def _holds_interval(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _holds_interval(kind.value_type)
    children = (kind.field(n).type for n in range(kind.num_fields))
    return kind == pa.month_day_nano_interval() or any(map(_holds_interval, children))


def _is_too_fine(column: pa.Array) -> bool:
    """Returns whether intervals in a column have nanoseconds that are no microseconds."""
    if not _holds_interval(column.type):
        return False
    if column.type == pa.month_day_nano_interval():
        return any(v is not None and v.nanoseconds % 1000 for v in column.to_pylist())
    if pa.types.is_struct(column.type):
        return any(map(_is_too_fine, column.flatten()))
    if pa.types.is_map(column.type):
        return any(map(_is_too_fine, (column.keys, column.items)))
    if pa.types.is_dictionary(column.type):
        return _is_too_fine(column.dictionary)
    return _is_too_fine(column.flatten())
