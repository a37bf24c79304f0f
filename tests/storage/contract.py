"""What every ``ObjectStore`` promises: subclass, give a fresh ``store``, and run."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import AlreadyExists, CatalogError, InvalidInput, NotFound
from catalog.storage.store import ObjectStore, SwapLost

RACES = 5
"""A server that compares and writes in two steps lets one win of most races, not of all."""


class ObjectStoreContract:
    """The tests; a subclass provides the fixture ``store``.

    Attributes:
        compares: Whether the store compares what it deletes with what was listed.
        sorts: Whether listings go by path also where directories are among files.
    """

    compares = True
    sorts = True

    def test_a_created_object_reads_back(self, store: ObjectStore) -> None:
        version = store.create("a/b", b"bytes")
        stored = store.read("a/b")
        assert (stored.data, stored.version) == (b"bytes", version)

    def test_an_empty_object_reads_back(self, store: ObjectStore) -> None:
        store.create("empty", b"")
        assert store.read("empty").data == b""

    def test_a_missing_object_is_not_found(self, store: ObjectStore) -> None:
        with pytest.raises(NotFound):
            store.read("missing")
        with pytest.raises(NotFound):
            store.read_range("missing", 0, 1)
        assert store.info("missing") is None

    def test_a_folder_is_no_object(self, store: ObjectStore) -> None:
        store.create("folder/object", b"x")
        with pytest.raises(CatalogError):
            store.read("folder")

    def test_create_refuses_a_taken_name_and_leaves_it(self, store: ObjectStore) -> None:
        store.create("name", b"first")
        with pytest.raises(AlreadyExists):
            store.create("name", b"second")
        assert store.read("name").data == b"first"

    def test_create_refuses_a_taken_name_even_with_the_same_bytes(self, store: ObjectStore) -> None:
        store.create("name", b"same")
        with pytest.raises(AlreadyExists):
            store.create("name", b"same")

    def test_ranges_stop_where_the_object_ends(self, store: ObjectStore) -> None:
        store.create("object", b"0123456789")
        assert store.read_range("object", 2, 3) == b"234"
        assert store.read_range("object", 8, 10) == b"89"
        assert store.read_range("object", 0, 10) == b"0123456789"

    def test_a_swap_from_the_current_version_replaces(self, store: ObjectStore) -> None:
        first = store.create("name", b"one")
        second = store.swap("name", b"two", version=first)
        assert store.read("name").data == b"two"
        assert store.read("name").version == second != first

    def test_a_swap_from_an_old_version_is_lost_and_changes_nothing(
        self, store: ObjectStore
    ) -> None:
        first = store.create("name", b"one")
        store.swap("name", b"two", version=first)
        with pytest.raises(SwapLost):
            store.swap("name", b"three", version=first)
        assert store.read("name").data == b"two"

    def test_a_swap_of_a_missing_object_is_lost(self, store: ObjectStore) -> None:
        version = store.create("name", b"one")
        store.delete("name")
        with pytest.raises(SwapLost):
            store.swap("name", b"two", version=version)
        assert store.info("name") is None

    def test_put_replaces_whatever_is_there(self, store: ObjectStore) -> None:
        store.put("cache/x", b"one")
        store.put("cache/x", b"two")
        assert store.read("cache/x").data == b"two"

    def test_delete_removes_and_may_be_repeated(self, store: ObjectStore) -> None:
        store.create("name", b"x")
        store.delete("name")
        store.delete("name")
        assert store.info("name") is None
        store.create("name", b"again")

    def test_listing_is_by_prefix_in_path_order(self, store: ObjectStore) -> None:
        for path in ("a/2", "a/10", "a/b/1", "ab", "b/1"):
            store.create(path, path.encode())
        assert [i.path for i in store.list("a/")] == ["a/10", "a/2", "a/b/1"]
        assert [i.path for i in store.list("a")] == ["a/10", "a/2", "a/b/1", "ab"]
        assert [i.path for i in store.list("a/1")] == ["a/10"]
        assert [i.size_bytes for i in store.list("b")] == [3]
        assert list(store.list("nothing/")) == []

    def test_listings_are_in_the_order_of_paths(self, store: ObjectStore) -> None:
        paths = ["a-b/1", "a.b", "a/b-/2", "a/b/1", "a/b0", "a0"]
        for path in reversed(paths):
            store.create(path, b"x")
        below = ["a/b-/2", "a/b/1", "a/b0"]
        found = [[one.path for one in store.list(prefix)] for prefix in ("", "a/b")]
        if not self.sorts:  # nothing relies on it
            found = [sorted(one) for one in found]
        assert found == [paths, below]

    def test_what_was_listed_is_deleted(self, store: ObjectStore) -> None:
        for name in ("one", "two", "three"):
            store.create(f"d/{name}", name.encode())
        listed = list(store.list("d/"))
        store.delete("d/one")
        assert store.delete_listed(listed) == [True, True, True]
        assert store.delete_listed(listed) == [True, True, True]  # gone already
        assert list(store.list("d/")) == []

    def test_another_object_of_a_listed_name_stays(
        self, store: ObjectStore, request: pytest.FixtureRequest
    ) -> None:
        store.create("d/name", b"listed")
        listed = list(store.list("d/"))
        store.delete("d/name")
        store.create("d/name", b"another")
        (identity,) = [found.identity for found in store.list("d/")]
        assert identity != listed[0].identity
        if self.compares and "gcs" not in request.node.name:  # the emulator does not compare
            assert store.delete_listed(listed) == [False]
            assert store.read("d/name").data == b"another"

    def test_info_tells_the_size(self, store: ObjectStore) -> None:
        store.create("name", b"12345")
        info = store.info("name")
        assert info is not None
        assert (info.path, info.size_bytes, info.modified.tzinfo is not None) == ("name", 5, True)

    @pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "a//b", "", ".", "a/./b"])
    def test_no_path_leaves_the_root(self, store: ObjectStore, path: str) -> None:
        for call in (store.read, store.info, store.delete, lambda p: store.create(p, b"")):
            with pytest.raises(InvalidInput):
                call(path)

    @pytest.mark.parametrize("name", ["a b", "%2e%2e", "é", "x=1", "a'b", 'a"b', "$(x)", "#"])
    def test_odd_names_are_names(self, store: ObjectStore, name: str) -> None:
        store.create(f"odd/{name}", name.encode())
        assert store.read(f"odd/{name}").data == name.encode()
        assert [i.path for i in store.list("odd/")] == [f"odd/{name}"]

    @pytest.mark.invariant(
        "When many writers race for one object, exactly one wins, on every store"
    )
    def test_one_of_many_creators_wins(self, store: ObjectStore) -> None:
        assert _race(lambda n: store.create("name", b"%d" % n), AlreadyExists) == 1

    @pytest.mark.invariant(
        "When many writers race for one object, exactly one wins, on every store"
    )
    def test_one_of_many_swappers_wins(self, store: ObjectStore) -> None:
        version = store.create("name", b"start")

        def swap(number: int) -> None:  # no bytes twice: a version may be a hash of them
            store.swap("name", f"{version} {number}".encode(), version=version)

        for _ in range(RACES):
            assert _race(swap, SwapLost) == 1
            version = store.read("name").version

    def test_staged_files_are_hashed_and_invisible_until_published(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"content" * 1000)
        staged = store.stage(str(source))
        assert staged.sha256 == hashlib.sha256(b"content" * 1000).hexdigest()
        assert staged.size_bytes == 7000
        assert Path(staged.local_path).read_bytes() == source.read_bytes()
        assert store.info("data/x") is None
        store.publish([(staged, "data/x")])
        assert store.read("data/x").data == source.read_bytes()
        assert not list(store.list("tmp/"))

    def test_discarded_files_leave_nothing(self, store: ObjectStore, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"content")
        staged = store.stage(str(source))
        staged.discard()
        staged.discard()
        assert not list(store.list("tmp/"))
        assert not list(store.list("data/"))

    def test_publishing_a_name_that_is_there_leaves_it(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"content")
        store.publish([(store.stage(str(source)), "data/x")])
        store.publish([(store.stage(str(source)), "data/x")])
        assert store.read("data/x").data == b"content"

    def test_staging_a_missing_file_is_not_found(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            store.stage(str(tmp_path / "missing"))


def _race(attempt: Callable[[int], object], lost: type[Exception], count: int = 16) -> int:
    won = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            attempt(number)
        except lost:
            return
        won.append(number)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(won)
