"""Answers that are lost between here and a service: nothing is lost, nothing is doubled."""

import threading
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, CatalogError, Conflict, StorageFailure
from catalog.repository import repository as stored
from catalog.storage.bucket import azure, requests, service
from catalog.storage.bucket import store as bucket
from catalog.storage.bucket.store import BucketStore
from catalog.storage.store import OutcomeUnknown, SwapLost
from tests.s3.proxy import Fate, Plan, Proxy
from tests.s3.servers import free_ports
from tests.s3.test_faults import FATES, on_branch, seeded
from tests.write.conftest import START, write

from .emulators import Cloud

WRITES = ("PUT", "POST")


def once(fate: Fate, part: str, methods: tuple[str, ...] = WRITES) -> Plan:
    """Returns a plan by which the next request that matches has a fate."""
    left = [fate]

    def plan(called: str, path: str) -> Fate | None:
        return left.pop() if left and called in methods and part in path else None

    return plan


@pytest.fixture
def watched(cloud: Cloud, proxy: Proxy, place: str) -> BucketStore:
    """Is a store whose requests go through the proxy, and which never waits."""
    return cloud.at(proxy.endpoint).store(f"{place}/lake")


@pytest.fixture
def cat(watched: BucketStore) -> Catalog:
    repository = stored.create(watched, author="tester", now=START)
    return Catalog("lake", repository, author="tester")


def commit(cat: Catalog, table: str, source: Path, message: str) -> str:
    with cat.transaction("main", message=message) as tx:
        tx.snapshot(table, str(source), scope="append")
    assert tx.commit is not None
    return tx.commit.id


@pytest.mark.invariant(
    "In Google Cloud Storage and Azure, too, a commit is made once, and each write is sent once"
)
@pytest.mark.parametrize("part", ["/data/", "/objects/", "/refs/branches/"])
@pytest.mark.parametrize("fate", FATES)
def test_a_commit_is_made_once_whatever_happens_to_one_answer(
    cat: Catalog, proxy: Proxy, source: Path, part: str, fate: Fate
) -> None:
    write(source / "x.parquet", {"id": [1]})
    proxy.plan = once(fate, part)
    made = commit(cat, "a", source, "new")
    assert [happened[2] for happened in proxy.happened] == [fate]
    assert next(iter(on_branch(cat).items())) == (made, "new")
    assert len(on_branch(cat)) == 2
    assert cat.sql("SELECT count(*) FROM a").fetchall() == [(1,)]


@pytest.mark.invariant(
    "In Google Cloud Storage and Azure, too, a commit is made once, and each write is sent once"
)
@pytest.mark.parametrize("fate", ["cut-before", "cut-after", "error-after", "later"])
def test_the_library_sends_a_conditional_write_once(
    watched: BucketStore, proxy: Proxy, fate: Fate
) -> None:
    proxy.plan = lambda method, path: fate if method in WRITES and "name" in path else None
    with pytest.raises(OutcomeUnknown):
        watched.create("name", b"x")
    assert len([asked for asked in proxy.asked if asked.method in WRITES]) == requests.SENDINGS


def test_a_condition_that_fails_after_a_lost_answer_tells_nothing(
    watched: BucketStore, proxy: Proxy
) -> None:
    proxy.plan = once("cut-after", "name")
    with pytest.raises(OutcomeUnknown):
        watched.create("name", b"x")
    version = watched.read("name").version
    proxy.plan = once("error-after", "name")
    with pytest.raises(OutcomeUnknown):
        watched.swap("name", b"y", version=version)
    assert watched.read("name").data == b"y"
    with pytest.raises(SwapLost):
        watched.swap("name", b"z", version=version)
    with pytest.raises(AlreadyExists):
        watched.create("name", b"z")


@pytest.mark.parametrize("fate", ["cut-before", "cut-after"])
def test_a_write_is_unknown_when_all_its_answers_are_lost(
    cat: Catalog, proxy: Proxy, source: Path, fate: Fate
) -> None:
    write(source / "x.parquet", {"id": [1]})
    proxy.plan = lambda method, path: fate if method in WRITES and "/refs/" in path else None
    if fate == "cut-after":
        commit(cat, "a", source, "new")
    else:
        with pytest.raises(OutcomeUnknown):
            commit(cat, "a", source, "new")
    proxy.plan = lambda method, path: None
    assert len(on_branch(cat)) == (2 if fate == "cut-after" else 1)


def test_a_branch_never_moves_to_files_that_did_not_arrive(
    cat: Catalog, proxy: Proxy, source: Path
) -> None:
    write(source / "x.parquet", {"id": [1]})
    proxy.plan = lambda method, path: "cut-before" if "/data/" in path else None
    with pytest.raises(CatalogError):
        commit(cat, "a", source, "new")
    proxy.plan = lambda method, path: None
    assert len(on_branch(cat)) == 1
    commit(cat, "a", source, "again")
    assert cat.sql("SELECT count(*) FROM a").fetchall() == [(1,)]


def test_reads_are_sent_again(cat: Catalog, proxy: Proxy, source: Path) -> None:
    write(source / "x.parquet", {"id": [1]})
    commit(cat, "a", source, "new")
    for fate in FATES:
        proxy.plan = once(fate, "/refs/branches/", ("GET",))
        assert len(cat.log()) == 2
        assert proxy.happened[-1][2] == fate


def test_of_writers_on_a_failing_line_none_loses_or_doubles(
    cat: Catalog, proxy: Proxy, source: Path
) -> None:
    writers, commits = 3, 2
    for n in range(writers):
        write(source / f"{n}.parquet", {"id": [n]})
    acknowledged: dict[str, str] = {}
    unknown: list[str] = []
    store = cat.repository.store

    def run(number: int) -> None:
        own = Catalog("lake", stored.open_existing(store), author="tester")
        for n in range(commits):
            name = f"{number}-{n}"
            for _ in range(100):
                try:
                    made = commit(own, f"t{number}{n}", source / f"{number}.parquet", name)
                except OutcomeUnknown:
                    unknown.append(name)
                except Conflict:
                    continue
                else:
                    acknowledged[made] = name
                break

    failing = seeded(20240501, 0.2)
    proxy.plan = lambda method, path: failing("PUT" if method in WRITES else method, path)
    threads = [threading.Thread(target=run, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proxy.plan = lambda method, path: None
    found = on_branch(cat)
    assert len(proxy.happened) > writers
    assert acknowledged.items() <= found.items()
    rest = [name for made, name in found.items() if made not in acknowledged][:-1]
    assert len(set(rest)) == len(rest) and set(rest) <= set(unknown)
    assert len(acknowledged) + len(unknown) == writers * commits


@pytest.mark.parametrize("fate", ["cut-after", "later"])
def test_parts_of_a_large_file_are_sent_again(
    cloud: Cloud,
    watched: BucketStore,
    proxy: Proxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fate: Fate,
) -> None:
    monkeypatch.setattr(bucket, "BACKGROUND_BYTES", 0)
    for module in (bucket, azure):
        monkeypatch.setattr(module, "WHOLE_BYTES", 1 << 20)
    monkeypatch.setattr(service, "PART_BYTES", 1 << 20)
    source = tmp_path / "large"
    source.write_bytes(b"".join(b"%07d\n" % n for n in range(1_200_000)))
    proxy.plan = once(fate, "data/large")
    watched.publish([(watched.stage(str(source)), "data/large")])
    assert [happened[2] for happened in proxy.happened] == [fate]
    if cloud.name == "azure":  # Google's go on elsewhere: the server's own address
        assert len([asked for asked in proxy.asked if asked.sent == 1 << 20]) >= 9
    assert watched.read("data/large").data == source.read_bytes()


def test_a_server_that_is_not_there_is_named(cloud: Cloud, place: str) -> None:
    (port,) = free_ports(1)
    store = cloud.at(f"http://127.0.0.1:{port}").store(place)
    with pytest.raises(StorageFailure) as caught:
        store.create("name", b"x")
    assert caught.value.kind == "no-endpoint"
    assert f"127.0.0.1:{port}" in caught.value.message
