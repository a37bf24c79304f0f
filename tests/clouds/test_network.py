"""What a portal or a certificate spoils is told as such, by the libraries of other clouds too."""

from typing import Any

import pytest

import catalog
from catalog.errors import CatalogError, StorageFailure
from catalog.storage.bucket.store import BucketStore
from tests.s3.recorder import recording
from tests.s3.test_network import HTML, PAGE, untrusted

from .emulators import AZURE_KEY, Cloud

__all__ = ["untrusted"]  # a fixture

DATES = {"Last-Modified": "Wed, 04 Mar 2026 05:06:07 GMT"}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.storage.bucket.requests.PAUSE_S", 0.0)
    monkeypatch.setattr("catalog.storage.bucket.requests.MAX_PAUSE_S", 0.0)
    monkeypatch.setenv("AZURE_STORAGE_KEY", AZURE_KEY)


CLOUDS = [("gcs", "gs://"), ("azure", "az://")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Azure's sockets
@pytest.mark.parametrize("answer", [(200, HTML, PAGE), (200, HTML | DATES, PAGE)])
@pytest.mark.parametrize(("name", "scheme"), CLOUDS)
def test_a_page_of_a_portal_is_told_as_such(name: str, scheme: str, answer: Any) -> None:
    with recording() as server:
        server.answer = lambda method, path: answer
        cloud = Cloud(name, scheme, server.endpoint, ())
        service = cloud.service()
        store = BucketStore(f"{scheme}bucket/lake", service)
        for act in (
            lambda: catalog.open(f"{scheme}bucket/lake", **cloud.options),
            lambda: store.read("catalog.json"),
            lambda: store.read_range("catalog.json", 1, 2),
            lambda: list(store.list("")),
            lambda: store.info("catalog.json"),
        ):
            with pytest.raises(CatalogError) as failed:
                act()
            assert isinstance(failed.value, StorageFailure)
            assert f"does not answer as {service.name} does" in failed.value.message


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("name", "scheme"), CLOUDS)
def test_a_certificate_that_nobody_vouches_for_is_told(
    name: str, scheme: str, untrusted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "catalog.storage.bucket.gcs._gets_credentials", lambda endpoint, *, chosen_by: False
    )
    cloud = Cloud(name, scheme, untrusted.endpoint, ())
    with pytest.raises(StorageFailure) as failed:
        catalog.open(f"{scheme}bucket/lake", **cloud.options)
    assert failed.value.kind == "no-endpoint"
    assert "self-signed certificate" in failed.value.message
    assert "REQUESTS_CA_BUNDLE" in failed.value.hint
