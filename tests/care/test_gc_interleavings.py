"""Garbage collection among writers and others of its kind, in any order, with days in between."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest

from catalog import Catalog
from catalog.care.gc import run as gc_run
from catalog.care.gc.lease import Lease
from catalog.errors import CatalogError, CorruptData
from tests.effort import effort
from tests.storage.killing import Killed

from .lakes import rows
from .worlds import Actor, Oracle, World, stored

HOUR, DAY = 3600.0, 86_400.0
BRANCHES = ("main", "one", "two")
RARE = 0.02


def made(root: Path, random: Random, monkeypatch: pytest.MonkeyPatch, **how: bool) -> World:
    """Makes a catalog in a world of its own."""
    Catalog.create(str(root))
    world = World(root, random, **how)
    begin(world, monkeypatch)
    return world


def begin(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the first commits of a catalog, and collections go by the world's time."""
    files = world.root.parent / f"{world.root.name}-files/first"
    files.mkdir(parents=True)
    for n in range(4):
        (files / f"{n}.txt").write_text(str(n))
    monkeypatch.setattr(gc_run, "Lease", lambda store, one: WorldLease(world, store, one))
    catalog = world.open()
    for count in (4, 7):
        with catalog.transaction(message="first") as tx:
            tx.write("t", rows(0, count, 1.0), mode="overwrite", key=["id"], partition_by=["p"])
            tx.snapshot("files", str(files), format="files")


class WorldLease(Lease):
    """Goes by the world's time; on a store that compares nothing, deletions follow at once."""

    def __init__(self, world: World, store: object, list_id: str) -> None:
        super().__init__(store, list_id, clock=world.seconds)  # type: ignore[arg-type]
        self._world, self._actor = world, store.actor  # type: ignore[attr-defined]

    def renew(self) -> None:
        super().renew()
        if self._world.lawless and self._actor is not None:
            self._world.guard(self._actor, 1700.0)

    def end(self) -> None:
        if self._actor is not None:
            self._actor.guarded_since = None
        super().end()


class Everybody:
    """What actors do."""

    def __init__(self, world: World) -> None:
        self.world, self.random = world, world.random
        self.files = world.root.parent / f"{world.root.name}-files"
        self.opened: dict[str, Catalog] = {}
        self.ids: list[str] = []
        self.branches = ["main"]
        self.done: dict[str, int] = {}
        self.tags = 0

    def catalog(self, actor: Actor) -> Catalog:
        """Opens it, or goes on with what was opened long ago."""
        if actor.name not in self.opened or self.random.random() < 0.3:
            self.opened[actor.name] = self.world.open(actor)
        return self.opened[actor.name]

    def ref(self) -> str:
        if self.ids and self.random.random() < 0.5:
            return self.random.choice(self.ids)
        return self.branch()

    def branch(self) -> str:
        return self.random.choice(self.branches)

    def write(self, actor: Actor) -> None:
        choose = self.random.choice
        acts: list[Callable[[Catalog], object]] = [
            self.commit,
            self.commit,
            self.snapshot,
            lambda c: c.branches.create(choose(BRANCHES[1:]), at=self.ref()),
            lambda c: c.branches.create(choose(BRANCHES[1:]), at=self.ref()),
            lambda c: c.branches.delete(choose(BRANCHES[1:])),
            lambda c: c.branches.delete(choose(BRANCHES[1:])),
            lambda c: c.reset(self.branch(), to=self.ref()),
            self.tag,
            lambda c: c.tags.delete(choose(c.tags.list()).name),
            lambda c: c.merge(self.ref(), into=self.branch(), squash=choose((True, False))),
            lambda c: c.merge(self.ref(), into=self.branch(), resolve="theirs"),
            lambda c: c.cherry_pick(self.ref(), branch=self.branch(), resolve="theirs"),
            lambda c: c.revert(self.ref(), branch=self.branch(), resolve="ours"),
            lambda c: c.compact(["t"], branch=self.branch()),
        ]
        choose(acts)(self.catalog(actor))

    def commit(self, catalog: Catalog) -> None:
        first, value = self.random.choice(((0, 1.0), (0, 2.0), (3, 1.0), (5, 3.0)))
        mode = self.random.choice(("overwrite", "append", "overwrite"))
        with catalog.transaction(branch=self.branch(), message="x") as tx:
            if mode == "append":
                tx.write("logs", rows(first, 3, value), mode="append")
            else:
                data = rows(first, 4, value)
                tx.write("t", data, mode="overwrite", key=["id"], partition_by=["p"])

    def snapshot(self, catalog: Catalog) -> None:
        store: Any = catalog.context.repository.store
        files = self.files / store.actor.name
        files.mkdir(exist_ok=True)
        for number in range(3):
            fresh = files.with_suffix(".tmp")  # links share their bytes with what they lead to
            fresh.write_text(f"{self.random.randrange(4)}")
            fresh.replace(files / f"{number}.txt")
        mode: Literal["copy", "link"] = "copy" if self.random.random() < 0.5 else "link"
        with catalog.transaction(branch=self.branch(), message="x") as tx:
            tx.snapshot("files", str(files), format="files", mode=mode)

    def tag(self, catalog: Catalog) -> None:
        self.tags += 1
        catalog.tags.create(f"v{self.tags}", at=self.ref())

    def collect(self, actor: Actor) -> None:
        if self.random.random() < 0.1:
            self.catalog(actor).gc_withdraw()
        else:
            report = self.catalog(actor).gc(grace="1h", reflog="1h")
            for name in ("removed", "changed"):
                self.count(name, getattr(report, name).total)
            self.count("rescued", report.rescued)

    def expire(self, actor: Actor) -> None:
        keep_last, keep_tags = self.random.choice((1, 3)), self.random.random() < 0.5
        report = self.catalog(actor).expire("1d", keep_last=keep_last, keep_tags=keep_tags)
        self.count("expired", len(report.commits))

    def count(self, name: str, more: int = 1) -> None:
        self.done[name] = self.done.get(name, 0) + more

    def note(self, actor: Actor) -> None:
        """Looks at how what an actor did has ended."""
        error, actor.error = actor.error, None
        name = "done" if error is None else type(error).__name__
        if isinstance(error, CatalogError):
            name = str(error.kind)
        self.count(name)
        if isinstance(error, CorruptData):
            self.world.trace.append(f"{actor.name}: {error}")
        if isinstance(error, Killed):
            self.opened.pop(actor.name, None)
        elif error is not None and not isinstance(error, CatalogError | IndexError):
            raise error


def play(world: World, steps: int, *, passes: float = RARE) -> dict[str, int]:
    """Lets everybody work, in an order that the seed says, and looks that nothing is lost.

    Args:
        world: Where they work.
        steps: How many operations of stores.
        passes: How likely time passes before an actor's turn.
    """
    random = world.random
    everybody = Everybody(world)
    actors = [Actor(f"writer {n}", everybody.write) for n in range(3)]
    actors += [Actor(f"gc {n}", everybody.collect) for n in range(2)]
    actors.append(Actor("expiry 0", everybody.expire))
    oracle = Oracle(world.root)
    while world.steps < steps:
        ready = [one for one in actors if one.asleep_until <= world.now]
        if not ready or random.random() < passes:
            longest = random.choice((60.0, HOUR / 2, 1.1 * HOUR, 3 * HOUR, 2 * DAY, 35 * DAY))
            world.pass_time(min(longest, world.may_pass(actors)))
            ready = [one for one in actors if one.guarded_since is not None] or actors
        actor = random.choice(ready)
        for _ in range(random.choice((1, 1, 2, 5, 20, 60))):
            world.step(actor)
            if actor.is_done:
                break
        if actor.is_done:
            everybody.note(actor)
            oracle.reachable()
            everybody.branches = [n for n in oracle.tips() if n in BRANCHES]
            everybody.ids += [one for one in oracle.tips().values() if one not in everybody.ids]
            everybody.ids = everybody.ids[-20:]
        elif random.random() < RARE:
            actor.doom = random.choice(("before", "after", "lost"))
        if actor.guarded_since is None and random.random() < 2 * RARE:
            actor.asleep_until = world.now + random.choice((HOUR / 2, 2 * HOUR, 5 * HOUR, 3 * DAY))
    for actor in actors:  # what is under way comes to its end
        while not actor.is_done:
            world.step(actor)
        everybody.note(actor)
    oracle.reachable()
    return everybody.done


def collect_all(world: World) -> None:
    """Runs garbage collection until it finds nothing, and looks that all that is left is needed."""
    catalog = world.open()
    for branch in catalog.branches.list():
        if branch.name.startswith("merge/"):
            catalog.branches.delete(branch.name)
    for _ in range(6):
        world.pass_time(2 * DAY)
        report = catalog.gc(grace="1h", reflog="1h")
    assert (report.listed.total, report.waiting.total, report.removed.total) == (0, 0, 0)
    assert stored(world.root) == Oracle(world.root).reachable()
    assert not [one for one in (world.root / "gc/lists").rglob("*") if one.is_file()]
    assert not [one for one in (world.root / "gc/now").rglob("*") if one.is_file()]


@pytest.mark.invariant("No order of writers and garbage collections loses or leaves anything")
@pytest.mark.parametrize("lawless", [False, True])
def test_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lawless: bool) -> None:
    for seed in effort((3,), tuple(range(100, 105))):
        world = made(tmp_path / str(seed), Random(seed), monkeypatch, lawless=lawless)
        try:
            done = play(world, effort(1200, 2000))
            collect_all(world)
        except BaseException:
            print(f"seed {seed}, lawless {lawless}", *world.trace[-80:], sep="\n")
            raise
        assert done["done"] > 10
