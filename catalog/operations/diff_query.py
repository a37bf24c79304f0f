"""The diff of what a query returns at two refs."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol, cast

import duckdb

from catalog.dataclasses import replace
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.execute import compare_table
from catalog.diff.plan import SideName, plan_table
from catalog.diff.result import Diff, TableDiff
from catalog.diff.row_condition import FROM, TO, check_condition, key_names
from catalog.diff.view import End, Metric, MetricRow
from catalog.engine.failures import engine_errors, engine_failure
from catalog.engine.file_types import as_read
from catalog.engine.quoting import identifier, literal
from catalog.engine.workspace import Workspace
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.formats.parquet import read_footer
from catalog.formats.unify import unify
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.table import TableSnapshot
from catalog.model.texts import check_text
from catalog.operations.context import OperationContext
from catalog.operations.diff import resolve_ends
from catalog.operations.diff_picture import DiffPictures
from catalog.operations.diff_request import DiffRequest
from catalog.operations.metrics import MOST_ROWS
from catalog.operations.sessions import open_session
from catalog.query.grouping import grouping_places
from catalog.query.session import Session
from catalog.report.values import rows, text
from catalog.storage.store import ObjectStore

NAME = "query"
"""What the result of a query is called where a table's name would stand."""


class OpenSession(Protocol):
    """Opens the session in which a query runs on a side, within limits."""

    def __call__(self, *, threads: int | None, memory_limit_bytes: int | None) -> Session:
        """Opens it."""


def compare_query(context: OperationContext, query: str, request: DiffRequest) -> Diff:
    """Compares the result of a query at two refs; see ``Catalog.diff_query``."""
    ends = resolve_ends(context, request.from_ref, request.to_ref)
    before, after = (partial(open_session, context, end.commit_id) for end in ends)
    return compare_results(query, ends, (before, after), request, store=context.repository.store)


def compare_results(
    query: str,
    ends: tuple[End, End],
    sessions: tuple[OpenSession, OpenSession],
    request: DiffRequest,
    *,
    store: ObjectStore,
) -> Diff:
    """Compares the result of a query on two sides.

    Both results are written to Parquet files, which are compared as a table's are. There are no
    fingerprints of them, so that every ``method`` is a join.

    Args:
        query: The query.
        ends: How the sides are named.
        sessions: What opens the session in which it runs on each.
        request: How the results are compared.
        store: Reads data files.

    Raises:
        InvalidInput: The query fails, or its result has no such columns.
    """
    check_text(query, "the query")
    if request.level == "stat":
        raise InvalidInput(
            "a query has no statistics to compare before it is run",
            hint="compare it at the level cells or rows",
        )
    places = grouping_places(query) if request.options.key is None else ()
    threads, memory = request.threads, request.memory_limit_bytes
    work = Workspace(threads=threads, memory_limit_bytes=memory)
    try:
        files = [os.path.join(work.folder, name) for name in ("from.parquet", "to.parquet")]
        for end, open_side, path in zip(ends, sessions, files, strict=True):
            with open_side(threads=threads, memory_limit_bytes=memory) as session:
                _write_result(session, query, end=end, path=path)
        old = _described(work, files[0], None)
        new = _described(work, files[1], old[0])
        changes = FileChanges((old[1],), (new[1],), files_kept=0, partitions_kept=0)
        options = replace(request.options, key=request.options.key or ())
        plan = plan_table(NAME, old[0], new[0], changes=changes, options=options)
        key = [new[0].schema.fields[n].name for n in places]
        groups = bool(key) and {*key} <= {pair.name for pair in plan.pairs}
        if groups:
            options = replace(options, key=key)
            plan = plan_table(NAME, old[0], new[0], changes=changes, options=options)
        plan = replace(plan, is_query=True, groups_by_key=groups)
        if request.where is not None:
            check_condition(request.where, plan)
        all_files: dict[SideName, Sequence[DataFile]] = {"f": (old[1],), "t": (new[1],)}
        reader = TableReader(work.con, plan, store, all_files=all_files)
        with engine_errors():
            table = compare_table(reader, options, name="remainder", keep_rows=True)
            alone = plan.rows == (1, 1)
            metrics = (_figures(table, query),) if plan.key or alone else ()
    except BaseException:
        work.close()
        raise
    return Diff(*ends, [table], close=work.close, pictures=DiffPictures(), metrics=metrics)


def _figures(table: TableDiff, query: str) -> Metric:
    """Returns the changed rows of a result, as figures before and after."""
    own = {name: name.removeprefix("key.") for name in key_names(table.plan)}
    found = table.changes(limit=MOST_ROWS)
    names = found.schema.names
    listed = []
    for values in rows(found):
        row = dict(zip(names, values, strict=True))
        sides = [cast("Mapping[str, object] | None", row[side]) for side in (FROM, TO)]
        key = {bare: text(row[name]) for name, bare in own.items()}
        before, after = (
            None
            if side is None
            else {name: text(value) for name, value in side.items() if name not in key}
            for side in sides
        )
        listed.append(MetricRow(key, before, after))
    if not table.key:  # the only row of each side
        olds = [one.before for one in listed if one.before is not None]
        news = [one.after for one in listed if one.after is not None]
        pair = MetricRow({}, olds[0] if olds else None, news[0] if news else None)
        return Metric(NAME, query, (pair,) if listed else ())
    counts = table.rows
    total = (counts.inserted or 0) + (counts.deleted or 0) + (counts.updated or 0)
    return Metric(NAME, query, tuple(listed), more=total - len(listed))


def _write_result(session: Session, query: str, *, end: End, path: str) -> None:
    """Writes the result of a query to a Parquet file."""
    relation = session.sql(query)
    _check_names(relation.columns)
    try:
        _exactly(relation).write_parquet(path)
    except duckdb.Error as error:
        raise engine_failure(error) or InvalidInput(
            f"the query fails at {end.ref}: {str(error).splitlines()[0]}",
            kind=ErrorKind.BAD_QUERY,
        ) from error


def _described(
    work: Workspace, path: str, like: TableSnapshot | None
) -> tuple[TableSnapshot, DataFile]:
    """Describes a file as a table, whose columns have the ids of those they are like."""
    stored = read_footer(path, name="the result of the query")
    footer = as_read(stored, path, lambda: work.con)
    found = unify({footer.columns: path}, (), like, keep_columns=False)
    file_schema = found.file_schemas[footer.columns]
    table = TableSnapshot(
        found.schema,
        found.last_field_id,
        rows=footer.rows,
        size_bytes=os.path.getsize(path),
        files=1,
        partitions=1,
        file_schemas={file_schema.id: file_schema},
    )
    return table, DataFile(path, f"query:{path}", table.size_bytes, footer.rows, (), file_schema.id)


def _check_names(names: Sequence[str]) -> None:
    repeated = [name for name, times in Counter(n.casefold() for n in names).items() if times > 1]
    if repeated:
        raise InvalidInput(
            f"the query returns several columns {repeated[0]!r}",
            kind=ErrorKind.BAD_QUERY,
            hint="give them different names with AS",
        )


def _exactly(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Gives columns a type that Parquet holds without loss: it has no 128-bit integers."""
    columns = []
    for name, kind in zip(relation.columns, relation.types, strict=True):
        column = identifier(name)
        if str(kind) in ("HUGEINT", "UHUGEINT"):
            column = f"CAST({column} AS DECIMAL(38,0)) AS {column}"
        elif "HUGEINT" in str(kind):
            raise Unsupported(
                f"column {name!r} of the query has type {kind}, which cannot be compared",
                hint=f"cast it, e.g. CAST({literal(name)[1:-1]} AS VARCHAR)",
            )
        columns.append(column)
    return relation.project(", ".join(columns))
