"""Geometries and variants: one type throughout, whatever happens to a table."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, CorruptData, InvalidInput, Unsupported
from tests.formats.handmade import VARIANT as VARIANT_ANNOTATION
from tests.formats.handmade import Group, Leaf, Physical
from tests.formats.handmade import write as write_parquet

from .conftest import head, snap
from .writing import put

CRS = {"type": "ProjectedCRS", "name": "it's one", "id": {"authority": "EPSG", "code": 25832}}
POINTS = "'POINT (1 2)'", "'POINT (3 4)'", "'POINT (7 7)'"


@dataclass(frozen=True)
class Kind:
    """A type of columns: its name, three values as SQL, and how a file of them is written."""

    type: str
    values: tuple[str, str, str]
    options: str = ""

    def cast(self, number: int) -> str:
        value = self.values[number]
        return f"{value}::GEOMETRY::{self.type}" if "GEOMETRY" in self.type else value

    def write(self, con: duckdb.DuckDBPyConnection, path: Path) -> Path:
        rows = ", ".join(f"({n}, {self.cast(n)})" for n in (0, 1))
        con.execute(
            f"COPY (SELECT k::BIGINT AS k, v::{self.type} AS v FROM (VALUES {rows}, (2, NULL)) "
            f"AS t(k, v)) TO '{path}' (FORMAT parquet{self.options})"
        )
        return path


KINDS = {
    "GeoParquet": Kind("GEOMETRY('OGC:CRS84')", POINTS, ", GEOPARQUET_VERSION 'V1'"),
    "of Parquet": Kind("GEOMETRY", POINTS, ", GEOPARQUET_VERSION 'NONE'"),
    "both": Kind("GEOMETRY('OGC:CRS84')", POINTS, ", GEOPARQUET_VERSION 'BOTH'"),
    "projected": Kind(f"GEOMETRY('{json.dumps(CRS).replace(chr(39), chr(39) * 2)}')", POINTS),
    "variant": Kind("VARIANT", ("42::VARIANT", "'x'::VARIANT", "{'a': [1, 2]}::VARIANT")),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, con: duckdb.DuckDBPyConnection, source: Path) -> Kind:
    made = KINDS[request.param]
    path = made.write(con, source / "one.parquet")
    return Kind(str(con.sql(f"SELECT v FROM read_parquet('{path}')").types[0]), made.values)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def rows(cat: Catalog, table: str = "t") -> list[tuple[int, str]]:
    return sorted(cat.sql(f"SELECT k, v::VARCHAR FROM {table}").fetchall())


def texts(con: duckdb.DuckDBPyConnection, kind: Kind) -> list[str]:
    return [con.sql(f"SELECT ({kind.cast(n)})::VARCHAR").fetchall()[0][0] for n in range(3)]


def test_every_statement_and_write_keeps_the_type(
    cat: Catalog, source: Path, con: duckdb.DuckDBPyConnection, kind: Kind, tmp_path: Path
) -> None:
    one, two, three = texts(con, kind)
    snap(cat, "t", source, key=["k"])
    assert [c.type for c in cat.schema("t")] == ["BIGINT", kind.type]
    assert rows(cat) == [(0, one), (1, two), (2, None)]
    assert cat.sql(f"SELECT k FROM t WHERE v = {kind.cast(1)}").fetchall() == [(1,)]
    with cat.transaction("main") as tx:
        assert tx.sql("UPDATE t SET k = 10 WHERE k = 0").updated == 1
        assert tx.sql(f"INSERT INTO t VALUES (3, {kind.values[2]})").inserted == 1
        changed = tx.sql(f"UPDATE t SET v = {kind.values[2]} WHERE k = 1")
        assert (changed.updated, changed.inserted, changed.deleted) == (1, 0, 0)
        assert tx.sql("DELETE FROM t WHERE k = 2").deleted == 1
        merged = tx.sql(
            f"MERGE INTO t USING (SELECT 3 AS k, {kind.cast(0)} AS v) s ON t.k = s.k "
            "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.v)"
        )
        assert merged.updated == 1
        tx.sql("CREATE TABLE copied AS SELECT * FROM t")
        tx.sql(f"CREATE TABLE made (k BIGINT, v {kind.type})")
    assert rows(cat) == rows(cat, "copied") == [(1, three), (3, one), (10, one)]
    relation = con.sql(f"SELECT 1::BIGINT AS k, {kind.cast(1)} AS v")
    assert put(cat, "t", relation, "upsert").changed
    assert put(cat, "t", cat.sql("SELECT 20::BIGINT AS k, v FROM t WHERE k = 1").to_arrow_table())
    assert rows(cat) == [(1, two), (3, one), (10, one), (20, two)]
    for table in ("t", "copied", "made"):
        assert [c.type for c in cat.schema(table)] == ["BIGINT", kind.type]
    cat.export("t", str(tmp_path / "out"))
    exported = con.sql(f"SELECT * FROM read_parquet('{tmp_path}/out/*.parquet')")
    assert [str(t) for t in exported.types] == ["BIGINT", kind.type]
    cat.export("t", str(tmp_path / "out.csv"), format="csv")
    cat.write_views(str(tmp_path / "views.db"))
    with duckdb.connect(str(tmp_path / "views.db"), read_only=True) as views:
        assert views.sql("SELECT k, v::VARCHAR FROM t ORDER BY k").fetchall() == rows(cat)


def test_a_key_is_a_key(
    cat: Catalog, source: Path, con: duckdb.DuckDBPyConnection, kind: Kind
) -> None:
    snap(cat, "t", source, key=["v"])
    relation = con.sql(f"SELECT 5::BIGINT AS k, {kind.cast(1)} AS v")
    put(cat, "t", relation, "upsert")
    assert sorted(k for k, _ in rows(cat)) == [0, 2, 5]
    counts = cat.diff("main~1", "main")["t"].rows
    assert (counts.updated, counts.inserted, counts.deleted) == (1, 0, 0)


def test_they_are_no_partition_columns(
    cat: Catalog, con: duckdb.DuckDBPyConnection, kind: Kind
) -> None:
    with pytest.raises(InvalidInput, match="cannot be partitioned by 'v'"):
        put(cat, "t", con.sql(f"SELECT 1 AS k, {kind.cast(0)} AS v"), partition_by=["v"])


def wkb(x: float, y: float) -> bytes:
    return struct.pack("<BIdd", 1, 1, x, y)


def geoparquet(path: Path, **about: Any) -> Path:
    column = {"encoding": "WKB", "geometry_types": ["Point"], **about}
    column = {key: value for key, value in column.items() if value != "missing"}
    geo = {"version": "1.1.0", "primary_column": "v", "columns": {"v": column}}
    table = pa.table({"k": [1], "v": pa.array([wkb(1, 2)], pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"encoding": "WKT"}, "encoding"),
        ({"geometry_types": "missing"}, "geometry types"),
        ({"crs": "EPSG:4326"}, "CRS"),
    ],
)
@pytest.mark.parametrize("fingerprints", ["now", "later"])
def test_geoparquet_that_the_engine_does_not_read_is_refused(
    cat: Catalog, source: Path, about: dict[str, Any], reason: str, fingerprints: str
) -> None:
    path = geoparquet(source / "a.parquet", **about)
    before = head(cat)
    with pytest.raises(CorruptData, match=reason) as caught:
        snap(cat, "t", source, fingerprints=fingerprints)
    assert str(path) in caught.value.message
    assert (head(cat), caught.value.hint != "") == (before, True)


def test_files_that_differ_in_extent_alone_are_one_layout(cat: Catalog, source: Path) -> None:
    for n in range(3):
        geoparquet(source / f"{n}.parquet", bbox=[n, n, n, n])
    snap(cat, "t", source)
    assert cat.sql("SELECT DISTINCT v::VARCHAR FROM t").fetchall() == [("POINT (1 2)",)]


def test_what_cannot_be_a_geometry_is_refused_by_name(cat: Catalog, source: Path) -> None:
    geo = {"version": "1.0.0", "primary_column": "v", "columns": {"v": {"encoding": "WKB"}}}
    geo["columns"]["v"]["geometry_types"] = []  # type: ignore[index]
    table = pa.table({"v": ["POINT (1 2)"]}).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, source / "a.parquet")
    with pytest.raises(InvalidInput, match="column 'v' is GEOMETRY by the key geo") as caught:
        snap(cat, "t", source, fingerprints="later")
    assert str(source / "a.parquet") in caught.value.message


@pytest.mark.parametrize("geo_first", [True, False])
def test_geometries_beside_plain_bytes_are_refused_by_name(
    cat: Catalog, source: Path, geo_first: bool
) -> None:
    first, second = ("a", "b") if geo_first else ("b", "a")
    geoparquet(source / f"{first}.parquet")
    pq.write_table(pa.table({"k": [2], "v": [wkb(3, 4)]}), source / f"{second}.parquet")
    with pytest.raises(InvalidInput, match=r"GEOMETRY.* and BLOB|BLOB .*and GEOMETRY") as caught:
        snap(cat, "t", source)
    assert all(str(source / f"{name}.parquet") in caught.value.message for name in "ab")


def test_all_ways_to_store_geometries_are_one_table(
    cat: Catalog, source: Path, con: duckdb.DuckDBPyConnection
) -> None:
    geoparquet(source / "a.parquet")
    KINDS["both"].write(con, source / "b.parquet")
    native = Kind(KINDS["both"].type, POINTS, ", GEOPARQUET_VERSION 'NONE'")
    native.write(con, source / "c.parquet")
    snap(cat, "t", source)
    assert [c.type for c in cat.schema("t")] == ["BIGINT", "GEOMETRY('OGC:CRS84')"]
    found = cat.sql("SELECT v::VARCHAR, count(*) FROM t GROUP BY 1 ORDER BY 1").fetchall()
    assert found == [("POINT (1 2)", 3), ("POINT (3 4)", 2), (None, 2)]


def test_geometries_with_a_system_are_geoparquet_for_other_readers(
    cat: Catalog, source: Path, con: duckdb.DuckDBPyConnection
) -> None:
    geoparquet(source / "a.parquet")
    snap(cat, "t", source)
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET k = 2")
    cat.export("t", str(source / "out"))
    (path,) = (source / "out").glob("*.parquet")
    assert "v" in json.loads(pq.read_metadata(path).metadata[b"geo"])["columns"]


def test_a_change_within_a_variant_is_kept_where_the_engine_sees_equal_numbers(
    cat: Catalog, con: duckdb.DuckDBPyConnection
) -> None:
    put(cat, "t", con.sql("SELECT 1 AS k, 1::VARIANT AS v"))
    with cat.transaction("main") as tx:
        assert tx.sql("UPDATE t SET v = 1.0::VARIANT").updated == 1
    assert rows(cat) == [(1, "1.0")]


def test_variants_within_other_values_are_refused_by_name(cat: Catalog, source: Path) -> None:
    parts = [struct.pack("<I", len(value)) + value for value in (b"\x01\x00\x00", b"\x0c\x01")]
    names = ("metadata", "value")
    leaves = [Leaf(n, Physical.BYTE_ARRAY, [p]) for n, p in zip(names, parts, strict=True)]
    variant = Group("v", leaves, logical=VARIANT_ANNOTATION)
    path = write_parquet(source / "a.parquet", [Group("s", [variant])])
    with pytest.raises(CatalogError, match=r"column 's' has VARIANT values") as caught:
        snap(cat, "t", source)
    assert str(path) in caught.value.message
    with pytest.raises(Unsupported, match="column 's'"):
        put(cat, "t", duckdb.sql("SELECT [1::VARIANT] AS s"))
