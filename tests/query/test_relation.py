"""Scan plans rendered for DuckDB."""

import duckdb
import pytest

from catalog.engine.connection import connect
from catalog.engine.quoting import identifier, literal, type_sql
from catalog.engine.relation import INLINE_FILES, RelationSql, prepare, relation_sql
from catalog.errors import CorruptData
from catalog.model.datafile import DataFile
from catalog.model.scan_plan import ScanPlan, scan_plan
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import SCALAR_NAMES, ListType, MapType, Scalar
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


@pytest.mark.parametrize(
    "name", ["VARCHAR) || (SELECT 1", "BIGINT); DROP TABLE t; --", "NO SUCH TYPE", "bigint", ""]
)
def test_only_types_that_are_known_are_written_into_sql(name: str) -> None:
    for kind in (Scalar(name), ListType(Scalar(name)), MapType(BIGINT, Scalar(name))):
        with pytest.raises(CorruptData):
            type_sql(kind)


@pytest.mark.parametrize(
    "text",
    [
        "(SELECT 1); SELECT 2",
        "(SELECT 1); COPY (SELECT 1) TO '/dev/null'",
        "(SELECT 1))",
        "(SELECT 1",
        "",
        "t",
        "t; FROM u",
        "(SELECT 1) UNION (SELECT 2)",
        "SELECT (1)",
        "(SELECT 1 -- )\n)",
        "(SELECT 1 /* ) */)",
        "(SELECT 'a)",
        "(SELECT $$'$$); SELECT $$'$$)",
        "(SELECT E'\\'); SELECT 1 -- ')",
    ],
)
def test_a_relation_is_one_select(text: str) -> None:
    with connect() as con, pytest.raises(CorruptData):
        prepare(con, RelationSql(text, (), {}))


def test_a_relation_may_hold_any_quoted_text() -> None:
    hostile = """it's; "quoted" -- ( $$ /* \\ ;"""
    text = f"(SELECT {literal(hostile)} AS {identifier(hostile)})"
    with connect() as con:
        relation = con.sql(f"FROM {prepare(con, RelationSql(text, (), {}))}")
        assert (relation.columns, relation.fetchall()) == ([hostile], [(hostile,)])


def test_every_type_that_may_be_stored_can_be_written_into_sql() -> None:
    with connect() as con:
        for name in sorted(SCALAR_NAMES):
            (kind,) = con.sql(f"SELECT CAST(NULL AS {type_sql(Scalar(name))})").types
            assert str(kind).strip('"') == name
