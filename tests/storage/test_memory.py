"""A store in memory: what is written is seen over what is below, which it never changes."""

from pathlib import Path

import pytest

from catalog.errors import AlreadyExists, InvalidInput, NotFound, Unsupported
from catalog.storage.local import LocalStore
from catalog.storage.memory import MemoryStore
from catalog.storage.store import SwapLost


def test_objects_are_created_once_and_swapped_by_version() -> None:
    store = MemoryStore()
    first = store.create("a/b", b"one")
    with pytest.raises(AlreadyExists):
        store.create("a/b", b"one")
    second = store.swap("a/b", b"two", version=first)
    with pytest.raises(SwapLost):
        store.swap("a/b", b"three", version=first)
    assert (store.read("a/b").data, store.read("a/b").version) == (b"two", second)
    assert store.read_range("a/b", 1, 9) == b"wo"
    with pytest.raises(NotFound):
        store.read("a")
    with pytest.raises(InvalidInput):
        store.put("../a", b"")
    with pytest.raises(Unsupported):
        store.stage("a")


def test_what_is_below_is_read_and_never_changed(tmp_path: Path) -> None:
    below = LocalStore(str(tmp_path))
    version = below.create("x/1", b"old")
    store = MemoryStore(below)
    assert store.read("x/1").data == b"old" and store.location == below.location
    store.put("x/2", b"new")
    store.swap("x/1", b"newer", version=version)
    assert [found.path for found in store.list("x/")] == ["x/1", "x/2"]
    store.delete("x/1")
    assert store.info("x/1") is None
    with pytest.raises(NotFound):
        store.uri("x/1")
    assert below.read("x/1").data == b"old" and below.info("x/2") is None
