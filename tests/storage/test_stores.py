import errno
import os
from pathlib import Path

import pytest

from catalog.errors import StorageFailure
from catalog.storage import local
from catalog.storage.local import LocalStore
from catalog.storage.memory import MemoryStore
from catalog.storage.store import ObjectStore

from .contract import ObjectStoreContract


class TestMemoryStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryStore()


class TestLocalStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return LocalStore(str(tmp_path / "root"))

    def test_a_hard_link_says_that_others_can_reach_it(
        self, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(local, "_reflink", lambda source, target: False)
        source = tmp_path / "source"
        source.write_bytes(b"content")
        assert store.adopt([(str(source), "data/x")]) == [True]
        assert os.stat(store.uri("data/x")).st_ino == source.stat().st_ino

    def test_a_full_disk_is_said_and_leaves_nothing(
        self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageFailure) as caught:
            store.create("name", b"x")
        assert caught.value.kind == "no-space"
        monkeypatch.undo()
        assert list(store.list("")) == []

    def test_an_object_whose_folder_was_removed_meanwhile_is_written(
        self, store: LocalStore
    ) -> None:
        store.create("folder/one", b"1")
        store.delete("folder/one")
        os.rmdir(os.path.join(store.root, "folder"))
        store.create("folder/two", b"2")
        assert store.read("folder/two").data == b"2"
