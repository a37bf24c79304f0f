"""Sources beside the catalog are copied by the server: right, whole, and without passing here."""

import base64
import hashlib
import os
from pathlib import Path
from typing import get_args

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CorruptData
from catalog.repository import stat_records
from catalog.storage.options import S3Options
from catalog.storage.s3 import copy as s3_copy
from catalog.storage.s3.service import S3Service
from tests.write.conftest import head, snap, write

from .conftest import BUCKET, upload
from .proxy import Asked, Fate, Plan, Proxy

COPYING = pytest.mark.parametrize("server", ["seaweed"], indirect=True)
"""moto ignores the condition of a copy."""

ROWS = 60_000

MANY_ROWS = 800_000
"""Rows of a file of two parts: none but the last may be below 5 MB."""


@pytest.fixture
def cat(place: str, proxy: Proxy, tmp_path: Path) -> Catalog:
    return opened(place, proxy, tmp_path / "cache", new=True)


def opened(place: str, proxy: Proxy, cache: Path, *, new: bool = False) -> Catalog:
    options = S3Options(endpoint_url=proxy.endpoint)
    make = catalog.create if new else catalog.open
    return make(f"{place}/lake", s3=options, cache=str(cache))


def fill(source: Path, partitions: int = 2, *, add: int = 0, rows: int = ROWS) -> None:
    for k in range(partitions):
        noise = memoryview(os.urandom(8 * rows)).cast("q").tolist()
        columns = {"id": range(rows), "v": [add] * rows, "noise": noise}
        write(source / f"k={k}" / "part 0+ü.parquet", columns)


def copied(proxy: Proxy) -> list[Asked]:
    return [a for a in proxy.asked if a.method == "PUT" and "/lake/data/" in a.path]


def stored(cat: Catalog, access: S3Service) -> dict[str, bytes]:
    found = {}
    for file in cat.files("t"):
        bucket, _, key = file.uri.removeprefix("s3://").partition("/")
        body = access.client.get_object(Bucket=bucket, Key=key)["Body"]
        found[str(file.partition["k"])] = body.read()
        body.close()
    return found


@pytest.mark.invariant(
    "A source in S3 is copied by the server, exactly as it was listed or not at all"
)
@COPYING
@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("parts", [False, True])
def test_bytes_are_copied_and_do_not_pass_here(
    cat: Catalog,
    proxy: Proxy,
    access: S3Service,
    place: str,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    hashed: bool,
    parts: bool,
) -> None:
    if parts:
        monkeypatch.setattr(s3_copy, "WHOLE_BYTES", 0)
        monkeypatch.setattr(s3_copy, "PART_BYTES", 5 << 20)
    rows = MANY_ROWS if parts else ROWS
    fill(source, rows=rows)
    prefix = upload(access, source, place)
    own = {p.parent.name[2:]: p.read_bytes() for p in source.rglob("*.parquet")}
    if hashed:
        for k, data in own.items():
            access.client.put_object(
                Bucket=BUCKET,
                Key=f"{prefix.removeprefix(f's3://{BUCKET}/')}/k={k}/part 0+ü.parquet",
                Body=data,
                ChecksumSHA256=base64.b64encode(hashlib.sha256(data).digest()).decode(),
            )
    proxy.clear()
    assert snap(cat, "t", prefix, fingerprints="later").files_added == 2
    reads = [a for a in proxy.asked if a.method == "GET" and "/src/" in a.path]
    assert {a.range for a in reads} == {"bytes=-65536"}, "footers alone"
    assert all(a.answered <= 65_536 < len(own["0"]) for a in reads)
    assert not any(a.sent for a in copied(proxy)) and len(copied(proxy)) >= 2
    assert stored(cat, access) == own
    names = {file.path.rpartition("/")[2] for file in cat.files("t")}
    by_content = {f"{hashlib.sha256(data).hexdigest()}.parquet" for data in own.values()}
    assert (names == by_content) is hashed
    assert cat.sql("SELECT count(*), sum(id) FROM t").fetchall() == [(2 * rows, rows * (rows - 1))]
    uploads = access.client.list_multipart_uploads(Bucket=BUCKET)
    assert "Uploads" not in uploads


@COPYING
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_was_copied_is_known_again(
    cat: Catalog,
    proxy: Proxy,
    access: S3Service,
    place: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    elsewhere: bool,
) -> None:
    monkeypatch.setattr(stat_records, "REST_NS", -1)
    fill(source)
    prefix = upload(access, source, place)
    snap(cat, "t", prefix, fingerprints="later")
    again = opened(place, proxy, tmp_path / "other") if elsewhere else cat
    proxy.clear()
    assert not snap(again, "t", prefix).changed
    assert not copied(proxy) and not any("/src/" in a.path for a in proxy.asked)
    fill(source, 1, add=1)
    upload(access, source, place)
    proxy.clear()
    assert snap(again, "t", prefix, fingerprints="later").files_added == 1
    assert len(copied(proxy)) == 1
    assert again.sql("SELECT sum(v) FROM t").fetchall() == [(ROWS,)]
    assert snap(again, "t", prefix, mode="reference").files_added == 2, "left where they are"
    assert snap(again, "t", prefix).files_added == 2, "and taken into the catalog again"
    assert again.sql("SELECT sum(v) FROM t").fetchall() == [(ROWS,)]


@pytest.mark.invariant(
    "A source in S3 is copied by the server, exactly as it was listed or not at all"
)
@COPYING
@pytest.mark.parametrize("parts", [False, True])
def test_a_source_that_changes_before_it_is_copied_is_refused(
    cat: Catalog,
    proxy: Proxy,
    access: S3Service,
    place: str,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    parts: bool,
) -> None:
    if parts:
        monkeypatch.setattr(s3_copy, "WHOLE_BYTES", 0)
        monkeypatch.setattr(s3_copy, "PART_BYTES", 5 << 20)
    rows = MANY_ROWS if parts else ROWS
    fill(source, 1, rows=rows)
    prefix = upload(access, source, place)
    fill(source, 1, add=1, rows=rows)
    before = head(cat)
    left = [1] if parts else []  # parts that arrive before the change

    def plan(method: str, path: str) -> Fate | None:
        if method == "PUT" and "/lake/data/" in path:
            if left:
                left.pop()
            else:
                upload(access, source, place)
        return None

    proxy.plan = plan
    with pytest.raises(CorruptData, match="was changed while it was read") as caught:
        snap(cat, "t", prefix)
    assert caught.value.kind == "source-changed"
    assert head(cat) == before
    proxy.plan = lambda method, path: None
    assert snap(cat, "t", prefix).files_added == 1
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(rows,)]


@COPYING
def test_of_a_versioned_object_the_version_that_was_seen_is_copied(
    cat: Catalog, proxy: Proxy, access: S3Service, source: Path
) -> None:
    client = access.client
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    fill(source, 1)
    prefix = upload(access, source, "s3://versioned/x")
    fill(source, 1, add=1)

    def plan(method: str, path: str) -> Fate | None:
        if method == "PUT" and "/lake/data/" in path:
            upload(access, source, "s3://versioned/x")
        return None

    proxy.plan = plan
    assert snap(cat, "t", prefix, fingerprints="later").files_added == 1
    proxy.plan = lambda method, path: None
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(0,)]
    assert snap(cat, "t", prefix).files_added == 1
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(ROWS,)]


def test_a_server_that_copies_whatever_is_there_is_not_asked_to(
    cat: Catalog, proxy: Proxy, access: S3Service, place: str, source: Path
) -> None:
    proxy.dropped = "x-amz-copy-source-if-match"
    fill(source)
    prefix = upload(access, source, place)
    assert snap(cat, "t", prefix).files_added == 2
    assert all(a.sent for a in copied(proxy)), "sent from here"
    own = {p.parent.name[2:]: p.read_bytes() for p in source.rglob("*.parquet")}
    assert stored(cat, access) == own
    assert not any("/tmp/" in info.path for info in cat.repository.store.list("tmp/"))


@COPYING
@pytest.mark.parametrize("fate", [fate for fate in get_args(Fate) if fate != "denied"])
def test_a_copy_whose_answer_is_lost_is_there_once(
    place: str, watched: S3Service, proxy: Proxy, access: S3Service, source: Path, fate: Fate
) -> None:
    from catalog.repository import repository
    from catalog.storage.bucket.store import BucketStore
    from tests.write.conftest import START

    store = BucketStore(f"{place}/lake", watched)
    cat = Catalog("lake", repository.create(store, author="tester", now=START), author="tester")
    fill(source)
    prefix = upload(access, source, place)
    proxy.plan = _once(fate, "/lake/data/")
    assert snap(cat, "t", prefix, fingerprints="later").files_added == 2
    assert [happened[2] for happened in proxy.happened] == [fate]
    own = {p.parent.name[2:]: p.read_bytes() for p in source.rglob("*.parquet")}
    assert stored(cat, access) == own
    assert len(list(store.list("data/"))) == 2


@COPYING
def test_a_dry_run_copies_nothing(
    cat: Catalog, proxy: Proxy, access: S3Service, place: str, source: Path
) -> None:
    fill(source)
    prefix = upload(access, source, place)
    proxy.clear()
    with cat.transaction(dry_run=True) as tx:
        assert tx.snapshot("t", prefix).files_added == 2
    assert not copied(proxy)


def _once(fate: Fate, part: str) -> Plan:
    left = [fate]

    def plan(method: str, path: str) -> Fate | None:
        return left.pop() if left and method == "PUT" and part in path else None

    return plan
