"""What every writing operation needs: an engine, the store, and what is committed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import duckdb

from catalog.engine.workspace import Workspace
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.repository.commits import Commits
from catalog.repository.datafiles import place, verify
from catalog.storage.store import ObjectStore
from catalog.write.files.writer import DataWriter, FreshPrints, Partition


@dataclass(frozen=True, slots=True)
class WriteContext:
    """Holds what writing needs.

    Attributes:
        work: The engine.
        store: Takes the files.
        commits: Reads the table.
        prints: Takes the fingerprints of files that are written; None if whoever only tries
            something out has no use for them.
    """

    work: Workspace
    store: ObjectStore
    commits: Commits
    prints: FreshPrints | None = field(default_factory=dict)

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

    def writer(
        self,
        table: str,
        shape: TableSnapshot,
        *,
        taken: Collection[str] = (),
        holds: Callable[[Partition, str], bool] | None = None,
    ) -> DataWriter:
        """Returns what writes data files of a table; see ``DataWriter``."""
        return DataWriter(
            self.con,
            self.store,
            table,
            shape,
            taken=taken,
            holds=holds,
            prints=self.prints,
        )
