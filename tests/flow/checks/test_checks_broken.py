"""Checks that cannot be run, and SQL that may not."""

import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, CatalogError, ErrorKind, InvalidInput, NotFound
from catalog.model.checks import Check, TableCheck, table_check
from catalog.operations.checks.run import failing_rows, run_checks
from tests.flow.checks.tables import NOW, check, make, results


def described(value: object) -> str:
    return str(value.to_json() if isinstance(value, Check) else value)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A catalog that tests do not change."""
    return make(tmp_path_factory.mktemp("broken") / "lake")


@pytest.fixture
def cat(shared: Catalog, tmp_path: Path) -> Catalog:
    shutil.copytree(shared.uri, tmp_path / "lake")
    return Catalog.open(str(tmp_path / "lake"))


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (check("not_null", "amont"), "there is no column 'amont'; did you mean amount"),
        (check("not_null", "address.town"), "there is no column 'address.town'"),
        (check("not_null", "id", where="amont > 1"), '"amont" not found'),
        (check("not_null", "id", where="CAST(status AS INT) > 1"), "Could not convert"),
        (check("relationships", "customer", to="nobody", field="id"), "no table 'nobody'"),
        (check("relationships", "customer", to="customers", field="x"), "no column 'x' in table"),
        (check("relationships", "customer", to="customers", field="name"), "cannot be compared"),
        (check("range", "status", min=5), "5 is a number, and the column is of type VARCHAR"),
        (check("range", "amount", min="low"), "'low' is not a number"),
        (check("range", "day", min="2024-13-01"), "not a value of type DATE"),
        (check("range", "address", min=1), "cannot be compared with stated ones"),
        (check("accepted_values", "id", values=["a"]), "'a' is not a value of type BIGINT"),
        (check("freshness", "id", max_age="1h"), "which is no moment"),
        (check("sql", sql="SELECT nope FROM orders"), '"nope" not found'),
        (check("sql", sql="SELECT * FROM nobody"), "no table 'nobody'"),
        (check("sql", sql="SELECT error('no')"), "Error: no"),
        (check("python"), "Python"),
    ],
    ids=described,
)
@pytest.mark.invariant("A check that cannot be run counts as failed, and breaks no other")
def test_what_cannot_be_run_is_broken(shared: Catalog, one: Check, reason: str) -> None:
    fine = check("not_null", "id", name="fine")
    with_nulls = check("not_null", "amount", name="nulls", where="id > 0")
    found = results(shared, [fine, replace(one, name="bad"), with_nulls])
    assert [result.status for result in found] == ["passed", "broken", "failed"]
    assert reason in found[1].message
    assert found[1].failures is None
    assert found[1].refuses
    assert found[2].failures == 19


def test_floats_and_decimals_are_not_matched(tmp_path: Path) -> None:
    cat = Catalog.create(tmp_path / "lake")
    with cat.transaction() as tx:
        tx.write("prices", pa.table({"id": [1.5, 2.0]}), mode="overwrite")
        prices = [Decimal("1.5"), Decimal("2.1"), None]
        tx.write("orders", pa.table({"price": prices}), mode="overwrite")
    one = check("relationships", "price", to="prices", field="id")
    (result,) = results(cat, [one])
    assert result.status == "broken"
    assert "floats and decimals are not matched" in result.message


def test_what_a_stranger_stored_is_broken_or_harmless(shared: Catalog) -> None:
    stored = [
        "not json",
        "[]",
        '{"version":1,"kind":"not_null","columns":["id"],"error_if":"1=1; DROP"}',
        '{"version":2,"kind":"not_null"}',
        '{"version":1,"kind":"prayer"}',
    ]
    wanted = [TableCheck("orders", "x", None, problem="unreadable", text=text) for text in stored]
    wanted += [
        table_check("orders", check("range", "id", min=[1])),
        table_check("orders", check("accepted_values", "id", values={})),
        table_check("orders", check("row_count", "id", min=1)),
        table_check("orders", check("freshness", "at", max_age="0h")),
        table_check("orders", check("not_null", "id", "ID")),
        table_check("no such table", check("not_null", "id")),
    ]
    commit_id = shared.resolve("main").commit_id
    found = run_checks(shared.context, commit_id, wanted, now=NOW)
    assert {result.status for result in found} == {"broken"}


@pytest.mark.parametrize(
    "where",
    [
        "1=1) UNION SELECT * FROM customers WHERE (1=1",
        "true) GROUP BY id HAVING (true",
        "true) ORDER BY (1",
        "false) OR (true",
        "true; DROP TABLE orders",
        "true) AS x WHERE (true",
        "id IN (SELECT 1)",
        "EXISTS (FROM customers)",
        "count(*) > 1",
        "row_number() OVER () = 1",
        "unnest([1, 2]) = 1",
        "COLUMNS(*) > 1",
        "#1 = 1",
        "id > ?",
        "id = 'x",
        "true /*",
        "read_text('/etc/passwd') = ''",
        "getenv('HOME') = ''",
        "orders@main.id = 1",
        " ",
        "SELECT 1",
    ],
)
@pytest.mark.invariant("The condition of a check is one expression about one row")
def test_a_condition_is_nothing_else(shared: Catalog, where: str) -> None:
    (found,) = results(shared, [check("not_null", "id", where=where)])
    assert found.status == "broken"
    with pytest.raises(InvalidInput) as caught:
        shared.add_check("orders", "not_null", "id", where=where)
    assert caught.value.kind is ErrorKind.BAD_WHERE


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("id >= 100 -- a comment )", 100),
        ('orders.id >= 100 OR "orders"."id" < 10', 110),
        ("status = 'it''s )' OR id = 1", 1),
        ("address.city IS NULL", 29),
        ("orders IS NOT NULL AND id < 3", 3),
        ("id = 3 /* ( */", 1),
        ("CASE WHEN id > 5 THEN false END", 0),
        ("len(range(id)) < 3", 3),
    ],
)
def test_conditions_are_read_as_written(shared: Catalog, where: str, rows: int) -> None:
    (found,) = results(shared, [check("unique", "id", where=where)])
    assert (found.status, found.rows) == ("passed", rows)


@pytest.mark.parametrize(
    ("kind", "columns", "given", "error"),
    [
        ("not_nul", ["id"], {}, "did you mean not_null?"),
        ("not_null", [], {}, "at least one column"),
        ("row_count", ["id"], {"min": 1}, "takes no column"),
        ("row_count", [], {}, "needs min or max"),
        ("row_count", [], {"min": 5, "max": 1}, "no number is both"),
        ("row_count", [], {"min": -1}, "is a number of rows"),
        ("range", ["amount"], {"min": 5, "max": 1}, "no value is between 5 and 1"),
        ("range", ["amount"], {"min": 1, "max": 1, "inclusive": False}, "no value is between"),
        ("range", ["amount"], {"values": [1]}, "has no parameter 'values'"),
        ("accepted_values", ["status"], {"values": []}, "values is empty"),
        ("accepted_values", ["status"], {"values": [None]}, "NULL"),
        ("relationships", ["customer"], {"to": "customers"}, "field is missing"),
        ("relationships", ["customer"], {"to": "c", "field": ["a", "b"]}, "cannot match 2"),
        ("freshness", ["at"], {"max_age": "soon"}, "is not an age"),
        ("sql", [], {"sql": "SELECT 1"}, "needs a name"),
        ("sql", [], {"sql": "DROP TABLE orders", "name": "x"}, "is not a SELECT"),
        ("sql", [], {"sql": "SELECT 1", "name": "x", "where": "true"}, "cannot have a where"),
        ("not_null", ["id"], {"name": "a b"}, "cannot be the name"),
        ("not_null", ["id"], {"severity": "fatal"}, "error or warn"),
        ("not_null", ["id"], {"error_if": "many"}, "no condition on a number of failures"),
        ("not_null", ["id"], {"where": "amount > 'x'"}, "Could not convert"),
        ("not_null", ["id"], {"where": "amont > 1"}, "did you mean amount"),
        ("relationships", ["customer"], {"to": "custmers", "field": "id"}, "mean customers?"),
    ],
)
def test_what_is_wrong_is_refused_when_it_is_added(
    shared: Catalog, kind: str, columns: list[str], given: dict[str, object], error: str
) -> None:
    head = shared.resolve("main").commit_id
    with pytest.raises((InvalidInput, NotFound)) as caught:
        shared.add_check("orders", kind, *columns, **given)  # type: ignore[arg-type]
    assert error in f"{caught.value.message} {caught.value.hint}"
    assert shared.resolve("main").commit_id == head


def test_checks_are_added_replaced_and_dropped(cat: Catalog) -> None:
    assert cat.add_check("Orders", "not_null", "amount", severity="warn") is not None
    assert cat.add_check("orders", "not_null", "amount", severity="warn") is None
    with pytest.raises(AlreadyExists) as taken:
        cat.add_check("orders", "not_null", "amount")
    assert taken.value.kind is ErrorKind.CHECK_EXISTS
    assert cat.check().counts["warned"] == 1
    assert cat.add_check("orders", "not_null", "amount", replace=True) is not None
    report = cat.check()
    assert not report.passed
    assert report["orders.not_null_amount"].failures == 20
    rows = report.failing_rows("orders.not_null_amount", limit=2)
    assert rows.to_pylist() == [{"id": 0, "amount": None}, {"id": 10, "amount": None}]
    with pytest.raises(NotFound) as unknown:
        cat.drop_check("orders", "not_null_amont")
    assert unknown.value.hint == "did you mean not_null_amount?"
    cat.drop_check("orders", "not_null_amount")
    assert cat.checks() == []
    assert cat.check().passed


def test_columns_of_two_tables_with_the_same_number_are_kept_apart(shared: Catalog) -> None:
    assert [shared.table(name).schema.named("id").id for name in ("orders", "customers")] == [1, 1]
    one = check("relationships", "id", to="customers", field="id")
    (found,) = results(shared, [one])
    assert (found.failures, found.examples[0].key) == (160, {"id": "40"})
    commit_id = shared.resolve("main").commit_id
    with failing_rows(shared.context, commit_id, table_check("orders", one)) as reader:
        assert reader.read_all()["id"].to_pylist() == list(range(40, 200))


def test_a_check_reads_tables_of_the_commit_it_judges(cat: Catalog) -> None:
    cat.add_check("orders", "relationships", "customer", to="customers", field="id", name="known")
    cat.add_check("orders", "sql", sql="SELECT * FROM customers WHERE id > 39", name="few")
    cat.branches.create("fix", at="main")
    with cat.transaction("fix") as tx:
        tx.sql("INSERT INTO customers SELECT i, '' FROM range(40, 50) r(i)")
    assert [one.failures for one in cat.check()] == [0, 40]
    assert [one.failures for one in cat.check(ref="fix")] == [10, 0]
    assert [one.failures for one in cat.check(["orders"], ref="fix~1")] == [0, 40]


def test_a_column_that_is_renamed_breaks_its_check_until_it_is_replaced(cat: Catalog) -> None:
    cat.add_check("orders", "unique", "id")
    with cat.transaction() as tx:
        tx.sql("ALTER TABLE orders RENAME COLUMN id TO order_id")
    (found,) = cat.check()
    assert found.status == "broken"
    with pytest.raises(CatalogError):
        cat.check().failing_rows("orders.unique_id")
    cat.drop_check("orders", "unique_id")
    cat.add_check("orders", "unique", "order_id")
    assert cat.check().passed


@pytest.mark.invariant("Checks stay with their table, whatever writes its rows")
def test_checks_stay_whatever_writes_the_table(cat: Catalog, tmp_path: Path) -> None:
    cat.derive("daily", "SELECT day, count(*) AS n FROM orders GROUP BY day")
    cat.add_check("daily", "unique", "day")
    cat.add_check("orders", "unique", "id")
    assert not [one for one in cat.stale() if one.is_stale]
    with cat.transaction() as tx:
        tx.sql("UPDATE orders SET amount = 1 WHERE id = 3")
        tx.sql("ALTER TABLE orders ADD COLUMN note VARCHAR")
    cat.refresh()
    cat.branches.create("fix", at="main")
    with cat.transaction("fix") as tx:
        tx.sql("DELETE FROM orders WHERE id = 4")
    cat.add_check("orders", "not_null", "day", branch="fix")
    cat.merge("fix", into="main")
    with cat.transaction() as tx:
        tx.write("orders", cat.sql("FROM orders LIMIT 5"), mode="overwrite")
        tx.sql("ALTER TABLE orders RENAME TO sales")
    names = [one.full_name for one in cat.checks()]
    assert names == ["daily.unique_day", "sales.not_null_day", "sales.unique_id"]


def test_who_adds_a_check_wrote_no_rows(cat: Catalog) -> None:
    with cat.transaction() as tx:
        tx.sql("CREATE TABLE few AS SELECT * FROM customers WHERE id < 3")
    written = cat.resolve("main").commit_id
    cat.add_check("few", "unique", "id")
    assert cat.reproduce("few").commit == written
    assert cat.reproduce("few").is_same


def test_a_check_that_does_not_end_cannot_be_added(
    shared: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.flow.checks.reading.TRIAL_S", 0.1)
    endless = "SELECT count(*) FROM range(10000000000) a, range(1000000000) b HAVING count(*) > 5"
    with pytest.raises(InvalidInput, match="check endless does not end, on one row: ") as error:
        shared.add_check("orders", "sql", name="endless", sql=endless)
    assert error.value.kind == ErrorKind.BAD_CHECK
