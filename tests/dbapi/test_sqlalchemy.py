"""The dialect of SQLAlchemy: reflection, queries, and what pandas does with an engine."""

import datetime
import importlib
import tomllib
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog import Catalog, dbapi
from tests.docs.pages import REPOSITORY

sa = pytest.importorskip("sqlalchemy")

sa.dialects.registry.register("parquetry", "parquetry.sqlalchemy_dialect", "ParquetryDialect")

KEY = uuid.UUID(int=5)
WIDE = f"""SELECT 9007199254740993 AS big, 1.50::DECIMAL(10,2) AS d, 0.1::DOUBLE AS f, 'x' AS s,
    '\\x00'::BLOB AS b, true AS yes, DATE '2024-02-29' AS day, TIMESTAMP '2024-02-29 12:00' AS ts,
    TIMESTAMPTZ '2024-02-29 12:00' AS tz, TIME '01:02' AS t, '{KEY}'::UUID AS u, [1, NULL] AS l,
    1::TINYINT AS small, 2::FLOAT AS single"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    cat = Catalog.create(tmp_path_factory.mktemp("sqlalchemy") / "lake", author="tester")
    with cat.transaction("main") as tx:
        rows = duckdb.sql("SELECT i AS id, 'n' || i AS \"Name\" FROM range(10) r(i)")
        tx.write("t", rows, mode="append", key=["id"])
        tx.write("wide", duckdb.sql(WIDE), mode="append")
        tx.write("sales.Order Items", duckdb.sql('SELECT 1 AS a, 2 AS "select"'), mode="append")
    with cat.transaction("main") as tx:
        tx.sql("DELETE FROM t WHERE id >= 7")
    return cat


@pytest.fixture(scope="module")
def engine(lake: Catalog) -> Any:
    return sa.create_engine(f"parquetry:///{lake.uri}?ref=main")


def test_the_package_declares_the_dialect() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    path = project["entry-points"]["sqlalchemy.dialects"]["parquetry"]
    module, _, name = path.partition(":")
    assert getattr(importlib.import_module(module), name).name == "parquetry"


@pytest.mark.invariant("table@ref works through SQLAlchemy")
def test_text_queries_carry_refs(engine: Any) -> None:
    with engine.connect() as con:
        for table, count in [
            ("t", 7),
            ("t@main~1", 10),
            ('"t"@"main"', 7),
            ('sales."Order Items"@main', 1),
        ]:
            query = sa.text(f"SELECT count(*) FROM {table} WHERE 1 = :one")
            assert con.execute(query, {"one": 1}).scalar() == count
        at = sa.text("SELECT count(*) FROM t AT (VERSION => 'main~1') WHERE 'a:b' = :x")
        assert con.execute(at, {"x": "a:b"}).scalar() == 10
        assert con.exec_driver_sql("SELECT '%s' || ?", ("%",)).scalar() == "%s%"


def test_tables_are_reflected(engine: Any) -> None:
    found = sa.inspect(engine)
    assert found.default_schema_name == "main"
    assert found.get_schema_names() == ["main", "sales"]
    assert found.get_table_names() == found.get_table_names("main") == ["t", "wide"]
    assert found.get_table_names("sales") == ["Order Items"]
    assert found.get_view_names() == []
    known = ["t", "T", "t@main~1", "sales.Order Items", "Order Items@main"]
    schemas = [None, "main", None, None, "sales"]
    assert all(found.has_table(*one) for one in zip(known, schemas, strict=True))
    for name in ("nope", "t@nope", "wide@main~9", "t@", 't"; DROP TABLE t --', "t@x; DROP"):
        assert not found.has_table(name), name
    assert found.get_pk_constraint("t@main~1")["constrained_columns"] == ["id"]
    assert found.get_pk_constraint("wide")["constrained_columns"] == []
    assert found.get_foreign_keys("t") == found.get_indexes("t") == []
    for ask in (found.get_columns, found.get_pk_constraint):
        with pytest.raises(sa.exc.NoSuchTableError):
            ask("nope")


def test_values_come_back_as_they_are(engine: Any) -> None:
    columns = sa.inspect(engine).get_columns("wide")
    kinds = {one["name"]: one["type"].__class__.__name__ for one in columns}
    assert kinds["big"] == "BIGINT"
    assert (kinds["d"], kinds["s"], kinds["l"]) == ("NUMERIC", "VARCHAR", "NullType")
    assert [one["type"].timezone for one in columns if one["name"] in ("ts", "tz")] == [False, True]
    wide = sa.Table("wide", sa.MetaData(), autoload_with=engine)
    with engine.connect() as con:
        row = con.execute(sa.select(wide)).mappings().one()
    noon = datetime.datetime(2024, 2, 29, 12)
    assert dict(row) == {
        "big": 2**53 + 1,
        "d": Decimal("1.50"),
        "f": 0.1,
        "s": "x",
        "b": b"\0",
        "yes": True,
        "day": datetime.date(2024, 2, 29),
        "ts": noon,
        "tz": noon.replace(tzinfo=datetime.UTC),
        "t": datetime.time(1, 2),
        "u": KEY,
        "l": [1, None],
        "small": 1,
        "single": 2.0,
    }


def test_queries_are_built_from_tables_at_refs(engine: Any) -> None:
    known = sa.MetaData()
    new = sa.Table("t", known, autoload_with=engine)
    old = sa.Table("t@main~1", known, autoload_with=engine)
    main = sa.Table("t", sa.MetaData(), autoload_with=engine, schema="main")
    items = sa.Table("Order Items", known, schema="sales", autoload_with=engine)
    gone = (
        sa.select(old.c.id, old.c.Name)
        .select_from(old.outerjoin(new, old.c.id == new.c.id))
        .where(new.c.id.is_(None))
        .order_by(old.c.id)
    )
    alias = old.alias("o")
    with engine.connect() as con:
        assert con.execute(gone).fetchall() == [(7, "n7"), (8, "n8"), (9, "n9")]
        assert con.execute(gone.limit(1)).fetchall() == [(7, "n7")]
        assert con.execute(gone.offset(2)).fetchall() == [(9, "n9")]
        assert con.execute(gone.limit(1).offset(1)).fetchall() == [(8, "n8")]
        assert con.execute(sa.select(sa.func.max(alias.c.id))).scalar() == 9
        assert con.execute(sa.select(sa.func.count(main.c.id))).scalar() == 7
        assert con.execute(sa.select(items)).fetchall() == [(1, 2)]
        third = con.execute(sa.select(sa.cast(new.c.id, sa.Float) / 3).where(new.c.id == 1))
        assert third.scalar() == 1 / 3


def test_errors_are_sqlalchemys_with_our_hints(engine: Any, lake: Catalog) -> None:
    with engine.connect() as con:
        with pytest.raises(sa.exc.ProgrammingError, match=r"no table 'tt'.*\nhint: did you"):
            con.execute(sa.text("SELECT * FROM tt"))
        with pytest.raises(sa.exc.NotSupportedError, match="read-only"):
            con.execute(sa.text("DELETE FROM t"))
        with pytest.raises(sa.exc.DataError):
            con.execute(sa.text('SELECT CAST("Name" AS INT) FROM t'))
    for url, error, words in [
        ("parquetry://", sa.exc.ArgumentError, "names no catalog"),
        (f"parquetry://{lake.uri}x", sa.exc.OperationalError, "parquetry:////"),
        (f"parquetry:///{lake.uri}x", sa.exc.OperationalError, "no catalog in"),
        (f"parquetry:///{lake.uri}?revision=1", sa.exc.ArgumentError, "revision"),
        (f"parquetry:///{lake.uri}?ref=a&ref=b", sa.exc.ArgumentError, "each once"),
        (f"parquetry:///{lake.uri}?ref=nope", sa.exc.ProgrammingError, "'nope'"),
    ]:
        with pytest.raises(error, match=words):
            sa.create_engine(url).connect()


def test_pandas_reads_through_an_engine_without_a_warning(engine: Any) -> None:
    pandas = pytest.importorskip("pandas")
    counted = pandas.read_sql('SELECT id, "Name" FROM t@main~1 ORDER BY id', engine)
    assert counted.shape == (10, 2)
    chosen = pandas.read_sql(sa.text("SELECT * FROM t WHERE id = :n"), engine, params={"n": 3})
    assert list(chosen["Name"]) == ["n3"]
    assert pandas.read_sql_table("t", engine).shape == (7, 2)
    assert pandas.read_sql_table("Order Items", engine, schema="sales").shape == (1, 2)
    sizes = [len(one) for one in pandas.read_sql("SELECT * FROM t", engine, chunksize=3)]
    assert sizes == [3, 3, 1]


def test_polars_and_pandas_read_through_a_connection(lake: Catalog) -> None:
    polars = pytest.importorskip("polars")
    with dbapi.connect(lake) as con:
        frame = polars.read_database("SELECT big, d, day, tz FROM wide@main~1", con)
        assert frame.schema == {
            "big": polars.Int64,
            "d": polars.Decimal(10, 2),
            "day": polars.Date,
            "tz": polars.Datetime("us", "UTC"),
        }
        pandas = pytest.importorskip("pandas")
        with pytest.warns(UserWarning, match="pandas only supports SQLAlchemy"):
            found = pandas.read_sql("SELECT * FROM t@main~1 WHERE id > ?", con, params=[7])
        assert found.shape == (2, 2)


def test_a_branch_in_the_url_is_written(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    cat = Catalog.create(tmp_path / "lake", author="tester")
    engine = sa.create_engine(f"parquetry:///{cat.uri}?branch=main&message=from+pandas")
    frame = pandas.DataFrame({"a": [1, 2], "f": [0.1, None], "s": ["x", None]})
    frame.to_sql("new", engine, index=False)
    assert [one.message for one in cat.log(limit=1)] == ["from pandas"]
    assert len(cat.log()) == 2
    assert cat.sql("FROM new ORDER BY a").fetchall() == [(1, 0.1, "x"), (2, None, None)]
    with engine.connect() as con:
        con.execute(sa.text("DELETE FROM new"))
    assert len(cat.log()) == 2
    with engine.begin() as con:
        con.execute(sa.text("DELETE FROM new WHERE a = :a"), {"a": 1})
    assert len(cat.log()) == 3
    assert cat.sql("SELECT a FROM new").fetchall() == [(2,)]
