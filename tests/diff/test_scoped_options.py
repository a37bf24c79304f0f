"""Options of a diff of several tables count where the columns are that they name."""

import random
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.errors import CatalogError, ErrorKind, NotFound

Columns = Mapping[str, list[object]]

BEFORE: Mapping[str, Columns] = {
    "orders": {"id": [1, 2, 3], "amount": [1.0, 2.0, 3.0], "note": ["a", "b", "c"]},
    "sales.orders": {"id": [1, 2], "amount": [1.0, 2.0], "unit.price": [1, 2]},
    "customers": {"id": [1, 2], "country": ["de", "fr"], "loaded": [1, 1]},
    "daily": {"day": [1, 2], "revenue": [5, 6], "amount": ["x", "y"]},
    "same": {"id": [1], "rare": [1.0]},
}
AFTER: Mapping[str, Columns] = {
    **BEFORE,
    "orders": {"id": [1, 2, 3], "amount": [1.005, 2.5, 3.0], "note": ["a", "b", "z"]},
    "sales.orders": {"id": [1, 2], "amount": [1.005, 2.0], "unit.price": [1, 3]},
    "customers": {"id": [1, 2], "country": ["de", "be"], "loaded": [2, 2]},
    "daily": {"day": [1, 2], "revenue": [5, 7], "amount": ["x", "z"]},
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("scoped")
    lake = catalog.create(str(folder / "lake"))
    for number, tables in enumerate((BEFORE, AFTER)):
        with lake.transaction("main", message=f"v{number}") as tx:
            for name, columns in tables.items():
                place = folder / str(number) / name
                place.mkdir(parents=True)
                pq.write_table(pa.table(dict(columns)), place / "f.parquet")
                tx.snapshot(name, place, key=[next(iter(columns))])
    return lake


def updated(lake: Any, **options: object) -> dict[str, int]:
    with lake.diff("main~1", "main", **options) as diff:
        return {table.table: table.rows.updated for table in diff}


def test_a_tolerance_counts_in_every_table_with_such_numbers(lake: Any) -> None:
    everything = {"customers": 2, "daily": 1, "orders": 3, "sales.orders": 2}
    assert updated(lake) == everything
    found = updated(lake, tolerance={"amount": "0.01"})
    assert found == {**everything, "orders": 2, "sales.orders": 1}


@pytest.mark.parametrize(
    "name", ["sales.orders.amount", '"sales.orders"."amount"', "SALES.Orders.amount"]
)
def test_a_table_is_named_before_its_column(lake: Any, name: str) -> None:
    found = updated(lake, tolerance={name: "0.01"})
    assert found == {"customers": 2, "daily": 1, "orders": 3, "sales.orders": 1}


def test_the_tolerance_of_a_table_goes_before_that_of_all(lake: Any) -> None:
    both = {"orders.amount": "1", "amount": "0.01"}
    for tolerance in (both, dict(reversed(both.items()))):
        found = updated(lake, tolerance=tolerance)
        assert (found["orders"], found["sales.orders"]) == (1, 1)


def test_columns_with_dots_are_columns_where_no_table_is_meant(lake: Any) -> None:
    for name in ("unit.price", '"unit.price"', 'sales.orders."unit.price"'):
        assert updated(lake, columns=[name]) == {"sales.orders": 1}


def test_tables_without_any_of_the_columns_are_left_out_and_named(lake: Any) -> None:
    with lake.diff("main~1", "main", columns=["country", "revenue"]) as diff:
        assert {table.table: list(table.columns) for table in diff} == {
            "customers": ["id", "country"],
            "daily": ["day", "revenue"],
        }
        reason = "it has none of the columns country, revenue"
        left_out = [{"table": name, "reason": reason} for name in ("orders", "sales.orders")]
        assert diff.to_dict()["left_out"] == left_out
        both = reason.replace("it has", "they have")
        assert f"not compared: orders, sales.orders ({both})" in diff.to_text()
        with pytest.raises(NotFound, match="orders was not compared"):
            diff["orders"]


def test_a_key_counts_in_tables_that_have_all_of_it(lake: Any) -> None:
    with lake.diff("main~1", "main", key=["id", "amount"]) as diff:
        keys = {table.table: table.key for table in diff}
    assert keys == {
        "customers": ("id",),
        "daily": ("day",),
        "orders": ("id", "amount"),
        "sales.orders": ("id", "amount"),
    }
    with lake.diff("main~1", "main", key=["orders.note", "daily.amount"]) as diff:
        keys = {table.table: table.key for table in diff}
    assert keys["orders"] == ("note",) and keys["daily"] == ("amount",)
    assert keys["customers"] == ("id",)


def test_a_column_of_an_unchanged_table_is_somewhere(lake: Any) -> None:
    assert updated(lake, tolerance={"rare": "1", "same.rare": "2"}) == updated(lake)
    assert updated(lake, key=["rare"]) == updated(lake)
    assert updated(lake, columns=["rare"]) == {}
    with lake.diff("main~1", "main", tolerance={"amount": "1"}) as diff:
        assert diff["same"].rows.updated == 0  # it has no such column


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"tolerance": {"amuont": "1"}}, "no table has a column 'amuont'", "did you mean amount"),
        ({"columns": ["orders.amuont"]}, "no table has a column 'orders.amuont'", "amount"),
        ({"columns": ["customers.amount"]}, "column 'customers.amount'", "tables="),
        ({"ignore": ["zzz"]}, "no table has a column 'zzz'", "there are"),
        ({"key": ["zzz"]}, "no table has a column 'zzz' that can be a key", "there are"),
        ({"key": ["note", "country"]}, "all of the key columns note, country", "orders.order_id"),
        ({"tolerance": {"zzz": "1 euro"}}, "tolerance '1 euro' of column 'zzz'", "0.01"),
        ({"tolerance": {"country": "1"}}, "column 'country' of customers cannot have", ""),
        ({"ignore": ["id"]}, "cannot be ignored: rows are matched by it", ""),
    ],
)
def test_what_is_nowhere_is_refused(
    lake: Any, options: dict[str, object], message: str, hint: str
) -> None:
    with pytest.raises(CatalogError) as error:
        lake.diff("main~1", "main", **options)
    assert message in error.value.message
    assert hint in (error.value.hint or "")


def test_a_malformed_number_is_said_before_anything_else(lake: Any) -> None:
    with pytest.raises(CatalogError) as error:
        lake.diff("no such ref", "main", tolerance={"amount": "x"})
    assert error.value.kind is ErrorKind.BAD_TOLERANCE


def test_what_is_ignored_does_not_count_and_is_said(lake: Any) -> None:
    with lake.diff("main~1", "main", tables=["customers"], ignore=["loaded"]) as diff:
        table = diff["customers"]
        assert table.rows.updated == 1
        assert "loaded" not in table.columns
        assert diff.to_dict()["tables"][0]["ignored"] == ["loaded"]
        assert "ignored  loaded" in diff.to_text()


def test_defaults_hold_unless_options_say_otherwise(lake: Any) -> None:
    defaults = {
        "Orders": catalog.TableDefaults(ignore=["note"], tolerance={"amount": "0.01"}),
        "customers": catalog.TableDefaults(ignore=["loaded", "id", "zzz"]),
        "gone": catalog.TableDefaults(ignore=["a"]),
    }
    assert updated(lake, defaults=defaults) == {
        "customers": 1,
        "daily": 1,
        "orders": 1,
        "sales.orders": 2,
    }
    assert updated(lake, defaults=defaults, tolerance={"amount": "1"})["orders"] == 0
    assert updated(lake, defaults=defaults, columns=["note"]) == {"orders": 1}
    with lake.diff("main~1", "main", defaults=defaults) as diff:
        assert diff["orders"].view.tolerances == {"amount": "0.01"}
        assert diff["customers"].warnings == (
            "column 'id' is to be ignored, but is part of the key: it counts",
            "column 'zzz' is to be ignored, but customers has none",
        )


def _rows(random: random.Random, keyed: bool) -> Iterator[tuple[int, int, int, int]]:
    for number in range(random.randrange(60)):
        place = number if keyed else random.randrange(5)
        yield place, random.randrange(3), random.randrange(3), random.randrange(2)


@pytest.mark.parametrize("keyed", [True, False])
def test_ignored_columns_never_count(tmp_path: Path, keyed: bool) -> None:
    chance = random.Random(20)
    lake = catalog.create(str(tmp_path / "lake"))
    names = ("k", "a", "b", "c")
    states = [list(_rows(chance, keyed)) for _ in range(6)]
    for number, rows in enumerate(states):
        place = tmp_path / str(number)
        place.mkdir()
        shape = {
            name: pa.array([row[n] for row in rows], pa.int64()) for n, name in enumerate(names)
        }
        pq.write_table(pa.table(shape), place / "f.parquet")
        with lake.transaction("main", message=str(number)) as tx:
            tx.snapshot("t", place, key=["k"] if keyed else None)
    for number, (before, after) in enumerate(pairwise(states)):
        refs = f"main~{5 - number}", f"main~{4 - number}"
        old, new = ([(k, a, c) for k, a, _, c in rows] for rows in (before, after))
        if keyed:
            left, right = ({row[0]: row for row in rows} for rows in (old, new))
            both = left.keys() & right.keys()
            changed = sum(left[k] != right[k] for k in both)
            expected = (len(right) - len(both), len(left) - len(both), changed)
        else:
            left_counts = {row: old.count(row) - new.count(row) for row in {*old, *new}}
            came = sum(-n for n in left_counts.values() if n < 0)
            expected = (came, sum(n for n in left_counts.values() if n > 0), 0)
        for options in ({}, {"level": "rows"}, {"method": "join"}):
            with lake.diff(*refs, ignore=["b"], **options) as diff:
                rows = diff["t"].rows
                assert (rows.inserted, rows.deleted, rows.updated) == expected
