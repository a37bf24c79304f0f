"""Places in a bucket, compared with others and with directories here."""

from pathlib import Path

import catalog
from catalog.storage.bucket.files import BucketFiles
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.write.conftest import write

from .conftest import upload
from .servers import Server


def test_places_in_a_bucket_are_compared(
    access: S3Service, server: Server, place: str, source: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    for folder, value in ((source, 1), (newer, 2)):
        write(folder / "k=1" / "x.parquet", {"id": range(3), "v": [value, 0, 0]})
        write(folder / "k=2" / "x.parquet", {"id": range(3, 6), "v": [0, 0, 0]})
    far = upload(access, source, f"{place}/old"), upload(access, newer, f"{place}/new")
    before = [one.uri for one in BucketFiles(access).list(f"{place}/")]
    s3 = S3Options(endpoint_url=server.endpoint)
    for old, new in (far, (far[0], str(newer)), (str(source), far[1])):
        found = catalog.compare(old, new, key=["id"], s3=s3)
        assert (found.rows.inserted, found.rows.deleted, found.rows.updated) == (0, 0, 1)
    shared = catalog.compare(*far, key=["id"], s3=s3).coverage
    assert (shared.files_kept, shared.files_added) == (1, 1)
    assert not catalog.compare(far[0], str(source), s3=s3).differs
    assert [one.uri for one in BucketFiles(access).list(f"{place}/")] == before
