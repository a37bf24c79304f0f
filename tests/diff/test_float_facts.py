"""What fingerprints find out of floats and of keys at a look, beside the plain way."""

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest

from catalog.diff.fingerprints.canonical import block
from catalog.diff.fingerprints.compute import Fingerprinter
from catalog.diff.fingerprints.key_record import in_order
from catalog.diff.fingerprints.summary import block_summary
from catalog.model.schema import PhysicalColumn
from catalog.model.types import Scalar
from catalog.model.values import encode

DOUBLE = Scalar("DOUBLE")
SOME = (None, 0.0, -0.0, 1.5, -2.0, math.nan, math.inf)


@pytest.mark.parametrize("values", list(itertools.product(SOME, repeat=3)))
def test_bounds_nan_and_negative_zeros_are_those_of_the_values(
    values: tuple[float | None, ...],
) -> None:
    found = block(pa.array(values, pa.float64()))
    given = [one for one in values if one is not None]
    assert found.nulls == 3 - len(given)
    assert found.fixed is not None
    negative = any(one == 0.0 and math.copysign(1, one) < 0 for one in given)
    assert found.fixed.negative_zeros == negative
    plain = [0.0 if one == 0.0 else one for one in values]
    assert found.digest == block(pa.array(plain, pa.float64())).digest
    summary = block_summary(found, 3, DOUBLE)
    assert summary.nans == sum(map(math.isnan, given))
    if given:
        ranked = sorted(given, key=lambda one: (math.isnan(one), one))
        numbers = [one for one in ranked if not math.isnan(one)]
        low = numbers[0] if numbers else math.nan
        assert summary.edges == (encode(low, DOUBLE), encode(ranked[-1], DOUBLE))


@pytest.mark.parametrize("width", [1, 2, 3])
def test_keys_are_in_order_if_each_is_above_the_one_before(width: int) -> None:
    rows = list(itertools.product((1, 2), repeat=width))
    for chosen in itertools.product(rows, repeat=3):
        columns = [pa.array([row[n] for row in chosen]) for n in range(width)]
        keys = pa.table(columns, [f"k{n}" for n in range(width)])
        assert in_order(keys) == all(a < b for a, b in itertools.pairwise(chosen))


@pytest.mark.parametrize("value", [None, math.nan])
def test_keys_with_null_or_nan_are_not_in_order(value: float | None) -> None:
    for place in range(3):
        values = [1.0, 2.0, 3.0]
        column = pa.array([value if n == place else one for n, one in enumerate(values)])
        assert not in_order(pa.table([column], ["k"]))


def test_nan_is_counted_over_all_blocks() -> None:
    values = np.zeros(200_001)
    values[[0, 70_000, 200_000]] = math.nan
    maker = Fingerprinter([PhysicalColumn("v", DOUBLE, 1)], ())
    for start in range(0, len(values), 50_000):
        maker.add(pa.table({"v": values[start : start + 50_000]}))
    assert maker.nans(1) == 3
    assert maker.rows == len(values)
