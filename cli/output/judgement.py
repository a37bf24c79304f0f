"""What a gate found, as lines of text; its JSON is ``Judgement.to_json``."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from catalog.report.figures import counted, named_values, plain

if TYPE_CHECKING:
    from catalog.model.judgement import CheckResult, Example, Judgement, Violation

EXAMPLES_SHOWN = 3
"""Rows that text shows of what breaks a rule; JSON has all that were kept."""


def judgement_lines(judgement: "Judgement") -> Iterator[str]:
    """Yields what a gate found: what is in the way, with examples, then what was passed."""
    yield from _check_lines(judgement.checks)
    for name in judgement.contracts:
        broken = [one for one in judgement.violations if one.contract == name]
        if not broken:
            yield f"contract {plain(name)}: kept"
        for one in broken:
            yield from _violation_lines(one)
    for hook in judgement.hooks:
        said = f": {plain(hook.message)}" if hook.message else ""
        yield f"hook {plain(hook.hook)}: {'passed' if hook.passed else 'refused'}{said}"
    yield from map(plain, judgement.notes)


def _check_lines(checks: "Sequence[CheckResult]") -> Iterator[str]:
    if not checks:
        return
    counts = Counter(one.status for one in checks)
    parts = [f"{counts[status]:,} {status}" for status in ("passed", "warned", "failed", "broken")]
    shown = ", ".join(part for part in parts if not part.startswith("0 "))
    yield f"{counted(len(checks), 'check')}: {shown}"
    for one in checks:
        if one.status == "passed":
            continue
        about = one.message or (f"{counted(one.failures or 0, 'failure')}" if one.failures else "")
        allowed = f"; allowed: {plain(one.allowed)}" if one.allowed else ""
        yield f"  {one.status}  {plain(one.name)}  {plain(about)}{allowed}"
        yield from _example_lines(one.examples, changed=False)


def _violation_lines(one: "Violation") -> Iterator[str]:
    yield f"contract {plain(one.contract)} broken by {plain(one.rule)}: {plain(one.message)}"
    yield from _example_lines(one.examples, changed=True)


def _example_lines(examples: "Sequence[Example]", *, changed: bool) -> Iterator[str]:
    for one in examples[:EXAMPLES_SHOWN]:
        column = f"  {plain(one.column)}" if one.column else ""
        before, after = ("NULL" if v is None else plain(v) for v in (one.before, one.after))
        values = f": {before} → {after}" if changed and one.column else ""
        if not changed and one.column:
            values = f": {after}"
        yield f"    {named_values(one.key, ', ')}{column}{values}"
