"""The overview of a diff as a frame: a row for each table."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.diff.view import DiffView

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_COUNTS = ("inserted", "deleted", "updated", "moved")


class OverviewFrame(ABC):
    """Something that has an overview of tables."""

    @property
    @abstractmethod
    def view(self) -> DiffView:
        """Returns all that was counted, as one value."""

    def to_arrow(self) -> pa.Table:
        """Returns a row for each table; those of one table are ``diff["orders"].to_arrow()``.

        Columns: ``table``, ``status``, ``rows_before``, ``rows_after``, ``inserted``, ``deleted``,
        ``updated``, ``moved`` (NULL if rows were not compared) and ``columns``: the names of those
        with changed cells.
        """
        tables = self.view.tables
        columns = {
            "table": pa.array([one.name for one in tables], pa.string()),
            "status": pa.array([one.status for one in tables], pa.string()),
            "rows_before": pa.array([one.rows.before for one in tables], pa.int64()),
            "rows_after": pa.array([one.rows.after for one in tables], pa.int64()),
        }
        for name in _COUNTS:
            columns[name] = pa.array([getattr(one.rows, name) for one in tables], pa.int64())
        touched = [[column.name for column in one.touched_columns] for one in tables]
        columns["columns"] = pa.array(touched, pa.list_(pa.string()))
        return pa.table(columns)

    def to_pandas(self) -> "pd.DataFrame":
        """Returns a row for each table as a pandas frame; see ``to_arrow``.

        Raises:
            Unsupported: pandas is not installed.
        """
        from catalog.engine.frames import pandas_frame

        return pandas_frame(self.to_arrow)

    def to_polars(self) -> "pl.DataFrame":
        """Returns a row for each table as a Polars frame; see ``to_arrow``.

        Raises:
            Unsupported: Polars is not installed.
        """
        from catalog.engine.frames import polars_frame

        return polars_frame(self.to_arrow)
