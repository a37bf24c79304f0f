"""What a gate found, drawn as text."""

from collections.abc import Iterator, Sequence

from catalog.model.judgement import CheckResult, Example, HookResult, Judgement, Violation
from catalog.report.figures import arrow, counted, named_values, plain

EXAMPLES_SHOWN = 3
"""Rows that are shown of each thing that is wrong."""


def judgement_lines(judgement: Judgement) -> Iterator[str]:
    """Yields what a gate found, what is in the way first; nothing where all is as usual."""
    passed, warned = [], []
    for check in judgement.checks:
        if check.status == "passed":
            passed.append(check)
        elif check.refuses:
            yield from check_lines(check)
        else:
            warned.append(check)
    for violation in judgement.violations:
        yield from violation_lines(violation)
    for hook in judgement.hooks:
        if not hook.passed:
            yield from hook_lines(hook)
    for check in warned:
        yield from check_lines(check)
    fine = []
    if passed:
        fine.append(counted(len(passed), "check"))
    broken = {one.contract for one in judgement.violations}
    kept = [name for name in judgement.contracts if name not in broken]
    if kept:
        fine.append(f"contract{'s' * (len(kept) > 1)} {', '.join(map(plain, kept))}")
    asked = [one.hook for one in judgement.hooks if one.passed]
    if asked:
        fine.append(f"hook{'s' * (len(asked) > 1)} {', '.join(map(plain, asked))}")
    if fine:
        yield f"passed: {'; '.join(fine)}"
    yield from (f"note: {plain(note)}" for note in judgement.notes)


def refusal_lines(judgement: Judgement) -> Iterator[str]:
    """Yields what is in the way, and what the change makes of checks that are."""
    for check in judgement.checks:
        if check.refuses:
            yield from check_lines(check)
    for violation in judgement.violations:
        yield from violation_lines(violation)
    for hook in judgement.hooks:
        if not hook.passed:
            yield from hook_lines(hook)
    names = {check.name for check in judgement.checks if check.refuses}
    for note in judgement.notes:  # whoever dropped a check wonders why it still counts
        if names & set(note.replace(";", " ").split()):
            yield f"note: {plain(note)}, and counts as the branch has it"


def check_lines(check: CheckResult) -> Iterator[str]:
    """Yields what a check found: ``check orders.amount_not_null failed: 3 rows…``, and rows."""
    words = {"passed": "passed", "warned": "warns", "failed": "failed", "broken": "cannot pass"}
    count = "" if check.failures is None or check.message else f": {check.failures:,} wrong"
    message = f": {plain(check.message)}" if check.message else ""
    allowed = f" (allowed: {plain(check.allowed)})" if check.allowed else ""
    yield f"check {plain(check.name)} {words[check.status]}{count}{message}{allowed}"
    yield from _examples(check.examples, moved=False)


def violation_lines(violation: Violation) -> Iterator[str]:
    """Yields something that a contract does not allow, and rows."""
    allowed = f" (allowed: {plain(violation.allowed)})" if violation.allowed else ""
    yield f"contract {plain(violation.contract)}: {plain(violation.message)}{allowed}"
    yield from _examples(violation.examples, moved=True)


def hook_lines(hook: HookResult) -> Iterator[str]:
    """Yields what a hook answered, and the end of what it wrote."""
    first, *rest = hook.message.splitlines() or [""]
    what = "passed" if hook.passed else "refuses"
    yield f"hook {plain(hook.hook)} {what}{': ' if first else ''}{plain(first)}"
    yield from (f"  {plain(line.strip())}" for line in rest)


def _examples(examples: Sequence[Example], *, moved: bool) -> Iterator[str]:
    """Yields rows: of a change with the values before and after, else with the one there is."""
    for one in examples[:EXAMPLES_SHOWN]:
        key = named_values(one.key, ", ")
        cell = _cell(one, moved=moved) if one.column else ""
        yield f"  {': '.join(part for part in (key, cell) if part)}"


def _cell(example: Example, *, moved: bool) -> str:
    """Returns a cell: ``amount 12 → NULL``, or ``amount NULL``."""
    before, after = _value(example.before), _value(example.after)
    value = arrow(before, after) if moved else after
    return f"{plain(example.column)} {value}"


def _value(value: str | None) -> str:
    return "NULL" if value is None else plain(value)
