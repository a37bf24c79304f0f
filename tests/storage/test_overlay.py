"""The store of dry runs: it keeps the promises of all, and what is below never changes."""

from pathlib import Path

import pytest

from catalog.errors import AlreadyExists, NotFound
from catalog.storage.local import LocalStore
from catalog.storage.overlay import OverlayStore
from catalog.storage.store import ObjectStore, SwapLost
from tests.storage.memory import MemoryStore

from .contract import ObjectStoreContract


class TestOverlayStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return OverlayStore(MemoryStore(), str(tmp_path / "own"))


@pytest.fixture
def below(tmp_path: Path) -> LocalStore:
    store = LocalStore(str(tmp_path / "below"))
    for name in ("a", "b/x", "c"):
        store.create(name, name.encode())
    return store


@pytest.fixture
def store(below: LocalStore, tmp_path: Path) -> OverlayStore:
    return OverlayStore(below, str(tmp_path / "own"))


def contents(store: ObjectStore) -> dict[str, bytes]:
    return {found.path: store.read(found.path).data for found in store.list("")}


def test_changes_are_seen_above_and_never_below(
    store: OverlayStore, below: LocalStore, tmp_path: Path
) -> None:
    before = contents(below)
    assert contents(store) == before
    store.swap("a", b"new", version=store.read("a").version)
    store.delete("b/x")
    store.create("b/y", b"y")
    store.put("c", b"put")
    file = tmp_path / "file"
    file.write_bytes(b"data")
    store.publish([(store.stage(str(file)), "data/d")])
    assert contents(store) == {"a": b"new", "b/y": b"y", "c": b"put", "data/d": b"data"}
    assert Path(store.uri("data/d")).read_bytes() == b"data"
    assert store.uri("a") != below.uri("a")
    assert contents(below) == before


def test_what_is_below_counts_as_there(store: OverlayStore, below: LocalStore) -> None:
    with pytest.raises(AlreadyExists):
        store.create("a", b"other")
    with pytest.raises(SwapLost):
        store.swap("a", b"other", version="an old one")
    assert store.read_range("b/x", 2, 1) == b"x"
    assert store.uri("b/x") == below.uri("b/x")
    store.delete("a")
    with pytest.raises(NotFound):
        store.read("a")
    assert store.info("a") is None
    with pytest.raises(SwapLost):
        store.swap("a", b"other", version=below.read("a").version)
    store.create("a", b"again")
    assert store.read("a").data == b"again"


def test_a_file_that_is_below_already_is_left(
    store: OverlayStore, below: LocalStore, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"data")
    staged = store.stage(str(file))
    store.publish([(staged, "c")])
    assert store.read("c").data == b"c"
    assert not Path(staged.local_path).exists()


def test_it_is_where_the_store_below_is(store: OverlayStore, below: LocalStore) -> None:
    assert (store.location, store.external_files) == (below.location, below.external_files)
