"""Scan plans rendered for DuckDB."""

import duckdb
import pytest

from catalog.engine.relation import INLINE_FILES, prepare, relation_sql
from catalog.model.datafile import DataFile
from catalog.model.scan_plan import ScanPlan, scan_plan
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.model.values import encode

BIGINT, VARCHAR = Scalar("BIGINT"), Scalar("VARCHAR")

SCHEMA = FileSchema((PhysicalColumn("id", BIGINT, 1),))

TABLE = TableSnapshot(
    Schema((Field(1, "id", BIGINT), Field(2, "region", VARCHAR))),
    2,
    partition_by=(2,),
    file_schemas={SCHEMA.id: SCHEMA},
)


def plan(count: int, *, self_contained: bool = False) -> ScanPlan:
    files = [
        DataFile(f"{n}.parquet", f"sha256:{n}", 1, 1, (encode(f"r{n}", VARCHAR),), SCHEMA.id)
        for n in range(count)
    ]
    return scan_plan(
        TABLE, files, locate=lambda file: f"/lake/{file.path}", self_contained=self_contained
    )


def test_rendering_a_plan_twice_gives_the_same() -> None:
    assert relation_sql(plan(3)) == relation_sql(plan(3))


def test_short_lists_stand_in_the_sql() -> None:
    relation = relation_sql(plan(INLINE_FILES))
    assert relation.variables == {}
    assert relation.text.count(".parquet'") == INLINE_FILES


def test_long_lists_are_variables() -> None:
    relation = relation_sql(plan(INLINE_FILES + 1))
    assert len(relation.variables) == 2
    assert ".parquet" not in relation.text
    assert all(name in relation.text for name in relation.variables)
    assert list(relation.uris) in relation.variables.values()


def test_sql_that_is_to_last_needs_no_variable() -> None:
    relation = relation_sql(plan(INLINE_FILES + 1, self_contained=True))
    assert relation.variables == {}
    assert "getvariable" not in relation.text


def test_a_relation_without_files_has_the_columns_of_the_table() -> None:
    text = relation_sql(plan(0)).text
    assert duckdb.sql(f"DESCRIBE {text}").fetchall()[0][:2] == ("id", "BIGINT")
    assert duckdb.sql(f"FROM {text}").fetchall() == []


@pytest.mark.parametrize("count", [2, INLINE_FILES + 1])
def test_preparing_sets_the_variables_and_returns_the_sql(count: int) -> None:
    relation = relation_sql(plan(count))
    with duckdb.connect() as con:
        assert prepare(con, relation) == relation.text
        for name, values in relation.variables.items():
            assert con.execute(f"SELECT getvariable('{name}')").fetchall() == [(values,)]
