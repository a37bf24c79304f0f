"""Transactions that meet: disjoint tables both land, the same table is a conflict by name."""

import threading
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import Conflict
from catalog.storage.store import OutcomeUnknown
from tests.storage.wrappers import CountingStore, FaultyStore

from .conftest import catalog_in, head, rows, snap, write


@pytest.fixture
def sources(source: Path) -> Path:
    for name in ("a", "b"):
        write(source / f"{name}/x.parquet", {"id": [1]})
    return source


def test_disjoint_tables_both_land(cat: Catalog, sources: Path) -> None:
    with cat.transaction("main") as late:
        late.snapshot("a", str(sources / "a"))
        snap(cat, "b", sources / "b")
    assert [t.name for t in cat.tables()] == ["a", "b"]
    assert [c.tables for c in cat.log()] == [("a",), ("b",), ()]


def test_the_same_table_is_a_conflict_that_names_table_and_commit(
    cat: Catalog, sources: Path
) -> None:
    other = ""
    with pytest.raises(Conflict) as caught, cat.transaction("main") as late:
        late.snapshot("a", str(sources / "a"))
        snap(cat, "a", sources / "b")
        other = head(cat)
        snap(cat, "b", sources / "b")
    assert caught.value.kind == "write-conflict"
    assert "'a'" in caught.value.message
    assert other[:8] in caught.value.message
    assert caught.value.hint
    assert [c.tables for c in cat.log()] == [("b",), ("a",), ()]


def test_the_same_new_name_in_another_spelling_is_a_conflict(cat: Catalog, sources: Path) -> None:
    with pytest.raises(Conflict), cat.transaction("main") as late:
        late.snapshot("Orders", str(sources / "a"))
        snap(cat, "orders", sources / "a")
    assert [t.name for t in cat.tables()] == ["orders"]


def test_a_table_dropped_meanwhile_is_a_conflict(cat: Catalog, sources: Path) -> None:
    snap(cat, "a", sources / "a")
    write(sources / "a/y.parquet", {"id": [2]})
    with pytest.raises(Conflict), cat.transaction("main") as late:
        late.snapshot("a", str(sources / "a"))
        with cat.transaction("main") as tx:
            tx.drop("a")
    assert cat.tables() == []


def test_a_table_changed_and_changed_back_is_not_a_conflict(cat: Catalog, sources: Path) -> None:
    snap(cat, "a", sources / "a")
    write(sources / "c/x.parquet", {"id": [3]})
    with cat.transaction("main") as late:
        late.snapshot("a", str(sources / "c"))
        snap(cat, "a", sources / "b", key=["id"])
        snap(cat, "a", sources / "a", key=[])
    assert rows(cat, "SELECT id FROM a") == [(3,)]


def test_a_branch_deleted_meanwhile_is_said(cat: Catalog, sources: Path) -> None:
    cat.branches.create("dev")
    with pytest.raises(Conflict) as caught, cat.transaction("dev") as late:
        late.snapshot("a", str(sources / "a"))
        cat.branches.delete("dev")
    assert caught.value.kind == "branch-deleted"


def test_a_commit_moves_its_own_branch_only(cat: Catalog, sources: Path) -> None:
    cat.branches.create("dev")
    before = head(cat)
    snap(cat, "a", sources / "a", branch="dev")
    assert head(cat) == before
    assert [t.name for t in cat.tables("dev")] == ["a"]


@pytest.mark.invariant(
    "A swap whose answer was lost is settled by its write id, never repeated blindly"
)
@pytest.mark.parametrize("fault", ["fail-after", "twice"])
def test_a_commit_whose_answer_was_lost_is_made_once(
    faulty: FaultyStore, sources: Path, fault: str
) -> None:
    cat = catalog_in(faulty)
    faulty.faults["swap"] = [fault]
    with cat.transaction("main") as tx:
        tx.snapshot("a", str(sources / "a"))
    assert tx.commit is not None
    assert tx.commit.id == head(cat)
    assert len(cat.log()) == 2


@pytest.mark.invariant(
    "A swap whose answer was lost is settled by its write id, never repeated blindly"
)
def test_a_commit_that_was_never_made_is_not_claimed(faulty: FaultyStore, sources: Path) -> None:
    cat = catalog_in(faulty)
    before = head(cat)
    faulty.faults["swap"] = ["fail-before"]
    with pytest.raises(OutcomeUnknown), cat.transaction("main") as tx:
        tx.snapshot("a", str(sources / "a"))
    assert (tx.commit, head(cat)) == (None, before)


def test_a_pack_sent_twice_is_one(faulty: FaultyStore, sources: Path) -> None:
    cat = catalog_in(faulty)
    faulty.faults["create"] = ["twice"]
    snap(cat, "a", sources / "a")
    assert rows(cat, "SELECT id FROM a") == [(1,)]


def test_many_threads_on_disjoint_tables_lose_nothing(cat: Catalog, source: Path) -> None:
    names = [f"t{n}" for n in range(8)]
    for name in names:
        write(source / f"{name}/x.parquet", {"id": [1]})
    failed: list[Exception] = []

    def work(name: str) -> None:
        try:
            for round_ in range(3):
                write(source / f"{name}/{round_}.parquet", {"id": [round_]})
                snap(cat, name, source / name)
        except Exception as error:  # noqa: BLE001 - told to the main thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(cat.log()) == 1 + 3 * len(names)
    assert {t.name: t.rows for t in cat.tables()} == dict.fromkeys(names, 4)


@pytest.mark.invariant(
    "Writers that take turns write no pack in vain, and none waits forever for another"
)
def test_writers_that_take_turns_write_no_commit_in_vain(
    counting: CountingStore, source: Path
) -> None:
    cat = catalog_in(counting)
    names = [f"t{n}" for n in range(6)]
    for name in names:
        write(source / f"{name}/x.parquet", {"id": [1]})
    threads = [threading.Thread(target=snap, args=(cat, n, source / n)) for n in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    packs = [path for path in counting.of("create") if path.startswith("objects/")]
    assert len(packs) == len(cat.log()) == 1 + len(names)
