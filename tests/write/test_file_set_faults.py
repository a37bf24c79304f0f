"""File sets whose writers are killed, or whose store fails: the old state stays, or the new one.

``--thorough`` ends them at every operation on the store.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, Conflict
from catalog.storage.local import LocalStore
from catalog.write.file_sets import contents as contents_module
from catalog.write.snapshot import ingest
from tests.effort import effort
from tests.storage.faulty import FAULTS, PlannedStore, scripted
from tests.storage.killing import Killed, KillingStore, opened

from .file_trees import blobs, contents, plant, sha256, take

OLD = {"a": b"a", "d/b": b"b", "m": b"m"}
NEW = {"a": b"A", "d/c": b"b", "e": b"e"}


def merge(cat: Catalog, source: Path) -> None:
    cat.merge("work")


def delete(cat: Catalog, source: Path) -> None:
    with cat.transaction("main") as tx:
        tx.sql("DELETE FROM images WHERE path = 'a'")


ACTS: dict[str, Callable[[Catalog, Path], object]] = {
    "snapshot": take,
    "append": lambda cat, source: take(cat, source, scope="append"),
    "link": lambda cat, source: take(cat, source, mode="link"),
    "reference": lambda cat, source: take(cat, source, mode="reference"),
    "delete": delete,
    "merge": merge,
}


class Scene:
    """A catalog with two branches, of which copies are made, and a source."""

    def __init__(self, place: Path) -> None:
        self.place, self.lake, self.source = place, place / "lake", place / "source"
        cat = Catalog.create(place / "template", author="tester")
        take(cat, plant(place / "first", OLD))
        cat.branches.create("work")
        take(cat, plant(place / "second", {**OLD, "w": b"w"}), branch="work")
        take(cat, plant(place / "third", {**OLD, "a": b"aa"}))
        plant(self.source, NEW)
        self.number = 0

    def begin(self) -> LocalStore:
        shutil.rmtree(self.lake, ignore_errors=True)
        shutil.copytree(self.place / "template", self.lake)
        return LocalStore(str(self.lake))

    def files(self, ref: str = "main") -> dict[str, bytes]:
        self.number += 1
        target = self.place / f"restored {self.number}"
        Catalog.open(str(self.lake)).export("images", str(target), ref=ref, format="files")
        return contents(target)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize("name", effort(["snapshot"], list(ACTS)))
@pytest.mark.invariant("A writer killed at any moment leaves the old state or the new one")
def test_it_may_end_at_any_operation(scene: Scene, name: str) -> None:
    act = ACTS[name]
    scene.begin()
    before = scene.files()
    whole = KillingStore(scene.begin())
    act(opened(whole), scene.source)
    after = scene.files()
    for at in range(1, len(whole.calls) + 1, effort(6, 1)):
        for done in (True, False):
            with pytest.raises(Killed):
                act(opened(KillingStore(scene.begin(), at=at, after=done)), scene.source)
            assert scene.files() in (before, after)
            if scene.files() == before or name != "delete":
                act(Catalog.open(str(scene.lake)), scene.source)
            assert scene.files() == after
    assert scene.files("work") == {**OLD, "w": b"w"}


def test_an_answer_of_the_store_may_be_lost(scene: Scene) -> None:
    writes = 0
    for fault in FAULTS:
        store = PlannedStore(scene.begin(), scripted(fault, method="swap"))
        try:
            take(opened(store), scene.source)
        except CatalogError:
            take(Catalog.open(str(scene.lake)), scene.source)
        writes += len(store.happened)
        assert scene.files() == NEW
    assert writes == len(FAULTS)


@pytest.mark.parametrize("new", [True, False])
def test_of_two_snapshots_at_once_one_is_told_to_start_again(tmp_path: Path, new: bool) -> None:
    cat = Catalog.create(tmp_path / "lake", author="tester")
    if not new:
        take(cat, plant(tmp_path / "before", OLD))
    one, other = plant(tmp_path / "one", {"x": b"1"}), plant(tmp_path / "other", {"y": b"1"})
    with pytest.raises(Conflict) as raised, cat.transaction("main") as tx:
        tx.snapshot("images", str(one), format="files", scope="append")
        take(cat, other, scope="append")
    assert raised.value.hint
    take(cat, one, scope="append")
    assert list((tmp_path / "lake/tmp").iterdir()) == []
    wanted = {**({} if new else OLD), "x": b"1", "y": b"1"}
    cat.export("images", str(tmp_path / "out"), format="files")
    assert contents(tmp_path / "out") == wanted
    assert blobs(tmp_path / "lake").keys() == {sha256(content) for content in wanted.values()}


def test_who_stops_it_waits_for_no_more_than_a_file_of_each_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = Catalog.create(tmp_path / "lake", author="tester")
    source = plant(tmp_path / "s", {f"{n:03}": b"%d" % n for n in range(300)})
    begun = 0
    real = ingest.take

    def stopped_by_the_user(*given: Any, **named: Any) -> Any:
        nonlocal begun
        begun += 1
        if begun == 3:
            raise KeyboardInterrupt
        return real(*given, **named)

    monkeypatch.setattr(ingest, "take", stopped_by_the_user)
    with pytest.raises(KeyboardInterrupt):
        take(cat, source)
    assert begun < 3 + 2 * contents_module.THREADS
    assert list((tmp_path / "lake/tmp").iterdir()) == []
    assert not (tmp_path / "lake/blobs").exists()
