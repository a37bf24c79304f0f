"""Which derived tables are stale, and since when: ``cat.stale(…)``."""

from catalog.dataclasses import dataclass
from catalog.flow.candidate import Candidate, CandidateTable
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.staleness import Staleness, staleness
from catalog.flow.refresh.plan import find_former
from catalog.model.derived import ComputedInput
from catalog.operations.context import OperationContext
from catalog.repository.history import first_parents
from catalog.repository.tables import file_changes


@dataclass(frozen=True, slots=True)
class StaleInput:
    """An input that has changed since a derived table was computed from it.

    Attributes:
        table: The input.
        since: The commit that changed it first since then; None if that is no longer known, or
            it is another table's refresh that is to come.
        partitions: Partitions in which files differ; None if that is no longer known.
        gone: Whether it is no longer there.
        behind: Whether it is derived itself, and stale.
    """

    table: str
    since: str | None = None
    partitions: int | None = None
    gone: bool = False
    behind: bool = False


@dataclass(frozen=True, slots=True)
class StaleTable:
    """A derived table, and whether it is what its definition makes of its inputs.

    Attributes:
        table: The table.
        is_stale: Whether it is not.
        reason: Why, in plain words; empty if it is up to date.
        inputs: The inputs that it is behind.
        of_itself: Whether the reason is another one than its inputs.
    """

    table: str
    is_stale: bool
    reason: str = ""
    inputs: tuple[StaleInput, ...] = ()
    of_itself: bool = False


def stale_tables(context: OperationContext, ref: str) -> list[StaleTable]:
    """Returns the derived tables at a ref, each after its inputs; see ``CatalogReader.stale``."""
    head = context.resolve(ref).commit_id
    candidate = Candidate(context.repository, head)
    graph = Graph(candidate)
    return [
        _described(context, candidate, name, stale)
        for name, stale in staleness(candidate, graph).items()
    ]


def _described(
    context: OperationContext, candidate: Candidate, name: str, stale: Staleness
) -> StaleTable:
    if not stale.is_stale:
        return StaleTable(name, is_stale=False)
    inputs = [StaleInput(one, gone=True) for one in stale.gone]
    for one, before in (stale.changed or {}).items():
        table = candidate.table(one)
        assert table is not None, "an input that has changed is there"
        inputs.append(_changed(context, candidate, table, before, behind=one in stale.behind))
    known = {one.table for one in inputs}
    inputs += [StaleInput(one, behind=True) for one in stale.behind if one not in known]
    of_itself = stale.never_computed or stale.redefined
    return StaleTable(name, True, _reason(stale), tuple(inputs), of_itself=of_itself)


def _reason(stale: Staleness) -> str:
    if stale.never_computed:
        return "it has not been computed as it is"
    if stale.redefined:
        return "its definition has changed"
    if stale.gone:
        return "an input is gone"
    return "inputs have changed" if stale.changed else "inputs are stale themselves"


def _changed(
    context: OperationContext,
    candidate: Candidate,
    table: CandidateTable,
    before: ComputedInput | None,
    *,
    behind: bool,
) -> StaleInput:
    if before is None:
        return StaleInput(table.name, behind=behind)
    old, now = find_former(candidate, table.name, before), table.working.base
    partitions = None
    if old is not None and now is not None:
        changes = file_changes(candidate.commits, old, now)
        partitions = len({file.partition for file in (*changes.removed, *changes.added)})
    since = _since(context, candidate, table.name, before)
    return StaleInput(table.name, since, partitions, behind=behind)


def _since(
    context: OperationContext, candidate: Candidate, name: str, before: ComputedInput
) -> str | None:
    """Returns the first commit on the line of first parents after a state of a table."""
    commits = context.repository.commits
    last: str | None = None
    for logged in first_parents(commits.read, candidate.base_id):
        entry = commits.entry(logged.id, name)
        if entry is not None and entry.entry.snapshot == before.snapshot:
            return last
        if name in logged.commit.changes:
            last = logged.id
    return None
