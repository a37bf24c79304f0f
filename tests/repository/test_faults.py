"""Every operation on refs under every fault, on every store: nothing lost, nothing doubled."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, CatalogError, NotFound, StorageFailure
from catalog.model.refs import REFLOG_PAGE
from catalog.repository import repository as stored
from catalog.repository.creation import SENDINGS
from catalog.storage.local import LocalStore
from catalog.storage.store import OutcomeUnknown, SwapLost
from tests.storage.faulty import FAULTS, Around, Fault, PlannedStore, scripted
from tests.storage.memory import MemoryStore

from .conftest import START, History, stamp


@pytest.fixture(params=["local", "memory"])
def planned(request: pytest.FixtureRequest, tmp_path: Path) -> PlannedStore:
    inner: Any = LocalStore(str(tmp_path / "lake")) if request.param == "local" else MemoryStore()
    return PlannedStore(inner)


@pytest.fixture
def made(planned: PlannedStore) -> History:
    history = History(planned)
    history.advance()
    history.create("gone", history.first)
    held = history.repository.branches.held("gone")
    assert held is not None
    history.repository.branches.move(held, None, stamp())
    history.create("dev", history.first)
    return history


@dataclass(frozen=True, slots=True)
class Operation:
    """Is something that moves one branch once, when all goes well."""

    branch: str
    run: Callable[[History, Catalog], object]

    def moves(self, cat: Catalog) -> list[tuple[str | None, str | None, str]]:
        try:
            return [(m.before, m.after, m.why) for m in cat.reflog(self.branch)]
        except NotFound:
            return []


def move(history: History, cat: Catalog) -> None:
    held = history.repository.branches.held("dev")
    assert held is not None
    history.repository.branches.move(held, history.head("main"), stamp())


OPERATIONS = {
    "create": Operation("new", lambda h, cat: cat.branches.create("new")),
    "revive": Operation("gone", lambda h, cat: cat.branches.create("gone")),
    "move": Operation("dev", move),
    "delete": Operation("dev", lambda h, cat: cat.branches.delete("dev")),
    "protect": Operation("dev", lambda h, cat: cat.branches.protect("dev")),
    "reset": Operation("dev", lambda h, cat: cat.reset("dev", to="main")),
}


@pytest.mark.invariant(
    "Every operation on a ref happens once or reports that it did not, whatever the store does"
)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_made_once_or_said_not_to_be(
    planned: PlannedStore, made: History, name: str, fault: Fault
) -> None:
    operation = OPERATIONS[name]
    cat = Catalog("lake", made.repository, author="tester")
    before = operation.moves(cat)
    method = "create" if name == "create" else "swap"
    planned.plan = scripted(fault, method=method, prefix="refs/branches/")
    failure: CatalogError | None = None
    try:
        operation.run(made, cat)
    except CatalogError as error:
        failure = error
    assert [happened[2] for happened in planned.happened] == [fault]
    after = operation.moves(cat)
    made_moves = len(after) - len(before)
    assert after[made_moves:] == before
    if fault in ("lost-after", "twice"):
        assert (failure, made_moves) == (None, 1)
    elif fault == "failed-after":
        assert (type(failure), made_moves) == (StorageFailure, 1)
    else:
        assert type(failure) is (OutcomeUnknown if fault == "lost-before" else StorageFailure)
        assert made_moves == 0


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("fault", ["lost-before", "twice", "lost-after"])
def test_an_operation_that_somebody_else_forestalls_is_lost_by_name(
    planned: PlannedStore, made: History, name: str, fault: Fault
) -> None:
    """An answer that is lost, while the branch moves on, is no unknown outcome."""
    operation = OPERATIONS[name]
    other = stored.open_existing(planned.inner)
    cat = Catalog("lake", made.repository, author="tester")

    def forestall() -> None:
        held = other.branches.held(operation.branch)
        if held is None or held.branch.commit_id is None:
            other.branches.create(operation.branch, made.first, stamp(1, "other"))
        else:
            other.branches.move(held, held.branch.commit_id, stamp(1, "other"))

    original = planned.plan

    def plan(method: str, path: str) -> Fault | None:
        if not path.startswith("refs/branches/"):
            return None
        planned.plan = original
        forestall()
        return fault

    planned.plan = plan
    before = len(operation.moves(cat))
    if name == "protect":
        operation.run(made, cat)
        whys = [move[2] for move in operation.moves(cat)]
        assert whys[: len(whys) - before] == ["branch: protected", "other"]
        return
    with pytest.raises(SwapLost if name == "move" else CatalogError) as caught:
        operation.run(made, cat)
    assert type(caught.value) is not OutcomeUnknown
    assert [move[2] for move in operation.moves(cat)][: -before or None] == ["other"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_pack_is_written_or_said_not_to_be(
    planned: PlannedStore, made: History, fault: Fault
) -> None:
    planned.plan = scripted(fault, prefix="objects/")
    if fault in ("refused", "failed-after"):
        with pytest.raises(StorageFailure):
            made.commit(made.first)
        return
    commit_id = made.commit(made.first)
    assert stored.open_existing(planned).commits.read(commit_id).parents == (made.first,)


def test_a_pack_whose_answers_are_all_lost_is_unknown(planned: PlannedStore, made: History) -> None:
    planned.plan = scripted(*["lost-before"] * SENDINGS, prefix="objects/")
    with pytest.raises(OutcomeUnknown):
        made.advance()
    assert len(planned.happened) == SENDINGS
    made.advance()


@pytest.mark.parametrize("fault", ["lost-before", "lost-after", "twice"])
def test_a_page_of_the_reflog_is_written_once(
    planned: PlannedStore, made: History, fault: Fault
) -> None:
    commit_id = made.commit(made.first)
    branches = made.repository.branches
    planned.plan = scripted(fault, prefix="refs/reflogs/")
    total = 2 * REFLOG_PAGE + 5
    held = branches.held("dev")
    assert held is not None
    count = len(held.branch.reflog)
    for n in range(total):
        held = branches.held("dev")
        assert held is not None
        branches.move(held, commit_id, stamp(why=f"{n}"))
    assert planned.happened
    held = branches.held("dev")
    assert held is not None
    found = [move.why for move in branches.reflog(held.branch)]
    assert found[:total] == [f"{n}" for n in reversed(range(total))]
    assert len(found) == total + count


@pytest.mark.parametrize("fault", FAULTS)
def test_a_tag_is_made_once_or_said_not_to_be(
    planned: PlannedStore, made: History, fault: Fault
) -> None:
    cat = Catalog("lake", made.repository, author="tester")
    planned.plan = scripted(fault, prefix="refs/tags/")
    if fault in ("lost-after", "twice"):
        cat.tags.create("v1", at="main")
    else:
        with pytest.raises(StorageFailure):
            cat.tags.create("v1", at="main")
    there = fault not in ("lost-before", "refused")
    assert [tag.name for tag in cat.tags.list()] == ["v1"] * there
    if there:
        with pytest.raises(AlreadyExists):
            cat.tags.create("v1", at="main~1")
        planned.plan = scripted(fault, prefix="refs/tags/")
        if fault == "failed-after":
            with pytest.raises(StorageFailure):
                cat.tags.delete("v1")
        else:
            cat.tags.delete("v1")
        assert cat.tags.list() == []


@pytest.mark.parametrize("prefix", ["objects/", "refs/branches/", "catalog.json"])
@pytest.mark.parametrize("fault", ["lost-after", "twice"])
def test_a_catalog_is_created_whatever_answers_are_lost(prefix: str, fault: Fault) -> None:
    planned = PlannedStore(MemoryStore(), scripted(fault, prefix=prefix))
    repository = stored.create(planned, author="tester", now=START)
    assert planned.happened
    assert stored.open_existing(planned).info == repository.info


def test_a_catalog_that_somebody_else_creates_meanwhile_is_theirs() -> None:
    store = MemoryStore()
    theirs = []

    def other() -> None:
        theirs.append(stored.create(store, author="other", now=START).info)

    planned = PlannedStore(store, scripted(Around(before=other), prefix="catalog.json"))
    with pytest.raises(AlreadyExists):
        stored.create(planned, author="tester", now=START)
    assert [stored.open_existing(store).info] == theirs


def test_a_branch_that_cannot_be_read_back_is_of_unknown_outcome(
    planned: PlannedStore, made: History
) -> None:
    held = made.repository.branches.held("dev")
    assert held is not None

    def unreachable(path: str) -> None:
        raise StorageFailure("no route to host")

    def cut_off() -> None:
        vars(planned)["read"] = unreachable
        raise OutcomeUnknown("the connection broke")

    planned.plan = scripted(Around(after=cut_off), prefix="refs/branches/")
    with pytest.raises(OutcomeUnknown) as caught:
        made.repository.branches.move(held, made.head("main"), stamp())
    assert caught.value.hint == "see whether it was moved: cat.reflog('dev')"
