"""What every writing operation needs: an engine, and the catalog to read from and write to."""

from collections.abc import Collection, Sequence
from typing import TypeAlias

import duckdb

from catalog.dataclasses import dataclass, field
from catalog.diff.fingerprints.key_repeats import KeyWords
from catalog.engine.relation import prepare, relation_sql
from catalog.engine.verification import verified
from catalog.engine.workspace import Workspace
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.model.scan_plan import scan_plan
from catalog.model.table import TableSnapshot
from catalog.repository.commits import Commits
from catalog.repository.datafiles import Watch, place
from catalog.repository.repository import Repository
from catalog.storage.store import ObjectStore

FreshPrints: TypeAlias = dict[tuple[Identity, tuple[int, ...]], Fingerprint]
"""Fingerprints by data file and key."""


FreshKeys: TypeAlias = dict[tuple[Identity, tuple[int, ...]], KeyWords]
"""What stands for the keys of data files, by data file and key."""


@dataclass(frozen=True, slots=True)
class Watches:
    """What compares files that were read with how they were before."""

    watches: tuple[Watch, ...]

    def check(self) -> None:
        """Checks that no file was changed while it was read.

        Raises:
            CorruptData: One was.
        """
        for watch in self.watches:
            watch.check()


@dataclass(frozen=True, slots=True)
class WriteContext:
    """The engine that computes what is written, and the catalog that it goes to.

    Attributes:
        prints: Takes the fingerprints of files that are written; None in a dry run, which has
            no use for them.
        keys: Takes what stands for the keys of small files that are written.
        watches: What compares the files that others can reach again, once all were read.
    """

    work: Workspace
    repository: Repository
    prints: FreshPrints | None = field(default_factory=dict)
    keys: FreshKeys = field(default_factory=dict)
    watches: list[Watch] = field(default_factory=list)

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The engine's connection."""
        return self.work.con

    @property
    def store(self) -> ObjectStore:
        """Where the files go."""
        return self.repository.store

    @property
    def commits(self) -> Commits:
        """What reads the tables as committed."""
        return self.repository.commits

    def relation(
        self,
        table: TableSnapshot,
        files: Sequence[DataFile],
        *,
        columns: Sequence[int] | None = None,
        nan_free: Collection[int] = (),
        numbered: bool = False,
    ) -> str:
        """Returns SQL of rows of files, columns called ``c<field id>``; see ``scan_plan``."""
        plan = scan_plan(
            table,
            files,
            locate=lambda file: place(self.store, file),
            columns=columns,
            naming="id",
            nan_free=nan_free,
            numbered=numbered,
        )
        return prepare(self.con, relation_sql(plan))

    def verified(self, table: str, files: Sequence[DataFile]) -> Sequence[DataFile]:
        """Returns files after checking that they are still what was committed."""
        self.watched(table, files)
        return files

    def watched(self, table: str, files: Sequence[DataFile]) -> Watch:
        """Checks that files are still what was committed, and returns what checks them again."""
        watch = verified(self.repository, files, what=f"table {table}")
        if watch.found:
            self.watches.append(watch)
        return watch

    def check_read(self) -> None:
        """Checks that no file was changed while it was read, before what came of it is committed.

        Raises:
            CorruptData: One was.
        """
        Watches(tuple(self.watches)).check()
