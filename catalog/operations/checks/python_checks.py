"""Runs Python checks on the tables of a commit: functions of this process, or of packages."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.errors import CatalogError, InvalidInput, NotFound, Unsupported
from catalog.flow.checks.binding import BoundCheck, bind
from catalog.flow.checks.examples import LONGEST
from catalog.flow.checks.files import FileChoice
from catalog.flow.checks.outcome import broken_result, status_of
from catalog.flow.checks.python_function import Answer, call, find_function
from catalog.flow.checks.reading import check_engine
from catalog.model.check_rules import function_name
from catalog.model.checks import TableCheck
from catalog.model.judgement import CheckResult, Example
from catalog.operations.checks.listing import table_of
from catalog.operations.context import OperationContext
from catalog.report.figures import counted

if TYPE_CHECKING:
    import pyarrow as pa


def run_python_check(
    context: OperationContext, commit_id: str, one: TableCheck, *, examples: int
) -> CheckResult:
    """Runs a Python check on a commit; one that cannot be run is a result that says so.

    The function gets rows and parameters, and nothing of the catalog.
    """
    started = time.monotonic()
    try:
        bound = _bound(context, commit_id, one)
    except (InvalidInput, NotFound, Unsupported) as error:
        return broken_result(one, _reason(error), reads={})
    reads = {bound.table.name: bound.table.id}
    try:
        answer = _answer(context, bound, most_rows=examples)
    except (InvalidInput, NotFound, Unsupported) as error:
        return broken_result(one, _reason(error), reads=reads)
    return CheckResult(
        table=bound.table.name,
        check=one.name,
        kind=str(bound.kind),
        columns=bound.check.columns,
        status=status_of(bound.check, answer.failures),
        failures=answer.failures,
        rows=bound.snapshot.rows if bound.condition is None else None,
        message=_message(answer),
        examples=_examples(bound, answer, most=examples),
        digest=one.digest,
        reads=reads,
        elapsed_ms=round(1000 * (time.monotonic() - started)),
    )


def python_failing_rows(
    context: OperationContext, commit_id: str, one: TableCheck, *, limit: int | None
) -> "pa.Table":
    """Returns the rows that fail a Python check, as its function returns them.

    Raises:
        InvalidInput: It cannot be run, or does not say which rows.
    """
    answer = _answer(context, _bound(context, commit_id, one), most_rows=limit)
    if answer.rows is None:
        import pyarrow as pa

        if answer.failures:
            raise InvalidInput(f"check {one.full_name} does not say which rows fail it")
        return pa.table({})
    return answer.rows


def _bound(context: OperationContext, commit_id: str, one: TableCheck) -> BoundCheck:
    commits = context.repository.commits
    return bind(one, lambda name: table_of(commits, commit_id, name))


def _answer(context: OperationContext, bound: BoundCheck, *, most_rows: int | None) -> Answer:
    """Calls the function of a check on the rows that it is about."""
    function = find_function(function_name(bound.check), context.functions())
    with _rows(context, bound) as rows:
        return call(function, rows, bound.check.parameters, most_rows=most_rows)


# A check without a condition reads as any query does. A condition is SQL of strangers, so rows
# go through an engine that reaches nothing else, and from there into this one.
@contextmanager
def _rows(context: OperationContext, bound: BoundCheck) -> "Iterator[pa.RecordBatchReader]":
    """Yields the rows of a table that a check looks at, with the columns that it names, or all."""
    from catalog.engine.quoting import identifier

    named = {column.field.id for column in bound.columns}
    fields = [one for one in bound.snapshot.schema.fields if not named or one.id in named]
    shown = ", ".join(f"c{one.id} AS {identifier(one.name)}" for one in fields)
    files = FileChoice(context.repository.commits).files(bound)
    with check_engine(context.repository) as engine:
        con = engine.context.con
        if bound.condition is None:
            engine.context.watched(bound.table.name, files)
            wanted = [one.id for one in fields]
            relation = engine.context.relation(bound.snapshot, files, columns=wanted)
            yield con.sql(f"SELECT {shown} FROM {relation}").to_arrow_reader()
        else:
            read = {one.id: one for one in (*bound.fields, *fields)}
            with engine.engine(bounded=bound.is_bounded) as select:
                conditions = [bound.condition]
                relation = engine.rows(
                    select, bound.table, list(read.values()), files=files, conditions=conditions
                )
                values = ", ".join(f"c{one.id}" for one in fields)
                sql = f"SELECT {values} FROM {relation} WHERE w0"
                with select.result(sql, within=con) as result:
                    numbered = enumerate(fields)
                    listed = ", ".join(f"s{n} AS {identifier(one.name)}" for n, one in numbered)
                    yield con.sql(f"SELECT {listed} FROM {result.table}").to_arrow_reader()
        engine.context.check_read()


def _message(answer: Answer) -> str:
    if not answer.failures:
        return ""
    if answer.rows is None and answer.failures == 1:
        return "it says that it fails"
    verb = "is" if answer.failures == 1 else "are"
    return f"{counted(answer.failures, 'row')} {verb} wrong"


def _examples(bound: BoundCheck, answer: Answer, *, most: int) -> tuple[Example, ...]:
    """Returns some rows that fail, by the table's key where they have it, else by all columns."""
    if answer.rows is None or most <= 0:
        return ()
    key = [one.name for one in bound.snapshot.fields(bound.snapshot.key)]
    names: Sequence[str] = answer.rows.column_names
    named = key if key and set(key) <= set(names) else names
    columns = [c.text for c in bound.columns if c.text in names and c.text not in named]
    column = columns[0] if len(columns) == 1 else ""
    found = []
    for row in answer.rows.slice(0, most).to_pylist():
        after = _text(row[column]) if column else None
        found.append(Example({name: _text(row[name]) for name in named}, column, after=after))
    return tuple(found)


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:LONGEST]


def _reason(error: CatalogError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
