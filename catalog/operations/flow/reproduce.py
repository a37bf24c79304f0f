"""Reproducing a table: computed again from what is recorded, and compared: ``cat.reproduce(…)``."""

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence

from catalog.dataclasses import dataclass, replace
from catalog.diff.result import TableDiff
from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.flow.candidate import Candidate
from catalog.flow.causes import likely_causes
from catalog.flow.derivation.graph import Graph
from catalog.flow.refresh.external import NO_COMMANDS, CommandRuns
from catalog.flow.refresh.plan import ENGINE, find_former
from catalog.flow.refresh.step import Step, StepResult
from catalog.hints import Call, Hint, Option, hint
from catalog.model.derived import Computed, definition_of
from catalog.model.lineage import Input, LineageEntry
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import is_float
from catalog.operations.context import OperationContext
from catalog.operations.diff import compare_refs
from catalog.operations.diff_request import DiffRequest
from catalog.operations.dry_run import on_trial
from catalog.operations.flow.former import are_there, gone_input, gone_inputs, last_writer
from catalog.operations.flow.pairing import SAME_FLOATS, same_but_for_floats
from catalog.operations.flow.rerun import only_selects, run_statements
from catalog.operations.tables import stored_table
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.lineage import lineage_detail
from catalog.repository.tables import data_files


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of computing a table again.

    Attributes:
        table: The table.
        commit: The commit that wrote it as it is.
        how: What was run: ``definition``, ``statements`` or ``command``.
        engine: The engine that ran it now.
        recorded_engine: The engine that computed it; None if that is not recorded.
        inputs: The tables that were read, as they were then.
        rows: The rows that the table has.
        diff: From the table as it is to what came of it; None if they are the same.
        causes: What may explain a difference, the likeliest first; also what could, though there
            is none.
    """

    table: str
    commit: str
    how: str
    engine: str
    recorded_engine: str | None
    inputs: tuple[Input, ...]
    rows: int
    diff: TableDiff | None
    causes: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Returns whether the rows are the same."""
        return self.diff is None


def reproduce(
    context: OperationContext,
    table: str,
    ref: str,
    *,
    allow_statements: bool = False,
    runs: CommandRuns = NO_COMMANDS,
) -> Reproduction:
    """Computes a table again from what is recorded; see ``Catalog.reproduce``."""
    resolved = context.resolve(ref)
    stored = stored_table(context.repository, table, resolved)
    commit_id, stored = last_writer(context.repository.commits, stored, resolved.commit_id)
    with on_trial(context, dry_run=True) as trial:
        if definition_of(stored.snapshot.properties) is not None:
            return _by_definition(trial, stored, commit_id, runs=runs)
        return _by_lineage(trial, stored, commit_id, allow_statements=allow_statements)


def _by_definition(
    context: OperationContext, table: StoredTable, commit_id: str, *, runs: CommandRuns
) -> Reproduction:
    """Computes a derived table from its inputs as they were."""
    computed = table.snapshot.computed
    if computed is None:
        raise not_reproducible(
            f"derived table {table.name!r} was not computed as it is in commit {commit_id[:8]}",
            hint("compute it: {}", Call("refresh", (table.name,))),
        )
    candidate = Candidate(context.repository, commit_id)
    inputs = _put_inputs(candidate, table, computed, commit_id=commit_id)
    graph = Graph(candidate)
    definition = graph.definitions[table.name]
    _check_recorded(table.name, graph, computed)
    try:
        done = _computed_aside(context, candidate, graph, table.name, runs=runs)
    except CorruptData as error:
        _check_inputs_exist(context, candidate, table.name, inputs, error)
        raise
    diff = None
    if done.update is not None and _may_differ(table.snapshot, done):
        diff = _difference(context, commit_id, done.update)
    causes: tuple[str, ...] = ("a command may give other rows in each run",)
    if definition.sql:
        read = [t.snapshot for one in inputs if (t := candidate.table(one.table))]
        causes = likely_causes(definition.sql, table.snapshot, engine=computed.engine, inputs=read)
    return Reproduction(
        table.name,
        commit_id,
        "definition" if definition.sql else "command",
        ENGINE,
        computed.engine,
        inputs,
        table.snapshot.rows,
        diff,
        causes,
    )


def _check_recorded(table: str, graph: Graph, computed: Computed) -> None:
    """Checks that what is recorded is what the definition reads.

    Raises:
        InvalidInput: The table was computed by another definition, or an input is not recorded.
    """
    if computed.definition != graph.definitions[table].digest:
        raise not_reproducible(
            f"the definition of {table!r} has changed since it was computed",
            hint("compute it: {}", Call("refresh", (table,))),
        )
    known = {name.casefold() for name in computed.inputs}
    for name in graph.inputs[table]:
        if name.casefold() not in known:
            raise not_reproducible(
                f"it is not recorded what {table!r} was computed from: {name} is missing"
            )


def _computed_aside(
    context: OperationContext, candidate: Candidate, graph: Graph, name: str, *, runs: CommandRuns
) -> StepResult:
    """Computes all of a table; a command is told to leave its output in a temporary directory."""
    definition = graph.definitions[name]
    with tempfile.TemporaryDirectory(prefix="parquetry-") as folder:
        if definition.command:
            runs.check(name, definition)
            output = os.path.join(folder, os.path.basename(definition.output) or "output")
            graph.definitions[name] = replace(definition, output=output)
            runs = replace(runs, everything=True)  # it may, and where it writes is ours
        return Step(
            context.repository,
            candidate,
            graph,
            name,
            full=True,
            runs=runs,
            inputs_at=lambda names: _commit_with(candidate, name, names),
        ).run()


def _commit_with(candidate: Candidate, table: str, names: Collection[str]) -> str:
    """Returns the commit in which a command finds its inputs as they were.

    Raises:
        InvalidInput: There is none: in the commit that wrote the table, some are not.
    """
    for update in candidate.updates():
        if update.name in names:
            raise not_reproducible(
                f"the command of table {table!r} reads a commit, and none has all of its inputs "
                f"as they were: {update.name} differs in {candidate.base_id[:8]}"
            )
    return candidate.base_id


def _may_differ(table: TableSnapshot, done: StepResult) -> bool:
    """Returns whether rows or columns came out otherwise than a table has them."""
    assert done.update is not None and done.update.snapshot is not None, "it is not dropped"
    same = done.update.snapshot.schema == table.schema
    return not same or bool(done.inserted or done.updated or done.deleted)


def _put_inputs(
    candidate: Candidate, table: StoredTable, computed: Computed, *, commit_id: str
) -> tuple[Input, ...]:
    """Puts the inputs of a derived table into a candidate as they were.

    Raises:
        NotFound: One is gone.
    """
    inputs = []
    for name, before in computed.inputs.items():
        with gone_inputs(table.name, name, before.commit):
            found = find_former(candidate, name, before)
            if found is None:
                raise gone_input(table.name, name, before.commit)
            inputs.append(Input(found.name, before.commit or commit_id, before.snapshot))
            spelled = candidate.spelled(name)
            if spelled is not None and spelled != found.name:
                base = candidate.working(spelled).base
                candidate.put(TableUpdate(spelled, base, None))
            there = candidate.table(found.name)
            if there is None or there.id != found.id:
                candidate.put(_as_it_was(candidate, found))
    return tuple(inputs)


def _check_inputs_exist(
    context: OperationContext,
    candidate: Candidate,
    table: str,
    inputs: Sequence[Input],
    error: CorruptData,
) -> None:
    """Checks that the files of inputs are there, after one could not be read.

    Raises:
        NotFound: Some are gone, or were expired.
    """
    better = context.repository.expiry.explained(error)
    if better is not error:
        raise better from error
    store = context.repository.store
    for one in inputs:
        found = candidate.table(one.table)
        assert found is not None, "it was put there"
        if not are_there(store, found.files(candidate.commits)):
            raise gone_input(table, one.table, one.commit) from error


def _as_it_was(candidate: Candidate, former: StoredTable) -> TableUpdate:
    """Returns the update by which a table becomes what it was."""
    base = candidate.working(former.name).base
    files = tuple(data_files(candidate.commits, former))
    if base is None:
        snapshot = replace(former.snapshot, manifest=None, levels=0, rows=0)
        snapshot = replace(snapshot, size_bytes=0, files=0, partitions=0)
        return TableUpdate(former.name, None, snapshot, added=files)
    now = data_files(candidate.commits, base)
    same = base.snapshot.table_id == former.snapshot.table_id
    if not same or base.snapshot.partition_by != former.snapshot.partition_by:
        return TableUpdate(former.name, base, former.snapshot, added=files)
    return TableUpdate(former.name, base, former.snapshot, tuple(now), files)


def not_reproducible(why: str, advice: Hint | str = "") -> InvalidInput:
    """Returns the error for a table that cannot be computed again."""
    return InvalidInput(why, kind=ErrorKind.NOT_REPRODUCIBLE, hint=advice)


def _by_lineage(
    context: OperationContext, table: StoredTable, commit_id: str, *, allow_statements: bool
) -> Reproduction:
    """Runs the statements again that wrote a table."""
    commits = context.repository.commits
    commit_id, table = _first_done(commits, table, commit_id)
    entry = lineage_detail(commits, commit_id, table.name)
    statements = _statements(table.name, commit_id, entry)
    assert entry is not None, "it has statements"
    if not allow_statements and not all(map(only_selects, statements)):
        raise InvalidInput(
            f"table {table.name!r} was written by SQL that the catalog records, and that can do "
            f"more than compute rows: {statements[0].partition(chr(10))[0][:100]}",
            kind=ErrorKind.STORED_SQL,
            hint=hint("if it may run here: {}", Option("allow_statements")),
        )
    for one in entry.inputs:
        if one.commit is not None and not commits.exists(one.commit):
            raise gone_input(table.name, one.table, one.commit)
    made = run_statements(context, table.name, commit_id, entry)
    after = commits.entry(made, table.name)
    diff = None
    if after is None or after.entry.snapshot != table.id:
        diff = _compared(context, commit_id, made, table)
    causes: dict[str, None] = {}
    for sql in statements:
        causes |= dict.fromkeys(likely_causes(sql, table.snapshot, engine=entry.engine))
    inputs = tuple(replace(one, commit=one.commit or commit_id) for one in entry.inputs)
    return Reproduction(
        table.name,
        commit_id,
        "statements",
        ENGINE,
        entry.engine,
        inputs,
        table.snapshot.rows,
        diff,
        tuple(causes),
    )


def _first_done(commits: Commits, table: StoredTable, commit_id: str) -> tuple[str, StoredTable]:
    """Returns the commit in which was done first what a rebase did again, with the table there.

    Raises:
        InvalidInput: The table has other rows there: it came to be by the rows that were changed,
            not by what was run.
        NotFound: That commit is gone.
    """
    while True:
        entry = lineage_detail(commits, commit_id, table.name)
        if entry is None or not entry.origins or entry.operation in _NOT_RUN:
            return commit_id, table
        origin = entry.origins[-1]
        if not commits.exists(origin):
            raise gone_input(table.name, table.name, origin)
        placed = commits.entry(origin, table.name)
        before = None if placed is None else commits.table(placed)
        if before is None or before.snapshot.rows_id != table.snapshot.rows_id:
            raise not_reproducible(
                f"table {table.name!r} in commit {commit_id[:8]} has the changes of {origin[:8]}, "
                "made again on other rows by a rebase: it was not computed there",
                hint("look at the first: {}", Call("reproduce", (table.name,), ref=origin[:8])),
            )
        commit_id, table = origin, before


_NOT_RUN = frozenset({"merge", "cherry-pick", "revert"})
"""Operations that take the rows of other commits, and say so."""


def _statements(table: str, commit_id: str, entry: LineageEntry | None) -> list[str]:
    """Returns the SQL that wrote a table.

    Raises:
        InvalidInput: Not all of it was written by SQL that is recorded.
    """
    where = f"table {table!r} in commit {commit_id[:8]}"
    if entry is None:
        raise not_reproducible(f"nothing is recorded about {where}")
    steps = entry.steps or (entry,)
    for step in steps:
        if step.operation != "sql":
            raise _not_by_sql(table, where, step)
        if step.statement is None:
            raise not_reproducible(f"the SQL that wrote {where} was too long to be recorded")
    if entry.steps_left_out:
        raise not_reproducible(f"{where} was written by more statements than are recorded")
    return [step.statement or "" for step in steps]


def _not_by_sql(table: str, where: str, step: LineageEntry) -> InvalidInput:
    """Returns the error for a table that SQL did not write, which says what did."""
    if not step.origins:
        return not_reproducible(
            f"{where} was written by {step.operation}: its rows came from outside, not from SQL "
            "that is recorded"
        )
    sides = [f"{one.table}@{one.commit[:8]}" for one in step.inputs if one.commit is not None]
    origins = [one[:8] for one in step.origins]
    return not_reproducible(
        f"{where} was made by a {step.operation} from the rows of "
        f"{' and '.join(sides or origins)}: they were not computed there",
        hint("look where they were: {}", Call("reproduce", (table,), ref=origins[-1])),
    )


def _difference(context: OperationContext, commit_id: str, update: TableUpdate) -> TableDiff | None:
    """Returns how a table differs from what it is to be."""
    about = context.describe("reproduction")
    base = context.repository.commits.entry(commit_id, update.name)
    assert base is not None, "the table is there"
    made = context.repository.writer().write([commit_id], [update], about)
    return _compared(context, commit_id, made, context.repository.commits.table(base))


def _compared(
    context: OperationContext, commit_id: str, made: str, table: StoredTable
) -> TableDiff | None:
    floats = {f.name: SAME_FLOATS for f in _plain(table.snapshot)}
    request = DiffRequest(
        from_ref=commit_id,
        to_ref=made,
        tables=[table.name],
        tolerance=floats,
        level="cells" if table.snapshot.key else "rows",
    )
    with compare_refs(context, request) as diff:
        found = diff[table.name]
        rows = found.rows
        if found.schema_changes:
            return found
        if not (rows.inserted or rows.deleted or rows.updated):
            return None
        return None if not found.key and same_but_for_floats(found) else found


def _plain(table: TableSnapshot) -> Iterator[Field]:
    keys = {*table.key, *table.partition_by}
    return (f for f in table.schema.fields if is_float(f.type) and f.id not in keys)
