"""Tables computed again from what is recorded of them, and compared."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.errors import ErrorKind
from catalog.operations.flow.rerun import only_selects


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a catalog with two tables and one derived from them."""
    root = tmp_path_factory.mktemp("made") / "lake"
    made = catalog.create(str(root))
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
    return root


@pytest.fixture
def cat(made: Path, tmp_path: Path) -> catalog.Catalog:
    """Returns a copy of that catalog: the test's own."""
    return catalog.open(str(shutil.copytree(made, tmp_path / "lake")))


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
    assert found.causes[0].startswith("random()")


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


def kind_of(cat: catalog.Catalog, table: str, ref: str = "main", **options: bool) -> ErrorKind:
    """Returns why a table cannot be reproduced."""
    with pytest.raises(catalog.CatalogError) as refused:
        cat.reproduce(table, ref, **options)
    return refused.value.kind


def drop_pack(cat: catalog.Catalog, commit_id: str) -> catalog.Catalog:
    """Removes the pack of a commit, as a gc would, and opens the catalog anew."""
    root = Path(cat.uri)
    (pack,) = (one for one in root.rglob("*") if one.name == commit_id)
    pack.unlink()
    return catalog.open(cat.uri)


def test_input_renamed_since_is_read_under_its_name(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("ALTER TABLE sales RENAME TO old_sales")
        tx.sql("CREATE TABLE sales AS SELECT 1 AS other")
    assert cat.reproduce("totals").is_same


def test_renamed_table_is_reproduced_under_the_name_it_had(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE ids AS SELECT id FROM sales")
    written = cat.show("main").id
    with cat.transaction("main") as tx:
        tx.sql("ALTER TABLE ids RENAME TO numbers")
    found = cat.reproduce("numbers")
    assert (found.is_same, found.commit, found.table) == (True, written, "ids")


def test_table_refreshed_with_its_input_in_one_commit(cat: catalog.Catalog) -> None:
    cat.derive("shares", "SELECT name, total / 10 AS share FROM totals", key=["name"])
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = 7 WHERE id = 1")
    cat.refresh()
    found = cat.reproduce("shares")
    assert found.is_same
    assert [(one.table, one.commit) for one in found.inputs] == [("totals", found.commit)]


def test_table_refreshed_on_a_branch_is_reproduced_after_the_merge(cat: catalog.Catalog) -> None:
    cat.branches.create("fix", at="main")
    with cat.transaction("fix") as tx:
        tx.sql("UPDATE sales SET amount = 7 WHERE id = 1")
    cat.refresh(branch="fix")
    cat.merge("fix", into="main")
    assert cat.reproduce("totals").is_same


def test_merged_rows_name_the_commits_they_come_from(cat: catalog.Catalog) -> None:
    cat.branches.create("fix", at="main")
    for branch, row in (("fix", 1), ("main", 2)):
        with cat.transaction(branch) as tx:
            tx.sql(f"UPDATE shops SET name = 'x' WHERE shop = {row}")
    ours, theirs = cat.show("main").id, cat.show("fix").id
    cat.merge("fix", into="main")
    with pytest.raises(catalog.InvalidInput) as refused:
        cat.reproduce("shops", allow_statements=True)
    assert refused.value.kind is ErrorKind.NOT_REPRODUCIBLE
    assert ours[:8] in str(refused.value) and theirs[:8] in str(refused.value)


def test_rebased_statement_is_not_taken_for_what_made_the_rows(cat: catalog.Catalog) -> None:
    cat.branches.create("fix", at="main")
    with cat.transaction("fix") as tx:
        tx.sql("UPDATE sales SET amount = amount * 2 WHERE shop = 1")
        tx.sql("CREATE TABLE kept AS SELECT shop FROM shops")
    first = cat.show("fix").id
    with cat.transaction("main") as tx:
        tx.sql("INSERT INTO sales VALUES (1000, 1, 5.0)")
    cat.rebase("fix", onto="main")
    assert kind_of(cat, "sales", "fix", allow_statements=True) is ErrorKind.NOT_REPRODUCIBLE
    found = cat.reproduce("kept", "fix")
    assert (found.is_same, found.commit) == (True, first)
    assert cat.reproduce("sales", first, allow_statements=True).is_same


def test_cherry_picked_rows_name_their_commit(cat: catalog.Catalog) -> None:
    cat.branches.create("fix", at="main")
    with cat.transaction("fix") as tx:
        tx.sql("UPDATE shops SET name = 'x' WHERE shop = 1")
    picked = cat.show("fix").id
    with cat.transaction("main") as tx:
        tx.sql("UPDATE shops SET name = 'y' WHERE shop = 2")
    cat.cherry_pick(picked, branch="main")
    with pytest.raises(catalog.InvalidInput, match=picked[:8]) as refused:
        cat.reproduce("shops", allow_statements=True)
    assert refused.value.kind is ErrorKind.NOT_REPRODUCIBLE


def test_several_tables_and_steps_of_one_transaction(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE a AS SELECT id FROM sales")
        tx.sql("CREATE TABLE b AS SELECT id + 1 AS id FROM a")
        tx.sql("INSERT INTO sales SELECT id + 2000, 1, 2.0 FROM b")
        tx.sql("UPDATE sales SET amount = 1 WHERE id = 2001")
    for table in ("a", "b", "sales"):
        found = cat.reproduce(table, allow_statements=True)
        assert found.is_same and found.how == "statements", table


def test_what_a_transaction_read_half_way_is_not_guessed(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE a AS SELECT id FROM sales")
        tx.sql("CREATE TABLE b AS SELECT count(*) AS n FROM a")
        tx.sql("DELETE FROM a WHERE id > 5")
    assert kind_of(cat, "b") is ErrorKind.NOT_REPRODUCIBLE


def test_one_table_at_two_commits(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = 7 WHERE id = 1")
    with cat.transaction("main") as tx:
        tx.sql(
            "CREATE TABLE moves AS SELECT id, n.amount - o.amount AS change FROM sales n "
            "JOIN sales@main~1 o USING (id) JOIN sales AS again USING (id)"
        )
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = 8 WHERE id = 1")
    assert cat.reproduce("moves").is_same


def test_inputs_of_a_deleted_commit_are_gone(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = 7 WHERE id = 1")
    read = cat.show("main").id
    cat.refresh()
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = 8 WHERE id = 1")
    cat.refresh()
    cat = drop_pack(cat, read)
    assert kind_of(cat, "totals", "main~2") is ErrorKind.INPUTS_GONE
    assert cat.reproduce("totals").is_same, "its inputs are there"


def test_statement_whose_input_is_gone(cat: catalog.Catalog) -> None:
    cat.branches.create("side", at="main")
    with cat.transaction("side") as tx:
        tx.sql("UPDATE sales SET amount = 7 WHERE id = 1")
    read = cat.show("side").id
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE copy AS SELECT * FROM sales@side")
    assert cat.reproduce("copy").is_same
    cat.branches.delete("side")
    assert kind_of(drop_pack(cat, read), "copy") is ErrorKind.INPUTS_GONE


def test_input_whose_data_file_is_gone(cat: catalog.Catalog) -> None:
    before = cat.show("main").id
    (old,) = cat.files("sales", before)
    with cat.transaction("main") as tx:
        tx.sql("UPDATE sales SET amount = 7")
    Path(old.uri).unlink()
    assert kind_of(cat, "totals", before) is ErrorKind.INPUTS_GONE


def test_reference_that_was_changed_is_said(cat: catalog.Catalog, tmp_path: Path) -> None:
    source = tmp_path / "given" / "one.parquet"
    source.parent.mkdir()
    pq.write_table(pa.table({"x": [1, 2]}), source)
    with cat.transaction("main") as tx:
        tx.snapshot("given", str(source.parent), mode="reference")
    cat.derive("doubled", "SELECT 2 * x AS x FROM given", key=[])
    assert cat.reproduce("doubled").is_same
    pq.write_table(pa.table({"x": [1, 2, 3]}), source)
    assert kind_of(cat, "doubled") is ErrorKind.FILE_CHANGED


def test_keyless_rows_that_differ_in_last_digits_are_the_same(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE floats AS SELECT range / 7 AS x, range % 5 AS g FROM range(400_000)")
    with cat.transaction("main") as tx:
        tx.sql(
            "CREATE TABLE sums AS SELECT g, sum(x) AS s, sum(sin(x)) AS t FROM floats GROUP BY g"
        )
    for _ in range(3):
        assert cat.reproduce("sums").is_same


def test_two_statements_in_one_text_are_no_crash(cat: catalog.Catalog) -> None:
    assert not only_selects("CREATE TABLE a AS SELECT 1; DROP TABLE b")
    assert not only_selects("")


def test_recorded_sql_has_a_time_limit_and_may_not_grow(cat: catalog.Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql(
            "CREATE TABLE pairs AS SELECT count(*) AS n FROM sales a, range(999) b, range(999) c "
            "WHERE a.amount * b.range <> c.range"
        )
    assert cat.reproduce("pairs").is_same
    assert kind_of(catalog.open(cat.uri, time_limit_s=0.001), "pairs") is ErrorKind.TIME_LIMIT
    assert only_selects("CREATE TABLE a AS SELECT x FROM t")
    assert not only_selects("CREATE TABLE a AS SELECT repeat(x, 1000000000) AS x FROM t")


def test_derived_table_that_was_never_computed(cat: catalog.Catalog) -> None:
    cat.derive("later", "SELECT id FROM sales", key=["id"], refresh=False)
    assert kind_of(cat, "later") is ErrorKind.NOT_REPRODUCIBLE


@pytest.mark.invariant("every derived table that is not stale is reproduced, however it came there")
def test_derived_tables_of_every_commit_are_reproduced(cat: catalog.Catalog) -> None:
    cat.derive("top", "SELECT max(total) AS t FROM totals", key=[])
    cat.branches.create("fix", at="main")

    def change(branch: str, sql: str) -> None:
        with cat.transaction(branch) as tx:
            tx.sql(sql)

    change("fix", "UPDATE sales SET amount = 7 WHERE id = 1")
    change("main", "UPDATE shops SET name = 'z' WHERE shop = 2")
    cat.refresh(branch="fix")
    cat.refresh()
    cat.merge("fix", into="main")
    change("fix", "UPDATE sales SET amount = 11 WHERE id = 4")
    cat.cherry_pick("fix", branch="main")
    change("fix", "DELETE FROM shops WHERE shop = 0")
    cat.rebase("fix", onto="main")
    cat.revert("main", branch="main")
    for ref in ("main", "main~1", "main~2", "main~3", "fix", "fix~1"):
        fresh = {one.table for one in cat.stale(ref) if not one.is_stale}
        assert fresh == {"totals", "top"} or ref == "fix~1", ref
        for table in ("totals", "top"):
            found = cat.reproduce(table, ref)
            assert found.is_same, (ref, table)
            read = {one.table: one.commit for one in found.inputs}
            for name, commit in read.items():
                assert commit is not None and name in {one.name for one in cat.tables(commit)}
