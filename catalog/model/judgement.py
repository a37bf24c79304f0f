"""What a gate found: results of checks, violations of contracts, answers of hooks."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import CorruptData
from catalog.model.ids import excerpt

JUDGEMENT_VERSION = 1
"""Of the stored form."""

MOST_EXAMPLES = 100
"""Examples of failing rows that a commit keeps: each is some hundreds of bytes."""

CheckStatus = Literal["passed", "warned", "failed", "broken"]
"""``broken``: it could not be run, which counts as failed."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row that breaks a rule.

    Attributes:
        key: Its key columns, as texts by name; all columns if the table has no key.
        column: The column that is wrong; empty if it is the row.
        before: The value before, as text; None for NULL, or if there is no row.
        after: The value after, as text; None for NULL, or if there is no row.
    """

    key: Mapping[str, str | None]
    column: str = ""
    before: str | None = None
    after: str | None = None

    def to_json(self) -> dict[str, object]:
        """Returns the JSON form."""
        return {
            "key": dict(self.key),
            "column": self.column or None,
            "from": self.before,
            "to": self.after,
        }


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found.

    Attributes:
        table: The table.
        check: The name of the check.
        kind: Its kind.
        columns: The columns that it is about.
        status: How it went.
        failures: How many rows, values or groups are wrong; None if it could not be run.
        rows: How many rows were looked at: those that meet its condition; None if that is not
            counted.
        message: Why it could not be run, or what is wrong, in a sentence; may be empty.
        examples: Some of the rows that are wrong.
        digest: What the check means; see ``Check.digest``.
        allowed: Why its failure was allowed; empty if it was not.
        reads: Ids of the table snapshots that it was run on, by table.
        elapsed_ms: How long it took, together with the checks that were run with it.
    """

    table: str
    check: str
    kind: str
    columns: tuple[str, ...] = ()
    status: CheckStatus = "passed"
    failures: int | None = 0
    rows: int | None = None
    message: str = ""
    examples: tuple[Example, ...] = ()
    digest: str = ""
    allowed: str = ""
    reads: Mapping[str, str] = field(default_factory=dict)
    elapsed_ms: int = 0

    @property
    def name(self) -> str:
        """Returns ``table.check``."""
        return f"{self.table}.{self.check}"

    @property
    def refuses(self) -> bool:
        """Returns whether a gate refuses because of it."""
        return self.status in ("failed", "broken") and not self.allowed

    def to_json(self) -> dict[str, object]:
        """Returns the JSON form."""
        return {
            "table": self.table,
            "check": self.check,
            "kind": self.kind,
            "columns": list(self.columns),
            "status": self.status,
            "failures": self.failures,
            "rows": self.rows,
            "message": self.message or None,
            "examples": [example.to_json() for example in self.examples],
            "digest": self.digest,
            "allowed": self.allowed or None,
            "reads": dict(self.reads),
            "elapsed_ms": self.elapsed_ms,
        }


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that a contract does not allow.

    Attributes:
        contract: The name of the contract.
        rule: The rule, as a path in the contract: ``table.weather.columns``.
        message: What is wrong, in a sentence.
        table: The table; empty if it is about none.
        partition: The partition, as texts by column; None if it is about none.
        column: The column; empty if it is about none.
        count: How many rows or cells; None where nothing is counted.
        allowed: What is allowed, as text: ``at most 5%``.
        examples: Some rows, with their values before and after.
    """

    contract: str
    rule: str
    message: str
    table: str = ""
    partition: Mapping[str, str | None] | None = None
    column: str = ""
    count: int | None = None
    allowed: str = ""
    examples: tuple[Example, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Returns the JSON form."""
        return {
            "contract": self.contract,
            "rule": self.rule,
            "message": self.message,
            "table": self.table or None,
            "partition": None if self.partition is None else dict(self.partition),
            "column": self.column or None,
            "count": self.count,
            "allowed": self.allowed or None,
            "examples": [example.to_json() for example in self.examples],
        }


@dataclass(frozen=True, slots=True)
class HookResult:
    """What a hook of a gate answered.

    Attributes:
        hook: Its name.
        passed: Whether it lets the change through.
        message: What it said, or why it could not be run.
    """

    hook: str
    passed: bool
    message: str = ""

    def to_json(self) -> dict[str, object]:
        """Returns the JSON form."""
        return {"hook": self.hook, "passed": self.passed, "message": self.message or None}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a gate found about a commit to come, against what readers of the branch see now.

    Attributes:
        branch: The branch.
        before: The commit that the branch points at.
        candidate: The commit that was judged; no branch points at it if it was refused.
        checks: What checks found.
        contracts: The names of the contracts that were judged.
        violations: What they do not allow.
        hooks: What hooks answered.
        notes: What else to know, such as rules that change with it.
    """

    branch: str
    before: str
    candidate: str
    checks: tuple[CheckResult, ...] = ()
    contracts: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    hooks: tuple[HookResult, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Returns whether nothing is in the way."""
        return not (
            any(check.refuses for check in self.checks)
            or self.violations
            or any(not hook.passed for hook in self.hooks)
        )

    def to_json(self) -> dict[str, object]:
        """Returns the JSON form."""
        return {
            "version": JUDGEMENT_VERSION,
            "passed": self.passed,
            "branch": self.branch,
            "from": self.before,
            "candidate": self.candidate,
            "checks": [check.to_json() for check in self.checks],
            "contracts": list(self.contracts),
            "violations": [violation.to_json() for violation in self.violations],
            "hooks": [hook.to_json() for hook in self.hooks],
            "notes": list(self.notes),
        }


def abridged(judgement: Judgement) -> Judgement:
    """Returns what a commit keeps, which is read whole with it: the first checks have examples."""
    room, checks = MOST_EXAMPLES, []
    for one in judgement.checks:
        room -= len(one.examples)
        checks.append(one if room >= 0 else replace(one, examples=()))
    return replace(judgement, checks=tuple(checks))


def refusals(judgement: Judgement) -> Sequence[str]:
    """Returns what is in the way, a line each."""
    lines = [
        f"check {one.name}: {one.message or one.status}" for one in judgement.checks if one.refuses
    ]
    lines += [f"contract {one.contract}: {one.message}" for one in judgement.violations]
    lines += [
        f"hook {one.hook}: {one.message or 'refused'}" for one in judgement.hooks if not one.passed
    ]
    return lines


def judgement_from_json(stored: Any) -> Judgement:
    """Reads the stored form of what a gate found.

    Raises:
        CorruptData: It is of a newer release, or not readable.
    """
    match stored:
        case {
            "version": 1,
            "branch": str(branch),
            "from": str(before),
            "candidate": str(candidate),
            "checks": [*checks],
            "contracts": [*contracts],
            "violations": [*violations],
            "hooks": [*hooks],
            "notes": [*notes],
        } if all(isinstance(text, str) for text in (*contracts, *notes)):
            return Judgement(
                branch,
                before,
                candidate,
                checks=tuple(map(_check_result, checks)),
                contracts=tuple(contracts),
                violations=tuple(map(_violation, violations)),
                hooks=tuple(map(_hook_result, hooks)),
                notes=tuple(notes),
            )
        case {"version": int(version)} if version > JUDGEMENT_VERSION:
            raise CorruptData("what a gate found was stored by a newer release")
    raise _unreadable(stored)


def _check_result(stored: Any) -> CheckResult:
    match stored:
        case {
            "table": str(table),
            "check": str(check),
            "kind": str(kind),
            "columns": [*columns],
            "status": "passed" | "warned" | "failed" | "broken" as status,
            "failures": int() | None as failures,
            "digest": str(digest),
            "examples": [*examples],
            "reads": dict(reads),
        } if all(isinstance(text, str) for text in (*columns, *reads, *reads.values())):
            rows, elapsed_ms = stored.get("rows"), stored.get("elapsed_ms")
            return CheckResult(
                table,
                check,
                kind,
                tuple(columns),
                status=status,
                failures=failures,
                message=_text(stored.get("message")),
                examples=tuple(map(_example, examples)),
                digest=digest,
                allowed=_text(stored.get("allowed")),
                reads=reads,
                rows=rows if isinstance(rows, int) else None,
                elapsed_ms=elapsed_ms if isinstance(elapsed_ms, int) else 0,
            )
    raise _unreadable(stored)


def _violation(stored: Any) -> Violation:
    match stored:
        case {
            "contract": str(contract),
            "rule": str(rule),
            "message": str(message),
            "partition": dict() | None as partition,
            "count": int() | None as count,
            "examples": [*examples],
        }:
            return Violation(
                contract,
                rule,
                message,
                table=_text(stored.get("table")),
                partition=None if partition is None else _texts(partition),
                column=_text(stored.get("column")),
                count=count,
                allowed=_text(stored.get("allowed")),
                examples=tuple(map(_example, examples)),
            )
    raise _unreadable(stored)


def _hook_result(stored: Any) -> HookResult:
    match stored:
        case {"hook": str(hook), "passed": bool(passed)}:
            return HookResult(hook, passed, _text(stored.get("message")))
    raise _unreadable(stored)


def _example(stored: Any) -> Example:
    match stored:
        case {
            "key": dict(key),
            "from": str() | None as before,
            "to": str() | None as after,
        }:
            return Example(_texts(key), _text(stored.get("column")), before, after)
    raise _unreadable(stored)


def _texts(stored: Mapping[Any, Any]) -> Mapping[str, str | None]:
    if all(text is None or isinstance(text, str) for text in stored.values()):
        return stored
    raise _unreadable(stored)


def _text(stored: object) -> str:
    if stored is None or isinstance(stored, str):
        return stored or ""
    raise _unreadable(stored)


def _unreadable(stored: object) -> CorruptData:
    return CorruptData(f"what a gate found is not readable: {excerpt(stored)}")
