"""Servers that ignore the conditions of writes are refused: they would lose commits silently."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import catalog
from catalog.errors import StorageFailure, Unsupported
from catalog.storage.bucket.store import BucketStore
from catalog.storage.local import LocalStore
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.storage.refusals import RefusalsContract

from . import servers
from .conftest import new_place
from .lawless import lawless
from .proxy import Proxy
from .servers import SECRET, Server


@pytest.fixture(params=["nanio", "rclone", "s3rver"])
def careless(request: pytest.FixtureRequest, tmp_path: Path) -> "Iterator[Server]":
    """Is each of the servers that answer 200 and ignore the condition."""
    with getattr(servers, request.param)(tmp_path) as server:
        yield server


@pytest.mark.invariant("A server that ignores conditional writes is refused")
def test_a_server_that_ignores_conditions_is_refused_at_init(careless: Server) -> None:
    options = S3Options(endpoint_url=careless.endpoint)
    access = S3Service(options)
    place = new_place(access)
    with pytest.raises(Unsupported) as refused:
        catalog.create(f"{place}/lake", s3=options)
    assert refused.value.kind == "no-conditional-writes"
    assert "would be lost" in refused.value.message
    assert list(BucketStore(f"{place}/lake", access).list("")) == []


def test_a_server_that_ignores_conditions_is_refused_at_open(
    careless: Server, tmp_path: Path
) -> None:
    access = S3Service(S3Options(endpoint_url=careless.endpoint))
    place = new_place(access)
    there = BucketStore(f"{place}/lake", access)
    made = LocalStore(catalog.create(str(tmp_path / "lake")).uri)
    copied = {info.path: made.read(info.path).data for info in made.list("")}
    for path, data in copied.items():
        there.put(path, data)
    for cache in (None, ""):
        with pytest.raises(Unsupported) as refused:
            catalog.open(f"{place}/lake", s3=access.options, cache=cache)
        assert refused.value.kind == "no-conditional-writes"
    assert {info.path: there.read(info.path).data for info in there.list("")} == copied


@pytest.mark.invariant("A server that ignores conditional writes is refused")
@pytest.mark.parametrize("ignored", ["If-None-Match", "If-Match"])
def test_a_server_that_ignores_either_condition_is_refused_at_open(
    moto: Server, ignored: str
) -> None:
    place = new_place(S3Service(S3Options(endpoint_url=moto.endpoint)))
    catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=moto.endpoint))
    with lawless(moto.endpoint, ignored) as endpoint:
        options = S3Options(endpoint_url=endpoint)
        with pytest.raises(Unsupported) as refused:
            catalog.open(f"{place}/lake", s3=options)
        assert ignored in refused.value.message


def test_an_endpoint_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = servers.free_ports(1)
    monkeypatch.setattr("catalog.storage.bucket.requests.PAUSE_S", 0.0)
    url = f"http://me:{SECRET}@127.0.0.1:{port}"
    with pytest.raises(StorageFailure) as caught:
        catalog.open("s3://bucket/lake", s3=S3Options(endpoint_url=url))
    assert caught.value.kind == "no-endpoint"
    assert f"http://127.0.0.1:{port}" in caught.value.message
    assert SECRET not in f"{caught.value.message}{caught.value.hint}"


def test_missing_credentials_are_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StorageFailure) as caught:
        catalog.open("s3://bucket/lake", s3=S3Options(endpoint_url=server.endpoint))
    assert caught.value.kind == "no-credentials"
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(catalog.InvalidInput) as caught:
        catalog.open("s3://bucket/lake", s3=S3Options(profile="nobody"))
    assert "nobody" in caught.value.message


class TestRefusals(RefusalsContract):
    secrets = (SECRET,)

    @pytest.fixture
    def options(self, proxy: Proxy) -> dict[str, S3Options]:
        return {"s3": S3Options(endpoint_url=proxy.endpoint)}
