"""Judges what is proposed for a branch: checks, contracts and hooks, on target head → candidate."""

import datetime
from collections.abc import Mapping
from typing import Any

from catalog.dataclasses import dataclass, field, replace
from catalog.diff.view import End
from catalog.errors import CorruptData, GateRefused
from catalog.hints import Call, hint
from catalog.model.contract_reading import contract_from_json
from catalog.model.contracts import Contract
from catalog.model.judgement import CheckResult, HookResult, Judgement, Violation, abridged
from catalog.model.rules import BranchRules, rules_from_json
from catalog.operations.checks.known import KnownResult
from catalog.operations.checks.run import run_checks
from catalog.operations.context import OperationContext
from catalog.operations.gate.hooks import ask_hooks
from catalog.operations.gate.known import recorded_results
from catalog.operations.gate.options import NO_OPTIONS, GateOptions
from catalog.operations.gate.wanted import WantedChecks, changed_tables, wanted_checks
from catalog.report.figures import counted, short
from catalog.report.judgement import refusal_lines
from catalog.repository.branches import HeldBranch
from catalog.write.publish import Proposal

MOST_LINES = 12
"""Lines of what is in the way that a message has; the judgement has all."""

LONGEST_LINE = 140
"""Characters of such a line: all of them, with the rest, fit in the longest message."""

Changes = Mapping[str, tuple[str, str]]


@dataclass(slots=True)
class Gate:
    """Judges the commits that one operation proposes for a branch, each as ``publish`` has it.

    It keeps what it found: a commit that is proposed again after a lost race is judged anew
    only in what others have changed meanwhile.

    Attributes:
        context: The catalog.
        what: What is judged, for messages: ``the merge of fix``.
        options: What whoever makes the change says about it.
        direct: Whether it is a commit that is no merge; then only rules that ask for it judge it.
        dry_run: Whether what is refused is not an error.
        judgement: What was found about the last commit; None if nothing was judged.
    """

    context: OperationContext
    what: str
    options: GateOptions = NO_OPTIONS
    direct: bool = False
    dry_run: bool = False
    judgement: Judgement | None = None
    _judged_at: datetime.datetime | None = None
    _recorded: list[KnownResult] | None = None
    _known: list[KnownResult] = field(default_factory=list)
    _verdicts: dict[Any, Any] = field(default_factory=dict)
    _answers: dict[tuple[object, ...], HookResult] = field(default_factory=dict)

    def begin(self, held: HeldBranch, *commits: str) -> bool:
        """Checks what can be checked before anything is computed.

        Args:
            held: The branch as it is.
            commits: Where changes come from.

        Returns:
            Whether there is anything by which changes from there may be judged.

        Raises:
            GateRefused: A check is to be allowed to fail, and the rules do not let it.
            CorruptData: The rules are of a newer release, or not readable.
        """
        rules = rules_from_json(held.branch.rules, held.branch.name)
        self.options.check(held.branch.name, rules)
        checked = self.context.repository.commits.checked
        ends = [one for one in (held.branch.commit_id, *commits) if one is not None]
        return bool([one for one in ends if checked(one)] or rules or self.options.contracts)

    def judge(
        self, held: HeldBranch, proposal: Proposal, commit_id: str
    ) -> Mapping[str, object] | None:
        """Judges a commit that was written, and that nobody points at; see ``publish``.

        Raises:
            GateRefused: It does not pass.
            CorruptData: The rules are of a newer release, or not readable.
        """
        self.judgement = None
        rules = rules_from_json(held.branch.rules, held.branch.name)
        self.options.check(held.branch.name, rules)
        if self.direct and not rules.direct:
            return None
        head = held.branch.commit_id
        assert head is not None, "commits are published on branches that exist"
        changes = changed_tables(self.context.repository.commits, head, commit_id)
        if not changes:
            return None
        contracts, unreadable = _contracts(rules, self.options)
        wanted = wanted_checks(
            self.context,
            head,
            commit_id,
            required=rules.required,
            may_drop=_may_drop(rules),
        )
        if not (wanted.run or wanted.decided or contracts or unreadable or rules.hooks):
            return None
        checks = self._checked(head, commit_id, wanted)
        violations = [*unreadable, *self._violations(contracts, head, commit_id)]
        found = Judgement(
            held.branch.name,
            head,
            commit_id,
            checks=tuple(map(self._allowed, checks)),
            contracts=tuple(one.name for one in contracts),
            violations=tuple(violations),
            notes=wanted.notes,
        )
        if rules.hooks:
            found = self._asked(found, rules, changes)
        self.judgement = found
        if not found.passed and not self.dry_run:
            raise refused(self.context, found, self.what)
        return abridged(found).to_json()

    def _checked(self, head: str, commit_id: str, wanted: WantedChecks) -> list[CheckResult]:
        """Runs checks; the commits of the branch say what was found before."""
        if not wanted.run:
            return list(wanted.decided)
        if self._recorded is None:  # what came since then is what others did meanwhile
            self._recorded = recorded_results(self.context.repository.commits, head)
        known = [*self._known, *self._recorded]
        results = run_checks(self.context, commit_id, wanted.run, now=self._now(), known=known)
        self._known += [KnownResult(commit_id, one, now=self._now(), own=True) for one in results]
        return [*results, *wanted.decided]

    def _now(self) -> datetime.datetime:
        """Returns the moment at which all is judged: that of the first commit."""
        self._judged_at = self._judged_at or self.context.clock()
        return self._judged_at

    def _allowed(self, result: CheckResult) -> CheckResult:
        reason = self.options.reason(result.table, result.check)
        return replace(result, allowed=reason) if reason and result.refuses else result

    def _violations(self, contracts: list[Contract], head: str, commit_id: str) -> list[Violation]:
        if not contracts:
            return []
        from catalog.operations.contracts.judge import judge_contracts  # loads what compares rows

        before, after = End(head, head), End(commit_id, commit_id)
        return judge_contracts(self.context, contracts, before, after, known=self._verdicts)

    def _asked(self, found: Judgement, rules: BranchRules, changes: Changes) -> Judgement:
        """Asks the hooks about a change that nothing else refuses."""
        if not found.passed:
            note = f"hooks were not asked: {', '.join(rules.hooks)}"
            return replace(found, notes=(*found.notes, note))
        changed = tuple(sorted((table, *ids) for table, ids in changes.items()))
        missing = [name for name in rules.hooks if (name, *changed) not in self._answers]
        if missing:
            from catalog.operations.gate.delta import delta_json  # loads what compares rows

            delta = delta_json(self.context, found, self.what)
            environment = {
                "PARQUETRY_CATALOG": self.context.repository.store.location,
                "PARQUETRY_BRANCH": found.branch,
                "PARQUETRY_HEAD": found.before,
            }
            if not self.context.is_trial:
                environment["PARQUETRY_CANDIDATE"] = found.candidate
            answers = ask_hooks(missing, self.context.hooks(), delta, environment)
            self._answers |= {(one.hook, *changed): one for one in answers}
        answered = tuple(self._answers[name, *changed] for name in rules.hooks)
        return replace(found, hooks=answered)


def refused(context: OperationContext, found: Judgement, what: str) -> GateRefused:
    """Returns the error for a change that does not pass."""
    message = (
        f"the gate of branch {found.branch!r} refuses {what}: {counted_refusals(found)}; "
        f"the branch was not moved\n{told_refusals(found)}"
    )
    if context.is_trial:
        return GateRefused(message, judgement=found)
    advice = hint("see what would change: {}", Call("diff", (found.branch, short(found.candidate))))
    return GateRefused(message, judgement=found, hint=advice)


def counted_refusals(found: Judgement) -> str:
    """Returns how much is in the way: ``1 check, 2 violations``."""
    checks = sum(check.refuses for check in found.checks)
    hooks = sum(not hook.passed for hook in found.hooks)
    numbers = (checks, "check"), (len(found.violations), "violation"), (hooks, "hook")
    return ", ".join(counted(number, noun) for number, noun in numbers if number)


def told_refusals(found: Judgement) -> str:
    """Returns what is in the way, each on a line of its own, the first of many."""
    lines = [_shortened(line) for line in refusal_lines(found)]
    more = len(lines) - MOST_LINES
    if more > 0:
        lines = [*lines[:MOST_LINES], f"and {counted(more, 'more line')}"]
    return "\n".join(f"  {line}" for line in lines)


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _contracts(rules: BranchRules, options: GateOptions) -> tuple[list[Contract], list[Violation]]:
    """Returns the contracts to judge by, and what is wrong with those that cannot be read."""
    found: list[Contract] = []
    unreadable = []
    for name, stored in rules.contracts.items():
        try:
            found.append(contract_from_json(name, stored))
        except CorruptData as error:
            unreadable.append(Violation(name, "", error.message))
    return [*found, *options.contracts], unreadable


def _may_drop(rules: BranchRules) -> frozenset[str]:
    """Returns the tables that contracts of the branch let go by name, folded."""
    contracts, _ = _contracts(rules, NO_OPTIONS)
    names = [set(map(str.casefold, one.allowed("may_drop"))) for one in contracts]
    return frozenset(set().union(*names))
