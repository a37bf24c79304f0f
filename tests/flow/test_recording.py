"""What a commit records about derived tables: their inputs, and which columns go into which."""

from pathlib import Path

import catalog
from catalog.repository.lineage import lineage_detail


def test_refresh_records_inputs_and_columns(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE sales.orders AS SELECT 1 AS id, 2 AS shop, 3.5 AS amount")
        tx.sql("CREATE TABLE old.orders AS SELECT 1 AS id, 9 AS former")
    before = cat.show("main")
    cat.derive(
        "both",
        "SELECT o.shop, sum(amount + former) AS total "
        "FROM sales.orders o JOIN old.orders p ON o.id = p.id GROUP BY o.shop",
    )
    entry = lineage_detail(cat.context.repository.commits, cat.show("main").id, "both")
    assert entry is not None
    assert (entry.operation, [str(one) for one in entry.inputs]) == (
        "refresh",
        [f"sales.orders@{before.id}", f"old.orders@{before.id}"],
    )
    assert entry.columns is not None
    named = [entry.inputs[one.input].table + "." + one.column for one in entry.columns.rows]
    assert named == ["sales.orders.id", "sales.orders.shop", "old.orders.id"]
    (total,) = (one for one in entry.columns.columns if one.name == "total")
    assert not total.approximate
    assert {(one.input, one.column) for one in total.inputs} == {(0, "amount"), (1, "former")}
