"""Statistics of columns, as far as a footer can be trusted about them."""

import hashlib
import math
import struct
from collections.abc import Iterator, Sequence

import pyarrow.parquet as pq

from catalog.dataclasses import dataclass, replace
from catalog.formats.footer import Footer
from catalog.formats.thrift import Fields
from catalog.model.datafile import ColumnStats
from catalog.model.types import (
    INTEGER_BITS,
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    TypeClass,
)
from catalog.model.values import encode

_SIGNED = frozenset((TypeClass.BOOLEAN, TypeClass.DATE, TypeClass.TIME, TypeClass.TIMESTAMP))
"""Types whose order the deprecated bounds of older writers are in, beside signed integers and
floats; those of text, and of decimals in bytes, are in whatever order the writer thought of."""

_NUMBERS = {"BOOLEAN": "<?", "INT32": "<i", "INT64": "<q", "FLOAT": "<f", "DOUBLE": "<d"}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a footer claims of a column in a row group, as an engine takes it.

    Attributes:
        rows: Rows of the row group.
        nulls: How many are NULL; None if that is not said.
        low: A value, encoded (see ``values``), that no other is below; None if that is not said.
        high: A value that no other is above.
    """

    rows: int
    nulls: int | None
    low: bytes | None
    high: bytes | None


@dataclass(frozen=True, slots=True)
class Claims:
    """What a footer claims of a column in all row groups that have rows.

    Attributes:
        fault: What is wrong with them by itself, for people; empty if nothing is.
        leaves: What it claims of the values inside of a nested column, which has no other claims.
    """

    groups: tuple[Claim, ...]
    fault: str
    leaves: tuple["LeafClaims", ...] = ()

    @property
    def digest(self) -> bytes:
        """Returns eight bytes that stand for all of it."""
        parts = [(one.rows, one.nulls, one.low, one.high) for one in self.groups]
        inner = [one.claims.digest for one in self.leaves]
        text = repr((self.fault, parts, *inner)).encode()
        return hashlib.blake2b(text, digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class LeafClaims:
    """What a footer claims of values inside of a nested column.

    Attributes:
        path: The steps to them: places of fields in structs, or ``ITEMS`` of lists and maps.
        kind: Their type.
    """

    path: tuple[int, ...]
    kind: Scalar
    claims: Claims


ITEMS = -1
"""The step to all elements of lists, or all entries of maps, which are structs of two fields."""


GARBLED = "bounds of another type"

NO_FILTER = "a Bloom filter where none is"


def column_facts(
    footer: Footer, number: int, reader: "BoundsReader", *, fault: str = ""
) -> tuple[ColumnStats, Claims | None]:
    """Returns statistics of the column of plain values at a place, read as a type, and all claims.

    Engines believe bounds that the statistics leave out, such as those in the order of bytes with
    a sign that old writers gave text. There are no claims where the footer says nothing, unless
    there is a ``fault``.
    """
    claims: list[Claim] = []
    trusted: list[Claim] = []
    garbled = said = False
    for group in footer.groups:
        if not group.rows:
            continue
        stats = group.chunks[number].get(12)
        if stats is None:
            claims.append(Claim(group.rows, None, None, None))
            continue
        said = True
        claim = reader.claim(group.rows, stats)
        garbled |= reader.is_garbled(claim, stats)
        claims.append(claim)
        trusted.append(reader.trusted(claim, stats, ordered=footer.ordered))
    complete = len(trusted) == len(claims)
    found = _summed_up(reader.kind, trusted, rows=footer.rows, complete=complete)
    fault = fault or (GARBLED if garbled else "")
    return found, Claims(tuple(claims), fault) if said or fault else None


def written_stats(
    groups: Sequence[pq.RowGroupMetaData], number: int, reader: "BoundsReader"
) -> ColumnStats | None:
    """Returns statistics of the column of plain values at a place, read as a type.

    ``groups`` are what Arrow's writer has of the row groups of a file that it has just written,
    which need no checking. What is returned is what ``column_facts`` finds in the file's footer;
    None if Arrow does not hand out the statistics of a chunk.
    """
    claims = []
    rows = 0
    for group in groups:
        count = group.num_rows
        if not count:
            continue
        stats = group.column(number).statistics
        if stats is None:
            return None
        claims.append(reader.written(count, stats))
        rows += count
    return _summed_up(reader.kind, claims, rows=rows, complete=True)


def nested_claims(
    footer: Footer, number: int, kind: DataType, leaves: Sequence[pq.ColumnSchema]
) -> Claims | None:
    """Returns what a footer claims of a nested column, whose first leaf has a number."""
    found = []
    for leaf, (path, inner) in enumerate(_leaf_paths(kind), number):
        _, said = column_facts(footer, leaf, BoundsReader(inner, leaves[leaf]))
        if said is None:
            continue
        groups = tuple(_as_nested(group, path) for group in said.groups)
        said = replace(said, groups=groups)
        found.append(LeafClaims(path, inner, said))
    return Claims((), "", tuple(found)) if found else None


def _as_nested(claim: Claim, path: tuple[int, ...]) -> Claim:
    """Returns a claim of values in a nested column without a number of NULLs that loses no row.

    Writers count NULLs in lists in one way or another, and those of structs that are NULL.
    """
    telling = ITEMS not in path and claim.nulls in (0, claim.rows)
    return claim if telling else replace(claim, nulls=None)


def _leaf_paths(kind: DataType) -> Iterator[tuple[tuple[int, ...], Scalar]]:
    """Yields the paths and types of the plain values in a type, in the order of its leaves."""
    match kind:
        case Scalar():
            yield (), kind
        case ListType(element):
            parts: Sequence[tuple[tuple[int, ...], DataType]] = [((ITEMS,), element)]
        case MapType(key, value):
            parts = [((ITEMS, 0), key), ((ITEMS, 1), value)]
        case StructType(fields):
            parts = [((n,), inner) for n, (_, inner) in enumerate(fields)]
    if isinstance(kind, Scalar):
        return
    for step, inner in parts:
        for path, leaf in _leaf_paths(inner):
            yield (*step, *path), leaf


class BoundsReader:
    """Reads the statistics of the chunks of a column of plain values, in files of one schema.

    Attributes:
        kind: The type that the column is read as.
    """

    def __init__(self, kind: Scalar, leaf: pq.ColumnSchema) -> None:
        self.kind = kind
        self._stored = _Stored(kind, leaf)
        self._signed = _is_signed(kind, leaf)
        self._strict = kind.type_class in (TypeClass.DECIMAL, TypeClass.UUID)

    def claim(self, rows: int, stats: Fields) -> Claim:
        """Returns what an engine takes from statistics."""
        nulls = stats.get(3)
        low, high = map(self._stored.encoded, _ends(stats))
        return Claim(rows, nulls if type(nulls) is int else None, low, high)

    def written(self, rows: int, stats: pq.Statistics) -> Claim:
        """Returns the claim that Arrow's writer has just made of the values of a chunk."""
        low = high = None
        if stats.has_min_max:
            low, high = map(self._stored.encoded_value, (stats.min_raw, stats.max_raw))
        return Claim(rows, stats.null_count if stats.has_null_count else None, low, high)

    def is_garbled(self, claim: Claim, stats: Fields) -> bool:
        """Returns whether a bound is there that no value of the type can be."""
        low, high = _ends(stats)
        lost = (claim.low is None and low is not None) or (claim.high is None and high is not None)
        return self._strict and lost

    def trusted(self, claim: Claim, stats: Fields, *, ordered: bool) -> Claim:
        """Returns what of it is certainly in the order of the type."""
        if not ordered or 5 not in stats or 6 not in stats:
            old = (stats.get(2), stats.get(1)) if self._signed else (None, None)
            if old != _ends(stats):
                low, high = map(self._stored.encoded, old)
                claim = Claim(claim.rows, claim.nulls, low, high)
        if claim.nulls is not None and not 0 <= claim.nulls <= claim.rows:
            return Claim(claim.rows, None, claim.low, claim.high)
        return claim


def _ends(stats: Fields) -> tuple[bytes | None, bytes | None]:
    return stats.get(6, stats.get(2)), stats.get(5, stats.get(1))


def _summed_up(kind: Scalar, groups: Sequence[Claim], *, rows: int, complete: bool) -> ColumnStats:
    """Returns statistics of a file from those of its row groups."""
    nans = None if kind.type_class is TypeClass.FLOAT else 0
    if not complete:
        return ColumnStats(nans=nans)
    counts = [one.nulls for one in groups if one.nulls is not None]
    nulls = sum(counts) if len(counts) == len(groups) else None
    if nulls == rows:
        return ColumnStats(nulls, 0)
    bounded = [one for one in groups if one.nulls != one.rows]
    lows = [one.low for one in bounded if one.low is not None]
    highs = [one.high for one in bounded if one.high is not None]
    if not bounded or len(lows) < len(bounded) or len(highs) < len(bounded):
        return ColumnStats(nulls, nans)
    exact = kind.type_class not in (TypeClass.TEXT, TypeClass.BINARY, TypeClass.FLOAT)
    return ColumnStats(nulls, nans, min(lows), max(highs), exact)


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
        self._class = kind.type_class
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
        return self._encoded_bytes(stored)

    def encoded_value(self, value: bool | int | float | bytes) -> bytes | None:
        """Returns a bound as the catalog encodes it, given as Arrow decodes it."""
        if isinstance(value, bytes):
            return self._encoded_bytes(value)
        return None if self._form is None else self._encoded_number(value)

    def _encoded_bytes(self, stored: bytes) -> bytes | None:
        match self._class:
            case TypeClass.DECIMAL if self._length in (None, len(stored)):
                return self._encoded_number(int.from_bytes(stored, "big", signed=True))
            case TypeClass.TEXT | TypeClass.BINARY:
                return stored
            case TypeClass.UUID if len(stored) == 16:
                return stored
        return None

    def _encoded_number(self, number: bool | int | float) -> bytes | None:
        kind = self._kind
        match self._class:
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
