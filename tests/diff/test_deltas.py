"""By how much, and in which way, values changed: against plain Python."""

import datetime as dt
import math
import random
import statistics
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff import tally
from catalog.diff.deltas.measures import measure
from catalog.diff.deltas.numbers import Measures, number_delta
from catalog.diff.deltas.texts import KINDS, affix_sql, kind_sql, text_change
from catalog.diff.findings import Common, NumberDelta, TextDelta
from catalog.diff.view import ColumnView
from catalog.model.types import Scalar
from tests.effort import effort

SECOND = 10**9
DAY = 86_400 * SECOND


def delta(kinds: Sequence[str], before: pa.Array, after: pa.Array) -> NumberDelta | None:
    """Returns the delta of values of two types."""
    measures = [measure(Scalar(kind)) for kind in kinds]
    assert measures[0] is not None
    assert measures[1] is not None
    return number_delta(before, after, Measures(*measures), looked_at=len(before))


def numbers(rnd: random.Random, kind: str, count: int) -> tuple[pa.Array, list[Fraction]]:
    """Returns random values of a type, and the numbers that they are."""
    match kind:
        case "DOUBLE":
            values = [round(rnd.choice([1, -1]) * rnd.uniform(0, 1e6), 2) for _ in range(count)]
            return pa.array(values, pa.float64()), [Fraction(repr(value)) for value in values]
        case "FLOAT":
            values = [rnd.randrange(-(2**20), 2**20) / 8 for _ in range(count)]
            return pa.array(values, pa.float32()), list(map(Fraction, values))
        case "BIGINT" | "TINYINT" | "UBIGINT":
            bits, signed = {"BIGINT": (63, 1), "TINYINT": (7, 1), "UBIGINT": (64, 0)}[kind]
            bits = rnd.choice([bits, min(bits, 20)])
            whole = [rnd.randrange(-(2**bits) * signed, 2**bits) for _ in range(count)]
            arrow = {"BIGINT": pa.int64(), "TINYINT": pa.int8(), "UBIGINT": pa.uint64()}[kind]
            return pa.array(whole, arrow), list(map(Fraction, whole))
    precision, scale = Scalar(kind).decimal or (0, 0)
    most = 10 ** rnd.choice([precision, min(precision, 8)])
    digits = [rnd.randrange(-most + 1, most) for _ in range(count)]
    exact = [Fraction(value, 10**scale) for value in digits]
    texts = [f"{value}E-{scale}" for value in digits]
    return pa.array(map(Decimal, texts), pa.decimal128(precision, scale)), exact


NUMBERS = ("DOUBLE", "BIGINT", "TINYINT", "UBIGINT", "DECIMAL(10,2)", "DECIMAL(38,9)", "FLOAT")


@pytest.mark.parametrize("seed", range(effort(60, 5_000)))
def test_differences_of_numbers_are_those_of_fractions(seed: int) -> None:
    rnd = random.Random(seed)
    count = rnd.choice([1, 2, 3, 10, 2_001])
    kinds = rnd.choice([rnd.choices(NUMBERS[:-1], k=2), [rnd.choice(NUMBERS)] * 2])
    sides = [numbers(rnd, kind, count) for kind in kinds]
    found = delta(kinds, sides[0][0], sides[1][0])
    assert found is not None
    old, new = (values for _, values in sides)
    differences = [b - a for a, b in zip(old, new, strict=True)]
    assert (found.cells, found.looked_at) == (count, count)
    assert found.up == sum(value > 0 for value in differences)
    assert found.down == sum(value < 0 for value in differences)
    assert Fraction(found.low) == min(differences)
    assert Fraction(found.high) == max(differences)
    assert Fraction(found.median) == statistics.median(differences)
    assert Fraction(found.total or "nan") == sum(differences)
    ratios = [b / a for a, b in zip(old, new, strict=True) if a * b > 0]
    expected = (min(ratios), statistics.median(ratios), max(ratios)) if ratios else None
    assert found.ratios == (expected and pytest.approx(tuple(map(float, expected))))
    (value, cells), *_ = Counter(differences).most_common(1)
    common = found.common_difference
    assert (common and (Fraction(common.value), common.cells)) == (
        (value, cells) if count > 1 and 2 * cells > count and value else None
    )


@pytest.mark.parametrize("seed", range(effort(20, 1_000)))
def test_differences_of_floats_of_many_places_have_twelve_digits(seed: int) -> None:
    rnd = random.Random(seed)
    size = rnd.choice([1e-300, 1, 1e12, 1e308])
    old, new = ([rnd.uniform(-1, 1) * size for _ in range(300)] for _ in range(2))
    found = delta(("DOUBLE", "DOUBLE"), pa.array(old), pa.array(new))
    assert found is not None
    differences = [Fraction(b) - Fraction(a) for a, b in zip(old, new, strict=True)]
    for text, value in (
        (found.low, min(differences)),
        (found.high, max(differences)),
        (found.median, statistics.median(differences)),
        (found.total or "", sum(differences)),
    ):
        assert abs(Fraction(text) - value) <= abs(value) * Fraction(1, 10**11)


def rounded(value: float, places: int) -> float:
    return float(round(Decimal(value), places))


@pytest.mark.parametrize("seed", range(effort(25, 2_000)))
def test_cells_that_are_alike_count_as_often_as_they_are(seed: int) -> None:
    """The order of cells has no effect either."""
    rnd = random.Random(seed)
    kinds = [rnd.choice([*NUMBERS, "raw"])] * 2
    count = rnd.choice([3, 30, 6_000])
    if kinds[0] == "raw":
        old = [rnd.random() for _ in range(count)]
        factors = rnd.choice([[1.07], [1.07, 1.07, 1.2], [1.07, 1.2, 1.3]])
        pairs = [(value, value * rnd.choice(factors)) for value in old]
        kinds, types = ["DOUBLE", "DOUBLE"], [pa.float64()] * 2
    else:
        arrays = [numbers(rnd, kind, count)[0] for kind in kinds]
        pairs = list(zip(*(array.to_pylist() for array in arrays), strict=True))
        types = [array.type for array in arrays]
    times = [rnd.choice([1, 1, 2, 50]) for _ in pairs]
    many = [pair for pair, often in zip(pairs, times, strict=True) for _ in range(often)]
    rnd.shuffle(many)
    measures = Measures(*(measure(Scalar(kind)) for kind in kinds))  # type: ignore[arg-type]
    columns = [
        pa.array(own, kind) for own, kind in zip(zip(*pairs, strict=True), types, strict=True)
    ]
    known = number_delta(*columns, measures, looked_at=len(many), counts=np.array(times))
    apart = [pa.array(own, kind) for own, kind in zip(zip(*many, strict=True), types, strict=True)]
    assert known == number_delta(*apart, measures, looked_at=len(many))


@pytest.mark.parametrize("values", [[0.00005, 0.25], [1e16, 0.5], [5e-324, 1.0], [1e22, 1e-5]])
def test_whether_floats_are_decimal_numbers_does_not_depend_on_their_order(
    values: list[float],
) -> None:
    filler = [float(n) for n in range(20)]
    found = set()
    for old in (values + filler, filler + values):
        new = [2 * value + 1 for value in old]
        found.add(delta(("DOUBLE", "DOUBLE"), pa.array(old), pa.array(new)))
    assert len(found) == 1


@pytest.mark.parametrize("kind", ["DOUBLE", "DECIMAL(18,4)", "BIGINT"])
@pytest.mark.parametrize("factor", [1.19, 0.81, 2, 100, 1.0725, 0.5, -1, 1 / 3])
@pytest.mark.parametrize("others", [0, 0.3])
def test_a_ratio_is_found_though_results_were_rounded(
    kind: str, factor: float, others: float
) -> None:
    rnd = random.Random(f"{kind} {factor} {others}")
    places = 0 if kind == "BIGINT" else 2
    old = [rounded(rnd.uniform(1, 900), places) for _ in range(1_000)]
    same = [rnd.random() >= others for _ in old]
    new = [
        rounded(value * factor if same[n] else value + rnd.uniform(5, 900), places)
        for n, value in enumerate(old)
    ]
    arrays = [typed(values, kind) for values in (old, new)]
    found = delta((kind, kind), *arrays)
    assert found is not None
    assert found.common_ratio is not None
    assert float(found.common_ratio.value) == pytest.approx(factor, rel=1e-4)
    if factor != 1 / 3:
        assert float(found.common_ratio.value) == factor
    by_chance = 40 if kind == "BIGINT" else 10
    assert sum(same) - 2 <= found.common_ratio.cells <= sum(same) + by_chance
    assert found.common_difference is None


def typed(values: Sequence[float], kind: str) -> pa.Array:
    if kind == "BIGINT":
        return pa.array(map(int, values), pa.int64())
    if kind == "DOUBLE":
        return pa.array(values, pa.float64())
    return pa.array([Decimal(repr(value)) for value in values], pa.decimal128(18, 4))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([1, 2, 3], [2, 4, 6], ("2", None)),
        ([1, 2, 3], [2, 3, 4], (None, "1")),
        ([1, 2, 3, 4], [2, 4, 9, 9], (None, None)),
        ([1000, 1005, 1010], [1005, 1010, 1015], (None, "5")),
        ([100, 100], [119, 119], ("1.19", "19")),
        ([0, 0, 5], [1, 1, 7], (None, "1")),
        ([100], [119], (None, None)),
        ([100, 200], [150, 301], (None, None)),
        ([5, 7, 9], [0, 0, 0], (None, None)),
        ([0.1, 0.3, 2.5], [0.3, 0.5, 2.7], (None, "0.2")),
        ([1 / 3, 2 / 7, 3 / 11], [1 / 3 + 0.5, 2 / 7 + 0.5, 3 / 11 + 0.5], (None, "0.5")),
        ([1 / 3, 2 / 7, 3 / 11], [1.1 / 3, 2.2 / 7, 3.3 / 11], ("1.1", None)),
        ([1 / 3, 2 / 7, 3 / 11], [math.nextafter(v, 1) for v in (1 / 3, 2 / 7, 3 / 11)], None),
    ],
)
def test_few_cells_have_in_common_what_all_of_them_show(
    old: list[float], new: list[float], expected: tuple[str | None, str | None] | None
) -> None:
    kind = "BIGINT" if all(isinstance(value, int) for value in (*old, *new)) else "DOUBLE"
    found = delta((kind, kind), pa.array(old), pa.array(new))
    assert found is not None
    common = (found.common_ratio, found.common_difference)
    shown = tuple(one and one.value for one in common)
    assert shown == (expected or (None, None))


def test_extreme_floats_are_no_trouble() -> None:
    extremes = [5e-324, -5e-324, 1.7e308, -1.7e308, 1e-310, 1.0, 0.0, -0.0, 3.3e200, 1e-200]
    rnd = random.Random(3)
    for _ in range(effort(100, 5_000)):
        sides = [pa.array(rnd.choices(extremes, k=rnd.choice([2, 5, 9]) or 1)) for _ in range(1)]
        other = pa.array(rnd.choices(extremes, k=len(sides[0])))
        found = delta(("DOUBLE", "DOUBLE"), sides[0], other)
        assert found is not None
        pairs = list(zip(sides[0].to_pylist(), other.to_pylist(), strict=True))
        differences = [Fraction(b) - Fraction(a) for a, b in pairs]
        error = Fraction(1, 10**10)
        assert abs(Fraction(found.low) - min(differences)) <= abs(min(differences)) * error
        total = sum(differences)
        assert abs(Fraction(found.total or "") - total) <= abs(total) * error
        for common in (found.common_ratio, found.common_difference):
            assert common is None or 2 * common.cells > found.cells


def test_ratios_that_doubles_cannot_hold_are_not_told() -> None:
    for old, new in ((1e-300, 1e300), (1e300, 1e-300)):
        found = delta(("DOUBLE", "DOUBLE"), pa.array([2.0, 4.0, old]), pa.array([3.0, 5.0, new]))
        assert found is not None and found.ratios is None and found.cells == 3
    found = delta(("DOUBLE", "DOUBLE"), pa.array([2.0, 4.0, 1e200]), pa.array([3.0, 5.0, 1e-100]))
    assert found is not None and found.ratios == (1e-300, 1.25, 1.5)


def test_cells_without_a_difference_are_counted_and_left_out() -> None:
    old = pa.array([1.5, math.nan, math.inf, 2.0, 4.0])
    new = pa.array([2.5, 1.0, 1.0, -math.inf, 5.0])
    found = delta(("DOUBLE", "DOUBLE"), old, new)
    assert found is not None
    assert (found.cells, found.looked_at, found.total) == (2, 5, "2")
    assert delta(("DOUBLE", "DOUBLE"), old.slice(1, 2), new.slice(1, 2)) is None


@pytest.mark.parametrize("seed", range(effort(20, 500)))
def test_differences_of_moments_are_those_of_the_standard_library(seed: int) -> None:
    rnd = random.Random(seed)
    first, last = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)
    sides = []
    for _ in range(2):
        span = rnd.choice([10, 10**6, int((last - first).total_seconds())])
        values = [first + dt.timedelta(seconds=rnd.randrange(span)) for _ in range(50)]
        sides.append(values)
    days = rnd.random() < 0.3
    kind = ("DATE", pa.date32()) if days else ("TIMESTAMP", pa.timestamp("us"))
    old, new = ([value.date() if days else value for value in values] for values in sides)
    found = delta((kind[0], kind[0]), pa.array(old, kind[1]), pa.array(new, kind[1]))
    assert found is not None
    differences = [b - a for a, b in zip(old, new, strict=True)]
    with duckdb.connect() as con:
        for text, value in (
            (found.low, min(differences)),
            (found.median, statistics.median(differences)),
            (found.high, max(differences)),
        ):
            assert con.execute(f"SELECT INTERVAL '{text}' = ?", [value]).fetchall() == [(True,)]
    assert found.up == sum(value > dt.timedelta(0) for value in differences)
    assert (found.total, found.ratios, found.common_ratio) == (None, None, None)


WORDS = [
    "a",
    "B",
    "ab",
    " ",
    "\t",
    "\u2009",
    "\x85",
    "\v",
    "\n",
    "\r",
    "\u3000",
    "é",
    "É",
    "İ",
    "ß",
    "Σ",
    "😀",
    "",
    "x" * 201,
]


def test_every_white_space_counts_as_such() -> None:
    characters = map(chr, [*range(0xD800), *range(0xE000, 0x110000)])
    found = {one for one in characters if text_change("ab", f"a{one}b").kind == "blanks"}
    assert found == {one for one in map(chr, range(0x110000)) if blank(one)}
    with duckdb.connect() as con:
        for one in found:
            way = con.execute(
                f"SELECT {kind_sql('a', 'b')} FROM (SELECT 'ab' a, ? b)", [f"a{one}b"]
            )
            assert way.fetchall() == [(KINDS.index("blanks"),)]


def test_texts_changed_in_the_same_way_in_the_engine_and_in_python() -> None:
    rnd = random.Random(7)

    def text() -> str:
        return "".join(rnd.choices(WORDS[: rnd.choice([3, 5, 19])], k=rnd.choice([0, 1, 2, 3, 5])))

    def changed(old: str) -> str:
        return rnd.choice(
            [old + text(), text() + old, old.swapcase(), old.upper(), f" {old}", old[1:], text()]
        )

    olds = [text() for _ in range(effort(3_000, 200_000))]
    pairs = [(old, new) for old in olds if (new := changed(old)) != old]
    ways = []
    with duckdb.connect() as con:
        con.register("t", pa.table({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}))
        ways = con.sql(f"SELECT {kind_sql('a', 'b')}, {affix_sql('a', 'b')} FROM t").fetchall()
    seen = set()
    for (old, new), (way, affix) in zip(pairs, ways, strict=True):
        kind = KINDS[way]
        change = text_change(old, new)
        seen.add(kind)
        assert change.kind == kind == kind_by_hand(old, new), (old, new)
        if kind.startswith(("prefix", "suffix")):
            assert (change.affix or "")[:201] == affix
    assert seen == {*KINDS}


def blank(character: str) -> bool:
    return character in "\t\n\r\x85" or unicodedata.category(character).startswith("Z")


def kind_by_hand(old: str, new: str) -> str:
    """Returns how a text became another, from what the words mean."""
    if [c for c in old if not blank(c)] == [c for c in new if not blank(c)]:
        return "blanks"
    if len(old) == len(new) and all(
        a == b or {a.lower()[0], a} & {b.lower()[0], b} for a, b in zip(old, new, strict=True)
    ):
        return "case"
    for way, short, long in (("added", old, new), ("removed", new, old)):
        if short and long.endswith(short):
            return f"prefix_{way}"
        if short and long.startswith(short):
            return f"suffix_{way}"
    return "other"


Write = Callable[[Sequence[pa.Table]], catalog.Catalog]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Commits states of a table, each in a file of its own."""

    def states(tables: Sequence[pa.Table]) -> catalog.Catalog:
        lake = catalog.create(str(tmp_path / "lake"))
        for n, state in enumerate(tables):
            folder = tmp_path / f"{n}"
            folder.mkdir()
            pq.write_table(state, folder / "a.parquet")
            with lake.transaction() as tx:
                tx.snapshot("t", str(folder), key=["id"] if "id" in state.column_names else None)
        return lake

    return states


def columns(lake: catalog.Catalog, **options: Any) -> dict[str, ColumnView]:
    with lake.diff("main~1", "main", **options) as found:
        return {one.name: one for one in found["t"].view.columns}


def test_a_table_says_by_how_much_and_how_its_values_changed_on_every_path(write: Write) -> None:
    rnd, rows = random.Random(1), 2_000
    amounts = [rounded(rnd.uniform(1, 900), 2) for _ in range(rows)]
    days = [dt.date(2024, 1, 1) + dt.timedelta(n % 700) for n in range(rows)]
    state = {
        "id": range(rows),
        "amount": amounts,
        "day": days,
        "at": pa.array([n * 10**6 for n in range(rows)], pa.time64("us")),
        "name": [f"Ann {n}" for n in range(rows)],
        "large": pa.array([2**64 - 1 - n for n in range(rows)], pa.uint64()),
        "changed_type": pa.array(range(rows), pa.int32()),
        "number": range(rows),
        "truth": [True] * rows,
    }
    newer = state | {
        "amount": [rounded(value * 1.19, 2) if value > 100 else value for value in amounts],
        "day": [day + dt.timedelta(1) for day in days],
        "at": pa.array([n * 10**6 + 5 for n in range(rows)], pa.time64("us")),
        "name": [f"Dr. Ann {n}" if n % 3 else f"ANN {n}" for n in range(rows)],
        "large": pa.array([2**64 - 1 - 2 * n for n in range(rows)], pa.uint64()),
        "changed_type": [n + 0.5 for n in range(rows)],
        "number": [f"{n}!" for n in range(rows)],
        "truth": [None if n % 2 else False for n in range(rows)],
    }
    lake = write([pa.table(state), pa.table(newer)])
    found = columns(lake)
    assert columns(lake, method="join") == found
    assert columns(lake, level="rows") == found
    changed = sum(value > 100 for value in amounts)
    amount = found["amount"].delta
    assert isinstance(amount, NumberDelta)
    assert amount.common_ratio == Common("1.19", changed)
    assert (amount.cells, amount.up, amount.down) == (changed, changed, 0)
    assert found["day"].delta == NumberDelta(
        rows, rows, 0, *["1 day"] * 3, common_difference=Common("1 day", rows), looked_at=rows
    )
    at = found["at"].delta
    assert isinstance(at, NumberDelta)
    assert at.common_difference == Common("00:00:00.000005", rows)
    capitals = len(range(0, rows, 3))
    assert found["name"].delta == TextDelta(
        rows, {"case": capitals, "prefix_added": rows - capitals}, "Dr. ", looked_at=rows
    )
    large = found["large"].delta
    assert isinstance(large, NumberDelta)
    assert (large.low, large.total) == (str(1 - rows), str(-sum(range(rows))))
    retyped = found["changed_type"].delta
    assert isinstance(retyped, NumberDelta)
    assert (retyped.common_difference, retyped.total) == (Common("0.5", rows), "1000")
    assert found["number"].delta is None
    assert found["truth"].delta is None
    assert {one.delta for one in columns(lake, explain=False).values()} == {None}


def test_cells_within_their_tolerance_are_in_no_delta(write: Write) -> None:
    steps = [0.01, 0.01, 5.0, 7.0, 0.02]
    lake = write(
        [
            pa.table({"id": range(5), "v": [100.0] * 5}),
            pa.table({"id": range(5), "v": [100.0 + step for step in steps]}),
        ]
    )
    found = columns(lake, tolerance={"v": "0.5"})["v"]
    assert isinstance(found.delta, NumberDelta)
    assert (found.delta.cells, found.delta.low, found.delta.total) == (2, "5", "12")
    assert found.distinct == 2


def test_values_that_are_not_finite_are_counted_and_left_out_of_deltas(tmp_path: Path) -> None:
    lake = catalog.create(str(tmp_path / "lake"))
    states = [
        "(1, '1.5', '2024-01-01', 1), (2, 'nan', 'infinity', 2), (3, '2', '2024-01-05', NULL)",
        "(1, '2.0', '2024-01-02', 1), (2, '7', '2024-01-02', 4), (3, '-inf', '-infinity', 3)",
    ]
    for n, rows in enumerate(states):
        folder = tmp_path / f"{n}"
        folder.mkdir()
        columns_sql = "id, CAST(v AS DOUBLE) v, CAST(t AS TIMESTAMP) t, CAST(t AS DATE) d, n"
        duckdb.sql(f"SELECT {columns_sql} FROM (VALUES {rows}) AS _(id, v, t, n)").write_parquet(
            str(folder / "a.parquet")
        )
        with lake.transaction() as tx:
            tx.snapshot("t", str(folder), key=["id"])
    found = columns(lake)
    assert columns(lake, method="join") == found
    for name in ("v", "t", "d"):
        one = found[name].delta
        assert isinstance(one, NumberDelta)
        assert (one.cells, one.looked_at) == (1, 3)
    numbers_found = found["n"].delta
    assert isinstance(numbers_found, NumberDelta)
    assert (numbers_found.cells, numbers_found.looked_at, numbers_found.total) == (1, 1, "2")


def test_tables_without_a_key_have_no_deltas(write: Write) -> None:
    lake = write([pa.table({"v": [1, 2]}), pa.table({"v": [2, 4]})])
    assert columns(lake)["v"].delta is None


def test_of_too_many_rows_a_delta_says_how_many_cells_were_looked_at(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "EXAMPLE_ROWS", 10)
    monkeypatch.setattr(tally, "EXAMPLE_SAMPLE", 50)
    lake = write(
        [
            pa.table({"id": range(300), "v": range(300)}),
            pa.table({"id": range(300), "v": [0] * 300}),
        ]
    )
    found = columns(lake, method="join")["v"]
    assert found.counts.corrected == 299
    assert isinstance(found.delta, NumberDelta)
    assert found.delta.looked_at == found.delta.cells == 50
    assert (found.distinct, found.delta.total) == (None, None)


def test_results_of_a_query_have_deltas(write: Write) -> None:
    lake = write([pa.table({"id": [1, 2], "v": [10, 20]}), pa.table({"id": [1, 2], "v": [20, 40]})])
    query = "SELECT id, sum(v) AS total FROM t GROUP BY id"
    with lake.diff_query(query, "main~1", "main", key=["id"]) as found:
        (total,) = [one for one in found.tables[0].view.columns if one.name == "total"]
    assert isinstance(total.delta, NumberDelta)
    assert (total.delta.total, total.delta.common_ratio) == ("30", Common("2", 2))
