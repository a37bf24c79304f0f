"""Lineage: what every write records, where it is stored, and what becomes of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData
from catalog.model.lineage import Input, LineageEntry
from catalog.repository.lineage import lineage_detail
from tests.repository.format_reader import Reader
from tests.write.conftest import Filled

LONG = "SELECT id, v * 2 AS v FROM orders WHERE " + " AND ".join(
    f"v <> {n}" for n in range(100, 150)
)


def fill(cat: Catalog) -> None:
    with cat.transaction("main", code={}) as tx:
        tx.sql("CREATE TABLE orders AS SELECT i::INT AS id, i::INT AS v FROM range(6) t(i)")


@pytest.fixture
def lake(filled_by: Filled) -> Catalog:
    return filled_by(fill)


def of(cat: Catalog, table: str, ref: str = "main") -> LineageEntry:
    found = lineage_detail(cat.repository.commits, cat.resolve(ref).commit_id, table)
    assert found is not None
    return found


def at(cat: Catalog, table: str, ref: str) -> Input:
    commit = cat.resolve(ref).commit_id
    return Input(table, commit, cat.repository.commits.entries(commit)[table].entry.snapshot)


def run(cat: Catalog, text: str, branch: str = "main") -> None:
    with cat.transaction(branch) as tx:
        tx.sql(text)


def test_long_sql_lies_in_a_node_that_log_does_not_read(lake: Catalog, root: Path) -> None:
    run(lake, f"CREATE TABLE twice AS {LONG}")
    commit = lake.resolve("main").commit_id
    assert "statement" not in lake.show("main").lineage["twice"]  # type: ignore[operator]
    found = of(lake, "twice")
    assert found.statement == f"CREATE TABLE twice AS {LONG}"
    assert found.inputs == (at(lake, "orders", "main~1"),)
    reader = Reader(root)
    says, places, _ = reader.head(commit)
    detail = says["lineage"]["twice"]["detail"]
    assert reader.json_node(detail, places[detail])[0]["statement"].endswith(LONG)


def test_a_table_of_the_same_transaction_is_said_to_be_one(lake: Catalog) -> None:
    with lake.transaction("main") as tx:
        tx.sql("CREATE TABLE twice AS SELECT id, 2 * v AS v FROM orders")
        tx.sql("CREATE TABLE four AS SELECT id, 2 * v AS v FROM twice")
    assert of(lake, "four").inputs == (Input("twice"),)
    assert of(lake, "twice").inputs == (at(lake, "orders", "main~1"),)


def test_a_statement_reads_its_own_target(lake: Catalog) -> None:
    run(lake, "UPDATE orders SET v = 0 WHERE id = 1")
    assert of(lake, "orders").inputs == (at(lake, "orders", "main~1"),)
    with lake.transaction("main") as tx:
        tx.sql("DELETE FROM orders WHERE id = 1")
        tx.sql("DELETE FROM orders WHERE id = 2")
    assert of(lake, "orders").inputs == (at(lake, "orders", "main~1"), Input("orders"))


def test_a_rebase_takes_the_details_along(lake: Catalog) -> None:
    lake.branches.create("work")
    run(lake, f"CREATE TABLE twice AS {LONG}", "work")
    before = lake.resolve("work").commit_id
    expected = of(lake, "twice", "work")
    run(lake, "CREATE TABLE other AS SELECT 1 AS a")
    lake.rebase("work", onto="main")
    found = of(lake, "twice", "work")
    assert lake.resolve("work").commit_id != before
    assert (found.statement, found.inputs) == (expected.statement, expected.inputs)
    assert found.origins == (before,)


def test_merges_and_replays_record_where_changes_came_from(lake: Catalog) -> None:
    lake.branches.create("work")
    run(lake, "UPDATE orders SET v = 10 WHERE id = 1", "work")
    lake.merge("work", into="main")
    theirs = lake.resolve("work").commit_id
    found = of(lake, "orders")
    assert (found.operation, found.facts["how"]) == ("merge", "taken")
    assert (found.inputs, found.origins) == ((at(lake, "orders", "work"),), (theirs,))

    run(lake, "UPDATE orders SET v = 20 WHERE id = 2", "work")
    run(lake, "UPDATE orders SET v = 30 WHERE id = 3")
    ours = at(lake, "orders", "main")
    lake.merge("work", into="main")
    found = of(lake, "orders")
    assert found.facts["how"] == "merged"
    assert found.inputs == (ours, at(lake, "orders", "work"))

    run(lake, "UPDATE orders SET v = 40 WHERE id = 4", "work")
    picked = lake.resolve("work").commit_id
    lake.cherry_pick("work", branch="main")
    assert of(lake, "orders").origins == (picked,)
    reverted = lake.resolve("main").commit_id
    lake.revert("main", branch="main")
    assert (of(lake, "orders").operation, of(lake, "orders").origins) == ("revert", (reverted,))


def test_a_detail_that_an_older_writer_left_behind_is_lost_alone(lake: Catalog, root: Path) -> None:
    entry = LineageEntry("sql", (at(lake, "orders", "main"),), statement="x" * 300).stored()
    context = lake.context
    about = context.describe("copied", lineage={"orders": entry})
    writer = context.repository.writer()
    head = writer.write([lake.resolve("main").commit_id], [], about)
    pack = root / "objects" / head[:2] / head
    data = pack.read_bytes()
    places = Reader(root).head(head)[1]
    detail = json.loads(context.repository.nodes.head(head).commit)["lineage"]["orders"]["detail"]
    assert detail in places
    stored = context.repository.nodes.head(head).places
    kept: Any = {node: place for node, place in stored.items() if node != detail}
    from catalog.repository.pack import HEADER, encode_pack

    _, _, commit_length, _ = HEADER.unpack_from(data)
    commit = data[HEADER.size : HEADER.size + commit_length]
    pack.chmod(0o644)
    pack.write_bytes(encode_pack(commit, kept, b"", own_id=head))
    again = Catalog.open(str(root))
    found = lineage_detail(again.repository.commits, head, "orders")
    assert found is not None
    assert (found.operation, found.statement, len(found.inputs)) == ("sql", None, 1)


def test_a_damaged_detail_is_refused_and_everything_else_is_read(lake: Catalog, root: Path) -> None:
    run(lake, f"CREATE TABLE twice AS {LONG}")
    head = lake.resolve("main").commit_id
    context = lake.context
    places = context.repository.nodes.head(head).places
    detail = json.loads(context.repository.nodes.head(head).commit)["lineage"]["twice"]["detail"]
    pack = root / "objects" / head[:2] / head
    data = bytearray(pack.read_bytes())
    at = context.repository.nodes.head(head).body_offset + places[detail].offset + 20
    data[at] ^= 255
    pack.chmod(0o644)
    pack.write_bytes(data)
    again = Catalog.open(str(root))
    assert again.sql("SELECT count(*) FROM twice").fetchall() == [(6,)]
    assert again.log()[0].id == head
    with pytest.raises(CorruptData):
        lineage_detail(again.repository.commits, head, "twice")


def columns(cat: Catalog, table: str, column: str) -> set[str]:
    """Returns what a column depends on by the newest commit: ``orders.v``."""
    found = of(cat, table)
    assert found.columns is not None
    inputs = found.columns.inputs_of(column)
    return {f"{found.inputs[one.input].table}.{one.column}" for one in inputs}


def test_columns_are_recorded_by_every_statement(lake: Catalog) -> None:
    run(lake, "CREATE TABLE sums AS SELECT id % 2 AS odd, sum(v) AS total FROM orders GROUP BY 1")
    assert columns(lake, "sums", "total") == {"orders.id", "orders.v"}
    run(lake, "INSERT INTO sums SELECT id, v * 2 FROM orders@main~1 WHERE id > 3")
    assert columns(lake, "sums", "odd") == {"orders.id"}
    assert of(lake, "sums").inputs == (at(lake, "orders", "main~2"),)
    run(lake, "UPDATE sums SET total = o.v FROM orders o WHERE o.id = odd")
    assert columns(lake, "sums", "total") == {"orders.v", "orders.id", "sums.odd", "sums.total"}
    run(lake, "DELETE FROM sums s WHERE EXISTS (FROM orders WHERE orders.v > s.odd)")
    assert columns(lake, "sums", "odd") == {"orders.v", "sums.odd"}
    run(
        lake,
        "MERGE INTO sums USING orders ON odd = id WHEN MATCHED THEN UPDATE SET total = v + 1 "
        "WHEN NOT MATCHED THEN INSERT VALUES (id, v)",
    )
    assert columns(lake, "sums", "total") == {
        *("orders.id", "orders.v", "sums.odd", "sums.total"),
    }
    run(lake, "ALTER TABLE sums RENAME COLUMN total TO amount")
    assert columns(lake, "sums", "amount") == {"sums.total"}
    assert columns(lake, "sums", "odd") == set()


def test_several_statements_are_steps(lake: Catalog) -> None:
    with lake.transaction("main") as tx:
        tx.sql("UPDATE orders SET v = v + 1")
        tx.sql("UPDATE orders SET v = id WHERE id > 3")
    found = of(lake, "orders")
    assert found.operation == "several"
    assert [step.columns is not None for step in found.steps] == [True, True]
    assert found.inputs == (at(lake, "orders", "main~1"), Input("orders"))


def test_tables_are_named_through_views_macros_and_temporary_tables(lake: Catalog) -> None:
    for made in (
        "CREATE TEMP VIEW seen AS SELECT id, v FROM orders; CREATE TABLE t AS FROM seen",
        "CREATE TEMP TABLE seen AS SELECT id, v FROM orders; CREATE TABLE t AS FROM seen",
        "CREATE TEMP TABLE seen (v INT); INSERT INTO seen SELECT v FROM orders; "
        "CREATE TABLE t AS FROM seen",
        "CREATE TEMP MACRO top() AS (SELECT max(v) FROM orders); CREATE TABLE t AS SELECT top() x",
        "CREATE TEMP MACRO seen() AS TABLE SELECT id FROM orders; CREATE TABLE t AS FROM seen()",
        "CREATE TEMP MACRO top() AS (SELECT max(v) FROM orders); "
        "CREATE TABLE t AS SELECT top() AS x, i FROM range(3) r(i) WHERE i > 1 ORDER BY i",
        "CREATE TABLE t AS FROM diff('orders', 'main~1', 'main')",
        "CREATE TEMP VIEW a AS FROM orders; CREATE TEMP VIEW b AS FROM a; CREATE TABLE t AS FROM b",
    ):
        with lake.transaction("main") as tx:
            tx.sql(made)
        found = of(lake, "t")
        assert {one.table for one in found.inputs} == {"orders"}, made
        assert found.columns is not None
        every = {one.column for one in found.columns.inputs_of(found.columns.columns[0].name)}
        assert every == {"id", "v"}, made
        run(lake, "DROP TABLE t")
