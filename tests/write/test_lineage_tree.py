"""Lineage across commits: which commits wrote a table, what they read, and what changed since."""

from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput, NotFound
from catalog.model.lineage_tree import Dependent, TableNode
from tests.write.conftest import Filled
from tests.write.conftest import write as write_source


def fill(cat: Catalog) -> None:
    run(cat, "CREATE TABLE orders AS SELECT i::INT AS id, i::INT AS v, 'x' AS t FROM range(6) r(i)")
    run(cat, "CREATE TABLE cust AS SELECT i::INT AS id, 'c' || i AS name FROM range(6) r(i)")
    run(
        cat,
        "CREATE TABLE daily AS SELECT id, name, sum(v) AS s FROM orders JOIN cust USING (id) "
        "GROUP BY ALL",
    )
    run(cat, "CREATE TABLE monthly AS SELECT name, max(s) AS top FROM daily GROUP BY ALL")


@pytest.fixture
def lake(filled_by: Filled) -> Catalog:
    return filled_by(fill)


def run(cat: Catalog, *texts: str, branch: str = "main") -> str:
    with cat.transaction(branch, code={}) as tx:
        for text in texts:
            tx.sql(text)
    return cat.resolve(branch).commit_id


def up(cat: Catalog, table: str, ref: str = "main", column: str | None = None) -> TableNode:
    found = cat.lineage(table, ref, column=column).upstream
    assert found is not None
    return found


def shape(node: TableNode) -> Any:
    """Returns a tree as nested dictionaries: operation of each write → tables read."""
    return [
        (write.entry.operation if write.entry else None, {n.table: shape(n) for n in write.inputs})
        for write in node.writes
    ]


def down(node: Dependent) -> dict[str, Any]:
    return {one.table: down(one) for one in node.dependents}


def dependents(cat: Catalog, table: str, column: str | None = None) -> Dependent:
    found = cat.lineage(table, column=column, direction="downstream").downstream
    assert found is not None
    return found


def columns(node: TableNode) -> dict[str, set[str]]:
    """Returns the columns at the ends of a tree, by table."""
    found: dict[str, set[str]] = {}
    for one in node.inputs:
        if one.columns is not None:
            found.setdefault(one.table, set()).update(one.columns)
        for table, names in columns(one).items():
            found.setdefault(table, set()).update(names)
    return found


def test_a_tree_goes_through_the_commits_that_wrote_each_table(lake: Catalog) -> None:
    leaf = [("sql", {})]
    assert shape(up(lake, "Monthly")) == [
        ("sql", {"daily": [("sql", {"orders": leaf, "cust": leaf})]})
    ]
    node = up(lake, "monthly")
    assert [w.commit.id for w in node.writes] == [lake.resolve("main").commit_id]
    assert not node.is_stale


def test_a_table_is_stale_if_anything_above_it_has_changed(lake: Catalog) -> None:
    run(lake, "UPDATE cust SET name = 'z' WHERE id = 1")
    node = up(lake, "monthly")
    (daily,) = node.inputs
    assert node.is_stale
    assert not daily.changed
    assert {one.table: one.changed for one in daily.inputs} == {"orders": False, "cust": True}
    assert not up(lake, "monthly", "main~1").is_stale
    run(lake, "DROP TABLE orders")
    (daily,) = up(lake, "monthly").inputs
    assert all(one.changed for one in daily.inputs)


def test_a_table_that_is_shown_twice_is_as_stale_both_times(lake: Catalog) -> None:
    run(lake, "CREATE TABLE weekly AS SELECT name FROM daily")
    run(lake, "CREATE TABLE report AS SELECT name FROM monthly JOIN weekly USING (name)")
    run(lake, "UPDATE cust SET name = 'z' WHERE id = 1")
    assert {one.table: one.is_stale for one in up(lake, "report").inputs} == {
        "monthly": True,
        "weekly": True,
    }


def test_a_column_is_traced_through(lake: Catalog) -> None:
    assert columns(up(lake, "monthly", column="TOP")) == {
        "daily": {"name", "s"},
        "orders": {"id", "v"},
        "cust": {"id", "name"},
    }
    assert columns(up(lake, "daily", column="s")) == {
        "orders": {"id", "v"},
        "cust": {"id", "name"},
    }
    with pytest.raises(NotFound, match="no column"):
        lake.lineage("daily", column="nope")


def test_a_column_is_traced_through_renames_and_updates(lake: Catalog) -> None:
    run(lake, "ALTER TABLE daily RENAME COLUMN s TO total")
    run(lake, "UPDATE daily SET total = total + o.v FROM orders o WHERE o.id = daily.id")
    run(lake, "UPDATE daily SET name = 'n'")
    node = up(lake, "daily", column="total")
    kinds = [write.entry.facts["kind"] for write in node.writes if write.entry]
    assert kinds == ["update", "alter", "create"]
    assert columns(node)["orders"] == {"id", "v"}
    run(lake, "ALTER TABLE daily RENAME TO per_day")
    node = up(lake, "per_day", column="total")
    assert columns(node)["cust"] == {"id", "name"}


def test_rows_that_stay_come_from_earlier_commits(lake: Catalog) -> None:
    for n in range(3):
        run(lake, f"INSERT INTO daily SELECT id, name, {n} FROM cust")
    node = up(lake, "daily")
    assert [len(write.inputs) for write in node.writes] == [1, 1, 1, 2]
    run(lake, "CREATE OR REPLACE TABLE daily AS SELECT 1 AS id")
    assert shape(up(lake, "daily")) == [("sql", {})]


def test_a_commit_that_changed_checks_alone_brought_no_rows(lake: Catalog) -> None:
    before = shape(up(lake, "monthly"))
    for table in ("orders", "daily", "monthly"):
        assert lake.add_check(table, "row_count", min=1) is not None
    assert shape(up(lake, "monthly")) == before


def test_a_merge_is_followed_to_the_side_that_brought_a_table(lake: Catalog) -> None:
    lake.branches.create("work")
    changed = run(lake, "UPDATE orders SET v = 9 WHERE id = 1", branch="work")
    run(lake, "UPDATE cust SET name = 'q' WHERE id = 2")
    lake.merge("work")
    assert up(lake, "orders").writes[0].commit.id == changed

    ours = run(lake, "UPDATE orders SET v = 8 WHERE id = 3")
    theirs = run(lake, "UPDATE orders SET v = 7 WHERE id = 4", branch="work")
    lake.merge("work")
    writes = [write.commit.id for write in up(lake, "orders").writes]
    assert writes[0] == lake.resolve("main").commit_id
    assert {ours, theirs, changed} <= set(writes)


@pytest.mark.parametrize("how", ["squash", "cherry-pick", "rebase"])
def test_what_was_made_again_still_shows_its_inputs(how: str, lake: Catalog) -> None:
    lake.branches.create("work")
    run(lake, "CREATE OR REPLACE TABLE daily AS SELECT id, v AS s FROM orders", branch="work")
    run(lake, "UPDATE cust SET name = 'q' WHERE id = 2")
    if how == "squash":
        lake.merge("work", squash=True)
    elif how == "cherry-pick":
        lake.cherry_pick("work", branch="main")
    else:
        lake.rebase("work", onto="main")
    ref = "work" if how == "rebase" else "main"
    node = up(lake, "daily", ref, column="s")
    assert columns(node) == {"orders": {"v"}}


def test_an_input_that_is_gone_is_said_to_be(lake: Catalog) -> None:
    from catalog.model.lineage import Input, LineageEntry

    gone = LineageEntry("sql", (Input("old", "a" * 64, "b" * 64), Input("orders")))
    about = lake.context.describe("x", lineage={"orders": gone.stored()})
    stored = lake.repository.commits
    entry = stored.entries(lake.resolve("main").commit_id)["orders"]
    table = stored.table(entry)
    from dataclasses import replace

    from catalog.repository.commit_writer import TableUpdate

    shape = replace(table.snapshot, properties={"a": "b"})
    made = lake.repository.writer().write(
        [lake.resolve("main").commit_id], [TableUpdate("orders", table, shape)], about
    )
    lake.branches.create("odd", at=made)
    node = up(lake, "orders", "odd")
    assert [(one.table, one.note, one.changed) for one in node.inputs] == [("old", "gone", True)]


def test_tables_that_read_each_other_end_somewhere(lake: Catalog) -> None:
    for _ in range(3):
        run(
            lake,
            "INSERT INTO orders SELECT id, id, name FROM cust",
            "INSERT INTO cust SELECT id, t FROM orders",
            "INSERT INTO orders SELECT id, v, t FROM orders@main~1",
        )
    node = up(lake, "cust")
    assert len(str(shape(node))) < 20_000
    assert up(lake, "orders", column="v").writes
    assert down(dependents(lake, "orders"))["cust"]["orders"] == {}


def test_inputs_that_were_named_are_followed(lake: Catalog, tmp_path: Any) -> None:
    source = tmp_path / "source"
    source.mkdir()
    write_source(source / "a.parquet", {"a": [1]})
    with lake.transaction("main", code={"job": "x"}) as tx:
        tx.snapshot("taken", str(source), inputs=["daily@main~1"])
    (write,) = up(lake, "taken").writes
    assert write.entry is not None
    assert (write.entry.operation, write.entry.code) == ("snapshot", {"job": "x"})
    assert [one.table for one in write.inputs] == ["daily"]
    assert up(lake, "taken", column="a").writes[0].inputs[0].columns is None
    assert down(dependents(lake, "cust"))["daily"].keys() == {"monthly", "taken"}


def test_downstream_names_what_was_made_from_a_table_and_what_is_stale(lake: Catalog) -> None:
    assert down(dependents(lake, "orders")) == {"daily": {"monthly": {}}}
    assert down(dependents(lake, "monthly")) == {}
    assert down(dependents(lake, "orders", column="t")) == {}
    (daily,) = dependents(lake, "orders", column="v").dependents
    assert daily.columns == ("s",)
    assert daily.dependents[0].columns == ("top",)
    assert not daily.is_stale
    run(lake, "UPDATE orders SET v = 100 WHERE id = 1")
    (daily,) = dependents(lake, "orders").dependents
    assert (daily.is_stale, daily.dependents[0].is_stale) == (True, True)


def test_derived_tables_are_stale_as_their_status_says(lake: Catalog) -> None:
    lake.derive("sums", sql="SELECT id, sum(v) AS s FROM orders GROUP BY id")
    assert [one.table for one in up(lake, "sums").inputs] == ["orders"]
    assert not up(lake, "sums").is_stale
    run(lake, "UPDATE orders SET v = 100 WHERE id = 1")
    assert up(lake, "sums").is_stale
    assert {d.table for d in dependents(lake, "orders").dependents if d.is_stale} >= {"sums"}
    lake.refresh()
    assert not up(lake, "sums").is_stale
    assert columns(up(lake, "sums", column="s")) == {"orders": {"id", "v"}}


def test_arguments_are_checked(lake: Catalog) -> None:
    with pytest.raises(NotFound):
        lake.lineage("nope")
    with pytest.raises(NotFound):
        lake.lineage("orders", "nope")
    with pytest.raises(InvalidInput):
        lake.lineage("orders", direction="sideways")  # type: ignore[arg-type]
