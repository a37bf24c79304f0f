"""Distributions of changed columns, against plain Python."""

import datetime
import math
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import catalog
from catalog.diff.edges import RANGES, day_edges, round_edges, time_edges
from catalog.diff.findings import Distribution
from catalog.operations.diff import compare_refs
from catalog.operations.diff_request import DiffRequest

NAN, INF = math.nan, math.inf
DAY = datetime.date(2024, 1, 30)
NOON = datetime.datetime(2024, 1, 30, 12)

COLUMNS: dict[str, tuple[pa.DataType, list[Any], list[Any]]] = {
    "whole": (pa.int64(), [1, 5, None, -7, 2**40], [1, 6, 8, None, 2**40]),
    "same": (pa.int32(), [3, 3, 3, 3, 3], [3, 3, 3, 3, 4]),
    "wide": (pa.uint64(), [0, 1, 2**64 - 1, 7, 7], [1, 1, 2**64 - 1, 7, 9]),
    "decimal": (
        pa.decimal128(12, 2),
        [Decimal("0.01"), Decimal("-9.99"), None, Decimal("100.00"), Decimal("7.50")],
        [Decimal("0.02"), Decimal("-9.99"), Decimal("3.00"), Decimal("119.00"), None],
    ),
    "nines": (
        pa.decimal128(38, 2),
        [Decimal("9999999999999999.99"), Decimal("-9999999999999999.99"), None, Decimal(0), None],
        [Decimal("9999999999999999.99"), Decimal("-0.05"), None, None, Decimal("0.05")],
    ),
    "float": (pa.float64(), [NAN, INF, -0.0, 1.5, 1e9], [NAN, -INF, 0.05, 0.15, None]),
    "day": (
        pa.date32(),
        [DAY, None, DAY + datetime.timedelta(400), DAY, DAY],
        [DAY, DAY, DAY + datetime.timedelta(800), DAY, datetime.date(1969, 12, 31)],
    ),
    "time": (
        pa.timestamp("us"),
        [NOON, NOON, None, NOON, NOON],
        [NOON, NOON + datetime.timedelta(0, 3601), NOON, None, NOON - datetime.timedelta(3)],
    ),
    "text": (pa.string(), ["a", "a", None, "", "b"], ["a", "c", "a", "", None]),
    "flag": (pa.bool_(), [True, None, False, True, True], [False, None, False, True, None]),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Distribution]:
    cat = catalog.create(str(tmp_path_factory.mktemp("distributions") / "lake"))
    for side in (1, 2):
        columns = {name: pa.array(one[side], one[0]) for name, one in COLUMNS.items()}
        with cat.transaction("main") as tx:
            tx.write("t", pa.table({"id": range(5), **columns}), mode="overwrite", key=["id"])
    asked = DiffRequest(from_ref="main~1", distributions=True)
    (table,) = compare_refs(cat.context, asked).view.tables
    return {one.name: one.distribution for one in table.columns if one.distribution is not None}


PARSE: dict[str, Callable[[str], Any]] = {
    "whole": int,
    "same": int,
    "wide": int,
    "decimal": Decimal,
    "nines": Decimal,
    "float": float,
    "day": datetime.date.fromisoformat,
    "time": datetime.datetime.fromisoformat,
}


def counted(values: Sequence[Any], edges: Sequence[Any]) -> list[int]:
    own = [v for v in values if v is not None]
    ranges = pairwise(edges)
    return [sum(low <= v < high for v in own) for low, high in ranges]


@pytest.mark.parametrize("name", PARSE)
def test_ranges_count_each_value_once(name: str, found: dict[str, Distribution]) -> None:
    one, (_, *sides) = found[name], COLUMNS[name]
    assert one.kind == "ranges" and one.rows == (5, 5)
    edges = [PARSE[name](label) for label in one.labels if label is not None]
    assert edges == sorted(set(edges)) and len(edges) <= RANGES + 3
    for n, values in enumerate(sides):
        shown = (one.before, one.after)[n]
        assert list(shown) == counted(values, edges)
        assert one.nulls[n] == sum(v is None for v in values)
        odd = sum(isinstance(v, float) and not math.isfinite(v) for v in values)
        assert one.others[n] == odd
        assert sum(shown) + one.others[n] + one.nulls[n] == 5


@pytest.mark.parametrize("name", ["text", "flag"])
def test_values_count_each_value_once(name: str, found: dict[str, Distribution]) -> None:
    one, (_, *sides) = found[name], COLUMNS[name]
    assert one.kind == "values"
    for shown, values in zip((one.before, one.after), sides, strict=True):
        texts = (str(v).lower() if isinstance(v, bool) else v for v in values)
        expected = Counter(texts)
        assert dict(zip(one.labels, shown, strict=True)) == {v: expected[v] for v in one.labels}
    assert one.others == (0, 0)
    assert one.nulls == tuple(sum(v is None for v in values) for values in sides)


def test_edges_hold_all_values() -> None:
    for low, high, least in ((0, 0, 0), (-3, 3, 1), (1, 10**9, 1), (0, 1, 0), (7, 7, 1)):
        edges = round_edges(Fraction(low), Fraction(high), Fraction(least))
        steps = {b - a for a, b in pairwise(edges)}
        assert edges[0] <= low and edges[-1] > high and len(steps) == 1 and steps.pop() >= least
        assert len(edges) <= RANGES + 3
    for low, high in ((0, 0), (-1, 1), (0, 400), (0, 40_000), (-100_000, 900_000)):
        days = day_edges(low, high)
        assert days is not None and days[0] <= low and days[-1] > high and len(days) <= RANGES + 2
    for span in (0, 1, 10**6, 10**9, 10**12, 10**15):
        times = time_edges(5, 5 + span)
        assert times is not None and times[0] <= 5 and times[-1] > 5 + span
        assert len(times) <= RANGES + 2
    assert day_edges(0, 10**9) is None and time_edges(0, 10**18) is None


def test_none_is_made_unless_asked_for(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    for value in (1, 2):
        with cat.transaction("main") as tx:
            tx.write("t", pa.table({"id": [1], "x": [value]}), mode="overwrite", key=["id"])
    (table,) = cat.diff("main~1").view.tables
    assert [one.distribution for one in table.columns if one.name == "x"] == [None]
