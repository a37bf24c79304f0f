"""The paths of a diff: what is opened, and that all give one answer."""

import random
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import catalog
from catalog.diff.fingerprints.kept import kept_prints
from catalog.diff.route import route
from tests.diff.cases_arrow import oracle_values
from tests.diff.cases_check import TABLE, snapshot
from tests.diff.cases_pair import Pair, Side, write
from tests.diff.cases_random import described, pairs, random_pair
from tests.effort import effort


def numbers(rows: int, **columns: list[object]) -> pa.Table:
    return pa.table({"id": pa.array(range(rows), pa.int64()), **columns})


def lake_of(tmp_path: Path, *versions: Side) -> Any:
    lake = catalog.create(str(tmp_path / "lake"))
    for number, side in enumerate(versions):
        assert snapshot(lake, side, write(side, tmp_path / f"v{number}")) is not None
    return lake


def data_files(tmp_path: Path, **partition: str) -> list[Path]:
    inner = "/".join(f"{name}={value}" for name, value in partition.items())
    return sorted((tmp_path / "lake/data" / TABLE / inner).rglob("*.parquet"))


def rewritten(table: pa.Table) -> tuple[pa.Table, dict[str, object]]:
    return table, {"compression": "none", "row_group_size": 7, "use_dictionary": False}


def test_files_that_both_sides_have_are_never_opened(tmp_path: Path) -> None:
    same, old = numbers(5, v=[1] * 5), numbers(3, v=[1, 2, 3])
    before = Side({"p=1/a.parquet": same, "p=2/a.parquet": old}, ("id",))
    after = Side({"p=1/a.parquet": same, "p=2/a.parquet": numbers(3, v=[1, 2, 4])}, ("id",))
    lake = lake_of(tmp_path, before, after)
    (kept,) = data_files(tmp_path, p="1")
    kept.unlink()
    table = lake.diff("main~1", "main")[TABLE]
    assert (table.rows.updated, table.to_dict()["partitions_skipped"]) == (1, 1)
    removed = [path.stat().st_size for path in data_files(tmp_path, p="2")]
    assert table.to_dict()["files"]["bytes_read"] == sum(removed)


@pytest.mark.parametrize("key", [(), ("id",)])
def test_a_table_rewritten_without_change_opens_no_data_file(
    tmp_path: Path, key: tuple[str, ...]
) -> None:
    table = numbers(100, v=[float(n) for n in range(100)], s=[f"t{n}" for n in range(100)])
    lake = lake_of(
        tmp_path,
        Side({"p=1/a.parquet": table}, key),
        Side({"p=1/b.parquet": rewritten(table)}, key),
    )
    shutil.rmtree(tmp_path / "lake/data")
    found = lake.diff("main~1", "main")[TABLE]
    assert (found.rows.inserted, found.rows.deleted, found.rows.updated) == (0, 0, 0)
    assert found.to_dict()["files"] == {"added": 1, "removed": 1, "kept": 0, "bytes_read": 0}


@pytest.mark.invariant(
    "Of files with the same keys, only keys and changed columns are read, in any order of rows"
)
def test_only_changed_columns_are_read_where_keys_keep_their_order(tmp_path: Path) -> None:
    before = numbers(10, v=[1] * 10, w=["x"] * 10)
    after = numbers(10, v=[1] * 9 + [2], w=["x"] * 10)
    lake = lake_of(
        tmp_path, Side({"a.parquet": before}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    (step,) = lake.explain_diff("main~1", "main")[TABLE]
    assert (step.path, step.columns) == ("positional", ("id", "v"))
    assert 0 < step.bytes_to_read < step.bytes_total


def test_the_plan_tells_of_files_without_fingerprints(tmp_path: Path) -> None:
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": numbers(10, v=[1] * 10)}, ("id",)),
        Side({"a.parquet": numbers(10, v=[2] * 10)}, ("id",)),
    )
    shutil.rmtree(tmp_path / "lake/cache/fingerprints")
    (step,) = lake.explain_diff("main~1", "main")[TABLE]
    assert (step.path, step.fingerprints_missing) == ("join", 2)
    lake.diff("main~1", "main")
    (step,) = lake.explain_diff("main~1", "main")[TABLE]
    assert (step.path, step.fingerprints_missing) == ("positional", 0)


WIDE = pa.decimal128(38, 0)
COLLIDING = {
    "wide decimals": (pa.array([0], WIDE), pa.array([2**64 + 1], WIDE)),
    "the integer that hashes like NULL": (
        pa.array([None], pa.int64()),
        pa.array([-2930909409056394622], pa.int64()),
    ),
    "uuids with their halves exchanged": (
        pa.array([bytes(8) + b"\1" * 8], pa.uuid()),
        pa.array([b"\1" * 8 + bytes(8)], pa.uuid()),
    ),
}


@pytest.mark.parametrize("what", sorted(COLLIDING))
def test_values_of_one_hash_are_told_apart_without_a_key(tmp_path: Path, what: str) -> None:
    old, new = COLLIDING[what]
    other = pa.concat_arrays([old, old])
    before = pa.table({"v": pa.concat_arrays([old, other]), "n": [1, 2, 3]})
    after = pa.table({"v": pa.concat_arrays([other, new]), "n": [3, 2, 1]})
    lake = lake_of(tmp_path, Side({"a.parquet": before}), Side({"a.parquet": after}))
    for method in ("auto", "join"):
        rows = lake.diff("main~1", "main", method=method)[TABLE].rows
        assert (rows.inserted, rows.deleted) == (1, 1)


def test_keys_that_compare_through_text_are_counted(tmp_path: Path) -> None:
    before = pa.table({"id": pa.array([1, 2**53 + 1], pa.int64()), "v": [1, 2]})
    after = pa.table({"id": pa.array([1.0, 2.0**53], pa.float64()), "v": [1, 3]})
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": before}, ("id",)),
        Side({"b.parquet": after, "c.parquet": after}, ("id",)),
    )
    table = lake.diff("main~1", "main")[TABLE]
    assert table.key_problems.duplicate == (0, 4)
    assert table.rows.deleted == 1


@pytest.mark.parametrize("method", ["auto", "join"])
def test_a_damaged_data_file_is_named(tmp_path: Path, method: str) -> None:
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": numbers(1000, v=list(range(1000)))}, ("id",)),
        Side({"a.parquet": numbers(1000, v=list(range(1, 1001)))}, ("id",)),
    )
    shutil.rmtree(tmp_path / "lake/cache/fingerprints")
    damaged = data_files(tmp_path)[0]
    content = bytearray(damaged.read_bytes())
    for n in range(200, 2000):
        content[n] ^= 0x5A
    damaged.write_bytes(content)
    with pytest.raises(catalog.CorruptData, match=damaged.name):
        lake.diff("main~1", "main", method=method)


def test_too_little_memory_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    rows = 400_000
    shuffled = [(n * 7919) % rows for n in range(rows)]
    before = pa.table({"id": shuffled, "s": [f"text of row {n}" for n in shuffled]})
    after = pa.table({"id": list(range(rows)), "s": [f"other text of {n}" for n in range(rows)]})
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": before}, ("id",)),
        Side({"a.parquet": after}, ("id",)),
    )
    spilled = tmp_path / "spilled"
    spilled.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(spilled))
        with pytest.raises(catalog.StorageFailure) as refused:
            lake.diff("main~1", "main", memory_limit_bytes=17_000_000)
        assert refused.value.kind == "out-of-memory"
        enough = lake.diff("main~1", "main", memory_limit_bytes=300_000_000)
    assert enough[TABLE].rows.updated == rows
    assert list(spilled.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"0" * 64 + b"\nnot it", None])
def test_damaged_fingerprints_are_as_good_as_none(tmp_path: Path, damage: bytes | None) -> None:
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": numbers(10, v=[1] * 10)}, ("id",)),
        Side({"a.parquet": numbers(10, v=[2] * 10)}, ("id",)),
    )
    for path in (tmp_path / "lake/cache/fingerprints").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    assert lake.diff("main~1", "main")[TABLE].rows.updated == 10


def test_a_fingerprint_of_another_file_is_not_trusted(tmp_path: Path) -> None:
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": numbers(10, v=[1] * 10)}, ("id",)),
        Side({"a.parquet": numbers(10, v=[2] * 10)}, ("id",)),
    )
    kept = [p for p in (tmp_path / "lake/cache/fingerprints").rglob("*") if p.is_file()]
    assert len(kept) == 2
    kept[0].write_bytes(kept[1].read_bytes())
    assert lake.diff("main~1", "main")[TABLE].rows.updated == 10


def test_a_diff_by_another_key_does_not_use_what_was_kept_for_the_first(tmp_path: Path) -> None:
    before = numbers(4, k=[1, 2, 3, 4], v=[1, 1, 1, 1])
    after = numbers(4, k=[4, 3, 2, 1], v=[1, 1, 1, 2])
    lake = lake_of(
        tmp_path, Side({"a.parquet": before}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    assert lake.diff("main~1", "main")[TABLE].rows.updated == 4
    by_k = lake.diff("main~1", "main", key=["k"])[TABLE]
    assert (by_k.rows.updated, by_k.columns["v"].changed) == (4, 1)
    assert by_k.columns["id"].changed == 4


def test_values_exchanged_between_rows_of_one_key_are_no_change(tmp_path: Path) -> None:
    before = pa.table({"id": [1, 1, 2], "v": [1, 2, 3]})
    after = pa.table({"id": [1, 1, 2], "v": [2, 1, 4]})
    lake = lake_of(
        tmp_path, Side({"a.parquet": before}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    rows = lake.diff("main~1", "main")[TABLE].rows
    assert (rows.inserted, rows.deleted, rows.updated) == (0, 0, 1)


def test_rows_of_many_row_groups_stay_in_step(tmp_path: Path) -> None:
    count = 150_000
    before = numbers(count, v=[n % 7 for n in range(count)])
    after = numbers(count, v=[n % 7 + (n % 1000 == 999) for n in range(count)])
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": (before, {"row_group_size": 10_000})}, ("id",)),
        Side({"a.parquet": (after, {"row_group_size": 999})}, ("id",)),
    )
    table = lake.diff("main~1", "main", level="rows")[TABLE]
    assert table.rows.updated == 150
    changed = table.changes().read_all()
    assert changed.column("id").to_pylist() == list(range(999, count, 1000))
    assert pq.read_metadata(data_files(tmp_path)[0]).num_row_groups > 1


def test_only_blocks_that_differ_are_read(tmp_path: Path) -> None:
    count = 400_000
    before = numbers(count, v=[n % 7 for n in range(count)], w=["x"] * count)
    cells = [n % 7 + (n in (70_000, 390_000)) for n in range(count)]
    after = numbers(count, v=cells, w=["x"] * count)
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": (before, {"row_group_size": 65_536})}, ("id",)),
        Side({"a.parquet": (after, {"row_group_size": 50_000})}, ("id",)),
    )
    table = lake.diff("main~1", "main", level="rows")[TABLE]
    prints = kept_prints(lake.repository.store, table._plan)
    (pair,) = route(table._plan, table._plan.tasks[0], prints).pairs
    assert pair.places == ((65_536, 131_072), (327_680, 393_216))
    assert (table.rows.updated, table.columns["v"].corrected) == (2, 2)
    assert table.changes().read_all().column("id").to_pylist() == [70_000, 390_000]


@pytest.mark.parametrize("dense", [False, True])
def test_equal_values_of_another_type_are_not_listed_as_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dense: bool
) -> None:
    if dense:
        monkeypatch.setattr("catalog.diff.compare.positional.DENSE_ROWS", 0)
        monkeypatch.setattr("catalog.diff.compare.positional.DENSE_SHARE", -1)
    before = numbers(3, v=[1, 2, 3], x=pa.array([0.5, 1.5, 2.5], pa.float32()))
    after = numbers(3, v=[1, 2, 4], x=pa.array([0.5, 1.5, 2.5], pa.float64()))
    lake = lake_of(
        tmp_path, Side({"a.parquet": before}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    (step,) = lake.explain_diff("main~1", "main")[TABLE]
    assert (step.path, step.columns) == ("positional", ("id", "v"))
    changed = lake.diff("main~1", "main", level="rows")[TABLE].changes().read_all()
    assert changed.column("_changed_columns").to_pylist() == [["v"]]
    assert changed.column("_from").to_pylist() == [{"id": 2, "v": 3, "x": 2.5}]


def test_rows_that_are_not_kept_are_counted_and_listed(tmp_path: Path) -> None:
    count = 270_000
    before = numbers(count, v=[float(n) for n in range(count)], w=["x"] * count)
    after = numbers(count, v=[n + (n != 7) for n in map(float, range(count))], w=["x"] * count)
    lake = lake_of(
        tmp_path, Side({"a.parquet": before}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog.diff.tally.EXAMPLE_ROWS", 1000)
        patch.setattr("catalog.diff.row_form.SORTED_ROWS", 1000)
        table = lake.diff("main~1", "main", level="rows")[TABLE]
        streamed = table.changes().read_all()
    assert (table.rows.updated, table.columns["v"].corrected) == (count - 1, count - 1)
    assert [example.count for example in table.examples] == [None, None]
    for changed in (streamed, table.changes().read_all()):
        assert changed.column("id").to_pylist() == [n for n in range(count) if n != 7]
        assert set(changed.column("_from").combine_chunks().field("w").to_pylist()) == {"x"}


def listed(changes: pa.RecordBatchReader, compared: set[str]) -> list[str]:
    """Writes changed rows so that they compare: NaN, and times of nanoseconds, too.

    Columns that are not compared are left out: of rows that differ in those alone, and share
    their key, it is open which of them cancels.
    """
    table = changes.read_all()
    names = table.column_names
    rows = zip(*(oracle_values(column) for column in table.columns), strict=True)
    return sorted(_text(dict(zip(names, row, strict=True)), compared) for row in rows)


def _text(row: dict[str, Any], compared: set[str]) -> str:
    return repr([_shown(value, compared) for value in row.values()])


def _shown(value: object, compared: set[str]) -> object:
    if not isinstance(value, dict):
        return value
    return {name: repr(cell) for name, cell in value.items() if name in compared}


BLOCKS = (
    "diff.fingerprints.compute",
    "diff.fingerprints.side_by_side",
    "diff.route",
    "diff.compare.positional",
)


@pytest.mark.invariant("Every path of a diff gives the answer of the join")
@settings(max_examples=effort(27, 600))
@given(pairs(), st.sampled_from([1, 2, 3, 65_536]), st.booleans())
def test_every_path_gives_the_answer_of_the_join(pair: Pair, block: int, dense: bool) -> None:
    every_path_is_right(pair, block, dense)


FOUND = {
    39880922: 1,  # columns that are equal in a partition, and have no statistics
    153: 1,  # files that are joined, and have none
    1067: 3,  # rows with equal keys, of which any may have come, and a column that was added
    112: 3,  # rows that did not change were looked at, and nothing was found
    628: 3,  # a decimal went, and a float came
}
"""Seeds of tables whose paths differed once, and rows of a block."""


@given(st.sampled_from(sorted(FOUND)))
def test_every_path_gives_the_answer_of_the_join_where_one_did_not(seed: int) -> None:
    every_path_is_right(random_pair(random.Random(seed)), FOUND[seed], dense=False)


def every_path_is_right(pair: Pair, block: int, dense: bool) -> None:
    note(described(pair))
    options: dict[str, Any] = {"tables": [TABLE], "level": "rows"}
    options |= {"tolerance": dict(pair.tolerance)} if pair.tolerance else {}
    options |= {"key": list(pair.key)} if pair.key is not None else {}
    options |= {"columns": list(pair.columns)} if pair.columns is not None else {}
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        for module in BLOCKS:
            patch.setattr(f"catalog.{module}.BLOCK_ROWS", block)
        patch.setattr("catalog.diff.compare.align_task.ALIGNED_ROWS", 0)
        if dense:
            patch.setattr("catalog.diff.compare.align_task.WIDE_COLUMNS", 0)
            patch.setattr("catalog.diff.compare.positional.DENSE_ROWS", 0)
            patch.setattr("catalog.diff.compare.positional.DENSE_SHARE", -1)
            patch.setattr("catalog.diff.compare.small_pairs.SMALL_BYTES", 0)
            patch.setattr("catalog.diff.kept_rows.KEPT_SHARE", 1)
        folder = Path(name)
        lake = catalog.create(str(folder / "lake"))
        first = snapshot(lake, pair.before, write(pair.before, folder / "before"))
        second = snapshot(lake, pair.after, write(pair.after, folder / "after")) or first
        assert first is not None
        answers = [lake.diff(first, second, method=m, **options) for m in ("auto", "join")]
        fast, joined = (answer[TABLE].to_dict() for answer in answers)
        added = {column.name for column in answers[0][TABLE]._plan.added}
        for one in (fast, joined):
            del one["files"]["bytes_read"]
            if one["key_problems"]:  # which of several rows came is not said
                for column in one["columns"]:
                    column.pop("filled") if column["column"] in added else None
        assert fast == joined
        compared = {pair.name for pair in answers[0][TABLE]._plan.pairs if pair.compared}
        narrow = answers[0][TABLE].changes(columns="changed").read_all()
        patch.setattr("catalog.diff.row_form.SORTED_ROWS", -1)
        streamed = listed(answers[0][TABLE].changes(), compared)
        narrow_streamed = answers[0][TABLE].changes(columns="changed").read_all()
        patch.setattr("catalog.diff.row_form.SORTED_ROWS", 1_000_000)
        joined_rows = listed(answers[1][TABLE].changes(), compared)
        assert streamed == joined_rows
        assert listed(answers[0][TABLE].changes(), compared) == joined_rows
        assert narrow.schema == narrow_streamed.schema
        for column in narrow.column_names:
            assert values(narrow, column, compared) == values(narrow_streamed, column, compared)


@settings(max_examples=effort(20, 600))
@given(pairs())
def test_narrow_rows_are_the_rows_without_the_columns_that_did_not_change(pair: Pair) -> None:
    note(described(pair))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = catalog.create(str(folder / "lake"))
        first = snapshot(lake, pair.before, write(pair.before, folder / "before"))
        second = snapshot(lake, pair.after, write(pair.after, folder / "after")) or first
        assert first is not None
        with lake.diff(first, second, tables=[TABLE], level="rows") as diff:
            table = diff[TABLE]
            narrow = table.changes(columns="changed").read_all()
            whole = table.changes().read_all()
    touched = {name for name, counts in table.columns.items() if counts.changed} | set(table.key)
    for side in ("_from", "_to"):
        shown = [field.name for field in narrow.schema.field(side).type]
        assert set(shown) <= touched or not table.key
        assert values(narrow, side, shown) == values(whole, side, shown)
    assert values(narrow, "_change", []) == values(whole, "_change", [])


def values(table: pa.Table, side: str, names: Collection[str]) -> list[str]:
    """Writes a column, of a side some of its columns, row by row."""
    rows = [
        [cell for name, cell in row.items() if name in names] if isinstance(row, dict) else row
        for row in oracle_values(table.column(side))
    ]
    return sorted(map(repr, rows))
