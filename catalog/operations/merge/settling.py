"""Derived tables in merges: taken whole where a side's fit what is merged, else computed again.

It is done once for a merge, on the tables as they are to be, in topological order: a table that
joins what two sides changed has rows that neither side has. Only what the merge makes stale is
computed. What was stale on the target, from inputs that the merge leaves alone, stays so; what a
command computes is never run.
"""

from collections.abc import Callable, Sequence

from catalog.dataclasses import dataclass, field, replace
from catalog.engine.executor import ThreadExecutor
from catalog.errors import CatalogError, InvalidInput
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.staleness import own_staleness, staleness
from catalog.flow.refresh.outcome import described, described_plan
from catalog.flow.refresh.plan import ENGINE, StepPlan
from catalog.flow.refresh.run import Refresher
from catalog.flow.refresh.step import Step, StepResult
from catalog.hints import Hint, Option
from catalog.model.table import TableSnapshot
from catalog.operations.merge.derived import DerivedMerge, DerivedMerger, DerivedTables
from catalog.repository.commit_writer import TableUpdate
from catalog.write.merge.derivation import derivation

Take = Callable[[str, str], TableUpdate | None]
"""Returns the update by which a table becomes what a commit has; None if that has none."""


def settle(
    merger: DerivedMerger,
    candidate: Candidate,
    *,
    target: str,
    sides: Sequence[str],
    take: Take,
) -> DerivedTables:
    """Settles the derived tables of a commit to come.

    Args:
        merger: How it is done.
        candidate: Its tables, all others merged; it is changed.
        target: The commit merged into: what was stale there may stay so.
        sides: Commits whose tables may be taken, the first preferred.
        take: Makes the updates for that.

    Raises:
        InvalidInput: A table cannot be computed, or tables depend on each other in a circle.
    """
    try:
        graph = Graph(candidate)
        order = graph.order()
    except InvalidInput as error:
        if merger.refresh:
            raise with_way_out(error) from error
        left = tuple(DerivedMerge(one, "stale", error.message) for one in candidate.derived())
        return DerivedTables(left, tuple(candidate.updates()))
    if merger.refresher is None:
        merger.refresher = Refresher(
            merger.context.repository, merger.context.executor or ThreadExecutor()
        )
    before = Candidate(merger.context.repository, target)
    state = _Settling(
        merger, merger.refresher, candidate, graph, before, _stale_before(before), sides, take
    )
    return state.run(order)


def _stale_before(before: Candidate) -> frozenset[str]:
    """Returns the derived tables that are stale on the target, as far as that can be told."""
    try:
        found = staleness(before, Graph(before))
    except InvalidInput:
        return frozenset()
    return frozenset(name for name, one in found.items() if one.is_stale)


def with_way_out(error: CatalogError) -> InvalidInput:
    """Returns the error for a derived table that keeps a merge from being made."""
    way = "to go on all the same, and leave derived tables stale: {}"
    advice, option = error.advice, Option("refresh", value=False)
    text = advice.text if advice.parts else advice.text.replace("{}", "{ }")
    told = Hint(f"{text}; or, {way}" if text else way, (*advice.parts, option))
    return InvalidInput(error.message, kind=error.kind, hint=told)


@dataclass(slots=True)
class _Settling:
    """Goes through the derived tables, each after its inputs."""

    merger: DerivedMerger
    refresher: Refresher
    candidate: Candidate
    graph: Graph
    before: Candidate
    stale_before: frozenset[str]
    sides: Sequence[str]
    take: Take
    found: dict[str, DerivedMerge] = field(default_factory=dict)
    plans: dict[str, StepPlan] = field(default_factory=dict)
    results: list[StepResult] = field(default_factory=list)

    def run(self, order: Sequence[str]) -> DerivedTables:
        """Settles the tables."""
        for names in self.graph.levels(order):
            due = [name for name in names if not self._is_settled(name)]
            for name in due:
                self._start_cheaply(name)
            if self.merger.dry_run:
                self._plan(due)
            else:
                self._compute(due)
        for name in order:
            if name not in self.found and self._is_new(name):
                self.found[name] = DerivedMerge(name, "taken")
            behind = [i for i in self.graph.inputs[name] if self._is_stale(i)]
            if behind and not self._is_stale(name):
                why = f"it reads what is stale: {', '.join(behind)}"
                known = self.found.get(name) or DerivedMerge(name, "stale")
                self.found[name] = replace(known, what="stale", reason=why)
        settled = tuple(self.found[name] for name in order if name in self.found)
        return DerivedTables(settled, tuple(self.candidate.updates()), tuple(self.results))

    def _is_new(self, name: str) -> bool:
        """Returns whether a table is not just as the target has it."""
        now, old = self.candidate.table(name), self.before.table(name)
        return (now and now.id) != (old and old.id)

    def _is_stale(self, name: str) -> bool:
        return name in self.found and self.found[name].what == "stale"

    def _is_settled(self, name: str) -> bool:
        """Settles a table without computing it, if it is up to date, can be taken, or stays."""
        if not self._is_due(name):
            return True
        if any(self._is_taken(name, side) for side in self.sides):
            self.found[name] = DerivedMerge(name, "taken")
            return True
        reason = self._reason_to_leave(name)
        if reason:
            self._leave(name)
            self.found[name] = DerivedMerge(name, "stale", reason)
        return bool(reason)

    def _is_due(self, name: str) -> bool:
        """Returns whether a table is not what its definition makes of the inputs to come."""
        if any(one in self.plans for one in self.graph.inputs[name]):
            return True
        if own_staleness(self.candidate, self.graph, name).is_own:
            return True
        return self._is_of_another_engine(name)

    def _is_of_another_engine(self, name: str) -> bool:
        """Returns whether a table came from theirs that another engine, or version, computed."""
        now = self._snapshot(self.candidate, name)
        if now is None or now.computed is None or self.graph.definitions[name].command:
            return False
        return now.computed.engine != ENGINE and self._differs(name)

    def _reason_to_leave(self, name: str) -> str:
        """Returns why a table is left stale; nothing if it is to be computed."""
        inputs = self.graph.inputs[name]
        gone = [one for one in inputs if self.candidate.table(one) is None]
        if name in self.stale_before and not self._is_redefined(name):
            changed = any(one in self.plans or self._differs(one) for one in inputs)
            if not changed:
                return "it was stale before, and nothing that it reads has changed"
            if any(self.before.table(one) is None for one in gone):
                return f"it reads {gone[0]}, which was gone before"
        if self.graph.definitions[name].command:
            return "it is computed by a command, and merges run none"
        if not self.merger.refresh:
            return "it was not to be refreshed"
        return ""

    def _is_redefined(self, name: str) -> bool:
        now, old = self._snapshot(self.candidate, name), self._snapshot(self.before, name)
        return derivation(now) != derivation(old)

    def _differs(self, name: str) -> bool:
        """Returns whether a table is not known to have the rows that the target has."""
        now, old = self.candidate.table(name), self.before.table(name)
        if now is None or old is None:
            return now is not old
        return now.id != old.id and now.snapshot.rows_id != old.snapshot.rows_id

    def _snapshot(self, candidate: Candidate, name: str) -> TableSnapshot | None:
        table = candidate.table(name)
        return None if table is None else table.snapshot

    def _is_taken(self, name: str, side: str) -> bool:
        """Takes a table as a side has it, whole, if that was computed from the inputs to come."""
        now = self._snapshot(self.candidate, name)
        assert now is not None, "a derived table of the graph is there"
        commits = self.candidate.commits
        entry = commits.entries(side).get(name)
        if entry is None or any(one in self.plans for one in self.graph.inputs[name]):
            return False
        there = commits.table(entry).snapshot
        is_target = side == self.before.base_id
        if derivation(there) != derivation(now) or not self._fits(
            name, there, any_engine=is_target
        ):
            return False
        self._put_side(name, side, now)
        return True

    def _fits(self, name: str, table: TableSnapshot, *, any_engine: bool) -> bool:
        """Returns whether a table was computed from the inputs to come, as it would be now."""
        computed, definition = table.computed, self.graph.definitions[name]
        if computed is None or computed.definition != definition.digest:
            return False
        if not (any_engine or definition.command or computed.engine == ENGINE):
            return False
        known = {one.casefold(): before for one, before in computed.inputs.items()}
        for one in self.graph.inputs[name]:
            now, before = self.candidate.table(one), known.get(one.casefold())
            if now is None or before is None:
                return False
            if now.id != before.snapshot and not now.snapshot.has_rows_of(before.content):
                return False
        return True

    def _put_side(self, name: str, side: str, now: TableSnapshot) -> None:
        """Puts a table as a side has it, with the properties that were merged."""
        base = self.candidate.base_id
        if side == base:
            self.candidate.restore(name)
        else:
            update = self.take(name, side)
            assert update is not None, "the side has the table"
            self.candidate.put(update)
        placed = self.candidate.working(name).update()
        if placed.snapshot is not None and placed.snapshot.properties != now.properties:
            snapshot = replace(placed.snapshot, properties=now.properties)
            self.candidate.put(replace(placed, snapshot=snapshot))

    def _leave(self, name: str) -> None:
        """Leaves a stale table as the target has it, if it would come and is defined alike."""
        if not self.candidate.is_updated(name):
            return
        now, old = self._snapshot(self.candidate, name), self._snapshot(self.before, name)
        if now is not None and old is not None and derivation(now) == derivation(old):
            self._put_side(name, self.before.base_id, now)

    def _start_cheaply(self, name: str) -> None:
        """Puts the side's table from which fewer rows have to be read to compute the merged one.

        A branch that was backfilled has computed most parts, and the target the latest few.
        """
        now = self._snapshot(self.candidate, name)
        starts = [side for side in self.sides if self._may_start(name, side)]
        if now is None or not starts:
            return
        least = self._rows_to_read(name)
        for side in starts if least is not None else ():
            before = self.candidate.working(name).update()
            self._put_side(name, side, now)
            rows = self._rows_to_read(name)
            if rows is not None and least is not None and rows < least:
                least = rows
            else:
                self.candidate.put(before)

    def _may_start(self, name: str, side: str) -> bool:
        """Returns whether a side has another state of a table, by the same definition."""
        now, entry = self.candidate.table(name), self.candidate.commits.entries(side).get(name)
        if now is None or entry is None or entry.entry.snapshot == now.id:
            return False
        there = self.candidate.commits.table(entry).snapshot
        computed, digest = there.computed, self.graph.definitions[name].digest
        if computed is None or (computed.definition, computed.engine) != (digest, ENGINE):
            return False
        return derivation(there) == derivation(now.snapshot)

    def _rows_to_read(self, name: str) -> int | None:
        """Returns how many rows computing a table reads; None if it does not matter what it is."""
        step = Step(self.merger.context.repository, self.candidate, self.graph, name)
        try:
            plan = step.plan(self.plans)
        except InvalidInput:
            return None
        if plan.how == "full" and plan.forbidden is not None:
            return None
        return sum(reading.rows for reading in plan.readings.values())

    def _plan(self, names: Sequence[str]) -> None:
        planned = {}
        for name in names:
            step = Step(self.merger.context.repository, self.candidate, self.graph, name)
            try:
                planned[name] = step.plan(self.plans)
            except InvalidInput as error:
                raise with_way_out(error) from error
            refresh = described_plan(planned[name])
            self.found[name] = DerivedMerge(name, "refreshed", refresh=refresh)
        self.plans |= planned

    def _compute(self, names: Sequence[str]) -> None:
        for name in names:
            if self._is_of_another_engine(name):
                table = self.candidate.working(name)
                assert table.snapshot is not None, "a derived table of the graph is there"
                shape = replace(table.snapshot, computed=None)
                self.candidate.put(replace(table.update(), snapshot=shape))
        try:
            for result in self.refresher.compute(self.candidate, self.graph, names):
                self.results.append(result)
                name = result.plan.table
                self.found[name] = DerivedMerge(name, "refreshed", refresh=described(result))
                if self.merger.progress is not None:
                    self.merger.progress(name, 0, 0)
        except InvalidInput as error:
            raise with_way_out(error) from error
