"""Builds a catalog that has lived for years: many commits, branches, tags, tables and files.

Its objects are written by the code that writes every commit; entries of most data files are made
up, since no command that is measured opens them. Nothing is synced, and it is built within minutes.

- ``small``: a table of a thousand rows in one real file, with a history.
- ``events``: a table of most of the files, a hundred in a partition, one of them real.
- ``t0000``, ``t0001`` …: tables of two files each.
- ``main``: a line of commits, each of which adds a file to one of the tables; one in ten merges.
- ``far``: a branch from the middle of the history; ``near``: one from three commits ago that
  changed ``small``; ``release-…`` and ``v…``: branches and tags all along the history.
"""

import datetime
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.ids import content_id
from catalog.model.refs import Tag
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.model.values import encode
from catalog.repository import repository as stored
from catalog.repository.branches import Stamp
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.commits import StoredTable
from catalog.repository.tables import data_files
from catalog.storage.local import LocalStore

START = datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)
FILES_A_PARTITION = 100
ROWS = 1000
MERGE_EVERY = 10
BIG_EVERY = 20
"""One commit in so many adds a file to the big table."""

KEY_EVERY = 2
"""One commit in so many was made with an idempotency key."""

FILE = FileSchema((PhysicalColumn("id", Scalar("BIGINT"), 1),))
SHAPE = TableSnapshot(Schema((Field(1, "id", Scalar("BIGINT")),)), 1, file_schemas={FILE.id: FILE})


@dataclass(frozen=True)
class Size:
    """Is how much a catalog holds."""

    commits: int
    refs: int
    tables: int
    files: int


def write_source(folder: Path, name: str, first: int, *, rows: int = ROWS) -> str:
    """Writes a Parquet file, and returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(first, first + rows)
    table = pa.table({"id": numbers, "x": [n / 7 for n in numbers]})
    pq.write_table(table, folder / name)
    return str(folder)


def made_up(like: DataFile, folder: str, number: int, partition: tuple[bytes, ...]) -> DataFile:
    token = content_id(f"{folder} {number}".encode())
    low, high = (encode(n, Scalar("BIGINT")) for n in (number * ROWS, number * ROWS + ROWS - 1))
    return replace(
        like,
        path=f"data/{folder}/{token}.parquet",
        token=f"sha256:{token}",
        rows=ROWS,
        size_bytes=12_345,
        guard=None,
        partition=partition,
        stats={1: ColumnStats(0, None, low, high, True)},
    )


class Builder:
    """Builds a catalog in an empty folder, with commits a few hours apart."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder = folder
        self.size = size
        self._number = 0
        place = str(folder / "lake")
        repository = stored.create(LocalStore(place), author="builder", now=START)
        self.cat = Catalog(place, repository, author="builder", clock=self._now)
        self.repository = self.cat.repository
        self.tables: dict[str, StoredTable] = {}
        self.likes: dict[str, DataFile] = {}

    def build(self) -> None:
        self._real_tables()
        self._made_up_tables()
        line = list(self._history())
        self._far(line)
        self._refs(line)
        self._near(line)

    def _now(self) -> datetime.datetime:
        return START + datetime.timedelta(hours=4 * self._number)

    def _real_tables(self) -> None:
        """Takes the tables with real files."""
        sources = self.folder / "sources"
        write_source(sources / "small", "a.parquet", 0)
        write_source(sources / "events/day=0", "a.parquet", 0)
        for n in range(3):
            write_source(sources / f"more{n}", "a.parquet", 1_000_000_000 + n)
            write_source(sources / f"key{n}", "a.parquet", 2_000_000_000 + n)
            write_source(sources / f"day{n}/day=0", "b.parquet", 5000 + n)
        with self.cat.transaction("main", message="first") as tx:
            tx.snapshot("small", str(sources / "small"), key=["id"])
            tx.snapshot("events", str(sources / "events"), key=["id"])

    def _made_up_tables(self) -> None:
        """Adds the other files and tables in one commit."""
        head = self.cat.resolve("main").commit_id
        commits = self.repository.commits
        for name in ("small", "events"):
            self.tables[name] = commits.table(commits.entries(head)[name])
            self.likes[name] = next(data_files(commits, self.tables[name]))
        like = DataFile("", "", 1, ROWS, (), FILE.id)
        events = self.tables["events"]
        updates = [TableUpdate("events", events, events.snapshot, (), list(self._event_files()))]
        for n in range(self.size.tables):
            name = f"t{n:04d}"
            self.likes[name] = like
            files = [made_up(like, name, at, ()) for at in range(2)]
            updates.append(TableUpdate(name, None, SHAPE, (), files))
        self._commit([head], updates, "everything")
        head = self.cat.resolve("main").commit_id
        for name, entry in commits.entries(head).items():
            self.tables[name] = commits.table(entry)

    def _event_files(self) -> Iterator[DataFile]:
        like = self.likes["events"]
        for number in range(1, self.size.files):
            day = encode(number // FILES_A_PARTITION, Scalar("BIGINT"))
            yield made_up(like, f"events/day={number // FILES_A_PARTITION}", number, (day,))

    def _commit(
        self,
        parents: list[str],
        updates: list[TableUpdate],
        message: str,
        *,
        branch: str = "main",
    ) -> str:
        """Writes a commit, and moves a branch to it if one is named."""
        about = Description("builder", self._now(), message)
        made = self.repository.writer().write(parents, updates, about)
        if branch:
            held = self.repository.branches.held(branch)
            assert held is not None
            key = message if self._number % KEY_EVERY else None
            stamp = Stamp("builder", self._now(), f"commit: {message}", key)
            self.repository.branches.move(held, made, stamp)
        self._number += 1
        return made

    def _appended(self, head: str, name: str, number: int) -> TableUpdate:
        """Returns an update that adds a file to a table as a commit has it."""
        entry = self.repository.commits.entry(head, name)
        assert entry is not None
        base = self.repository.commits.table(entry)
        partition: tuple[bytes, ...] = ()
        folder = name
        if name == "events":
            day = number % max(1, self.size.files // FILES_A_PARTITION)
            partition, folder = (encode(day, Scalar("BIGINT")),), f"events/day={day}"
        file = made_up(self.likes[name], folder, 10_000_000 + number, partition)
        return TableUpdate(name, base, base.snapshot, (), (file,))

    def _name(self, number: int) -> str:
        return "events" if number % BIG_EVERY == 0 else f"t{number % self.size.tables:04d}"

    def _history(self) -> Iterator[str]:
        """Commits to main, and yields the line of its commits."""
        head = self.cat.resolve("main").commit_id
        for number in range(self.size.commits):
            update = self._appended(head, self._name(number), number)
            parents = [head]
            if number % MERGE_EVERY == MERGE_EVERY - 1:
                side = self._commit([head], [update], f"side {number}", branch="")
                parents.append(side)
            head = self._commit(parents, [update], f"load {number}")
            yield head

    def _branch(self, name: str, at: str) -> None:
        self.repository.branches.create(name, at, Stamp("builder", self._now(), "created"))

    def _far(self, line: list[str]) -> None:
        self._branch("far", line[len(line) // 2])
        head = line[len(line) // 2]
        for number in range(len(line) // 100):
            update = self._appended(head, "t0001", 50_000_000 + number)
            head = self._commit([head], [update], f"far {number}", branch="far")

    def _near(self, line: list[str]) -> None:
        self._branch("near", line[-4])
        with self.cat.transaction("near", message="near") as tx:
            tx.sql("UPDATE small SET x = -1 WHERE id = 7")

    def _refs(self, line: list[str]) -> None:
        for n in range(self.size.refs):
            at = line[n * len(line) // self.size.refs]
            self._branch(f"release-{n:05d}", at)
            stamp = Stamp("builder", self._now(), "tag: created")
            self.repository.branches.give_to_tag(f"v{n:05d}", stamp)
            self.repository.tags.create(Tag(f"v{n:05d}", at, START, "builder", "as published"))


def main() -> None:
    """Takes a folder and four numbers."""
    folder = Path(sys.argv[1])
    os.fsync = lambda _: None  # what is lost in a power failure is built again
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    Builder(folder, Size(*map(int, sys.argv[2:6]))).build()


if __name__ == "__main__":
    main()
