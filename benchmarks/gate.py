"""Measures what a gate costs a merge that changes 1 of 100 partitions.

The table has 10 million rows and 8 columns in 100 partitions of one file each. On a branch, 1 % of
the rows of one partition are corrected. The merge is measured without checks and contracts, with
20 checks, with a contract, and with both; beside them the same checks by hand, as one query each
over the whole table, and the diff of the change. CPU time is user and system of a process of its
own, start-up told apart. ``--small`` takes a tenth of the rows.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

import catalog
from catalog.catalog import Catalog

REPOSITORY = Path(__file__).parents[1]
PARTITIONS = 100

ROWS = """
SELECT i AS id, i % 1000 AS who, (hash(i) % 1000000) / 7 AS price, hash(i + 1) % 100 AS amount,
       ['red', 'green', 'blue', 'none'][(hash(i + 2) % 4 + 1)::INTEGER] AS colour,
       '2024-01-01'::TIMESTAMP + to_seconds((hash(i + 3) % 86400)::BIGINT) AS moment,
       (hash(i + 4) % 10000)::DECIMAL(12, 2) AS paid, {day} AS day
FROM range({start}, {stop}) AS t(i)
"""

CHECKS: list[tuple[str, tuple[str, ...], dict[str, object], str]] = [
    *(
        ("not_null", (column,), {}, f"SELECT count(*) FROM orders WHERE {column} IS NULL")
        for column in ("id", "who", "price", "amount", "colour", "moment", "paid")
    ),
    *(
        (
            "range",
            (column,),
            {"min": least, "max": most, "name": f"{column}_{n}"},
            f"SELECT count(*) FROM orders WHERE NOT ({column} BETWEEN {least} AND {most})",
        )
        for n, (column, least, most) in enumerate(
            (
                *(("who", 0, 999), ("who", 0, 2000), ("price", 0, 200_000), ("price", -1, 10**6)),
                *(("amount", 0, 99), ("amount", 0, 150), ("paid", 0, 10_000), ("paid", -5, 10**5)),
            )
        )
    ),
    *(
        (
            "accepted_values",
            ("colour",),
            {
                "values": ["red", "green", "blue", "none"],
                "where": f"amount >= {n}",
                "name": f"c{n}",
            },
            "SELECT count(*) FROM orders WHERE "
            f"colour NOT IN ('red', 'green', 'blue', 'none') AND amount >= {n}",
        )
        for n in range(3)
    ),
    ("row_count", (), {"min": 1}, "SELECT count(*) FROM orders"),
    (
        *("unique", ("id",), {}),
        "SELECT count(*) FROM (SELECT id FROM orders GROUP BY id HAVING count(*) > 1)",
    ),
]

CONTRACT = """
[contract.prices]
tables = ["orders"]
[contract.prices.table.orders]
columns = ["price"]
inserted = 0
deleted = 0
updated = "1%"
[contract.prices.table.orders.column.price]
nulls = "unchanged"
"""

MERGE = """
import sys
from catalog.catalog import Catalog
report = Catalog.open(sys.argv[1]).merge(sys.argv[2])
assert report.commit is not None
"""

START = """
import sys
import catalog.operations.merge.start, catalog.operations.gate.gate
from catalog.catalog import Catalog
Catalog.open(sys.argv[1]).log("main", limit=1)
"""

DIFF = """
import sys
from catalog.catalog import Catalog
diff = Catalog.open(sys.argv[1]).diff("main", sys.argv[2])
assert diff["orders"].rows.updated
"""

BY_HAND = """
import sys, duckdb
con = duckdb.connect()
con.execute(f"CREATE VIEW orders AS FROM read_parquet('{sys.argv[1]}/**/*.parquet', "
            "hive_partitioning = true)")
for query in sys.argv[2:]:
    con.execute(query).fetchall()
"""


def cpu(code: str, *arguments: str) -> float:
    """Runs Python and returns its seconds of CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=REPOSITORY, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def build(folder: Path, rows: int) -> Path:
    source = folder / "orders"
    each = rows // PARTITIONS
    for day in range(PARTITIONS):
        path = source / f"day={day}" / "part.parquet"
        path.parent.mkdir(parents=True)
        query = ROWS.format(start=day * each, stop=(day + 1) * each, day=day)
        duckdb.sql(f"COPY (SELECT * EXCLUDE (day) FROM ({query})) TO '{path}' (COMPRESSION zstd)")
    cat = Catalog.create(str(folder / "plain"))
    with cat.transaction() as tx:
        tx.snapshot("orders", str(source), key=["id"])
    return source


def with_rules(folder: Path, name: str, *, checks: bool, contract: bool) -> str:
    """Returns a copy of the catalog with checks, a contract, or both."""
    place = folder / name
    shutil.copytree(folder / "plain", place)
    cat = catalog.open(str(place))
    for kind, columns, parameters, _ in CHECKS if checks else ():
        cat.add_check("orders", kind, *columns, **parameters)
    if contract:
        (folder / "contract.toml").write_text(CONTRACT)
        for one in catalog.read_contracts(folder / "contract.toml"):
            cat.branches.add_contract("main", one)
    return str(place)


def change(lake: str, day: int) -> str:
    branch = f"fix-{day}"
    cat = catalog.open(lake)
    cat.branches.create(branch)
    with cat.transaction(branch, message="prices") as tx:
        tx.sql(f"UPDATE orders SET price = price + 1 WHERE day = {day} AND id % 100 = 0")
    return branch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--runs", type=int, default=5, help="how often each part is measured")
    options = parser.parse_args()
    rows = 1_000_000 if options.small else 10_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = build(folder, rows)
        lakes = {
            "no gate": str(folder / "plain"),
            "contract": with_rules(folder, "contract", checks=False, contract=True),
            "20 checks": with_rules(folder, "checks", checks=True, contract=False),
            "20 checks and contract": with_rules(folder, "both", checks=True, contract=True),
        }
        found: dict[str, list[float]] = {what: [] for what in lakes}
        start, diffs, hand = [], [], []
        for run in range(options.runs + 1):
            for what, lake in lakes.items():
                branch = change(lake, run)
                if what == "no gate":
                    start.append(cpu(START, lake))
                    diffs.append(cpu(DIFF, lake, branch))
                found[what].append(cpu(MERGE, lake, branch))
        for _ in range(options.runs):
            hand.append(cpu(BY_HAND, str(source), *(query for *_, query in CHECKS)))
        print(
            f"{rows:,} rows in {PARTITIONS} partitions, one changed; medians of {options.runs}.\n"
        )
        print("| merge | first, CPU s | again, CPU s | again, beyond no gate |")
        print("|---|---:|---:|---:|")
        plain = statistics.median(found["no gate"][1:])
        for what, (first, *more) in found.items():
            again = statistics.median(more)
            print(f"| {what} | {first:.2f} | {again:.2f} | {again - plain:.2f} |")
        print(f"\nstart-up {statistics.median(start):.2f}; the diff of the change", end=" ")
        print(f"{statistics.median(diffs):.2f}; 20 queries by hand {statistics.median(hand):.2f}")


if __name__ == "__main__":
    main()
