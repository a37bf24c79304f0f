"""A refresh: derived tables computed in order, in a commit to come."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from catalog.dataclasses import dataclass, field, replace
from catalog.engine.executor import Executor, ThreadExecutor
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.staleness import own_staleness, staleness
from catalog.flow.refresh.external import NO_COMMANDS, CommandRuns, commit_of_inputs
from catalog.flow.refresh.step import KEEP, Step, StepResult
from catalog.repository.commit_writer import Description
from catalog.repository.repository import Repository
from catalog.write.rows.target_schema import WriteRequest

StepProgress = Callable[[str, int, int], None]
"""Receives the table that was computed last, how many were, and how many there are."""

Watch = Callable[[Callable[[], None]], AbstractContextManager[object]]
"""Is entered while something runs, with a function that stops it, which any thread may call."""

StepKey = tuple[object, ...]


@dataclass(slots=True)
class Refresher:
    """Computes derived tables; it keeps what it has computed as long as the inputs are the same.

    So a refresh that lost a race computes again only what somebody else's commit has changed.

    Attributes:
        executor: Runs steps that do not depend on each other.
        requests: Key and partition columns of tables that are not to keep theirs.
        full: Whether tables are computed in full although parts would do.
        progress: Called after each step.
        runs: How commands run, and which may.
        describe: What a commit says that a command reads its inputs from.
        watch: Is given what stops the steps that run, for as long as they do.
    """

    repository: Repository
    executor: Executor = field(default_factory=ThreadExecutor)
    requests: Mapping[str, WriteRequest] = field(default_factory=dict)
    full: bool = False
    progress: StepProgress = lambda table, done, total: None
    runs: CommandRuns = NO_COMMANDS
    describe: Callable[[], Description] | None = None
    watch: Watch = nullcontext
    _done: dict[StepKey, StepResult] = field(default_factory=dict)

    def run(self, candidate: Candidate, wanted: Collection[str]) -> list[StepResult]:
        """Computes those of some derived tables that are stale, each after its inputs.

        What they become is put into the candidate.

        Args:
            candidate: The tables as they are; it is changed.
            wanted: Derived tables; one that is up to date is left alone.

        Returns:
            What was done, in order; nothing for tables that were up to date.

        Raises:
            InvalidInput: They depend on each other in a circle, an input is gone, or one fails.
        """
        graph = Graph(candidate)
        self._check_commands(candidate, graph, wanted)
        results: list[StepResult] = []
        for names in graph.levels(wanted):
            todo = [n for n in names if self._is_due(candidate, graph, n)]
            for result in self.compute(candidate, graph, todo):
                results.append(result)
                self.progress(result.plan.table, len(results), len(wanted))
        return results

    def compute(
        self, candidate: Candidate, graph: Graph, names: Sequence[str]
    ) -> Iterator[StepResult]:
        """Computes derived tables that do not depend on each other, side by side.

        Args:
            candidate: The tables as they are; what these become is put there.
            graph: The derived tables among them.
            names: The tables to compute.

        Yields:
            What was done, in the order of the names.

        Raises:
            InvalidInput: An input is gone, or a table cannot be computed.
        """
        keys = {name: self._key(candidate, graph, name) for name in names}
        fresh = [name for name in names if keys[name] not in self._done]
        steps = [
            Step(
                self.repository,
                candidate,
                graph,
                name,
                request=self.requests.get(name, KEEP),
                full=self.full,
                share=max(1, len(fresh)),
                runs=self.runs,
                inputs_at=partial(self._inputs_at, candidate),
            )
            for name in fresh
        ]

        def cancel() -> None:
            for step in steps:
                step.cancel()

        condemned = self.repository.condemned
        begun = condemned.now()
        with self.watch(cancel):
            computed = self.executor.run(steps)
        for file in (one for step in computed if step.update for one in step.update.added):
            condemned.note(file.path, at=begun)  # another process may have named it
        for name, done in zip(fresh, computed, strict=True):
            self._done[keys[name]] = done
        for name in names:
            result = self._done[keys[name]]
            update, base = result.update, candidate.working(name).base
            if update is not None:
                if update.base != base:
                    update = replace(update, base=base)
                    self._done[keys[name]] = result = replace(result, update=update)
                candidate.put(update)
            yield result

    def _check_commands(self, candidate: Candidate, graph: Graph, wanted: Collection[str]) -> None:
        """Checks that all commands may run that may have to, before anything is computed.

        Raises:
            InvalidInput: One may not.
        """
        commands = [name for name in wanted if graph.definitions[name].command]
        if commands:
            stale = staleness(candidate, graph)
            for name in commands:
                if self.full or name in self.requests or stale[name].is_stale:
                    self.runs.check(name, graph.definitions[name])

    def _inputs_at(self, candidate: Candidate, inputs: Collection[str]) -> str:
        assert self.describe is not None, "whoever lets commands run can describe commits"
        return commit_of_inputs(self.repository, candidate, inputs, describe=self.describe)

    def _is_due(self, candidate: Candidate, graph: Graph, name: str) -> bool:
        return self.full or name in self.requests or own_staleness(candidate, graph, name).is_own

    def _key(self, candidate: Candidate, graph: Graph, name: str) -> StepKey:
        tables = [candidate.table(one) for one in (name, *graph.inputs[name])]
        ids = tuple(None if table is None else table.id for table in tables)
        return (name, graph.definitions[name].digest, *ids)
