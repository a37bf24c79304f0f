"""A task that compares a part of a table, wherever it is run."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import duckdb

from catalog.dataclasses import dataclass, field, replace
from catalog.diff.compare.key_problems import KeyChecks
from catalog.diff.compare.part_rows import PartRows
from catalog.diff.compare.parts.remainder import SharedRemainder
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import SIDES, TablePlan
from catalog.diff.route import Route
from catalog.engine.failures import engine_errors
from catalog.engine.workspace import Workspace, default_memory_limit
from catalog.model.datafile import Identity
from catalog.model.fingerprint import Fingerprint
from catalog.storage.reopening import Opening, finish_writes

MOST_BYTES = 256 << 20
"""Rows that a part may send. More are compared again by who asked for them, and read from the files
whenever they are wanted, which takes no memory."""


@dataclass(slots=True)
class TablePart:
    """Compares some files of a table; a task of an executor that travels.

    Attributes:
        opening: The store of the files.
        plan: How the table is compared; its tasks are those of the routes.
        routes: How files are compared.
        prints: Known fingerprints of the files.
        by_digest: Whether rows may be aligned outside the engine.
        memory_bytes: Memory that it may take; None is the worker's part of its machine.
        size_bytes: How much it reads, about.
    """

    opening: Opening
    plan: TablePlan
    routes: tuple[Route, ...]
    prints: Mapping[Identity, Fingerprint]
    by_digest: bool
    memory_bytes: int | None
    size_bytes: int
    _work: Workspace | None = field(default=None, repr=False)
    _is_cancelled: bool = False

    def packed(self) -> "TablePart":
        """Returns the task itself: it holds values alone."""
        return self

    def cancel(self) -> None:
        """Stops it soon."""
        self._is_cancelled = True
        if self._work is not None:
            with suppress(duckdb.ConnectionException):  # it has just ended
                self._work.con.interrupt()

    def run(self) -> PartRows | None:
        """Compares the files.

        Returns:
            The rows that differ; None if they are too many to be sent.

        Raises:
            CorruptData: A file cannot be read.
        """
        store = self.opening.open()
        memory = default_memory_limit() if self.memory_bytes is None else self.memory_bytes
        work = Workspace(store=store, memory_limit_bytes=memory)
        try:
            with engine_errors():
                reader = TableReader(
                    work.con,
                    self.plan,
                    store,
                    self.prints,
                    align_bytes=memory // 2 if self.by_digest else 0,
                )
                self._work = work
                checks = KeyChecks(reader)
                remainder = SharedRemainder(reader, "part", checks=checks, keeps_all=True)
                for route in self.routes:
                    if self._is_cancelled:
                        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
                    remainder.take(route)
                found = remainder.sent()
            finish_writes(store)
        finally:
            self._work = None
            work.close()
        return found if found.database is None or len(found.database) <= MOST_BYTES else None


def part_of(
    reader: TableReader,
    opening: Opening,
    routes: Sequence[Route],
    *,
    size_bytes: int,
    memory_bytes: int | None,
) -> TablePart:
    """Returns the task that compares some files of a table."""
    plan = replace(reader.plan, tasks=tuple(route.task for route in routes))
    ids = (file.identity for side in SIDES for file in plan.files(side))
    known = {one: reader.prints[one] for one in ids if one in reader.prints}
    return TablePart(
        opening,
        plan,
        tuple(routes),
        known,
        by_digest=bool(reader.align_bytes),
        memory_bytes=memory_bytes,
        size_bytes=size_bytes,
    )
