"""Rows aligned by key, whatever their order: the answers of the join, in every type and shape."""

import datetime
import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import catalog
import catalog.diff.compare.align_task
from catalog.diff.compare.align import Aligned, align
from tests.diff.cases_check import TABLE, snapshot
from tests.diff.cases_pair import Side, write
from tests.diff.test_paths import lake_of, listed
from tests.effort import effort

DAY = datetime.date(2024, 1, 1)
VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "bool": (pa.bool_(), [True, False, None]),
    "int": (pa.int32(), [0, -1, 7, None]),
    "unsigned": (pa.uint64(), [0, 2**64 - 1, None]),
    "float": (pa.float64(), [0.0, -0.0, math.nan, -math.nan, math.inf, 1.5, None]),
    "half": (pa.float32(), [0.0, -0.0, math.nan, 0.1, None]),
    "money": (pa.decimal128(38, 2), [Decimal(0), Decimal("0.01"), Decimal(2**64) / 100, None]),
    "day": (pa.date32(), [DAY, None]),
    "time": (pa.time64("us"), [datetime.time(1), datetime.time(1, 2, 3, 4), None]),
    "moment": (pa.timestamp("ms"), [datetime.datetime(1969, 1, 1), None]),
    "zoned": (pa.timestamp("us", "Europe/Berlin"), [0, 1, None]),
    "nanos": (pa.timestamp("ns"), [-1, 0, 1, None]),
    "text": (pa.string(), ["", "a", "A", "ä", None]),
    "coded": (pa.dictionary(pa.int32(), pa.string()), ["x", "y", None]),
    "blob": (pa.binary(), [b"", b"\0", None]),
}
KEYS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int": (pa.int64(), [*range(-3, 9), -(2**63), 2**63 - 1]),
    "int with NULL": (pa.int64(), [*range(8), None]),
    "text": (pa.string(), ["", "a", "b", "ab", "ä", "A", None]),
    "float": (pa.float64(), [0.0, 1.0, math.nan, math.inf, None]),
    "moment": (pa.timestamp("us"), [0, 1, -1, 10**15]),
    "money": (pa.decimal128(20, 1), [Decimal(n) / 2 for n in range(8)]),
}


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.diff.compare.align_task.ALIGNED_ROWS", 0)


@pytest.fixture
def aligned(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Aligned]]:
    """Collects what was aligned."""
    seen: list[Aligned] = []

    def kept(*given: Any, key: Any) -> Aligned:
        seen.append(align(*given, key=key))
        return seen[-1]

    monkeypatch.setattr("catalog.diff.compare.align_task.align", kept)
    yield seen


@st.composite
def versions(draw: st.DrawFn) -> tuple[Side, Side]:
    """Draws two versions of a table whose keys are mostly unique, each in up to three files."""
    kinds = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=2))
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=4))
    keyed = draw(st.integers(0, 4)) > 0
    repeated = draw(st.integers(0, 5)) == 0
    key = st.tuples(*(st.sampled_from(KEYS[kind][1]) for kind in kinds))
    rows = st.fixed_dictionaries({name: st.sampled_from(VALUES[name][1]) for name in names})
    schema = [(f"k{n}", KEYS[kind][0]) for n, kind in enumerate(kinds)]
    base = draw(st.lists(st.tuples(key, rows), max_size=12, unique_by=lambda row: repr(row[0])))
    newer = [
        (one, draw(rows)) if draw(st.integers(0, 3)) == 0 else (one, cells)
        for one, cells in draw(st.permutations(base))
        if draw(st.integers(0, 4)) > 0
    ]
    if repeated:
        newer += newer[:1]
    partitioned, dropped = draw(st.booleans()), draw(st.integers(0, 5)) == 0
    sides = []
    for version, content in enumerate((base, newer)):
        columns = [*schema, *((name, VALUES[name][0]) for name in names)]
        if dropped and version == 0:
            columns = columns[:-1] if len(columns) > len(schema) else columns
        files: dict[str, pa.Table] = {}
        for number in range(draw(st.integers(1, 3))):
            picked = content[number::3] if number < 2 else content[2::3]
            data = {
                name: pa.array(
                    [one[n] if n < len(schema) else cells[name] for one, cells in picked], kind
                )
                for n, (name, kind) in enumerate(columns)
            }
            folder = f"p={number % 2}/" if partitioned else ""
            files[f"{folder}{version}-{number}.parquet"] = pa.table(data)
        sides.append(Side(files, tuple(name for name, _ in schema) if keyed else ()))
    return sides[0], sides[1]


@pytest.mark.invariant("Every path of a diff gives the answer of the join")
@settings(max_examples=effort(67, 1500))
@given(versions(), st.booleans())
def test_aligned_rows_are_those_of_the_join(sides: tuple[Side, Side], kept: bool) -> None:
    before, after = sides
    with (
        tempfile.TemporaryDirectory() as name,
        pytest.MonkeyPatch.context() as patch,
        ExitStack() as diffs,
    ):
        if not kept:
            patch.setattr("catalog.diff.compare.table_reader.KEPT_BYTES", 0)
        folder = Path(name)
        lake = catalog.create(str(folder / "lake"))
        first = snapshot(lake, before, write(before, folder / "before"))
        second = snapshot(lake, after, write(after, folder / "after")) or first
        assert first is not None and second is not None
        answers = [
            diffs.enter_context(
                lake.diff(first, second, tables=[TABLE], level="rows", method=method)
            )[TABLE]
            for method in ("auto", "join")
        ]
        fast, joined = (answer.to_dict() for answer in answers)
        for one in (fast, joined):
            del one["files"]["bytes_read"]
        assert repr(fast) == repr(joined)
        names = {pair.name for pair in answers[0]._plan.pairs}
        assert listed(answers[0].changes(), names) == listed(answers[1].changes(), names)


def table(keys: list[Any], **columns: list[Any]) -> pa.Table:
    return pa.table({"id": keys, **columns})


def test_rows_in_another_order_are_matched_in_place(tmp_path: Path, aligned: list[Aligned]) -> None:
    before = table([1, 2, 3, 4], v=["a", "b", None, "d"], n=[1.0, math.nan, -0.0, 4.0])
    after = table([5, 4, 3, 2], v=["e", "d", None, "x"], n=[5.0, 4.0, 0.0, math.nan])
    lake = lake_of(
        tmp_path,
        Side({"p=1/a.parquet": before}, ("id",)),
        Side({"p=1/b.parquet": after}, ("id",)),
    )
    rows = lake.diff("main~1", "main", level="rows")[TABLE].rows
    assert (rows.inserted, rows.deleted, rows.updated, rows.moved) == (1, 1, 1, 0)
    (found,) = aligned
    assert (found.before.tolist(), found.after.tolist()) == ([1], [3])
    assert (found.deleted.tolist(), found.inserted.tolist()) == ([0], [0])


def test_rows_without_a_key_are_matched_by_a_column_that_none_share(
    tmp_path: Path, aligned: list[Aligned]
) -> None:
    before = pa.table({"n": [1, 1, 2, 3], "id": [1, 2, 3, 4], "v": ["a", "b", "c", "d"]})
    after = pa.table({"n": [3, 2, 1, 1], "id": [4, 3, 2, 1], "v": ["d", "x", "b", "a"]})
    lake = lake_of(tmp_path, Side({"a.parquet": before}), Side({"a.parquet": after}))
    rows = lake.diff("main~1", "main")[TABLE].rows
    assert (rows.inserted, rows.deleted, len(aligned)) == (1, 1, 1)


def test_text_of_few_values_is_compared_across_dictionaries(
    tmp_path: Path, aligned: list[Aligned]
) -> None:
    count = 5_000
    cells = [
        None if n % 11 == 0 else f"{n % 3} of a text that is long enough" for n in range(count)
    ]
    other = ["another" if n == 77 else cell for n, cell in enumerate(cells)]
    before = pa.table({"id": [-1, *range(count)], "v": ["of a row that goes", *cells]})
    after = pa.table({"id": range(count), "v": other}).take(list(range(count))[::-1])
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": (before, {"row_group_size": 999})}, ("id",)),
        Side({"a.parquet": (after, {"row_group_size": 1_500})}, ("id",)),
    )
    changed = lake.diff("main~1", "main", level="rows")[TABLE].changes().read_all()
    assert changed.column("id").to_pylist() == [-1, 77]
    assert changed.column("_to").to_pylist() == [None, {"id": 77, "v": "another"}]
    assert len(aligned) == 1


def test_rows_of_a_table_of_many_files_are_listed(tmp_path: Path) -> None:
    files = {f"{n:02}.parquet": (pa.table({"id": [n]}), {}) for n in range(40)}
    lake = lake_of(tmp_path, Side(files, ("id",)))
    for refs, kind in ((("main~1", "main"), "inserted"), (("main", "main~1"), "deleted")):
        with lake.diff(*refs, level="rows") as diff:
            changed = diff[TABLE].changes().read_all()
        assert sorted(changed.column("id").to_pylist()) == list(range(40))
        assert set(changed.column("_change").to_pylist()) == {kind}


def test_columns_of_dotted_names_are_not_mistaken(tmp_path: Path, aligned: list[Aligned]) -> None:
    before = pa.table({"a.b": [9, 9, 9], "id": [1, 2, 3], "a": [1, 2, 3]})
    after = pa.table({"a.b": [9, 9, 9], "id": [3, 2, 1], "a": [3, 7, 1]})
    lake = lake_of(
        tmp_path, Side({"a.parquet": before}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    table = lake.diff("main~1", "main")[TABLE]
    assert (table.rows.updated, table.columns["a"].changed, aligned) == (1, 1, [])


def test_rows_beyond_the_memory_allowed_are_left_to_the_engine(
    tmp_path: Path, aligned: list[Aligned], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = table([1, 2, 3, 4], v=["a", "b", "c", "d"]), table([3, 2, 1], v=["c", "x", "a"])
    lake = lake_of(
        tmp_path, Side({"a.parquet": before}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    monkeypatch.setattr("catalog.diff.compare.align_task.ROW_BYTES", 1 << 50)
    assert (lake.diff("main~1", "main")[TABLE].rows.updated, aligned) == (1, [])


def test_a_damaged_file_is_named_when_rows_are_aligned(tmp_path: Path) -> None:
    count = 2_000
    before = pa.table({"id": range(count), "v": [f"text {n}" for n in range(count)]})
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": before}, ("id",)),
        Side({"a.parquet": before.take(list(range(1, count))[::-1])}, ("id",)),
    )
    for file in (tmp_path / "lake/data").rglob("*.parquet"):
        content = bytearray(file.read_bytes())
        for n in range(200, len(content) - 2_000):
            content[n] ^= 0x5A
        file.write_bytes(content)
    with pytest.raises(catalog.CorruptData, match=r"\.parquet"):
        lake.diff("main~1", "main")
