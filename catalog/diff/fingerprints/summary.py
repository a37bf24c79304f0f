"""Summaries of columns for fingerprints: bounds, and sums that do not depend on any order.

Integers and decimals are summed exactly. Doubles are cut in two at a bit that follows from the
largest of them, so that the sum of the upper parts is exact and that of the lower ones tiny; the
greatest possible error is kept with the sum.

Source: S. M. Rump, T. Ogita, S. Oishi, "Accurate floating-point summation", 2008
(``ExtractVector``).
"""

import decimal
import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.canonical import Block, Fixed
from catalog.diff.fingerprints.mixing import CHUNK_WORDS, scratch
from catalog.errors import CatalogError
from catalog.model.fingerprint import BLOCK_ROWS, ColumnSummary
from catalog.model.types import NULL_TYPE, DataType, Scalar, TypeClass, is_float
from catalog.model.values import encode

Numbers: TypeAlias = np.ndarray[Any, Any]
Total: TypeAlias = tuple[Fraction, Fraction]
"""A sum, and how far it may be from the true one."""

Edges: TypeAlias = tuple[int | float, int | float]
"""The least and the greatest value."""

EncodedEdges: TypeAlias = tuple[bytes, bytes | None]
"""Both as the catalog encodes values; the greatest is None where values are NaN."""

GREATEST = 1000
"""Binary exponent up to which sums of doubles cannot overflow on the way."""

FILTERED_ROWS = 16_384
"""Rows from which NULLs are taken out at a time: memory for more would be mapped anew each time."""

_LOW_WORD = 1 << 64
_NOTHING = Fraction(0)

_INTEGERS = (TypeClass.INTEGER, TypeClass.WIDE_INTEGER)
_CLASSES: Mapping[str, tuple[TypeClass, ...]] = {
    "float": (TypeClass.FLOAT,),
    "date": (TypeClass.DATE,),
    "timestamp": (TypeClass.TIMESTAMP,),
    "timestamp_ns": (TypeClass.TIMESTAMP,),
}
"""Types of the catalog that kinds of values have; those that are not here are integers."""


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """What a block of a column adds to its summary.

    Attributes:
        nulls: Rows that are NULL.
        nans: Rows that are NaN.
        filled: Whether it has a value that counts; the others say nothing then.
        edges: Its least and greatest value, encoded, NaN above all; None if they are unknown.
        total: The sum of its finite numbers, and how far off that may be; None if unknown.
        negative_zeros: Whether a float is -0.0; None if unknown.
    """

    nulls: int
    nans: int = 0
    filled: bool = False
    edges: tuple[bytes, bytes] | None = None
    total: Total | None = None
    negative_zeros: bool | None = None

    @property
    def claimed(self) -> EncodedEdges | None:
        """Returns the edges as a footer gives them."""
        if self.edges is None or not self.nans:
            return self.edges
        return self.edges[0], None


def block_summary(block: Block, rows: int, kind: DataType) -> BlockSummary:
    """Returns what a block of a number of rows adds to the summary of a column of some type."""
    if block.nulls == rows or not isinstance(kind, Scalar):
        return BlockSummary(block.nulls)
    fixed = block.fixed
    if fixed is None or kind == NULL_TYPE:
        return BlockSummary(block.nulls, filled=True)
    edges = _edges(fixed)
    nans = 0
    if isinstance(edges[1], float) and math.isnan(edges[1]):
        nans = int(np.isnan(fixed.values).sum())
    return BlockSummary(
        block.nulls,
        nans,
        filled=True,
        edges=_encoded(fixed, kind, edges),
        total=_total(fixed, kind, edges),
        negative_zeros=fixed.negative_zeros,
    )


class Summing:
    """The summary of a column, put together from those of its blocks.

    Attributes:
        nans: Rows that are NaN.
    """

    def __init__(self, kind: DataType) -> None:
        self._kind = kind
        self._nulls = self.nans = 0
        self._negative_zeros: bool | None = False if is_float(kind) else None
        self._edges: tuple[bytes, bytes] | None = None
        self._total = self._slack = _NOTHING
        self._bounded = isinstance(kind, Scalar) and kind != NULL_TYPE
        self._summed = self._bounded

    def summary_of(self, block: Block, rows: int) -> BlockSummary:
        """Returns what a block of a number of rows would add."""
        return block_summary(block, rows, self._kind)

    def add(self, part: BlockSummary) -> None:
        """Adds a block."""
        self._nulls += part.nulls
        self.nans += part.nans
        if not part.filled:
            return
        if self._negative_zeros is not None:
            known = part.negative_zeros
            self._negative_zeros = None if known is None else self._negative_zeros or known
        if part.edges is None:
            self._bounded = False
        elif self._edges is None:
            self._edges = part.edges
        else:
            low, high = part.edges
            self._edges = min(self._edges[0], low), max(self._edges[1], high)
        if part.total is None:
            self._summed = False
        else:
            total, slack = part.total
            self._total = self._total + total if self._total else total
            self._slack = self._slack + slack if self._slack else slack

    def summary(self) -> ColumnSummary:
        """Returns what was found."""
        low, high = self._edges if self._bounded and self._edges else (None, None)
        return ColumnSummary(
            self._nulls,
            self.nans,
            low,
            high,
            self._total if self._summed else None,
            self._slack if self._summed else _NOTHING,
            self._negative_zeros,
        )


def _total(fixed: Fixed, kind: Scalar, edges: Edges) -> Total | None:
    if fixed.tag == "float" and is_float(kind):
        low, high = edges
        most = math.nan if math.isnan(high) else float(max(-low, high))
        return float_total(fixed.values, most)
    if fixed.tag in ("int", "uint64") or fixed.tag.startswith("decimal"):
        total = _integer_total(fixed, edges)
        if not fixed.tag.startswith("decimal"):
            return Fraction(total), _NOTHING
        return Fraction(total, 10 ** int(fixed.tag[7:])), _NOTHING
    return None


def encoded_edges(fixed: Fixed, kind: Scalar) -> EncodedEdges | None:
    """Returns the least and the greatest of some values, not all NULL; None if unknown."""
    edges = _edges(fixed)
    found = _encoded(fixed, kind, edges)
    if found is not None and isinstance(edges[1], float) and math.isnan(edges[1]):
        return found[0], None
    return found


def _encoded(fixed: Fixed, kind: Scalar, edges: Edges) -> tuple[bytes, bytes] | None:
    try:
        low, high = (encode(_value(edge, fixed, kind), kind) for edge in edges)
    except (CatalogError, ValueError, OverflowError):
        return None
    return low, high


def _value(edge: int | float, fixed: Fixed, kind: Scalar) -> Any:
    """Returns a bound as ``encode`` takes it."""
    if fixed.tag.startswith("decimal"):
        if kind.decimal is None or fixed.tag != f"decimal{kind.decimal[1]}":
            raise ValueError(kind)
        return decimal.Decimal(int(edge)).scaleb(-kind.decimal[1], decimal.Context(prec=80))
    if fixed.tag == "time":
        whole, rest = divmod(int(edge), 1000)
        if rest:
            raise ValueError(kind)
        return whole
    if fixed.tag == "bool":
        return bool(edge)
    expected = _CLASSES.get(fixed.tag, _INTEGERS)
    nanoseconds = kind.name == "TIMESTAMP_NS"
    if kind.type_class not in expected or nanoseconds != (fixed.tag == "timestamp_ns"):
        raise ValueError(kind)
    return edge


def _edges(fixed: Fixed) -> Edges:
    """Returns the least and the greatest value of a block that has one."""
    if fixed.edges is not None and fixed.valid is None:
        least, most = (edge.item() for edge in fixed.edges)
        if most == most:
            return least, most
    lows, highs = zip(*map(_edges_of, _valid_parts(fixed)), strict=True)
    numbers = [low for low in lows if low == low]  # the least value is NaN where all are
    return (
        min(numbers, default=math.nan),
        next((high for high in highs if high != high), max(highs)),
    )


def _valid_parts(fixed: Fixed) -> Iterator[Numbers]:
    """Yields the values that are not NULL: few at a time, so that no large memory is needed."""
    valid = fixed.valid
    if valid is None:
        yield fixed.values
        return
    for start in range(0, len(valid), FILTERED_ROWS):
        part = slice(start, start + FILTERED_ROWS)
        values = fixed.values[part][valid[part]]
        if len(values):
            yield values


def _edges_of(values: Numbers) -> Edges:
    """Returns the least and the greatest of some values, of which those of decimals are pairs."""
    if values.ndim > 1:
        low, high = values[:, 0].view(np.uint64), values[:, 1]
        least, most = high.min(), high.max()
        lowest, highest = (low, low) if least == most else (low[high == least], low[high == most])
        return (
            int(least) * _LOW_WORD + int(lowest.min()),
            int(most) * _LOW_WORD + int(highest.max()),
        )
    least, most = values.min().item(), values.max().item()
    if most == most:
        return least, most
    numbers = values[~np.isnan(values)]
    return (numbers.min().item() if len(numbers) else math.nan), math.nan


def _integer_total(fixed: Fixed, edges: Edges) -> int:
    """Returns the exact sum of the integers, or unscaled decimals, of a block."""
    fits = max(-int(edges[0]), int(edges[1])) * len(fixed.values) < 1 << 63
    if not fixed.tag.startswith("decimal"):
        return int(fixed.values.sum()) if fits else _words_total(fixed.values)
    low, high = fixed.values[:, 0], fixed.values[:, 1]
    if fits:
        return int(low.sum())
    return _words_total(high) * _LOW_WORD + _words_total(low.view(np.uint64))


def _words_total(words: Numbers) -> int:
    """Returns the exact sum of a block of any integers of 64 bits."""
    upper, lower = words >> words.dtype.type(32), words & words.dtype.type(0xFFFFFFFF)
    return (int(upper.sum()) << 32) + int(lower.sum())


def float_total(values: Numbers, most: float) -> Total:
    """Returns the sum of the finite ones of up to a block of doubles.

    No value is further from 0 than ``most``, which need not be finite.
    """
    assert len(values) <= BLOCK_ROWS, "sums of upper parts are exact for a block"
    if not math.isfinite(most):
        values = values[np.isfinite(values)]
        most = max(-values.min().item(), values.max().item()) if len(values) else 0.0
    if not most:
        return _NOTHING, _NOTHING
    _, exponent = math.frexp(most)
    if exponent > GREATEST:
        return exact_float_total([values]), _NOTHING
    cut = math.ldexp(1.5, exponent + 17)
    upper = lower = 0.0
    exact = True
    memory = scratch.words.view(np.float64)
    for start in range(0, len(values), CHUNK_WORDS):
        some = values[start : start + CHUNK_WORDS]
        parts = memory[: len(some)]
        np.add(some, cut, out=parts)
        parts -= cut
        upper += parts.sum().item()
        np.subtract(some, parts, out=parts)
        rest = parts.sum().item()
        lower += rest
        exact = exact and not rest and not parts.any()
    total = Fraction(upper) + Fraction(lower) if lower else Fraction(upper)
    return total, _NOTHING if exact else _power(exponent - 57)


@lru_cache(maxsize=256)
def _power(exponent: int) -> Fraction:
    """Returns a power of two."""
    return Fraction(2) ** exponent


def exact_float_total(blocks: Iterable[Numbers]) -> Fraction:
    """Returns the exact sum of finite doubles, however many; far slower."""
    total = Fraction(0)
    for values in blocks:
        try:
            total += _exact(values)
        except OverflowError:
            total += sum(map(Fraction, values.tolist()), Fraction(0))
    return total


def _exact(values: Numbers) -> Fraction:
    """Returns the exact sum of doubles: what rounding leaves is summed again until none is."""
    total = Fraction(0)
    rest = values.tolist()
    while True:
        part = math.fsum(rest)
        if part == 0.0:
            return total
        total += Fraction(part)
        rest.append(-part)
