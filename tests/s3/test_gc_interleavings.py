"""Garbage collection among writers in any order, in buckets: days pass there by a clock's setting.

Servers stamp objects by clocks of their own. Here a store says instead when it wrote them, by the
world's clock. It keeps a copy of the bucket in a directory, too, for the independent reader.
"""

import datetime
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from catalog.dataclasses import replace
from catalog.repository.repository import create
from catalog.storage.bucket.store import BucketStore
from catalog.storage.cached import CachedStore
from catalog.storage.disk_cache import DiskCache
from catalog.storage.s3.service import S3Service
from catalog.storage.store import ObjectInfo
from tests.care.oracles import Oracle
from tests.care.plays import begin, collect_all, play
from tests.care.worlds import START, WRITES, Actor, World, WorldStore
from tests.effort import effort

from .conftest import new_place

DERIVED = "cache/"


class BucketWorld(World):
    """A place in a bucket, what is there as a copy below ``root``, and when it was written."""

    def __init__(self, root: Path, random: Random, access: S3Service) -> None:
        super().__init__(root, random, lawless=True)
        self.access = access
        self.uri = f"{new_place(access)}/lake"
        self.written: dict[str, float] = {}

    def store(self, actor: Actor | None = None) -> "BucketWorldStore":
        """Returns a store; every other actor has a cache, which outlives what it opens."""
        inner = BucketStore(self.uri, self.access)
        if actor is not None and actor.name[-1] in "02468":
            cache = DiskCache(str(self.root.parent / f"{self.root.name}-cache-{actor.name}"))
            inner = CachedStore(self.uri, self.access, cache)
        return BucketWorldStore(self, actor, inner)

    def wrote(self, path: str, data: bytes) -> None:
        self.written[path] = self.now
        copy = self.root / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(data)

    def removed(self, path: str) -> None:
        self.written.pop(path, None)
        (self.root / path).unlink(missing_ok=True)

    def download(self, target: Path) -> None:
        """Copies all that is in the bucket."""
        store = BucketStore(self.uri, self.access)
        for info in store.list(""):
            file = target / info.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(store.read(info.path).data)


class BucketWorldStore(WorldStore):
    """A bucket as an actor sees it: by turns, and with the world's time."""

    world: BucketWorld

    def _done(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        world = self.world
        fresh: dict[str, bytes] = {}
        if name == "publish":
            for staged, path in args[0]:
                if path not in world.written:
                    fresh[path] = Path(staged.local_path).read_bytes()
        answer = method(*args, **kwargs)
        if name in WRITES:
            fresh = {args[0]: args[1]}
        if name in WRITES or name == "publish":
            self.inner.finish_writes()
        for path, data in fresh.items():
            world.wrote(path, data)
        if name == "delete":
            world.removed(args[0])
        if name == "delete_listed":
            for one, is_gone in zip(args[0], answer, strict=True):
                if is_gone:
                    world.removed(one.path)
        return answer

    def _told(self, info: ObjectInfo) -> ObjectInfo:
        at = self.world.written.get(info.path, START)
        return replace(info, modified=datetime.datetime.fromtimestamp(at, datetime.UTC))

    def _removed(self, one: ObjectInfo) -> Sequence[bool]:
        gone: Sequence[bool] = self._do("delete_listed", self.inner.delete_listed, [one])
        return gone

    def local_copy(self, path: str) -> str | None:
        found: str | None = self.inner.local_copy(path)
        return found

    def finish_writes(self) -> None:
        self.inner.finish_writes()

    def forget(self, path: str) -> None:
        if isinstance(self.inner, CachedStore):
            self.inner.forget(path)


def contents(root: Path) -> dict[str, bytes]:
    return {
        name: path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not (name := path.relative_to(root).as_posix()).startswith(DERIVED)
    }


def check_bucket(world: BucketWorld) -> None:
    """Checks with the independent reader that what refs need is in the bucket itself."""
    found = world.root.parent / f"{world.root.name}-found"
    world.download(found)
    Oracle(found).reachable()
    assert contents(found) == contents(world.root)
    shutil.rmtree(found)


@pytest.mark.invariant("No order of writers and garbage collections loses or leaves anything")
def test_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, access: S3Service) -> None:
    for seed in effort((3,), tuple(range(100, 107))):
        world = BucketWorld(tmp_path / str(seed), Random(seed), access)
        create(world.store(), author="tester", now=world.time())
        begin(world, monkeypatch)
        try:
            done = play(world, effort(200, 1500))
            check_bucket(world)
            collect_all(world)
            check_bucket(world)
        except BaseException:
            print(f"seed {seed}", *world.trace[-80:], sep="\n")
            raise
        assert done["done"]
        print(f"seed {seed}: {world.steps} steps, {done}")
