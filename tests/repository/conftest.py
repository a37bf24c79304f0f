"""Repositories in memory, with histories made of empty commits."""

import datetime
from collections.abc import Sequence
from typing import Any

import pytest

from catalog.repository import repository as stored
from catalog.repository.branches import Stamp
from catalog.repository.commit_writer import Description
from catalog.repository.repository import Repository
from tests.storage.memory import MemoryStore
from tests.storage.wrappers import FaultyStore

START = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)


def at(day: float) -> datetime.datetime:
    return START + datetime.timedelta(days=day)


def stamp(day: int = 0, why: str = "test") -> Stamp:
    return Stamp("tester", at(day), why)


class History:
    """Makes commits and moves branches."""

    def __init__(self, store: Any) -> None:
        self.repository: Repository = stored.create(store, author="tester", now=START)
        self.first = self.head("main")
        self.count = 0

    def head(self, branch: str) -> str:
        found = self.repository.branches.find(branch)
        assert found is not None
        assert found.commit_id is not None
        return found.commit_id

    def commit(self, *parents: str, day: int = 0, message: str = "") -> str:
        self.count += 1
        about = Description("tester", at(day), message or f"commit {self.count}")
        return self.repository.writer().write(parents, (), about)

    def advance(self, branch: str = "main", *, day: int = 0, more: Sequence[str] = ()) -> str:
        held = self.repository.branches.held(branch)
        assert held is not None
        commit_id = self.commit(self.head(branch), *more, day=day)
        self.repository.branches.move(held, commit_id, stamp(day))
        return commit_id

    def create(self, branch: str, commit_id: str) -> None:
        self.repository.branches.create(branch, commit_id, stamp(0, "created"))

    def resolve(self, text: str) -> str:
        return self.repository.refs.resolve(text).commit_id


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore(MemoryStore())


@pytest.fixture
def history(store: FaultyStore) -> History:
    return History(store)
