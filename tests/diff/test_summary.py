"""Summaries in fingerprints: exact, and the same statistics as by reading."""

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.diff.fingerprints.canonical import block
from catalog.diff.fingerprints.summary import Summing, exact_float_total, float_total
from catalog.model.fingerprint import ColumnSummary
from catalog.model.types import Scalar
from catalog.model.values import decode
from tests.diff.cases_check import TABLE
from tests.diff.cases_pair import Side
from tests.diff.test_paths import lake_of, numbers

finite = st.floats(allow_nan=False, allow_infinity=False)


def summed(kind: str, *arrays: pa.Array) -> ColumnSummary:
    summing = Summing(Scalar(kind))
    for array in arrays:
        summing.add(summing.summary_of(block(array), len(array)))
    return summing.summary()


@given(st.lists(st.one_of(finite, st.sampled_from([1e308, -1e308, 5e-324, 1.0, -1e16, 0.1]))))
def test_sums_of_doubles_are_as_close_as_they_say(values: list[float]) -> None:
    true = sum(map(Fraction, values), Fraction(0))
    array = np.array(values, dtype=np.float64)
    total, slack = float_total(array, max(map(abs, values), default=0.0))
    assert abs(total - true) <= slack
    assert exact_float_total([array]) == true


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1))
def test_sums_and_bounds_of_integers_are_exact(values: list[int | None]) -> None:
    found = summed("BIGINT", pa.array(values, pa.int64()), pa.array(values[:1], pa.int64()))
    known = [v for v in [*values, values[0]] if v is not None]
    assert (found.nulls, found.total) == (len(values) + 1 - len(known), sum(known))
    if known:
        assert found.low is not None and decode(found.low, Scalar("BIGINT")) == min(known)
        assert found.high is not None and decode(found.high, Scalar("BIGINT")) == max(known)


@pytest.mark.parametrize(
    "values",
    [
        [Decimal("-99999999999999999999999999999999999.999"), Decimal("0.001"), None],
        [Decimal(2**64), Decimal(-(2**64)), Decimal("0.5"), Decimal("-0.25")],
        [Decimal("1.5"), Decimal("1.25")],
    ],
)
def test_sums_and_bounds_of_decimals_are_exact(values: list[Decimal | None]) -> None:
    kind = Scalar("DECIMAL(38,3)")
    found = summed(kind.name, pa.array(values, pa.decimal128(38, 3)))
    known = [v for v in values if v is not None]
    assert found.total == sum(map(Fraction, known))
    assert found.low is not None and decode(found.low, kind) == min(known)
    assert found.high is not None and decode(found.high, kind) == max(known)


def test_nan_is_counted_and_lies_above_all() -> None:
    kind = Scalar("DOUBLE")
    found = summed(kind.name, pa.array([1.0, math.nan, None, -math.inf, 2.5]), pa.array([math.nan]))
    assert (found.nulls, found.nans, found.total) == (1, 2, Fraction(7, 2))
    assert found.low is not None and decode(found.low, kind) == -math.inf
    high = decode(found.high or b"", kind)
    assert isinstance(high, float) and math.isnan(high)


COLUMNS = {
    "cancelling": pa.array([1e300, 1.0, -1e300, 1e-5, 3.0] * 20),
    "overflowing": pa.array([1.7e308, 1.7e308, -1.7e308, -1.7e308, 0.1] * 20),
    "tenths": pa.array([0.1, 0.2, -0.3, None, 0.7] * 20),
    "infinite": pa.array([math.inf, 1.0, 2.0, 3.0, 4.0] * 20),
    "both infinities": pa.array([math.inf, -math.inf, 2.0, 3.0, 4.0] * 20),
    "nan": pa.array([math.nan, 1.0, None, 3.0, 4.0] * 20),
    "zeros": pa.array([-0.0, 0.0, -0.0, 0.0, 0.0] * 20),
    "half": pa.array([0.1, 0.5, -7.25, 1e10, None] * 20, pa.float32()),
    "wide": pa.array([2**63 - 1] * 100, pa.int64()),
    "unsigned": pa.array([2**64 - 1, 0, 1, 2, None] * 20, pa.uint64()),
    "money": pa.array([Decimal("0.05"), Decimal("-0.10")] * 50, pa.decimal128(38, 2)),
    "moment": pa.array([-1, 0, 1, 2, None] * 20, pa.timestamp("ns")),
    "day": pa.array([-1, 0, 1, 2, None] * 20, pa.date32()),
    "text": pa.array(["b", "a", "", None, "ä"] * 20),
    "nothing": pa.array([None] * 100, pa.int32()),
}


@pytest.mark.invariant("Every path of a diff gives the answer of the join")
@pytest.mark.parametrize("what", sorted(COLUMNS))
def test_kept_statistics_are_those_of_reading(tmp_path: Path, what: str) -> None:
    column = COLUMNS[what]
    before = numbers(100, v=column, n=[1] * 100)
    after = numbers(100, v=column.take(pa.array(range(99, -1, -1))), n=[2] * 100)
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": before, "b.parquet": before}, ("id",)),
        Side({"c.parquet": after, "d.parquet": after.slice(0, 99)}, ("id",)),
    )
    answers = []
    for method in ("auto", "join"):
        columns = lake.diff("main~1", "main", method=method)[TABLE].to_dict()["columns"]
        answers.append({one["column"]: repr(one) for one in columns})
    assert answers[0] == answers[1]


def test_statistics_of_fingerprinted_files_read_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: object) -> None:
        raise AssertionError("statistics are read")

    monkeypatch.setattr("catalog.diff.execute.side_stats", refused)
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": numbers(10, v=[0.5] * 10, d=[Decimal("1.25")] * 10)}, ("id",)),
        Side({"a.parquet": numbers(10, v=[1.5] * 10, d=[Decimal("2.25")] * 10)}, ("id",)),
    )
    columns = lake.diff("main~1", "main")[TABLE].columns
    assert columns["v"].after is not None and columns["d"].after is not None
    assert (columns["v"].after.total, columns["d"].after.total) == ("15.0", "22.50")


def test_nan_is_one_value_whatever_its_sign(tmp_path: Path) -> None:
    before = pa.table({"id": [1, 2, 3], "x": [-math.nan, 1.0, math.nan]})
    after = pa.table({"id": [1, 2, 3], "x": [2.0, 1.0, math.nan]})
    lake = lake_of(
        tmp_path, Side({"a.parquet": before}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    for method in ("auto", "join"):
        column = lake.diff("main~1", "main", method=method)[TABLE].columns["x"]
        assert column.before is not None and column.changed == 1
        assert (column.before.high, column.before.mean, column.before.total) == ("nan", None, "nan")
