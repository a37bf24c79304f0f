"""``blame`` and ``history`` on the command line."""

import json

import pyarrow as pa
import pytest

import catalog
from cli.key_values import key_values
from cli.usage import UsageError
from tests.cli.conftest import Runner


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A catalog with a table whose row 5 was changed twice; one message tries to steer."""
    root = tmp_path_factory.mktemp("rows") / "lake"
    cat = catalog.create(root)
    rows = {"order_id": [1, 5], "amount": [1.5, None], "note": ["a", "NULL"]}
    with cat.transaction("main", message="load", author="ana") as tx:
        tx.write("orders", pa.table(rows), mode="append", key=["order_id"])
    with cat.transaction("main", message="fill\x1b[2J", author="ben") as tx:
        tx.sql("UPDATE orders SET amount = 2.5 WHERE order_id = 5")
    cat.branches.create("side", at="main")
    with cat.transaction("side", message="clear", author="cy") as tx:
        tx.sql("UPDATE orders SET note = NULL WHERE order_id = 5")
    cat.cherry_pick("side", branch="main")
    return str(root)


def test_blame_draws_the_cells(parquetry: Runner, lake: str) -> None:
    done = parquetry("-C", lake, "blame", "orders", "--key", "order_id=5")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("commit ")
    assert lines[2:5] == [
        "  clear",
        lines[3],
        "  updated  order_id 5",
    ]
    assert lines[3].startswith("  (cherry-picked from ")
    cells = [line.split() for line in lines[7:]]
    assert [(one[0], one[1], one[2]) for one in cells] == [
        ("order_id", "5", "(inserted)"),
        ("amount", "2.5", "NULL"),
        ("note", "NULL", "NULL"),
    ]
    assert "\x1b" not in done.out


def test_blame_as_json(parquetry: Runner, lake: str) -> None:
    done = parquetry("-C", lake, "blame", "orders", "--key", "order_id=5", "--json")
    found = json.loads(done.out)
    assert found["format_version"] == 1
    assert (found["table"], found["ref"], found["key"]) == ("orders", "main", {"order_id": 5})
    (row,) = found["rows"]
    assert row["values"] == {"order_id": 5, "amount": 2.5, "note": None}
    assert [(c["column"], c["change"], c["from"], c["value"]) for c in row["columns"]] == [
        ("order_id", "inserted", None, 5),
        ("amount", "filled", None, 2.5),
        ("note", "cleared", "NULL", None),
    ]
    assert len(row["taken_from"]) == 1


@pytest.mark.parametrize("how", ["csv", "markdown"])
def test_both_are_listings_too(parquetry: Runner, lake: str, how: str) -> None:
    for command in ("blame", "history"):
        done = parquetry("-C", lake, command, "orders", "--key", "order_id=5", "--format", how)
        assert done.code == 0
        assert len(done.out.splitlines()) >= 4
        assert "\x1b" not in done.out or how == "csv"


def test_history_draws_the_states(parquetry: Runner, lake: str) -> None:
    done = parquetry("-C", lake, "history", "orders", "--key", "order_id=5")
    assert done.code == 0, done.err
    states = [line for line in done.out.splitlines() if "order_id 5" in line]
    assert states == [
        "  updated     order_id 5  note: NULL → NULL",
        "  updated     order_id 5  amount: NULL → 2.5",
        "  inserted    order_id 5  amount: NULL  note: NULL  (the table was made)",
    ]
    limited = parquetry("-C", lake, "history", "orders", "--key", "order_id=5", "--limit", "1")
    assert limited.out.splitlines()[-1] == "(there are older states: --limit -1 lists all)"


def test_history_as_json(parquetry: Runner, lake: str) -> None:
    done = parquetry("-C", lake, "history", "orders", "--key", "order_id=5", "--json")
    found = json.loads(done.out)
    assert [state["change"] for state in found["history"]] == ["updated", "updated", "inserted"]
    assert found["history"][0]["changed_columns"] == ["note"]
    assert (found["more"], found["gaps"]) == (False, [])


def test_a_row_that_is_not_there(parquetry: Runner, lake: str) -> None:
    done = parquetry("-C", lake, "blame", "orders", "--key", "order_id=7")
    assert (done.code, done.out) == (3, "")
    assert "no row of orders at main has order_id=7" in done.err
    assert "parquetry history orders --key order_id=7" in done.err
    done = parquetry("-C", lake, "history", "orders", "--key", "order_id=7")
    assert (done.code, done.out) == (0, "no row of orders up to main had order_id 7\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["orders"], 2, "missing option"),
        (["orders", "--key", "order_id"], 2, "COLUMN=VALUE"),
        (["orders", "--key", "order_id=5", "--key", "order_id=6"], 2, "twice"),
        (["orders", "--key", "order_id=five"], 3, "BIGINT"),
        (["orders", "--key", "nothing=5"], 3, "no column 'nothing'"),
        (["nothing", "--key", "order_id=5"], 3, "no table 'nothing'"),
        (["orders@nothing", "--key", "order_id=5"], 3, "nothing"),
    ],
)
def test_bad_input_names_what_is_wrong(
    parquetry: Runner, lake: str, words: list[str], code: int, message: str
) -> None:
    for command in ("blame", "history"):
        done = parquetry("-C", lake, command, *words)
        assert (done.code, done.out) == (code, "")
        assert message in done.err


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=5", {"a": "5"}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a=NULL", {"a": None}),
        ("a='NULL'", {"a": "NULL"}),
        ("a='it''s'", {"a": "it's"}),
        ("a=it's", {"a": "it's"}),
        ("a= b ", {"a": " b "}),
        ('"a=b"=c', {"a=b": "c"}),
        ('"a""b"=c', {'a"b': "c"}),
    ],
)
def test_values_of_keys_are_read_as_they_are(text: str, found: dict[str, str | None]) -> None:
    assert key_values([text]) == found


@pytest.mark.parametrize("text", ["", "a", "=5", '"a"'])
def test_a_key_without_a_column_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        key_values([text])
