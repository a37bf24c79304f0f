"""Copies of catalogs between a directory and buckets, and between buckets."""

from collections import Counter
from pathlib import Path

import pytest

from catalog.care.transfer.report import IncompleteTransfer
from catalog.care.transfer.run import TransferOptions, clone, mirror
from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, CatalogError, CorruptData
from catalog.repository import repository as stored
from catalog.storage.bucket.store import BucketStore
from catalog.storage.local import LocalStore
from catalog.storage.s3.service import S3Service
from tests.care.copies import fill, objects, told, update
from tests.effort import effort
from tests.s3.proxy import Proxy, seeded
from tests.storage.wrappers import CountingStore

from .conftest import new_place


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    fill(Catalog.create(tmp_path / "lake", author="tester"), tmp_path)
    return tmp_path / "lake"


def opened(store: object) -> stored.Repository:
    return stored.open_existing(store)  # type: ignore[arg-type]


@pytest.mark.invariant("A copy of a catalog has the same commits, rows, moves, rules and tags")
def test_a_catalog_that_went_through_buckets_is_the_same(
    lake: Path, access: S3Service, store: BucketStore, tmp_path: Path
) -> None:
    report = clone(opened(LocalStore(str(lake))), store, TransferOptions(verify="hash"))
    assert not report.damage
    other = BucketStore(f"{new_place(access)}/other", access)
    clone(opened(store), other, TransferOptions(derived=True, verify="hash"))
    clone(opened(other), LocalStore(str(tmp_path / "back")), TransferOptions(verify="hash"))
    assert told(tmp_path / "back") == told(lake)
    assert objects(tmp_path / "back") == objects(lake)
    there = Catalog("there", opened(other), author="tester")
    for table in ("orders", "linked"):
        assert there.sql(f"SELECT count(*) FROM {table}").fetchall() == [(9,)]
    update(Catalog.open(lake), "main", 1)
    for source, target in ((LocalStore(str(lake)), store), (store, other)):
        assert mirror(opened(source), opened(target), TransferOptions(verify="size")).commits == 1
    with pytest.raises(AlreadyExists):
        clone(opened(store), other, TransferOptions())


def test_large_files_are_copied_by_the_server(
    access: S3Service, store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.care.transfer import files

    monkeypatch.setattr(files, "SMALL_BYTES", 100)
    fill(Catalog.create(tmp_path / "lake", author="tester"), tmp_path)
    clone(opened(LocalStore(str(tmp_path / "lake"))), store, TransferOptions())
    other = BucketStore(f"{new_place(access)}/other", access)
    source = CountingStore(store)
    report = clone(opened(source), other, TransferOptions(verify="hash"))
    assert report.copied["data"].objects > 9
    read = Counter(path.partition("/")[0] for path in source.of("read", "read_range"))
    assert not read["data"]
    clone(opened(other), LocalStore(str(tmp_path / "back")), TransferOptions())
    assert told(tmp_path / "back") == told(tmp_path / "lake")


def test_damage_in_a_bucket_is_named(
    lake: Path, access: S3Service, store: BucketStore, tmp_path: Path
) -> None:
    clone(opened(LocalStore(str(lake))), store, TransferOptions())
    path = next(info.path for info in store.list("data/orders/"))
    content = store.read(path).data
    store.put(path, content[:-1] + b"\x00")
    store.uri(path)
    with pytest.raises(IncompleteTransfer, match=path):
        clone(opened(store), LocalStore(str(tmp_path / "back")), TransferOptions())


@pytest.mark.parametrize("seed", range(effort(1, 8)))
def test_a_failing_line_leaves_a_whole_copy(
    lake: Path, watched: S3Service, access: S3Service, place: str, proxy: Proxy, seed: int
) -> None:
    target = BucketStore(f"{place}/copy", watched)
    proxy.plan = seeded(seed, 0.2)
    for _ in range(20):
        try:
            clone(opened(LocalStore(str(lake))), target, TransferOptions())
        except AlreadyExists:
            break
        except CatalogError as error:
            assert not isinstance(error, CorruptData), error
            continue
        break
    proxy.plan = lambda method, path: None
    clean = BucketStore(f"{place}/copy", access)
    report = mirror(opened(LocalStore(str(lake))), opened(clean), TransferOptions(verify="hash"))
    assert not report.commits and not report.moved
