"""Tasks whose rows are aligned outside the engine, which then gets those that differ."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import take
from catalog.dataclasses import dataclass
from catalog.diff.compare.align import (
    Aligned,
    Numbers,
    Sides,
    align,
    can_align,
    held,
    inner,
    pseudo_key,
)
from catalog.diff.compare.arrays import Arrays, Unreadable
from catalog.diff.compare.row_multisets import cancelled, filled, values_in
from catalog.diff.compare.small_pairs import SmallPairs
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.fingerprints.canonical import unwrapped
from catalog.diff.plan import SIDES, DiffTask, SideName
from catalog.diff.route import Route
from catalog.engine.arrow_arrays import constant, from_numpy
from catalog.model.datafile import DataFile
from catalog.model.schema import Field

ROW_BYTES = 256
"""Memory that aligning takes for every row of the larger side: keys, orders, and the widest column
of text three times."""

WIDE_COLUMNS = 64
"""Columns from which few rows without a key are compared here: the engine takes over a millisecond
for each column, however few rows there are."""

CELL_BYTES = 64
"""Memory that comparing them takes for each cell; what more long text takes, small files bound."""

ALIGNED_ROWS = 50_000
"""Rows of a task above which opening files column by column pays."""


class Aligning:
    """Aligns the rows of tasks, where their columns allow it."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader
        self._plan = reader.plan
        self._small = SmallPairs(reader.plan, reader.source)
        self._waiting: list[pa.Table] = []

    @cached_property
    def _possible(self) -> bool:
        return bool(self._reader.align_bytes) and can_align(self._plan)

    def run(self, task: DiffTask) -> dict[int, int] | None:
        """Finds the rows in which a task's sides differ, for ``waiting`` to return.

        Keys must be unique on both sides. Without a key, a column that no two rows share serves:
        rows that are equal have it in common.

        Returns:
            Per added column (field id), rows found equal that carry a value; None if nothing
            was done, because the engine must compare.
        """
        both = self._both(task)
        if both is None:
            return None
        keyed = bool(self._plan.key)
        try:
            key = inner(self._plan, self._plan.key_pairs)
            if not keyed:
                key = pseudo_key(self._plan, both)
            if not key:
                return None
            aligned = align(self._reader.con, self._plan, both, key=key)
            older = np.append(aligned.before, aligned.deleted)
            newer = np.append(aligned.after, aligned.inserted)
            mine = self._rows_at("f", task, both["f"], numbers=older)
            theirs = self._rows_at("t", task, both["t"], numbers=newer)
            filled = self._filled(aligned, both["t"])
        except Unreadable:
            return None
        self._keep(mine, theirs, pairs=len(aligned.before) if keyed else 0)
        return filled

    def cancel(self, route: Route) -> dict[int, int] | None:
        """Finds which rows of a task without a key do not cancel, as ``run`` does.

        That is for few rows of many columns, on which the engine spends more than on the rows.
        """
        task = DiffTask(
            route.task.partition,
            *(
                (
                    *(pair.on(side) for pair in route.pairs if pair.changed),
                    *(() if route.rest is None else route.rest.files(side)),
                )
                for side in SIDES
            ),
        )
        if not self._possible or task.partition is None or not self._is_wide(task):
            return None
        both = {}
        for side in SIDES:
            columns = self._whole(side, task.files(side))
            if columns is None:
                return None
            both[side] = columns
        compared = inner(self._plan, [pair for pair in self._plan.pairs if pair.compared])
        pairs = [(both["f"].column(p.before), both["t"].column(p.after)) for p in compared]
        try:
            added = [both["t"].column(field) for field in self._plan.added]
            first = values_in(added, both["t"].rows) if added else None
            found = cancelled(pairs, (both["f"].rows, both["t"].rows), first=first)
            older, newer = np.flatnonzero(~found.older), np.flatnonzero(~found.newer)
            mine = self._rows_at("f", task, both["f"], numbers=older)
            theirs = self._rows_at("t", task, both["t"], numbers=newer)
        except Unreadable:
            return None
        self._keep(mine, theirs, pairs=0)
        return {f.id: filled(found, own) for f, own in zip(self._plan.added, added, strict=True)}

    def _is_wide(self, task: DiffTask) -> bool:
        """Returns whether a task has so few rows of so many columns that the engine is no help."""
        columns = len(self._plan.pairs)
        rows = [sum(file.rows for file in task.files(side)) for side in SIDES]
        cells = columns * sum(rows)
        return (
            all(rows) and columns >= WIDE_COLUMNS and cells * CELL_BYTES <= self._reader.align_bytes
        )

    def _whole(self, side: SideName, files: Sequence[DataFile]) -> "_Columns | None":
        """Reads all columns of small files; None if the engine must."""
        fields = list(held(self._plan, side))
        columns = self._small.joined_columns(side, files, fields)
        if columns is None:
            return None
        by_id = {field.id: column for field, column in zip(fields, columns, strict=True)}
        return _Columns(by_id, sum(file.rows for file in files))

    def _keep(self, mine: pa.Table, theirs: pa.Table, *, pairs: int) -> None:
        """Keeps rows that differ, of which the first pairs are those of one key."""
        updated = {**_columns(mine.slice(0, pairs)), **_columns(theirs.slice(0, pairs))}
        for kind, rows in (
            ("u", pa.table(updated)),
            ("d", mine.slice(pairs)),
            ("i", theirs.slice(pairs)),
        ):
            if rows.num_rows:
                kinds = pa.repeat(constant(kind), rows.num_rows)
                self._waiting.append(rows.append_column("kind", kinds))

    def waiting(self, least: int = 1) -> pa.Table | None:
        """Returns the rows found, in the remainder's form, if they take at least some bytes.

        They are forgotten then. The engine takes them together, since each statement costs
        milliseconds, and later, when the columns that they come from are no longer held.
        """
        if sum(rows.nbytes for rows in self._waiting) < least:
            return None
        pa.default_memory_pool().release_unused()
        rows = pa.concat_tables(self._waiting, promote_options="default")
        self._waiting.clear()
        return rows

    def kinds(self) -> pa.Table | None:
        """Returns the kinds of the rows that ``waiting`` would; None if more is asked of them.

        To count rows, the engine need not be handed thousands of columns.
        """
        partitioned = any(self._plan.side(side).partition_by for side in SIDES)
        if not self._waiting or partitioned or self._plan.added:
            return None
        return pa.concat_tables(rows.select(["kind"]) for rows in self._waiting)

    def _both(self, task: DiffTask) -> Sides | None:
        """Returns what reads the columns of both sides; None if the engine must compare them."""
        if not self._possible or task.partition is None:
            return None
        rows = [sum(file.rows for file in files) for files in (task.before, task.after)]
        if not all(rows) or sum(rows) < ALIGNED_ROWS:
            return None
        if max(rows) * ROW_BYTES > self._reader.align_bytes:
            return None
        return {side: self._reader.arrays(side, task.files(side)) for side in SIDES}

    def _filled(self, aligned: Aligned, after: Arrays) -> dict[int, int]:
        filled = {}
        for field in self._plan.added:
            if field.id in self._plan.side("t").partition_by:
                raise Unreadable(field.name)
            values = take(after.column(field), aligned.equal)
            filled[field.id] = len(values) - values.null_count
        return filled

    def _rows_at(
        self, side: SideName, task: DiffTask, arrays: "Arrays | _Columns", *, numbers: Numbers
    ) -> pa.Table:
        """Returns some rows of a side, with all columns."""
        wanted = from_numpy(numbers)
        rows = {
            f"{side}_c{field.id}": unwrapped(take(arrays.column(field), wanted))
            for field in held(self._plan, side)
        }
        ids = self._plan.side(side).partition_by
        if not ids:
            return pa.table(rows)
        file = next(file for file in task.files(side) if file.rows)
        listed = ", ".join(f"c{i} AS {side}_c{i}" for i in ids)
        query = f"SELECT {listed} FROM {self._reader.relation(side, (file,), ids)} LIMIT 1"
        constant = self._reader.con.sql(query).to_arrow_table()
        nothing = from_numpy(np.zeros(len(numbers), dtype=np.int64))
        return pa.table({**rows, **_columns(take(constant, nothing))})


def _columns(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(rows.column_names, rows.columns, strict=True))


@dataclass(frozen=True, slots=True)
class _Columns:
    """All columns of some files of one side, by field id."""

    arrays: Mapping[int, pa.Array]
    rows: int

    def column(self, field: Field) -> pa.Array:
        """Returns a column; see ``Arrays.column``."""
        found = self.arrays.get(field.id)
        if found is None:
            raise Unreadable(field.name)
        return found
