"""Judging snapshots by their guards: by the code of contracts, before anything is written."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.diff.options import DiffOptions
from catalog.diff.plan import TablePlan, plan_table
from catalog.errors import GateRefused
from catalog.flow.contracts.rules import TableRules
from catalog.flow.contracts.structure import judge_loss, judge_structure
from catalog.hints import Option, hint
from catalog.model.datafile import FileChanges
from catalog.model.guards import GUARD, Guard
from catalog.model.judgement import Judgement, Violation
from catalog.model.table import TableSnapshot
from catalog.operations.gate.gate import counted_refusals, told_refusals
from catalog.report.figures import listed, plain
from catalog.write.snapshot.table_plan import SnapshotJudge

TABLES_NAMED = 3
"""Tables that a refusal names before it says what is wrong with each."""


@dataclass(frozen=True, slots=True)
class _Shapes:
    """A table before and after a snapshot, as far as metadata tell."""

    plan: TablePlan

    @property
    def table(self) -> str:
        return self.plan.table

    @property
    def before(self) -> TableSnapshot | None:
        return self.plan.before

    @property
    def after(self) -> TableSnapshot | None:
        return self.plan.after


def snapshot_judge(guard: Guard) -> SnapshotJudge | None:
    """Returns what judges a snapshot by a guard; None if the guard lets everything pass."""
    if guard.limits_nothing:
        return None

    def judge(table: str, before: TableSnapshot, after: TableSnapshot) -> tuple[Violation, ...]:
        rules = TableRules.of(guard.contract(table), table)
        nothing = FileChanges((), (), files_kept=0, partitions_kept=0)
        plan = plan_table(table, before, after, changes=nothing, options=DiffOptions())
        change = _Shapes(plan)
        return (*judge_structure(rules, change), *judge_loss(rules, change))

    return judge


def guard_refused(
    violations: Sequence[Violation], *, branch: str, before: str, dry_run: bool = False
) -> GateRefused:
    """Returns the error for snapshots that their guards do not let pass.

    Args:
        violations: What is wrong.
        branch: The branch.
        before: The commit that it is at.
        dry_run: Whether nothing would have been committed anyway.
    """
    found = Judgement(
        branch, before, candidate="", contracts=(GUARD,), violations=tuple(violations)
    )
    tables = list(dict.fromkeys(plain(one.table) for one in violations))
    refuses = "would refuse" if dry_run else "refuses"
    named = f"table {tables[0]}" if len(tables) == 1 else f"tables {listed(tables, TABLES_NAMED)}"
    loosened = {
        name: "any"
        for name, lost in (("schema", False), ("max_loss", True))
        if any(one.rule.endswith("max_loss") is lost for one in violations)
    }
    return GateRefused(
        f"the guard {refuses} the snapshot of {named}: {counted_refusals(found)}; "
        f"nothing was committed\n{told_refusals(found)}",
        judgement=found,
        hint=hint("if that is as it should be, take it with {}", Option("guard", loosened)),
    )
