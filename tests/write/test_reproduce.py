"""Tables computed again from what is recorded of them, and compared."""

from pathlib import Path

import pytest

import catalog
from catalog.errors import ErrorKind


@pytest.fixture
def cat(tmp_path: Path) -> catalog.Catalog:
    """Returns a catalog with two tables and one derived from them."""
    made = catalog.create(str(tmp_path / "lake"))
    with made.transaction("main") as tx:
        tx.sql(
            "CREATE TABLE sales AS SELECT range AS id, range % 3 AS shop, 0.1 * range AS amount "
            "FROM range(90)"
        )
        tx.sql(
            "CREATE TABLE shops AS SELECT * FROM (VALUES (0, 'a'), (1, 'b'), (2, 'c')) "
            "AS t(shop, name)"
        )
    made.derive(
        "totals",
        "SELECT name, sum(amount) AS total FROM sales JOIN shops USING (shop) GROUP BY name",
    )
    return made


@pytest.mark.invariant(
    "a derived table is reproduced from its inputs as they were, whatever they are now"
)
def test_definition_is_reproduced_from_former_inputs(cat: catalog.Catalog) -> None:
    before = cat.show("main").id
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = 1000 WHERE id = 5")
        tx.sql("DELETE FROM shops WHERE shop = 2")
    assert cat.reproduce("totals").is_same, "it is stale, and what its former inputs gave"
    cat.refresh()
    assert cat.reproduce("totals").is_same
    found = cat.reproduce("totals", before)
    assert found.is_same and found.how == "definition"
    assert {one.table for one in found.inputs} == {"sales", "shops"}
    assert [branch.name for branch in cat.branches.list()] == ["main"]


def test_inputs_dropped_since_are_read_where_they_were(cat: catalog.Catalog) -> None:
    cat.drop_definition("totals")
    cat.derive("again", "SELECT shop, count(*) AS n FROM sales GROUP BY shop")
    with cat.transaction("main") as tx:
        tx.sql("DROP TABLE sales")
    assert cat.reproduce("again").is_same


def test_random_values_differ(cat: catalog.Catalog) -> None:
    cat.derive("noise", "SELECT id, random() AS r FROM sales", key=["id"])
    found = cat.reproduce("noise")
    assert not found.is_same
    assert found.diff is not None and found.diff.rows.updated == 90


def test_statement_reads_what_it_read_then(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE old AS SELECT shop, sum(amount) AS s FROM sales@main~1 GROUP BY shop")
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = 0")
    cat.branches.create("other", at="main")
    found = cat.reproduce("old")
    assert found.is_same and found.how == "statements"


def test_statement_that_does_more_needs_consent(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = amount * 2 WHERE shop = 1")
    with pytest.raises(catalog.InvalidInput) as refused:
        cat.reproduce("sales")
    assert refused.value.kind is ErrorKind.STORED_SQL
    assert cat.reproduce("sales", allow_statements=True).is_same


def test_rows_from_outside_cannot_be_reproduced(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.write("given", [{"a": 1}], mode="append")
    with pytest.raises(catalog.InvalidInput) as refused:
        cat.reproduce("given")
    assert refused.value.kind is ErrorKind.NOT_REPRODUCIBLE


def test_parameters_are_not_recorded(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("INSERT INTO sales SELECT $1, 0, 1.0", [1000])
    with pytest.raises(catalog.InvalidInput) as refused:
        cat.reproduce("sales", allow_statements=True)
    assert refused.value.kind is ErrorKind.NOT_REPRODUCIBLE
