"""Which files checks read, and how often: looked at where the engine opens them."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.engine.allowed_files import AllowedFiles
from catalog.model.checks import Check
from catalog.operations.checks.known import KnownResult
from tests.flow.checks.tables import DAYS, check, make, results

EVERY = [
    *(check("not_null", name, name=f"there_{name}") for name in ("id", "customer", "day", "at")),
    check("not_null", "address.city", name="city", where="id % 7 <> 0"),
    check("accepted_values", "status", name="status", values=["paid", "open", "odd"]),
    check("range", "amount", name="amount", min=0, max=10_000),
    check("range", "day", name="days", min="2024-01-01"),
    check("unique", "id", name="id"),
    check("unique", "day", "customer", "at", name="three"),
    check(
        "relationships", "customer", name="known", where="customer < 40", to="customers", field="id"
    ),
    check("row_count", name="some", min=1),
    check("freshness", "at", name="fresh", max_age="9d"),
]
"""Checks that pass, of all kinds that tables have several of."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reading") / "lake"
    make(path)
    return path


@pytest.fixture
def cat(template: Path, tmp_path: Path) -> Catalog:
    shutil.copytree(template, tmp_path / "lake")
    return Catalog.open(str(tmp_path / "lake"))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often the engine opens each data file: equally often for each scan of it."""
    counts: Counter[str] = Counter()
    original = AllowedFiles.open

    def counted(self: AllowedFiles, uri: str, **options: Any) -> Any:
        counts[uri] += 1
        return original(self, uri, **options)

    monkeypatch.setattr(AllowedFiles, "open", counted)
    return counts


def of_orders(opened: Counter[str]) -> dict[str, int]:
    return {uri: number for uri, number in opened.items() if "/orders/" in uri}


@pytest.mark.invariant("All checks of a table, without SQL of their own, read it at most twice")
def test_a_table_is_read_at_most_twice(cat: Catalog, opened: Counter[str]) -> None:
    results(cat, EVERY[:1])
    once = of_orders(opened)
    opened.clear()
    found = results(cat, EVERY)
    assert {one.status for one in found} == {"passed"}
    assert len(once) == DAYS
    assert of_orders(opened) == {uri: 2 * number for uri, number in once.items()}


def test_only_what_a_condition_needs_is_read(cat: Catalog, opened: Counter[str]) -> None:
    where = "day BETWEEN '2024-01-02' AND '2024-01-03'"
    (found,) = results(cat, [check("not_null", "amount", where=where)])
    assert (found.failures, found.rows) == (4, 40)
    assert len(of_orders(opened)) == 2


def test_counts_of_all_rows_open_no_file(cat: Catalog, opened: Counter[str]) -> None:
    (found,) = results(cat, [check("row_count", min=201)])
    assert (found.failures, found.rows, found.status) == (1, 200, "failed")
    assert not opened


@pytest.mark.invariant("After a change, checks that passed read the files that are new")
def test_after_a_change_files_are_read_that_are_new(cat: Catalog, opened: Counter[str]) -> None:
    before = cat.resolve("main").commit_id
    known = [KnownResult(before, one) for one in results(cat, EVERY)]
    with cat.transaction() as tx:
        tx.sql("UPDATE orders SET amount = -1 WHERE id = 45")
    opened.clear()
    found = results(cat, EVERY, known=known)
    assert {one.check: one.failures for one in found if one.failures} == {"amount": 1}
    # the newest moment is in the last file
    assert {day_of(uri) for uri in of_orders(opened)} == {"2024-01-03", "2024-01-10"}


def day_of(uri: str) -> str:
    return uri.partition("day=")[2][:10]


def test_what_did_not_change_is_not_read_again(cat: Catalog, opened: Counter[str]) -> None:
    checks = EVERY[:-1]
    known = [KnownResult(cat.resolve("main").commit_id, one) for one in results(cat, checks)]
    with cat.transaction() as tx:
        tx.sql("INSERT INTO customers VALUES (1000, 'new')")
    opened.clear()
    found = results(cat, checks, known=known)
    assert {one.status for one in found} == {"passed"}
    names = {day_of(uri) for uri in of_orders(opened)}
    assert len(names) == DAYS, "the relationship reads a table that changed"
    opened.clear()
    alone = [one for one in checks if one.name != "known"]
    results(cat, alone, known=known)
    assert not opened


@pytest.mark.parametrize(
    "old",
    [
        check("not_null", "amount", where="id > 5"),
        check("not_null", "amount", "id"),
        check("not_null", "status"),
    ],
    ids=["another condition", "more columns", "another column"],
)
def test_results_of_other_checks_prove_nothing(cat: Catalog, old: Check) -> None:
    known = [KnownResult(cat.resolve("main").commit_id, one) for one in results(cat, [old])]
    with cat.transaction() as tx:
        tx.sql("INSERT INTO orders BY NAME SELECT 1000 AS id, DATE '2024-02-01' AS day")
    (found,) = results(cat, [check("not_null", "amount")], known=known)
    assert found.failures == 21


def test_a_column_of_the_same_name_is_another_one(cat: Catalog) -> None:
    one = check("range", "code", min=0)
    known = [KnownResult(cat.resolve("main").commit_id, r) for r in results(cat, [one])]
    with cat.transaction() as tx:
        tx.sql("ALTER TABLE orders DROP COLUMN code")
        tx.sql("ALTER TABLE orders RENAME COLUMN customer TO code")
        tx.sql("UPDATE orders SET code = -1 WHERE id = 5")
    (found,) = results(cat, [one], known=known)
    assert found.failures == 1
    with cat.transaction() as tx:
        tx.sql("UPDATE orders SET code = -1 WHERE id = 105")
    (found,) = results(cat, [one], known=known)
    assert found.failures == 2


def test_failures_that_were_known_are_counted_again(cat: Catalog) -> None:
    one = check("not_null", "amount")
    known = [KnownResult(cat.resolve("main").commit_id, r) for r in results(cat, [one])]
    with cat.transaction() as tx:
        tx.sql("DELETE FROM orders WHERE id = 10")
    (found,) = results(cat, [one], known=known)
    assert found.failures == 19


def test_a_duplicate_of_a_row_in_another_file_is_found(cat: Catalog) -> None:
    checks = [check("unique", "id", name="a"), check("unique", "code", name="b")]
    known = [KnownResult(cat.resolve("main").commit_id, one) for one in results(cat, checks)]
    with cat.transaction() as tx:
        tx.sql(
            "INSERT INTO orders BY NAME SELECT * REPLACE (DATE '2024-03-01' AS day) "
            "FROM orders WHERE id = 33"
        )
    assert [one.failures for one in results(cat, checks, known=known)] == [1, 1]


def test_a_row_that_went_may_be_what_another_needs(cat: Catalog) -> None:
    one = check("relationships", "customer", to="orders", field="id")
    known = [KnownResult(cat.resolve("main").commit_id, r) for r in results(cat, [one])]
    assert known[0].result.status == "passed"
    with cat.transaction() as tx:
        tx.sql("DELETE FROM orders WHERE id = 7")
    (found,) = results(cat, [one], known=known)
    assert found.failures == 3


def test_what_the_clock_decides_is_found_out_again(cat: Catalog) -> None:
    one = check("not_null", "id", where="day < current_date")
    known = [KnownResult(cat.resolve("main").commit_id, r) for r in results(cat, [one])]
    with cat.transaction() as tx:
        tx.sql("INSERT INTO customers VALUES (1000, 'new')")
    scans: list[Any] = []
    results(cat, [one], known=known, scans=scans)
    assert [scan.files for scan in scans] == [DAYS]
