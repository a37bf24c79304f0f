"""Names that the catalog keeps for tables of its own."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog

from .merges import conflict, put, put_as_before, values

NAMES = ["parquetry.conflicts", "Parquetry.Conflicts", "parquetry.mine", "PARQUETRY.a.b"]


@pytest.fixture
def filled(cat: Catalog) -> Catalog:
    put(cat, "main", {1: 1})
    return cat


def refused(error: pytest.ExceptionInfo[catalog.InvalidInput], cat: Catalog) -> None:
    assert error.value.kind == "reserved-name"
    assert error.value.hint
    assert [info.name for info in cat.tables()] == ["t"]


@pytest.mark.parametrize("name", NAMES)
def test_no_table_is_made_by_such_a_name(filled: Catalog, name: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(pa.table({"k": [1]}), source / "0.parquet")
    for dry_run in (False, True):
        with (
            pytest.raises(catalog.InvalidInput) as error,
            filled.transaction("main", dry_run=dry_run) as tx,
        ):
            tx.snapshot(name, str(source))
        refused(error, filled)
    with pytest.raises(catalog.InvalidInput) as error:
        put(filled, "main", {1: 1}, table=name)
    refused(error, filled)
    for statement in (f"CREATE TABLE {name} (k INT)", f"CREATE TABLE {name} AS FROM t"):
        with pytest.raises(catalog.InvalidInput) as error, filled.transaction("main") as tx:
            tx.sql(statement)
        refused(error, filled)


def test_none_is_renamed_so_and_the_transaction_goes_on(cat: Catalog) -> None:
    put(cat, "main", {1: 1}, table="parquetry_own.t")
    with cat.transaction("main") as tx:
        for name in ("parquetry.t", "Parquetry.x"):
            with pytest.raises(catalog.InvalidInput) as error:
                tx.sql(f'ALTER TABLE parquetry_own.t RENAME TO "{name}"')
            assert error.value.kind == "reserved-name"
        tx.sql("INSERT INTO parquetry_own.t VALUES (2, 2)")
    assert values(cat, table="parquetry_own.t") == {1: 1, 2: 2}


@pytest.mark.parametrize("name", ["parquetry", "parquetry2.t", "a.parquetry", "a.parquetry.t"])
def test_names_like_it_are_free(cat: Catalog, name: str) -> None:
    put(cat, "main", {1: 1}, table=name)
    assert values(cat, table=name) == {1: 1}


def test_a_table_that_is_not_there_is_said_not_to_be(filled: Catalog) -> None:
    for statement in ("DELETE FROM parquetry.conflicts", "DROP TABLE parquetry.conflicts"):
        with pytest.raises(catalog.NotFound), filled.transaction("main") as tx:
            tx.sql(statement)


def test_tables_of_before_are_read_written_and_dropped(filled: Catalog) -> None:
    name = "parquetry.mine"
    put_as_before(filled, "main", {1: 1}, table=name)
    assert values(filled, table=name) == {1: 1}
    put(filled, "main", {2: 2}, table=name, mode="append")
    with filled.transaction("main") as tx:
        tx.sql(f"UPDATE {name} SET v = 3 WHERE k = 1")
    assert values(filled, table=name) == {1: 3, 2: 2}
    with filled.transaction("main") as tx:
        tx.sql(f"DROP TABLE {name}")
    assert [info.name for info in filled.tables()] == ["t"]


def test_the_conflicts_of_a_merge_are_written_as_any_table(filled: Catalog) -> None:
    filled.branches.create("work")
    put(filled, "main", {1: 10}, mode="upsert")
    put(filled, "work", {1: 11}, mode="upsert")
    branch = conflict(filled, "work").branch
    assert branch is not None
    kept = filled.sql("FROM parquetry.conflicts WHERE false", ref=branch).to_arrow_table()
    put(filled, branch, kept, table="parquetry.conflicts")
    filled.continue_merge()
    assert values(filled) == {1: 10}
