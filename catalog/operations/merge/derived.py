"""What became of derived tables in a merge, and how they are to be settled; see ``settling``."""

from typing import TYPE_CHECKING, Literal

from catalog.dataclasses import dataclass
from catalog.operations.context import OperationContext
from catalog.repository.commit_writer import TableUpdate
from catalog.write.merge.ends import MergeProgress

if TYPE_CHECKING:
    from catalog.flow.refresh.outcome import TableRefresh
    from catalog.flow.refresh.run import Refresher
    from catalog.flow.refresh.step import StepResult
    from catalog.model.lineage import StoredLineage


@dataclass(frozen=True, slots=True)
class DerivedMerge:
    """What became of a derived table in a merge, or would.

    Attributes:
        table: The table.
        what: ``taken``, whole, as a side has it; ``refreshed``: computed again; ``stale``: left so.
        reason: Why it is stale.
        refresh: How it was computed, or would be.
    """

    table: str
    what: Literal["taken", "refreshed", "stale"]
    reason: str = ""
    refresh: "TableRefresh | None" = None


@dataclass(frozen=True, slots=True)
class DerivedTables:
    """The derived tables that a merge concerns, once they are settled.

    Attributes:
        tables: What became of each, after its inputs.
        updates: What changes relative to the target, of all tables.
        results: What was computed.
    """

    tables: tuple[DerivedMerge, ...]
    updates: tuple[TableUpdate, ...]
    results: "tuple[StepResult, ...]" = ()

    @property
    def lineage(self) -> "dict[str, StoredLineage]":
        """Returns what a commit records about the tables that were computed."""
        if not self.results:
            return {}
        from catalog.flow.refresh.outcome import lineage_of

        return lineage_of(self.results)

    def check_read(self) -> None:
        """Checks that the files that were read, if others can change them, are still the same."""
        for result in self.results:
            result.check_read()


@dataclass(slots=True)
class DerivedMerger:
    """How derived tables are settled; kept while a merge is proposed again after lost races.

    Attributes:
        context: The catalog.
        refresh: Whether tables are computed; else what does not fit is left stale.
        dry_run: Whether it is only planned what would be computed.
        progress: Receives each table that was computed, with two zeros.
        refresher: Computes tables; what it has computed is not computed again.
    """

    context: OperationContext
    refresh: bool = True
    dry_run: bool = False
    progress: MergeProgress | None = None
    refresher: "Refresher | None" = None
