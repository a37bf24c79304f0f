"""What every writing operation needs: an engine, the store, and what is committed."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from catalog.engine.workspace import Workspace
from catalog.model.datafile import DataFile
from catalog.repository.commits import Commits
from catalog.repository.datafiles import place, verify
from catalog.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class WriteContext:
    """Holds what writing needs.

    Attributes:
        work: The engine.
        store: Takes the files.
        commits: Reads the table.
        dry_run: Whether new files are only tried out: they never reach the store.
    """

    work: Workspace
    store: ObjectStore
    commits: Commits
    dry_run: bool = False

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """Returns the engine's connection."""
        return self.work.con

    def locate(self, file: DataFile) -> str:
        """Returns where the engine reads a file."""
        return place(self.store, file)

    def verified(self, table: str, files: Sequence[DataFile]) -> Sequence[DataFile]:
        """Returns files after checking that linked ones are still what was committed."""
        verify(self.store, files, what=f"table {table}")
        return files
