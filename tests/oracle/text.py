"""The canonical text of a scalar value: what a text column is compared with."""

import datetime
import decimal
import struct
import uuid

from tests.oracle.types import (
    NANOSECONDS,
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
    Uuid,
)

_DAY_NS = 86_400_000_000_000
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_PLAIN_BYTES = frozenset(range(32, 127)) - frozenset(b"\\'\"")


def has_text(type_: Type) -> bool:
    """Says whether values of a type can be compared with text: scalars can."""
    return not isinstance(type_, List | Struct | Map)


def text_of(type_: Type, value: object) -> str:
    """Writes a non-NULL scalar as DuckDB casts it to VARCHAR, but -0.0 as 0.0.

    Raises:
        TypeError: The value is nested, or does not belong to the type.
    """
    match type_, value:
        case Text(), str():
            return value
        case Boolean(), bool():
            return "true" if value else "false"
        case Integer(), int():
            return str(value)
        case Float(bits=bits), float():
            return _float_text(value, bits)
        case Decimal(), decimal.Decimal():
            return _decimal_text(value, type_)
        case Blob(), bytes():
            return "".join(chr(b) if b in _PLAIN_BYTES else f"\\x{b:02X}" for b in value)
        case Date(), datetime.date():
            return value.isoformat()
        case Time(unit=unit), int():
            return _clock(value * NANOSECONDS[unit])
        case Timestamp(unit=unit, zoned=zoned), int():
            days, rest = divmod(value * NANOSECONDS[unit], _DAY_NS)
            day = datetime.date.fromordinal(_EPOCH + days).isoformat()
            return f"{day} {_clock(rest)}" + ("+00" if zoned else "")
        case Uuid(), uuid.UUID():
            return str(value)
        case Null(), _:
            raise TypeError(f"a value of the NULL type: {value!r}")
    raise TypeError(f"no text for {value!r} as {type_}")


def _clock(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02d}:{minute:02d}:{second:02d}"
    return text + f".{fraction:09d}".rstrip("0") if fraction else text


def _decimal_text(value: decimal.Decimal, type_: Decimal) -> str:
    scale = type_.scale
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent < -scale:
        raise TypeError(f"{value} has no place in a decimal of scale {scale}")
    unscaled = int("".join(map(str, digits)) or "0") * 10 ** (exponent + scale)
    whole, fraction = divmod(unscaled, 10**scale)
    leading = "" if type_.precision == scale else str(whole)  # DuckDB: .50 as DECIMAL(2,2)
    text = f"{leading}.{fraction:0{scale}d}" if scale else str(whole)
    return f"-{text}" if sign and unscaled else text


def _float_text(value: float, bits: int) -> str:
    if value == 0:
        return "0.0"
    if bits == 64 or value != value or value in (float("inf"), float("-inf")):
        return repr(value)
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if _as_float32(short) == value:
            return repr(short)
    raise TypeError(f"{value!r} is not a 32-bit float")


def _as_float32(value: float) -> float:
    try:
        narrowed: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return float("inf")
    return narrowed
