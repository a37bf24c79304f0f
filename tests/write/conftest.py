"""Catalogs in directories and in instrumented stores, and sources of Parquet for them."""

import datetime
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.repository import repository as stored
from catalog.repository import stat_records
from catalog.storage.local import LocalStore
from tests.storage.wrappers import CountingStore, FaultyStore
from tests.write.merges import put

Fill = Callable[[Catalog], object]
Filled = Callable[[Fill], Catalog]

HOUR = datetime.timedelta(hours=1)
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


class Clock:
    """Ticks by one second at every look."""

    def __init__(self, now: datetime.datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime.datetime:
        self.now += datetime.timedelta(seconds=1)
        return self.now


def catalog_in(store: Any) -> Catalog:
    repository = stored.create(store, author="tester", now=START)
    return Catalog("lake", repository, author="tester", clock=Clock())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Fill], Path]:
    """Returns the directory of a catalog that a function filled, once for all tests."""

    @cache
    def made(fill: Fill) -> Path:
        root = tmp_path_factory.mktemp("template") / "lake"
        fill(catalog_in(LocalStore(str(root))))
        return root

    return made


@pytest.fixture
def filled_by(template: Callable[[Fill], Path], root: Path) -> Filled:
    """Returns a catalog that a function filled: a copy, the test's own."""

    def copied(fill: Fill) -> Catalog:
        shutil.copytree(template(fill), root)
        repository = stored.open_existing(LocalStore(str(root)))
        return Catalog("lake", repository, author="tester", clock=Clock(START + HOUR))

    return copied


def part(cat: Catalog) -> None:
    put(cat, "main", {1: 1, 2: 2, 3: 3})
    cat.branches.create("work")


@pytest.fixture
def parted(filled_by: Filled) -> Catalog:
    """A catalog with a table of three rows, and a branch ``work``."""
    return filled_by(part)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def cat(root: Path) -> Catalog:
    return catalog_in(LocalStore(str(root)))


@pytest.fixture
def counting(root: Path) -> CountingStore:
    return CountingStore(LocalStore(str(root)))


@pytest.fixture
def faulty(root: Path) -> FaultyStore:
    return FaultyStore(LocalStore(str(root)))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def trusted_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files count as rested at once: tests do not wait for two seconds to pass."""
    monkeypatch.setattr(stat_records, "REST_NS", -1)


def write(path: Path, columns: Mapping[str, Any], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    pq.write_table(table, path, **options)
    return path


def snap(cat: Catalog, table: str, source: Path | str, branch: str = "main", **options: Any) -> Any:
    """Commits a snapshot of one table and returns its report."""
    with cat.transaction(branch) as tx:
        return tx.snapshot(table, str(source), **options)


def rows(cat: Catalog, query: str) -> list[tuple[Any, ...]]:
    return cat.sql(query).fetchall()


def head(cat: Catalog) -> str:
    return cat.resolve("main").commit_id


def leftovers(root: Path) -> list[str]:
    """Returns files of the catalog that nobody can be reading."""
    return [str(p) for p in (root / "tmp").rglob("*")] if (root / "tmp").exists() else []
