"""What was counted for a check, as a result: its status, and what is wrong in a sentence."""

import datetime
from collections.abc import Sequence

from catalog.flow.checks.binding import BoundCheck
from catalog.flow.checks.measure import Measured
from catalog.model.checks import Check, CheckKind, Severity, TableCheck, is_met
from catalog.model.judgement import CheckResult, CheckStatus, Example
from catalog.report.figures import count, counted


def status_of(check: Check, failures: int) -> CheckStatus:
    """Returns how a check went that found so many failures, by the rules of dbt.

    With the severity ``error``, ``error_if`` decides first, then ``warn_if``; with ``warn``,
    ``warn_if`` alone.
    """
    if check.severity is Severity.ERROR and is_met(check.error_if, failures):
        return "failed"
    return "warned" if is_met(check.warn_if, failures) else "passed"


def result_of(
    check: BoundCheck,
    measured: Measured,
    *,
    now: datetime.datetime,
    examples: Sequence[Example] = (),
    elapsed_ms: int = 0,
) -> CheckResult:
    """Returns the result of a check."""
    return CheckResult(
        table=check.table.name,
        check=check.one.name,
        kind=str(check.kind),
        columns=check.check.columns,
        status=status_of(check.check, measured.failures),
        failures=measured.failures,
        rows=measured.rows,
        message=_message(check, measured, now),
        examples=tuple(examples),
        digest=check.one.digest,
        reads=check.reads,
        elapsed_ms=elapsed_ms,
    )


def broken_result(one: TableCheck, reason: str, *, reads: dict[str, str]) -> CheckResult:
    """Returns the result of a check that could not be run."""
    check = one.check
    return CheckResult(
        table=one.table,
        check=one.name,
        kind="" if check is None else str(check.kind),
        columns=() if check is None else check.columns,
        status="broken",
        failures=None,
        message=f"it cannot be run: {reason}",
        digest=one.digest,
        reads=reads,
    )


def _message(check: BoundCheck, measured: Measured, now: datetime.datetime) -> str:
    """Returns what is wrong, in a sentence; empty if nothing is."""
    failures, parameters = measured.failures, check.check.parameters
    columns = ", ".join(column.text for column in check.columns)
    if check.kind is CheckKind.FRESHNESS:
        return _freshness(check, measured, columns=columns, now=now)
    if not failures:
        return ""
    rows = measured.rows or 0
    of = f"of {counted(rows, 'row')}"
    match check.kind:
        case CheckKind.NOT_NULL:
            verb = "has" if failures == 1 else "have"
            return f"{count(failures)} {of} {verb} no {columns}"
        case CheckKind.UNIQUE:
            occur = "value occurs" if failures == 1 else "values occur"
            wrong = count(measured.wrong_rows)
            return f"{count(failures)} {occur} more than once, in {wrong} {of}"
        case CheckKind.ACCEPTED_VALUES:
            wrong = count(measured.wrong_rows)
            values = counted(failures, "value")
            verb = "is" if failures == 1 else "are"
            return f"{values} of {columns} {verb} not accepted, in {wrong} {of}"
        case CheckKind.RANGE:
            verb = "is" if failures == 1 else "are"
            return f"{count(failures)} {of} {verb} not {_bounds(check)}"
        case CheckKind.RELATIONSHIPS:
            field = parameters["field"]
            fields = ", ".join(map(str, field)) if isinstance(field, list) else field
            verb = "has" if failures == 1 else "have"
            return f"{count(failures)} {of} {verb} no match in {parameters['to']}.{fields}"
        case CheckKind.ROW_COUNT:
            verb = "is" if rows == 1 else "are"
            return f"there {verb} {counted(rows, 'row')}, and there should be {_bounds(check)}"
    return f"its SELECT found {counted(failures, 'row')}"


def _freshness(
    check: BoundCheck, measured: Measured, *, columns: str, now: datetime.datetime
) -> str:
    at = now.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    age = check.check.parameters["max_age"]
    if measured.newest is None:
        return f"there is no {columns}, and one of the last {age} before {at} is needed"
    older = "older" if measured.failures else "not older"
    return f"the newest {columns} is {measured.newest}, {older} than {age} before {at}"


def _bounds(check: BoundCheck) -> str:
    """Returns the bounds of a check in words: ``from 0 to 10``, ``above 0``."""
    parameters = check.check.parameters
    low, high = parameters.get("min"), parameters.get("max")
    if parameters.get("inclusive", True) is not True:
        words = [
            f"above {low}" if low is not None else "",
            f"below {high}" if high is not None else "",
        ]
        return " and ".join(filter(None, words))
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}"
