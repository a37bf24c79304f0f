"""Nobody writes a derived table by hand: every way of writing is tried."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.errors import CatalogError, ErrorKind

from .conftest import Runner, write_parquet
from .test_derive import head

ROWS = {"day": [1], "n": [1], "total": [1.0]}

STATEMENTS = [
    "INSERT INTO daily SELECT * FROM daily",
    "INSERT OR REPLACE INTO daily SELECT * FROM daily",
    "INSERT INTO daily BY NAME SELECT * FROM daily",
    "UPDATE daily SET n = 1",
    "UPDATE daily SET n = 1 WHERE false",
    "DELETE FROM daily",
    "DELETE FROM DAILY WHERE n = 7",
    "TRUNCATE daily",
    "MERGE INTO daily USING orders o ON daily.day = o.day WHEN MATCHED THEN DELETE",
    "COPY daily FROM 'rows.parquet'",
    "CREATE OR REPLACE TABLE daily AS SELECT 1 AS a",
    "CREATE OR REPLACE TABLE daily (a INTEGER)",
    "CREATE TABLE daily AS SELECT 1 AS a",
    "ALTER TABLE daily ADD COLUMN x INTEGER",
    "ALTER TABLE daily DROP COLUMN n",
    "ALTER TABLE daily RENAME COLUMN n TO m",
    "ALTER TABLE daily ALTER n TYPE DOUBLE",
    "ALTER TABLE daily RENAME TO other",
    'ALTER TABLE "Daily" RENAME TO other',
]


@pytest.fixture
def daily(derived: Path) -> Path:
    write_parquet(derived.parent / "rows.parquet", ROWS)
    return derived


@pytest.mark.invariant("Rows of a derived table are written by its definition alone")
def test_sql_does_not_write_it(parquetry: Runner, daily: Path) -> None:
    before = head(parquetry)
    for statement in STATEMENTS:
        done = parquetry("sql", "--branch", "main", statement)
        assert (statement, done.code, "table 'daily' is derived" in done.err) == (
            statement,
            3,
            True,
        )
        assert "parquetry derive --drop daily" in done.err
    assert head(parquetry) == before


def test_a_snapshot_does_not_write_it(parquetry: Runner, daily: Path) -> None:
    before = head(parquetry)
    for option in ((), ("--partitions",), ("--append",), ("--dry-run",)):
        done = parquetry("snapshot", "daily=rows.parquet", *option)
        assert (option, done.code, head(parquetry)) == (option, 3, before)
        assert "parquetry derive --drop daily" in done.err


@pytest.mark.parametrize("command", ["snapshot", "status"])
def test_a_configuration_does_not_write_it(parquetry: Runner, daily: Path, command: str) -> None:
    with open("parquetry.toml", "a") as file:
        file.write('[tables.Daily]\nsource = "rows.parquet"\n')
    before = head(parquetry)
    done = parquetry(command)
    assert (done.code, head(parquetry)) == (3, before)
    assert "parquetry derive --drop daily" in done.err


@pytest.mark.parametrize("mode", ["append", "overwrite", "overwrite_partitions", "upsert"])
def test_rows_are_not_written_to_it(daily: Path, mode: str) -> None:
    cat = catalog.open(daily)
    before = cat.resolve("main").commit_id
    with pytest.raises(CatalogError) as caught, cat.transaction("main") as tx:
        tx.write("DAILY", pa.table(ROWS), mode=mode)  # type: ignore[arg-type]
    assert caught.value.kind is ErrorKind.DERIVED_TABLE
    assert "cat.drop_definition('daily')" in caught.value.hint
    assert cat.resolve("main").commit_id == before


def test_rows_are_not_deleted_from_it(daily: Path) -> None:
    cat = catalog.open(daily)
    with pytest.raises(CatalogError) as caught, cat.transaction("main") as tx:
        tx.delete("daily", where="n = 1")
    assert caught.value.kind is ErrorKind.DERIVED_TABLE


def test_a_snapshot_of_several_tables_writes_none(parquetry: Runner, daily: Path) -> None:
    before = head(parquetry)
    done = parquetry("snapshot", "other=rows.parquet", "daily=rows.parquet")
    assert (done.code, head(parquetry)) == (3, before)


def test_it_is_dropped_by_its_name(parquetry: Runner, daily: Path) -> None:
    assert parquetry("sql", "--branch", "main", "DROP TABLE daily").code == 0
    assert parquetry("sql", "--branch", "main", "CREATE TABLE daily AS SELECT 1 AS a").code == 0
    assert json.loads(parquetry("schema", "daily", "--json").out)["definition"] is None


def test_it_is_not_written_where_a_merge_waits(parquetry: Runner, daily: Path) -> None:
    parquetry("branch", "create", "fix")
    for branch, amount in (("main", 1), ("fix", 2)):
        update = f"UPDATE orders SET amount = {amount} WHERE order_id = 1"
        assert parquetry("sql", "--branch", branch, update).code == 0
    assert parquetry("merge", "fix").code == 4
    done = parquetry("sql", "--branch", "merge/fix-into-main", "DELETE FROM daily")
    assert (done.code, "table 'daily' is derived" in done.err) == (3, True)
