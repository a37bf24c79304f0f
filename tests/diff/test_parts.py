"""Tables compared in parts, by an executor: whatever runs them, the diff is the same.

``--thorough`` tries many more pairs, other ones each time.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import catalog
from catalog.catalog import Catalog
from catalog.engine.executor import Executor
from catalog.errors import CorruptData
from tests.diff.cases_check import ask, count_differences
from tests.diff.cases_pair import Pair
from tests.diff.cases_random import described, pairs
from tests.diff.cases_rows import applied_differences, row_differences
from tests.effort import effort
from tests.packed import PackedExecutor


@pytest.mark.invariant("A diff is the same whatever runs its tasks")
@settings(max_examples=effort(12, 2000))
@given(pairs(), st.sampled_from(["joined", "aligned", "by digest"]))
def test_a_diff_by_parts_that_travel_is_that_of_the_oracle(pair: Pair, way: str) -> None:
    note(described(pair))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if way == "aligned":
            patch.setattr("catalog.diff.compare.align_task.ALIGNED_ROWS", 0)
        if way == "by digest":
            for bound in ("FILE_BYTES", "ROW_BYTES"):
                patch.setattr(f"catalog.diff.fingerprints.row_rule.{bound}", 0)
        patch.setattr("catalog.operations.diff_run.SMALL_ROWS", 0)
        answer = ask(pair, Path(folder), PackedExecutor())
    assert count_differences(answer) == []
    assert row_differences(answer) == []
    if not pair.tolerance and pair.columns is None:
        assert applied_differences(answer) == []


ROWS = 6_000


@pytest.fixture
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Is a catalog with a table of six partitions, of which rows came, went, changed and moved."""
    draw = np.random.default_rng(7)
    ids, days = np.arange(ROWS), np.repeat(np.arange(6), ROWS // 6)
    matched_by = getattr(request, "param", "id")
    if matched_by == "repeated":
        ids[::500] = 3
    values, texts = draw.random(ROWS).round(3), np.array([f"t{n % 97}" for n in range(ROWS)])
    cat = catalog.create(tmp_path / "lake")
    keys = {"id": ["id"], "day and id": ["day", "id"], "repeated": ["id"]}
    key = keys.get(matched_by)
    with cat.transaction() as tx:
        rows = {"id": ids, "day": days, "value": values, "text": texts}
        tx.write("t", pa.table(rows), mode="overwrite", key=key, partition_by=["day"])
    values, days = values.copy(), days.copy()
    values[::31] += 1.5
    days[::777] = (days[::777] + 1) % 6  # these move
    texts[days == 4] = "other"
    kept = np.arange(ROWS) % 1009 != 5
    rows = {"id": ids, "day": days, "value": values, "text": texts}
    added = pa.array(np.where(ids % 2, "x", None), pa.string())
    after = pa.table({**rows, "more": added}).filter(pa.array(kept))
    with cat.transaction() as tx:
        tx.write("t", after, mode="overwrite")
    return str(tmp_path / "lake")


EVERYTHING = {"explain": True, "check_keys": True, "full_stats": True, "distributions": True}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("id", EVERYTHING),
    ("id", {"method": "join", "level": "rows"}),
    ("id", {"tolerance": {"value": "1.5"}}),
    ("day and id", {"explain": True}),
    ("none", {"level": "rows", "explain": True}),
    ("repeated", {"level": "rows", "explain": True}),
]


@pytest.mark.parametrize(("lake", "options"), CASES, indirect=["lake"])
def test_all_that_a_diff_says_is_the_same(lake: str, options: dict[str, Any]) -> None:
    def said(executor: Executor | None) -> tuple[object, pa.Table]:
        cat = catalog.open(lake, executor=executor)
        with cat.diff("main~1", "main", **options) as diff:
            found = diff.to_dict()
            rows = diff["t"].to_arrow()
        return found, rows.sort_by([(name, "ascending") for name in ("day", "id")]) if (
            "id" in rows.column_names and "day" in rows.column_names
        ) else rows

    executor = PackedExecutor(workers=2)
    here, there = said(None), said(executor)
    assert there[0] == here[0]
    assert there[1].schema == here[1].schema
    assert _counted(there[1]) == _counted(here[1])
    assert executor.ran.count("TablePart") >= 4


def _counted(rows: pa.Table) -> list[str]:
    return sorted(str(row) for row in rows.to_pylist())


def test_progress_ends_with_all_tasks_and_rows(lake: str) -> None:
    def told(executor: Executor | None) -> tuple[int, int, int]:
        steps: list[tuple[int, int, int]] = []
        cat = catalog.open(lake, executor=executor)
        cat.diff("main~1", "main", progress=lambda *step: steps.append(step))
        assert steps == sorted(steps)
        return steps[-1]

    assert told(PackedExecutor()) == told(None)


def test_rows_too_many_to_be_sent_are_compared_here(
    lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = catalog.open(lake).diff("main~1", "main").to_dict()
    monkeypatch.setattr("catalog.diff.compare.parts.task.MOST_BYTES", 0)
    executor = PackedExecutor()
    assert catalog.open(lake, executor=executor).diff("main~1", "main").to_dict() == expected
    assert executor.ran


def test_a_damaged_file_is_the_same_error(lake: str) -> None:
    cat = catalog.open(lake)
    file = next(iter(cat.files("t", "main")))
    path = Path(lake) / file.path
    size = path.stat().st_size
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:4] + b"\xff" * (size - 12) + path.read_bytes()[-8:])
    kinds = []
    for executor in (None, PackedExecutor()):
        with pytest.raises(CorruptData) as caught:
            catalog.open(lake, executor=executor).diff("main~1", "main")
        kinds.append((caught.value.kind, caught.value.hint))
    assert kinds[0] == kinds[1]


def test_fingerprints_that_are_missing_are_computed_and_stored_by_tasks(tmp_path: Path) -> None:
    cat = _referenced(tmp_path)
    expected = cat.diff("main~1", "main", key=["v"]).to_dict()
    own = _referenced(tmp_path / "own")
    executor = PackedExecutor()
    found = catalog.open(own.uri, executor=executor)
    assert found.diff("main~1", "main", key=["v"]).to_dict()["tables"] == expected["tables"]
    first = executor.ran.count("PrintsTask")
    assert first >= 4
    found.diff("main~1", "main", key=["v"])
    assert executor.ran.count("PrintsTask") == first


def _referenced(folder: Path) -> Catalog:
    """Returns a catalog of which no file has a fingerprint for the key ``v``."""
    cat = catalog.create(folder / "lake")
    for n in range(2):
        rows = pa.table(
            {
                "v": range(4000),
                "w": [i % 7 + n for i in range(4000)],
                "p": [i // 1000 for i in range(4000)],
            }
        )
        with cat.transaction() as tx:
            tx.write("t", rows, mode="overwrite", partition_by=["p"])
    return cat
