"""Order-preserving byte encodings of typed values.

Partition values and column bounds are stored as bytes whose byte order is the order of
the values in DuckDB. So bounds are compared, merged and stored without knowing the type.

- boolean, integer, date (days since 1970-01-01), time and timestamp (ticks): 8 bytes
  big-endian, sign bit flipped
- wide integer, decimal (unscaled): 17 bytes big-endian of value + 2**135
- float: 8 bytes IEEE 754 double, order made total: sign bit flipped, negatives inverted;
  -0.0 as 0.0, one NaN above all
- text: UTF-8
- binary, uuid (16 bytes, most significant first): the bytes

Source: the byte-comparable formats of order-preserving key encodings, e.g. Apache
Cassandra's "byte-comparable" translation.
"""

import datetime
import decimal
import math
import re
import struct
import uuid
from collections.abc import Sequence
from typing import TypeAlias

from catalog.errors import CorruptData, InvalidInput
from catalog.model.types import INTEGER_BITS, DataType, Scalar, TypeClass

Value: TypeAlias = (
    bool
    | int
    | float
    | str
    | bytes
    | decimal.Decimal
    | datetime.date
    | datetime.datetime
    | datetime.time
    | uuid.UUID
)
"""A typed scalar value; ticks of times and timestamps may also be given as integers."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
WIDE_BYTES = 17
_WIDE_BIAS = 1 << 135
_EXACT = decimal.Context(prec=80)


def encode(value: Value, kind: Scalar) -> bytes:
    """Encodes one value so that byte order is value order.

    Args:
        value: The value; integers are also accepted for dates (days), times and
            timestamps (ticks of the type: microseconds, nanoseconds for ``TIMESTAMP_NS``).
        kind: A scalar type with an order, see ``has_order``.

    Raises:
        InvalidInput: The value is not one of the type.
    """
    match kind.type_class:
        case TypeClass.BOOLEAN | TypeClass.INTEGER if isinstance(value, int):
            return _int64(int(value))
        case TypeClass.WIDE_INTEGER if isinstance(value, int):
            return (value + _WIDE_BIAS).to_bytes(17, "big")
        case TypeClass.DECIMAL if isinstance(value, int | decimal.Decimal):
            return (_unscaled(value, kind) + _WIDE_BIAS).to_bytes(17, "big")
        case TypeClass.FLOAT if isinstance(value, int | float):
            return _float64(float(value))
        case TypeClass.TEXT if isinstance(value, str):
            try:
                return value.encode()
            except UnicodeEncodeError as error:
                reason = f"{value!r} is not a value of type {kind}: it is not valid UTF-8"
                raise InvalidInput(reason) from error
        case TypeClass.BINARY if isinstance(value, bytes):
            return value
        case TypeClass.UUID if isinstance(value, uuid.UUID):
            return value.bytes
        case TypeClass.UUID if isinstance(value, bytes) and len(value) == 16:
            return value
        case TypeClass.DATE | TypeClass.TIME | TypeClass.TIMESTAMP:
            return _int64(_ticks(value, kind))
    raise InvalidInput(f"{value!r} is not a value of type {kind}")


def decode(encoded: bytes, kind: Scalar) -> Value:
    """Reads a value back; timestamps of nanoseconds come back as integer ticks.

    Raises:
        CorruptData: The bytes do not encode a value of that type.
    """
    try:
        match kind.type_class:
            case TypeClass.BOOLEAN:
                return bool(_from_int64(encoded))
            case TypeClass.INTEGER:
                return _checked_integer(_from_int64(encoded), kind)
            case TypeClass.WIDE_INTEGER:
                return _checked_integer(_from_wide(encoded), kind)
            case TypeClass.DECIMAL:
                unscaled = _from_wide(encoded)
                return decimal.Decimal(unscaled).scaleb(-_scale(kind), _EXACT)
            case TypeClass.FLOAT:
                return _from_float64(encoded)
            case TypeClass.TEXT:
                return encoded.decode()
            case TypeClass.UUID:
                return uuid.UUID(bytes=encoded)
            case TypeClass.DATE | TypeClass.TIME | TypeClass.TIMESTAMP:
                return _from_ticks(_from_int64(encoded), kind)
            case _:
                return encoded
    except (ValueError, struct.error, OverflowError) as error:
        raise CorruptData(f"{encoded!r} is not a stored value of type {kind}") from error


def encoded_ticks(encoded: bytes) -> int:
    """Returns an encoded date in days, or an encoded time or timestamp in ticks of its type."""
    return _from_int64(encoded)


def has_order(kind: DataType) -> bool:
    """Returns whether values of the type can be encoded, hence bounded and partitioned by."""
    return isinstance(kind, Scalar) and kind.type_class is not TypeClass.OTHER


def sort_key(values: Sequence[bytes | None], path: str) -> bytes:
    """Returns the byte string by which manifest entries are sorted.

    Each partition value is ``00`` for NULL, else ``01`` and the encoding with ``00``
    escaped as ``00 FF`` and closed by ``00 00``; the UTF-8 of the path follows.
    """
    return stored_sort_key(values, path.encode())


def stored_sort_key(values: Sequence[bytes | None], path: bytes) -> bytes:
    """Returns ``sort_key`` of a path in UTF-8."""
    parts = [
        b"\x00" if value is None else b"\x01" + value.replace(b"\x00", b"\x00\xff") + b"\x00\x00"
        for value in values
    ]
    return b"".join(parts) + path


def text(value: Value | None, kind: Scalar) -> str | None:
    """Returns the value in DuckDB's text form, None for NULL."""
    if value is None:
        return None
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return float_text(value)
        case decimal.Decimal():
            return format(value, "f")
        case bytes():
            return "".join(
                chr(b) if 32 <= b < 127 and chr(b) not in "\\'\"" else f"\\x{b:02X}" for b in value
            )
        case int() if kind.type_class is TypeClass.TIMESTAMP:
            whole, nanos = divmod(value, 10**9)
            base = (_EPOCH + datetime.timedelta(seconds=whole)).strftime("%Y-%m-%d %H:%M:%S")
            return base + (f".{nanos:09d}".rstrip("0") if nanos else "")
        case datetime.datetime():
            base = value.replace(tzinfo=None).isoformat(sep=" ")
            base = base.rstrip("0") if "." in base else base
            return base + ("+00" if kind.name == "TIMESTAMP WITH TIME ZONE" else "")
        case datetime.time():
            base = value.isoformat()
            return base.rstrip("0") if "." in base else base
        case _:
            return str(value)


def encoded_text(encoded: bytes | None, kind: Scalar) -> str | None:
    """Returns an encoded value in DuckDB's text form, None for NULL."""
    return None if encoded is None else text(decode(encoded, kind), kind)


def parse(stated: str, kind: Scalar) -> Value:
    """Reads a value from the text of a path segment or a literal, without loss.

    Raises:
        InvalidInput: The text is not a value of the type, or only after rounding.
    """
    try:
        return _parsed(stated.strip() if kind.type_class is not TypeClass.TEXT else stated, kind)
    except (ValueError, KeyError, decimal.InvalidOperation, OverflowError) as error:
        raise InvalidInput(f"{stated!r} is not a value of type {kind}") from error


def _parsed(stated: str, kind: Scalar) -> Value:
    if "_" in stated and kind.type_class not in (TypeClass.TEXT, TypeClass.BINARY):
        raise ValueError(stated)
    match kind.type_class:
        case TypeClass.TEXT:
            return stated
        case TypeClass.BINARY:
            return _bytes(stated)
        case TypeClass.BOOLEAN:
            return {"true": True, "false": False, "t": True, "f": False}[stated.lower()]
        case TypeClass.INTEGER | TypeClass.WIDE_INTEGER:
            return _checked_integer(int(stated), kind)
        case TypeClass.DECIMAL:
            number = decimal.Decimal(stated)
            encode(number, kind)
            return number
        case TypeClass.FLOAT:
            return float(stated)
        case TypeClass.DATE:
            return datetime.date.fromisoformat(stated)
        case TypeClass.TIME:
            if (fraction := _FRACTION.search(stated)) and len(fraction[1].rstrip("0")) > 6:
                raise ValueError(stated)  # Python would silently truncate it
            return datetime.time.fromisoformat(stated)
        case TypeClass.TIMESTAMP:
            return _moment(stated, kind)
        case TypeClass.UUID:
            return uuid.UUID(stated)
        case _:
            raise InvalidInput(f"values of type {kind} cannot be read from text")


_FRACTION = re.compile(r"(?<=\d)[.,](\d+)")
_BYTE = re.compile(rb"\\x([0-9A-Fa-f]{2})")


def _bytes(stated: str) -> bytes:
    r"""Reads bytes: those of the text, where ``\xHH`` is a byte as in DuckDB."""
    raw = stated.encode(errors="surrogateescape")
    return _BYTE.sub(lambda found: bytes([int(found[1], 16)]), raw)


def _moment(stated: str, kind: Scalar) -> Value:
    """Reads a timestamp; Python would silently truncate a fraction beyond microseconds."""
    fraction = _FRACTION.search(stated)
    digits = fraction[1].rstrip("0") if fraction else ""
    moment = datetime.datetime.fromisoformat(_FRACTION.sub("", stated, count=1))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    nanoseconds = kind.name == "TIMESTAMP_NS"
    if len(digits) > (9 if nanoseconds else 6):
        raise ValueError(stated)
    if nanoseconds:
        return _ticks(moment, kind) + int(digits.ljust(9, "0"))
    return moment + datetime.timedelta(microseconds=int(digits.ljust(6, "0")))


def _checked_integer(value: int, kind: Scalar) -> int:
    bits, signed = INTEGER_BITS[kind.name]
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= value <= high:
        raise ValueError(value)
    return value


def float_text(value: float) -> str:
    """Returns a double in DuckDB's text form: shortest digits, ``nan``, ``inf``, ``-inf``."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)


def _int64(value: int) -> bytes:
    try:
        return (value + (1 << 63)).to_bytes(8, "big")
    except OverflowError as error:
        raise InvalidInput(f"{value} does not fit 64 bits") from error


def _from_int64(encoded: bytes) -> int:
    (value,) = struct.unpack(">Q", encoded)
    return int(value) - (1 << 63)


def _from_wide(encoded: bytes) -> int:
    if len(encoded) != WIDE_BYTES:
        raise ValueError(encoded)
    return int.from_bytes(encoded, "big") - _WIDE_BIAS


def _float64(value: float) -> bytes:
    (bits,) = struct.unpack(">Q", struct.pack(">d", value or 0.0))
    if math.isnan(value):
        bits = 0x7FF8000000000000
    flipped = bits ^ 0xFFFFFFFFFFFFFFFF if bits >> 63 else bits | 1 << 63
    return struct.pack(">Q", flipped)


def _from_float64(encoded: bytes) -> float:
    (bits,) = struct.unpack(">Q", encoded)
    original = bits ^ (1 << 63) if bits >> 63 else bits ^ 0xFFFFFFFFFFFFFFFF
    (value,) = struct.unpack(">d", struct.pack(">Q", original))
    return float(value)


def _scale(kind: Scalar) -> int:
    return kind.decimal[1] if kind.decimal is not None else 0


def _unscaled(value: int | decimal.Decimal, kind: Scalar) -> int:
    scaled = decimal.Decimal(value).scaleb(_scale(kind), _EXACT)
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise InvalidInput(f"{value} has more digits than type {kind}")
    return int(scaled)


def _ticks(value: object, kind: Scalar) -> int:
    match value:
        case bool():
            pass
        case int():
            return value
        case datetime.datetime() if kind.type_class is TypeClass.TIMESTAMP:
            moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            micros = (moment - _EPOCH) // datetime.timedelta(microseconds=1)
            return micros * (1000 if kind.name == "TIMESTAMP_NS" else 1)
        case datetime.datetime():  # a date too in Python, but its time would be lost
            pass
        case datetime.date() if kind.type_class is TypeClass.DATE:
            return value.toordinal() - _EPOCH_DAY
        case datetime.time() if kind.type_class is TypeClass.TIME and value.tzinfo is None:
            seconds = value.hour * 3600 + value.minute * 60 + value.second
            return seconds * 10**6 + value.microsecond
    raise InvalidInput(f"{value!r} is not a value of type {kind}")


def _from_ticks(ticks: int, kind: Scalar) -> Value:
    match kind.type_class:
        case TypeClass.DATE:
            return datetime.date.fromordinal(ticks + _EPOCH_DAY)
        case TypeClass.TIME:
            return (datetime.datetime.min + datetime.timedelta(microseconds=ticks)).time()
        case _ if kind.name == "TIMESTAMP_NS":
            return ticks
    return _EPOCH + datetime.timedelta(microseconds=ticks)
