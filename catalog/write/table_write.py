"""A table that is being written, with what its operations share."""

from collections.abc import Sequence

import duckdb

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.query.pruning import Pruner
from catalog.write.context import WriteContext
from catalog.write.files.rewrite import FileEdit, rewrite_files
from catalog.write.files.writer import DataWriter, paths_of
from catalog.write.working_table import WorkingTable


@dataclass(frozen=True, slots=True)
class TableWrite:
    """A table that is being written.

    Attributes:
        table: The table as it is.
        shape: Its shape afterwards, with the file schema of files that the catalog writes.
    """

    context: WriteContext
    table: WorkingTable
    shape: TableSnapshot

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The engine's connection."""
        return self.context.con

    def files(self, *pruners: Pruner) -> Sequence[DataFile]:
        """Returns the table's files that may hold rows which all of some pruners want."""
        listed = self.table.files(
            self.context.commits,
            wanted=lambda node: all(one.wants_ranges(node.ranges) for one in pruners),
        )
        wanted = [file for file in listed if all(one.wants_file(file) for one in pruners)]
        return self.context.verified(self.name, wanted)

    def rewrite(
        self,
        files: Sequence[DataFile],
        hits: str,
        fresh: str = "",
        *,
        kept: frozenset[int] = frozenset(),
    ) -> FileEdit:
        """Writes files again whose rows change, see ``rewrite_files``, and rows that come."""
        taken, holds = self._taken(files), self.table.holds(self.context.commits)
        with DataWriter(self.context, self.name, self.shape, taken=taken, holds=holds) as writer:
            change = rewrite_files(writer, files, hits, kept=kept)
            added = writer.sorted(fresh, append=True) if fresh else ()
        return FileEdit(change.removed, (*change.added, *added))

    def adder(self, gone: Sequence[DataFile]) -> DataWriter:
        """Returns a writer for rows that come, and take the place of all rows of some files."""
        return DataWriter(self.context, self.name, self.shape, taken=self._taken(gone))

    def _taken(self, files: Sequence[DataFile]) -> set[str]:
        return paths_of(files) | set(self.table.added)
