"""How the files of a table's plan are read: by the engine, or column by column as arrays."""

from collections.abc import Collection, Mapping, Sequence

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass, field
from catalog.diff.compare.arrays import Arrays
from catalog.diff.compare.elsewhere import NO_FILES, Elsewhere
from catalog.diff.plan import SideName, TablePlan
from catalog.diff.route import Prints
from catalog.engine.checks import Check
from catalog.engine.executor import Executor
from catalog.engine.memory_rows import hold
from catalog.engine.quoting import type_sql
from catalog.engine.relation import prepare, relation_sql
from catalog.engine.workspace import OWN_PREFIX
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import ColumnSummary
from catalog.model.scan_plan import scan_plan
from catalog.model.schema import Field
from catalog.model.types import is_float
from catalog.repository.datafiles import place, readable
from catalog.storage.store import ObjectStore, OpenFile

KEPT_BYTES = 192 << 20
"""Columns of a side that aligning keeps for taking rows from them, if memory allows."""


@dataclass(frozen=True, slots=True)
class TableReader:
    """Reads the files of a table's plan.

    Attributes:
        prints: Known fingerprints of the files that the plan's tasks are about.
        align_bytes: Memory for aligning rows by key outside the engine; 0 forbids it.
        all_files: All files of each side, where they are wanted.
        opened: Sizes of the files that were opened so far, by path.
        text_bounds: Bounds of columns of text that were read anyway, by side, the file's path and
            schema, and field id.
        checks: What checks the files that others can change, once they were read.
        hands_out: Whether changed rows are about to be handed out.
        elsewhere: The files that do not differ.
        held: Rows of files that are in memory instead, by path, their columns called
            ``c<field id>``, of the types that ``arrow_type`` tells.
        executor: What compares parts of the table elsewhere; None compares all here.
        memory_bytes: Memory of the comparison, if it was stated.
    """

    con: duckdb.DuckDBPyConnection
    plan: TablePlan
    store: ObjectStore
    prints: Prints = field(default_factory=dict)
    align_bytes: int = 0
    all_files: Mapping[SideName, Sequence[DataFile]] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    text_bounds: dict[tuple[SideName, str, str, int], ColumnSummary] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    hands_out: bool = False
    held: Mapping[str, pa.Table] = field(default_factory=dict)
    elsewhere: Elsewhere = NO_FILES
    executor: Executor | None = None
    memory_bytes: int | None = None

    def relation(
        self,
        side: SideName,
        files: Sequence[DataFile],
        columns: Collection[int] | None = None,
        *,
        numbered: bool = False,
    ) -> str:
        """Returns SQL of the rows of a side's files, columns called ``c<field id>``.

        Only the field ids in ``columns`` are read; None means all. If ``numbered``, a column
        ``place`` counts the rows of the file from 0.
        """
        self._note(files)
        table = self.plan.side(side)
        wanted = table.schema.fields
        if columns is not None:
            ids = frozenset(columns)
            wanted = tuple(f for f in wanted if f.id in ids)
        rows = self._rows_of(files)
        if rows is not None:
            assert not numbered, "places of rows come from fingerprints, which such rows have not"
            return self._in_memory(side, rows, wanted)
        scan = scan_plan(
            table,
            files,
            locate=lambda file: place(self.store, file),
            columns=None if columns is None else list(columns),
            naming="id",
            nan_free={f.id for f in wanted if is_float(f.type) and self._nan_free(f.id, files)},
            numbered=numbered,
        )
        return prepare(self.con, relation_sql(scan))

    def _rows_of(self, files: Sequence[DataFile]) -> pa.Table | None:
        """Returns the rows of the only file of a side if they are in memory."""
        return self.held.get(files[0].path) if self.held and len(files) == 1 else None

    def _in_memory(self, side: SideName, rows: pa.Table, wanted: Sequence[Field]) -> str:
        name = f"{OWN_PREFIX}held_{side}"
        hold(self.con, name, rows)
        columns = ", ".join(
            f"CAST({'NULL' if f'c{f.id}' not in rows.column_names else f'c{f.id}'} AS "
            f"{type_sql(f.type)}) AS c{f.id}"
            for f in wanted
        )
        return f"(SELECT {columns} FROM {name})"

    def arrays(self, side: SideName, files: Sequence[DataFile]) -> Arrays:
        """Returns what reads the columns of a side's files as arrays."""
        self._note(files)
        keep = min(KEPT_BYTES, self.align_bytes // 4)
        table = self.plan.side(side)
        return Arrays(
            table,
            files,
            lambda file: readable(self.store, file),
            keep_bytes=keep,
            held=self._rows_of(files),
        )

    def source(self, file: DataFile) -> str | OpenFile:
        """Returns what reads a file outside the engine."""
        self._note((file,))
        return readable(self.store, file)

    def covered(self, side: SideName, *, everything: bool) -> Sequence[DataFile]:
        """Returns the files of a side that differ, or all."""
        return self.all_files[side] if everything else self.plan.files(side)

    def _note(self, files: Sequence[DataFile]) -> None:
        self.opened.update((file.path, file.size_bytes) for file in files)

    def _nan_free(self, field_id: int, files: Sequence[DataFile]) -> bool:
        """Returns whether fingerprints show that a column of floats holds no NaN."""
        for file in files:
            known = self.prints.get(file.identity)
            summary = None if known is None else known.summaries.get(field_id)
            if summary is None or summary.total is None or summary.nans:
                return False
        return True
