"""Answers that are lost between here and S3: nothing is lost, nothing is doubled."""

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.storage.bucket.store import BucketStore
from catalog.storage.s3.service import S3Service
from tests.storage.lost_answers import LostAnswersContract

from .proxy import FATES, Fate, Proxy

PLACES = [
    *(("moto", part) for part in ("/data/", "/cache/", "/objects/", "/refs/branches/")),
    ("seaweed", "/refs/branches/"),
]


class TestLostAnswers(LostAnswersContract):
    @pytest.fixture
    def watched(self, watched: S3Service, place: str) -> BucketStore:
        return BucketStore(f"{place}/lake", watched)

    @pytest.mark.parametrize(("server", "part"), PLACES, indirect=["server"])
    @pytest.mark.parametrize("fate", FATES)
    def test_a_commit_is_made_once_whatever_happens_to_one_answer(
        self, cat: Catalog, proxy: Proxy, source: Path, part: str, fate: Fate
    ) -> None:
        super().test_a_commit_is_made_once_whatever_happens_to_one_answer(
            cat, proxy, source, part, fate
        )
