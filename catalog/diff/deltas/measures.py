"""What is measured of values of a type: numbers, moments and times of day as whole numbers.

Differences of whole numbers are exact. Integers and decimals are such numbers of some decimal
place. So are floats as people write them: 184.86 is 18,486 hundredths, and not the binary fraction
that is nearest to it.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call
from catalog.dataclasses import dataclass
from catalog.engine.arrow_arrays import Numbers, to_numpy
from catalog.model.types import DataType, Scalar, TypeClass

Family: TypeAlias = Literal["number", "moment", "time"]

FLOAT_PLACES = 6
"""Decimal places up to which floats are taken for the decimal numbers that they print as: enough
for amounts and rates. Results of computations have more, and are taken for what they are."""

FIRST = 1_000
"""Values that are tried first: what most columns are not shows in these."""

WHOLE = 1 << 62
"""Whole numbers below it can be subtracted from each other in 64 bits."""

_TICKS = {
    "DATE": (86_400 * 10**9, None),
    "TIMESTAMP": (1_000, None),
    "TIMESTAMP WITH TIME ZONE": (1_000, None),
    "TIMESTAMP_NS": (1, None),
    "TIMESTAMP_S": (1_000, "epoch_us(CAST({} AS TIMESTAMP))"),
    "TIMESTAMP_MS": (1_000, "epoch_us(CAST({} AS TIMESTAMP))"),
    "TIMESTAMPTZ_NS": (1, "epoch_ns({})"),
}
"""Nanoseconds of a tick of moments, and SQL of the ticks where Arrow does not have them. What is
infinite has none in SQL, and the greatest or least number in Arrow."""

_TIMES = {
    "TIME": (1_000, "epoch_us({})"),
    "TIME_NS": (1, "epoch_ns({})"),
    "TIME WITH TIME ZONE": (1_000, "epoch_us(CAST({} AS TIME))"),
}
"""The same for times of day, of which Arrow has no 24:00."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured of values of a type.

    Attributes:
        family: Values of one family have differences.
        tick_ns: Nanoseconds of a tick of moments and times; 0 for numbers.
        sql: SQL of what is measured, with a place for the value; None for the value itself.
    """

    family: Family
    tick_ns: int = 0
    sql: str | None = None


def measure(kind: DataType) -> Measure | None:
    """Returns what is measured of values of a type; None if nothing is."""
    if not isinstance(kind, Scalar):
        return None
    if kind.name in _TICKS:
        return Measure("moment", *_TICKS[kind.name])
    if kind.name in _TIMES:
        return Measure("time", *_TIMES[kind.name])
    numbers = (TypeClass.INTEGER, TypeClass.DECIMAL, TypeClass.FLOAT)
    is_number = kind.type_class in numbers or kind.name == "UBIGINT"
    return Measure("number") if is_number else None


@dataclass(frozen=True, slots=True)
class Wholes:
    """Numbers as whole numbers of a decimal place.

    Attributes:
        values: Each number times ten to the ``places``: int64, or Python's if that is too small.
        places: How many places that are.
    """

    values: Numbers
    places: int = 0

    def at(self, places: int) -> Numbers:
        """Returns them as whole numbers of as many or more places."""
        return _times(self.values, 10 ** (places - self.places))

    def doubles(self) -> Numbers:
        """Returns them as the doubles nearest to them."""
        if self.values.dtype == np.int64 and self.places <= 22:
            found: Numbers = self.values.astype(np.float64) / 10.0**self.places
            return found
        scale = 10**self.places
        return np.array([value / scale for value in self.values.tolist()], dtype=np.float64)

    def needed_places(self) -> int:
        """Returns how many places some of them needs, not to be another number."""
        values, places = self.values, self.places
        while places and _all(values, lambda some: some % 10 == 0):
            values, places = values // 10, places - 1
        return places


def is_finite(column: pa.Array, family: Family) -> Numbers:
    """Returns which values of a column are there, and neither NaN nor infinite."""
    found: Numbers = to_numpy(call("is_valid", column)).copy()
    if pa.types.is_floating(column.type):
        found &= np.isfinite(to_numpy(column))
    elif family == "moment":
        values = _ticks(column)
        most = np.iinfo(values.dtype).max
        found &= (values != most) & (values != -most)
    return found


def ticks(column: pa.Array, tick_ns: int, *, unit_ns: int) -> Wholes:
    """Returns moments or times without NULL as whole numbers of a unit that divides a tick."""
    return Wholes(_times(_ticks(column).astype(np.int64), tick_ns // unit_ns))


def wholes(column: pa.Array, *, as_shown: bool) -> Wholes | None:
    """Returns numbers without NULL as whole numbers; None if they are not decimal numbers.

    Args:
        column: The numbers; floats must be finite.
        as_shown: Whether 32-bit floats may be taken for the decimal numbers that they print as.
    """
    kind = column.type
    if pa.types.is_floating(kind):
        values = to_numpy(column)
        return _decimals(values if as_shown else values.astype(np.float64))
    if pa.types.is_decimal(kind):
        return Wholes(_unscaled(column), kind.scale)
    values = to_numpy(column)
    if values.dtype == np.uint64 and len(values) and values.max() >= WHOLE:
        return Wholes(values.astype(object))
    return Wholes(_small(values.astype(np.int64)))


def doubles(column: pa.Array) -> Numbers:
    """Returns numbers without NULL as the doubles nearest to them."""
    if pa.types.is_floating(column.type):
        return to_numpy(column).astype(np.float64)
    found = wholes(column, as_shown=True)
    assert found is not None, "only floats may be no decimal numbers"
    return found.doubles()


def _ticks(column: pa.Array) -> Numbers:
    width = column.type.bit_width
    return to_numpy(column.view(pa.int32() if width == 32 else pa.int64()))


def _decimals(values: Numbers) -> Wholes | None:
    """Returns floats as whole numbers of as few places as all of them have; None if more."""
    limit = 2.0**53 if values.dtype == np.float64 else 2.0**24
    for places in range(max(_shown_places(values[:8]), 0), FLOAT_PLACES + 1):
        scale = 10.0**places

        def has_places(some: Numbers, scale: float = scale) -> Numbers:
            scaled = np.rint(some.astype(np.float64) * scale)
            same = (scaled / scale).astype(some.dtype) == some
            return np.asarray(same & (np.abs(scaled) <= limit))

        if _all(values, has_places):
            return Wholes(np.rint(values.astype(np.float64) * scale).astype(np.int64), places)
    return None


def _shown_places(values: Numbers) -> int:
    """Returns how many decimal places the texts of some finite floats have."""
    exponents = (Decimal(str(value)).normalize().as_tuple().exponent for value in values)
    return max((-found for found in exponents if isinstance(found, int)), default=0)


def _all(values: Numbers, holds: Callable[[Numbers], Numbers]) -> bool:
    """Returns whether something holds for all values; of many, the first ones are asked first."""
    if len(values) <= FIRST:
        return bool(holds(values).all())
    return bool(holds(values[:FIRST]).all()) and bool(holds(values[FIRST:]).all())


def _unscaled(column: pa.Array) -> Numbers:
    """Returns decimals without their point."""
    words = np.frombuffer(
        column.buffers()[1] or b"", np.int64, 2 * len(column), 16 * column.offset
    ).reshape(-1, 2)
    low, high = words[:, 0], words[:, 1]
    if np.array_equal(high, low >> 63):
        return _small(low)
    tops, rests = high.tolist(), low.view(np.uint64).tolist()
    return as_objects([(top << 64) | rest for top, rest in zip(tops, rests, strict=True)])


def _times(values: Numbers, factor: int) -> Numbers:
    """Returns whole numbers times another, in a type that has room for them."""
    if factor == 1:
        return values
    if values.dtype == object or not len(values):
        return values * factor if factor < WHOLE else values.astype(object) * factor
    if _greatest(values) * factor < WHOLE:
        found: Numbers = values * np.int64(factor)
        return found
    return values.astype(object) * factor


def _small(values: Numbers) -> Numbers:
    """Returns int64 values, as Python's numbers if they may be too large to be subtracted."""
    return values.astype(object) if _greatest(values) >= WHOLE else values


def _greatest(values: Numbers) -> int:
    return max(int(values.max()), -int(values.min())) if len(values) else 0


def as_objects(values: Sequence[object]) -> Numbers:
    """Returns Python's values as an array."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
