"""Tables of Iceberg in buckets are read by the catalog's own access, and by no other."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.memory import InMemoryCatalog

import catalog
from catalog.errors import CatalogError, ErrorKind
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.write.conftest import snap

from .servers import KEY, SECRET, Server

ROWS = pa.table({"id": [1, 2, 3], "day": ["a", "a b%20", None]})


@pytest.mark.parametrize("server", ["moto"], indirect=True)
@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_versions_have_the_rows_that_pyiceberg_reads(
    access: S3Service, place: str, server: Server, tmp_path: Path, mode: str
) -> None:
    settings = {
        "warehouse": f"{place.replace('s3://', 's3a://')}/wh",
        "s3.endpoint": server.endpoint,
        "s3.access-key-id": KEY,
        "s3.secret-access-key": SECRET,
        "s3.region": "us-east-1",
    }
    own = InMemoryCatalog("own", **settings)
    own.create_namespace("ns")
    table = own.create_table("ns.t", ROWS.schema)
    with table.update_spec() as update:
        update.add_identity("day")
    table.append(ROWS)
    table.append(ROWS)
    table.delete("id = 2")
    root = f"{place}/wh/ns/t"
    cat = catalog.create(str(tmp_path / "lake"), s3=S3Options(endpoint_url=server.endpoint))
    for snapshot in table.snapshots():
        number = snapshot.snapshot_id
        snap(cat, "t", root, at=str(number), mode=mode)
        expected = table.scan(snapshot_id=number).to_arrow().to_pylist()
        found = cat.sql("SELECT * FROM t").to_arrow_table().to_pylist()
        assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert not snap(cat, "t", root, mode=mode).changed
    table.append(ROWS.slice(0, 1))
    again = snap(cat, "t", root, mode=mode)
    assert (again.files_added, again.files_removed) == (1, 0)
    gone = next(iter(table.scan().plan_files())).file.file_path.removeprefix("s3a://")
    bucket, _, key = gone.partition("/")
    access.client.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(CatalogError) as caught:
        snap(cat, "u", root, mode=mode)
    assert caught.value.kind == ErrorKind.LIVE_FILE_MISSING
