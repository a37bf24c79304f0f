"""Keys of objects that look like something else: they are names, as those of files are."""

from pathlib import Path
from urllib.parse import unquote

import pytest

import catalog
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.write.conftest import rows, snap, write

from .servers import Server

SEGMENTS = [
    "p=a b", "p=a%2Fb", "p=100%", "p=%zz", "p=é", "p=e\u0301", "p=京" * 3, "p=a+b", "p=#", "p=a&b",
    "p=a?b", "p=[x]", "p=a*", "p=a\\b", "p=", "p= ", "p=.", "p=..x", "p='\"",
    "p=__HIVE_DEFAULT_PARTITION__", "p=$@!(),;",
]  # fmt: skip


@pytest.mark.parametrize(("where", "mode"), [("directory", "copy"), ("bucket", "reference")])
def test_odd_keys_are_names(
    access: S3Service, server: Server, place: str, tmp_path: Path, mode: str, where: str
) -> None:
    lake = str(tmp_path / "lake") if where == "directory" else f"{place}/lake"
    cat = catalog.create(lake, s3=S3Options(endpoint_url=server.endpoint))
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    wanted = []
    segments = [one for one in SEGMENTS if "\\" not in one or server.name != "seaweed"]
    for n, segment in enumerate(segments):  # SeaweedFS takes a backslash for a slash
        body = write(tmp_path / "x.parquet", {"n": [n]}).read_bytes()
        key = f"{prefix}/src/{segment}/a {n}%41.parquet"
        access.client.put_object(Bucket=bucket, Key=key, Body=body)
        text = segment.removeprefix("p=")
        wanted.append((n, None if text.startswith("__HIVE") else unquote(text)))
    for source in (f"{place}/src", f"{place}/src/**/*.parquet"):
        report = snap(cat, "t", source, mode=mode)
        assert report.rows == len(segments)
        assert rows(cat, "SELECT n, p FROM t ORDER BY n") == wanted
    access.client.put_object(Bucket=bucket, Key=f"{prefix}/src/_temporary/0/x.parquet", Body=b"")
    access.client.put_object(Bucket=bucket, Key=f"{prefix}/src/p=a b/", Body=b"")
    assert not snap(cat, "t", f"{place}/src", mode=mode).changed
