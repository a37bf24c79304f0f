"""Tasks whose rows are aligned outside the engine, which then gets those that differ."""

from functools import cached_property

import numpy as np
import pyarrow as pa

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
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.fingerprints.canonical import unwrapped
from catalog.diff.plan import SIDES, DiffTask, SideName
from catalog.engine.arrow_arrays import constant, from_numpy

ROW_BYTES = 256
"""Memory that aligning takes for every row of the larger side: keys, orders, and the widest column
of text three times."""

ALIGNED_ROWS = 50_000
"""Rows of a task above which opening files column by column pays."""


class Aligning:
    """Aligns the rows of tasks, where their columns allow it."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader
        self._plan = reader.plan
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
        pairs = len(aligned.before) if keyed else 0
        updated = {**_columns(mine.slice(0, pairs)), **_columns(theirs.slice(0, pairs))}
        for kind, rows in (
            ("u", pa.table(updated)),
            ("d", mine.slice(pairs)),
            ("i", theirs.slice(pairs)),
        ):
            if rows.num_rows:
                kinds = pa.repeat(constant(kind), rows.num_rows)
                self._waiting.append(rows.append_column("kind", kinds))
        return filled

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
            values = after.column(field).take(aligned.equal)
            filled[field.id] = len(values) - values.null_count
        return filled

    def _rows_at(
        self, side: SideName, task: DiffTask, arrays: Arrays, *, numbers: Numbers
    ) -> pa.Table:
        """Returns some rows of a side, with all columns."""
        wanted = from_numpy(numbers)
        rows = {
            f"{side}_c{field.id}": unwrapped(arrays.column(field).take(wanted))
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
        return pa.table({**rows, **_columns(constant.take(nothing))})


def _columns(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(rows.column_names, rows.columns, strict=True))
