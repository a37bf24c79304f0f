"""The changed rows of tables that were only counted: compared again when they are asked for."""

from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.dataclasses import replace
from catalog.diff.fingerprints.kept import kept_prints
from catalog.diff.result import TableDiff
from catalog.diff.selection import RowReader, Selection
from catalog.operations.diff_planning import PlannedTable, Planner
from catalog.operations.diff_request import DiffRequest

if TYPE_CHECKING:
    from catalog.engine.workspace import Workspace


class LateRows:
    """Reads changed rows on an engine that is opened for the first of them, until it is closed."""

    def __init__(self, planner: Planner, request: DiffRequest) -> None:
        self._planner = planner
        self._request = replace(
            request, level="rows", explain=False, distributions=False, progress=None
        )
        self._work: Workspace | None = None
        self._tables: dict[str, TableDiff] = {}

    def reader(self, planned: PlannedTable) -> RowReader:
        """Returns what reads the changed rows of a table."""

        def read(selection: Selection) -> pa.RecordBatchReader:
            name = planned.plan.table
            if name not in self._tables:
                with self._planner.repository.expiry.explaining():
                    self._tables[name] = self._compared(planned)
            return self._tables[name].read(selection)

        return read

    def _compared(self, planned: PlannedTable) -> TableDiff:
        from catalog.operations.diff_tables import compare_planned, workspace

        request = self._request
        if self._work is None:
            self._work = workspace(self._planner, request)
        store = self._planner.repository.store
        return compare_planned(
            self._planner,
            planned,
            request=request,
            kept=kept_prints(store, planned.plan) if request.by_fingerprints else {},
            work=self._work,
            name=f"late_{len(self._tables)}",
            progress=lambda rows: None,
        )

    def close(self) -> None:
        """Gives up the rows, and the engine."""
        self._tables.clear()
        if self._work is not None:
            self._work.close()
            self._work = None
