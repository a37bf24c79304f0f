"""Google Cloud Storage and Azure Blob Storage on loopback, started once a session."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.storage.bucket.store import BucketStore
from tests.s3.proxy import Proxy, proxied

from . import emulators
from .emulators import AZURE_KEY, Cloud


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with emulators.gcs(tmp_path_factory.mktemp("gcs")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with emulators.azure(tmp_path_factory.mktemp("azure")) as cloud:
        yield cloud


@pytest.fixture(params=["gcs", "azure"])
def cloud(request: pytest.FixtureRequest, own: None) -> Cloud:
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lets the libraries find credentials for loopback, and nothing of whoever runs the tests."""
    for name in (
        "AZURE_STORAGE_ACCOUNT",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_SAS_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "STORAGE_EMULATOR_HOST",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_STORAGE_KEY", AZURE_KEY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def collected(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collects what errors hold: answers that a library left open would warn in other tests."""
    gc.freeze()  # what is older need not be looked at
    yield
    if request.node.name.endswith("[gcs]") and request.node.path.stem != "test_tokens":
        return  # Google's leaves none where it gets its answers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def place(cloud: Cloud) -> str:
    return cloud.new_place()


@pytest.fixture
def store(cloud: Cloud, place: str) -> BucketStore:
    return cloud.store(f"{place}/lake")


@pytest.fixture
def proxy(cloud: Cloud) -> Iterator[Proxy]:
    with proxied(cloud.endpoint) as found:
        yield found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
