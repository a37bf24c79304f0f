"""Two independent S3 servers, started once a session, and stores in buckets of them."""

import contextlib
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.storage.bucket.store import BucketStore
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service

from . import servers
from .proxy import Proxy, proxied
from .servers import Server

BUCKET = "tests"

_numbers = itertools.count()


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(params=["moto", "seaweed"])
def server(request: pytest.FixtureRequest, aws: None) -> Server:
    """Is each of the servers that keep conditions."""
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lets boto3 find credentials for loopback, and nothing of whoever runs the tests."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def access(server: Server) -> S3Service:
    """Is one access per server, with the connections that it keeps open."""
    return _access(server.endpoint)


@functools.cache
def _access(endpoint: str) -> S3Service:
    return S3Service(S3Options(endpoint_url=endpoint))


@pytest.fixture
def place(access: S3Service) -> str:
    """Is a URI below which nothing is yet."""
    return new_place(access)


@pytest.fixture
def store(access: S3Service, place: str) -> BucketStore:
    return BucketStore(f"{place}/lake", access)


def new_place(access: S3Service) -> str:
    """Returns a fresh prefix of one bucket: some servers keep files apart for every bucket."""
    there = access.client.exceptions
    with contextlib.suppress(there.BucketAlreadyOwnedByYou, there.BucketAlreadyExists):
        access.client.create_bucket(Bucket=BUCKET)
    return f"s3://{BUCKET}/{next(_numbers)}"


def upload(access: S3Service, source: Path, place: str) -> str:
    """Uploads a directory, and returns the URI of its prefix."""
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    for path in sorted(source.rglob("*.parquet")):
        key = f"{prefix}/src/{path.relative_to(source)}"
        access.client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return f"{place}/src"


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with proxied(server.endpoint) as found:
        yield found


@pytest.fixture
def watched(proxy: Proxy) -> S3Service:
    """Is an access whose requests go through the proxy, and which never waits."""
    return S3Service(S3Options(endpoint_url=proxy.endpoint), sleep=lambda seconds: None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
