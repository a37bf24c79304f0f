"""Which checks a change has to pass: those of the target's head, and those that it brings."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError
from catalog.model.checks import CheckKind, Severity, TableCheck, table_checks
from catalog.model.judgement import CheckResult
from catalog.operations.checks.run import tables_read
from catalog.operations.context import OperationContext
from catalog.repository.commits import Commits

READS_OTHERS = (CheckKind.RELATIONSHIPS, CheckKind.SQL, CheckKind.PYTHON)
"""Kinds of checks that may read other tables than their own."""


@dataclass(frozen=True, slots=True)
class WantedChecks:
    """What has to be found out about the checks of a change.

    Attributes:
        run: The checks to run on the candidate, of tables as they are spelled there.
        decided: Results of checks that there is nothing to run for: their table is gone, or a
            check that is required is not there, or not what it was.
        notes: What becomes of checks, a sentence each.
    """

    run: tuple[TableCheck, ...] = ()
    decided: tuple[CheckResult, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _End:
    """The tables of a commit, their snapshots, and their checks."""

    commits: Commits
    commit_id: str
    checks: Mapping[str, Mapping[str, TableCheck]]

    def snapshot(self, table: str) -> str | None:
        """Returns the id of the snapshot of a table, found without regard to case."""
        found = self.commits.entry(self.commit_id, table)
        return None if found is None else found.entry.snapshot

    def spelled(self, table: str) -> str | None:
        """Returns the name of a table as it is spelled, None if it is not there."""
        found = self.commits.entry(self.commit_id, table)
        return None if found is None else found.name

    def checks_of(self, table: str) -> Mapping[str, TableCheck]:
        """Returns the checks of a table by name."""
        return self.checks.get(table.casefold(), {})


def _end(commits: Commits, commit_id: str) -> _End:
    entries = commits.entries(commit_id)
    checks = {
        table.casefold(): {
            one.name: one
            for one in table_checks(table, commits.table(entries[table]).snapshot.properties)
        }
        for table in commits.checked(commit_id)
    }
    return _End(commits, commit_id, checks)


def changed_tables(commits: Commits, before: str, after: str) -> dict[str, tuple[str, str]]:
    """Returns the tables in which two commits differ, and the ids of both snapshots.

    That of a table that is not there is empty.
    """
    found = {
        name: ("" if old is None else old.entry.snapshot, "" if new is None else new.entry.snapshot)
        for name, (old, new) in commits.changed_entries(before, after).items()
    }
    return {name: one for name, one in found.items() if one[0] != one[1]}


def wanted_checks(
    context: OperationContext,
    before: str,
    after: str,
    *,
    required: Sequence[str],
    may_drop: Collection[str] = (),
) -> WantedChecks:
    """Returns what has to be found out about the checks of a change.

    A check of the head counts as it is there, whatever the change makes of it. It is run if its
    table changes, or if it reads a table that does.

    Args:
        context: The catalog.
        before: The target's head.
        after: The candidate.
        required: Checks that must be there, as ``table.check``; they are run in any case.
        may_drop: Tables that a contract of the branch lets go, folded.
    """
    old, new = _end(context.repository.commits, before), _end(context.repository.commits, after)
    run: list[TableCheck] = []
    decided: list[CheckResult] = []
    for one in _all(old):
        spelled = new.spelled(one.table)
        if spelled is None:
            if one.table.casefold() not in may_drop:
                decided.append(_gone(one))
            continue
        here = TableCheck(spelled, one.name, one.check, problem=one.problem, text=one.text)
        if _is_named(here, required) or _is_affected(context, here, (old, new)):
            run.append(here)
    for one in _all(new):
        known = old.checks_of(one.table).get(one.name)
        if known is None or known.digest != one.digest:
            run.append(one)
    decided += _missing(old, new, required, said={one.table.casefold() for one in decided})
    return WantedChecks(tuple(run), tuple(decided), tuple(_notes(old, new)))


def _all(end: _End) -> Iterator[TableCheck]:
    for table in sorted(end.checks):
        yield from end.checks[table].values()


def _is_affected(context: OperationContext, one: TableCheck, ends: tuple[_End, _End]) -> bool:
    """Returns whether a check may find something else on the candidate than on the head."""
    old, new = ends
    if old.snapshot(one.table) != new.snapshot(one.table):
        return True
    if one.check is not None and one.check.kind not in READS_OTHERS:
        return False
    try:
        reads = [tables_read(context, end.commit_id, one) for end in ends]
    except CatalogError:  # running it says what is wrong
        return True
    return one.check is None or reads[0] != reads[1]


def _is_named(one: TableCheck, names: Sequence[str]) -> bool:
    return any(is_same_check(name, one.table, one.name) for name in names)


def is_same_check(name: str, table: str, check: str) -> bool:
    """Returns whether ``table.check`` names a check; the case of the table does not matter."""
    end = f".{check}"
    return name.endswith(end) and name[: -len(end)].casefold() == table.casefold()


def _gone(one: TableCheck) -> CheckResult:
    """Returns what a check says whose table is dropped."""
    warns = one.check is not None and one.check.severity is Severity.WARN
    return CheckResult(
        one.table,
        one.name,
        "" if one.check is None else str(one.check.kind),
        () if one.check is None else one.check.columns,
        status="warned" if warns else "broken",
        failures=None,
        message=f"its table {one.table} is gone",
        digest=one.digest,
    )


def _missing(
    old: _End, new: _End, required: Sequence[str], *, said: Collection[str]
) -> Iterator[CheckResult]:
    """Yields a result for each required check that is not there, or not what it was.

    Of tables in ``said`` it is said already that they are gone.
    """
    there = list(_all(new))
    before = list(_all(old))
    for name in required:
        found = next((one for one in there if is_same_check(name, one.table, one.name)), None)
        known = next((one for one in before if is_same_check(name, one.table, one.name)), None)
        if found is not None and (known is None or known.digest == found.digest):
            continue
        table, _, check = name.rpartition(".")
        if known is not None:
            table, check = known.table, known.name
        if table.casefold() in said:
            continue
        what = "is dropped" if known is not None else "does not exist"
        message = f"the branch requires it, and it {what if found is None else 'is changed'}"
        yield CheckResult(table, check, "", status="broken", failures=None, message=message)


def _notes(old: _End, new: _End) -> Iterator[str]:
    for one in _all(old):
        found = new.checks_of(one.table).get(one.name)
        if found is None:
            yield f"check {one.full_name} is dropped"
        elif found.digest != one.digest:
            yield f"check {one.full_name} is changed; it was run as it is and as it was"
    for one in _all(new):
        if one.name not in old.checks_of(one.table):
            yield f"check {one.full_name} is new"
