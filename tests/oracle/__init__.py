"""An independent answer to "what changed?": the rules of the diff in plain Python.

It shares no code with the product and uses the standard library only: slow, small, and
meant to be read beside the rules in the documentation.
"""

from tests.oracle.diff import (
    CellCounts,
    Diff,
    KeyProblems,
    PartitionCounts,
    RowChange,
    RowCounts,
    SchemaChange,
    diff,
)
from tests.oracle.table import Column, Row, Table
from tests.oracle.tolerance import Tolerance

__all__ = [
    "CellCounts",
    "Column",
    "Diff",
    "KeyProblems",
    "PartitionCounts",
    "Row",
    "RowChange",
    "RowCounts",
    "SchemaChange",
    "Table",
    "Tolerance",
    "diff",
]
