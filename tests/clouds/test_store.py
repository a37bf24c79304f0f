"""Stores in Google Cloud Storage and Azure keep what every store promises."""

import os

import pytest

from catalog.errors import AlreadyExists
from catalog.storage.bucket import azure
from catalog.storage.bucket.store import BucketStore
from catalog.storage.store import SwapLost
from tests.storage.bucket_contract import BucketStoreContract

from .emulators import Cloud


class TestCloudStore(BucketStoreContract):
    def test_conditions_hold_for_large_objects(
        self, cloud: Cloud, store: BucketStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(azure, "WHOLE_BYTES", 1 << 20)
        # Google's library sends more than 8 MB as a resumable upload, whose conditions
        # fake-gcs-server forgets up to version 1.54; the service itself keeps them
        size = (7 if cloud.name == "gcs" else 10) << 20
        first = store.create("large", b"1" * size)
        with pytest.raises(AlreadyExists):
            store.create("large", b"2" * size)
        second = store.swap("large", b"3" * size, version=first)
        with pytest.raises(SwapLost):
            store.swap("large", b"4" * size, version=first)
        stored = store.read("large")
        assert (stored.data, stored.version) == (b"3" * size, second)

    def test_the_environment_is_left_alone(self, store: BucketStore) -> None:
        before = dict(os.environ)
        store.create("object", b"x")
        assert dict(os.environ) == before
