"""Answers that are lost between here and a service: nothing is lost, nothing is doubled."""

from pathlib import Path

import pytest

from catalog.errors import AlreadyExists, StorageFailure
from catalog.storage.bucket import azure, requests, service
from catalog.storage.bucket import store as bucket
from catalog.storage.bucket.store import BucketStore
from catalog.storage.store import OutcomeUnknown, SwapLost
from tests.s3.proxy import WRITES, Fate, Proxy, once
from tests.s3.servers import free_ports
from tests.storage.lost_answers import LostAnswersContract

from .emulators import Cloud


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "part" in metafunc.fixturenames:
        metafunc.parametrize("part", ["/data/", "/objects/", "/refs/branches/"])


@pytest.fixture
def watched(cloud: Cloud, proxy: Proxy, place: str) -> BucketStore:
    """Is a store whose requests go through the proxy, and which never waits."""
    return cloud.at(proxy.endpoint).store(f"{place}/lake")


class TestLostAnswers(LostAnswersContract):
    writers = 3
    commits = 2
    share = 0.2


@pytest.mark.invariant("In Google Cloud Storage and Azure, too, each write is sent once")
@pytest.mark.parametrize("fate", ["cut-before", "cut-after", "error-after"])
def test_the_library_sends_a_conditional_write_once(
    watched: BucketStore, proxy: Proxy, fate: Fate
) -> None:
    proxy.plan = lambda method, path: fate if method in WRITES and "name" in path else None
    with pytest.raises(OutcomeUnknown):
        watched.create("name", b"x")
    assert len([asked for asked in proxy.asked if asked.method in WRITES]) == requests.SENDINGS


def test_a_write_that_is_put_off_is_sent_for_long_and_known_not_to_be_done(
    watched: BucketStore, proxy: Proxy
) -> None:
    proxy.plan = lambda method, path: "later" if method in WRITES and "name" in path else None
    with pytest.raises(StorageFailure) as failed:
        watched.create("name", b"x")
    assert not isinstance(failed.value, OutcomeUnknown)
    sent = [asked for asked in proxy.asked if asked.method in WRITES]
    assert len(sent) == requests.PATIENT_SENDINGS


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
