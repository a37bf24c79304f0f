"""Arrow types and values in the words of the oracle."""

import datetime
from typing import cast

import pyarrow as pa

from tests.oracle.types import (
    Blob,
    Boolean,
    Date,
    Decimal,
    Float,
    Integer,
    List,
    Map,
    Null,
    Struct,
    Text,
    Time,
    Timestamp,
    Type,
    Unit,
    Uuid,
)

_INTEGERS = {
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
}
_FLOATS = {pa.float16(): 32, pa.float32(): 32, pa.float64(): 64}
_TEXTS = (pa.string(), pa.large_string(), pa.string_view())
_BLOBS = (pa.binary(), pa.large_binary(), pa.binary_view())


def plain(type_: pa.DataType) -> pa.DataType:
    """Strips what is a matter of encoding only: dictionaries, large and view types."""
    if pa.types.is_dictionary(type_):
        return plain(type_.value_type)
    if type_ in _TEXTS:
        return pa.string()
    if type_ in _BLOBS or pa.types.is_fixed_size_binary(type_):
        return pa.binary()
    if pa.types.is_date(type_):
        return pa.date32()
    return type_


def oracle_type(type_: pa.DataType) -> Type:
    """Gives the logical type that an Arrow type has once it is written to Parquet."""
    type_ = plain(type_)
    if type_ in _INTEGERS:
        return Integer(_INTEGERS[type_])
    if type_ in _FLOATS:
        return Float(64) if _FLOATS[type_] == 64 else Float(32)
    if pa.types.is_decimal(type_):
        return Decimal(type_.precision, type_.scale)
    if pa.types.is_timestamp(type_):
        return Timestamp(_stored(type_.unit), zoned=type_.tz is not None)
    if pa.types.is_time(type_):
        return Time(_stored(type_.unit))
    if pa.types.is_map(type_):
        return Map(oracle_type(type_.key_type), oracle_type(type_.item_type))
    if pa.types.is_struct(type_):
        return Struct(tuple((field.name, oracle_type(field.type)) for field in type_))
    if _is_list(type_):
        return List(oracle_type(type_.value_type))
    simple: dict[pa.DataType, Type] = {
        pa.bool_(): Boolean(),
        pa.string(): Text(),
        pa.binary(): Blob(),
        pa.date32(): Date(),
        pa.uuid(): Uuid(),
        pa.null(): Null(),
    }
    return simple[type_]


def oracle_values(array: pa.Array | pa.ChunkedArray) -> list[object]:
    """Gives the values of an Arrow array as the oracle takes them."""
    return [_value(scalar) for scalar in array]


def unified(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Gives the type of a column that the files of one table hold in two types.

    Raises:
        TypeError: The test data is not meant to hold such a pair.
    """
    one, other = plain(one), plain(other)
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_signed_integer(one) and pa.types.is_signed_integer(other):
        return max(one, other, key=lambda type_: type_.bit_width)
    if pa.types.is_floating(one) and pa.types.is_floating(other):
        return pa.float64()
    raise TypeError(f"no common type for {one} and {other}")


def _stored(unit: str) -> Unit:
    return cast(Unit, "ms" if unit == "s" else unit)


def _is_list(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(type_)
        or pa.types.is_large_list(type_)
        or pa.types.is_fixed_size_list(type_)
        or pa.types.is_list_view(type_)
        or pa.types.is_large_list_view(type_)
    )


def _value(scalar: pa.Scalar) -> object:
    if scalar is None or not scalar.is_valid:
        return None
    type_ = scalar.type
    if pa.types.is_dictionary(type_):
        return _value(scalar.value)
    if pa.types.is_timestamp(type_) or pa.types.is_time(type_):
        return cast(int, scalar.value) * (1000 if type_.unit == "s" else 1)
    if pa.types.is_map(type_):
        entries = scalar.values
        keys, items = entries.field(0), entries.field(1)
        return list(zip(oracle_values(keys), oracle_values(items), strict=True))
    if pa.types.is_struct(type_):
        return {field.name: _value(scalar[i]) for i, field in enumerate(type_)}
    if _is_list(type_):
        return oracle_values(scalar.values)
    if pa.types.is_float16(type_):
        return float(scalar.as_py())
    if pa.types.is_date(type_):
        return cast(datetime.date, scalar.as_py())
    return cast(object, scalar.as_py())
