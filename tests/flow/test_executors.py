"""Refreshes and checks by executors: what is stored and found is the same whatever runs it."""

import dataclasses
import logging
from pathlib import Path

import duckdb
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.engine.executor import Executor
from catalog.engine.executors.processes import ProcessExecutor
from catalog.model.judgement import CheckResult
from catalog.operations.checks.report import check_tables
from tests.packed import PackedExecutor

SQL = {
    "daily": "SELECT d, sum(v) AS s FROM t GROUP BY d",
    "largest": "SELECT d, max(v) AS m FROM t GROUP BY d",
    "odd": "SELECT d, v FROM t WHERE v % 2 = 1",
    "total": "SELECT sum(s) AS s FROM daily",
}


def refreshed(folder: Path, executor: Executor | None) -> Catalog:
    """Returns a catalog with derived tables, computed twice."""
    catalog.create(folder)
    cat = catalog.open(folder, executor=executor)
    with cat.transaction() as tx:
        rows = duckdb.sql("SELECT range % 5 AS d, range AS v FROM range(500)")
        tx.write("t", rows, mode="append", partition_by=["d"])
    for name, sql in SQL.items():
        partition_by = ["d"] if name != "total" else None
        cat.derive(name, sql, partition_by=partition_by, refresh=False)
    cat.refresh()
    with cat.transaction() as tx:
        tx.sql("UPDATE t SET v = v + 2 WHERE d = 3")
    report = cat.refresh()
    assert {one.table for one in report.tables} == SQL.keys()
    return cat


@pytest.mark.invariant("A refresh stores the same bytes whatever runs its steps")
def test_a_refresh_by_tasks_that_travel_stores_the_same_bytes(tmp_path: Path) -> None:
    executor = PackedExecutor()
    here, there = (
        refreshed(tmp_path / name, one) for name, one in (("here", None), ("there", executor))
    )
    assert executor.ran.count("PackedStep") >= 6
    assert stored(here) == stored(there)
    for name in SQL:
        texts = f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {name} ORDER BY ALL"
        assert here.sql(texts).fetchall() == there.sql(texts).fetchall()


def stored(cat: Catalog) -> dict[str, bytes]:
    """Returns the data files of derived tables by path."""
    root = Path(cat.uri)
    paths = (file.path for name in SQL for file in cat.files(name))
    return {path: (root / path).read_bytes() for path in paths}


def test_a_step_that_fails_in_a_worker_is_the_same_error(tmp_path: Path) -> None:
    cat = refreshed(tmp_path / "lake", None)
    cat.derive("bad", "SELECT d, error('no') AS e FROM t", refresh=False)
    cat.derive("good", "SELECT d FROM t", refresh=False)
    errors = []
    for executor in (None, PackedExecutor()):
        with pytest.raises(catalog.InvalidInput) as caught:
            catalog.open(cat.uri, executor=executor).refresh()
        errors.append((caught.value.message, caught.value.kind, caught.value.hint))
    assert errors[0] == errors[1]


def test_checks_by_tasks_that_travel_find_the_same(tmp_path: Path) -> None:
    cat = refreshed(tmp_path / "lake", None)
    with_checks(cat)
    functions = {"few": lambda rows, config: rows.read_all().num_rows - 497}  # cannot be pickled
    executor = PackedExecutor()
    told: list[str] = []
    found = [
        check_tables(
            catalog.open(cat.uri, executor=one, check_functions=functions).context,
            "main",
            progress=lambda done, total, name: told.append(name),
        )
        for one in (None, executor)
    ]
    assert executor.ran.count("PassTask") >= 4
    assert outcomes(found[0].results) == outcomes(found[1].results)
    assert {one.status for one in found[0].results} == {"passed", "failed"}
    half = len(told) // 2
    assert sorted(told[:half]) == sorted(told[half:])
    assert sorted(map(str, found[0].scans)) == sorted(map(str, found[1].scans))


def with_checks(cat: Catalog) -> None:
    cat.add_check("t", "not_null", "v")
    cat.add_check("t", "unique", "v")
    cat.add_check("daily", "unique", "d")
    cat.add_check("daily", "range", "s", min="0")
    cat.add_check("largest", "range", "m", max="400")
    cat.add_check("odd", "sql", name="none_even", sql="SELECT * FROM odd WHERE v % 2 = 0")
    cat.add_check("odd", "relationships", "d", to="daily", field="d")
    cat.add_check("t", "python", name="few", parameters={"function": "few"})


def outcomes(results: tuple[CheckResult, ...]) -> list[CheckResult]:
    return [dataclasses.replace(one, elapsed_ms=0, reads={}) for one in results]


def test_processes_refresh_and_check_as_threads_do(tmp_path: Path) -> None:
    with ProcessExecutor(2, least_bytes=0) as executor:
        here, there = (
            refreshed(tmp_path / name, one) for name, one in (("here", None), ("there", executor))
        )
        for cat in (here, there):
            with_checks(cat)
        functions = {"few": lambda rows, config: 3}
        found = [
            catalog.open(cat.uri, executor=one, check_functions=functions).check()
            for cat, one in ((here, None), (there, executor))
        ]
    assert stored(here) == stored(there)
    assert outcomes(found[0].results) == outcomes(found[1].results)


def test_what_a_step_warns_of_is_logged_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = refreshed(tmp_path / "lake", None)
    with cat.transaction() as tx:
        tx.sql("UPDATE t SET v = v + 2 WHERE d = 1")
    monkeypatch.setattr("catalog.flow.refresh.step._is_within", lambda *_: False)
    with caplog.at_level(logging.WARNING):
        catalog.open(cat.uri, executor=PackedExecutor()).refresh()
    assert any("yields rows of another part" in text for text in caplog.messages)
