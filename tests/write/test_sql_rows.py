"""INSERT, UPDATE, DELETE, MERGE and TRUNCATE give the rows that plain DuckDB gives."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count

import pytest

from catalog.catalog import Catalog
from catalog.query.pending_write import WriteResult
from catalog.storage.local import LocalStore
from catalog.write.files import rewrite
from catalog.write.sql import row_changes
from tests.write.conftest import catalog_in
from tests.write.sql_samples import NESTED, OTHER, SAMPLES, STATEMENTS
from tests.write.sql_tables import Oracle, Sample, committed, make, multiset

THOROUGH = ("partitioned", "doubled", "nested and keyed")
"""The samples that every statement is run on; on each of the others, every third is."""

PAIRS = [
    *((name, statement) for name in THOROUGH for statement in STATEMENTS),
    *(
        (name, statement)
        for n, name in enumerate(name for name in SAMPLES if name not in THOROUGH)
        for statement in STATEMENTS[n % 3 :: 3]
    ),
    *((name, statement) for name in SAMPLES if "nested" in name for statement in NESTED),
]


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Catalog]:
    """Makes each sample once; every statement gets a branch of its own."""

    @cache
    def lake(name: str) -> Catalog:
        made = catalog_in(LocalStore(str(tmp_path_factory.mktemp("lakes") / "lake")))
        make(made, SAMPLES[name], OTHER)
        return made

    return lake


@pytest.fixture(scope="module")
def oracles() -> Iterator[Callable[[str], Oracle]]:
    """Loads each sample into DuckDB once; what a statement does to it is taken back."""
    made: dict[str, Oracle] = {}

    def oracle(name: str) -> Oracle:
        if name not in made:
            made[name] = Oracle(SAMPLES[name], OTHER)
        return made[name]

    yield oracle
    for one in made.values():
        one.con.close()


NUMBERS = count()


def branched(cat: Catalog) -> str:
    name = f"branch-{next(NUMBERS)}"
    cat.branches.create(name, at="main")
    return name


@pytest.mark.invariant(
    "A statement on a branch gives the rows DuckDB gives, whichever files it skips"
)
@pytest.mark.parametrize(("name", "statement"), PAIRS)
def test_a_statement_gives_the_rows_that_duckdb_gives(
    lakes: Callable[[str], Catalog],
    oracles: Callable[[str], Oracle],
    name: str,
    statement: str,
) -> None:
    cat = lakes(name)
    branch = branched(cat)
    oracle = oracles(name)
    with oracle.taken_back():
        before = multiset(oracle.rows("orders"))
        oracle.run(statement)
        expected = multiset(oracle.rows("orders"))
    with cat.transaction(branch) as tx:
        result = tx.sql(statement)
        assert isinstance(result, WriteResult)
        seen = tx.sql("FROM orders")
        assert not isinstance(seen, WriteResult)
        assert multiset(seen.fetchall()) == expected
    assert multiset(committed(cat, "orders", branch)) == expected
    assert (tx.commit is None) == (before == expected), result
    gone, came = before - expected, expected - before
    if not came:
        assert result.deleted == gone.total()
    if not gone:
        assert result.inserted == came.total()
    assert result.rows >= max(gone.total(), came.total())


RETURNING = """
UPDATE orders SET x = 1 WHERE id < 4 RETURNING *
UPDATE orders o SET x = o.x + 1 FROM other s WHERE s.id = o.id RETURNING o.id, o.x AS new
DELETE FROM orders WHERE id > 3 RETURNING id, note || '.' AS n
INSERT INTO orders BY NAME SELECT id + 30 AS id, grp FROM other RETURNING orders.id, grp IS NULL
UPDATE orders SET x = 1 WHERE id = 1000 RETURNING *
UPDATE orders SET note = 'n' WHERE id < 3 RETURNING COLUMNS(lambda c: c IN ('id', 'note'))
UPDATE orders SET note = 'n' WHERE id < 3 RETURNING orders
MERGE INTO orders o USING other s ON o.id = s.id WHEN MATCHED THEN UPDATE SET x = s.x \
WHEN NOT MATCHED THEN INSERT (id, grp, x) VALUES (s.id, s.grp, s.x) RETURNING merge_action, id, x
""".strip().splitlines()


@pytest.mark.parametrize("name", ["plain", "partitioned", "nested", "empty"])
@pytest.mark.parametrize("statement", RETURNING)
def test_returning_gives_what_duckdb_returns(
    lakes: Callable[[str], Catalog],
    oracles: Callable[[str], Oracle],
    name: str,
    statement: str,
) -> None:
    cat = lakes(name)
    oracle = oracles(name)
    with oracle.taken_back():
        expected = oracle.con.sql(statement).to_arrow_table()
    with cat.transaction(branched(cat)) as tx:
        result = tx.sql(statement)
    assert isinstance(result, WriteResult)
    assert result.returned is not None
    assert result.returned.column_names == expected.column_names
    found = [tuple(row.values()) for row in result.returned.to_pylist()]
    wanted = [tuple(row.values()) for row in expected.to_pylist()]
    assert multiset(found) == multiset(wanted)


def test_without_returning_nothing_is_returned(cat: Catalog) -> None:
    make(cat, SAMPLES["plain"])
    with cat.transaction("main") as tx:
        result = tx.sql("DELETE FROM orders")
    assert isinstance(result, WriteResult)
    assert result.returned is None


def test_odd_names_are_written_as_others(cat: Catalog) -> None:
    rows = SAMPLES["plain"].rows
    odd = Sample('order "items"', [rows.rename_columns(["i d", "select", "É", '"'])])
    spaced = Sample("a b.C-d.e", [rows], partition_by=["grp"])
    statements = [
        'UPDATE "order ""items""" SET "É" = 1, """" = \'q\' WHERE "i d" < 4 AND "select" = \'a\'',
        'DELETE FROM "order ""items""" WHERE "order ""items"""."i d" = 4',
        'UPDATE "a b"."C-d".e SET grp = \'w\' WHERE e.id = 2 AND "C-d".e.x IS NULL',
        'DELETE FROM "a b"."c-d"."E" AS t WHERE t.id = 7',
    ]
    make(cat, odd, spaced)
    with cat.transaction("main") as tx:
        for statement in statements:
            tx.sql(statement)
    oracle = Oracle(odd, Sample("e", spaced.files))
    for statement in statements:
        oracle.run(
            statement.replace('"a b"."C-d".e', "e")
            .replace('"C-d".e', "e")
            .replace('"a b"."c-d"."E"', "e")
        )
    for name, same in ((odd.name, odd.name), (spaced.name, "e")):
        assert multiset(committed(cat, name)) == multiset(oracle.rows(same))


@pytest.fixture
def two_columns_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of more than two columns are wide."""
    for module in (rewrite, row_changes):
        monkeypatch.setattr(module, "COLUMNS_AT_ONCE", 2)


@pytest.mark.usefixtures("two_columns_at_once")
@pytest.mark.parametrize("statement", STATEMENTS[::4])
def test_a_statement_on_a_wide_table_gives_the_rows_that_duckdb_gives(
    lakes: Callable[[str], Catalog], oracles: Callable[[str], Oracle], statement: str
) -> None:
    cat = lakes("partitioned")
    branch = branched(cat)
    oracle = oracles("partitioned")
    with oracle.taken_back():
        oracle.run(statement)
        expected = multiset(oracle.rows("orders"))
    with cat.transaction(branch) as tx:
        tx.sql(statement)
    assert multiset(committed(cat, "orders", branch)) == expected


@pytest.mark.usefixtures("two_columns_at_once")
@pytest.mark.parametrize("set_too", ["b = 0", "b = 0, d = [2.5]", "c = INTERVAL '30 days', d = d"])
def test_equal_values_of_another_form_are_written_into_wide_tables_too(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch, set_too: str
) -> None:
    values = (
        "SELECT n AS id, n AS a, 0 AS x, 's' AS y, -0.0::DOUBLE AS b, 's' AS w, "
        "INTERVAL '1 month' AS c, [1.5, -0.0] AS d, 'nan'::FLOAT AS z FROM range(4) r(n)"
    )
    forms = []
    for branch, at_once in (("wide", 2), ("narrow", 512)):
        for module in (rewrite, row_changes):
            monkeypatch.setattr(module, "COLUMNS_AT_ONCE", at_once)
        cat.branches.create(branch, at="main")
        with cat.transaction(branch) as tx:
            tx.sql(f"CREATE TABLE t AS {values}")
            tx.sql(f"UPDATE t SET x = 5, {set_too} WHERE id IN (1, 2)")
            tx.sql("DELETE FROM t WHERE id = 3")
        with cat.connect(branch) as session:
            forms.append(session.sql("SELECT CAST(t AS VARCHAR) FROM t ORDER BY id").fetchall())
    assert forms[0] == forms[1]
