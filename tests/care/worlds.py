"""Worlds for garbage collection: a clock that is set, and actors that take turns.

Each actor works on the catalog through a store of its own, which waits before each operation until
the schedule lets it go on. In between anything may pass: operations of others, or days.
"""

import datetime
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from catalog import Catalog
from catalog.dataclasses import replace as replaced
from catalog.repository.condemned import Condemned
from catalog.repository.expired import LEAST_KEEP
from catalog.repository.repository import open_existing
from catalog.storage.local import LocalStore
from catalog.storage.store import ObjectInfo, OutcomeUnknown
from tests.storage.killing import Killed

START = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC).timestamp()
TICK_S = 0.01
WRITES = {"create", "swap", "put"}
FIXED = frozenset({"location", "external_files", "uri", "scratch", "inner", "world", "actor"})


@dataclass(eq=False)
class Actor:
    """Somebody who works on the catalog; ``act`` is run again and again, by a thread each.

    Attributes:
        about: The operation of its store that it comes to next, and the path.
    """

    name: str
    act: Callable[["Actor"], None]
    guarded_since: float | None = None
    guard_s: float = 0.0
    doom: str = ""
    error: BaseException | None = None
    is_done: bool = True
    about: str = ""
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    one: threading.RLock = field(default_factory=threading.RLock)

    @property
    def kind(self) -> str:
        return self.name.partition(" ")[0]


class World:
    """A directory, the time, and who works there.

    Attributes:
        lawless: Whether a deletion compares nothing, as on S3, where equal bytes look equal.
    """

    def __init__(self, root: Path, random: Random, *, lawless: bool = False) -> None:
        self.root, self.random, self.lawless = root, random, lawless
        self.now = START
        self.steps = 0
        self.trace: list[str] = []
        self._turn = threading.Condition()
        self._running: Actor | None = None

    def seconds(self) -> float:
        return self.now

    def time(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.now, datetime.UTC)

    def store(self, actor: Actor | None = None) -> "WorldStore":
        return WorldStore(self, actor, LocalStore(str(self.root)))

    def open(self, actor: Actor | None = None) -> Catalog:
        repository = open_existing(self.store(actor))
        repository.condemned._clock = self.seconds
        expiry, read, known = repository.expiry, repository.commits.read, repository.expiry.known
        expiry._is_young = lambda one: self.time() - read(one).time < LEAST_KEEP  # type: ignore[method-assign]
        expiry.known = lambda *, fresh=True: known()  # type: ignore[method-assign]
        if "://" in repository.store.location:
            _look_ahead_at_once(repository.condemned)
        if actor is not None:
            check = repository.branches.check

            def guarded(*args: Any) -> Callable[[], None]:
                self.guard(actor, 1700.0)
                return check(*args)

            repository.branches.check = guarded
            repository.tags.check = lambda commit_id: guarded(commit_id, None)
        catalog = Catalog("lake", repository, author="tester")
        catalog.context = replaced(catalog.context, clock=self.time)
        return catalog

    def guard(self, actor: Actor, seconds: float) -> None:
        """Lets no more than some time pass until the actor has done what it is about to do."""
        actor.guarded_since, actor.guard_s = self.now, seconds

    # turns

    def gate(self, actor: Actor, about: str) -> None:
        with self._turn:
            actor.about = about
            self._running = None
            self._turn.notify_all()
        actor.go.acquire()

    def step(self, actor: Actor) -> None:
        """Lets an actor do one operation of its store, and come to the next."""
        self.steps += 1
        self.now += TICK_S
        with self._turn:
            self._running = actor
            if actor.is_done:
                actor.is_done = False
                threading.Thread(target=self._run, args=(actor,), daemon=True).start()
            else:
                actor.go.release()
            while self._running is actor:
                assert self._turn.wait(60), f"{actor.name} hangs"

    def _run(self, actor: Actor) -> None:
        try:
            actor.act(actor)
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            actor.error = error
        with self._turn:
            actor.guarded_since, actor.doom = None, ""
            actor.is_done = True
            self._running = None
            self._turn.notify_all()

    def pass_time(self, seconds: float) -> None:
        """Lets time pass, as much as who must not be stopped for long allows."""
        self.now += seconds

    def may_pass(self, actors: Sequence[Actor]) -> float:
        left = [
            one.guard_s - (self.now - one.guarded_since)
            for one in actors
            if one.guarded_since is not None
        ]
        return max(0.0, min(left, default=float("inf")))


def _look_ahead_at_once(condemned: Condemned) -> None:
    """Reads lists ahead of time where else a thread does, which would be by turns of its own."""
    later = condemned.look_ahead

    def look_ahead() -> None:
        later()
        if condemned._coming is not None:
            wait([condemned._coming[1]])

    condemned.look_ahead = look_ahead  # type: ignore[method-assign]


class WorldStore:
    """A directory as an actor sees it: by turns, and with the world's time."""

    def __init__(self, world: World, actor: Actor | None, inner: Any) -> None:
        self.world, self.actor, self.inner = world, actor, inner

    def __getattr__(self, name: str) -> Any:
        if name == "turn":
            raise AttributeError(name)
        method = getattr(self.inner, name)
        if name in FIXED or not callable(method):
            return method
        return lambda *args, **kwargs: self._do(name, method, *args, **kwargs)

    def _do(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        actor, world = self.actor, self.world
        if actor is None:
            return self._done(name, method, *args, **kwargs)
        about = _path(args[0]) if args else ""
        with actor.one:
            world.gate(actor, f"{name} {about}")
            if actor.doom == "before":
                actor.doom = "dead"
            if actor.doom == "dead":
                raise Killed
            answer = self._done(name, method, *args, **kwargs)
            world.trace.append(f"{world.now - START:.2f} {actor.name} {name} {about}")
            if (name == "swap" or name == "create") and about.startswith(
                ("refs/branches", "refs/tags")
            ):
                actor.guarded_since = None
            if actor.doom == "after":
                actor.doom = "dead"
                raise Killed
            if actor.doom == "lost" and name in ("create", "swap"):
                actor.doom = ""
                raise OutcomeUnknown("connection reset")
            return answer

    def _done(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if name in WRITES:
            answer = method(*args, **kwargs)
            self._stamp([args[0]])
            return answer
        if name in ("publish", "adopt"):
            files = args[0]
            fresh = [path for _, path in files if not (self.world.root / path).exists()]
            answer = method(*args, **kwargs)
            self._stamp(fresh)
            return answer
        return method(*args, **kwargs)

    def _stamp(self, paths: Sequence[str]) -> None:
        for path in paths:
            os.utime(self.world.root / path, (self.world.now, self.world.now))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = self._do("list", lambda wanted: list(self.inner.list(wanted)), prefix)
        for number, info in enumerate(found):
            if number and number % 40 == 0:
                self._do("list", lambda wanted: None, prefix)
            yield self._told(info)

    def _told(self, info: ObjectInfo) -> ObjectInfo:
        return replace_identity(info) if self.world.lawless else info

    def info(self, path: str) -> ObjectInfo | None:
        info: ObjectInfo | None = self._do("info", self.inner.info, path)
        return None if info is None else self._told(info)

    def delete_listed(self, found: Sequence[ObjectInfo]) -> Sequence[bool]:
        gone: list[bool] = []
        for one in found:
            gone += self._removed(one)
        if self.actor is not None:
            self.actor.guarded_since = None
        return gone

    def _removed(self, one: ObjectInfo) -> Sequence[bool]:
        if self.world.lawless:
            self._do("delete", self.inner.delete, one.path)
            return [True]
        gone: Sequence[bool] = self._do("delete_listed", self.inner.delete_listed, [one])
        return gone


def _path(about: Any) -> str:
    """Returns the path that an operation is about: the first of several."""
    while not isinstance(about, str):
        if isinstance(about, ObjectInfo):
            return about.path
        if isinstance(about, tuple) and len(about) == 2 and isinstance(about[1], str):
            return about[1]
        if not isinstance(about, Sequence) or not about:
            return ""
        about = about[0]
    return about


def replace_identity(info: ObjectInfo) -> ObjectInfo:
    """Returns an object as a store tells of it that knows no difference of equal bytes."""
    return replaced(info, identity=f"etag{info.size_bytes}")
