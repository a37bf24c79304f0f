"""What buckets refuse, and how that is reported: the same for every service."""

from typing import Any

import pytest

import catalog
from catalog.errors import NotFound, StorageFailure
from tests.s3.proxy import Proxy


class RefusalsContract:
    """Tests with the fixture ``options``: what ``catalog.open`` takes to go through the proxy.

    Attributes:
        secrets: What must never be shown.
    """

    secrets: tuple[str, ...]

    def test_a_server_is_tested_once(
        self, options: dict[str, Any], proxy: Proxy, place: str
    ) -> None:
        catalog.create(f"{place}/lake", **options)
        proxy.clear()
        assert len(catalog.open(f"{place}/lake", **options).log()) == 1
        assert [asked.method for asked in proxy.asked] == ["GET"]

    def test_a_missing_bucket_is_named(self, options: dict[str, Any], place: str) -> None:
        scheme = place.partition("://")[0]
        for call in (catalog.create, catalog.open):
            with pytest.raises(NotFound) as caught:
                call(f"{scheme}://no-such-bucket/lake", **options)
            assert caught.value.kind == "bucket-not-found"
            assert "no-such-bucket" in caught.value.message

    def test_what_is_denied_is_named(
        self, options: dict[str, Any], proxy: Proxy, place: str
    ) -> None:
        catalog.create(f"{place}/lake", **options)
        proxy.plan = lambda method, path: "denied"
        for call in (catalog.create, catalog.open):
            with pytest.raises(StorageFailure) as caught:
                call(f"{place}/lake", cache="", **options)
            assert caught.value.kind == "not-permitted"
            assert f"{place}/lake" in caught.value.message
            shown = f"{caught.value.message}{caught.value.hint}"
            assert all(secret not in shown for secret in self.secrets)

    def test_who_may_only_read_reads(
        self, options: dict[str, Any], proxy: Proxy, place: str
    ) -> None:
        catalog.create(f"{place}/lake", **options)
        proxy.plan = lambda method, path: None if method in ("GET", "HEAD") else "denied"
        assert len(catalog.open(f"{place}/lake", cache="", **options).log()) == 1
