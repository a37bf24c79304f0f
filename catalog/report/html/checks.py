"""What a gate found, on a page: checks, contracts and hooks, what is in the way first."""

from collections.abc import Iterator

from catalog.dataclasses import dataclass
from catalog.model.judgement import CheckResult, Judgement, Violation
from catalog.report.figures import count, counted, named_values, plain
from catalog.report.html.grids import Cell, Column, Grid, limited, number
from catalog.report.judgement import refusal_lines

MOST_CHECKS = 500
"""Checks that are listed."""

MOST_VIOLATIONS = 200
"""Violations of contracts that are listed."""

_STATUS = {"passed": "✓ passed", "warned": "! warned", "failed": "✗ failed", "broken": "✗ broken"}
_ORDER = ("failed", "broken", "warned", "passed")


@dataclass(frozen=True, slots=True)
class CheckSection:
    """What a gate found.

    Attributes:
        lead: All of it in a sentence.
        grids: Checks, violations of contracts, answers of hooks.
        rows: Rows that break a rule, as lines of text.
        notes: What else to know.
    """

    lead: str
    grids: tuple[Grid, ...]
    rows: tuple[str, ...]
    notes: tuple[str, ...]


def check_section(gate: Judgement | None) -> CheckSection | None:
    """Returns what a gate found; None if nothing was judged."""
    if gate is None:
        return None
    grids = (_checks(gate), _violations(gate), _hooks(gate))
    rows = () if gate.passed else tuple(refusal_lines(gate))[:MOST_VIOLATIONS]
    notes = tuple(plain(note) for note in gate.notes)
    return CheckSection(_lead(gate), tuple(one for one in grids if one), rows, notes)


def _lead(gate: Judgement) -> str:
    return f"{_sentence(', '.join(_parts(gate)) or 'nothing was checked')}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _parts(gate: Judgement) -> Iterator[str]:
    refused = [one for one in gate.checks if one.refuses]
    passed = sum(one.status == "passed" for one in gate.checks)
    others = len(gate.checks) - len(refused) - passed
    if refused:
        yield f"{counted(len(refused), 'check')} failed"
    if gate.violations:
        yield f"{counted(len(gate.violations), 'violation')} of contracts"
    hooks = sum(not one.passed for one in gate.hooks)
    if hooks:
        yield f"{counted(hooks, 'hook')} refused"
    if others:
        yield f"{counted(others, 'check')} warned, or allowed to fail"
    if passed:
        yield f"{counted(passed, 'check')} passed"
    broken = {one.contract for one in gate.violations}
    kept = [plain(name) for name in gate.contracts if name not in broken]
    if kept:
        yield f"contract{'s' * (len(kept) > 1)} {', '.join(kept)} kept"


def _checks(gate: Judgement) -> Grid | None:
    if not gate.checks:
        return None
    ordered = sorted(gate.checks, key=lambda one: _ORDER.index(one.status))
    rows, note = limited([_check(one) for one in ordered], MOST_CHECKS, "checks")
    head = [Column("check"), Column("status"), Column("wrong", right=True)]
    head += [Column("of rows", right=True), Column("message")]
    return Grid("Checks", tuple(head), rows, note, searched="checks")


def _check(one: CheckResult) -> tuple[Cell, ...]:
    allowed = f"allowed to fail: {plain(one.allowed)}" if one.allowed else ""
    said = "; ".join(part for part in (plain(one.message), allowed) if part)
    wrong = Cell("") if one.failures is None else number(one.failures)
    rows = Cell("") if one.rows is None else number(one.rows)
    return Cell(plain(one.name)), Cell(_STATUS[one.status]), wrong, rows, Cell(said)


def _violations(gate: Judgement) -> Grid | None:
    if not gate.violations:
        return None
    rows, note = limited(
        [_violation(one) for one in gate.violations], MOST_VIOLATIONS, "violations"
    )
    head = [
        Column("contract"),
        Column("where"),
        Column("what"),
        Column("cells or rows", right=True),
    ]
    head += [Column("allowed")]
    return Grid("What contracts do not allow", tuple(head), rows, note)


def _violation(one: Violation) -> tuple[Cell, ...]:
    where = [plain(one.table), named_values(one.partition or {}), plain(one.column)]
    return (
        Cell(plain(one.contract)),
        Cell(" ".join(part for part in where if part)),
        Cell(plain(one.message)),
        Cell("") if one.count is None else Cell(count(one.count), sort=one.count),
        Cell(plain(one.allowed)),
    )


def _hooks(gate: Judgement) -> Grid | None:
    if not gate.hooks:
        return None
    rows = tuple(
        (
            Cell(plain(one.hook)),
            Cell("✓ passed" if one.passed else "✗ refused"),
            Cell(plain(one.message)),
        )
        for one in gate.hooks
    )
    return Grid("Hooks", (Column("hook"), Column("answer"), Column("message")), rows)
