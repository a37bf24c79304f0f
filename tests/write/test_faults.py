"""Commits on stores that fail: what was acknowledged is there once, the rest at most once."""

import itertools
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import Conflict, StorageFailure
from catalog.storage import local
from catalog.storage.local import LocalStore
from catalog.storage.store import OutcomeUnknown
from tests.storage.faulty import (
    FAULTS,
    Around,
    Event,
    Fault,
    Plan,
    PlannedStore,
    nothing,
    scripted,
    seeded,
)
from tests.storage.memory import MemoryStore

from .conftest import catalog_in, write

WRITERS = 4
COMMITS = 6


@pytest.fixture(params=["local", "memory"])
def planned(request: pytest.FixtureRequest, tmp_path: Path) -> PlannedStore:
    inner: Any = LocalStore(str(tmp_path / "lake")) if request.param == "local" else MemoryStore()
    return PlannedStore(inner)


def commit(cat: Catalog, table: str, source: Path, message: str) -> str:
    """Commits a table and returns the id that was acknowledged."""
    with cat.transaction("main", message=message) as tx:
        tx.snapshot(table, str(source), scope="append", fingerprints="later")
    assert tx.commit is not None
    return tx.commit.id


def on_branch(cat: Catalog) -> dict[str, str]:
    """Returns the message by id of all commits, which must be one line, moved to one by one."""
    log = cat.log()
    assert all(c.parents == (older.id,) for c, older in itertools.pairwise(log))
    assert [move.after for move in cat.reflog()] == [c.id for c in log]
    return {c.id: c.message for c in log}


@pytest.mark.parametrize("prefix", ["objects/", "refs/branches/"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_commit_is_made_once_or_said_not_to_be(
    planned: PlannedStore, source: Path, prefix: str, fault: Fault
) -> None:
    cat = catalog_in(planned)
    write(source / "x.parquet", {"id": [1]})
    planned.plan = scripted(fault, prefix=prefix)
    swapped = prefix != "objects/"
    unknown = swapped and fault == "lost-before"
    if unknown or fault in ("refused", "failed-after"):
        with pytest.raises(OutcomeUnknown if unknown else StorageFailure):
            commit(cat, "a", source, "new")
        landed = swapped and fault == "failed-after"
    else:
        assert on_branch(cat) | {commit(cat, "a", source, "new"): "new"} == on_branch(cat)
        landed = True
    assert [message for message in on_branch(cat).values() if message == "new"] == ["new"] * landed
    assert [table.rows for table in cat.tables()] == [1] * landed


def test_writers_that_read_the_same_state_both_land(
    planned: PlannedStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "TURN_S", 0.0)
    cat = catalog_in(planned)
    write(source / "x.parquet", {"id": [1]})
    both = Around(before=threading.Barrier(2).wait)
    planned.plan = scripted(both, both, method="swap")
    run_all([lambda name=name: commit(cat, name, source, name) for name in "ab"])  # type: ignore[misc]
    assert sorted(on_branch(cat).values()) == ["a", "b", "catalog created"]


def test_a_commit_forestalled_while_its_answer_is_lost_is_tried_again(
    planned: PlannedStore, source: Path
) -> None:
    cat = catalog_in(planned)
    write(source / "x.parquet", {"id": [1]})

    def plan(method: str, path: str) -> Fault | None:
        if method != "swap":
            return None
        planned.plan = nothing
        commit(cat, "b", source, "b")
        return "lost-before"

    planned.plan = plan
    commit(cat, "a", source, "a")
    assert [*on_branch(cat).values()] == ["a", "b", "catalog created"]


@pytest.mark.invariant(
    "Every operation on a ref happens once or reports that it did not, whatever the store does"
)
@pytest.mark.parametrize("seed", range(3))
def test_of_commits_on_a_failing_store_none_is_lost_or_doubled(
    planned: PlannedStore, source: Path, seed: int
) -> None:
    cat = catalog_in(planned)
    acknowledged: dict[str, str] = {}
    told: dict[str, type[Exception]] = {}
    planned.plan = failing(seed)

    def work(table: str) -> None:
        for n in range(COMMITS):
            message = f"{table}:{n}"
            path = write(source / table / f"{n}.parquet", {"id": [n]})
            try:
                acknowledged[commit(cat, table, path, message)] = message
            except (StorageFailure, Conflict) as error:
                told[message] = type(error)

    run_all([lambda table=f"t{k}": work(table) for k in range(WRITERS)])  # type: ignore[misc]
    planned.plan = nothing
    made = on_branch(cat)
    assert acknowledged.items() <= made.items()
    assert len(set(made.values())) == len(made)
    for message, error in told.items():
        if error is not StorageFailure:  # which may come after a write has landed
            assert message not in made.values()
    assert len(acknowledged) + len(told) == WRITERS * COMMITS
    assert acknowledged
    assert planned.happened
    rows = {table.name: table.rows for table in cat.tables()}
    for table, count in rows.items():
        assert count == sum(message.startswith(f"{table}:") for message in made.values())


def failing(seed: int) -> Plan:
    """Returns a plan that fails a fifth of all writes and lets others between at a fifth."""
    faults = seeded(seed, 0.2)
    draw = random.Random(seed)
    others = Around(before=lambda: time.sleep(0))

    def plan(method: str, path: str) -> Event:
        return faults(method, path) or (others if draw.random() < 0.5 else None)

    return plan


def run_all(tasks: list[Any]) -> None:
    failed: list[BaseException] = []

    def run(task: Any) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            failed.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
