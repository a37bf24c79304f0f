"""The store in S3 keeps what every store promises, on two servers that share no code."""

import hashlib
from pathlib import Path

import pytest

from catalog.errors import CorruptData, Unsupported
from catalog.storage.bucket import service
from catalog.storage.bucket import store as bucket
from catalog.storage.bucket.store import BucketStore
from tests.storage.contract import ObjectStoreContract


class TestS3Store(ObjectStoreContract):
    def test_a_large_file_is_uploaded_in_parts(
        self, store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bucket, "BACKGROUND_BYTES", 0)
        monkeypatch.setattr(bucket, "WHOLE_BYTES", 1 << 20)
        monkeypatch.setattr(service, "PART_BYTES", 5 << 20)
        source = tmp_path / "large"
        source.write_bytes(b"".join(b"%07d\n" % n for n in range(1_500_000)))
        store.publish([(store.stage(str(source)), "data/large")])
        stored = store.read("data/large")
        assert stored.data == source.read_bytes()
        assert stored.version.endswith('-3"'), "three parts"
        uploads = store.service.client.list_multipart_uploads(Bucket=store.bucket)
        assert "Uploads" not in uploads

    @pytest.mark.parametrize("whole_bytes", [0, 1 << 20])
    def test_a_file_that_changes_after_staging_is_never_published(
        self, store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
    ) -> None:
        monkeypatch.setattr(bucket, "BACKGROUND_BYTES", 0)
        monkeypatch.setattr(bucket, "WHOLE_BYTES", whole_bytes)
        source = tmp_path / "source"
        source.write_bytes(b"first")
        staged = store.stage(str(source))
        source.write_bytes(b"other")
        with pytest.raises(CorruptData):
            store.publish([(staged, "data/x")])
        assert store.info("data/x") is None

    def test_a_listing_of_many_pages_is_whole(
        self, store: BucketStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "PAGE_OBJECTS", 10)
        names = [f"many/{n:04}" for n in range(42)]
        for name in names:
            store.service.client.put_object(
                Bucket=store.bucket, Key=f"{store.prefix}/{name}", Body=b""
            )
        assert [one.path for one in store.list("many/")] == names

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
