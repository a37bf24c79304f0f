"""Which commit gave each cell of a row its value."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from catalog.dataclasses import dataclass, field
from catalog.model.listings import CommitInfo, commit_info
from catalog.model.row_history import CellBlame, CellChange, Gap, RowBlame, RowChange
from catalog.operations.rows.walk import RowWalk, State, Step, UnreadableError


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a row whose origin is looked for.

    Attributes:
        row: The row's place at the start.
        column: The field id of the cell's column at the start; None is the row as a whole.
    """

    row: int
    column: int | None


_Place = tuple[int, int]
"""Where a part is at a commit: the row's place, and the column's field id; 0 without one."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a part came from: the commit, what it did, and the value before."""

    commit: CommitInfo
    change: CellChange | RowChange
    before: object = None


@dataclass(slots=True)
class Blaming:
    """Follows the parts of rows to the commits that made them.

    Attributes:
        gaps: Commits that could not be read.
    """

    walk: RowWalk
    gaps: list[Gap] = field(default_factory=list)
    _origins: dict[_Part, _Origin] = field(default_factory=dict)

    def rows(self, start: State, columns: Sequence[int]) -> tuple[RowBlame, ...]:
        """Returns which commits made the rows of a state, and their cells in some columns."""
        parts: dict[_Part, _Place] = {}
        for n in range(len(start.rows)):
            parts[_Part(n, None)] = (n, 0)
            parts |= {_Part(n, column): (n, column) for column in columns}
        self._follow(start, parts)
        values = self.walk.found.values(start.snapshot, start.rows)
        return tuple(self._row(start, n, row, columns) for n, row in enumerate(values))

    def _row(
        self, start: State, row: int, values: Mapping[str, object], columns: Sequence[int]
    ) -> RowBlame:
        cells = []
        for column in start.snapshot.fields(tuple(columns)):
            origin = self._origins[_Part(row, column.id)]
            change = cast(CellChange, origin.change)
            value = values[column.name]
            cells.append(CellBlame(column.name, value, change, origin.before, origin.commit))
        whole = self._origins[_Part(row, None)]
        return RowBlame(values, cast(RowChange, whole.change), whole.commit, tuple(cells))

    def _follow(self, start: State, parts: dict[_Part, _Place]) -> None:
        """Walks from newer commits to older ones, with all parts that are to be found there."""
        pending: dict[tuple[object, ...], tuple[State, dict[_Part, _Place]]] = {}
        heap: list[tuple[int, float, tuple[object, ...]]] = []

        def push(state: State, moved: Mapping[_Part, _Place]) -> None:
            if state.node not in pending:
                commit = self.walk.repository.commits.read(state.commit_id)
                heapq.heappush(heap, (-commit.generation, -commit.time.timestamp(), state.node))
                pending[state.node] = state, {}
            pending[state.node][1].update(moved)

        push(start, parts)
        while heap:
            state, left = pending.pop(heapq.heappop(heap)[2])
            commit = self.walk.repository.commits.read(state.commit_id)
            steps: list[Step] = []
            unreadable = False
            for parent in commit.parents:
                try:
                    step = self.walk.step(state, parent)
                except UnreadableError as error:
                    self.gaps.append(Gap(error.commit_id, error.reason))
                    unreadable = True
                    continue
                steps.append(step)
                moved = left
                if step.pairing.columns is not None:
                    moved = {part: to for part, at in left.items() if (to := _moved(step, at))}
                if moved:
                    push(step.state, moved)
                left = {part: place for part, place in left.items() if part not in moved}
                if not left:
                    break
            self.walk.forget(state)
            self._settle(state, steps, left, unreadable=unreadable)

    def _settle(
        self, state: State, steps: Sequence[Step], left: Mapping[_Part, _Place], *, unreadable: bool
    ) -> None:
        """Notes that a commit made some parts."""
        if not left:
            return
        commit = self.walk.repository.commits.read(state.commit_id)
        about = commit_info(state.commit_id, commit)
        wanted = {row for row, _ in left.values()}
        now = _by_id(self.walk, state) if any(column for _, column in left.values()) else []
        before = [
            _by_id(self.walk, step.state)
            if any(step.pairing.partners[row] is not None for row in wanted)
            else []
            for step in steps
        ]
        for part, (row, column) in left.items():
            old = [
                (step, rows[partner])
                for step, rows in zip(steps, before, strict=True)
                if (partner := step.pairing.partners[row]) is not None
            ]
            if not old:
                self._origins[part] = _Origin(about, "unknown" if unreadable else "inserted")
            elif not column:
                self._origins[part] = _Origin(about, "updated")
            else:
                step, values = old[0]
                there = step.pairing.column(column)
                value = None if there is None else values[there]
                came = there is None
                change = _cell_change(value, now[row][column], came=came)
                self._origins[part] = _Origin(about, change, value)


def _moved(step: Step, place: _Place) -> _Place | None:
    """Returns where a part of a row is in a parent; None if it was not there as it is."""
    row, column = place
    partner = step.pairing.partners[row]
    if partner is None:
        return None
    if not column:
        return (partner, 0) if step.pairing.is_same(row) else None
    there = step.pairing.column(column)
    if there is None or column in step.pairing.differing[row]:
        return None
    return partner, there


def _by_id(walk: RowWalk, state: State) -> list[dict[int, object]]:
    """Returns the rows of a state with their values by field id."""
    fields = state.snapshot.schema.fields
    found: Iterable[Mapping[str, object]] = walk.found.values(state.snapshot, state.rows)
    return [{f.id: row[f.name] for f in fields} for row in found]


def _cell_change(before: object, after: object, *, came: bool) -> CellChange:
    if after is None:
        return "column_added" if came else "cleared"
    return "filled" if before is None else "corrected"
