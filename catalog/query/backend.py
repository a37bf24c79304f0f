"""What a query session asks of a catalog, without depending on it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from catalog.dataclasses import dataclass
from catalog.engine.checks import Check
from catalog.errors import CatalogError, CorruptData
from catalog.model.datafile import DataFile
from catalog.model.lineage import Input
from catalog.model.table import TableSnapshot
from catalog.query.pruning import Pruner


@dataclass(frozen=True, slots=True)
class VersionedTable:
    """A table at a commit.

    Attributes:
        name: The table, as it is spelled in the catalog.
        commit_id: The commit.
        snapshot: The table there.
        snapshot_id: Its id; None if a transaction has changed the table.
        staged: Whether it is the table as a transaction that started there has it now.
    """

    name: str
    commit_id: str
    snapshot: TableSnapshot
    snapshot_id: str | None = None
    staged: bool = False

    @property
    def input(self) -> Input:
        """Returns the table as lineage names what was read."""
        changed = self.snapshot_id is None
        return Input(self.name, None if changed else self.commit_id, self.snapshot_id)


class Backend(Protocol):
    """The catalog as a session sees it: refs, tables and files."""

    def commit_id(self, ref: str | None) -> str:
        """Returns the commit that a ref expression resolves to; None is the session's ref.

        Raises:
            NotFound: It does not resolve to a commit.
        """

    def table(self, commit_id: str, name: str) -> VersionedTable | None:
        """Returns a table by its dotted name without regard to case, None if there is none."""

    def table_names(self, commit_id: str) -> Sequence[str]:
        """Returns the names of the tables of a commit."""

    def bare_table(self, commit_id: str, name: str) -> VersionedTable | None:
        """Returns the table that a name without ref means, when the session is at a commit."""

    def bare_names(self, commit_id: str) -> Sequence[str]:
        """Returns the names of the tables that names without ref can mean."""

    def files(self, table: VersionedTable, pruner: Pruner) -> Sequence[DataFile]:
        """Returns the files that may hold wanted rows, with the statistics of float columns.

        Raises:
            CorruptData: A linked or referenced file is not what was committed.
        """

    def locate(self, file: DataFile) -> str:
        """Returns where the engine reads a file."""

    def checks(self) -> tuple[Check, ...]:
        """Returns what checks, after the last row, the files given out since the last call.

        Those are the files that others can change while they are read.
        """

    def explained(self, error: CorruptData) -> CatalogError:
        """Returns what an error about a file means, as far as the catalog knows better."""


ResolveRef: TypeAlias = Callable[[str | None], str]
"""Returns the commit id of a ref within the statement; None is the session's ref."""

Functions: TypeAlias = Mapping[str, Callable[..., object]]
"""By name; called with a ``ResolveRef`` and the literal arguments, and returning Arrow data."""

FunctionReads: TypeAlias = Mapping[str, Callable[..., Iterable[tuple[str, str]]]]
"""By name of a function; called as it is, and returning the commits and tables that it reads."""

Params: TypeAlias = Sequence[object] | Mapping[str, object] | None
"""Values of a statement's parameters, by position or by name."""
