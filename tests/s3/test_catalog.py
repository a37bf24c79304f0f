"""Catalogs in buckets: what can be done in a directory can be done there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CorruptData, InvalidInput, Unsupported
from catalog.repository import stat_records
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.cli.conftest import REPOSITORY, in_process
from tests.write.conftest import snap, write

from .conftest import new_place, upload
from .proxy import Proxy, proxied
from .servers import KEY, SECRET, Server


@pytest.fixture
def options(server: Server) -> S3Options:
    return S3Options(endpoint_url=server.endpoint)


@pytest.fixture
def cat(place: str, options: S3Options) -> Catalog:
    return catalog.create(f"{place}/lake", s3=options)


def fill(source: Path, partitions: int = 3, *, add: int = 0) -> None:
    for k in range(partitions):
        write(
            source / f"k={k}" / "part 0.parquet",
            {"id": range(k * 10, k * 10 + 10), "v": [n + add for n in range(10)]},
        )


def test_a_table_is_taken_queried_and_compared(cat: Catalog, source: Path) -> None:
    fill(source)
    assert snap(cat, "t", source, key=["id"]).files_added == 3
    fill(source, add=1)
    fill(source, 2)
    assert snap(cat, "t", source).files_added == 1
    assert cat.sql("SELECT k, sum(v) FROM t GROUP BY k ORDER BY k").fetchall() == [
        (0, 45),
        (1, 45),
        (2, 55),
    ]
    assert cat.sql("SELECT sum(v) FROM t@main~1").fetchall() == [(135,)]
    found = cat.diff("main~1", "main", level="rows")["t"]
    assert found.rows.updated == 10
    assert found.changes().read_all().num_rows == 10


def test_rows_are_written_and_merged(cat: Catalog) -> None:
    rows = pa.table({"id": [1, 2, 3], "v": ["a", "b", "c"]})
    with cat.transaction(message="rows") as tx:
        tx.write("t", rows, mode="append", key=["id"])
    cat.branches.create("dev")
    for branch, value in (("dev", 1), ("main", 2)):
        with cat.transaction(branch, message=branch) as tx:
            tx.write("t", pa.table({"id": [value], "v": ["new"]}), mode="upsert")
    cat.merge("dev")
    assert cat.sql("SELECT * FROM t ORDER BY id").fetchall() == [
        (1, "new"),
        (2, "new"),
        (3, "c"),
    ]


def test_tables_come_out_again(cat: Catalog, source: Path, tmp_path: Path) -> None:
    fill(source)
    snap(cat, "t", source)
    assert cat.export("t", str(tmp_path / "out")) == 30
    assert cat.export("t", str(tmp_path / "out.csv"), format="csv") == 30
    with duckdb.connect() as con:
        for name in (f"{tmp_path}/out/**/*.parquet", f"{tmp_path}/out.csv"):
            assert con.execute(f"SELECT sum(v), sum(k) FROM '{name}'").fetchall() == [(135, 30)]
    assert cat.write_views(str(tmp_path / "views.duckdb")) == ["t"]
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as con:
        ((sql,),) = con.execute("SELECT sql FROM duckdb_views() WHERE view_name = 't'").fetchall()
    assert f"{cat.uri}/data/t/k%3D" in sql or f"{cat.uri}/data/t/k=0" in sql


@pytest.mark.invariant("A referenced file in S3 that has changed is never part of an answer")
@pytest.mark.parametrize("local", [False, True])
def test_a_prefix_is_referenced_under_guard(
    access: S3Service,
    server: Server,
    place: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    local: bool,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    cat = catalog.create(str(tmp_path / "lake") if local else f"{place}/lake")
    fill(source)
    prefix = upload(access, source, place)
    assert snap(cat, "t", prefix, mode="reference").bytes_copied == 0
    assert cat.files("t")[0].uri == f"{prefix}/k=0/part 0.parquet"
    assert cat.sql("SELECT sum(v), max(k) FROM t").fetchall() == [(135, 2)]
    assert not snap(cat, "t", prefix, mode="reference").changed
    fill(source, 1, add=5)
    upload(access, source, place)
    with pytest.raises(CorruptData, match="was changed since table t"):
        cat.sql("SELECT sum(v) FROM t")
    assert cat.sql("SELECT sum(v) FROM t WHERE k = 1").fetchall() == [(45,)]
    assert snap(cat, "t", prefix, mode="reference").files_added == 1
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(185,)]


@pytest.mark.parametrize("local", [False, True])
def test_a_prefix_is_copied_and_known_again(
    access: S3Service,
    server: Server,
    place: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    local: bool,
) -> None:
    monkeypatch.setattr(stat_records, "REST_NS", -1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    cat = catalog.create(str(tmp_path / "lake") if local else f"{place}/lake")
    fill(source)
    prefix = upload(access, source, place)
    assert snap(cat, "t", prefix).files_added == 3
    assert not snap(cat, "t", prefix).changed
    fill(source, 1, add=5)
    upload(access, source, place)
    assert snap(cat, "t", prefix).files_added == 1
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(185,)]
    assert not snap(cat, "t", source).changed, "the same bytes, taken from elsewhere"
    with pytest.raises(Unsupported):
        snap(cat, "u", prefix, mode="link")


def test_part_of_a_prefix_is_taken(access: S3Service, cat: Catalog, source: Path) -> None:
    fill(source)
    write(source / "_tmp" / "x.parquet", {"id": [1]})
    prefix = upload(access, source, new_place(access))
    wanted = {"/k=[01]": 20, "/k=2": 10, "/k=2/part 0.parquet": 10, "/*/*.parquet": 30, "/": 30}
    for number, (part, rows) in enumerate(wanted.items()):
        assert snap(cat, f"t{number}", f"{prefix}{part}", mode="reference").rows == rows
    with pytest.raises(catalog.NotFound):
        snap(cat, "none", f"{prefix}/missing")
    snap(cat, "copy", source)
    with pytest.raises(InvalidInput):
        snap(cat, "own", f"{cat.uri}/data")


def test_the_command_line_works_in_a_bucket(
    server: Server, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "orders" / "x.parquet", {"id": [1, 2]})
    (tmp_path / "parquetry.toml").write_text(
        f'catalog = "{place}/lake"\n[s3]\nendpoint_url = "{server.endpoint}"\npath_style = true\n'
        '[tables.orders]\nsource = "orders"\nkey = ["id"]\n'
    )
    made = in_process("init", f"{place}/lake", cwd=tmp_path)
    note = f"S3: {server.endpoint}, as {tmp_path}/parquetry.toml says\n"
    assert (made.code, made.err) == (0, note)
    assert f"{place}/lake" in made.out
    assert in_process("init", f"{place}/lake", cwd=tmp_path).code == 3
    taken = in_process("snapshot", "-m", "first", cwd=tmp_path)
    assert (taken.code, taken.err) == (0, note), taken.err
    (row,) = json.loads(
        in_process("sql", "SELECT count(*) AS n FROM orders", "--format", "json", cwd=tmp_path).out
    )["rows"] or [None]
    assert 2 in (row.values() if isinstance(row, dict) else row)
    logged = in_process("-C", f"{place}/lake", "log", "--json", cwd=tmp_path)
    assert [c["message"] for c in json.loads(logged.out)["commits"]] == ["first", "catalog created"]
    for name in (KEY, SECRET):
        everything = made.out + taken.out + logged.out
        assert name not in everything


def test_the_demo_tells_its_story_in_a_bucket(
    moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint)
    place = new_place(S3Service(S3Options(endpoint_url=moto.endpoint)))
    outcome = in_process("demo", "show", "--catalog", f"{place}/lake", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert catalog.open(f"{place}/lake").tables()
    assert not (tmp_path / "show/lake").exists()


def test_no_credential_is_stored(cat: Catalog, access: S3Service, source: Path) -> None:
    fill(source)
    prefix = upload(access, source, new_place(access))
    snap(cat, "t", source)
    snap(cat, "r", prefix, mode="reference")
    store: Any = cat.repository.store
    for info in store.list(""):
        data = store.read(info.path).data
        assert KEY.encode() not in data and SECRET.encode() not in data


def test_a_process_that_read_a_bucket_ends_quietly(
    cat: Catalog, server: Server, source: Path
) -> None:
    fill(source)
    snap(cat, "t", source)
    code = (
        "import sys, catalog\n"
        "relation = catalog.open(sys.argv[1]).sql('SELECT sum(v) FROM t')\n"
        "print(relation.fetchall())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, cat.uri],
        cwd=REPOSITORY,
        env={**os.environ, "AWS_ENDPOINT_URL": server.endpoint},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("[(135,)]\n", "")


def test_a_file_that_is_gone_is_an_error_that_names_it(cat: Catalog, source: Path) -> None:
    fill(source)
    snap(cat, "t", source)
    first = cat.files("t")[0]
    cat.repository.store.delete(first.path)
    with pytest.raises(catalog.CatalogError) as caught:
        cat.sql("SELECT sum(v) FROM t").fetchall()
    assert first.path in caught.value.message
    assert "Traceback" not in caught.value.message


def big(cat: Catalog, source: Path, *, add: int = 0) -> None:
    """Takes a table of two files, ten columns of 800 kB each that do not compress."""
    for part in range(2):
        columns = {
            f"c{n}": pa.array(
                memoryview(os.urandom(800_000)).cast("q").tolist() if n else range(100_000)
            )
            for n in range(10)
        }
        write(source / f"k={part}" / "x.parquet", columns, row_group_size=20_000, use_dictionary=[])
    snap(cat, "big", source, key=["c0"])


def moved(proxy: Proxy) -> int:
    """Returns the bytes of data files that were moved here, but for their ends."""
    data = [asked for asked in proxy.asked if "/data/" in asked.path]
    assert all(asked.range for asked in data), "only ranges are read"
    return sum(a.answered for a in data if not a.range.startswith("bytes=-"))


@pytest.mark.invariant("A query in S3 transfers only the columns and row groups it needs")
def test_a_query_moves_the_bytes_of_its_columns_and_row_groups(moto: Server, source: Path) -> None:
    place = new_place(S3Service(S3Options(endpoint_url=moto.endpoint)))
    with proxied(moto.endpoint) as proxy:
        cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=proxy.endpoint))
        big(cat, source)
        proxy.clear()
        cat.sql("SELECT sum(c3) FROM big").fetchall()
        column = moved(proxy)
        assert 1_400_000 < column < 1_700_000, "one of ten columns, of both files"
        assert sum(a.range.startswith("bytes=-") for a in proxy.asked) == 2, "each end once"
        proxy.clear()
        cat.sql("SELECT sum(c3) FROM big WHERE k = 1 AND c0 < 20000").fetchall()
        assert moved(proxy) < column / 4, "one of five row groups, of one file, of two columns"


def test_a_diff_moves_only_changed_columns_of_changed_files(moto: Server, source: Path) -> None:
    place = new_place(S3Service(S3Options(endpoint_url=moto.endpoint)))
    with proxied(moto.endpoint) as proxy:
        cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=proxy.endpoint))
        big(cat, source)
        import pyarrow.parquet as pq

        path = source / "k=1" / "x.parquet"
        table = pq.read_table(path, partitioning=None)
        changed = table.set_column(3, "c3", pa.array([0] * 100_000))
        write(path, changed, row_group_size=20_000)
        snap(cat, "big", source)
        proxy.clear()
        assert cat.diff("main~1", "main")["big"].rows.updated == 100_000
        files = {asked.path for asked in proxy.asked if "/data/" in asked.path}
        assert len(files) == 2 and all("k=1" in path for path in files)
        assert moved(proxy) < 4_200_000, "of 16 MB: key and changed column, of two files"


def test_no_extension_is_loaded_or_fetched(cat: Catalog, source: Path) -> None:
    fill(source)
    snap(cat, "t", source)
    with cat.connect() as session:
        assert session.sql("SELECT sum(v) FROM t").fetchall() == [(135,)]
        found = session.sql(
            "SELECT loaded, current_setting('autoinstall_known_extensions') "
            "FROM duckdb_extensions() WHERE extension_name = 'httpfs'"
        ).fetchall()
    assert found == [(False, False)]
