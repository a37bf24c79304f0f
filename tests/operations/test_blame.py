"""Who changed a row and its cells, and every state it had."""

import datetime
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog import CatalogError, CorruptData, ErrorKind, InvalidInput, NotFound
from catalog.catalog import Catalog
from catalog.model.row_history import Blame, RowHistory

FIVE = {"order_id": 5}


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return catalog.create(tmp_path / "lake")


def write(
    cat: Catalog, table: str, message: str, columns: Mapping[str, Any], **options: Any
) -> None:
    with cat.transaction("main", message=message) as tx:
        tx.write(table, pa.table(dict(columns)), **{"mode": "append", **options})


def sql(cat: Catalog, text: str, *, message: str = "", branch: str = "main") -> str:
    with cat.transaction(branch, message=message or text) as tx:
        tx.sql(text)
    assert tx.commit is not None
    return tx.commit.id


def orders(cat: Catalog) -> None:
    columns = {"order_id": [1, 5, 9], "amount": [1.0, 7.5, None], "note": ["a", "b", "c"]}
    write(cat, "orders", "load", columns, key=["order_id"])


def makers(blame: Blame) -> dict[str, str]:
    """Returns the message of the commit of each cell of the one row."""
    (row,) = blame.rows
    return {cell.column: cell.commit.message for cell in row.cells}


def changes(history: RowHistory) -> list[tuple[str, str]]:
    return [(state.change, state.commit.message) for state in history.states]


def test_each_cell_has_the_commit_that_gave_it_its_value(cat: Catalog) -> None:
    orders(cat)
    sql(cat, "UPDATE orders SET amount = 8 WHERE order_id = 5", message="dearer")
    sql(cat, "UPDATE orders SET amount = 3 WHERE order_id = 1", message="another row")
    sql(cat, "UPDATE orders SET note = NULL WHERE order_id = 5", message="no note")
    found = cat.blame("orders", key=FIVE)
    assert makers(found) == {"order_id": "load", "amount": "dearer", "note": "no note"}
    (row,) = found.rows
    assert (row.change, row.commit.message) == ("updated", "no note")
    assert [(c.before, c.value, c.change) for c in row.cells] == [
        (None, 5, "inserted"),
        (7.5, 8.0, "corrected"),
        ("b", None, "cleared"),
    ]


def test_columns_restrict_the_cells_that_are_asked_about(cat: Catalog) -> None:
    orders(cat)
    assert makers(cat.blame("orders", key=FIVE, columns=["note"])) == {"note": "load"}
    with pytest.raises(NotFound, match="no column 'nothing'"):
        cat.blame("orders", key=FIVE, columns=["nothing"])


@pytest.mark.invariant("Blame follows the side of a merge that brought the change, for each cell")
def test_a_merge_is_not_the_author_of_what_a_side_brought(cat: Catalog) -> None:
    orders(cat)
    cat.branches.create("side", at="main")
    sql(cat, "UPDATE orders SET note = 's' WHERE order_id = 5", message="side", branch="side")
    sql(cat, "UPDATE orders SET note = 'x' WHERE order_id = 1", message="main")
    cat.merge("side", into="main")
    found = cat.blame("orders", key=FIVE)
    assert makers(found) == {"order_id": "load", "amount": "load", "note": "side"}
    assert found.rows[0].commit.message == "side"
    history = cat.history("orders", key=FIVE)
    assert changes(history) == [("updated", "side"), ("inserted", "load")]


def test_after_a_merge_by_cells_each_cell_comes_from_its_side(cat: Catalog) -> None:
    orders(cat)
    cat.branches.create("side", at="main")
    sql(cat, "UPDATE orders SET note = 's' WHERE order_id = 5", message="side", branch="side")
    sql(cat, "UPDATE orders SET amount = 0 WHERE order_id = 5", message="main")
    cat.merge("side", into="main", message="both")
    found = cat.blame("orders", key=FIVE)
    assert makers(found) == {"order_id": "load", "amount": "main", "note": "side"}
    assert found.rows[0].commit.message == "both"
    history = cat.history("orders", key=FIVE)
    assert [message for _, message in changes(history)] == ["both", "main", "side", "load"]
    assert history.states[0].changed_columns == ("note",)


def test_reverts_and_cherry_picks_are_authors_themselves(cat: Catalog) -> None:
    orders(cat)
    dearer = sql(cat, "UPDATE orders SET amount = 8 WHERE order_id = 5", message="dearer")
    cat.revert(dearer, branch="main")
    (row,) = cat.blame("orders", key=FIVE, columns=["amount"]).rows
    assert row.commit.metadata["reverted"] == dearer
    assert row.values["amount"] == 7.5


def test_a_row_that_came_again_is_reinserted(cat: Catalog) -> None:
    orders(cat)
    sql(cat, "DELETE FROM orders WHERE order_id = 5", message="gone")
    gone = cat.resolve("main").commit_id
    sql(cat, "INSERT INTO orders VALUES (5, 1, 'again')", message="back")
    assert changes(cat.history("orders", key=FIVE)) == [
        ("reinserted", "back"),
        ("deleted", "gone"),
        ("inserted", "load"),
    ]
    limited = cat.history("orders", key=FIVE, limit=1)
    assert changes(limited) == [("reinserted", "back")]
    assert limited.more
    with pytest.raises(NotFound, match=f"it was deleted in {gone[:8]}") as raised:
        cat.blame("orders", "main~1", key=FIVE)
    assert raised.value.kind == ErrorKind.ROW_NOT_FOUND


def test_a_row_that_never_was_has_no_history(cat: Catalog) -> None:
    orders(cat)
    assert cat.history("orders", key={"order_id": 77}).states == ()
    with pytest.raises(NotFound, match="no row of orders at main has order_id=77"):
        cat.blame("orders", key={"order_id": 77})


def test_rows_move_between_partitions(cat: Catalog) -> None:
    columns = {"order_id": [1, 5], "day": [datetime.date(2024, 1, 1)] * 2}
    write(cat, "orders", "load", columns, key=["order_id"], partition_by=["day"])
    sql(cat, "UPDATE orders SET day = DATE '2024-02-01' WHERE order_id = 5", message="later")
    state = cat.history("orders", key=FIVE).states[0]
    assert (state.change, state.moved, state.changed_columns) == ("updated", True, ("day",))


def test_columns_are_followed_by_their_ids(cat: Catalog) -> None:
    orders(cat)
    sql(cat, "ALTER TABLE orders RENAME COLUMN amount TO price", message="renamed")
    sql(cat, "ALTER TABLE orders ADD COLUMN extra INTEGER", message="wider")
    sql(cat, "UPDATE orders SET price = 9 WHERE order_id = 5", message="dearer")
    sql(cat, "ALTER TABLE orders DROP COLUMN note", message="dropped")
    sql(cat, "ALTER TABLE orders ADD COLUMN note VARCHAR", message="note again")
    found = cat.blame("orders", key=FIVE)
    assert makers(found) == {
        "order_id": "load",
        "price": "dearer",
        "extra": "wider",
        "note": "note again",
    }
    assert [cell.change for cell in found.rows[0].cells][2:] == ["column_added"] * 2
    assert changes(cat.history("orders", key=FIVE)) == [("updated", "dearer"), ("inserted", "load")]


def test_a_renamed_key_column_is_followed(cat: Catalog) -> None:
    orders(cat)
    sql(cat, "ALTER TABLE orders RENAME COLUMN order_id TO id", message="renamed")
    assert changes(cat.history("orders", key={"id": 5})) == [("inserted", "load")]


def test_equal_values_of_another_type_are_no_change(cat: Catalog) -> None:
    kinds = {"order_id": pa.array([5], pa.int32()), "amount": pa.array([1], pa.int32())}
    write(cat, "orders", "load", kinds, key=["order_id"])
    wider = {"order_id": pa.array([5], pa.int64()), "amount": pa.array([1.0], pa.float64())}
    write(cat, "orders", "wider", wider, mode="overwrite")
    assert cat.schema("orders")[1].type == "DOUBLE"
    assert changes(cat.history("orders", key=FIVE)) == [("inserted", "load")]
    assert set(makers(cat.blame("orders", key=FIVE)).values()) == {"load"}


def test_a_column_that_comes_with_values_changes_the_row(cat: Catalog) -> None:
    orders(cat)
    columns = {"order_id": [1, 5, 9], "amount": [1.0, 7.5, None], "note": ["a", "b", "c"]}
    write(cat, "orders", "more", {**columns, "extra": [None, 3, None]}, mode="overwrite")
    (row,) = cat.blame("orders", key=FIVE).rows
    assert (row.commit.message, row.cells[3].change) == ("more", "filled")
    (other,) = cat.blame("orders", key={"order_id": 1}).rows
    assert (other.commit.message, other.cells[3].change) == ("load", "column_added")


def test_a_table_made_again_and_a_renamed_one(cat: Catalog) -> None:
    orders(cat)
    sql(cat, "ALTER TABLE orders RENAME TO sales", message="renamed")
    assert changes(cat.history("sales", key=FIVE)) == [("inserted", "load")]
    assert makers(cat.blame("sales", key=FIVE))["note"] == "load"
    sql(cat, "DROP TABLE sales", message="dropped")
    history = cat.history("sales", key=FIVE)
    assert changes(history) == [("deleted", "dropped"), ("inserted", "load")]
    assert history.states[0].note == "the table was dropped"
    write(cat, "sales", "anew", {"order_id": [5], "amount": [7.5], "note": ["b"]})
    assert changes(cat.history("sales", key=FIVE)) == [
        ("reinserted", "anew"),
        ("deleted", "dropped"),
        ("inserted", "load"),
    ]


def test_several_rows_of_a_key_are_all_told(cat: Catalog) -> None:
    orders(cat)
    write(cat, "orders", "twice", {"order_id": [5], "amount": [0.0], "note": ["b"]})
    found = cat.blame("orders", key=FIVE)
    assert sorted(row.commit.message for row in found.rows) == ["load", "twice"]
    history = cat.history("orders", key=FIVE)
    assert [state.rows for state in history.states] == [2, 1]


def test_other_columns_than_the_key_mean_the_one_row_that_has_them(cat: Catalog) -> None:
    orders(cat)
    sql(cat, "UPDATE orders SET note = 'new' WHERE order_id = 5", message="noted")
    found = cat.blame("orders", key={"note": "new"})
    assert found.key == FIVE
    assert makers(found)["amount"] == "load"
    write(cat, "orders", "more", {"order_id": [6], "amount": [0.0], "note": ["new"]})
    with pytest.raises(InvalidInput, match="2 rows of orders at main have note=new") as raised:
        cat.blame("orders", key={"note": "new"})
    assert raised.value.kind == ErrorKind.BAD_KEY


def test_it_is_said_how_many_rows_have_the_values(cat: Catalog) -> None:
    rows = {"id": list(range(5000)), "kind": ["a", "b"] * 2500, "n": [1] * 5000}
    write(cat, "events", "load", rows, key=["id"], partition_by=["kind"])
    for key, count in (
        ({"n": 1}, "5,000"),
        ({"kind": "a"}, "2,500"),
        ({"kind": "a", "n": 1}, "2,500"),
    ):
        with pytest.raises(InvalidInput, match=f"{count} rows of events at main"):
            cat.blame("events", key=key)
    write(cat, "events", "copies", {"id": [1] * 300, "kind": ["a"] * 300, "n": [1] * 300})
    with pytest.raises(CatalogError, match="more than 200 rows"):
        cat.blame("events", key={"id": 1})


def test_a_table_without_key_is_followed_by_the_columns_named(cat: Catalog) -> None:
    write(cat, "events", "load", {"id": [1, 2, 2], "kind": ["a", "b", "b"]})
    sql(cat, "UPDATE events SET kind = 'c' WHERE id = 1", message="renamed")
    assert makers(cat.blame("events", key={"id": 1})) == {"id": "load", "kind": "renamed"}
    assert [row.commit.message for row in cat.blame("events", key={"id": 2}).rows] == ["load"] * 2


VALUES = [
    ("DATE", datetime.date(2024, 2, 29), "2024-02-29"),
    ("TIMESTAMP", datetime.datetime(2024, 1, 1, 1, 2, 3), "2024-01-01 01:02:03"),
    ("DECIMAL(10,2)", Decimal("12.50"), "12.5"),
    ("BLOB", b"a\x00=\\", r"a\x00=\x5C"),
    ("VARCHAR", "a=b'c\"", "a=b'c\""),
    ("VARCHAR", "NULL", "NULL"),
    ("BOOLEAN", True, "true"),
    ("DOUBLE", 0.1, "0.1"),
    ("FLOAT", 0.5, "0.5"),
    ("HUGEINT", 1 << 90, str(1 << 90)),
    ("UUID", "9f0c4d0e-0000-4000-8000-000000000001", "9f0c4d0e-0000-4000-8000-000000000001"),
    ("TIME", datetime.time(1, 2, 3), "01:02:03"),
]


@pytest.mark.parametrize(("kind", "value", "text"), VALUES, ids=lambda one: str(one)[:20])
def test_keys_of_any_type(cat: Catalog, kind: str, value: object, text: str) -> None:
    sql(cat, f"CREATE TABLE t (k {kind} PRIMARY KEY, v INTEGER)", message="made")
    with cat.transaction("main", message="load") as tx:
        tx.sql("INSERT INTO t VALUES (?, 1), (NULL, 2)", params=[value])
    sql(cat, "UPDATE t SET v = v + 10", message="more")
    for stated in (value, text):
        assert makers(cat.blame("t", key={"k": stated})) == {"k": "load", "v": "more"}
    assert cat.blame("t", key={"k": None}).rows[0].values["v"] == 12


@pytest.mark.parametrize("day", ["12024-01-01", "infinity"])
def test_keys_that_python_has_no_value_for(cat: Catalog, day: str) -> None:
    sql(cat, "CREATE TABLE t (k DATE PRIMARY KEY, v INTEGER)", message="made")
    sql(cat, f"INSERT INTO t VALUES (DATE '{day}', 1), (DATE '2024-01-01', 2)", message="load")
    sql(cat, "UPDATE t SET v = v + 10", message="more")
    assert makers(cat.blame("t", key={"k": day})) == {"k": "load", "v": "more"}


def test_both_sides_of_a_merge_added_columns(cat: Catalog) -> None:
    """New columns of two branches have the same field ids, and are not the same."""
    orders(cat)
    cat.branches.create("side", at="main")
    sql(cat, "ALTER TABLE orders ADD COLUMN x VARCHAR", message="x", branch="side")
    sql(cat, "UPDATE orders SET x = 'x' WHERE order_id = 5", message="x set", branch="side")
    sql(cat, "ALTER TABLE orders ADD COLUMN y VARCHAR", message="y")
    sql(cat, "UPDATE orders SET y = 'y' WHERE order_id = 5", message="y set")
    cat.merge("side", into="main")
    found = makers(cat.blame("orders", key=FIVE))
    assert found == {
        "order_id": "load",
        "amount": "load",
        "note": "load",
        "x": "x set",
        "y": "y set",
    }


def test_a_commit_that_is_gone_ends_what_is_known(cat: Catalog) -> None:
    orders(cat)
    gone = cat.resolve("main").commit_id
    sql(cat, "UPDATE orders SET amount = 8 WHERE order_id = 5", message="dearer")
    (pack,) = Path(cat.uri).glob(f"objects/*/{gone}*")
    pack.unlink()
    again = catalog.open(cat.uri)
    found = again.blame("orders", key=FIVE)
    assert {cell.change for cell in found.rows[0].cells} == {"unknown"}
    assert [gap.commit_id for gap in found.gaps] == [gone]


def test_the_columns_of_a_key_must_tell_the_row(cat: Catalog) -> None:
    lines = {"order_id": [5, 5, 6], "line": [1, 2, 1], "amount": [1, 2, 3]}
    write(cat, "lines", "load", lines, key=["order_id", "line"])
    assert cat.blame("lines", key={"line": 2, "order_id": 5}).rows[0].values["amount"] == 2
    assert cat.blame("lines", key={"order_id": 6}).key == {"order_id": 6, "line": 1}
    with pytest.raises(InvalidInput, match="2 rows of lines at main have order_id=5") as raised:
        cat.history("lines", key=FIVE)
    assert raised.value.hint == "name all columns of its key: order_id, line"


def test_a_row_that_many_commits_changed_takes_few_queries(cat: Catalog) -> None:
    orders(cat)
    for n in range(12):
        sql(cat, f"UPDATE orders SET amount = -{n} WHERE order_id = 5", message=f"fix {n}")
    history = cat.history("orders", key=FIVE)
    assert [state.after["amount"] for state in history.states if state.after] == [
        *(-float(n) for n in reversed(range(12))),
        7.5,
    ]
    assert history.files_opened == 13


@pytest.mark.parametrize("stated", ["x", 1.5, True, "5.4", datetime.date(2024, 1, 1), [5]])
def test_a_value_of_another_type_is_refused(cat: Catalog, stated: object) -> None:
    orders(cat)
    with pytest.raises(InvalidInput, match="BIGINT"):
        cat.blame("orders", key={"order_id": stated})


@pytest.mark.parametrize("stated", [{}, {"nothing": 1}, {"note": 1, "NOTE": 2}, "order_id=5"])
def test_a_key_that_names_no_columns_is_refused(cat: Catalog, stated: Any) -> None:
    orders(cat)
    with pytest.raises(CatalogError):
        cat.history("orders", key=stated)


def test_a_reference_that_changed_is_an_error(cat: Catalog, tmp_path: Path) -> None:
    source = tmp_path / "orders.parquet"
    pq.write_table(pa.table({"order_id": [5], "amount": [1.0]}), source)
    with cat.transaction("main", message="load") as tx:
        tx.snapshot("orders", str(source), key=["order_id"], mode="reference")
    pq.write_table(pa.table({"order_id": [5], "amount": [2.0]}), source)
    with pytest.raises(CorruptData):
        cat.blame("orders", key=FIVE)


def test_data_that_is_gone_ends_what_is_known(cat: Catalog) -> None:
    orders(cat)
    (old,) = cat.files("orders")
    sql(cat, "UPDATE orders SET amount = 8 WHERE order_id = 5", message="dearer")
    os.unlink(old.uri)
    found = cat.blame("orders", key=FIVE)
    assert [cell.change for cell in found.rows[0].cells] == ["unknown"] * 3
    assert [gap.commit_id for gap in found.gaps] == [cat.resolve("main~1").commit_id]
    history = cat.history("orders", key=FIVE)
    assert changes(history) == [("unknown", "dearer")]
    assert history.gaps == found.gaps


def test_only_files_that_may_hold_the_key_are_opened(cat: Catalog) -> None:
    for n in range(12):
        ids = list(range(n * 10, n * 10 + 10))
        write(cat, "orders", f"load {n}", {"order_id": ids, "v": ids}, key=["order_id"])
    for n in range(6):
        sql(cat, f"UPDATE orders SET v = -1 WHERE order_id = {n * 10 + 1}", message=f"fix {n}")
    found = cat.blame("orders", key={"order_id": 102})
    assert (found.rows[0].commit.message, found.files_opened) == ("load 10", 1)
    found = cat.blame("orders", key={"order_id": 52})
    assert (found.rows[0].commit.message, found.files_opened) == ("load 5", 2)
