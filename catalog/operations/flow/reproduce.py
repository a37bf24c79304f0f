"""Reproducing a table: computed again from what is recorded, and compared: ``cat.reproduce(…)``."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from catalog.diff.result import TableDiff
from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.graph import Graph
from catalog.flow.refresh.plan import ENGINE, find_former
from catalog.flow.refresh.step import Step
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
from catalog.operations.flow.rerun import only_selects, run_statements
from catalog.operations.tables import stored_table
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import StoredTable
from catalog.repository.lineage import lineage_detail
from catalog.repository.tables import data_files

SAME_FLOATS = "0.0000000005%"
"""Within this, floats are the same: 12 significant digits."""


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
    diff: TableDiff | None
    causes: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Returns whether the rows are the same."""
        return self.diff is None


def reproduce(
    context: OperationContext, table: str, ref: str, *, allow_statements: bool = False
) -> Reproduction:
    """Computes a table again from what is recorded; see ``Catalog.reproduce``."""
    resolved = context.resolve(ref)
    stored = stored_table(context.repository, table, resolved)
    commit_id = last_writer(context, stored, resolved.commit_id)
    with on_trial(context, dry_run=True) as trial:
        if definition_of(stored.snapshot.properties) is not None:
            return _by_definition(trial, stored, commit_id)
        return _by_lineage(trial, stored, commit_id, allow_statements=allow_statements)


def last_writer(context: OperationContext, table: StoredTable, commit_id: str) -> str:
    """Returns the commit that first had a table as it is at a commit.

    At a merge that took it from a side, the search goes on in that side.
    """
    commits = context.repository.commits
    while True:
        for parent in commits.read(commit_id).parents:
            entry = commits.entry(parent, table.name)
            if entry is not None and entry.entry.snapshot == table.id:
                commit_id = parent
                break
        else:
            return commit_id


def _by_definition(context: OperationContext, table: StoredTable, commit_id: str) -> Reproduction:
    """Computes a derived table from its inputs as they were."""
    computed = table.snapshot.computed
    if computed is None:
        raise not_reproducible(
            f"derived table {table.name!r} was not computed as it is there",
            hint("compute it: {}", Call("refresh", (table.name,))),
        )
    candidate = Candidate(context.repository, commit_id)
    inputs = _put_inputs(candidate, table, computed)
    graph = Graph(candidate)
    definition = graph.definitions[table.name]
    if definition.command:
        raise not_reproducible(
            f"table {table.name!r} is the output of a command: {' '.join(definition.command)}",
            "run the command on these inputs, and compare the tables",
        )
    if computed.definition != definition.digest:
        raise not_reproducible(
            f"the definition of {table.name!r} has changed since it was computed",
            hint("compute it: {}", Call("refresh", (table.name,))),
        )
    done = Step(context.repository, candidate, graph, table.name, full=True).run()
    diff = None
    if done.update is not None and (done.inserted or done.updated or done.deleted):
        diff = _difference(context, commit_id, done.update)
    return Reproduction(
        table.name,
        commit_id,
        "definition",
        ENGINE,
        computed.engine,
        inputs,
        diff,
        likely_causes(computed.engine),
    )


def _put_inputs(candidate: Candidate, table: StoredTable, computed: Computed) -> tuple[Input, ...]:
    """Puts the inputs of a derived table into a candidate as they were.

    Raises:
        NotFound: One is gone.
    """
    inputs = []
    for name, before in computed.inputs.items():
        found = find_former(candidate, name, before)
        if found is None:
            raise gone_input(table.name, name, before.commit)
        inputs.append(Input(name, before.commit, before.snapshot))
        there = candidate.table(found.name)
        if there is None or there.id != found.id:
            candidate.put(_as_it_was(candidate, found))
    return tuple(inputs)


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


def gone_input(table: str, name: str, commit_id: str | None) -> NotFound:
    """Returns the error for an input that is no longer in the catalog as it was."""
    where = "" if commit_id is None else f" at commit {commit_id[:8]}"
    return NotFound(
        f"table {table!r} was computed from {name!r}{where}, which the catalog no longer has",
        kind=ErrorKind.INPUTS_GONE,
        hint="recorded inputs do not keep a commit alive: a tag does",
    )


def not_reproducible(why: str, advice: Hint | str = "") -> InvalidInput:
    """Returns the error for a table that cannot be computed again."""
    return InvalidInput(why, kind=ErrorKind.NOT_REPRODUCIBLE, hint=advice)


def _by_lineage(
    context: OperationContext, table: StoredTable, commit_id: str, *, allow_statements: bool
) -> Reproduction:
    """Runs the statements again that wrote a table."""
    commits = context.repository.commits
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
    made = run_statements(context, table.name, commit_id, entry)
    after = commits.entry(made, table.name)
    diff = None
    if after is None or after.entry.snapshot != table.id:
        diff = _compared(context, commit_id, made, table)
    return Reproduction(
        table.name,
        commit_id,
        "statements",
        ENGINE,
        entry.engine,
        entry.inputs,
        diff,
        likely_causes(entry.engine),
    )


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
            origins = ", ".join(one[:8] for one in step.origins)
            raise not_reproducible(
                f"{where} comes from {step.operation}"
                + (f" of {origins}" if origins else "")
                + ": its rows were not computed by SQL that is recorded",
                f"its origin: {origins}" if origins else "",
            )
        if step.statement is None:
            raise not_reproducible(f"the SQL that wrote {where} was too long to be recorded")
    if entry.steps_left_out:
        raise not_reproducible(f"{where} was written by more statements than are recorded")
    return [step.statement or "" for step in steps]


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
    request = DiffRequest(from_ref=commit_id, to_ref=made, tables=[table.name], tolerance=floats)
    diff = compare_refs(context, request)
    found = diff[table.name]
    rows = found.rows
    same = not (rows.inserted or rows.deleted or rows.updated or found.schema_changes)
    return None if same else found


def _plain(table: TableSnapshot) -> Iterator[Field]:
    keys = {*table.key, *table.partition_by}
    return (f for f in table.schema.fields if is_float(f.type) and f.id not in keys)


def likely_causes(engine: str | None) -> tuple[str, ...]:
    """Returns what may make a result differ from run to run, the likeliest first."""
    if engine is None or engine == ENGINE:
        return ()
    return (f"it was computed by {engine}, and this is {ENGINE}",)
