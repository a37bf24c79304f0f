"""What a refresh did to derived tables, or would do, for people and for the commit."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from catalog.dataclasses import dataclass, replace
from catalog.flow.partitionwise import NotPartitionWise
from catalog.flow.refresh.plan import StepPlan
from catalog.flow.refresh.step import StepResult
from catalog.model.lineage import StoredLineage


@dataclass(frozen=True, slots=True)
class TableRefresh:
    """What a refresh did to a derived table, or would do.

    Attributes:
        table: The table.
        how: ``full`` if all of it was computed, ``incremental`` if only some parts were,
            ``command`` if a command was run.
        reason: For ``full``: what forbids less.
        forbidden: For ``full``: the construct of the definition that forbids less, and where it
            is; None if it is something else that forbids it.
        column: For ``incremental``: the column that tells the parts apart.
        parts: For ``incremental``: the values of the parts, as text; None for NULL.
        partitions_read: Partitions read of all inputs.
        rows_read: Rows in the files read.
        bytes_read: Bytes of these files.
        rows: Rows computed; None if it was only planned.
        inserted: Rows that came, of those; None if it was only planned.
        updated: Rows that changed; None if it was only planned.
        deleted: Rows that went; None if it was only planned.
    """

    table: str
    how: str
    reason: str
    column: str | None
    parts: tuple[str | None, ...]
    partitions_read: int
    rows_read: int
    bytes_read: int
    forbidden: NotPartitionWise | None = None
    rows: int | None = None
    inserted: int | None = None
    updated: int | None = None
    deleted: int | None = None


def lineage_of(
    results: Sequence[StepResult], code: Mapping[str, str] = MappingProxyType({})
) -> dict[str, StoredLineage]:
    """Returns what a commit records about the tables that steps computed, by whose code."""
    return {
        one.plan.table: replace(one.lineage, code=dict(code)).stored()
        for one in results
        if one.update is not None
    }


def described_plan(plan: StepPlan) -> TableRefresh:
    """Returns what a step would do, for people."""
    readings = plan.readings.values()
    return TableRefresh(
        plan.table,
        plan.how,
        plan.reason,
        plan.column,
        plan.parts,
        sum(one.partitions for one in readings),
        sum(one.rows for one in readings),
        sum(one.size_bytes for one in readings),
        plan.forbidden,
    )


def described(result: StepResult) -> TableRefresh:
    """Returns what a step did, for people."""
    return replace(
        described_plan(result.plan),
        rows=result.rows,
        inserted=result.inserted,
        updated=result.updated,
        deleted=result.deleted,
    )
