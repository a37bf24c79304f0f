import errno
import os
import threading
from pathlib import Path

import pytest

from catalog.errors import CatalogError, StorageFailure
from catalog.storage import local
from catalog.storage.local import LocalStore
from catalog.storage.store import ObjectStore
from tests.storage.memory import MemoryStore

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
        monkeypatch.setattr(local, "reflink", lambda source, target: False)
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

    @pytest.mark.parametrize("write", ["create", "swap"])
    def test_what_is_seen_but_not_synced_is_said_to_be_written(
        self, store: LocalStore, monkeypatch: pytest.MonkeyPatch, write: str
    ) -> None:
        first = store.create("folder/known", b"0")
        version = store.swap("folder/known", b"1", version=first)

        def failing(name: str) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(local, "_sync", failing)
        with pytest.raises(StorageFailure) as caught:
            if write == "create":
                store.create("folder/new", b"2")
            else:
                store.swap("folder/known", b"2", version=version)
        assert caught.value.kind == "not-durable"
        assert "was written" in caught.value.message
        assert store.read("folder/new" if write == "create" else "folder/known").data == b"2"

    def test_a_turn_is_waited_for(self, store: LocalStore) -> None:
        events: list[str] = []
        asked = threading.Event()

        def other() -> None:
            asked.set()
            with store.turn("name"):
                events.append("other")

        with store.turn("name"):
            thread = threading.Thread(target=other)
            thread.start()
            asked.wait()
            with store.turn("another name"):
                events.append("first")
        thread.join()
        assert events == ["first", "other"]

    @pytest.mark.invariant(
        "Writers that take turns write no pack in vain, and none waits forever for another"
    )
    def test_whoever_keeps_the_turn_does_not_keep_others_for_good(
        self, store: LocalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(local, "TURN_S", 0.0)
        done = threading.Event()

        def other() -> None:
            with store.turn("name"):
                done.set()

        with store.turn("name"):
            threading.Thread(target=other).start()
            assert done.wait(30)

    def test_an_object_whose_folder_was_removed_meanwhile_is_written(
        self, store: LocalStore
    ) -> None:
        store.create("folder/one", b"1")
        store.delete("folder/one")
        os.rmdir(os.path.join(store.location, "folder"))
        store.create("folder/two", b"2")
        assert store.read("folder/two").data == b"2"


@pytest.mark.parametrize("kind", ["device", "pipe", "directory", "huge"])
def test_an_object_that_is_not_a_file_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "refs/branches/main.json"
    path.parent.mkdir(parents=True)
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)
    store = LocalStore(str(tmp_path))
    with pytest.raises(CatalogError):
        store.read("refs/branches/main.json")
    if kind != "huge":
        with pytest.raises(CatalogError):
            store.read_range("refs/branches/main.json", 0, 1 << 40)
