"""Answers become frames, wherever they come from, and DuckDB's relations stay DuckDB's."""

import datetime
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from catalog import Catalog, CatalogError
from catalog.engine.frames import distinct

BIG = 2**53 + 1
ROWS = pa.table({"id": [1, 2], "n": [BIG, None], "day": [datetime.date(2024, 1, 2), None]})


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    cat = Catalog.create(tmp_path_factory.mktemp("frames") / "lake", author="tester")
    with cat.transaction("main") as tx:
        tx.write("t", ROWS, mode="append", key=["id"])
    with cat.transaction("main") as tx:
        tx.sql("DELETE FROM t WHERE id = 1; UPDATE t SET n = 7")
    return cat


def test_relations_convert_themselves(cat: Catalog) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    relation = cat.sql("FROM t@main~1 ORDER BY id")
    assert type(relation) is duckdb.DuckDBPyRelation
    assert relation.to_arrow().to_pydict() == ROWS.to_pydict()
    assert relation.to_polars().equals(polars.from_arrow(ROWS))
    assert isinstance(relation.to_pandas(), pandas.DataFrame)
    assert relation.to_pandas()["n"][0] == BIG
    assert relation.filter("id = 2").select("n").to_polars()["n"].to_list() == [None]
    with cat.connect("main~1") as session:
        assert session.sql("FROM t").to_arrow().num_rows == 2
    with cat.transaction("main") as tx:
        found = tx.sql("FROM t")
        assert isinstance(found, duckdb.DuckDBPyRelation)
        assert found.to_arrow().num_rows == 1  # type: ignore[attr-defined]
    twice = cat.sql("SELECT 1 AS a, 2 AS a")
    assert list(twice.to_pandas().columns) == twice.to_polars().columns == ["a", "a_1"]
    assert twice.to_arrow().column_names == ["a", "a"]


@pytest.mark.parametrize(
    "value", ["INTERVAL 1 DAY", "union_value(k := 1)", "[{'a': INTERVAL 1 DAY}]"]
)
def test_what_polars_cannot_hold_is_named(cat: Catalog, value: str) -> None:
    pytest.importorskip("polars")
    with pytest.raises(CatalogError, match="no type for column 'x'") as caught:
        cat.sql(f"SELECT 1 AS n, {value} AS x").to_polars()
    assert "CAST(x AS VARCHAR)" in caught.value.hint
    assert cat.sql(f"SELECT CAST({value} AS VARCHAR) AS x").to_polars().height == 1


def test_relations_over_files_of_others_convert_themselves(cat: Catalog, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(ROWS, tmp_path / "x.parquet")
    other = Catalog.create(tmp_path / "lake", author="tester")
    with other.transaction("main") as tx:
        tx.snapshot("x", str(tmp_path / "x.parquet"), mode="reference")
    assert other.sql("FROM x").to_arrow().num_rows == 2
    assert other.sql("FROM x").to_polars().height == 2
    pq.write_table(ROWS.slice(1), tmp_path / "x.parquet")
    with pytest.raises(CatalogError, match=r"x\.parquet"):
        other.sql("FROM x").to_arrow()


def test_changed_rows_become_frames(cat: Catalog) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    with cat.diff("main~1", "main", level="rows") as diff:
        table = diff["t"]
        assert table.to_arrow() == table.changes().read_all()
        deleted = table.to_polars(change="deleted", shape="nested")
        assert isinstance(deleted, polars.DataFrame)
        assert deleted["_from"].to_list() == [ROWS.to_pylist()[0]]
        flat = table.to_polars(change="deleted")
        assert flat["from.n"].to_list() == [ROWS.to_pylist()[0]["n"]]
        updated = table.to_pandas(change="updated", where="id = 2")
        assert isinstance(updated, pandas.DataFrame)
        assert list(updated["_change"]) == ["updated"]
        assert updated["to.n"][0] == 7
        nested = table.to_pandas(change="updated", where="id = 2", shape="nested")
        assert nested["_to"][0]["n"] == 7
    stat = cat.diff("main~1", "main", level="stat")
    with stat, pytest.raises(CatalogError, match="metadata only"):
        stat["t"].to_polars()


def test_a_diff_shows_its_picture(cat: Catalog) -> None:
    with cat.diff("main~1", "main") as diff:
        lines = str(diff).splitlines()
        assert lines[0].startswith("main~1 (")
        assert "t  modified  key id" in lines
        assert max(map(len, diff.to_text(width=60).splitlines())) <= 60
    with cat.diff_query('SELECT id, n AS "<b>" FROM t', "main~1", "main", key=["id"]) as diff:
        assert "<b>" in str(diff)
        shown = diff._repr_html_()
        assert "&lt;b&gt;" in shown
        assert "<b>" not in shown


def test_lists_of_values_become_frames(cat: Catalog) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    log = cat.log()
    assert list(pandas.DataFrame(log)["id"]) == [one.id for one in log]
    assert polars.DataFrame(cat.tables())["rows"].to_list() == [1]
    messages = cat.sql("SELECT message FROM log()").to_polars()["message"].to_list()
    assert messages == [one.message for one in log]


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_package_that_is_missing_is_named(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with cat.diff("main~1", "main", level="rows") as diff:
        calls: list[Callable[[], object]] = [
            getattr(cat.sql("FROM t"), f"to_{package}"),
            getattr(diff["t"], f"to_{package}"),
        ]
        for call in calls:
            with pytest.raises(CatalogError, match=f"{package} is not installed") as caught:
                call()
            assert (caught.value.kind, caught.value.hint) == (
                "extra-not-installed",
                f"pip install {package}",
            )


def test_names_are_numbered_apart() -> None:
    assert distinct(["a", "A", "a_1", "a"]) == ["a", "A_2", "a_1", "a_3"]
    assert distinct([]) == []
