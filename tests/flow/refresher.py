"""Changes inputs and refreshes for ever; made to be killed at any moment.

Usage: ``python -m tests.flow.refresher LAKE``.
"""

import sys

import duckdb

import catalog.operations.flow.refresh
import catalog.operations.transaction
import catalog.repository.commit_writer
import catalog.write.file_fingerprints  # noqa: F401 - loaded before the first round is killed
from catalog.catalog import Catalog

MODELS = {
    "joined": (
        "SELECT o.id, o.day, o.v, c.name FROM orders o LEFT JOIN customers c ON o.who = c.id"
    ),
    "daily": "SELECT day, count(*) AS n, sum(v) AS s FROM joined GROUP BY day",
    "total": "SELECT sum(s) AS s, count(name) AS named FROM daily, (SELECT name FROM joined)",
}
"""Derived tables; none is partitioned but the first two, by day."""


def fill(cat: Catalog) -> None:
    con = duckdb.connect()
    orders = (
        "SELECT range AS id, (range % 5)::INTEGER AS day, range % 3 AS who, range * 2 AS v "
        "FROM range(50)"
    )
    with cat.transaction() as tx:
        tx.write("orders", con.sql(orders), mode="append", partition_by=["day"])
        tx.write(
            "customers",
            con.sql("SELECT range AS id, 'n' || range AS name FROM range(3)"),
            mode="append",
        )
    for table, sql in MODELS.items():
        cat.derive(table, sql, partition_by=["day"] if "day" in sql.partition("FROM")[0] else [])


def change(cat: Catalog, number: int) -> None:
    """Changes both inputs so that every derived table is another."""
    with cat.transaction() as tx:
        tx.sql(f"UPDATE orders SET v = v + {number + 1} WHERE day = {number % 5}")
        tx.sql(f"UPDATE customers SET name = name || '{number}' WHERE id = {number % 3}")


def main(root: str) -> None:
    cat = Catalog.open(root, cache="")
    print("ready", flush=True)
    number = 0
    while True:
        cat.refresh()
        number += 1
        change(cat, number)


if __name__ == "__main__":
    main(sys.argv[1])
