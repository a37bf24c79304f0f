"""How a derived table is to be computed: in full, or only the partitions that its inputs changed.

Only what is proved is done by partitions; see ``flow.partitionwise``. Planning opens no data file.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Literal

import duckdb

from catalog.dataclasses import dataclass, field
from catalog.engine.quoting import identifier, literal, type_sql
from catalog.flow.candidate import Candidate, CandidateTable
from catalog.flow.derivation.definitions import select_of
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.staleness import own_staleness
from catalog.flow.partitionwise import Carrier, InputTable, NotPartitionWise, PartitionWise, analyse
from catalog.flow.refresh.edit import Part
from catalog.model.datafile import DataFile, Identity
from catalog.model.derived import ComputedInput
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.query.parse.keywords import fold
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import file_changes
from catalog.write.conditions import constant
from catalog.write.context import WriteContext

ENGINE = f"duckdb {duckdb.__version__}"
"""What computes derived tables; its results may differ in the next version."""

SEARCHED_COMMITS = 2_000
"""Commits among which the former state of an input is looked for, the newest first."""

Encoded = bytes | None
"""An encoded partition value; None is NULL."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The files of an input that a step reads.

    Attributes:
        table: The input, as it is spelled in the catalog.
        files: The files.
        whole: Whether they are all files of the table.
        partitions: How many partitions they are in.
    """

    table: str
    files: tuple[DataFile, ...]
    whole: bool

    @property
    def partitions(self) -> int:
        """Returns the number of partitions that they are in."""
        return len({file.partition for file in self.files})

    @property
    def rows(self) -> int:
        """Returns how many rows they hold."""
        return sum(file.rows for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Returns how long they are."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """How one derived table is to be computed.

    Attributes:
        table: The table.
        how: ``full`` computes all of it, ``incremental`` some of its parts; ``command`` runs a
            command, which leaves all of it.
        reason: For ``full``: what forbids less, in plain words.
        readings: What is read of each input, by its name in the catalog.
        part: For ``incremental``: the parts, in the engine that planned.
        parts: For ``incremental``: the values of the parts as text, None for NULL.
        forbidden: For ``full``: what in the definition forbids less; None if it is not that.
        column: For ``incremental``: the column that tells the parts apart.
    """

    table: str
    how: Literal["full", "incremental", "command"]
    reason: str
    readings: Mapping[str, Reading] = field(default_factory=dict)
    part: Part | None = None
    parts: tuple[str | None, ...] = ()
    forbidden: NotPartitionWise | None = None

    @property
    def column(self) -> str | None:
        """Returns the column that tells the parts apart; None if all are computed."""
        return None if self.part is None else self.part.column


def plan_step(
    context: WriteContext,
    candidate: Candidate,
    graph: Graph,
    name: str,
    *,
    full: bool = False,
    before: Mapping[str, StepPlan] | None = None,
) -> StepPlan:
    """Decides how a derived table is to be computed, from metadata alone.

    Args:
        context: The engine that is going to compute it.
        candidate: The tables as they are.
        graph: The derived tables among them.
        name: The table; all its inputs are there.
        full: Whether to compute all of it in any case.
        before: Steps that are to come before it, by table: what they may change of its inputs
            counts as changed.
    """
    inputs = {one: _table(candidate, one) for one in graph.inputs[name]}
    to_come = {one: plan for one, plan in (before or {}).items() if one in inputs}
    found: StepPlan | NotPartitionWise | str = "it was asked for"
    is_command = bool(graph.definitions[name].command)
    if not full and not is_command:
        found = _increment(context, candidate, graph, name, inputs=inputs, to_come=to_come)
    if isinstance(found, StepPlan):
        return found
    readings = {
        one: Reading(one, tuple(table.files(candidate.commits)), whole=True)
        for one, table in inputs.items()
    }
    if is_command:
        return StepPlan(name, "command", "it is computed by a command", readings)
    if isinstance(found, NotPartitionWise):
        return StepPlan(name, "full", found.reason, readings, forbidden=found)
    return StepPlan(name, "full", found, readings)


def definition_verdict(
    candidate: Candidate, graph: Graph, name: str
) -> PartitionWise | NotPartitionWise:
    """Returns whether a definition may be computed by partitions, whatever has changed.

    Args:
        candidate: The tables as they are.
        graph: The derived tables among them.
        name: The table; all its inputs are there.
    """
    if graph.definitions[name].command:
        return NotPartitionWise("it is computed by a command")
    if not select_of(graph.definitions[name].sql).growth.is_analysable:
        return NotPartitionWise("its columns or expressions double too often to be followed")
    snapshot = _table(candidate, name).snapshot
    shapes = {one: _shape(_table(candidate, one)) for one in graph.inputs[name]}
    prefer = [one.name for one in snapshot.fields(snapshot.partition_by)]
    return analyse(graph.definitions[name].sql, shapes, prefer=prefer)


def _table(candidate: Candidate, name: str) -> CandidateTable:
    table = candidate.table(name)
    assert table is not None, "the inputs of a step were looked up before"
    return table


def _increment(
    context: WriteContext,
    candidate: Candidate,
    graph: Graph,
    name: str,
    *,
    inputs: Mapping[str, CandidateTable],
    to_come: Mapping[str, StepPlan],
) -> StepPlan | NotPartitionWise | str:
    """Returns a plan by parts, or why there is none."""
    table = _table(candidate, name)
    computed = table.snapshot.computed
    stale = own_staleness(candidate, graph, name)
    reason = _as_refreshed(table.snapshot, redefined=stale.redefined)
    if reason or computed is None:
        return reason
    verdict = definition_verdict(candidate, graph, name)
    if isinstance(verdict, NotPartitionWise):
        return verdict
    changed = stale.changed or {}
    facts = {one: verdict.facts[one] for one in inputs if one in verdict.facts}
    for one in (*changed, *to_come):
        if one not in facts:
            return f"{one} has changed, and any part may read all of it"
    keys: dict[str, set[Encoded]] = {}
    for one, before in changed.items():
        old = None if before is None else find_former(candidate, one, before)
        if old is None:
            return f"the former state of {one} is no longer known"
        values = _changed_values(candidate.commits, old, inputs[one], facts[one].column)
        if values is None:
            return f"the columns or the partitioning of {one} have changed"
        keys[one] = values
    parts = _Parts(context, candidate.commits, table, verdict, inputs)
    try:
        return parts.plan(keys, to_come)
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException):
        return "it cannot be told for every partition which part of the result it belongs to"


def _as_refreshed(table: TableSnapshot, *, redefined: bool) -> str:
    """Returns why a table is not as its last refresh by the same definition left it, or nothing."""
    computed = table.computed
    if computed is None:
        return (
            "it is not as its last refresh left it"
            if table.files
            else "it is computed for the first time"
        )
    if redefined:
        return "its definition has changed"
    if computed.engine != ENGINE:
        return f"it was computed by {computed.engine}, and this is {ENGINE}"
    return ""


def _shape(table: CandidateTable) -> InputTable:
    snapshot = table.snapshot
    return InputTable(
        tuple((f.name, type_sql(f.type)) for f in snapshot.schema.fields),
        tuple(f.name for f in snapshot.fields(snapshot.partition_by)),
    )


def find_former(candidate: Candidate, name: str, before: ComputedInput) -> StoredTable | None:
    """Returns a table as a derived one was computed from it; None if that cannot be found.

    It is looked for in the commit recorded, then among the commits that the tables of the
    candidate come from, and their ancestors.
    """
    commits = candidate.commits
    known = () if before.commit is None else (before.commit,)
    for commit_id in chain(known, _ancestors(commits, candidate.known_in)):
        if not commits.exists(commit_id):
            continue
        entry = commits.entry(commit_id, name)
        if entry is not None and entry.entry.snapshot == before.snapshot:
            return commits.table(entry)
    return None


def _ancestors(commits: Commits, heads: Iterable[str]) -> Iterator[str]:
    """Yields commits and their ancestors that are there, the nearest first, up to a bound."""
    seen = set(heads)
    waiting = [(-commits.read(head).generation, head) for head in seen]
    heapq.heapify(waiting)
    for _ in range(SEARCHED_COMMITS):
        if not waiting:
            return
        _, commit_id = heapq.heappop(waiting)
        yield commit_id
        for parent in commits.read(commit_id).parents:
            if parent not in seen and commits.exists(parent):
                seen.add(parent)
                heapq.heappush(waiting, (-commits.read(parent).generation, parent))


def _changed_values(
    commits: Commits, old: StoredTable, now: CandidateTable, column: str
) -> set[Encoded] | None:
    """Returns the values of a partition column whose files differ; None if they cannot be told."""
    before, after, base = old.snapshot, now.snapshot, now.working.origin
    alike = (before.table_id, before.schema, before.partition_by)
    if alike != (after.table_id, after.schema, after.partition_by):
        return None
    names = [f.name for f in after.fields(after.partition_by)]
    place = names.index(column)
    if not now.working.keeps_files or base is None:
        return None
    if base.snapshot.table_id != before.table_id:
        return None
    changes = file_changes(commits, old, base)
    gone, come = (
        {_as_it_is(file): file for file in files} for files in (changes.removed, changes.added)
    )
    for file in now.working.removed.values():
        if come.pop(_as_it_is(file), None) is None:
            gone[_as_it_is(file)] = file
    for file in now.working.added.values():
        if gone.pop(_as_it_is(file), None) is None:
            come[_as_it_is(file)] = file
    return {file.partition[place] for file in (*gone.values(), *come.values())}


def _as_it_is(file: DataFile) -> tuple[str, Identity]:
    """Returns what a file is known by that went, and comes back with the same rows."""
    return file.path, file.identity


@dataclass(frozen=True, slots=True)
class _Parts:
    """Finds the parts of a table, and of its inputs, that belong to changed partitions."""

    context: WriteContext
    commits: Commits
    table: CandidateTable
    verdict: PartitionWise
    inputs: Mapping[str, CandidateTable]

    def plan(self, keys: Mapping[str, set[Encoded]], to_come: Mapping[str, StepPlan]) -> StepPlan:
        """Returns the plan for the values of each input's partition column that changed.

        Args:
            keys: The values, by input.
            to_come: Steps that will compute inputs, by input.
        """
        con, wanted = self.context.con, fold(self.verdict.output)
        fields = self.table.snapshot.schema.fields
        output, kind = next((f.name, f.type) for f in fields if fold(f.name) == wanted)
        values = self.context.work.name("parts")
        con.execute(f"CREATE TEMP TABLE {values} (value {type_sql(kind)})")
        known = {name: set(found) for name, found in keys.items()}
        expected = {name: self._expected(name, step) for name, step in to_come.items()}
        for name in expected.keys() - {one for one, query in expected.items() if query}:
            known[name] = self._all_values(name)
        for name, found in known.items():
            for query in self._mapped(name, sorted(found, key=lambda v: (v is None, v or b""))):
                con.execute(f"INSERT INTO {values} SELECT DISTINCT value FROM ({query})")
        for query in filter(None, expected.values()):
            con.execute(f"INSERT INTO {values} SELECT DISTINCT value FROM ({query})")
        con.execute(f"CREATE OR REPLACE TEMP TABLE {values} AS SELECT DISTINCT * FROM {values}")
        readings = {name: self._reading(name, values) for name in self.inputs}
        shown = con.sql(f"SELECT CAST(value AS VARCHAR) FROM {values} ORDER BY value").fetchall()
        parts = tuple(text for (text,) in shown)
        return StepPlan(self.table.name, "incremental", "", readings, Part(output, values), parts)

    def _mapped(self, name: str, values: Sequence[Encoded]) -> Iterator[str]:
        """Yields queries of ``place`` and ``value``: which part each partition value belongs to."""
        carrier = self.verdict.facts[name]
        kind = self._kind(name, carrier)
        for start in range(0, len(values), 1_000):
            rows = ", ".join(
                f"({start + n}, {constant(value, kind)})"
                for n, value in enumerate(values[start : start + 1_000])
            )
            column, other = identifier(carrier.column), identifier(f"not {carrier.column}")
            typed = f"CAST(v AS {type_sql(kind)})"
            source = (
                f"(SELECT place AS {other}, {typed} AS {column} FROM (VALUES {rows}) t(place, v))"
            )
            mapped = f"SELECT {other}, {carrier.expression} FROM {source} AS s"
            yield f"SELECT place, value FROM ({mapped}) AS m(place, value)"

    def _expected(self, name: str, step: StepPlan) -> str:
        """Returns a query of the values that a step will change; empty if it may be any of them."""
        carrier = self.verdict.facts[name]
        if step.column != carrier.column:
            return ""
        if not step.parts:
            return "SELECT NULL AS value WHERE false"
        rows = ", ".join(f"({'NULL' if one is None else literal(one)})" for one in step.parts)
        typed = f"CAST(v AS {type_sql(self._kind(name, carrier))})"
        source = f"(SELECT {typed} AS {identifier(carrier.column)} FROM (VALUES {rows}) AS t(v))"
        return f"SELECT {carrier.expression} AS value FROM {source} AS s"

    def _all_values(self, name: str) -> set[Encoded]:
        place = [c for c, _ in self.inputs[name].snapshot.partition_fields].index(
            self.verdict.facts[name].column
        )
        return {file.partition[place] for file in self.inputs[name].files(self.commits)}

    def _kind(self, name: str, carrier: Carrier) -> Scalar:
        return dict(self.inputs[name].snapshot.partition_fields)[carrier.column]

    def _reading(self, name: str, values: str) -> Reading:
        files = tuple(self.inputs[name].files(self.commits))
        carrier = self.verdict.facts.get(name)
        if carrier is None:
            return Reading(name, files, whole=True)
        columns = [column for column, _ in self.inputs[name].snapshot.partition_fields]
        place = columns.index(carrier.column)
        known = list({file.partition[place] for file in files})
        wanted: set[Encoded] = set()
        for query in self._mapped(name, known):
            found = self.context.con.sql(
                f"SELECT place FROM ({query}) m WHERE EXISTS "
                f"(SELECT 1 FROM {values} v WHERE v.value IS NOT DISTINCT FROM m.value)"
            ).fetchall()
            wanted.update(known[at] for (at,) in found)
        chosen = tuple(file for file in files if file.partition[place] in wanted)
        return Reading(name, chosen, whole=False)
