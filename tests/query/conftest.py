"""Catalogs made by real snapshots, at times that the tests set."""

import datetime
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.query.session import Session
from catalog.repository import repository
from catalog.storage.local import LocalStore

FIRST_DAY = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
"""When a catalog and its first commit are made; each later one is made a day after."""


class Lake:
    """Is a catalog with a clock, and what is needed to commit small tables to it."""

    def __init__(self, folder: Path, *, like: "Lake | None" = None) -> None:
        self.folder = folder
        root = str(folder / "lake")
        store = LocalStore(root)
        if like is None:
            self.now = FIRST_DAY
            stored = repository.create(store, author="test", now=FIRST_DAY)
        else:
            self.now = like.now
            shutil.copytree(like.folder / "lake", root)
            stored = repository.open_existing(store)
        self.catalog = Catalog(root, stored, author="test", clock=lambda: self.now)
        self._sources = 0

    def commit(
        self,
        branch: str = "main",
        *,
        key: Sequence[str] | None = None,
        partition_by: Mapping[str, str | None] | None = None,
        **tables: Mapping[str, pa.Table],
    ) -> str:
        """Commits states of tables, each given by the files of its source; returns the id.

        A name stands for dots and blanks with ``__`` and ``_s_``.
        """
        with self.catalog.transaction(branch, message="load") as tx:
            for word, files in tables.items():
                name = word.replace("__", ".").replace("_s_", " ")
                tx.snapshot(name, self.source(files), key=key, partition_by=partition_by)
        self.now += datetime.timedelta(days=1)
        assert tx.commit is not None
        return tx.commit.id

    def source(self, files: Mapping[str, pa.Table]) -> str:
        """Writes the files of a source and returns its directory."""
        self._sources += 1
        root = self.folder / f"source-{self._sources}"
        for path, table in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, root / path)
        return str(root)

    def rows(self, query: str, ref: str = "main") -> list[tuple[object, ...]]:
        """Returns the rows of a query in a session of its own."""
        with self.catalog.connect(ref) as session:
            return session.sql(query).fetchall()


def orders(*amounts: float | None) -> pa.Table:
    """Returns rows with ids from 1 and these amounts."""
    return pa.table(
        {
            "id": pa.array(range(1, len(amounts) + 1), pa.int64()),
            "amount": pa.array(amounts, pa.float64()),
        }
    )


@pytest.fixture(scope="session")
def three_commits(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Makes three commits: ``orders`` of 1, 2 and 3 rows, and others that stay."""
    made = Lake(tmp_path_factory.mktemp("three-commits"))
    items = {"a.parquet": pa.table({"id": [1], "item": ["nail"]})}
    sales = {"a.parquet": pa.table({"id": [7], "kind": ["sale"]})}
    made.commit(
        key=["id"], orders={"a.parquet": orders(10.0)}, order_s_items=items, sales__orders=sales
    )
    made.commit(orders={"a.parquet": orders(10.0, 20.0)})
    made.catalog.tags.create("v1.0", at="main")
    made.catalog.tags.create("release-1", at="main~1")
    made.catalog.branches.create("backfill/2024-03", at="main~1")
    made.commit(orders={"a.parquet": orders(10.0, 20.0, 30.0)})
    return made


@pytest.fixture
def lake(three_commits: Lake, tmp_path: Path) -> Lake:
    """A copy of the catalog with three commits: the test's own."""
    return Lake(tmp_path, like=three_commits)


@pytest.fixture
def session(lake: Lake) -> Iterator[Session]:
    """Opens a session at ``main``."""
    with lake.catalog.connect() as opened:
        yield opened
