"""Many branches, tags and moves: what is read follows what is new, and answers stay right."""

import datetime
from collections.abc import Iterator

import pytest

from catalog.model.refs import Tag
from catalog.repository.branches import Branches, Stamp
from catalog.repository.key_index import PAGES_APART
from catalog.repository.ref_index import FEW
from catalog.repository.repository import Repository, open_existing
from catalog.repository.tags import Tags
from tests.repository.conftest import History, at, stamp
from tests.storage.memory import MemoryStore
from tests.storage.wrappers import CountingStore

NAMES = 3 * FEW


class Later(MemoryStore):
    """A store whose objects were written long ago, as far as its listings say."""

    def list(self, prefix: str) -> Iterator[object]:  # type: ignore[override]
        from dataclasses import replace

        for one in super().list(prefix):
            yield replace(one, modified=one.modified - datetime.timedelta(days=1))


@pytest.fixture
def many() -> tuple[Later, History]:
    """Is a store with many branches and tags, some of them deleted."""
    store = Later()
    history = History(store)
    repository = history.repository
    for number in range(NAMES):
        history.create(f"b{number:03d}", history.first)
        repository.branches.give_to_tag(f"v{number:03d}", stamp())
        repository.tags.create(Tag(f"v{number:03d}", history.first, at(0), "tester"))
    held = repository.branches.held("b001")
    assert held is not None
    repository.branches.move(held, None, stamp())
    repository.tags.delete("v002")
    return store, history


def fresh(store: MemoryStore) -> tuple[Repository, CountingStore]:
    counting = CountingStore(store)
    return open_existing(counting), counting


def same(repository: Repository) -> None:
    """Checks that what is looked up is what is read."""
    read = Branches(repository.store).list()
    heads = repository.branches.heads()
    assert [(h.name, h.commit_id, h.protected) for h in heads] == [
        (b.name, b.commit_id, b.protected) for b in read
    ]
    tags = {name: Tags(repository.store).find(name) for name in repository.tags.names()}
    assert repository.tags.list() == [tags[name] for name in sorted(tags)]
    assert repository.tags.commits() == {n: t.commit_id for n, t in tags.items() if t is not None}


def test_references_are_read_once_and_then_those_that_moved(many: tuple[Later, History]) -> None:
    store, history = many
    repository, counting = fresh(store)
    same(repository)
    repository, counting = fresh(store)
    assert len(repository.branches.heads()) == NAMES  # and main, without the deleted one
    assert len(repository.tags.commits()) == NAMES - 1
    assert [path for path in counting.of("read") if path.startswith("refs/")] == []
    history.advance("b005")
    repository, counting = fresh(store)
    by_name = {head.name: head.commit_id for head in repository.branches.heads()}
    assert by_name["b005"] == history.head("b005") != history.first
    assert [p for p in counting.of("read") if p.startswith("refs/")] == ["refs/branches/b005.json"]
    same(repository)


def test_references_that_begin_so_are_listed_alone(many: tuple[Later, History]) -> None:
    repository, counting = fresh(many[0])
    assert [head.name for head in repository.branches.heads("b01")] == [
        f"b01{number}" for number in range(10)
    ]
    assert [tag.name for tag in repository.tags.list("v00")] == [
        f"v00{number}" for number in range(10) if number != 2
    ]
    assert repository.branches.heads("c") == []
    assert len(counting.of("read")) <= 10 + 9 + 1


@pytest.mark.parametrize("damage", [b"", b"x", b"0" * 64 + b"\nabc"])
def test_a_damaged_index_of_references_is_as_good_as_none(
    many: tuple[Later, History], damage: bytes
) -> None:
    store, _ = many
    same(open_existing(store))
    for name in ("branches", "tags"):
        assert store.info(f"cache/refs/{name}") is not None
        store.put(f"cache/refs/{name}", damage)
    same(open_existing(store))


def test_what_was_written_just_now_is_not_kept() -> None:
    store = MemoryStore()
    history = History(store)
    for number in range(NAMES):
        history.create(f"b{number:03d}", history.first)
    for _ in range(2):
        repository, counting = fresh(store)
        assert len(repository.branches.heads()) == NAMES + 1
        assert len(counting.of("read")) > NAMES


MOVES = 952
"""So many moves that eight pages are full."""


def keyed(history: History, number: int, branch: str = "main") -> None:
    """Moves a branch to where it is, under a key."""
    held = history.repository.branches.held(branch)
    assert held is not None
    key = f"k{number}" if number % 3 else None
    history.repository.branches.move(
        held, history.first, Stamp("tester", at(0), f"move {number}", key)
    )


@pytest.fixture(scope="module")
def moved() -> MemoryStore:
    store = MemoryStore()
    history = History(store)
    for number in range(MOVES):
        keyed(history, number)
    return store


def found(store: MemoryStore, key: str) -> tuple[str | None, CountingStore]:
    """Returns why the move of a key was made, as a process finds it that starts now."""
    repository, counting = fresh(store)
    branch = repository.branches.find("main")
    assert branch is not None
    move = repository.branches.find_key(branch, key)
    return None if move is None else move.why, counting


def test_keys_on_old_moves_are_found_and_new_ones_cost_no_walk(moved: MemoryStore) -> None:
    for _ in range(2):
        for number in (1, 2, 100, 520, MOVES - 5, MOVES - 2):
            assert found(moved, f"k{number}")[0] == f"move {number}", number
        why, counting = found(moved, "new")
        assert why is None
    pages = [path for path in counting.of("read") if path.startswith("refs/reflogs/")]
    assert len(pages) < PAGES_APART
    assert len([p for p in counting.of("read") if p.startswith("cache/keys/")]) <= PAGES_APART


def test_a_damaged_index_of_keys_is_made_again(moved: MemoryStore) -> None:
    found(moved, "new")
    indexes = [one.path for one in moved.list("cache/keys/")]
    assert indexes
    stored = moved.read(indexes[0]).data
    for damage in (b"", stored[:-8], stored[:-1] + bytes([stored[-1] ^ 1])):
        moved.put(indexes[0], damage)
        assert found(moved, "k1")[0] == "move 1"
        assert found(moved, "new")[0] is None


@pytest.mark.invariant("A write under an idempotency key lands once, however long ago that was")
def test_keys_are_looked_up_as_a_walk_over_all_moves_finds_them() -> None:
    """A branch goes on after indexes were made, is deleted, created again and goes on."""
    store = MemoryStore()
    history = History(store)
    history.create("work", history.first)
    known: set[int] = set()
    number = 0
    for stretch in range(4):
        for _ in range(250 + 100 * stretch):
            keyed(history, number, "work")
            known |= {number} if number % 3 else set()
            number += 1
        fresh_one, _ = fresh(store)
        branch = fresh_one.branches.find("work")
        assert branch is not None
        for asked in (*range(0, number, 37), number - 1, number):
            move = fresh_one.branches.find_key(branch, f"k{asked}")
            assert (move is not None) == (asked in known), asked
        if stretch == 1:
            held = history.repository.branches.held("work")
            assert held is not None
            history.repository.branches.move(held, None, stamp())
            history.create("work", history.first)
            known = set()
