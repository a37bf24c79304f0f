"""Attempts to pass more than a contract allows: each is refused, and names what it did.

``main`` never moves, so that all attempts start from the same state, each on a branch of its own.
"""

import itertools
from collections.abc import Callable

import pyarrow as pa
import pytest

import catalog
from catalog import Catalog, CatalogError, GateRefused

ORDERS = pa.table(
    {
        "id": range(30),
        "region": ["EU" if n % 2 else "US" for n in range(30)],
        "amount": [None if n % 10 == 0 else n * 1.5 for n in range(30)],
        "note": [f"n{n}" for n in range(30)],
        "month": [f"2024-0{1 + n % 3}" for n in range(30)],
    }
)
"""Of February's rows, 10 has no amount, and 1, 4, 7, 13, 16 … have one."""

CONTRACT = """
[contract.february]
tables = ["orders"]
[contract.february.table.orders]
partitions = ["month=2024-02"]
columns = ["amount"]
inserted = 0
deleted = 0
moved = 0
updated = "10%"
unique_key = true
[contract.february.table.orders.column.amount]
nulls = "may-fall"
corrected = 0
sum = "10%"
"""

FIX = "UPDATE orders SET amount = 0.5 WHERE amount IS NULL AND month = '2024-02'"
"""The one change that it allows."""

Trick = Callable[[Catalog, str], object]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("tricks")
    cat = Catalog.create(folder / "lake", author="tester")
    with cat.transaction("main", message="load") as tx:
        tx.write("orders", ORDERS, mode="append", key=["id"], partition_by=["month"])
        tx.write("customers", pa.table({"id": [1, 2, 3]}), mode="append", key=["id"])
    cat.derive("totals", "SELECT month, sum(amount) AS s, count(*) AS n FROM orders GROUP BY month")
    cat.add_check("orders", "unique", "id")
    cat.add_check("orders", "accepted_values", "region", values=["EU", "US"])
    cat.add_check("orders", "range", "amount", min=0, max=1000)
    (folder / "contract.toml").write_text(CONTRACT)
    for contract in catalog.read_contracts(folder / "contract.toml"):
        cat.branches.add_contract("main", contract)
    return cat


def sql(*statements: str) -> Trick:
    def run(cat: Catalog, branch: str) -> None:
        with cat.transaction(branch, message="trick") as tx:
            for statement in statements:
                tx.sql(statement)

    return run


def write(rows: pa.Table, mode: str = "append", **how: object) -> Trick:
    def run(cat: Catalog, branch: str) -> None:
        with cat.transaction(branch, message="trick") as tx:
            tx.write("orders", rows, mode=mode, **how)

    return run


def anew(cat: Catalog, branch: str) -> None:
    """Drops the table, and makes another one with equal rows."""
    with cat.transaction(branch) as tx:
        tx.drop("orders")
    write(ORDERS, key=["id"], partition_by=["month"])(cat, branch)


def check(**how: object) -> Trick:
    """Puts another check in the place of the one that keys are unique, and makes keys equal."""

    def run(cat: Catalog, branch: str) -> None:
        cat.add_check("orders", "unique", "id", branch=branch, replace=True, **how)
        sql("INSERT INTO orders SELECT * FROM orders WHERE id = 1")(cat, branch)

    return run


def without_check(cat: Catalog, branch: str) -> None:
    cat.drop_check("orders", "unique_id", branch=branch)


def derive(name: str, query: str) -> Trick:
    return lambda cat, branch: cat.derive(name, query, branch=branch, replace=True)


def written_derived(cat: Catalog, branch: str) -> None:
    """Writes a derived table by hand, its definition dropped and put back."""
    cat.drop_definition("totals", branch=branch)
    sql("UPDATE totals SET s = 0")(cat, branch)
    query = "SELECT month, sum(amount) AS s, count(*) AS n FROM orders GROUP BY month"
    cat.derive("totals", query, branch=branch, refresh=False, replace=True)


def row(**values: object) -> pa.Table:
    usual = {"id": 100, "region": "EU", "amount": 1.0, "note": "x", "month": "2024-02"}
    return pa.Table.from_pylist([{**usual, **values}], schema=ORDERS.schema)


TRICKS: dict[str, tuple[Trick, str]] = {
    "another column": (sql(FIX, "UPDATE orders SET note = 'z' WHERE id = 1"), "note"),
    "another column of a row it fixes": (sql(FIX.replace("SET", "SET note = 'z',")), "note"),
    "letters of another case": (sql("UPDATE orders SET region = 'eu' WHERE id = 1"), "region"),
    "a blank at the end": (sql("UPDATE orders SET note = note || ' ' WHERE id = 1"), "note"),
    "another partition": (sql("UPDATE orders SET amount = 0 WHERE amount IS NULL"), "2024-01"),
    "another table": (sql(FIX, "UPDATE customers SET id = 9 WHERE id = 3"), "customers"),
    "one row fewer": (sql(FIX, "DELETE FROM orders WHERE id = 1"), "id=1"),
    "one row more": (write(row()), "id=100"),
    "one row for another": (
        sql(
            "DELETE FROM orders WHERE id = 1",
            "INSERT INTO orders SELECT * REPLACE (99 AS id) FROM orders WHERE id = 4",
        ),
        "id=99",
    ),
    "a cell cleared": (sql("UPDATE orders SET amount = NULL WHERE id = 1"), "id=1"),
    "a cell cleared, another filled": (
        sql(FIX, "UPDATE orders SET amount = NULL WHERE id = 1"),
        "id=1",
    ),
    "a cell corrected": (sql(FIX, "UPDATE orders SET amount = 2 WHERE id = 1"), "1.5 → 2.0"),
    "two cells exchanged": (
        sql("UPDATE orders SET amount = if(id = 1, 6.0, 1.5) WHERE id IN (1, 4)"),
        "6.0 → 1.5",
    ),
    "a number for another bit": (
        sql("UPDATE orders SET amount = amount + 1e-13 WHERE id = 1"),
        "id=1",
    ),
    "NaN": (sql(FIX.replace("0.5", "'nan'::DOUBLE")), "nan"),
    "infinity": (sql(FIX.replace("0.5", "'inf'::DOUBLE")), "inf"),
    "a sum that moves": (sql(FIX.replace("0.5", "900")), "the sum of column amount"),
    "a key held twice": (write(row(id=1)), "id=1"),
    "a key of another partition": (write(row(id=0)), "id=0"),
    "no key": (write(row(id=None)), "id=NULL"),
    "too many rows": (sql("UPDATE orders SET amount = 0 WHERE month = '2024-02'"), "amount"),
    "a row that moves": (sql("UPDATE orders SET month = '2024-03' WHERE id = 1"), "moved"),
    "a new column": (sql(FIX, "ALTER TABLE orders ADD COLUMN extra INTEGER"), "extra"),
    "a column fewer": (sql(FIX, "ALTER TABLE orders DROP COLUMN note"), "note"),
    "a column renamed": (sql("ALTER TABLE orders RENAME COLUMN note TO notes"), "notes"),
    "a column checked, renamed": (sql("ALTER TABLE orders RENAME COLUMN region TO r"), "region"),
    "a column dropped and put back": (
        sql("ALTER TABLE orders DROP COLUMN note", "ALTER TABLE orders ADD COLUMN note VARCHAR"),
        "note",
    ),
    "two columns that change names": (
        sql(
            "ALTER TABLE orders RENAME COLUMN note TO other",
            "ALTER TABLE orders RENAME COLUMN region TO note",
            "ALTER TABLE orders RENAME COLUMN other TO region",
        ),
        "region",
    ),
    "another key": (write(ORDERS, "overwrite", key=[], partition_by=["month"]), "key"),
    "other partitions": (
        write(ORDERS, "overwrite", key=["id"], partition_by=["region"]),
        "partition columns",
    ),
    "a table dropped": (lambda cat, branch: sql("DROP TABLE customers")(cat, branch), "customers"),
    "its own table dropped": (sql("DROP TABLE totals", "DROP TABLE orders"), "orders"),
    "a table made anew": (anew, "made anew"),
    "a table renamed": (sql("ALTER TABLE customers RENAME TO clients"), "customers"),
    "a new table": (sql("CREATE TABLE extra AS SELECT 1 AS x"), "extra"),
    "a new derived table": (derive("extra", "SELECT * FROM orders"), "extra"),
    "a check dropped": (without_check, "unique_id"),
    "a check that looks at no row": (check(where="id < 0"), "unique_id"),
    "a check that only warns": (check(severity="warn"), "unique_id"),
    "a check with room for failures": (check(error_if="> 1000"), "unique_id"),
    "another definition": (
        derive(
            "totals", "SELECT month, sum(amount) + 0 AS s, count(*) AS n FROM orders GROUP BY 1"
        ),
        "definition",
    ),
    "no definition": (
        lambda cat, branch: cat.drop_definition("totals", branch=branch),
        "definition",
    ),
}

numbers = itertools.count()


def branch_with(lake: Catalog, trick: Trick) -> str:
    branch = f"trick-{next(numbers)}"
    lake.branches.create(branch)
    trick(lake, branch)
    return branch


def merge(cat: Catalog, branch: str) -> None:
    cat.merge(branch)


def squash(cat: Catalog, branch: str) -> None:
    cat.merge(branch, squash=True)


def pick(cat: Catalog, branch: str) -> None:
    cat.cherry_pick(branch, branch="main")


def through_another_branch(cat: Catalog, branch: str) -> None:
    between = f"between-{next(numbers)}"
    cat.branches.create(between, at=branch)
    cat.merge(branch, into=between)
    cat.merge(between)


WAYS = [merge, squash, pick, through_another_branch]


@pytest.mark.invariant("A gate refuses what a contract does not allow, by whatever trick it comes.")
@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_is_refused_and_named(lake: Catalog, name: str) -> None:
    trick, named = TRICKS[name]
    branch = branch_with(lake, trick)
    head = lake.log("main", limit=1)[0].id
    with pytest.raises(GateRefused) as refused:
        WAYS[list(TRICKS).index(name) % 2](lake, branch)
    assert named in refused.value.message
    assert lake.log("main", limit=1)[0].id == head


@pytest.mark.parametrize("way", WAYS)
def test_no_way_in_is_open(lake: Catalog, way: Callable[[Catalog, str], None]) -> None:
    branch = branch_with(lake, TRICKS["another column of a row it fixes"][0])
    head = lake.log("main", limit=1)[0].id
    with pytest.raises(GateRefused, match="note"):
        way(lake, branch)
    assert lake.log("main", limit=1)[0].id == head


def test_a_derived_table_written_by_hand_does_not_arrive(lake: Catalog) -> None:
    branch = branch_with(lake, written_derived)
    report = lake.merge(branch, dry_run=True)
    assert [one.what for one in report.derived] == ["taken"]
    assert [(one.table, one.how, one.files_added) for one in report.tables] == [
        ("totals", "ours", 0)
    ]


@pytest.mark.parametrize(
    "way",
    [
        lambda cat, branch: cat.reset("main", to=branch),
        lambda cat, branch: cat.rebase("main", onto=branch),
        lambda cat, branch: cat.branches.delete("main"),
    ],
    ids=["reset", "rebase", "delete"],
)
def test_the_branch_is_not_moved_past_its_gate(
    lake: Catalog, way: Callable[[Catalog, str], object]
) -> None:
    branch = branch_with(lake, TRICKS["another table"][0])
    head = lake.log("main", limit=1)[0].id
    with pytest.raises(CatalogError):
        way(lake, branch)
    assert lake.log("main", limit=1)[0].id == head


def test_what_the_contract_allows_passes(lake: Catalog) -> None:
    branch = branch_with(lake, sql(FIX))
    report = lake.merge(branch, dry_run=True)
    assert report.gate is not None and report.gate.passed
    assert [one.table for one in report.tables] == ["orders", "totals"]
