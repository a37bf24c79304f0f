"""Summaries of columns for fingerprints: bounds, and sums that do not depend on any order.

Integers and decimals are summed exactly. Doubles are cut in two at a bit that follows from the
largest of them, so that the sum of the upper parts is exact and that of the lower ones tiny; the
greatest possible error is kept with the sum.

Source: S. M. Rump, T. Ogita, S. Oishi, "Accurate floating-point summation", 2008
(``ExtractVector``).
"""

import decimal
import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from catalog.diff.fingerprints.canonical import Block, Fixed
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

CHUNK_ROWS = 8_192
"""Rows summed at a time: larger pieces of memory would be freed and allocated again each time,
which takes longer than the sums."""

_LOW_WORD = 1 << 64


class Summing:
    """The summary of a column, computed block by block."""

    def __init__(self, kind: DataType) -> None:
        self._kind = kind
        self._nulls = self._rows = self._nans = 0
        self._negative_zeros: bool | None = False if is_float(kind) else None
        self._edges: tuple[bytes, bytes] | None = None
        self._total, self._slack = Fraction(0), Fraction(0)
        self._bounded = isinstance(kind, Scalar) and kind != NULL_TYPE
        self._summed = self._bounded

    def add(self, block: Block, rows: int) -> EncodedEdges | None:
        """Adds a block of a number of rows, and returns its edges as far as they are known."""
        self._nulls += block.nulls
        self._rows += rows
        if block.nulls == rows or not isinstance(self._kind, Scalar):
            return None
        fixed = block.fixed
        if fixed is None:
            self._bounded = self._summed = False
            self._negative_zeros = None
            return None
        if self._negative_zeros is not None:
            self._negative_zeros |= fixed.negative_zeros
        edges = _edges(fixed)
        is_nan = isinstance(edges[1], float) and math.isnan(edges[1])
        if is_nan:
            self._nans += int(np.isnan(fixed.values).sum())
        found = self._add_edges(fixed, self._kind, edges) if self._bounded else None
        if self._summed:
            self._add_total(fixed, self._kind, edges)
        return (found[0], None) if found is not None and is_nan else found

    def summary(self) -> ColumnSummary:
        """Returns what was found."""
        low, high = self._edges if self._bounded and self._edges else (None, None)
        return ColumnSummary(
            self._nulls,
            self._nans,
            low,
            high,
            self._total if self._summed else None,
            self._slack if self._summed else Fraction(0),
            self._negative_zeros,
        )

    def _add_edges(self, fixed: Fixed, kind: Scalar, edges: Edges) -> tuple[bytes, bytes] | None:
        found = _encoded(fixed, kind, edges)
        if found is None:
            self._bounded = False
        elif self._edges is None:
            self._edges = found
        else:
            self._edges = min(self._edges[0], found[0]), max(self._edges[1], found[1])
        return found

    def _add_total(self, fixed: Fixed, kind: Scalar, edges: Edges) -> None:
        if fixed.tag == "float" and is_float(kind):
            low, high = edges
            most = math.nan if math.isnan(high) else float(max(-low, high))
            total, slack = float_total(fixed.values, most)
        elif fixed.tag in ("int", "uint64") or fixed.tag.startswith("decimal"):
            scale = int(fixed.tag[7:]) if fixed.tag.startswith("decimal") else 0
            total, slack = Fraction(_integer_total(fixed, edges), 10**scale), Fraction(0)
        else:
            self._summed = False
            return
        self._total += total
        self._slack += slack


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
    expected = {
        "float": (TypeClass.FLOAT,),
        "date": (TypeClass.DATE,),
        "timestamp": (TypeClass.TIMESTAMP,),
        "timestamp_ns": (TypeClass.TIMESTAMP,),
    }.get(fixed.tag, (TypeClass.INTEGER, TypeClass.WIDE_INTEGER))
    nanoseconds = kind.name == "TIMESTAMP_NS"
    if kind.type_class not in expected or nanoseconds != (fixed.tag == "timestamp_ns"):
        raise ValueError(kind)
    return edge


def _edges(fixed: Fixed) -> Edges:
    """Returns the least and the greatest value of a block that has one."""
    values = fixed.values if fixed.valid is None else fixed.values[fixed.valid]
    if fixed.tag.startswith("decimal"):
        low, high = values[:, 0].view(np.uint64), values[:, 1]
        least, most = high.min(), high.max()
        return (
            int(least) * _LOW_WORD + int(low[high == least].min()),
            int(most) * _LOW_WORD + int(low[high == most].max()),
        )
    if fixed.tag != "float":
        return values.min().item(), values.max().item()
    least, most = values.min().item(), values.max().item()
    if not math.isnan(most):
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
        return Fraction(0), Fraction(0)
    _, exponent = math.frexp(most)
    if exponent > GREATEST:
        return exact_float_total([values]), Fraction(0)
    cut = math.ldexp(1.5, exponent + 17)
    upper = lower = 0.0
    exact = True
    scratch = np.empty(min(len(values), CHUNK_ROWS))
    for start in range(0, len(values), CHUNK_ROWS):
        some = values[start : start + CHUNK_ROWS]
        parts = scratch[: len(some)]
        np.add(some, cut, out=parts)
        parts -= cut
        upper += parts.sum().item()
        np.subtract(some, parts, out=parts)
        rest = parts.sum().item()
        lower += rest
        exact = exact and not rest and not parts.any()
    total = Fraction(upper) + Fraction(lower)
    return total, Fraction(0) if exact else Fraction(2) ** (exponent - 57)


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
