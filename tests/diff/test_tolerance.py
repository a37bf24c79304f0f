"""Tolerances: which differences of numbers they cover, held to exact fractions."""

import itertools
import math
import random
from collections.abc import Iterator
from fractions import Fraction

import duckdb
import pytest

from catalog.diff.compare.sql_functions import register_tolerance
from catalog.diff.compare.tolerances import exact_function, within_tolerance
from catalog.diff.options import DiffOptions
from catalog.diff.plan import ColumnPair
from catalog.model.schema import Field
from catalog.model.types import INTEGER_BITS, Scalar
from tests.effort import effort

FLOATS = ("DOUBLE", "FLOAT")

TYPES = (
    *FLOATS,
    *("TINYINT", "INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT"),
    *("DECIMAL(4,1)", "DECIMAL(17,2)", "DECIMAL(18,4)", "DECIMAL(37,3)", "DECIMAL(38,0)"),
)

TOLERANCES = (
    *("0", "1", "0.5", "0.1", "0.01", "3", "1e-9", "0.30000000000000004", "5e-324", "1e-250"),
    *("1e30", "1.7976931348623157e308", "1e400", "0%", "1%", "10%", "50%", "100%", "200%"),
    *("0.1%", "33.3333%", "1e-7%", "123456789.123456789%", "1e-300%", "1e300%"),
)

DOUBLES = (
    *(0.0, -0.0, 1.0, -1.0, 0.1, 0.2, 0.1 + 0.2, 0.3, 1.1, 10.01, 10.02, 100.0, 110.0, 101.0),
    *(5e-324, -5e-324, 1.5e-323, 2.2250738585072014e-308, 1e-310, 1e-300, 1e-160, 1e160),
    *(float(2**53), float(2**53 + 2), 2.0**63, 2.0**64, 2.0**127, 1e22, 1e23, 1e36, 3.4e38),
    *(1.7976931348623157e308, -1.7976931348623157e308, 8.98846567431158e307),
    *(math.nan, math.inf, -math.inf),
)


@pytest.mark.invariant("A tolerance is decided exactly, whatever the types of the numbers")
@pytest.mark.parametrize("before", TYPES)
def test_a_tolerance_covers_what_exact_arithmetic_does(before: str) -> None:
    con = duckdb.connect()
    for after in TYPES:
        rng = random.Random(f"{before} {after}")
        for stated in rng.sample(TOLERANCES, effort(3, len(TOLERANCES))):
            pair = paired(before, after, stated)
            rows = [(None, "1"), ("1", None), (None, None), *hostile_rows(pair, rng)]
            wrong = [
                (old, new, answer)
                for old, new, answer in answers(con, pair, rows)
                if answer != is_covered(pair, old, new)
            ]
            assert not wrong, f"{before} → {after}, {stated}: {wrong[:5]}"


@pytest.mark.parametrize("stated", ["0.25", "0.1", "1%", "10%", "12.5%", "300%", "99.99999%"])
def test_many_doubles_at_the_limit_are_decided_exactly(stated: str) -> None:
    con = duckdb.connect()
    pair = paired("DOUBLE", "DOUBLE", stated)
    rng = random.Random(stated)
    rows = []
    for _ in range(effort(500, 50_000)):
        old = rng.choice((rng.random(), rng.gauss(0, 1e6), float(rng.randrange(-(10**6), 10**6))))
        rows += [(old, new) for new in around_the_limit(pair, old)]
    answered = answers(con, pair, rows)
    assert [a for _, _, a in answered] == [is_covered(pair, old, new) for old, new, _ in answered]
    assert {a for _, _, a in answered} == {True, False}


def test_a_difference_of_doubles_that_overflows_is_decided_exactly() -> None:
    con = duckdb.connect()
    most = 1.7976931348623157e308
    for stated, covered in (("200%", True), ("199.9%", False), ("1e300", False), ("1e309", True)):
        pair = paired("DOUBLE", "DOUBLE", stated)
        assert answers(con, pair, [(most, -most)]) == [(most, -most, covered)]


def test_the_usual_tolerances_call_no_function_of_python() -> None:
    for kind in ("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "DECIMAL(12,2)"):
        assert exact_function(paired(kind, kind, "0.01")) is None
    for kind in ("BIGINT", "INTEGER", "DECIMAL(12,2)"):
        assert exact_function(paired(kind, kind, "1%")) is None


def paired(before: str, after: str, stated: str) -> ColumnPair:
    """Returns a column of two types with a tolerance."""
    tolerance = DiffOptions(tolerance={"x": stated}).tolerance_of("x")
    sides = (Field(1, "x", Scalar(kind)) for kind in (before, after))
    return ColumnPair(0, *sides, compared=True, tolerance=tolerance)


def answers(
    con: duckdb.DuckDBPyConnection, pair: ColumnPair, rows: list[tuple[object, object]]
) -> list[tuple[object, object, bool]]:
    """Returns unequal values as DuckDB holds them, and whether it finds them within tolerance."""
    register_tolerance(con, pair)
    kinds = pair.before.type, pair.after.type
    con.execute(f"CREATE OR REPLACE TABLE pairs (f {kinds[0]}, t {kinds[1]})")
    texts = [[None if row[n] is None else str(row[n]) for row in rows] for n in (0, 1)]
    con.execute("INSERT INTO pairs SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])", texts)
    shown = (f"CAST({v} AS {shown_type(kind)})" for v, kind in zip("ft", kinds, strict=True))
    within = within_tolerance(pair, "f", "t")
    query = f"SELECT {', '.join(shown)}, coalesce({within}, false) FROM pairs"
    return [row for row in con.execute(query).fetchall() if not are_equal(row[0], row[1])]


def are_equal(one: object, other: object) -> bool:
    """Returns whether two values are the same number, about which no tolerance is asked."""
    values = one, other
    if any(v is None or (isinstance(v, float) and not math.isfinite(v)) for v in values):
        return False
    return Fraction(one) == Fraction(other)  # type: ignore[arg-type]


def shown_type(kind: object) -> str:
    """Returns the type in which Python takes a number as it is."""
    return "DOUBLE" if str(kind) in FLOATS else "VARCHAR"


def is_covered(pair: ColumnPair, before: object, after: object) -> bool:
    """Says the same as the tolerance, with fractions; unequal numbers alone are asked for."""
    assert pair.tolerance is not None
    values = (before, after)
    if any(v is None or (isinstance(v, float) and not math.isfinite(v)) for v in values):
        return False
    old, new = (Fraction(value) for value in values)  # type: ignore[arg-type]
    amount = pair.tolerance.amount
    return abs(new - old) <= (amount * abs(old) if pair.tolerance.relative else amount)


def hostile_rows(pair: ColumnPair, rng: random.Random) -> Iterator[tuple[object, object]]:
    """Yields pairs of values, many of them about as far apart as is allowed."""
    befores, afters = (list(hostile_values(side.type)) for side in (pair.before, pair.after))
    every = list(itertools.product(befores, afters))
    yield from rng.sample(every, min(len(every), effort(50, 10_000)))
    for old in rng.sample(befores, min(len(befores), effort(12, 1000))):
        if not (isinstance(old, float) and not math.isfinite(old)):
            for new in around_the_limit(pair, old):
                yield old, new


def hostile_values(kind: object) -> Iterator[object]:
    """Yields values of a type, among them the greatest and smallest."""
    name = str(kind)
    if name in FLOATS:
        yield from (v for v in DOUBLES if fits(name, v))
        return
    low, high, scale = bounds(name)
    units = {low, low + 1, high, high - 1, *(n for n in (-101, -10, -1, 0, 1, 2, 10, 100, 1100))}
    units |= {sign * 2**power + n for power in (53, 62, 63) for sign in (1, -1) for n in (-1, 0, 1)}
    for unit in sorted(units):
        if low <= unit <= high:
            yield text_of(unit, scale)


def around_the_limit(pair: ColumnPair, old: object) -> Iterator[object]:
    """Yields values of the newer type as far from an older one as is allowed, and next to it."""
    assert pair.tolerance is not None
    start, name = Fraction(old), str(pair.after.type)  # type: ignore[arg-type]
    allowed = pair.tolerance.amount * (abs(start) if pair.tolerance.relative else 1)
    for limit in (start + allowed, start - allowed):
        if name in FLOATS:
            if abs(limit) < 1 << 1023:
                value = float(limit)
                below, above = math.nextafter(value, -math.inf), math.nextafter(value, math.inf)
                yield from (v for v in (below, value, above) if fits(name, v))
            continue
        low, high, scale = bounds(name)
        unit = math.floor(limit * 10**scale)
        yield from (text_of(n, scale) for n in (unit - 1, unit, unit + 1) if low <= n <= high)


def fits(name: str, value: float) -> bool:
    return name == "DOUBLE" or not math.isfinite(value) or abs(value) < 3.4e38


def bounds(name: str) -> tuple[int, int, int]:
    """Returns the least and greatest value of a type in its last digit, and its digits after."""
    if name in INTEGER_BITS:
        bits, signed = INTEGER_BITS[name]
        low = -(1 << bits - 1) if signed else 0
        return low, low + (1 << bits) - 1, 0
    digits, scale = Scalar(name).decimal or (0, 0)
    return 1 - 10**digits, 10**digits - 1, scale


def text_of(unit: int, scale: int) -> str:
    """Returns the text of a number given in its last digit."""
    digits = f"{abs(unit):0{scale + 1}d}"
    whole, part = digits[: len(digits) - scale], digits[len(digits) - scale :]
    return f"{'-' if unit < 0 else ''}{whole}{'.' if part else ''}{part}"
