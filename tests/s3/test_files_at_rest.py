"""Data files in a bucket that are not what was committed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CorruptData
from catalog.storage.bucket.requests import split_uri
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.write.flips import flipped, in_pages
from tests.write.merges import put

from .conftest import new_place
from .proxy import proxied
from .servers import Server

READS: dict[str, Callable[[Catalog, Path], object]] = {
    "session": lambda cat, out: cat.connect().execute("SELECT sum(v) FROM t").fetchall(),
    "diff": lambda cat, out: cat.diff("main~1", "main", method="join"),
    "export": lambda cat, out: cat.export("t", str(out / "x")),
    "csv": lambda cat, out: cat.export("t", str(out / "x.csv"), format="csv"),
    "update": lambda cat, out: statement(cat),
}


def statement(cat: Catalog) -> None:
    with cat.transaction() as tx:
        tx.sql("UPDATE t SET v = 9 WHERE k = 1")


@pytest.mark.invariant(
    "A data file of another size than was committed is an error, never an answer"
)
@pytest.mark.parametrize("read", READS)
def test_an_object_of_another_size_is_never_an_answer(
    moto: Server, aws: None, tmp_path: Path, read: str
) -> None:
    options = S3Options(endpoint_url=moto.endpoint)
    access = S3Service(options)
    uri = f"{new_place(access)}/lake"
    cat = catalog.create(uri, s3=options, cache="")
    put(cat, "main", {n: n for n in range(9)}, table="other")
    put(cat, "main", {1: 1, 2: 2})
    put(cat, "main", {1: 1, 2: 5})
    now = cat.files("t")[0]
    bucket, key = split_uri(f"{uri}/{now.path}", "s3://")
    other = split_uri(f"{uri}/{cat.files('other')[0].path}", "s3://")[1]
    body = access.client.get_object(Bucket=bucket, Key=other)["Body"].read()
    access.client.put_object(Bucket=bucket, Key=key, Body=body)
    with pytest.raises(CorruptData, match=r"bytes|committed"):
        READS[read](catalog.open(uri, s3=options, cache=""), tmp_path)
    assert not any(tmp_path.glob("x*"))


@pytest.mark.invariant(
    "A changed byte of a data file is an error, never an answer, if the catalog is opened to "
    "verify hashes"
)
@pytest.mark.parametrize("verify", ["pages", "hash"])
@pytest.mark.parametrize("read", READS)
def test_a_changed_byte_in_a_bucket_is_never_an_answer(
    moto: Server, aws: None, tmp_path: Path, read: str, verify: Any
) -> None:
    options = S3Options(endpoint_url=moto.endpoint)
    access = S3Service(options)
    uri = f"{new_place(access)}/lake"
    cat = catalog.create(uri, s3=options, cache="")
    for more in range(2):
        put(cat, "main", {n: n + more for n in range(200)})
    bucket, key = split_uri(f"{uri}/{cat.files('t')[0].path}", "s3://")
    local = tmp_path / "copy.parquet"
    local.write_bytes(access.client.get_object(Bucket=bucket, Key=key)["Body"].read())
    flipped(local, in_pages(local)[20], 2)
    access.client.put_object(Bucket=bucket, Key=key, Body=local.read_bytes())
    with pytest.raises(CorruptData):
        READS[read](catalog.open(uri, s3=options, cache="", verify=verify), tmp_path)
    assert not any(tmp_path.glob("x*"))


def test_comparing_sizes_takes_no_request(moto: Server, aws: None) -> None:
    access = S3Service(S3Options(endpoint_url=moto.endpoint))
    with proxied(moto.endpoint) as proxy:
        options = S3Options(endpoint_url=proxy.endpoint)
        cat = catalog.create(f"{new_place(access)}/lake", s3=options, cache="")
        put(cat, "main", {1: 1, 2: 2})
        fresh = catalog.open(cat.uri, s3=options, cache="")
        proxy.clear()
        assert fresh.sql("SELECT sum(v) FROM t").fetchall() == [(3,)]
        assert len([a for a in proxy.asked if "/data/" in a.path]) == 1
