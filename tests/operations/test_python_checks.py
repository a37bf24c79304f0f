"""Python checks: which may run, what they are given, and what their answers mean."""

import shutil
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import catalog
from catalog import Catalog, GateRefused, InvalidInput
from catalog.flow.checks import python_function
from catalog.model.check_functions import CheckFunction
from catalog.model.judgement import CheckResult


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "lake"
    cat = catalog.create(root)
    with cat.transaction("main", message="orders") as tx:
        rows = {"id": [1, 2, 3], "status": ["paid", "open", None], "amount": [1.5, 2.0, -3.0]}
        tx.write("orders", pa.table(rows), mode="append", key=["id"])
    return root


@pytest.fixture
def cat(template: Path, tmp_path: Path) -> Catalog:
    shutil.copytree(template, tmp_path / "lake")
    return catalog.open(tmp_path / "lake")


def run(cat: Catalog, function: CheckFunction, *columns: str, **options: Any) -> CheckResult:
    """Stores a Python check, and runs it with a function."""
    cat.add_check("orders", "python", *columns, name="f", **options)
    (result,) = cat.check(functions={"f": function})
    return result


def negative(rows: pa.RecordBatchReader, config: Mapping[str, Any]) -> pa.Table:
    table = rows.read_all()
    return table.filter(pc.less(table["amount"], config.get("low", 0)))


def test_the_rows_that_it_returns_fail(cat: Catalog) -> None:
    result = run(cat, negative, parameters={"low": 2})
    assert (result.status, result.failures, result.message) == ("failed", 2, "2 rows are wrong")
    assert [one.key for one in result.examples] == [{"id": "1"}, {"id": "3"}]
    rows = cat.check(functions={"f": negative}).failing_rows("orders.f")
    assert rows.to_pylist() == [
        {"id": 1, "status": "paid", "amount": 1.5},
        {"id": 3, "status": None, "amount": -3.0},
    ]


def test_it_sees_only_its_columns_and_the_rows_of_its_condition(cat: Catalog) -> None:
    seen: list[object] = []

    def look(rows: pa.RecordBatchReader, config: Mapping[str, Any]) -> None:
        seen.extend([rows.schema.names, rows.read_all().to_pylist(), dict(config)])

    result = run(cat, look, "amount", where="status = 'paid'", parameters={"a": [1]})
    assert result.status == "passed"
    assert seen == [["amount"], [{"amount": 1.5}], {"a": [1]}]


def test_what_it_does_to_its_configuration_stays_there(cat: Catalog) -> None:
    def spoil(rows: pa.RecordBatchReader, config: Any) -> None:
        config["limits"].append(config.pop("a"))

    run(cat, spoil, parameters={"a": 1, "limits": [2]})
    (one,) = cat.checks()
    assert one.check is not None
    assert one.check.parameters == {"a": 1, "limits": [2]}


ANSWERS: Mapping[str, tuple[CheckFunction, str, int | None]] = {
    "None": (lambda rows, config: None, "passed", 0),
    "True": (lambda rows, config: True, "passed", 0),
    "False": (lambda rows, config: False, "failed", 1),
    "no rows": (lambda rows, config: 0, "passed", 0),
    "a number": (lambda rows, config: 7, "failed", 7),
    "a list": (lambda rows, config: [{"id": 3, "why": "negative"}], "failed", 1),
    "an empty list": (lambda rows, config: [], "passed", 0),
    "all rows": (lambda rows, config: rows, "failed", 3),
    "a batch": (lambda rows, config: rows.read_next_batch(), "failed", 3),
    "polars": (lambda rows, config: polars.from_arrow(rows.read_all()).head(2), "failed", 2),
    "pandas": (lambda rows, config: rows.read_pandas().query("amount < 0"), "failed", 1),
    "numpy": (lambda rows, config: (rows.read_pandas()["amount"] > 0).all(), "failed", 1),
    "duckdb": (lambda rows, config: duckdb.sql("FROM rows WHERE id > 1"), "failed", 2),
    "a text": (lambda rows, config: "fine", "broken", None),
    "a share": (lambda rows, config: 0.5, "broken", None),
    "less than no rows": (lambda rows, config: -1, "broken", None),
    "a dictionary": (lambda rows, config: {"id": 3}, "broken", None),
    "a list of numbers": (lambda rows, config: [3], "broken", None),
    "a column": (lambda rows, config: polars.Series([1]), "broken", None),
    "a plan": (lambda rows, config: polars.LazyFrame({"a": [1]}), "broken", None),
    "an error": (lambda rows, config: 1 / 0, "broken", None),
    "an end": (lambda rows, config: exit(0), "broken", None),
    "too few arguments": (lambda rows: None, "broken", None),  # type: ignore[dict-item, misc]
}


def test_what_answers_mean(cat: Catalog) -> None:
    for name in ANSWERS:
        checked = name.replace(" ", "_")
        cat.add_check("orders", "python", name=checked, parameters={"function": name})
    functions = {name: function for name, (function, _, _) in ANSWERS.items()}
    found = {one.check: one for one in cat.check(functions=functions)}
    expected = {n.replace(" ", "_"): (status, count) for n, (_, status, count) in ANSWERS.items()}
    assert {name: (one.status, one.failures) for name, one in found.items()} == expected
    assert "ZeroDivisionError: division by zero" in found["an_error"].message
    assert "a text" not in found["a_text"].message
    assert "it returned a str" in found["a_text"].message
    assert all(one.refuses is (one.status != "passed") for one in found.values())


def test_a_warning_is_one_whoever_finds_it(cat: Catalog) -> None:
    assert run(cat, lambda rows, config: 5, severity="warn").status == "warned"
    cat.add_check("orders", "python", name="f", error_if="> 5", replace=True)
    assert cat.check(functions={"f": lambda rows, config: 5})[0].status == "warned"


def test_what_it_prints_is_no_data(cat: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cat, lambda rows, config: print("hello")).status == "passed"
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.invariant("A Python check that a catalog names runs only if the user says so")
def test_what_nobody_allowed_does_not_run(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = EntryPoint("installed", f"{__name__}:negative", python_function.GROUP)
    monkeypatch.setattr(python_function, "entry_points", lambda group, name: [entry])
    cat.add_check("orders", "python", name="installed")
    (refused,) = cat.check()
    assert refused.status == "broken"
    assert "nobody has allowed the Python check 'installed' to run" in refused.message
    assert cat.check(functions=["installed"])[0].failures == 1
    opened = catalog.open(tmp_path / "lake", check_functions=["installed"])
    assert opened.check()[0].failures == 1
    assert catalog.open(tmp_path / "lake", check_functions=["other"]).check()[0].refuses


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "no installed package offers the Python check 'x'"),
        ("nix.nowhere:f", "cannot be imported from nix.nowhere:f: ModuleNotFoundError"),
        ("sys:nothing", "AttributeError"),
        ("sys:path", "is not a function"),
        ("twice", "several installed packages offer"),
    ],
)
def test_what_is_not_there_is_broken(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch, value: str, problem: str
) -> None:
    values = ["a:f", "b:f"] if value == "twice" else [value] if value else []
    found = [EntryPoint("x", one, python_function.GROUP) for one in values]
    monkeypatch.setattr(python_function, "entry_points", lambda group, name: found)
    cat.add_check("orders", "python", name="x")
    (result,) = cat.check(functions=["x"])
    assert result.status == "broken"
    assert problem in result.message


def test_a_gate_runs_it_on_the_candidate(cat: Catalog, tmp_path: Path) -> None:
    cat.branches.create("fix", at="main")
    with cat.transaction("fix", message="fix") as tx:
        tx.sql("UPDATE orders SET amount = 3 WHERE id = 3")
    cat.add_check("orders", "python", "id", "amount", name="negative")
    with pytest.raises(GateRefused, match="nobody has allowed the Python check 'negative'"):
        cat.merge("fix")
    allowed = catalog.open(tmp_path / "lake", check_functions={"negative": negative})
    assert allowed.check()[0].failures == 1
    merged = allowed.merge("fix")
    assert merged.commit is not None
    assert allowed.check()[0].status == "passed"
    with allowed.transaction("fix", message="worse") as tx:
        tx.sql("UPDATE orders SET amount = -1 WHERE id = 1")
    with pytest.raises(GateRefused, match="1 row is wrong"):
        allowed.merge("fix")


@pytest.mark.parametrize("other", ["events", "orders"])
def test_a_race_that_is_lost_asks_again_only_about_other_rows(
    cat: Catalog, tmp_path: Path, other: str
) -> None:
    calls: list[int] = []

    def look(rows: pa.RecordBatchReader, config: Mapping[str, Any]) -> None:
        calls.append(rows.read_all().num_rows)
        if len(calls) == 1:  # somebody commits meanwhile
            with catalog.open(tmp_path / "lake").transaction("main", message="meanwhile") as tx:
                tx.write(other, pa.table({"id": [9]}), mode="append")

    cat.add_check("orders", "python", "id", name="look")
    cat.branches.create("fix", at="main")
    with cat.transaction("fix", message="fix") as tx:
        tx.sql("DELETE FROM orders WHERE id = 3")
    allowed = catalog.open(tmp_path / "lake", check_functions={"look": look})
    assert allowed.merge("fix").commit is not None
    assert calls == ([2] if other == "events" else [2, 3])


def test_functions_that_are_none_are_refused(cat: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="must be a function"):
        cat.check(functions={"f": "negative"})  # type: ignore[dict-item]
    with pytest.raises(InvalidInput, match="a list of names"):
        catalog.open(tmp_path / "lake", check_functions="negative")
    with pytest.raises(InvalidInput, match="function is the name of a Python check"):
        cat.sync_checks(_toml(tmp_path, "function = 5"))


def _toml(folder: Path, line: str) -> Path:
    path = folder / "checks.toml"
    path.write_text(f'[checks.orders.p]\nkind = "python"\n{line}\n')
    return path
