"""Tables of Iceberg in buckets, and of catalogs in buckets, as PyIceberg and Polars read them."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.table import StaticTable

import catalog
from catalog.catalog import Catalog
from catalog.storage.options import S3Options

from .servers import KEY, SECRET, Server
from .test_publish import new_place_of

pytestmark = pytest.mark.filterwarnings("ignore:Iceberg scan planning")


def check(cat: Catalog, folder: str, number: int, server: Server) -> None:
    """Checks every snapshot of a metadata file against its commit."""
    far = {
        "s3.endpoint": server.endpoint,
        "s3.access-key-id": KEY,
        "s3.secret-access-key": SECRET,
        "s3.region": "us-east-1",
    }
    options = {
        "aws_endpoint_url": server.endpoint,
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        "aws_region": "us-east-1",
        "allow_http": "true",
    }
    table = StaticTable.from_metadata(f"{folder}/metadata/v{number}.metadata.json", far)
    assert table.snapshots()
    for snapshot in table.snapshots():
        assert snapshot.summary is not None
        commit = snapshot.summary["parquetry.commit"]
        expected = ordered(cat.sql(f"SELECT * FROM t@{commit}").to_arrow_table())
        assert ordered(table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()) == expected
        frame = pl.scan_iceberg(
            table, snapshot_id=snapshot.snapshot_id, storage_options=options
        ).collect()
        assert ordered(frame.to_arrow()) == expected


def ordered(rows: pa.Table) -> list[str]:
    return sorted(map(repr, rows.to_pylist()))


def follows(cat: Catalog, place: str, server: Server) -> None:
    """Checks that a copy has each commit of a branch, also after the branch was moved back."""
    for text in (
        "CREATE TABLE t PARTITIONED BY (p) AS SELECT 1 AS x, 'a %/ü' AS p, 2 AS y",
        "INSERT INTO t VALUES (2, NULL, 3)",
    ):
        run(cat, text)
    cat.publish("main", place, format="iceberg")
    run(cat, "ALTER TABLE t RENAME COLUMN y TO z")
    run(cat, "UPDATE t SET x = 20 WHERE x = 2")
    cat.publish("main", place, format="iceberg")
    check(cat, f"{place}/t", 2, server)
    cat.reset("main", to="main~1")
    cat.publish("main", place, format="iceberg")
    check(cat, f"{place}/t", 3, server)


def run(cat: Catalog, text: str) -> None:
    with cat.transaction("main") as changes:
        changes.sql(text)


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_a_catalog_and_its_copy_in_one_bucket(server: Server, place: str) -> None:
    options = S3Options(endpoint_url=server.endpoint)
    cat = catalog.create(f"{place}/lake", s3=options, cache="")
    follows(cat, f"{place}/out", server)
    cat.publish("main", f"{place}/out", format="iceberg", again=True)
    check(cat, f"{place}/out/t", 1, server)
    cat.export("t", f"{place}/one", format="iceberg")
    check(cat, f"{place}/one", 1, server)


def test_a_catalog_in_a_bucket_and_a_directory(moto: Server, tmp_path: Path) -> None:
    options = S3Options(endpoint_url=moto.endpoint)
    cat = catalog.create(f"{new_place_of(moto)}/lake", s3=options, cache="")
    follows(cat, str(tmp_path / "out"), moto)


def test_a_catalog_in_a_directory_and_a_bucket(
    moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint)
    follows(catalog.create(tmp_path / "lake"), f"{new_place_of(moto)}/out", moto)
