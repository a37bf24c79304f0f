"""Stores in Google Cloud Storage and Azure keep what every store promises."""

from pathlib import Path

import pytest

from catalog.errors import AlreadyExists, CorruptData, Unsupported
from catalog.storage.bucket import azure, service
from catalog.storage.bucket import store as bucket
from catalog.storage.bucket.store import BucketStore
from catalog.storage.store import SwapLost
from tests.storage.contract import ObjectStoreContract

from .emulators import Cloud


class TestCloudStore(ObjectStoreContract):
    def test_a_large_file_is_uploaded_in_parts(
        self, store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bucket, "BACKGROUND_BYTES", 0)
        for module in (bucket, azure):
            monkeypatch.setattr(module, "WHOLE_BYTES", 1 << 20)
        monkeypatch.setattr(service, "PART_BYTES", 1 << 20)
        source = tmp_path / "large"
        source.write_bytes(b"".join(b"%07d\n" % n for n in range(1_500_000)))
        for _ in range(2):  # what is there is left
            store.publish([(store.stage(str(source)), "data/large")])
        assert store.read("data/large").data == source.read_bytes()

    def test_conditions_hold_for_large_objects(
        self, cloud: Cloud, store: BucketStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(azure, "WHOLE_BYTES", 1 << 20)
        # Google's library sends more than 8 MB as a resumable upload, whose conditions
        # fake-gcs-server forgets up to version 1.54; the service itself keeps them
        size = (7 if cloud.name == "gcs" else 10) << 20
        first = store.create("large", b"1" * size)
        with pytest.raises(AlreadyExists):
            store.create("large", b"2" * size)
        second = store.swap("large", b"3" * size, version=first)
        with pytest.raises(SwapLost):
            store.swap("large", b"4" * size, version=first)
        stored = store.read("large")
        assert (stored.data, stored.version) == (b"3" * size, second)

    @pytest.mark.parametrize("whole_bytes", [0, 1 << 20])
    def test_a_file_that_changes_after_staging_is_never_published(
        self, store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
    ) -> None:
        monkeypatch.setattr(bucket, "BACKGROUND_BYTES", 0)
        for module in (bucket, azure):
            monkeypatch.setattr(module, "WHOLE_BYTES", whole_bytes)
        source = tmp_path / "source"
        for size in (5, 10 << 20):
            source.write_bytes(b"a" * size)
            staged = store.stage(str(source))
            source.write_bytes(b"b" * size)
            with pytest.raises(CorruptData):
                store.publish([(staged, "data/x")])
            assert store.info("data/x") is None

    def test_a_listing_of_many_pages_is_whole(
        self, store: BucketStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "PAGE_OBJECTS", 10)
        names = [f"many/{n:04}" for n in range(42)]
        for name in names:
            store.put(name, b"")
        assert [one.path for one in store.list("many/")] == names

    def test_a_range_behind_the_end_is_empty(self, store: BucketStore) -> None:
        store.create("object", b"0123")
        store.create("empty", b"")
        assert store.read_range("object", 4, 1) == b""
        assert store.read_range("object", 100, 10) == b""
        assert store.read_range("empty", 0, 10) == b""

    def test_what_was_replaced_is_not_read_on(self, store: BucketStore) -> None:
        version = store.create("object", bytes(200_000))
        file = store.external_files.open(store.uri("object"))
        assert (file.size, len(file.read(10))) == (200_000, 10)
        store.swap("object", b"1" * 200_000, version=version)
        file.seek(0)
        with pytest.raises(CorruptData):
            file.read(10)

    def test_links_are_refused(self, store: BucketStore, tmp_path: Path) -> None:
        with pytest.raises(Unsupported):
            store.adopt([(str(tmp_path / "x"), "data/x")])
