"""What stores in buckets promise beyond ``ObjectStore``: the same for every service."""

import hashlib
from pathlib import Path

import pytest

from catalog.errors import CorruptData, Unsupported
from catalog.storage.bucket import azure, service
from catalog.storage.bucket import store as bucket
from catalog.storage.bucket.store import BucketStore

from .contract import ObjectStoreContract


class BucketStoreContract(ObjectStoreContract):
    """Tests of a store that subclasses return from the fixture ``store``.

    Attributes:
        part_bytes: The size of parts that large files are sent in.
    """

    part_bytes = 1 << 20

    @pytest.fixture
    def send_all_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bucket, "BACKGROUND_BYTES", 0)

    def send_whole(self, monkeypatch: pytest.MonkeyPatch, up_to_bytes: int) -> None:
        for module in (bucket, azure):
            monkeypatch.setattr(module, "WHOLE_BYTES", up_to_bytes)

    def test_a_large_file_is_uploaded_in_parts(
        self,
        store: BucketStore,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        send_all_at_once: None,
    ) -> None:
        self.send_whole(monkeypatch, 1 << 20)
        monkeypatch.setattr(service, "PART_BYTES", self.part_bytes)
        source = tmp_path / "large"
        source.write_bytes(b"".join(b"%07d\n" % n for n in range(1_500_000)))
        for _ in range(2):  # what is there is left
            store.publish([(store.stage(str(source)), "data/large")])
        stored = store.read("data/large")
        assert stored.data == source.read_bytes()
        self.check_parts(store, stored.version)

    def check_parts(self, store: BucketStore, version: str) -> None:
        """Checks what a service shows of an upload of 12 MB in parts."""

    @pytest.mark.parametrize("whole_bytes", [0, 1 << 20])
    def test_a_file_that_changes_after_staging_is_never_published(
        self,
        store: BucketStore,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        send_all_at_once: None,
        whole_bytes: int,
    ) -> None:
        self.send_whole(monkeypatch, whole_bytes)
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

    def test_files_taken_over_are_gone_from_where_they_were_at_the_end(
        self, store: BucketStore
    ) -> None:
        name = store.scratch()
        Path(name).write_bytes(b"content")
        staged = store.take_over(name)
        assert staged.sha256 == hashlib.sha256(b"content").hexdigest()
        store.publish([(staged, "data/x")])
        assert store.local_copy("data/x") == name
        store.close()
        assert not Path(name).exists()

    def test_links_are_refused(self, store: BucketStore, tmp_path: Path) -> None:
        with pytest.raises(Unsupported):
            store.adopt([(str(tmp_path / "x"), "data/x")])
