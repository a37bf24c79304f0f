"""A query over the sides of a comparison, in which the rows of each are the table ``data``."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass, field
from catalog.engine.checks import Check
from catalog.engine.connection import borrow_for_users
from catalog.errors import CatalogError, CorruptData, ErrorKind, InvalidInput
from catalog.model.datafile import DataFile
from catalog.operations.compare.sides import NAME, Side, verify_side
from catalog.query.backend import VersionedTable
from catalog.query.pruning import Pruner
from catalog.query.session import Session
from catalog.repository.datafiles import place
from catalog.repository.repository import Repository


@dataclass(frozen=True, slots=True)
class SideBackend:
    """Answers a session's questions from one side; see ``query.backend.Backend``."""

    repository: Repository
    side: Side
    _checks: list[Check] = field(default_factory=list)

    def commit_id(self, ref: str | None) -> str:
        """Returns no commit: there is none.

        Raises:
            InvalidInput: The query names a ref.
        """
        if ref is not None:
            raise InvalidInput(
                f"@{ref} means nothing in a query over two sides",
                kind=ErrorKind.BAD_QUERY,
                hint=f"the rows of each side are the table {NAME}, without a ref",
            )
        return ""

    def table(self, commit_id: str, name: str) -> VersionedTable | None:
        """Returns the only table by name."""
        known = name.casefold() == NAME
        return VersionedTable(NAME, commit_id, self.side.table) if known else None

    def table_names(self, commit_id: str) -> Sequence[str]:
        """Returns the name of the only table."""
        return [NAME]

    def bare_table(self, commit_id: str, name: str) -> VersionedTable | None:
        """Returns the only table by name."""
        return self.table(commit_id, name)

    def bare_names(self, commit_id: str) -> Sequence[str]:
        """Returns the name of the only table."""
        return [NAME]

    def files(self, table: VersionedTable, pruner: Pruner) -> Sequence[DataFile]:
        """Returns the files that may hold wanted rows."""
        wanted = [file for file in self.side.files if pruner.wants_file(file)]
        watch = verify_side(self.repository, self.side, wanted)
        self._checks.extend([watch.check] if watch.found else [])
        return wanted

    def checks(self) -> tuple[Check, ...]:
        """Returns what checks the files given out since the last call."""
        found = tuple(self._checks)
        self._checks.clear()
        return found

    def explained(self, error: CorruptData) -> CatalogError:
        """Returns what an error about a file means: as it is."""
        return error

    def locate(self, file: DataFile) -> str:
        """Returns where the engine reads a file."""
        return place(self.repository.store, file)


def open_side(
    repository: Repository,
    side: Side,
    *,
    threads: int | None = None,
    memory_limit_bytes: int | None = None,
) -> Session:
    """Opens a session over the rows of a side."""
    con = borrow_for_users(repository.store, threads=threads, memory_limit_bytes=memory_limit_bytes)
    return Session(con, SideBackend(repository, side))
