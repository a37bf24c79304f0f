"""Requests that a catalog in a bucket takes: counted, and no more than promised."""

import functools
import threading
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.repository import datafiles
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.repository import Repository, open_existing
from catalog.repository.tables import files_in_partition
from catalog.storage.bucket import service
from catalog.storage.bucket.store import BucketStore
from catalog.storage.cached import CachedStore
from catalog.storage.disk_cache import DiskCache
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.repository.conftest import History, at, stamp
from tests.repository.test_cost import TABLE, entry
from tests.storage.memory import MemoryStore
from tests.storage.wrappers import CountingStore
from tests.write.conftest import snap, write

from .conftest import new_place, upload
from .proxy import Asked, Proxy, proxied
from .servers import Server

METADATA = ("/objects/", "/refs/", "/catalog.json")


class Lake:
    """Is a catalog whose requests are counted."""

    def __init__(self, server: Server, proxy: Proxy, cache: Path) -> None:
        self.options = S3Options(endpoint_url=proxy.endpoint)
        self.place = new_place(S3Service(S3Options(endpoint_url=server.endpoint)))
        self.proxy = proxy
        self.cache = str(cache)
        self.cat = catalog.create(f"{self.place}/lake", s3=self.options, cache=self.cache)

    def opened(self, *, cold: bool = False) -> Catalog:
        cache = "" if cold else self.cache
        return catalog.open(f"{self.place}/lake", s3=self.options, cache=cache)

    def asked(self, *parts: str) -> list[Asked]:
        """Returns what was asked since the last time, of some parts of the catalog."""
        store = self.cat.repository.store
        getattr(store, "inner", store)._pending.settle()
        found = [a for a in self.proxy.asked if not parts or any(p in a.path for p in parts)]
        self.proxy.clear()
        return found


@pytest.fixture
def lake(server: Server, proxy: Proxy, tmp_path: Path) -> Lake:
    return Lake(server, proxy, tmp_path / "own-cache")


def tables(source: Path, count: int, value: int = 0) -> None:
    for n in range(count):
        write(source / f"t{n}" / "k=0" / "x.parquet", {"id": [n], "v": [value]})
        write(source / f"t{n}" / "k=1" / "x.parquet", {"id": [n], "v": [-1]})


@pytest.mark.invariant("Requests to S3 stay within bounds")
def test_opening_and_log_of_a_warm_cache_take_one_request(lake: Lake, source: Path) -> None:
    tables(source, 1)
    snap(lake.cat, "t", source / "t0")
    lake.asked()
    assert len(lake.opened().log()) == 2
    assert [(a.method, a.path.rpartition("/")[2]) for a in lake.asked()] == [("GET", "main.json")]


def test_opening_takes_two_requests_at_most(lake: Lake, tmp_path: Path) -> None:
    lake.asked()
    lake.opened()
    assert len(lake.asked()) == 0
    cache = str(tmp_path / "knows-the-server")
    catalog.create(f"{lake.place}/other", s3=lake.options, cache=cache)
    lake.asked()
    catalog.open(f"{lake.place}/lake", s3=lake.options, cache=cache)
    assert [(a.method, a.path.rpartition("/")[2]) for a in lake.asked()] == [
        ("GET", "catalog.json")
    ]


@pytest.mark.invariant("Requests to S3 stay within bounds")
def test_a_commit_of_one_file_takes_seven_requests_in_two_rounds(lake: Lake, source: Path) -> None:
    tables(source, 1)
    snap(lake.cat, "t", source / "t0", key=["id"])
    tables(source, 1, value=1)
    lake.asked()
    snap(lake.opened(), "t", source / "t0")
    asked = lake.asked()
    assert len(asked) <= 7, asked  # one of them asks for lists of garbage
    writes = [a.path for a in asked if a.method == "PUT"]
    assert len(writes) == 4
    assert "/refs/branches/" in writes[-1]


def test_a_cold_commit_takes_six_more(lake: Lake, source: Path) -> None:
    tables(source, 1)
    snap(lake.cat, "t", source / "t0", key=["id"])
    tables(source, 1, value=1)
    cold = lake.opened(cold=True)
    lake.asked()
    snap(cold, "t", source / "t0")
    store: Any = cold.repository.store
    store._pending.settle()
    asked = lake.asked()
    assert len(asked) <= 12, asked
    writes = [a.path for a in asked if a.method == "PUT"]
    assert "/refs/branches/" in writes[-1]
    assert not any("/refs/branches/" in path for path in writes[:-1]), "all else is one round"


def test_data_fingerprint_and_pack_are_sent_side_by_side(lake: Lake, source: Path) -> None:
    together = threading.Barrier(3)

    def plan(method: str, path: str) -> None:
        if method == "PUT" and any(p in path for p in ("/data/", "/fingerprints/", "/objects/")):
            together.wait(30)  # until all three are under way

    lake.proxy.plan = plan
    write(source / "one.parquet", {"id": [1]})
    snap(lake.cat, "t", source / "one.parquet", key=["id"])
    assert not together.broken


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_a_hundred_tables_in_one_commit_take_twelve_metadata_requests(
    lake: Lake, source: Path
) -> None:
    tables(source, 100)
    for value in (0, 1):
        tables(source, 100, value=value)
        cat = lake.opened()
        lake.asked()
        with cat.transaction(message="all") as tx:
            for n in range(100):
                tx.snapshot(f"t{n}", str(source / f"t{n}"), fingerprints="later")
        assert len(lake.asked(*METADATA)) <= 12


def test_neighbours_are_told_apart_in_four_requests(lake: Lake, source: Path) -> None:
    for value in range(3):
        tables(source, 1, value=value)
        snap(lake.cat, "t", source / "t0")
    for cold in (False, True):
        cat = lake.opened(cold=cold)
        lake.asked()
        assert cat.diff("main~1", "main", level="stat")["t"]
        assert len(lake.asked()) <= 4


def test_a_branch_takes_three_requests_and_one_in_the_background(lake: Lake) -> None:
    for cold in (False, True):
        cat = lake.cat = lake.opened(cold=cold)
        lake.asked()
        cat.branches.create(f"dev{cold}")
        branch, lists, made, spare = lake.asked()
        assert (spare.method, "/spare/branches/" in spare.path) == ("PUT", True)
        assert [branch.method, lists.method, made.method] == ["GET", "GET", "PUT"]
        assert lists.path.count("/") < branch.path.count("/"), "it lists what is garbage"


@pytest.mark.parametrize("strangers", [0, 1, 40])
def test_references_in_many_folders_are_checked_by_a_listing(
    lake: Lake,
    server: Server,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    strangers: int,
) -> None:
    """Puts other objects between the files, in the end so many that looks are cheaper."""
    monkeypatch.setattr(service, "PAGE_OBJECTS", 10)
    monkeypatch.setattr(datafiles, "PAGE_FILES", 10)
    access = S3Service(S3Options(endpoint_url=server.endpoint))
    for k in range(20, 40):
        write(source / f"k={k}" / "x.parquet", {"v": [k]})
    prefix = upload(access, source, lake.place)
    bucket, _, key = prefix.removeprefix("s3://").partition("/")
    for n in range(strangers):
        access.client.put_object(Bucket=bucket, Key=f"{key}/k=20/_{n:02}", Body=b"")
    snap(lake.cat, "t", prefix, mode="reference", fingerprints="later")
    cat = lake.opened()
    lake.asked()
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(sum(range(20, 40)),)]
    asked = lake.asked()
    looks = [a for a in asked if a.method == "HEAD"]
    listings = [a for a in asked if a.method == "GET" and a.path.rstrip("/") == f"/{bucket}"]
    assert len(listings) <= 5
    assert len(looks) <= (20 if strangers == 40 else 0)


def test_a_tag_takes_six_requests_and_one_in_the_background(lake: Lake) -> None:
    lake.asked()
    lake.cat.tags.create("v1")
    asked = lake.asked()
    assert len(asked) <= 7 and [one.method for one in asked if "/spare/" in one.path] == ["PUT"]


@functools.cache
def large(files: int, newest: int) -> MemoryStore:
    """Returns a store with a table of many made-up files, whose newest commits changed some.

    Args:
        files: How many files there are.
        newest: How many of them, the last ones, the newest commit changed.
    """
    store = MemoryStore()
    history = History(CountingStore(store))
    parent = history.first
    base = None
    last = range(files - newest, files)
    for added, removed in (
        ([entry(n) for n in range(files)], []),
        ([entry(7, 1)], [entry(7)]),
        ([entry(n, 1) for n in last], [entry(n) for n in last]),
    ):
        update = TableUpdate("t", base, TABLE if base is None else base.snapshot, removed, added)
        about = Description("tester", at(0), "commit")
        parent = history.repository.writer().write([parent], [update], about)
        base = _stored(history.repository, parent)
    held = history.repository.branches.held("main")
    assert held is not None
    history.repository.branches.move(held, parent, stamp())
    return store


def _stored(repository: Repository, commit_id: str) -> Any:
    return repository.commits.table(repository.commits.entries(commit_id)["t"])


@pytest.mark.parametrize("place", [0.25, 0.75])
@pytest.mark.parametrize(
    ("files", "newest"), [(1_000, 1), (1_000, 500), (50_000, 1), (50_000, 25_000)]
)
def test_planning_a_query_of_a_partition_takes_a_request_per_level_and_three(
    moto: Server, tmp_path: Path, files: int, newest: int, place: float
) -> None:
    access = S3Service(S3Options(endpoint_url=moto.endpoint))
    there = BucketStore(f"{new_place(access)}/lake", access)
    here = large(files, newest)
    for info in here.list(""):
        there.create(info.path, here.read(info.path).data)
    with proxied(moto.endpoint) as proxy:
        options = S3Options(endpoint_url=proxy.endpoint)
        watched = S3Service(options)
        counts = []
        for cache in (tmp_path / "a", tmp_path / "a", tmp_path / "b"):
            repository = open_existing(CachedStore(there.location, watched, DiskCache(str(cache))))
            proxy.clear()
            table = _stored(repository, repository.refs.resolve("main").commit_id)
            wanted = entry(int(files * place)).partition
            assert list(files_in_partition(repository.commits, table, wanted))
            counts.append(len(proxy.asked))
    cold, warm, again = counts
    assert (warm, again) == (1, cold)
    assert cold <= table.snapshot.levels + 3, (cold, table.snapshot.levels)
