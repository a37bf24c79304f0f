"""Running checks on a commit."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog.errors import InvalidInput, NotFound, Unsupported
from catalog.model.checks import CheckKind, TableCheck
from catalog.model.judgement import CheckResult
from catalog.operations.checks.known import Earlier, KnownResult
from catalog.operations.checks.listing import entry_of, table_of
from catalog.operations.context import OperationContext
from catalog.repository.commits import Commits

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.flow.checks.reading import Scan
    from catalog.flow.checks.run import Job

EXAMPLES = 5
"""Rows that are shown of a check that fails, unless another number is asked for."""


# long: its parameters and what they mean
def run_checks(
    context: OperationContext,
    commit_id: str,
    wanted: Sequence[TableCheck],
    *,
    now: datetime.datetime,
    examples: int = EXAMPLES,
    known: Iterable[KnownResult] = (),
    progress: Callable[[int, str], None] | None = None,
    scans: "list[Scan] | None" = None,
) -> list[CheckResult]:
    """Runs checks on the tables of a commit, which no branch need point at.

    Tables that checks name are those of the same commit. A check that cannot be run, since its
    column or its table is gone or its SQL fails, is a result with the status ``broken``.

    Args:
        context: The open catalog.
        commit_id: The commit.
        wanted: The checks.
        now: The moment that ``freshness`` is relative to.
        examples: How many rows to show of a check that fails.
        known: Results that were found before. One of the same check on the same table snapshots
            is taken over; after one without failures, only files that are new since are read
            where that is proved to find the same.
        progress: Called after each check that was run, with how many were and its name.
        scans: Takes which data files were read.

    Returns:
        A result for each check, in order.

    Raises:
        CorruptData: A data file is damaged or missing.
        StorageFailure: The storage failed.
    """
    if not wanted:
        return []
    from catalog.flow.checks.files import FileChoice
    from catalog.flow.checks.reading import check_engine
    from catalog.flow.checks.run import CheckRun

    commits = context.repository.commits
    found: dict[int, CheckResult] = {}
    jobs: dict[int, Job] = {}
    earlier = Earlier(commits, commit_id, known, now=now)
    for at, one in enumerate(wanted):
        reused = earlier.reused(one)
        if reused is None and one.check is not None and one.check.kind is CheckKind.PYTHON:
            from catalog.operations.checks.python_checks import run_python_check

            found[at] = run_python_check(context, commit_id, one, examples=examples)
        else:
            result = reused or _bound(one, commits, commit_id)
            if isinstance(result, CheckResult):
                found[at] = result
            else:
                jobs[at] = replace(result, before=earlier.table(one))
    with check_engine(context.repository) as engine:
        run = CheckRun(engine, FileChoice(commits), now, examples)
        run.progress = progress or run.progress
        run.executor = context.executor
        found |= zip(jobs, run.results(list(jobs.values())), strict=True)
        if scans is not None:
            scans += engine.scans
    return [found[at] for at in range(len(wanted))]


@contextmanager
def failing_rows(
    context: OperationContext,
    commit_id: str,
    one: TableCheck,
    *,
    limit: int | None = None,
) -> "Iterator[pa.RecordBatchReader]":
    """Yields the rows of a commit that fail a check, in the order of the table's key.

    They have the key of the table and the columns of the check, or all columns; those of an sql
    check have what its SELECT gives. No rows are wrong of ``row_count`` and ``freshness``.

    Args:
        context: The open catalog.
        commit_id: The commit.
        one: The check.
        limit: Most rows; None for all.

    Raises:
        InvalidInput: The check cannot be run.
        CorruptData: A data file is damaged or missing.
    """
    from catalog.engine.quoting import identifier
    from catalog.flow.checks.binding import bind
    from catalog.flow.checks.examples import failing_rows as rows_of
    from catalog.flow.checks.files import FileChoice
    from catalog.flow.checks.reading import check_engine

    if one.check is not None and one.check.kind is CheckKind.PYTHON:
        from catalog.operations.checks.python_checks import python_failing_rows

        yield python_failing_rows(context, commit_id, one, limit=limit).to_reader()
        return
    commits = context.repository.commits
    check = bind(one, lambda name: table_of(commits, commit_id, name))
    choice = FileChoice(commits)
    with check_engine(context.repository) as engine:
        files = [] if check.kind is CheckKind.SQL else choice.files(check)
        with rows_of(engine, check, files, choice=choice, limit=limit) as result:
            taken: dict[str, int] = {}
            names = []
            for name in result.names:
                number = taken[name] = taken.get(name, -1) + 1
                names.append(f"{name}_{number}" if number else name)
            shown = ", ".join(f"s{n} AS {identifier(name)}" for n, name in enumerate(names))
            engine.context.check_read()
            yield engine.context.con.sql(f"SELECT {shown} FROM {result.table}").to_arrow_reader()


def tables_read(context: OperationContext, commit_id: str, one: TableCheck) -> Mapping[str, str]:
    """Returns the ids of the table snapshots of a commit that a check reads, by table.

    A table that is not there is left out. No data file is opened.
    """
    from catalog.flow.checks.binding import tables_named

    commits = context.repository.commits
    entries = (entry_of(commits, commit_id, name) for name in tables_named(one))
    return {entry.name: entry.entry.snapshot for entry in entries if entry is not None}


def _bound(one: TableCheck, commits: Commits, commit_id: str) -> "Job | CheckResult":
    """Returns a check with its tables, or that it is broken."""
    from catalog.flow.checks.binding import bind, tables_named
    from catalog.flow.checks.outcome import broken_result
    from catalog.flow.checks.run import Job

    try:
        return Job(bind(one, lambda name: table_of(commits, commit_id, name)))
    except (InvalidInput, NotFound, Unsupported) as error:
        entries = (entry_of(commits, commit_id, name) for name in tables_named(one))
        reads = {entry.name: entry.entry.snapshot for entry in entries if entry is not None}
        reason = f"{error.message}; {error.hint}" if error.hint else error.message
        return broken_result(one, reason, reads=reads)
