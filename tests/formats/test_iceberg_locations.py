"""Where the files that an Iceberg table names are."""

import os

import pytest

from catalog.errors import Unsupported
from catalog.formats.iceberg.locations import place_of


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/a/b c%20#?.parquet", "/a/b c%20#?.parquet"),
        ("file:///a/b%20c", "/a/b%20c"),
        ("file:/a/b", "/a/b"),
        ("FILE://localhost/a", "/a"),
        ("s3://bucket/a//b", "s3://bucket/a//b"),
        ("s3a://bucket/a", "s3://bucket/a"),
        ("gcs://bucket/a", "gs://bucket/a"),
        ("abfss://box@account.dfs.core.windows.net/a/b", "az://box/a/b"),
        ("wasb://box@account.blob.core.windows.net/a", "az://box/a"),
        ("hdfs://host/a", "hdfs://host/a"),
        ("a=1:2/b", os.path.abspath("a=1:2/b")),
        ("a..b/c", os.path.abspath("a..b/c")),
    ],
)
def test_a_location_is_a_place_here(location: str, place: str) -> None:
    assert place_of(location) == place


@pytest.mark.parametrize("location", ["file://host/a", "/a/../b", "s3://bucket/a/..", "file://x"])
def test_a_place_elsewhere_is_refused(location: str) -> None:
    with pytest.raises(Unsupported):
        place_of(location)
