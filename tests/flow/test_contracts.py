"""Contracts on what changed between two commits: each rule broken by one row or cell, and kept."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog import Catalog
from catalog.flow.contracts.rules import _in_partitions
from tests.flow.contract_lake import Lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(tmp_path_factory.mktemp("contracts") / "lake")


FILL = "UPDATE weather SET wind = 2.5 WHERE id = 2"

RULES: dict[str, list[tuple[str, str]]] = {
    FILL: [
        ("updated = 1", "updated = 0"),
        ('updated = "17%"', 'updated = "16%"'),
        ('columns = ["wind"]', 'columns = ["temp"]'),
        ('columns = ["WIND"]', "columns = []"),
        ('partitions = ["month=01"]', 'partitions = ["month=02"]'),
        ('partitions = ["month=00..01", "month=NULL"]', 'partitions = ["month=02.."]'),
        ("column.wind.filled = 1", "column.wind.filled = 0"),
        ('column.wind.nulls = "may-fall"', 'column.wind.nulls = "may-rise"'),
        ('column.wind.nulls = "any"', 'column.wind.nulls = "unchanged"'),
        ("column.wind.sum = 2.5", "column.wind.sum = 2.4"),
        ('column.wind.sum = "14.8%"', 'column.wind.sum = "14.7%"'),
        ("column.wind = {min = 2.5, max = 2.5}", "column.wind.min = 2.6"),
        ("column.wind.max = 3", "column.wind.max = 2"),
        ("column.temp.nulls = 'unchanged'", "column.wind.corrected = 0\nupdated = 0"),
    ],
    "UPDATE weather SET temp = NULL WHERE id = 1": [
        ("column.temp.cleared = 1", "column.temp.cleared = 0"),
        ("column.temp.nulls = 'may-rise'", "column.temp.nulls = 'may-fall'"),
    ],
    "UPDATE weather SET temp = 1.01 WHERE id = 1": [
        ("column.temp.sum = 0.01", "column.temp.sum = 0.009"),
        ("column.temp.sum = '0.2%'", "column.temp.sum = '0.1%'"),
        ("column.temp.corrected = 1", "column.temp.corrected = 0"),
        ("column.temp.max = 1.01", "column.temp.max = 1.009"),
        ("updated = 0\ncolumn.temp.tolerance = 0.01", "updated = 0\ncolumn.temp.tolerance = 0.009"),
    ],
    "DELETE FROM weather WHERE id = 6": [
        ("deleted = 1", "deleted = 0"),
        ("deleted = 'any'\ncolumns = []", "columns = []"),
        ("column.temp.nulls = 'may-fall'", "column.temp.nulls = 'unchanged'"),
        ("column.wind.sum = 6.5", "column.wind.sum = 6.4"),
    ],
    "DELETE FROM weather WHERE id IN (5, 6)": [
        ("deleted = 2", "partitions = ['month=01..02']"),
    ],
    "INSERT INTO weather VALUES (7, '04', 1, 1, 'EU')": [
        ("inserted = 1", "inserted = 0"),
        ("partitions = ['month=04']", "partitions = ['month=03']"),
        ("unique_key = true", "columns = ['wind']"),
    ],
    "INSERT INTO weather VALUES (7, '04', NULL, 1, 'EU')": [
        ("column.temp.nulls = 'may-fall'", "column.wind.nulls = 'may-fall'"),
    ],
    "INSERT INTO weather VALUES (7, '04', 9, NULL, 'EU')": [
        ("column.wind.max = 9", "column.wind.max = 8"),
    ],
    "INSERT INTO weather VALUES (1, '04', 1, 1, 'EU')": [
        ("inserted = 1", "unique_key = true"),
        ("unique_key = ['id', 'month']", "unique_key = ['id']"),
    ],
    "INSERT INTO weather VALUES (NULL, '04', 1, 1, 'EU')": [
        ("inserted = 1", "unique_key = true"),
    ],
    "INSERT INTO weather VALUES (8, '04', 1, 1, 'EU'), (8, '04', 2, 2, 'EU')": [
        ("unique_key = false", "unique_key = true"),
    ],
    "UPDATE weather SET month = '02' WHERE id = 1": [
        ("partitions = ['month=01', 'month=02']", "partitions = ['month=02']"),
        ("moved = 1", "moved = 0"),
        ("columns = ['month']", "columns = ['wind']"),
        ("unique_key = true", "unique_key = ['month']"),
    ],
    "UPDATE weather SET month = '02' WHERE id = 3 OR id = 5": [
        ("column.wind.nulls = 'may-fall'", "column.temp.nulls = 'may-fall'"),
    ],
    "UPDATE weather SET wind = 'nan' WHERE id = 2": [
        ("column.temp.sum = 0", "column.wind.sum = 'any'\ncolumn.wind.min = 0"),
        ("column.wind.nulls = 'may-fall'", "column.wind.sum = '1000%'"),
    ],
    "UPDATE weather SET wind = 'inf' WHERE id = 1": [
        ("column.wind.sum = 'any'", "column.wind.sum = 10"),
    ],
    "UPDATE weather SET wind = 1.6 WHERE id = 1": [
        ("column.wind.sum = 0.11", "column.wind.sum = 0.09"),
    ],
    "UPDATE weather SET id = 9 WHERE id = 1": [
        ("deleted = 1\ninserted = 1", "deleted = 0"),
    ],
    "ALTER TABLE weather ADD COLUMN gust DOUBLE": [
        ("schema_changes = ['column_added']", "schema_changes = false"),
        ("schema_changes = true", "schema_changes = true\ncolumns = ['wind']"),
    ],
    "ALTER TABLE weather DROP COLUMN temp": [
        ("schema_changes = ['column_removed']", "schema_changes = ['column_added']"),
        (
            "schema_changes = true\ncolumns = ['temp']",
            "schema_changes = true\ncolumn.temp.nulls = 'may-fall'",
        ),
    ],
    "ALTER TABLE weather RENAME COLUMN temp TO t": [
        ("schema_changes = true\ncolumn.temp.nulls = 'may-fall'", "schema_changes = false"),
    ],
}
"""By what changes: rules that allow it, and rules like them that do not."""

CONDITIONS = [
    (FILL, "region = 'EU'", "region = 'US'"),
    (FILL, "weather.region = 'EU' AND id < 3", "wind IS NOT NULL"),
    (FILL, "wind IS NULL OR wind = 2.5", "wind = 2.5"),
    (FILL, "length(region) = 2", "length(region) = 3"),
    ("UPDATE weather SET region = 'EU' WHERE id = 5", "month = '03'", "region = 'EU'"),
    ("UPDATE weather SET region = 'US' WHERE id = 1", "region IN ('US', 'EU')", "region = 'EU'"),
    ("DELETE FROM weather WHERE id = 6", "region = 'US'", "region = 'EU'"),
    ("INSERT INTO weather VALUES (7, '04', 1, 1, NULL)", "region IS NULL", "region <> 'EU'"),
    ("INSERT INTO log VALUES ('c')", "line = 'c'", "line = 'b'"),
    ("DELETE FROM log WHERE line = 'a'", "line = 'a'", "line > 'a'"),
]


@pytest.mark.parametrize("number", range(len(CONDITIONS)))
def test_a_condition_holds_of_changed_rows_before_and_after(lake: Lake, number: int) -> None:
    change, kept, broken = CONDITIONS[number]
    branch, table = lake.changed(change), "log" if " log " in change else "weather"
    rules = '[contract.c.table.{}]\nwhere = """{}"""'
    assert lake.judged(rules.format(table, kept), branch) == []
    (found,) = lake.judged(rules.format(table, broken), branch)
    assert (found.rule, found.count, len(found.examples)) == (f"table.{table}.where", 1, 1)


CASES = [(change, *pair) for change, pairs in RULES.items() for pair in pairs]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_rule_is_broken_by_one_row_or_cell_and_kept_otherwise(lake: Lake, number: int) -> None:
    change, kept, broken = CASES[number]
    branch = lake.changed(change)
    assert lake.judged(f"[contract.c.table.weather]\n{kept}", branch) == []
    found = lake.judged(f"[contract.c.table.weather]\n{broken}", branch)
    assert len(found) == 1, (change, broken, found)
    assert (found[0].contract, found[0].table) == ("c", "weather")


def test_an_example_names_the_column_that_changed(lake: Lake) -> None:
    branch = lake.changed("UPDATE weather SET region = 'EU' WHERE id = 5")
    (found,) = lake.judged("[contract.c.table.weather]\npartitions = ['month=01']", branch)
    (example,) = found.examples
    assert (example.column, example.before, example.after) == ("region", None, "EU")


def test_partitions_in_which_as_much_changed_are_named_in_their_order() -> None:
    found = {(("month", month),): 1 for month in ("9", None, "7")}
    assert _in_partitions(found) == ": 1 in month=7, 1 in month=9, 1 in month=NULL"


def test_examples_are_the_first_rows_though_the_key_has_another_type(tmp_path: Path) -> None:
    lake = Catalog.create(tmp_path / "lake")
    keys = random.Random(1).sample(range(100, 1000), 300)
    for kind in (pa.int64(), pa.uint64()):
        table = pa.table({"k": pa.array(keys, kind), "v": [str(kind)] * len(keys)})
        folder = tmp_path / str(kind)
        folder.mkdir()
        pq.write_table(table, folder / "a.parquet")
        with lake.transaction("main", message=str(kind)) as tx:
            tx.snapshot("t", str(folder), key=["k"])
    rules = {"contract": {"c": {"schema_changes": True, "table": {"t": {"updated": 0}}}}}
    (found,) = lake.judge(rules, "main~1", "main").violations
    assert [row.key["k"] for row in found.examples] == [str(key) for key in sorted(keys)[:3]]
