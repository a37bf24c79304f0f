"""Planning a diff and writing its SQL take work in proportion to the number of columns."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.options import DiffOptions
from catalog.diff.plan import TablePlan, plan_table
from catalog.model.datafile import FileChanges
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, Scalar

BIGINT, DOUBLE, INTEGER = Scalar("BIGINT"), Scalar("DOUBLE"), Scalar("INTEGER")
NO_FILES = FileChanges((), (), files_kept=0, partitions_kept=0)


def table(columns: int, kind: DataType) -> TableSnapshot:
    fields = tuple(Field(n, f"c{n}", kind if n else BIGINT) for n in range(columns))
    schema = FileSchema(tuple(PhysicalColumn(f.name, f.type, f.id) for f in fields))
    return TableSnapshot(Schema(fields), columns, (0,), file_schemas={schema.id: schema})


def planned(columns: int) -> TablePlan:
    """Plans the diff of a wide table of which every column but the key changed its type."""
    before, after = table(columns, INTEGER), table(columns, DOUBLE)
    options = DiffOptions(columns=[f"c{n}" for n in range(columns)])
    return plan_table("wide", before, after, changes=NO_FILES, options=options)


def rendered(plan: TablePlan) -> str:
    columns = SqlColumns(plan)
    cells = "".join(columns.changed(pair) + columns.within(pair) for pair in plan.value_pairs)
    return columns.same(plan.pairs) + cells + "".join(columns.select(side) for side in ("f", "t"))


def calls(work: Callable[[], object]) -> int:
    """Counts the calls of Python functions, comparisons of values among them."""
    count = 0

    def noted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(noted)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_the_work_of_planning_grows_with_the_columns() -> None:
    few, many = (calls(lambda columns=n: planned(columns)) for n in (100, 400))  # type: ignore[misc]
    assert few < many < 8 * few


def test_the_work_of_writing_sql_grows_with_the_columns() -> None:
    plans = [planned(n) for n in (100, 400)]
    few, many = (calls(lambda plan=plan: rendered(plan)) for plan in plans)  # type: ignore[misc]
    assert few < many < 8 * few


@pytest.mark.parametrize("columns", [3, 50])
def test_pairs_know_their_numbers(columns: int) -> None:
    plan = planned(columns)
    assert [pair.number for pair in plan.pairs] == list(range(columns))
