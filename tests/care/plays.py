"""Everybody who works on a catalog at once, in an order that a seed says.

What goes comes back often: files of a few contents are written again and again, refs are moved to
commits that none reaches any more, a backup gives back what was deleted. Who is about to do what
others must not miss, or has just looked at what may change, is often made to wait for them.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest

from catalog import Catalog
from catalog.care.gc import run as gc_run
from catalog.care.gc.lease import Lease
from catalog.errors import CatalogError, CorruptData
from catalog.repository import branches
from tests.storage.killing import Killed

from .lakes import rows
from .oracles import Oracle, RefReader, stored
from .worlds import Actor, World

HOUR, DAY = 3600.0, 86_400.0
BRANCHES = ("main", "one", "two")
RARE = 0.02
THEMES = 40
"""How many contents there are to write: many, so that what was dropped is often nowhere else."""

MOVE = r"swap refs/branches/|create refs/tags/"
REMOVE = r"delete(?:_listed)? (?:objects|data|blobs|lists)/"
END = "$"

STOPS: dict[str, Sequence[str]] = {
    "writer": (
        *5 * (MOVE,),
        r"create gc/lists/.*/kept/",
        r"info gc/lists/.*/claim",
        r"list gc/lists/$",
        r"create objects/",
        r"publish |adopt ",
        r"",
    ),
    "gc": (
        *5 * (REMOVE,),
        r"create gc/lists/.*/claim",
        r"create gc/lists/.*/claim",
        r"list gc/lists/.*/kept/",
        r"create gc/lists/.*/names",
        r"list objects/",
        r"",
    ),
    "expiry": (r"create expired/", r"create expired/", r""),
}
"""What an actor is about to do when others take over: what they must not miss, or may change."""

UNGUARDED = (r"create objects/", r"create objects/", r"list gc/lists/$", r"publish |adopt ", r"")
"""Where a writer may stop for days."""

PASSES = (60.0, 1.1 * HOUR, *6 * (2.2 * HOUR,), 2 * DAY, 35 * DAY)
"""Times that pass: mostly so much that what is listed may go, or what was dropped be listed."""


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
    monkeypatch.setattr(branches, "REFLOG_PAGE", RefReader.PAGE_MOVES)
    monkeypatch.setattr(gc_run, "Lease", lambda store, one: WorldLease(world, store, one))
    catalog = world.open()
    for count in (4, 7):
        with catalog.transaction(message="first") as tx:
            tx.write("t", rows(0, count, 0.5), mode="overwrite", key=["id"], partition_by=["p"])
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


Act = Callable[[Catalog], object]

CHANGES = ("rewrite", "rewrite", "append", "snapshot", "snapshot")
ANYTHING: Mapping[str, int] = {
    "change": 5,
    "branch_off": 2,
    "drop": 4,
    "revive": 3,
    "merge": 3,
    "compact": 2,
    "restore": 2,
    "keep_copy": 1,
}
NEEDING: Mapping[str, int] = {
    "revive": 12,
    "repeat": 5,
    "change": 1,
    "merge": 1,
    "restore": 1,
}
LONG: Mapping[str, int] = {"change": 3, "compact": 3, "restore": 3, "revive": 2, "merge": 2}
"""What writers do, and how likely."""


class Everybody:
    """What actors do.

    Attributes:
        dead: Commits at which refs were, and that none reaches now, the last to die last.
        theme: What is written, mostly.
        changes: What they write.
        withdraws: How often a list is withdrawn instead of swept.
        changed: What was written last.
        acts: What writers do next, and how likely.
    """

    def __init__(self, world: World, oracle: Oracle) -> None:
        self.world, self.random, self.oracle = world, world.random, oracle
        self.files = world.root.parent / f"{world.root.name}-files"
        self.backup = world.root.parent / f"{world.root.name}-backup"
        self.opened: dict[str, Catalog] = {}
        self.branches = ["main"]
        self.merges: list[str] = []
        self.dead: list[str] = []
        self.theme = 0
        self.changes: Sequence[str] = CHANGES
        self.withdraws = 0.1
        self.changed = "rewrite"
        self.acts = ANYTHING
        self.base = list(oracle.known)
        self.done: dict[str, int] = {}
        self.tags = 0

    def look(self) -> None:
        """Looks at where refs are."""
        tips = self.oracle.refs().tips
        self.branches = [name for name in tips if name in BRANCHES]
        self.merges = [name for name in tips if name.startswith("merge/")]
        live = self.oracle.live
        self.dead = [one for one in self.dead if one not in live]
        self.dead += [one for one in self.oracle.known if one not in {*live, *self.dead}]

    def catalog(self, actor: Actor) -> Catalog:
        """Opens it, or goes on with what was opened long ago."""
        if actor.name not in self.opened or self.random.random() < 0.2:
            self.opened[actor.name] = self.world.open(actor)
        return self.opened[actor.name]

    # what they choose

    def lost(self) -> str:
        """Returns a commit that no ref reaches, one of the last more often; else any."""
        if not self.dead:
            return self.ref()
        return self.random.choice(self.dead[-2:] if self.random.random() < 0.8 else self.dead)

    def ref(self) -> str:
        known = list(self.oracle.known)
        if known and self.random.random() < 0.3:
            return self.random.choice(known[-20:])
        return self.branch()

    def branch(self) -> str:
        return self.random.choice(self.branches)

    def side(self) -> str:
        """Returns a branch, main less often than others."""
        others = [name for name in self.branches if name != "main"]
        return self.random.choice(others) if others and self.random.random() < 0.7 else "main"

    # what writers do

    def write(self, actor: Actor) -> None:
        kinds = tuple(self.acts)
        (kind,) = self.random.choices(kinds, tuple(self.acts.values()))
        getattr(self, kind)(self.catalog(actor))

    def change(self, catalog: Catalog) -> None:
        """Writes something, mostly on a branch."""
        theme = self.theme if self.random.random() < 0.8 else self.random.randrange(THEMES)
        self.changed = self.random.choice(self.changes)
        getattr(self, self.changed)(catalog, self.side(), theme)

    def repeat(self, catalog: Catalog) -> None:
        """Writes what was written last."""
        getattr(self, self.changed)(catalog, self.side(), self.theme)

    def live_and_die(self, catalog: Catalog) -> None:
        """Makes a branch with commits that nothing needs soon."""
        free = [name for name in BRANCHES[1:] if name not in self.branches]
        branch = self.random.choice(free or BRANCHES[1:])
        if free:
            catalog.branches.create(branch, at=self.random.choice(("main", *self.base)))
        for _ in range(self.random.choice((1, 1, 2))):
            self.changed = self.random.choice(self.changes)
            getattr(self, self.changed)(catalog, branch, self.theme)
        match self.random.randrange(8):
            case 0:
                self.keep_copy(catalog)
            case 1:
                self.tags += 1
                catalog.tags.create(f"v{self.tags}", at=branch)
            case 2:
                catalog.merge(branch, into=self.branch(), squash=True, resolve="theirs")
            case 3:
                catalog.merge(branch, into=self.branch())
        catalog.branches.delete(branch)

    def rewrite(self, catalog: Catalog, branch: str, theme: int) -> None:
        with catalog.transaction(branch=branch, message="x") as tx:
            data = rows(theme % 5, 4, float(theme))
            tx.write("t", data, mode="overwrite", key=["id"], partition_by=["p"])

    def append(self, catalog: Catalog, branch: str, theme: int) -> None:
        with catalog.transaction(branch=branch, message="x") as tx:
            tx.write("logs", rows(0, 3, float(theme)), mode="append")

    def snapshot(self, catalog: Catalog, branch: str, theme: int) -> None:
        store: Any = catalog.context.repository.store
        files = self.files / store.actor.name
        files.mkdir(exist_ok=True)
        for number in range(2):
            fresh = files.with_suffix(".tmp")  # links share their bytes with what they lead to
            fresh.write_text(f"{theme}, {number}")
            fresh.replace(files / f"{number}.txt")
        mode: Literal["copy", "link"] = "copy" if self.random.random() < 0.6 else "link"
        with catalog.transaction(branch=branch, message="x") as tx:
            tx.snapshot("files", str(files), format="files", mode=mode)

    def branch_off(self, catalog: Catalog) -> None:
        at = self.random.choice((self.ref(), self.ref(), "main~1", "main~2"))
        catalog.branches.create(self.random.choice(BRANCHES[1:]), at=at)

    def drop(self, catalog: Catalog) -> None:
        """Makes garbage."""
        sides = [name for name in self.branches if name != "main"]
        acts: list[Act] = [lambda c: c.reset("main", to=self.random.choice(self.base))] * 2
        acts += [lambda c: c.branches.delete(self.random.choice(sides))] * (4 * len(sides))
        acts += [lambda c: c.reset(self.side(), to=self.ref())]
        acts += [lambda c: c.branches.delete(self.random.choice(self.merges))] * len(self.merges)
        tags = [one.name for one in catalog.tags.list()]
        acts += [lambda c: c.tags.delete(self.random.choice(tags))] * len(tags)
        self.random.choice(acts)(catalog)

    def revive(self, catalog: Catalog) -> None:
        """Comes to need what nothing needed."""
        free = [name for name in BRANCHES[1:] if name not in self.branches] or BRANCHES[1:]
        acts: list[Act] = [
            *3 * [lambda c: c.branches.create(self.random.choice(free), at=self.lost())],
            *3 * [lambda c: c.reset(self.branch(), to=self.lost())],
            *2 * [self.tag],
            lambda c: c.merge(self.lost(), into=self.branch(), resolve="theirs"),
            lambda c: c.cherry_pick(self.lost(), branch=self.branch(), resolve="theirs"),
            lambda c: c.revert(self.ref(), branch=self.branch(), resolve="ours"),
        ]
        self.random.choice(acts)(catalog)

    def tag(self, catalog: Catalog) -> None:
        self.tags += 1
        catalog.tags.create(
            f"v{self.tags}", at=self.random.choice((self.lost(), self.lost(), self.ref()))
        )

    def merge(self, catalog: Catalog) -> None:
        source, into = self.side(), self.branch()
        match self.random.randrange(6):
            case 0 | 1:
                catalog.merge(source, into=into, squash=True, resolve="theirs")
                catalog.branches.delete(source)
            case 2:
                catalog.merge(source, into=into)
            case 3:
                catalog.merge(source, into=into, resolve="theirs")
            case 4 if self.merges:
                catalog.continue_merge(self.random.choice(self.merges), resolve="theirs")
            case _:
                catalog.rebase(source, onto=into, resolve="theirs")

    def clash(self, catalog: Catalog) -> None:
        """Leaves a merge in conflict, if both sides wrote the same rows."""
        catalog.merge(self.random.choice((self.lost(), self.side())), into=self.branch())

    def compact(self, catalog: Catalog) -> None:
        branch = self.random.choice(("main", self.branch()))
        for _ in range(self.random.choice((1, 2))):
            catalog.compact(["t", "logs"], branch=branch)

    def pile(self, catalog: Catalog) -> None:
        """Makes small files."""
        for _ in range(2):
            self.append(catalog, "main", self.theme)

    def restore(self, catalog: Catalog) -> None:
        """Brings a branch back from a copy."""
        if not self.backup.exists():
            self.keep_copy(catalog)
        tips = Oracle(self.backup).refs().tips
        name = self.random.choice([one for one in tips if one in BRANCHES])
        free = [one for one in BRANCHES[1:] if one not in self.branches] or BRANCHES[1:]
        catalog.fetch(str(self.backup), name, branch=self.random.choice(free))

    def keep_and_drop(self, catalog: Catalog) -> None:
        """Keeps a copy with a branch that is gone here then."""
        branch = self.random.choice(BRANCHES[1:])
        if branch not in self.branches:
            catalog.branches.create(branch, at="main")
        self.append(catalog, branch, self.theme)
        self.keep_copy(catalog)
        catalog.branches.delete(branch)

    def keep_copy(self, catalog: Catalog) -> None:
        """Keeps a copy of the catalog as it is now."""
        if self.backup.exists():
            shutil.rmtree(self.backup)
        shutil.copytree(self.world.root, self.backup)

    # what others do

    def collect(self, actor: Actor) -> None:
        if self.random.random() < self.withdraws:
            self.catalog(actor).gc_withdraw()
        else:
            report = self.catalog(actor).gc(grace="1h", reflog="2h")
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


@dataclass(frozen=True)
class Leaning:
    """What a play is about, where it is to find one thing quickly.

    Attributes:
        scene: The scene that comes most often; empty for none.
        acts: What writers do where they come to need something; None for as usual.
        changes: What they write.
        stop: Where they stop then; empty for any place.
        passes: Times that pass.
        withdraws: How often lists are withdrawn instead of swept.
    """

    scene: str = ""
    acts: Mapping[str, int] | None = None
    changes: Sequence[str] = CHANGES
    stop: str = ""
    passes: Sequence[float] = PASSES
    withdraws: float = 0.1


class Play:
    """Lets everybody work, and looks that nothing is lost.

    Mostly it goes by scenes: writers make something and drop it, a collection lists it, and then
    some of them come to need it again while others remove it, and take turns at what matters.
    In between all do what they like.
    """

    def __init__(self, world: World, leaning: Leaning = Leaning()) -> None:
        self.world, self.random, self.leaning = world, world.random, leaning
        self.oracle = Oracle(world.root)
        self.oracle.reachable(world.time())
        self.everybody = Everybody(world, self.oracle)
        self.everybody.changes, self.everybody.withdraws = leaning.changes, leaning.withdraws
        self.needing = leaning.acts or NEEDING
        self.writers = [Actor(f"writer {n}", self.everybody.write) for n in range(3)]
        self.collectors = [Actor(f"gc {n}", self.everybody.collect) for n in range(2)]
        self.expirer = Actor("expiry 0", self.everybody.expire)
        self.actors = [*self.writers, *self.collectors, self.expirer]
        self.until = 0

    def run(self, steps: int) -> dict[str, int]:
        """Goes on for so many operations of stores, and then lets everybody finish."""
        self.until = self.world.steps + steps
        scenes = (self.race, self.long_writer, self.long_collector, self.expiring, self.disorder)
        while self.goes_on():
            if self.random.random() < 0.7:
                self.everybody.theme = self.random.randrange(THEMES)
            self.everybody.acts = ANYTHING
            (scene,) = self.random.choices(scenes, (10, 2, 2, 2, 1))
            if self.leaning.scene and self.random.random() < 0.8:
                scene = getattr(self, self.leaning.scene)
            scene()
        for actor in self.actors:
            self.finish(actor)
        return self.everybody.done

    def goes_on(self) -> bool:
        return self.world.steps < self.until

    def garbage(self) -> None:
        """Makes garbage, and has it listed."""
        random, everybody = self.random, self.everybody
        if random.random() < 0.3:
            self.alone(random.choice(self.writers))
        everybody.acts = {"live_and_die": 3, "drop": 1}
        self.alone(random.choice(self.writers))
        self.time_passes()
        listing: list[Actor] = [random.choice(self.collectors)]
        if random.random() < 0.3:
            everybody.acts = self.needing
            listing.append(random.choice(self.writers))
        self.contest(listing)
        self.time_passes()

    def race(self) -> None:
        """Lets writers need what is listed while others remove it."""
        random = self.random
        self.garbage()
        some = random.sample(self.writers, random.choice((1, 1, 1, 2)))
        others = random.sample(self.collectors, random.choice((1, 1, 2)))
        self.everybody.acts = self.needing
        if random.random() < 0.3:
            self.goes(others[0], random.choice(STOPS["gc"]))
        self.needs_listed(some[0], self.leaning.stop or random.choice(STOPS["writer"]))
        if random.random() < 0.6:
            self.contest([*others, *some])
        else:
            self.contest([*some, *others])

    def needs_listed(self, writer: Actor, stop: str) -> None:
        """Lets a writer go on to where it should stop, if what it does needs what is listed."""
        for _ in range(3):
            if not self.goes_on():
                return
            begun = len(self.world.trace)
            self.goes(writer, stop)
            mine = [line for line in self.world.trace[begun:] if writer.name in line]
            if not writer.is_done and (stop != MOVE or any("/claim" in line for line in mine)):
                return
            self.finish(writer)

    def long_writer(self) -> None:
        """Stops a writer on its way, while time passes and others collect garbage."""
        random = self.random
        writer = random.choice(self.writers)
        before = random.choice(("", "pile", "keep_and_drop"))
        if before:
            self.everybody.acts = {before: 1}
            self.alone(writer)
        for _ in range(3 if before == "keep_and_drop" else 0):
            self.time_passes()
            self.alone(random.choice(self.collectors))
        self.everybody.acts = self.leaning.acts or LONG
        for _ in range(random.choice((1, 1, 2, 3))):
            if not writer.about or not writer.is_done or random.random() < 0.9:
                self.goes(writer, random.choice(UNGUARDED))
        for _ in range(random.randint(1, 4)):
            self.time_passes()
            self.alone(random.choice(self.collectors))
        self.finish(writer)

    def long_collector(self) -> None:
        """Stops a sweep on its way, while others go on with it and writers write."""
        random = self.random
        self.garbage()
        first, second = random.sample(self.collectors, 2)
        self.goes(first, REMOVE)
        for _ in range(random.randint(0, 3)):
            self.time_passes()
            self.alone(second)
        self.everybody.acts = self.needing
        self.alone(random.choice(self.writers))
        self.finish(first)

    def expiring(self) -> None:
        """Lets commits expire of which others share data."""
        random, everybody = self.random, self.everybody
        for _ in range(random.randint(1, 4)):
            everybody.acts = {"change": 5, "tag": 2, "merge": 1}
            self.alone(random.choice(self.writers))
            everybody.theme = random.choice((everybody.theme, random.randrange(THEMES)))
        self.world.pass_time(2 * DAY)
        everybody.acts = {"change": 1, "branch_off": 3, "revive": 1, "tag": 1}
        self.contest([self.expirer, random.choice(self.writers)])
        for _ in range(2):
            self.time_passes()
            self.alone(random.choice(self.collectors))

    def alone(self, actor: Actor) -> None:
        """Lets an actor do something from start to end, unless it is stopped on the way."""
        if actor.is_done and self.goes_on():
            self.goes(actor, END)

    def contest(self, actors: list[Actor]) -> None:
        """Lets actors take turns: each goes on to a place that matters, then others do."""
        random = self.random
        ends = {"writer": 0.1, "gc": 0.5, "expiry": 0.3}
        while actors and self.goes_on():
            for actor in tuple(actors):
                stop = random.choice(STOPS[actor.kind])
                self.goes(actor, END if random.random() < ends[actor.kind] else stop)
                if actor.is_done:
                    actors.remove(actor)
                if random.random() < 0.2:
                    self.time_passes()
            ends = dict.fromkeys(ends, 0.8)

    def disorder(self) -> None:
        """Lets everybody do something, in any order."""
        random = self.random
        for _ in range(10):
            if self.goes_on():
                actor = random.choice(self.actors[:-1] if random.random() < 0.7 else self.actors)
                for _ in range(random.choice((1, 2, 5, 20, 60))):
                    self.goes(actor, "")
                    if actor.is_done:
                        break
                if random.random() < 0.1:
                    self.time_passes()
        for actor in self.actors:
            self.finish(actor)

    def goes(self, actor: Actor, stop: str) -> None:
        """Lets an actor go on until it is about to do something, at least one operation."""
        while True:
            self.world.step(actor)
            if actor.is_done:
                self.ended(actor)
                return
            if not actor.doom and self.random.random() < RARE / 10:
                actor.doom = self.random.choice(("before", "after", "lost"))
            if re.match(stop, actor.about):
                return

    def finish(self, actor: Actor) -> None:
        while not actor.is_done:
            self.goes(actor, "$")

    def ended(self, actor: Actor) -> None:
        """Looks at how what an actor did has ended, and whether all is there."""
        self.everybody.note(actor)
        self.oracle.reachable(self.world.time())
        self.everybody.look()

    def time_passes(self) -> None:
        """Lets time pass: less if somebody must not wait for so long, or once they are done."""
        for one in self.actors:
            if one.guarded_since is not None and self.random.random() < 0.1:
                self.finish(one)
        longest = self.random.choice(self.leaning.passes)
        self.world.pass_time(min(longest, self.world.may_pass(self.actors)))


def play(world: World, steps: int, leaning: Leaning = Leaning()) -> dict[str, int]:
    """Lets everybody work, in an order that the seed says, and looks that nothing is lost."""
    return Play(world, leaning).run(steps)


def collect_all(world: World) -> None:
    """Runs garbage collection until it finds nothing, and looks that all that is left is needed."""
    catalog = world.open()
    for branch in catalog.branches.list():
        if branch.name.startswith("merge/"):
            catalog.branches.delete(branch.name)
    for _ in range(6):
        world.pass_time(2 * DAY)
        report = catalog.gc(grace="1h", reflog="2h")
    assert (report.listed.total, report.waiting.total, report.removed.total) == (0, 0, 0)
    needed = Oracle(world.root).reachable()
    assert stored(world.root) == needed, f"left for ever: {sorted(stored(world.root) - needed)}"
    assert not [one for one in (world.root / "gc/lists").rglob("*") if one.is_file()]
    assert not [one for one in (world.root / "gc/now").rglob("*") if one.is_file()]
