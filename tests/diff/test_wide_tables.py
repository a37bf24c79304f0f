"""Tables with many columns: work in proportion to their number, and the same answers."""

import datetime
import math
import random
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.compare.align_task import Aligning
from catalog.diff.compare.small_rows import SmallRows
from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.options import DiffOptions
from catalog.diff.plan import TablePlan, plan_table
from catalog.diff.route import Route
from catalog.model.datafile import FileChanges
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, Scalar
from tests.diff.cases_check import ask, count_differences
from tests.diff.cases_hostile import CASES
from tests.diff.cases_rows import row_differences

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


@pytest.mark.parametrize("keys", [["x"], ["day", "s"], ["u", "n"]])
def test_changed_rows_of_wide_tables_come_in_the_order_of_their_keys_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: list[str]
) -> None:
    rnd = random.Random(1)
    floats = [math.nan, math.inf, -math.inf, 0.5, -3.0, 1e300, 0.0, None]
    count = len(floats)
    days = [datetime.date(2024, 1, n % 3 + 1) if n else None for n in range(count)]
    rows = [
        {
            "x": floats[n],
            "day": days[n],
            "s": f"{'é' if n % 2 else 'Z'}{n}",
            "u": uuid.UUID(int=(n * 37 % 11) << 124 | 5).bytes,
            "n": n,
        }
        for n in range(count)
    ]
    lake = catalog.create(tmp_path / "lake")
    for state in range(2):
        some = [{**row, "v": n + state} for n, row in enumerate(rows) if n != 4 * state]
        rnd.shuffle(some)
        kinds = {"x": pa.float64(), "day": pa.date32(), "s": pa.string(), "u": pa.uuid()}
        kinds |= {"n": pa.int64(), "v": pa.int64()}
        folder = tmp_path / f"{state}"
        folder.mkdir()
        pq.write_table(
            pa.Table.from_pylist(some, pa.schema(list(kinds.items()))), folder / "a.parquet"
        )
        with lake.transaction() as tx:
            tx.snapshot("t", folder, key=keys)
    asked: list[dict[str, Any]] = [
        {},
        {"limit": 3},
        {"change": "updated"},
        {"where": "_to.v > 2", "limit": 2},
    ]
    answers = []
    for columns in (10_000, 0):
        monkeypatch.setattr("catalog.diff.row_form.WIDE_COLUMNS", columns)
        with lake.diff("main~1", "main", level="rows") as diff:
            found = [diff["t"].to_arrow(**some) for some in asked]
            answers.append([(table.schema, repr(table.to_pylist())) for table in found])
            assert [table.num_rows for table in found] == [count, 3, count - 2, 2]
    assert answers[0] == answers[1]


WITHOUT_KEY = [pair for pair in CASES if not pair.before.key and not pair.after.key]


@pytest.mark.parametrize("weak", [False, True], ids=["", "digests that are all alike"])
def test_rows_without_a_key_cancel_outside_the_engine_as_they_do_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weak: bool
) -> None:
    monkeypatch.setattr("catalog.diff.compare.align_task.WIDE_COLUMNS", 0)
    if weak:
        nothing = "catalog.diff.compare.row_multisets.cell_hashes"
        monkeypatch.setattr(nothing, lambda column, name: np.zeros(len(column), np.uint64))
    done = []
    cancel = Aligning.cancel

    def noted(self: Aligning, route: Route) -> dict[int, int] | None:
        done.append(cancel(self, route))
        return done[-1]

    monkeypatch.setattr(Aligning, "cancel", noted)
    for number, pair in enumerate(WITHOUT_KEY):
        answer = ask(pair, tmp_path / f"{number}")
        assert (pair.name, count_differences(answer)) == (pair.name, [])
        assert (pair.name, row_differences(answer)) == (pair.name, [])
    assert sum(one is not None for one in done) >= (1 if weak else 5)


def test_counts_of_a_few_wide_rows_are_made_without_handing_the_rows_to_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = catalog.create(tmp_path / "lake")
    for state in range(2):
        (folder := tmp_path / f"{state}").mkdir()
        values = {f"c{n}": [n, n + state, None] for n in range(80)}
        pq.write_table(pa.table({"id": range(3), **values}), folder / "a.parquet")
        with lake.transaction() as tx:
            tx.snapshot("t", folder, key=["id"])
    handed: list[object] = []
    monkeypatch.setattr(SmallRows, "hand_over", lambda self: handed.append(self))
    with lake.diff("main~1", "main") as diff:
        cells = {name: column.corrected for name, column in diff["t"].columns.items()}
    assert cells == {"id": 0, **{f"c{n}": 1 for n in range(80)}}
    assert not handed
