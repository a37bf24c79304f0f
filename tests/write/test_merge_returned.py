"""Columns that were dropped and came back on one side, while the other wrote their files again."""

import pytest

import catalog
from catalog.catalog import Catalog

from .conftest import rows
from .merges import check_totals, conflict, conflict_rows

ALL = "SELECT k, q, v FROM t ORDER BY k"


def run(cat: Catalog, branch: str, *statements: str) -> None:
    with cat.transaction(branch, message="statements") as tx:
        for statement in statements:
            tx.sql(statement)


def dropped(cat: Catalog, partitioned: str = "") -> None:
    made = "SELECT range k, 10 + range q, 1 v, range % 2 p FROM range(4)"
    run(cat, "main", f"CREATE TABLE t {partitioned} PRIMARY KEY (k) AS {made}")
    run(cat, "main", "ALTER TABLE t DROP COLUMN q")


@pytest.mark.parametrize("partitioned", ["", "PARTITIONED BY (p)"])
def test_a_revert_brings_back_cells_of_rows_that_were_written_since(
    cat: Catalog, partitioned: str
) -> None:
    dropped(cat, partitioned)
    untouched = [f.path for f in cat.files("t") if partitioned][:1]
    run(cat, "main", "UPDATE t SET v = 4 WHERE k = 1", "INSERT INTO t VALUES (9, 9, 1)")
    cat.revert("main~1")
    assert rows(cat, ALL) == [(0, 10, 1), (1, 11, 4), (2, 12, 1), (3, 13, 1), (9, None, 9)]
    assert {*untouched} <= {f.path for f in cat.files("t")}
    assert cat.diff("main~1", "main")["t"].rows.deleted == 0
    table = cat.table("t")
    held = {c.field_id for one in table.file_schemas.values() for c in one.columns}
    assert max(held) <= table.last_field_id
    check_totals(cat, "main")


@pytest.mark.parametrize("partitioned", ["", "PARTITIONED BY (p)"])
@pytest.mark.parametrize("returning", ["main", "work"])
def test_a_merge_keeps_them_from_either_side(
    cat: Catalog, returning: str, partitioned: str
) -> None:
    dropped(cat, partitioned)
    cat.branches.create("work")
    cat.revert(cat.resolve(returning).commit_id, branch=returning)
    run(cat, returning, "UPDATE t SET q = 77 WHERE k = 3")
    run(cat, "work" if returning == "main" else "main", "UPDATE t SET v = 4 WHERE k = 1")
    cat.merge("work")
    merged = [(0, 10, 1), (1, 11, 4), (2, 12, 1), (3, 77, 1)]
    assert rows(cat, ALL) == merged
    check_totals(cat, "main")
    cat.merge("main", into="work")
    run(cat, "work", "UPDATE t SET v = 5 WHERE k = 0")
    cat.merge("work")
    assert rows(cat, ALL) == [(0, 10, 5), *merged[1:]]
    assert cat.diff("main~1", "main")["t"].rows.updated == 1


def test_a_row_that_was_deleted_since_clashes_with_its_cell(cat: Catalog) -> None:
    dropped(cat)
    run(cat, "main", "DELETE FROM t WHERE k = 2")
    with pytest.raises(catalog.MergeConflict) as caught:
        cat.revert("main~1")
    assert conflict_rows(caught.value) == {("deleted-by-ours", '{"k":"2"}', "q")}
    cat.revert("main~1", resolve="ours")
    assert rows(cat, ALL) == [(0, 10, 1), (1, 11, 1), (3, 13, 1)]


def test_without_a_key_it_clashes_with_rows_that_were_changed(cat: Catalog) -> None:
    run(cat, "main", "CREATE TABLE t AS SELECT range k, 10 + range q, 1 v FROM range(3)")
    run(cat, "main", "ALTER TABLE t DROP COLUMN q")
    cat.branches.create("work")
    cat.revert("work", branch="work")
    run(cat, "main", "UPDATE t SET v = 4 WHERE k = 1")
    assert {kind for kind, _, _ in conflict_rows(conflict(cat, "work"))} == {"below-zero"}
