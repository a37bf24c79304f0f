"""Statistics of columns, as far as a footer can be trusted about them."""

import math
import struct
from dataclasses import dataclass

import pyarrow.parquet as pq

from catalog.formats.footer import Footer
from catalog.formats.thrift import Fields
from catalog.model.datafile import ColumnStats
from catalog.model.types import INTEGER_BITS, Scalar, TypeClass
from catalog.model.values import encode

_SIGNED = frozenset((TypeClass.BOOLEAN, TypeClass.DATE, TypeClass.TIME, TypeClass.TIMESTAMP))
"""Types whose order the deprecated bounds of older writers are in, beside signed integers and
floats; those of text, and of decimals in bytes, are in whatever order the writer thought of."""

_NUMBERS = {"BOOLEAN": "<?", "INT32": "<i", "INT64": "<q", "FLOAT": "<f", "DOUBLE": "<d"}


def column_stats(footer: Footer, number: int, kind: Scalar, leaf: pq.ColumnSchema) -> ColumnStats:
    """Returns the statistics of the column of plain values at a place, read as a type."""
    nans = None if kind.type_class is TypeClass.FLOAT else 0
    groups = [group for group in footer.groups if group.rows]
    chunks = [_chunk(group.chunks[number], footer, kind, leaf) for group in groups]
    known = [chunk for chunk in chunks if chunk is not None]
    if len(known) < len(chunks):
        return ColumnStats(nans=nans)
    counted = all(one.nulls is not None for one in known)
    nulls = sum(one.nulls or 0 for one in known) if counted else None
    if nulls == footer.rows:
        return ColumnStats(nulls, 0)
    bounded = [one for one in known if one.nulls is None or one.nulls < one.values]
    if not bounded:
        return ColumnStats(nulls, nans)
    as_stored = _Stored(kind, leaf)
    lows = [as_stored.encoded(one.low) for one in bounded]
    highs = [as_stored.encoded(one.high) for one in bounded]
    low = min((bound for bound in lows if bound is not None), default=None)
    high = max((bound for bound in highs if bound is not None), default=None)
    if low is None or high is None or None in lows or None in highs:
        return ColumnStats(nulls, nans)
    exact = kind.type_class not in (TypeClass.TEXT, TypeClass.BINARY, TypeClass.FLOAT)
    return ColumnStats(nulls, nans, low, high, exact)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Statistics of a column in a row group.

    Attributes:
        values: Its values, NULL included.
        nulls: How many are NULL; None if unknown.
        low: The least value, as stored; None if unknown.
        high: The greatest value.
    """

    values: int
    nulls: int | None
    low: bytes | None
    high: bytes | None


def _chunk(meta: Fields, footer: Footer, kind: Scalar, leaf: pq.ColumnSchema) -> _Chunk | None:
    stats = meta.get(12)
    if stats is None:
        return None
    nulls, values = stats.get(3), meta[5]
    if type(nulls) is not int or not 0 <= nulls <= values:
        nulls = None
    low = high = None
    if footer.ordered:
        low, high = stats.get(6), stats.get(5)
    if (low is None or high is None) and _is_signed(kind, leaf):
        low, high = stats.get(2), stats.get(1)
    return _Chunk(values, nulls, low, high)


def _is_signed(kind: Scalar, leaf: pq.ColumnSchema) -> bool:
    """Returns whether the deprecated bounds of a column are in the order of its values."""
    if leaf.physical_type not in _NUMBERS:
        return False
    if kind.type_class in (TypeClass.INTEGER, TypeClass.WIDE_INTEGER):
        return INTEGER_BITS[kind.name][1]
    return kind.type_class in _SIGNED or kind.type_class in (TypeClass.FLOAT, TypeClass.DECIMAL)


class _Stored:
    """How bounds of a column are stored."""

    def __init__(self, kind: Scalar, leaf: pq.ColumnSchema) -> None:
        self._kind = kind
        self._form = _NUMBERS.get(leaf.physical_type)
        self._length = leaf.length if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" else None
        self._factor = 1000 if "milliseconds" in str(leaf.logical_type) else 1

    def encoded(self, stored: bytes | None) -> bytes | None:
        """Returns a bound as the catalog encodes it, None if it is not to be trusted."""
        if stored is None:
            return None
        if self._form is not None:
            (number,) = struct.unpack(self._form, stored)
            return self._encoded_number(number)
        match self._kind.type_class:
            case TypeClass.DECIMAL if self._length in (None, len(stored)):
                return self._encoded_number(int.from_bytes(stored, "big", signed=True))
            case TypeClass.TEXT | TypeClass.BINARY:
                return stored
            case TypeClass.UUID if len(stored) == 16:
                return stored
        return None

    def _encoded_number(self, number: bool | int | float) -> bytes | None:
        kind = self._kind
        match kind.type_class:
            case TypeClass.BOOLEAN if isinstance(number, bool):
                return encode(number, kind)
            case TypeClass.DATE if isinstance(number, int):
                return encode(number, kind)
            case TypeClass.INTEGER | TypeClass.WIDE_INTEGER if isinstance(number, int):
                bits, signed = INTEGER_BITS[kind.name]
                return encode(number if signed else number % (1 << bits), kind)
            case TypeClass.DECIMAL if isinstance(number, int) and kind.decimal is not None:
                width = kind.decimal[0]
                if abs(number) < 10**width:
                    return encode(number, Scalar(f"DECIMAL({width},0)"))
            case TypeClass.FLOAT if isinstance(number, float) and not math.isnan(number):
                return encode(number, kind)
            case TypeClass.TIME | TypeClass.TIMESTAMP if isinstance(number, int):
                moved = number * self._factor
                if -(1 << 63) <= moved < 1 << 63:
                    return encode(moved, kind)
        return None
