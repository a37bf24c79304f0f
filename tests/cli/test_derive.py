"""``derive``, ``refresh`` and ``status --stale``: what they do, print, and refuse."""

import json
from pathlib import Path

import pytest

from tests.effort import effort

from .conftest import DAILY, MONTHLY, Runner


def rows(parquetry: Runner, query: str) -> list[dict[str, object]]:
    found = parquetry("sql", query, "--format", "json")
    assert found.code == 0, found.err
    return json.loads(found.out)["rows"]  # type: ignore[no-any-return]


def head(parquetry: Runner) -> str:
    return json.loads(parquetry("show", "--json").out)["commit"]  # type: ignore[no-any-return]


def test_a_table_is_defined_and_computed_in_one_commit(parquetry: Runner, lake: Path) -> None:
    before = head(parquetry)
    done = parquetry("derive", "daily", "--sql", DAILY, "--json")
    told = json.loads(done.out)
    assert (done.code, told["format_version"], told["defined"]) == (0, 1, ["daily"])
    assert (told["tables"][0]["how"], told["tables"][0]["inserted"]) == ("full", 2)
    shown = json.loads(parquetry("show", "--json").out)
    assert (shown["commit"], shown["parents"]) == (told["commit"], [before])
    assert rows(parquetry, "SELECT n FROM daily ORDER BY day") == [{"n": 4}, {"n": 1}]


def test_the_same_definition_again_makes_no_commit(parquetry: Runner, derived: Path) -> None:
    before = head(parquetry)
    done = parquetry("derive", "daily", "--sql", DAILY)
    assert (done.code, done.out) == (0, "daily is defined so already, no commit\n")
    assert head(parquetry) == before


def test_refresh_brings_all_that_is_stale_up_to_date(parquetry: Runner, derived: Path) -> None:
    parquetry("sql", "--branch", "main", "UPDATE orders SET amount = 90 WHERE order_id = 1")
    stale = json.loads(parquetry("status", "--stale", "--json").out)
    assert [(one["table"], one["stale"]) for one in stale["tables"]] == [
        ("daily", True),
        ("monthly", True),
    ]
    assert stale["tables"][0]["inputs"] == [
        {
            "table": "orders",
            "since": head(parquetry),
            "partitions": 1,
            "gone": False,
            "behind": False,
        }
    ]
    assert parquetry("status", "--stale", "--exit-code").code == 1
    told = json.loads(parquetry("refresh", "--json").out)
    assert [(one["table"], one["updated"]) for one in told["tables"]] == [
        ("daily", 1),
        ("monthly", 1),
    ]
    assert json.loads(parquetry("status", "--stale", "--json").out)["stale"] == 0
    assert parquetry("status", "--stale", "--exit-code").code == 0
    assert parquetry("refresh").out == "nothing is stale, no commit\n"


@pytest.mark.parametrize("option", ["--dry-run", "--explain"])
def test_plans_open_no_data_file(parquetry: Runner, derived: Path, option: str) -> None:
    parquetry("sql", "--branch", "main", "DELETE FROM orders WHERE order_id = 1")
    for path in (derived / "data").rglob("*.parquet"):
        path.chmod(0o644)
        path.write_bytes(b"")
    before = head(parquetry)
    told = parquetry("refresh", option, "--json")
    assert (told.code, told.err) == (0, "")
    names = [one["table"] for one in json.loads(told.out)["tables"]]
    assert (names, head(parquetry)) == (["daily", "monthly"], before)
    assert parquetry("status", "--stale").code == 0


def test_explain_names_the_construct_and_its_place(parquetry: Runner, lake: Path) -> None:
    query = "SELECT order_id,\n       row_number() OVER (ORDER BY amount) AS place\nFROM orders"
    parquetry("derive", "places", "--sql", query)
    told = json.loads(parquetry("refresh", "places", "--explain", "--json").out)
    (one,) = told["tables"]
    assert (one["stale"], one["partition_wise"], one["refresh"]) == (False, False, None)
    assert one["forbidden"]["reason"]
    assert one["forbidden"]["reason"] in parquetry("refresh", "places", "--explain").out


def test_explain_names_functions_that_vary(parquetry: Runner, lake: Path) -> None:
    parquetry("derive", "now_", "--sql", "SELECT now() AS t, random() AS r FROM orders")
    told = json.loads(parquetry("refresh", "--explain", "--json").out)
    assert told["tables"][0]["changing"] == ["now", "random"]


def test_dropping_the_definition_keeps_the_rows(parquetry: Runner, derived: Path) -> None:
    before = rows(parquetry, "SELECT * FROM monthly")
    assert parquetry("derive", "--drop", "monthly").code == 0
    assert rows(parquetry, "SELECT * FROM monthly") == before
    written = parquetry("sql", "--branch", "main", "DELETE FROM monthly")
    assert written.code == 0
    again = parquetry("derive", "--drop", "monthly")
    assert (again.code, "is not a derived table" in again.err) == (3, True)


def test_contradictory_words_are_wrong_usage(parquetry: Runner, lake: Path) -> None:
    for words in (
        ("derive",),
        ("derive", "x"),
        ("derive", "x", "--sql", "SELECT 1", "-f", "x.sql"),
        ("derive", "--drop", "daily", "--sql", "SELECT 1"),
        ("derive", "x", "--sql", "SELECT 1 AS a", "--partition-by", "a,a"),
        ("status", "--ref", "main"),
        ("status", "--stale", "orders=v1/orders"),
    ):
        assert (words, parquetry(*words).code) == (words, 2)


def test_a_file_is_read_as_editors_leave_it(parquetry: Runner, lake: Path) -> None:
    starts = ["", "\ufeff", "-- a comment\n", "/* one */ "]
    ends = ["", ";", " ;\n", "\n-- the end", ";\n-- end\n"]
    every = [(start, end) for start in starts for end in ends]
    for start, end in every[:: effort(6, 1)]:
        text = f"{start}SELECT day,\r\n  count(*) AS n -- rows\r\nFROM orders GROUP BY day{end}"
        Path("daily.sql").write_bytes(text.encode())
        done = parquetry("derive", "daily", "-f", "daily.sql")
        assert (start, end, done.code, done.err) == (start, end, 0, "")
        assert rows(parquetry, "SELECT n FROM daily ORDER BY day") == [{"n": 4}, {"n": 1}]


def test_what_defines_a_table_is_shown(parquetry: Runner, derived: Path) -> None:
    assert json.loads(parquetry("schema", "daily", "--json").out)["definition"] == {"sql": DAILY}
    assert DAILY in parquetry("schema", "daily").out
    assert json.loads(parquetry("schema", "orders", "--json").out)["definition"] is None
    told = json.loads(parquetry("tables", "--json").out)["tables"]
    assert {one["table"]: one["derived"] for one in told} == {
        "customers": False,
        "daily": True,
        "monthly": True,
        "orders": False,
    }
    assert MONTHLY in parquetry("show").out
    shown = json.loads(parquetry("show", "--json").out)
    assert shown["definitions"] == {"monthly": {"from": None, "to": MONTHLY}}


def test_a_definition_that_changes_is_a_change_of_schema(parquetry: Runner, derived: Path) -> None:
    new = MONTHLY.replace("sum(total)", "max(total)")
    parquetry("derive", "monthly", "--sql", new)
    told = json.loads(parquetry("diff", "main~1", "main", "--json").out)
    (table,) = told["tables"]
    assert table["schema_changes"] == [
        {
            "change": "definition_changed",
            "column": None,
            "from": MONTHLY,
            "to": new,
            "compared": True,
        }
    ]
    text = parquetry("diff", "main~1", "main").out
    assert "derived by: SELECT date_trunc" in text
    parquetry("derive", "--drop", "monthly")
    told = json.loads(parquetry("diff", "main~1", "main", "--stat", "--json").out)
    assert told["tables"][0]["schema_changes"][0]["to"] is None
