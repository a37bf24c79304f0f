"""Upserts against an oracle in plain Python, over random tables."""

import datetime
import math
import tempfile
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.errors import InvalidInput
from catalog.storage.local import LocalStore
from tests.effort import effort

from .conftest import catalog_in, head
from .writing import check_totals, multiset, plain, put

SCHEMA = {
    "k": pa.int64(),
    "t": pa.string(),
    "f": pa.float64(),
    "p": pa.string(),
    "v": pa.int64(),
    "w": pa.string(),
}
COLUMNS = tuple(SCHEMA)
KEYS = (("k",), ("k", "t"), ("f",), ("t", "p"), ("k", "f", "t"))

Row = dict[str, Any]


def same_key(row: Mapping[str, Any], key: Sequence[str]) -> Hashable:
    """Returns a key in the form in which equal keys are the same: one NaN, one zero, one NULL."""
    return tuple(
        "NaN" if isinstance(value, float) and math.isnan(value) else value
        for value in (row.get(name) for name in key)
    )


def upserted(
    before: Sequence[Row], rows: Sequence[Row], key: Sequence[str], given: Sequence[str]
) -> list[Row] | None:
    """Returns the table after an upsert; None if duplicates forbid it."""
    keys = [same_key(row, key) for row in rows]
    held = [same_key(row, key) for row in before]
    if len(set(keys)) < len(keys) or any(held.count(one) > 1 for one in keys):
        return None
    after = {one: dict(row) for one, row in zip(keys, rows, strict=True)}
    result = []
    for one, row in zip(held, before, strict=True):
        new = after.pop(one, None)
        result.append(row if new is None else {**row, **{name: new[name] for name in given}})
    return [
        *result,
        *({n: row[n] if n in given else None for n in COLUMNS} for row in after.values()),
    ]


ROWS = st.fixed_dictionaries(
    {
        "k": st.none() | st.integers(0, 4),
        "t": st.none() | st.sampled_from(["", "a", "B", "NULL"]),
        "f": st.none() | st.sampled_from([0.0, math.nan, 0.1, -1.5, math.inf]),
        "p": st.none() | st.sampled_from(["", "x", "y/z"]),
        "v": st.none() | st.integers(0, 2),
        "w": st.none() | st.sampled_from(["", "w"]),
    }
)


def frame(rows: Sequence[Row], columns: Sequence[str] = COLUMNS) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], SCHEMA[name]) for name in columns})


def read(cat: Catalog, ref: str = "main") -> list[Row]:
    return cat.sql(f"SELECT {', '.join(COLUMNS)} FROM t", ref=ref).to_arrow_table().to_pylist()


@pytest.mark.invariant("An upsert gives what an oracle in plain Python gives")
@settings(max_examples=effort(27, 600))
@given(
    before=st.lists(st.lists(ROWS, max_size=8), min_size=1, max_size=3),
    writes=st.lists(
        st.tuples(st.lists(ROWS, max_size=6), st.sets(st.sampled_from(["v", "w"]))), max_size=3
    ),
    key=st.sampled_from(KEYS),
    partitioned=st.booleans(),
)
def test_any_upsert_is_that_of_the_oracle(
    before: list[list[Row]],
    writes: list[tuple[list[Row], set[str]]],
    key: tuple[str, ...],
    partitioned: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(catalog_in(LocalStore(f"{folder}/lake")), before, writes, key, partitioned)


def compare(
    cat: Catalog,
    before: Sequence[Sequence[Row]],
    writes: Sequence[tuple[Sequence[Row], set[str]]],
    key: Sequence[str],
    partitioned: bool,
) -> None:
    expected: list[Row] = []
    for rows in before:
        put(cat, "t", frame(rows), key=key, partition_by=["p"] if partitioned else [])
        expected += rows
    for rows, missing in writes:
        columns = [name for name in COLUMNS if name not in missing]
        after = upserted(expected, rows, key, columns)
        at = head(cat)
        if after is None:
            with pytest.raises(InvalidInput) as caught:
                put(cat, "t", frame(rows, columns), "upsert")
            assert caught.value.kind == "duplicate-key"
            assert head(cat) == at
            continue
        put(cat, "t", frame(rows, columns), "upsert")
        expected = after
        assert multiset(read(cat), COLUMNS) == multiset(expected, COLUMNS)
        assert cat.tables()[0].rows == len(expected)
        again = put(cat, "t", frame(rows, columns), "upsert")
        assert not again.changed


def test_a_row_that_moves_leaves_its_partition(cat: Catalog) -> None:
    put(cat, "t", [{"id": n, "p": "a", "v": n} for n in range(3)], key=["id"], partition_by=["p"])
    put(cat, "t", [{"id": 1, "p": "b"}], "upsert")
    assert multiset(plain(cat, "t")) == multiset(
        [{"id": 0, "p": "a", "v": 0}, {"id": 2, "p": "a", "v": 2}, {"id": 1, "p": "b", "v": 1}]
    )
    put(cat, "t", [{"id": n, "p": "b"} for n in (0, 2)], "upsert")
    assert [p.values for p in cat.partitions("t")] == [{"p": "b"}]
    check_totals(cat, "t")


def test_a_file_that_becomes_like_another_takes_a_path_of_its_own(cat: Catalog) -> None:
    """Rows may share a key that were appended; two files can then come to hold the same."""
    put(cat, "t", [{"p": 1, "id": 1}], key=["id"], partition_by=["p"])
    put(cat, "t", [{"p": 1, "id": 1}, {"p": 1, "id": 2}])
    put(cat, "t", [{"p": 2, "id": 2}], "upsert")
    assert sorted(cat.sql("SELECT p, id FROM t").fetchall()) == [(1, 1), (1, 1), (2, 2)]
    check_totals(cat, "t")


def test_single_precision_keys_are_found(cat: Catalog) -> None:
    keys = pa.array([0.1, 0.2, 16777216.0], pa.float32())
    put(cat, "t", pa.table({"k": keys, "v": [1, 2, 3]}), key=["k"])
    put(cat, "t", pa.table({"k": keys.slice(0, 1), "v": [9]}), "upsert")
    assert sorted(cat.sql("SELECT v FROM t").fetchall()) == [(2,), (3,), (9,)]


def test_a_key_that_widens_is_found_in_old_files(cat: Catalog) -> None:
    put(cat, "t", pa.table({"k": pa.array([0.5, 0.1], pa.float32()), "v": [1, 2]}), key=["k"])
    put(cat, "t", pa.table({"k": [0.5, 0.1], "v": [8, 9]}), "upsert")
    assert sorted(cat.sql("SELECT v FROM t").fetchall()) == [(2,), (8,), (9,)]
    put(cat, "i", pa.table({"k": pa.array([1, 2], pa.int8()), "v": [1, 2]}), key=["k"])
    put(cat, "i", pa.table({"k": [1, 2**40], "v": [8, 9]}), "upsert")
    assert sorted(cat.sql("SELECT v FROM i").fetchall()) == [(2,), (8,), (9,)]


def test_duplicates_are_named(cat: Catalog) -> None:
    moment = pa.array([datetime.datetime(2024, 1, 1)] * 2, pa.timestamp("us", "UTC"))
    put(cat, "t", pa.table({"at": moment, "k": [1, None]}), key=["at", "k"])
    with pytest.raises(InvalidInput, match=r"at=2024-01-01 00:00:00\+00, k=1$"):
        put(cat, "t", pa.table({"at": moment, "k": [1, 1]}), "upsert")
    with pytest.raises(InvalidInput, match=r"k=NULL$"):
        put(cat, "t", pa.table({"at": moment, "k": pa.nulls(2, pa.int64())}), "upsert")
    put(cat, "t", pa.table({"at": moment.slice(1), "k": [1]}))
    with pytest.raises(InvalidInput, match="2 rows of table t share the key"):
        put(cat, "t", pa.table({"at": moment.slice(1), "k": [1]}), "upsert")


def test_an_upsert_that_fails_leaves_no_tables_in_the_engine(cat: Catalog) -> None:
    put(cat, "t", pa.table({"k": [1, 1, 2], "v": [1, 2, 3]}), key=["k"])
    with cat.transaction("main") as tx:
        tx.sql("CREATE TEMP TABLE mine AS SELECT 1 AS one")
        for keys in ([1], [3, 3]):
            with pytest.raises(InvalidInput):
                tx.write("t", pa.table({"k": keys, "v": [9] * len(keys)}), mode="upsert")
        tx.write("t", pa.table({"k": [2], "v": [9]}), mode="upsert")
        left = tx.sql("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        assert left == [("mine",)]
    assert sorted(cat.sql("FROM t").fetchall()) == [(1, 1), (1, 2), (2, 9)]


def test_zeros_and_nans_are_one_key(cat: Catalog) -> None:
    put(cat, "t", pa.table({"k": [0.0, math.nan], "v": [1, 2]}), key=["k"])
    for twice in ([0.0, -0.0], [math.nan, math.nan]):
        with pytest.raises(InvalidInput):
            put(cat, "t", pa.table({"k": twice, "v": [1, 2]}), "upsert")
    put(cat, "t", pa.table({"k": [-0.0, math.nan], "v": [3, 4]}), "upsert")
    assert sorted(cat.sql("SELECT v FROM t").fetchall()) == [(3,), (4,)]


def test_an_upsert_needs_a_key_and_its_columns(cat: Catalog) -> None:
    put(cat, "t", [{"id": 1, "v": 1}])
    with pytest.raises(InvalidInput) as caught:
        put(cat, "t", [{"id": 1, "v": 2}], "upsert")
    assert caught.value.kind == "key-missing"
    put(cat, "t", [{"id": 1, "v": 2}], "upsert", key=["id"])
    with pytest.raises(InvalidInput, match="'id'"):
        put(cat, "t", [{"v": 3}], "upsert")
    assert plain(cat, "t") == [{"id": 1, "v": 2}]


def test_an_upsert_into_nothing_checks_its_own_rows(cat: Catalog) -> None:
    with pytest.raises(InvalidInput):
        put(cat, "t", [{"id": 1}, {"id": 1}], "upsert", key=["id"])
    assert cat.tables() == []


def test_nested_keys_are_matched(cat: Catalog) -> None:
    put(cat, "t", [{"k": {"a": 1, "b": [1, None]}, "v": 1}, {"k": None, "v": 2}], key=["k"])
    put(cat, "t", [{"k": {"a": 1, "b": [1, None]}, "v": 3}, {"k": None, "v": 4}], "upsert")
    assert sorted(row["v"] for row in plain(cat, "t")) == [3, 4]


def test_only_files_with_changed_rows_are_written(cat: Catalog) -> None:
    for start in range(0, 100, 10):
        put(cat, "t", [{"id": n, "v": 0} for n in range(start, start + 10)], key=["id"])
    report = put(cat, "t", [{"id": n, "v": int(n == 55)} for n in range(20, 60)], "upsert")
    assert (report.files_added, report.files_removed) == (1, 1)
