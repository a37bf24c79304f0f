"""The commits that changed the rows of a key, newest first, each against what was before."""

import heapq
from collections.abc import Iterator, Sequence

from catalog.dataclasses import dataclass, field, replace
from catalog.model.listings import commit_info
from catalog.model.row_history import Gap, RowChange, RowState
from catalog.operations.rows.walk import RowWalk, State, Step, UnreadableError


@dataclass(slots=True)
class _Visit:
    """A commit that is to be looked at.

    Attributes:
        waiting: Changes, by their numbers, that come again if a change is found from here on.
    """

    state: State
    waiting: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Past:
    """Finds what commits did to the rows of a key.

    Attributes:
        most_files: Files that may be opened; -1 is without limit.
        gaps: Commits that could not be read so far.
        again: The changes, by their numbers from 0, by which rows came that were there before.
    """

    walk: RowWalk
    most_files: int = -1
    gaps: list[Gap] = field(default_factory=list)
    again: set[int] = field(default_factory=set)

    def changes(self, start: State) -> Iterator[list[RowState]]:
        """Yields what each commit did that changed the rows, newest first.

        Of a merge that leaves the rows as a parent has them, only that parent is followed, the
        first such one. Where it leaves them as none has them, it changed them, and all are.
        """
        read = self.walk.repository.commits.read
        heap: list[tuple[int, float, tuple[object, ...]]] = []
        visits: dict[tuple[object, ...], _Visit] = {}
        number = 0

        def push(state: State, waiting: set[int]) -> None:
            if state.node not in visits:
                commit = read(state.commit_id)
                heapq.heappush(heap, (-commit.generation, -commit.time.timestamp(), state.node))
                visits[state.node] = _Visit(state)
            visits[state.node].waiting.update(waiting)

        push(start, set())
        opened = len(self.walk.found.opened)
        while heap:
            visit = visits.pop(heapq.heappop(heap)[2])
            state = visit.state
            if -1 < self.most_files < len(self.walk.found.opened) - opened:
                return
            steps, readable = self._parents(state)
            self.walk.forget(state)
            if steps and steps[-1].pairing.same:
                push(steps[-1].state, visit.waiting)
                continue
            found = self._described(state, steps, readable=readable)
            waiting = visit.waiting
            if found:
                self.again |= waiting
                came = not any(step.state.rows for step in steps)
                waiting = {number} if came else set()
                number += 1
                yield found
            for step in steps:
                push(step.state, waiting)

    def _parents(self, state: State) -> tuple[list[Step], bool]:
        """Returns the parents of a commit up to one with the same rows, and if all are readable."""
        steps: list[Step] = []
        readable = True
        for parent in self.walk.repository.commits.read(state.commit_id).parents:
            try:
                steps.append(self.walk.step(state, parent))
            except UnreadableError as error:
                self.gaps.append(Gap(error.commit_id, error.reason))
                readable = False
                continue
            if steps[-1].pairing.same:
                break
        return steps, readable

    def _described(self, state: State, steps: Sequence[Step], *, readable: bool) -> list[RowState]:
        """Returns what a commit did to the rows, compared with the first readable parent."""
        commit = self.walk.repository.commits.read(state.commit_id)
        info = commit_info(state.commit_id, commit)
        about = RowState(info, state.name, "unknown", rows=len(state.rows))
        after = self._values(state)
        if not steps:
            change: RowChange = "inserted" if readable else "unknown"
            note = self._note(state, None) if readable else ""
            return [replace(about, change=change, after=row, note=note) for row in after]
        step = steps[0]
        note = self._note(state, step)
        before = self._values(step.state)
        found = []
        for n, row in enumerate(after):
            partner = step.pairing.partners[n]
            if partner is None:
                found.append(replace(about, change="inserted", after=row, note=note))
            elif step.pairing.differing[n]:
                changed = step.pairing.differing[n]
                columns = [f.name for f in state.snapshot.schema.fields if f.id in changed]
                found.append(
                    replace(
                        about,
                        change="updated",
                        changed_columns=tuple(columns),
                        before=_renamed(before[partner], state, step),
                        after=row,
                        moved=_has_moved(state, step, n),
                        note=note,
                    )
                )
        gone = [before[n] for n in step.pairing.left]
        return found + [replace(about, change="deleted", before=row, note=note) for row in gone]

    def _values(self, state: State) -> Sequence[dict[str, object]]:
        if not state.rows:
            return ()
        return [dict(one) for one in self.walk.found.values(state.snapshot, state.rows)]

    @staticmethod
    def _note(state: State, step: Step | None) -> str:
        """Returns what a commit did to the table that makes rows come or go."""
        if step is None or step.state.table is None:
            return "the table was made"
        if state.table is None:
            return "the table was dropped"
        if state.snapshot.table_id != step.state.snapshot.table_id:
            return "another table took its place"
        if step.state.lacks:
            return f"column {step.state.lacks} of the key came"
        if state.lacks:
            return f"column {state.lacks} of the key went"
        return ""


def _renamed(row: dict[str, object], state: State, step: Step) -> dict[str, object]:
    """Returns a row of a parent with the names that its columns have in the commit."""
    if step.match is None:
        return row
    names = {before.name: after.name for before, after in step.match.pairs}
    return {names.get(name, name): value for name, value in row.items()}


def _has_moved(state: State, step: Step, row: int) -> bool:
    partner = step.pairing.partners[row]
    if partner is None or step.match is None or not step.match.partitions_agree:
        return False
    return state.rows[row].file.partition != step.state.rows[partner].file.partition
