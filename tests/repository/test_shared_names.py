"""A name goes to a branch or to a tag, never to both, whoever is between whose steps."""

import threading
from collections.abc import Callable

import pytest

from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, NotFound
from tests.storage.wrappers import FaultyStore

from .conftest import History


@pytest.fixture
def cat(history: History) -> Catalog:
    return Catalog("memory", history.repository, author="tester")


@pytest.fixture(params=["never", "deleted branch", "deleted twice"])
def name(request: pytest.FixtureRequest, cat: Catalog) -> str:
    """Is a name that is free, whatever it was before."""
    for _ in range(["never", "deleted branch", "deleted twice"].index(request.param)):
        cat.branches.create("x")
        cat.branches.delete("x")
    return "x"


def taken(cat: Catalog, name: str) -> list[str]:
    """Returns what has a name."""
    branches = [b.name for b in cat.branches.list()]
    tags = [t.name for t in cat.tags.list()]
    return ["branch"] * branches.count(name) + ["tag"] * tags.count(name)


def outcome(action: Callable[[], object]) -> str:
    try:
        action()
    except AlreadyExists as error:
        return error.kind
    return "done"


@pytest.mark.invariant("A name belongs to a branch or to a tag, never to both")
@pytest.mark.parametrize("step", range(4))
def test_a_branch_between_the_steps_of_a_tag(
    cat: Catalog, store: FaultyStore, name: str, step: int
) -> None:
    found: list[str] = []
    between = [lambda: found.append(outcome(lambda: cat.branches.create(name)))]
    store.faults["create"] = [*[None] * (step // 2), *between] if step % 2 else []
    store.faults["swap"] = [*[None] * (step // 2), *between] if not step % 2 else []
    made = outcome(lambda: cat.tags.create(name))
    for faults in store.faults.values():
        faults.clear()
    assert sorted([made, *found]) in (["done"], ["done", "ref-exists"])
    assert taken(cat, name) == ["tag" if made == "done" else "branch"]
    assert outcome(lambda: cat.branches.create(name)) == "ref-exists"


@pytest.mark.parametrize("method", ["create", "swap"])
def test_a_tag_between_the_steps_of_a_branch(
    cat: Catalog, store: FaultyStore, name: str, method: str
) -> None:
    found: list[str] = []
    store.faults[method] = [lambda: found.append(outcome(lambda: cat.tags.create(name)))]
    made = outcome(lambda: cat.branches.create(name))
    store.faults[method].clear()
    assert sorted([made, *found]) in (["done"], ["done", "ref-exists"])
    assert taken(cat, name) == ["branch" if made == "done" else "tag"]


def test_a_tag_that_was_interrupted_keeps_its_name_and_is_completed(
    cat: Catalog, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        """Stands for a process that was killed."""

    def stop(tag: object) -> None:
        raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(cat.repository.tags, "create", stop)
        cat.tags.create(name)
    assert taken(cat, name) == []
    with pytest.raises(NotFound):
        cat.resolve(name)
    assert outcome(lambda: cat.branches.create(name)) == "ref-exists"
    cat.tags.create(name)
    assert taken(cat, name) == ["tag"]


def test_the_name_of_a_deleted_tag_may_be_that_of_a_branch(cat: Catalog, name: str) -> None:
    cat.tags.create(name)
    cat.tags.delete(name)
    assert outcome(lambda: cat.branches.create(name)) == "done"
    assert outcome(lambda: cat.tags.create(name)) == "ref-exists"
    assert taken(cat, name) == ["branch"]


def test_the_moves_of_a_deleted_branch_outlive_a_tag_of_its_name(cat: Catalog) -> None:
    cat.branches.create("x")
    cat.branches.delete("x")
    cat.tags.create("x")
    why = [move.why for move in cat.reflog("x")]
    assert why == ["tag: created", "branch: deleted", "branch: created from main"]


@pytest.mark.invariant("A name belongs to a branch or to a tag, never to both")
def test_of_many_branches_and_tags_of_one_name_one_comes_to_be(cat: Catalog, name: str) -> None:
    together = threading.Barrier(8)
    found: list[str] = []

    def run(number: int) -> None:
        make = cat.branches.create if number % 2 else cat.tags.create
        together.wait(30)
        found.append(outcome(lambda: make(name)))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["done", *["ref-exists"] * 7]
    assert len(taken(cat, name)) == 1
