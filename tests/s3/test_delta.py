"""Tables of Delta in buckets: read through the catalog's own access."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

import catalog
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service

ONE_SERVER = pytest.mark.parametrize("server", ["moto"], indirect=True)
ROWS = pa.table({"id": [1, 2, 3], "day": ["a", "b c%20", None]})


def uploaded(access: S3Service, root: Path, place: str) -> str:
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    for path in (path for path in root.rglob("*") if path.is_file()):
        key = f"{prefix}/table/{path.relative_to(root)}"
        access.client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return f"{place}/table"


@ONE_SERVER
def test_keys_that_lead_upwards_are_written_nowhere(
    access: S3Service, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_deltalake(str(tmp_path / "source"), ROWS)
    source = uploaded(access, tmp_path / "source", place)
    scratch = tmp_path / "a" / "b"
    scratch.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    for name in ("_sidecars/../../../../../up", f"{0:020}.checkpoint./../../../../up"):
        key = f"{prefix}/_delta_log/{name}"
        access.client.put_object(Bucket=bucket, Key=key, Body=b"of a stranger")
    cat = catalog.create(tmp_path / "lake", s3=S3Options(endpoint_url=access.endpoint))
    with cat.transaction("main") as tx:
        tx.snapshot("t", source, mode="copy")
    assert not [path for path in tmp_path.rglob("up") if "lake" not in path.parts]


@ONE_SERVER
@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_a_table_in_a_bucket_is_taken_at_every_version(
    access: S3Service, place: str, tmp_path: Path, mode: str
) -> None:
    root = tmp_path / "source"
    write_deltalake(str(root), ROWS, partition_by=["day"])
    DeltaTable(str(root)).delete("id = 2")
    write_deltalake(str(root), ROWS, mode="append")
    DeltaTable(str(root)).create_checkpoint()
    write_deltalake(str(root), ROWS.slice(0, 1), mode="append")
    source = uploaded(access, root, place)
    options = S3Options(endpoint_url=access.endpoint)
    cat = catalog.create(f"{place}/lake", s3=options, cache=str(tmp_path / "cache"))
    for at, ids in (("0", [1, 2, 3]), ("2", [1, 1, 2, 3, 3]), (None, [1, 1, 1, 2, 3, 3])):
        with cat.transaction("main") as tx:
            tx.snapshot("t", source, at=at, mode=mode)  # type: ignore[arg-type]
        assert cat.sql("SELECT list(id ORDER BY id) FROM t@main").fetchall() == [(ids,)]
    days = "SELECT DISTINCT day FROM t@main ORDER BY ALL NULLS LAST"
    assert cat.sql(days).fetchall() == [("a",), ("b c%20",), (None,)]
