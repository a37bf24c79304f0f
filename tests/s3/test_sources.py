"""Files in S3 are read by the catalog's own access, whatever reads them, and by no other."""

import contextlib
import random
from pathlib import Path

import duckdb
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.diff.compare import align_task
from catalog.errors import CatalogError, CorruptData, InvalidInput, Unsupported
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.write.conftest import snap, write

from .conftest import upload
from .proxy import proxied
from .servers import Server


@pytest.fixture
def cat(request: pytest.FixtureRequest, place: str, server: Server, tmp_path: Path) -> Catalog:
    """Is a catalog that alone is told of the server: nothing else in the process can find it."""
    where = str(tmp_path / "lake") if request.param == "local" else f"{place}/lake"
    return catalog.create(where, s3=S3Options(endpoint_url=server.endpoint))


def everywhere(function: object) -> object:
    return pytest.mark.parametrize("cat", ["local", "bucket"], indirect=True)(function)


@everywhere
@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_a_partition_column_may_stand_in_the_files_if_it_agrees(
    cat: Catalog, access: S3Service, place: str, source: Path, mode: str
) -> None:
    for k in (1, 2):
        columns = {"k": [f"{k}"] * 3, "id": range(3)}  # text, so that bounds prove nothing
        write(source / f"k={k}" / "x.parquet", columns)
    prefix = upload(access, source, place)
    assert snap(cat, "t", prefix, mode=mode).rows == 6
    assert cat.sql("SELECT k, count(*) FROM t GROUP BY k ORDER BY k").fetchall() == [(1, 3), (2, 3)]


@everywhere
@pytest.mark.parametrize("held", [["1", "1", "2"], ["1", None, "1"]])
def test_a_partition_column_that_disagrees_is_refused(
    cat: Catalog, access: S3Service, place: str, source: Path, held: list[str | None]
) -> None:
    write(source / "k=1" / "x.parquet", {"k": held, "id": range(3)})
    prefix = upload(access, source, place)
    with pytest.raises(InvalidInput, match=f"{prefix}/k=1/x.parquet: column 'k' holds") as caught:
        snap(cat, "t", prefix)
    assert caught.value.kind == "partition-column-mismatch"
    assert [table.name for table in cat.tables()] == []


@everywhere
def test_references_are_read_compared_and_merged(
    cat: Catalog,
    access: S3Service,
    place: str,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(align_task, "ALIGNED_ROWS", 1000)
    ids = list(range(1000))
    for name, add in (("old", 0), ("new", 1)):
        random.Random(add).shuffle(ids)  # rows in another order are read outside of the engine
        write(source / name / "x.parquet", {"id": ids, "v": [n + add * (n == 7) for n in ids]})
        prefix = upload(access, source, place)
        snap(cat, "t", f"{prefix}/{name}", mode="reference", key=["id"])
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(499_501,)]
    found = cat.diff("main~1", "main", level="rows")["t"]
    assert (found.rows.updated, found.rows.inserted, found.rows.deleted) == (1, 0, 0)
    assert found.changes().read_all()["id"].to_pylist() == [7]
    with cat.transaction() as tx:
        tx.sql("UPDATE t SET v = -1 WHERE id = 8")
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(499_492,)]


@everywhere
@pytest.mark.parametrize(
    ("log", "kind"),
    [("_delta_log/00000000000000000000.json", "Delta"), ("metadata/v1.metadata.json", "Iceberg")],
)
def test_tables_of_other_formats_are_refused(
    cat: Catalog, access: S3Service, place: str, source: Path, log: str, kind: str
) -> None:
    write(source / "t/x.parquet", {"id": [1]})
    write(source / "t/p=1/y.parquet", {"id": [1]})
    prefix = upload(access, source, place)
    bucket, _, key = f"{prefix}/t/{log}".removeprefix("s3://").partition("/")
    access.client.put_object(Bucket=bucket, Key=key, Body=b"{}")
    (source / "t" / log).parent.mkdir()
    (source / "t" / log).write_text("{}")
    for root in (prefix, str(source)):
        for where in ("t", "t/*", "t/p=1", "", "*", "**/*.parquet"):
            with pytest.raises(Unsupported, match=f"t is a table of {kind}"):
                snap(cat, "t", f"{root}/{where}", format="parquet")
            with pytest.raises(CatalogError):
                snap(cat, "t", f"{root}/{where}")
        report = snap(cat, "t", f"{root}/t/*.parquet", format="parquet")
        assert (report.rows, len(report.warnings)) == (1, 1), "its files, asked for by name"
        with pytest.raises(Unsupported, match=f"t is a table of {kind}"):
            snap(cat, "t", f"{root}/t/*.parquet")


@pytest.mark.invariant("A referenced file in S3 that has changed is never part of an answer")
@pytest.mark.parametrize("local", [True, False])
def test_a_reference_that_changes_after_it_was_checked_is_never_an_answer(
    access: S3Service, server: Server, place: str, source: Path, tmp_path: Path, local: bool
) -> None:
    write(source / "x.parquet", {"v": [1, 2, 3]})
    lake = str(tmp_path / "lake") if local else f"{place}/lake"
    prefix = upload(access, source, place)
    with proxied(server.endpoint) as proxy:
        cat = catalog.create(lake, s3=S3Options(endpoint_url=proxy.endpoint))
        snap(cat, "t", prefix, mode="reference", fingerprints="later")
        assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(6,)]
        write(source / "x.parquet", {"v": [4, 5, 6]})

        def plan(method: str, path: str) -> None:
            if method == "GET" and "/src/" in path:  # its first read, after the look at it
                upload(access, source, place)

        proxy.plan = plan
        with pytest.raises(CorruptData, match=f"{prefix}/x.parquet was changed"):
            cat.sql("SELECT sum(v) FROM t").fetchall()
        proxy.plan = lambda method, path: None
        assert snap(cat, "t", prefix, mode="reference").files_added == 1
        assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(15,)]


@pytest.mark.parametrize("files", [1, 5])
def test_another_version_of_the_same_bytes_is_the_same_file(
    access: S3Service, server: Server, place: str, source: Path, files: int
) -> None:
    """Looks at few files, and lists many: both must answer alike."""
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))
    for n in range(files):
        write(source / f"{n}.parquet", {"v": [1]})
    far = f"s3://versioned-{server.name}/{files}"
    keep_versions(access, far.split("/")[2])
    prefix = upload(access, source, far)
    snap(cat, "t", prefix, mode="reference")
    upload(access, source, far)
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(files,)]
    assert not snap(cat, "t", prefix, mode="reference").changed
    write(source / "0.parquet", {"v": [2]})
    upload(access, source, far)
    with pytest.raises(CorruptData) as caught:
        cat.sql("SELECT sum(v) FROM t").fetchall()
    assert caught.value.hint is not None and "restore its version" in caught.value.hint


def test_references_in_several_buckets_are_checked(
    access: S3Service, server: Server, place: str, source: Path
) -> None:
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))
    for n in range(6):
        write(source / f"{n}.parquet", {"v": [n]})
    far = f"s3://versioned-{server.name}/several"
    keep_versions(access, far.split("/")[2])
    for where in (place, far):
        snap(cat, "t", upload(access, source, where), mode="reference", scope="append")
    assert cat.sql("SELECT count(*), sum(v) FROM t").fetchall() == [(12, 30)]
    write(source / "3.parquet", {"v": [-1]})
    upload(access, source, far)
    with pytest.raises(CorruptData, match=f"{far}/src/3.parquet was changed since"):
        cat.sql("SELECT sum(v) FROM t").fetchall()


def keep_versions(access: S3Service, bucket: str) -> None:
    with contextlib.suppress(access.client.exceptions.BucketAlreadyOwnedByYou):
        access.client.create_bucket(Bucket=bucket)
    access.client.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )


def test_views_of_references_name_the_files_themselves(
    access: S3Service, server: Server, place: str, source: Path, tmp_path: Path
) -> None:
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))
    write(source / "x.parquet", {"id": [1]})
    prefix = upload(access, source, place)
    snap(cat, "t", prefix, mode="reference")
    cat.write_views(str(tmp_path / "views.duckdb"))
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as con:
        ((sql,),) = con.execute("SELECT sql FROM duckdb_views() WHERE view_name = 't'").fetchall()
    assert f"'{prefix}/x.parquet'" in sql and "#" not in sql
