"""Judging what changed between two commits by contracts."""

from collections.abc import Iterator, MutableMapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.diff.view import End
from catalog.engine.failures import engine_errors
from catalog.flow.candidate import Candidate
from catalog.flow.contracts.change import TableChange
from catalog.flow.contracts.rows import judge_forbidden, judge_rows
from catalog.flow.contracts.rules import TableRules
from catalog.flow.contracts.structure import is_replaced, judge_loss, judge_structure
from catalog.model.contracts import EVERY, Contract
from catalog.model.judgement import Violation
from catalog.operations.context import OperationContext
from catalog.operations.contracts.table_change import TableChanges
from catalog.operations.tables import unknown_table

if TYPE_CHECKING:
    from catalog.flow.derivation.graph import Graph

Standing: TypeAlias = Literal["", "derived", "stale"]
"""Whether a table is derived from others that may change, and whether it is what its definition
makes of them."""

Judged: TypeAlias = tuple[str, str | None, str | None, str, str, Standing]
"""A table with its snapshots' ids before and after, a contract with its digest, a standing."""

Known: TypeAlias = MutableMapping[Judged, tuple[Violation, ...]]
"""What was found before."""


def judge_contracts(
    context: OperationContext,
    contracts: Sequence[Contract],
    before: End,
    after: End,
    *,
    known: Known | None = None,
) -> list[Violation]:
    """Judges what changed between two commits.

    A table is judged if its snapshots differ. Its rows are compared only if a contract has limits
    of them, or does not let the table change; all contracts share the comparison.

    Args:
        context: The catalog.
        contracts: The contracts.
        before: The older commit.
        after: The newer one; no branch need point at it.
        known: What was found before, and is added to: what has the same table snapshots on both
            sides is not judged again.

    Returns:
        What the contracts do not allow, contract by contract, table by table.

    Raises:
        CorruptData: What is stored cannot be read, so that nothing can be said.
        StorageFailure: The storage failed.
    """
    found: MutableMapping[Judged, tuple[Violation, ...]] = {} if known is None else known
    ends = _Ends(context, before, after)
    changed = ends.changed()
    violations: list[Violation] = []
    with TableChanges(context, before, after) as changes:
        for contract in contracts:
            violations += _unknown_tables(contract, ends)
            derived = _Derived(contract, Candidate(context.repository, after.commit_id))
            for table in changed:
                standing = derived.standing(table)
                judged = (table, *ends.snapshots(table), contract.name, contract.digest, standing)
                if judged not in found:
                    change = changes.table(table, contract.compare)
                    rules = TableRules.of(contract, change.table)
                    with engine_errors():
                        found[judged] = tuple(_judged(rules, change, standing))
                violations += found[judged]
    return violations


def _judged(rules: TableRules, change: TableChange, standing: Standing) -> Iterator[Violation]:
    """Yields what a contract does not allow of what changed in one table."""
    contract, table = rules.contract, rules.table
    structure = list(judge_structure(rules, change))
    yield from structure
    if change.after is None or any(one.rule in ("may_create", "may_replace") for one in structure):
        return
    yield from judge_loss(rules, change)
    if contract.must_not_change(table):
        if not structure:
            yield from judge_forbidden(rules, change, rule="unchanged")
        return
    made = (change.before is None and contract.permits("may_create", table)) or is_replaced(change)
    if not contract.may_change(table) and standing != "derived" and not made:
        stale = "it is derived from tables that may, and stale: refresh it" if standing else ""
        yield from judge_forbidden(rules, change, rule="tables", reason=stale)
        return
    yield from judge_rows(rules, change)


class _Derived:
    """The derived tables that change with others that may: they need not be named."""

    def __init__(self, contract: Contract, candidate: Candidate) -> None:
        self._contract = contract
        self._candidate = candidate

    def standing(self, table: str) -> Standing:
        """Returns whether a table, by its name in folded case, is one of them."""
        name = self._downstream.get(table)
        if name is None:
            return ""
        from catalog.flow.derivation.staleness import own_staleness

        return "stale" if own_staleness(self._candidate, self._graph, name).is_own else "derived"

    @cached_property
    def _graph(self) -> "Graph":
        from catalog.flow.derivation.graph import Graph  # loads what analyses SQL

        return Graph(self._candidate)

    @cached_property
    def _downstream(self) -> dict[str, str]:
        if self._contract.tables is None or not self._candidate.derived():
            return {}
        names = self._candidate.names()
        found = self._graph.downstream([one for one in names if self._contract.may_change(one)])
        return {name.casefold(): name for name in found}


def _unknown_tables(contract: Contract, ends: "_Ends") -> Iterator[Violation]:
    """Yields tables that a contract limits and that are on neither side: a name may be misspelt."""
    known = {name.casefold() for name in ends.names()}
    for name in (*contract.table, *contract.unchanged):
        named = name == EVERY or name.casefold() in known
        if not named and not contract.permits("may_create", name):
            unknown = unknown_table(name, "either side", ends.names())
            yield Violation(
                contract.name,
                f"table.{name}" if name in contract.table else "unchanged",
                f"{unknown.message}, which the contract names; {unknown.hint}",
                name,
                allowed="tables that there are",
            )


@dataclass(frozen=True, slots=True)
class _Ends:
    """The tables of both commits."""

    context: OperationContext
    before: End
    after: End

    def snapshots(self, folded: str) -> tuple[str | None, str | None]:
        """Returns the ids of a table's snapshots, by its name in folded case."""
        return self._id(self.before, folded), self._id(self.after, folded)

    def changed(self) -> list[str]:
        """Returns the tables that differ, in folded case, in order."""
        commits = self.context.repository.commits
        found = commits.changed_entries(self.before.commit_id, self.after.commit_id)
        names = sorted({name.casefold() for name in found})
        return [name for name in names if len({*self.snapshots(name)}) > 1]

    def names(self) -> list[str]:
        """Returns the names of all tables."""
        commits = self.context.repository.commits
        ends = (self.before.commit_id, self.after.commit_id)
        return sorted({name for commit_id in ends for name in commits.entries(commit_id)})

    def _id(self, end: End, folded: str) -> str | None:
        found = self.context.repository.commits.entry(end.commit_id, folded)
        return None if found is None else found.entry.snapshot
