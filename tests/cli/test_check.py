"""``check``: runs, adds, lists and drops checks at the command line."""

import json
import shutil
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from tests.cli.conftest import Runner


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("check") / "lake"
    cat = Catalog.create(str(path))
    with cat.transaction() as tx:
        tx.sql("CREATE TABLE customers AS SELECT i AS id FROM range(3) r(i)")
        tx.write(
            "orders",
            cat.sql(
                "SELECT i AS id, i % 4 AS customer, CASE WHEN i = 5 THEN NULL ELSE i END AS amount,"
                " 'a' || chr(27) || '[2J' AS note FROM range(8) r(i)"
            ),
            mode="overwrite",
            key=["id"],
        )
    return path


@pytest.fixture(autouse=True)
def lake(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(template, tmp_path / "lake")
    monkeypatch.setenv("PARQUETRY_CATALOG", str(tmp_path / "lake"))


def test_checks_are_added_run_listed_and_dropped(parquetry: Runner) -> None:
    assert parquetry("check").out == "no checks at main\n"
    assert parquetry("check", "add", "orders", "unique", "id").code == 0
    again = parquetry("check", "add", "orders", "unique", "id")
    assert (again.code, again.out) == (0, "orders has that check already, no commit\n")
    assert parquetry("check", "add", "orders", "unique", "id", "--where", "id > 1").code == 3
    parquetry("check", "add", "orders", "range", "amount", "--min", "1", "--severity", "warn")
    passed = parquetry("check")
    assert passed.code == 0
    assert passed.out == (
        "warning  orders.range_amount   1 failure  8 rows  range amount\n"
        "passed   orders.unique_id     0 failures  8 rows  unique id\n"
        "\n"
        "check orders.range_amount warns: 1 of 8 rows is not at least 1\n"
        "  id=0: amount 0\n"
        "\n"
        "2 checks at main: 1 passed, 1 warning\n"
    )
    parquetry("check", "add", "orders", "relationships", "customer", "--to", "customers",
              "--field", "id", "--name", "known")  # fmt: skip
    failed = parquetry("check", "orders", "--show-failures", "--limit", "1")
    assert failed.code == 1
    assert "check orders.known failed: 2 of 8 rows have no match in customers.id\n" in failed.out
    assert "  id=3, customer=3\n  (the first 1; --limit -1 lists all)\n" in failed.out
    listed = parquetry("check", "list", "--json")
    names = [(one["check"], one["kind"]) for one in json.loads(listed.out)["checks"]]
    assert names == [
        ("known", "relationships"), ("range_amount", "range"), ("unique_id", "unique")
    ]  # fmt: skip
    assert parquetry("check", "drop", "orders", "known").code == 0
    missing = parquetry("check", "drop", "orders", "known")
    assert (missing.code, "its checks are range_amount, unique_id" in missing.err) == (3, True)


def test_json_has_results_and_failing_rows(parquetry: Runner) -> None:
    parquetry("check", "add", "orders", "not_null", "amount")
    parquetry("check", "add", "orders", "sql", "--name", "gone", "--sql", "SELECT id FROM orders")
    parquetry("sql", "ALTER TABLE orders RENAME COLUMN id TO order_id", "--branch", "main",
              "-m", "rename")  # fmt: skip
    outcome = parquetry("check", "--json", "--show-failures", "--now", "2024-01-01")
    found = json.loads(outcome.out)
    assert outcome.code == 1
    assert found["format_version"] == 1
    assert found["now"] == "2024-01-01T00:00:00Z"
    assert (found["passed"], found["counts"]["failed"], found["counts"]["broken"]) == (False, 1, 1)
    broken, failed = found["checks"]
    assert (broken["status"], broken["failures"], broken["failing_rows"]) == ("broken", None, [])
    assert (failed["failures"], failed["rows"]) == (1, 8)
    assert failed["failing_rows"] == [{"order_id": 5, "amount": None}]
    assert failed["examples"][0] == {
        "key": {"order_id": "5"}, "column": "amount", "from": None, "to": None
    }  # fmt: skip


def test_texts_of_rows_cannot_steer_a_terminal(parquetry: Runner) -> None:
    parquetry("check", "add", "orders", "accepted_values", "note", "--value", "b")
    for words in (("check",), ("check", "--show-failures"), ("check", "--json")):
        outcome = parquetry(*words)
        assert outcome.code == 1
        assert "\x1b" not in outcome.out


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("check", "nobody"), 3, "no table 'nobody'"),
        (("check", "--ref", "nowhere"), 3, "nowhere"),
        (("check", "--ref", "main", "--branch", "main"), 2, "exclude each other"),
        (("check", "--limit", "3"), 2, "--limit is for --show-failures"),
        (("check", "--now", "soon"), 2, "not a time"),
        (("check", "add", "orders", "uniqe", "id"), 3, "did you mean unique?"),
        (("check", "add", "orders", "unique", "idd"), 3, "did you mean id?"),
        (("check", "add", "orders", "range", "amount", "--min", "5", "--max", "1"), 3, "5 and 1"),
        (("check", "add", "orders", "sql", "--sql", "SELECT 1"), 3, "--name NAME"),
        (("check", "add", "orders", "python", "--name", "p", "--param", "x"), 2, "NAME=VALUE"),
        (("check", "add", "orders", "unique", "id", "--branch", "nowhere"), 3, "nowhere"),
        (("check", "orders", "--shwo-failures"), 2, "--show-failures"),
    ],
)
def test_bad_input_is_told(
    parquetry: Runner, words: tuple[str, ...], code: int, error: str
) -> None:
    outcome = parquetry(*words)
    assert (outcome.code, error in outcome.err) == (code, True), outcome.err


def test_dashes_stand_for_underscores_in_kinds(parquetry: Runner) -> None:
    assert parquetry("check", "add", "orders", "row-count", "--min", "1").code == 0
    assert parquetry("check", "list").out.split()[5:7] == ["orders", "row_count"]
