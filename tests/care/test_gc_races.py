"""Races of garbage collection that were thought of, one by one; runs that are killed; damage."""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from catalog import Catalog
from catalog.dataclasses import replace
from catalog.errors import CatalogError, Conflict, ErrorKind, StorageFailure
from catalog.repository.condemned import PREFIX, read_lists
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.storage.killing import Killed, KillingStore, opened
from tests.storage.wrappers import WrapperStore

from .lakes import age, contents, in_days, lake, rows, stored, with_garbage
from .oracles import Oracle
from .plays import DAY, HOUR, collect_all, made
from .worlds import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return made(tmp_path / "lake", Random(0), monkeypatch)


def collect(world: World, runs: int = 3) -> None:
    """Lets enough time pass, and runs garbage collection often enough, that garbage is gone."""
    for _ in range(runs):
        world.pass_time(2 * HOUR)
        world.open().gc(grace="1h", reflog="1h")


def write(catalog: Catalog, branch: str, value: float, mode: Any = "append") -> None:
    with catalog.transaction(branch=branch, message="x") as tx:
        tx.write("t", rows(50, 4, value), mode=mode, key=["id"], partition_by=["p"])


def test_a_retry_after_a_long_pause_finds_that_its_files_are_gone(world: World) -> None:
    catalog = world.open()
    other = world.open()
    check = catalog.context.repository.branches.check
    paused: list[float] = []

    def lost(*args: Any) -> Callable[[], None]:
        landed = check(*args)
        if not paused:
            paused.append(world.now)
            write(other, "main", 7.0)  # the swap is lost
        elif len(paused) == 1:
            paused.append(world.now)
        return landed

    catalog.context.repository.branches.check = lost
    turn = catalog.context.repository.branches.held

    def slow(name: str) -> Any:
        if len(paused) == 1:
            paused.append(world.now)
            collect(world, 4)
        return turn(name)

    catalog.context.repository.branches.held = slow  # type: ignore[method-assign]
    with pytest.raises(Conflict) as caught:
        write(catalog, "main", 9.0)
    assert caught.value.kind == ErrorKind.GC_UNDER_WAY
    Oracle(world.root).reachable()


def test_a_name_given_before_the_list_was_made_is_looked_for(world: World) -> None:
    catalog = world.open()
    tx = catalog.transaction(message="x")
    with pytest.raises(Conflict) as caught, tx:
        tx.write("t", rows(50, 4, 9.0), mode="overwrite", key=["id"], partition_by=["p"])
        world.pass_time(2 * DAY)
        collect(world)
    assert caught.value.kind == ErrorKind.GC_UNDER_WAY
    collect_all(world)


def test_a_content_that_a_sweep_removes_meanwhile_is_missed(world: World) -> None:
    source = world.root.parent / "more"
    source.mkdir()
    (source / "a.txt").write_text("new")
    catalog = world.open()
    catalog.branches.create("side")
    with catalog.transaction(branch="side", message="x") as tx:
        tx.snapshot("more", str(source), format="files")
    catalog.branches.delete("side")
    world.pass_time(2 * DAY)
    world.open().gc(grace="1h", reflog="1h")
    world.pass_time(2 * HOUR)
    writer = world.open()
    check = writer.context.repository.branches.check

    def swept(*args: Any) -> Callable[[], None]:
        world.open().gc(grace="1h", reflog="1h")  # it was found there, and goes
        return check(*args)

    writer.context.repository.branches.check = swept
    with pytest.raises(Conflict), writer.transaction(message="x") as tx:
        tx.snapshot("more", str(source), format="files")
    Oracle(world.root).reachable()
    with world.open().transaction(message="x") as tx:
        tx.snapshot("more", str(source), format="files")
    collect_all(world)


WAYS: dict[str, Callable[[Catalog, str], object]] = {
    "branch": lambda c, x: c.branches.create("back", at=x),
    "tag": lambda c, x: c.tags.create("back", at=x),
    "reset": lambda c, x: c.reset("side", to=x),
    "merge": lambda c, x: c.merge(x, resolve="theirs"),
    "squash": lambda c, x: c.merge(x, squash=True, resolve="theirs"),
    "cherry-pick": lambda c, x: c.cherry_pick(x, resolve="theirs"),
    "revert": lambda c, x: c.revert(x, resolve="theirs"),
}


WHEN = ("waiting", "claimed", "swept", "long gone", "half there")
QUICK = [("branch", when) for when in WHEN] + [(way, "swept") for way in WAYS if way != "branch"]


@pytest.mark.invariant("No ref comes to need what garbage collection has removed")
@pytest.mark.parametrize(
    ("way", "when"), effort(QUICK, [(way, when) for way in WAYS for when in WHEN])
)
def test_a_commit_that_no_ref_reaches(world: World, way: str, when: str) -> None:
    catalog = world.open()
    catalog.branches.create("side")
    catalog.branches.create("work")
    write(catalog, "work", 8.0, "overwrite")
    write(catalog, "work", 9.0, "overwrite")
    last = catalog.show("work").id
    catalog.show(last)
    if when == "half there":  # the pack of the last lives on, and nothing else of the branch
        catalog.merge("work", squash=True)
    catalog.branches.delete("work")
    world.pass_time(2 * DAY)
    keeper = world.open()
    keeper.gc(grace="1h", reflog="1h")
    if when != "waiting":
        world.pass_time(2 * HOUR)
        store = keeper.context.repository.store
        if when == "claimed":
            for one in read_lists(store):
                store.create(f"{one.folder}claim", b"sweep")
        else:
            keeper.gc(grace="1h", reflog="1h")
    if when == "long gone":
        collect(world)
    try:
        WAYS[way](catalog, last)  # it has read the commit before, and remembers it
        writes_anew = way in ("revert", "cherry-pick", "squash")
        assert when in ("waiting", "half there") or writes_anew, "it needs what is gone"
    except CatalogError:
        assert when != "waiting"
    Oracle(world.root).reachable()
    world.pass_time(2 * DAY)
    collect_all(world)


BY_NAME: dict[str, Callable[[Catalog], object]] = {
    "branch": lambda c: c.branches.create("back", at="work"),
    "tag": lambda c: c.tags.create("back", at="work"),
    "reset": lambda c: c.reset("side", to="work"),
    "merge": lambda c: c.merge("work", resolve="theirs"),
    "squash": lambda c: c.merge("work", squash=True, resolve="theirs"),
}


@pytest.mark.parametrize("way", effort(("tag", "reset", "squash"), tuple(BY_NAME)))
def test_a_branch_that_went_while_a_writer_was_stopped(world: World, way: str) -> None:
    catalog = world.open()
    catalog.branches.create("side")
    catalog.branches.create("work")
    write(catalog, "work", 8.0, "overwrite")
    catalog.show("work")  # it remembers the commit
    refs = catalog.context.repository.refs
    resolve = refs.resolve
    stopped: list[str] = []

    def slow(text: str, *args: Any, **kwargs: Any) -> Any:
        found = resolve(text, *args, **kwargs)
        if text == "work" and not stopped:
            stopped.append(text)
            world.open().branches.delete("work")
            collect(world, 6)
        return found

    refs.resolve = slow  # type: ignore[method-assign]
    with pytest.raises(CatalogError) as caught:
        BY_NAME[way](catalog)
    assert stopped and caught.value.kind == ErrorKind.GC_UNDER_WAY
    Oracle(world.root).reachable()


def test_what_a_squash_brought_lives_in_a_pack_that_no_ref_reaches(world: World) -> None:
    catalog = world.open()
    catalog.branches.create("work")
    write(catalog, "work", 8.0)
    catalog.merge("work", squash=True)
    catalog.branches.delete("work")
    collect_all(world)
    assert world.open().show("main").id


def test_a_longer_reflog_finds_what_a_shorter_one_has_left(tmp_path: Path) -> None:
    catalog = with_garbage(tmp_path)
    age(tmp_path)
    catalog = in_days(tmp_path, 2)
    assert catalog.gc(grace="1h", reflog="1h").listed.total
    age(tmp_path, "gc/lists", days=1)
    assert catalog.gc(grace="1h", reflog="1h").removed.total
    assert in_days(tmp_path, 2).gc(reflog="30d").listed.total == 0


def killed_everywhere(root: Path, every: int) -> int:
    """Kills a run at one operation after the other, always going on from what it left."""
    at, later = 2, 40
    while True:
        store = KillingStore(LocalStore(str(root)), at=at, after=at % 2 == 0)
        catalog = opened(store)
        catalog.context = replace(catalog.context, clock=in_days(root, later).context.clock)
        try:
            catalog.gc(alone=True)
        except Killed:
            at += every
            continue
        return at


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    with_garbage(tmp_path)
    before = contents(tmp_path)
    assert killed_everywhere(tmp_path, 3) > 30
    assert contents(tmp_path) == before
    in_days(tmp_path, 90).gc(alone=True)
    age(tmp_path, "gc", days=2)
    in_days(tmp_path, 90).gc(alone=True)
    assert stored(tmp_path) - Oracle(tmp_path).reachable() <= {
        path for path in stored(tmp_path) if path.startswith("refs/")
    }
    assert [p for p in (tmp_path / "gc").rglob("*") if p.is_file() and "log" not in p.parts] == []


def listed(root: Path) -> Catalog:
    """Makes a catalog with garbage on a list that has waited."""
    with_garbage(root)
    age(root)
    later = 40
    catalog = in_days(root, later)
    assert catalog.gc().listed.total > 0
    age(root, "gc/lists")
    return catalog


@pytest.mark.parametrize("part", ["names", "objects"])
@pytest.mark.parametrize("how", ["cut", "flipped", "gone"])
def test_a_damaged_list_blocks_nobody_and_goes(tmp_path: Path, part: str, how: str) -> None:
    catalog = listed(tmp_path)
    before, everything = contents(tmp_path), stored(tmp_path)
    (path,) = (tmp_path / "gc/lists").glob(f"*/{part}")
    data = path.read_bytes()
    path.write_bytes(data[:-3] if how == "cut" else bytes([data[0] ^ 1]) + data[1:])
    if how == "gone":
        path.unlink()
    age(tmp_path, "gc/lists")
    with Catalog.open(str(tmp_path)).transaction(message="x") as tx:
        tx.write("fresh", rows(0, 3, 1.0), mode="overwrite", key=["id"])
    report = catalog.gc()
    assert report.removed.total == 0 and everything <= stored(tmp_path)
    age(tmp_path, "gc/lists")
    assert catalog.gc().removed.total > 0
    assert contents(tmp_path)[-len(before) :] == before


@pytest.mark.parametrize("data", [b"", b"{}", b'{"kind":"kept","names":["zz"]}', b"\0\1"])
def test_a_damaged_note_drops_its_list(tmp_path: Path, data: bytes) -> None:
    catalog = listed(tmp_path)
    everything = stored(tmp_path)
    (one,) = read_lists(catalog.context.repository.store)
    (tmp_path / one.folder / "kept").mkdir()
    (tmp_path / one.folder / "kept" / f"{'a' * 32}.json").write_bytes(data)
    assert catalog.gc().removed.total == 0 and stored(tmp_path) == everything


def test_strange_files_among_lists_are_left(tmp_path: Path) -> None:
    catalog = listed(tmp_path)
    (one,) = read_lists(catalog.context.repository.store)
    strange = [f"{PREFIX}.DS_Store", f"{one.folder}kept/.DS_Store", f"{one.folder}lease/x"]
    strange += [f"{one.folder}lease/²", f"{PREFIX}mine/names", "gc/mine"]
    for name in strange:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
        os.utime(tmp_path / name, (0, 0))
    assert catalog.gc().removed.total > 0
    age(tmp_path, "gc/lists", days=2)
    catalog.gc()
    assert all((tmp_path / name).exists() for name in strange)


def test_a_withdrawal_that_was_killed_leaves_nothing(tmp_path: Path) -> None:
    catalog = listed(tmp_path)
    (one,) = read_lists(catalog.context.repository.store)
    (tmp_path / one.folder / "claim").write_bytes(b"withdrawn")
    catalog.gc()
    assert not (tmp_path / one.folder / "names").exists()


class Failing(WrapperStore):
    """Fails at some call of a method, before or after it was done."""

    def __init__(self, inner: Any, name: str, at: int) -> None:
        super().__init__(inner)
        self.name, self.left = name, at + 1 if name == "read" else at  # the first is to open it

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if name != self.name:
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left:
                return method(*args, **kwargs)
            if name == "list":
                found = list(method(*args, **kwargs))
                return (one if n < len(found) / 2 else _fail() for n, one in enumerate(found))
            if name == "delete_listed":
                method(args[0][: len(args[0]) // 2])
            return _fail()

        return call


def _fail() -> Any:
    raise StorageFailure("the disk is gone")


@pytest.mark.parametrize("name", ["list", "read", "read_range", "info", "delete_listed", "create"])
def test_faults_lose_nothing(tmp_path: Path, name: str) -> None:
    catalog = listed(tmp_path)
    before = contents(tmp_path)
    failed = 0
    for at in range(1, 40, 2):
        everything = stored(tmp_path)
        (tmp_path / "cache/marks/main").unlink(missing_ok=True)  # all is read anew
        failing = opened(Failing(LocalStore(str(tmp_path)), name, at))
        failing.context = replace(failing.context, clock=catalog.context.clock)
        try:
            failing.gc(grace="1h", reflog="1h")
            break
        except CatalogError:
            failed += 1
        if name == "read_range":
            assert stored(tmp_path) == everything  # it fails while it marks
        age(tmp_path, "gc/lists")
    assert failed
    age(tmp_path, "gc/lists")
    catalog.gc(grace="1h", reflog="1h")
    assert contents(tmp_path) == before


def test_without_garbage_nothing_is_listed(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    age(tmp_path)
    assert catalog.gc().listed.total == 0
