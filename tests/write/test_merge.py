"""Merges of whole catalogs: tables that come and go, shapes, crosswise merges, no-ops."""

import decimal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.model.table import TableSnapshot
from catalog.repository.branches import Stamp
from catalog.repository.commit_writer import Description, TableUpdate

from . import shapes
from .conftest import rows
from .merges import check_totals, conflict, conflict_rows, put, values


def test_tables_that_one_side_made_or_dropped_come_and_go(parted: Catalog) -> None:
    put(parted, "main", {1: 1}, table="gone")
    parted.merge("main", into="work")
    put(parted, "work", {1: 2}, table="new")
    with parted.transaction("work") as tx:
        tx.drop("gone")
    report = parted.merge("work")
    assert [(t.table, t.how) for t in report.tables] == [("gone", "taken"), ("new", "taken")]
    assert [info.name for info in parted.tables()] == ["new", "t"]
    assert values(parted, table="new") == {1: 2}


def test_a_table_that_both_made_alike_is_one(parted: Catalog) -> None:
    for branch in ("main", "work"):
        put(parted, branch, {1: 1, 2: 2}, table="new")
    before = parted.table("new")
    parted.merge("work")
    assert parted.table("new") == before


def test_a_table_that_both_made_merges_by_its_rows(parted: Catalog) -> None:
    put(parted, "main", {1: 1, 2: 2}, table="new")
    put(parted, "work", {2: 2, 3: 3}, table="new")
    parted.merge("work")
    assert values(parted, table="new") == {1: 1, 2: 2, 3: 3}
    put(parted, "work", {2: 5}, table="other")
    put(parted, "main", {2: 6}, table="other")
    assert conflict_rows(conflict(parted, "work")) == {("inserted-both", '{"k":"2"}', "v")}


@pytest.mark.parametrize(("resolve", "left"), [("ours", {1: 9, 2: 2, 3: 3}), ("theirs", None)])
def test_a_table_dropped_there_and_changed_here_clashes(
    parted: Catalog, resolve: Any, left: dict[int, int] | None
) -> None:
    put(parted, "main", {1: 9}, mode="upsert")
    with parted.transaction("work") as tx:
        tx.drop("t")
    assert conflict_rows(conflict(parted, "work")) == {("table-dropped", None, None)}
    assert parted.merge("main", into="work", dry_run=True).conflicts.num_rows == 1
    parted.continue_merge(resolve=resolve)
    assert [info.name for info in parted.tables()] == ([] if left is None else ["t"])
    assert left is None or values(parted) == left


def rename(cat: Catalog, branch: str, old: str, new: str) -> None:
    with cat.transaction(branch) as tx:
        tx.sql(f"ALTER TABLE {old} RENAME TO {new}")


@pytest.mark.parametrize(("resolve", "left"), [("ours", ["u"]), ("theirs", ["v"])])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_table_that_both_renamed_is_not_there_twice(
    parted: Catalog, resolve: Any, left: list[str], at_once: bool
) -> None:
    rename(parted, "main", "t", "u")
    rename(parted, "work", "t", "v")
    before = values(parted, table="u")
    if at_once:
        parted.merge("work", resolve=resolve)
    else:
        assert conflict_rows(conflict(parted, "work")) == {("table-renamed", None, None)}
        assert [info.name for info in parted.tables()] == ["u"]
        parted.continue_merge(resolve=resolve)
    assert [info.name for info in parted.tables()] == left
    assert values(parted, table=left[0]) == before


def test_a_table_that_both_renamed_alike_is_one(parted: Catalog) -> None:
    for branch in ("main", "work"):
        rename(parted, branch, "t", "u")
    put(parted, "work", {7: 7}, table="u")
    parted.merge("work")
    assert [info.name for info in parted.tables()] == ["u"]
    assert values(parted, table="u") == {1: 1, 2: 2, 3: 3, 7: 7}


def test_a_table_is_renamed_in_turn(parted: Catalog) -> None:
    rename(parted, "work", "t", "u")
    parted.merge("work")
    rename(parted, "main", "u", "v")
    parted.merge("main", into="work")
    for branch in ("main", "work"):
        assert [info.name for info in parted.tables(branch)] == ["v"]
    parted.revert("main")
    assert [info.name for info in parted.tables()] == ["u"]


def test_a_table_picked_and_then_renamed_is_not_there_twice(parted: Catalog) -> None:
    put(parted, "work", {1: 1}, table="new")
    parted.cherry_pick("work", branch="main")
    rename(parted, "main", "new", "other")
    assert conflict_rows(conflict(parted, "work")) == {("table-renamed", None, None)}


def test_a_table_created_again_is_not_merged_with_its_namesake(parted: Catalog) -> None:
    with parted.transaction("work") as tx:
        tx.drop("t")
    put(parted, "work", {1: 7, 4: 4})
    put(parted, "main", {1: 9}, mode="upsert")
    assert conflict_rows(conflict(parted, "work")) == {("table-replaced", None, None)}
    parted.abort_merge()
    parted.merge("work", resolve="theirs")
    assert values(parted) == {1: 7, 4: 4}


def test_a_table_created_again_on_both_sides_as_the_same_merges(parted: Catalog) -> None:
    with parted.transaction("work") as tx:
        tx.drop("t")
    put(parted, "work", {1: 7, 4: 4})
    parted.merge("work", squash=True)
    put(parted, "work", {5: 5}, mode="upsert")
    put(parted, "main", {6: 6}, mode="upsert")
    parted.merge("work")
    assert values(parted) == {1: 7, 4: 4, 5: 5, 6: 6}


def test_names_that_differ_in_case_only_clash(parted: Catalog) -> None:
    put(parted, "main", {1: 1}, table="Orders")
    put(parted, "work", {2: 2}, table="orders")
    found = conflict(parted, "work").conflicts.to_pylist()
    assert [(row["kind"], row["ours"], row["theirs"]) for row in found] == [
        ("name-taken", "Orders", "orders")
    ]
    assert [info.name for info in parted.tables("merge/work-into-main")] == [
        "Orders",
        "parquetry.conflicts",
        "t",
    ]


def test_what_was_merged_crosswise_and_settled_unlike_clashes_again(parted: Catalog) -> None:
    put(parted, "main", {1: 10, 2: 5}, mode="upsert")
    put(parted, "work", {1: 11, 3: 6}, mode="upsert")
    parted.tags.create("a", at="main")
    parted.tags.create("b", at="work")
    parted.merge("b", resolve="ours")
    parted.merge("a", into="work", resolve="ours")
    assert values(parted) == {1: 10, 2: 5, 3: 6}
    assert values(parted, "work") == {1: 11, 2: 5, 3: 6}
    for source, into in (("work", "main"), ("main", "work")):
        before = [found.path for found in parted.repository.store.list("")]
        tried = parted.merge(source, into=into, dry_run=True)
        assert [found.path for found in parted.repository.store.list("")] == before
        error = conflict(parted, source, into=into)
        assert conflict_rows(error) == {("cell", '{"k":"1"}', "v")}
        assert tried.conflicts == error.conflicts
    parted.continue_merge("work", resolve="theirs")
    assert values(parted) == {1: 11, 2: 5, 3: 6}


@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "keyless"])
def test_what_was_merged_crosswise_alike_merges(cat: Catalog, keyed: bool) -> None:
    key = ["k"] if keyed else []
    put(cat, "main", [{"k": 1, "v": 1}, {"k": 2, "v": 2}], key=key)
    cat.branches.create("work")
    put(cat, "main", [{"k": 1, "v": 10}, {"k": 2, "v": 2}])
    put(cat, "work", [{"k": 1, "v": 1}, {"k": 2, "v": 20}])
    cat.tags.create("a", at="main")
    cat.tags.create("b", at="work")
    cat.merge("b")
    cat.merge("a", into="work")
    put(cat, "work", [{"k": 3, "v": 3}], mode="append")
    put(cat, "main", [{"k": 4, "v": 4}], mode="append")
    cat.merge("work")
    assert sorted(rows(cat, "SELECT k, v FROM t")) == [(1, 10), (2, 20), (3, 3), (4, 4)]
    check_totals(cat, "main")


def test_merging_again_or_to_and_fro_changes_nothing(parted: Catalog) -> None:
    put(parted, "main", {1: 10}, mode="upsert")
    put(parted, "work", {2: 20}, mode="upsert")
    first = parted.merge("work")
    assert parted.merge("work").commit is None
    back = parted.merge("main", into="work")
    assert back.commit is not None
    assert first.commit is not None
    forth = parted.merge("work")
    assert forth.commit is not None
    assert values(parted) == values(parted, "work") == {1: 10, 2: 20, 3: 3}
    assert not forth.commit.changes


def test_a_squash_of_what_is_there_makes_no_commit(parted: Catalog) -> None:
    put(parted, "work", {2: 20}, mode="upsert")
    assert parted.merge("work", squash=True).commit is not None
    before = parted.resolve("main")
    assert parted.merge("work", squash=True).commit is None
    assert parted.resolve("main") == before


def column(values: list[object], kind: pa.DataType) -> pa.Table:
    if pa.types.is_decimal(kind):
        values = [decimal.Decimal(str(v)) for v in values]
    return pa.table({"k": [1, 2], "v": pa.array(values, kind)})


NARROWER = [
    (pa.int64(), pa.int32(), 2**40),
    (pa.float64(), pa.float32(), 0.1),
    (pa.float64(), pa.int64(), 0.5),
    (pa.decimal128(9, 3), pa.decimal128(9, 1), "0.125"),
    (pa.string(), pa.int64(), "07"),
]


@pytest.mark.parametrize(("wide", "narrow", "value"), NARROWER, ids=str)
@pytest.mark.parametrize("narrowed", ["main", "work"])
def test_no_value_is_rounded_to_fit_a_type_that_the_other_side_gave(
    cat: Catalog, wide: pa.DataType, narrow: pa.DataType, value: object, narrowed: str
) -> None:
    text = pa.types.is_string(wide)
    old: list[object] = ["1", "2"] if text else [1, 2]
    put(cat, "main", column(old, wide), key=["k"])
    cat.branches.create("work")
    put(cat, narrowed, column([1, 5], narrow))
    other = "work" if narrowed == "main" else "main"
    put(cat, other, column([value, old[1]], wide))
    exact = cat.sql("SELECT v FROM t WHERE k = 1", ref=other).fetchall()
    error = conflict(cat, "work")
    assert conflict_rows(error) == {("type-changed", None, "v")}
    assert cat.sql("SELECT v FROM t WHERE k = 1", ref=error.branch).fetchall() == exact
    cat.continue_merge(resolve="ours" if other == "main" else "theirs")
    (first, second) = rows(cat, "SELECT v FROM t ORDER BY k")
    assert first == exact[0]
    assert str(second[0]).rstrip("0").rstrip(".").endswith("5")


def test_a_narrower_type_is_taken_where_all_values_fit(cat: Catalog) -> None:
    put(cat, "main", column([1, 2], pa.int64()), key=["k"])
    cat.branches.create("work")
    put(cat, "work", column([1, 5], pa.int32()))
    put(cat, "main", column([7, 2], pa.int64()))
    cat.merge("work")
    assert values(cat) == {1: 7, 2: 5}
    assert str(cat.table("t").schema.named("v").type) == "INTEGER"


def test_columns_that_no_type_holds_leave_the_rows_alone(parted: Catalog) -> None:
    put(parted, "main", [{"k": 1, "v": 1, "x": 2**60 + 1}])
    put(parted, "work", [{"k": 1, "v": 1, "x": 1.5}, {"k": 4, "v": 4, "x": 2.5}])
    error = conflict(parted, "work")
    assert conflict_rows(error) == {("column-added", None, "x")}
    assert rows(parted, "SELECT x FROM t") == [(2**60 + 1,)]
    assert parted.sql("SELECT x FROM t", ref=error.branch).fetchall() == [(2**60 + 1,)]
    with pytest.raises(catalog.InvalidInput, match="another shape"):
        parted.rebase("work", resolve="theirs")


def all_rows(cat: Catalog, ref: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cat.sql("FROM t ORDER BY k", ref=ref).to_arrow_table().to_pylist()
    return found


@pytest.mark.parametrize("later", [False, True], ids=["at once", "afterwards"])
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_of_contradictory_shapes_one_is_taken_whole_and_told(
    parted: Catalog, side: Any, later: bool
) -> None:
    put(parted, "main", [{"k": 1, "v": 1, "a": "x", "x": 2**60 + 1}, {"k": 7, "v": 7}])
    put(parted, "main", {1: 1}, table="u")
    put(parted, "work", [{"k": 1, "v": 1, "x": 1.5, "b": 5}, {"k": 4, "v": 4, "x": 2.5}])
    put(parted, "work", {2: 2}, table="w")
    wanted = all_rows(parted, "main" if side == "ours" else "work")
    tried = parted.merge("work", resolve={"t": side}, dry_run=True)
    if later:
        conflict(parted, "work")
        done = parted.continue_merge(resolve={"t": side})
    else:
        done = parted.merge("work", resolve={"t": side})
    for report in (tried, done):
        assert {(t.table, t.how) for t in report.tables} == {("t", side), ("w", "taken")}
        assert report.conflicts.num_rows == 0
    assert all_rows(parted, "main") == wanted
    assert [info.name for info in parted.tables()] == ["t", "u", "w"]
    check_totals(parted, "main")
    put(parted, "work", [{"k": 9, "v": 9}], mode="append")
    if side == "theirs":
        parted.merge("work")
        new = dict.fromkeys(wanted[0]) | {"k": 9, "v": 9}
        assert all_rows(parted, "main") == [*wanted, new]


def test_columns_of_a_table_taken_whole_are_not_taken_for_others_of_their_ids(
    parted: Catalog,
) -> None:
    put(parted, "main", [{"k": 1, "v": 1, "a": 10, "x": 1}, {"k": 2, "v": 2}])
    put(parted, "work", [{"k": 1, "v": 1, "b": 20, "x": "one"}, {"k": 2, "v": 2}])
    parted.merge("work", resolve="theirs")
    assert all_rows(parted, "main") == all_rows(parted, "work")
    (table,) = parted.diff("main~1", "main").to_dict()["tables"]
    changes = {(c["change"], c["column"]) for c in table["schema_changes"]}
    assert changes == {("column_removed", "a"), ("column_added", "b"), ("type_changed", "x")}
    (same,) = parted.diff("work", "main").to_dict()["tables"]
    assert (same["schema_changes"], same["rows"]["updated"]) == ([], 0)
    put(parted, "work", [{"k": 3, "v": 3, "b": 30, "x": "three"}], mode="append")
    parted.merge("work")
    assert all_rows(parted, "main") == all_rows(parted, "work")


def test_a_table_changed_by_hand_is_not_taken_whole(parted: Catalog) -> None:
    put(parted, "main", [{"k": 1, "v": 1, "x": 2**60 + 1}])
    put(parted, "work", [{"k": 1, "v": 1, "x": 1.5}])
    branch = conflict(parted, "work").branch
    put(parted, branch, [{"k": 1, "v": 1, "x": "by hand"}])
    with pytest.raises(catalog.InvalidInput, match="changed by hand"):
        parted.continue_merge(resolve="theirs")
    with parted.transaction(branch) as tx:
        tx.sql("DELETE FROM parquetry.conflicts")
    parted.continue_merge()
    assert rows(parted, "FROM t") == [(1, 1, "by hand")]


def test_columns_that_both_added_keep_their_values(parted: Catalog) -> None:
    put(parted, "main", [{"k": k, "v": k, "a": "x", "b": k} for k in (1, 2, 3)])
    put(parted, "work", [{"k": k, "v": k, "c": k * 10, "b": k} for k in (1, 2, 3)])
    parted.merge("work")
    found = rows(parted, "SELECT k, v, a, b, c FROM t ORDER BY k")
    assert found == [(k, k, "x", k, k * 10) for k in (1, 2, 3)]
    (table,) = parted.diff("main~1", "main").to_dict()["tables"]
    changes = [(c["change"], c["column"]) for c in table["schema_changes"]]
    assert changes == [("column_added", "c")]
    assert parted.diff("main~1", "main")["t"].columns["c"].filled == 3


def test_a_dropped_column_takes_no_changed_cells_with_it(parted: Catalog) -> None:
    put(parted, "work", [{"k": k} for k in (1, 2, 3)])
    put(parted, "main", {1: 9}, mode="upsert")
    assert conflict_rows(conflict(parted, "work")) == {("column-dropped", None, "v")}
    kept = parted.merge("work", resolve="ours", dry_run=True)
    assert [(t.table, t.how, t.files_added) for t in kept.tables] == [("t", "ours", 0)]
    parted.continue_merge(resolve="theirs")
    assert rows(parted, "SELECT * FROM t ORDER BY k") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("statements", "clashes"),
    [
        (["UPDATE t SET v = 9 WHERE k = 1"], True),
        (["ALTER TABLE t DROP COLUMN k", "UPDATE t SET v = 9"], True),
        (["DELETE FROM t WHERE k = 1"], False),
        (["INSERT INTO t VALUES (7, 8)"], True),
        (["DELETE FROM t WHERE k = 1", "INSERT INTO t VALUES (7, 8)"], True),
        (["INSERT INTO t VALUES (7, NULL)"], False),
    ],
)
@pytest.mark.parametrize("dropping", ["main", "work"])
def test_nor_does_it_without_a_key(
    cat: Catalog, dropping: str, statements: list[str], clashes: bool
) -> None:
    put(cat, "main", [{"k": k, "v": k} for k in (1, 2, 3)], key=[])
    cat.branches.create("work")
    with cat.transaction(dropping) as tx:
        tx.sql("ALTER TABLE t ADD COLUMN w INTEGER")
        tx.sql("ALTER TABLE t DROP COLUMN v")
    with cat.transaction("work" if dropping == "main" else "main") as tx:
        for statement in statements:
            tx.sql(statement)
    if clashes:
        assert conflict_rows(conflict(cat, "work")) == {("column-dropped", None, "v")}
    else:
        cat.merge("work")
        assert cat.table("t").schema.names == ("k", "w")


@pytest.mark.parametrize("dropping", ["main", "work"])
def test_nor_does_it_take_cells_of_new_rows(parted: Catalog, dropping: str) -> None:
    writing = "work" if dropping == "main" else "main"
    with parted.transaction(dropping) as tx:
        tx.sql("ALTER TABLE t DROP COLUMN v")
    with parted.transaction(writing) as tx:
        tx.sql("INSERT INTO t VALUES (7, NULL)")
    assert parted.merge("work", dry_run=True).conflicts.num_rows == 0
    with parted.transaction(writing) as tx:
        tx.sql("INSERT INTO t VALUES (8, 8)")
    assert conflict_rows(conflict(parted, "work")) == {("column-dropped", None, "v")}
    parted.continue_merge(resolve="ours" if dropping == "main" else "theirs")
    assert rows(parted, "SELECT * FROM t ORDER BY k") == [(1,), (2,), (3,), (7,), (8,)]


def test_a_column_renamed_after_it_was_merged_takes_no_new_cells_with_it(parted: Catalog) -> None:
    """Columns that came since the branches parted are matched by name: a rename drops one."""
    with parted.transaction("work") as tx:
        tx.sql("ALTER TABLE t ADD COLUMN n INTEGER")
    with parted.transaction("main") as tx:
        tx.sql("INSERT INTO t VALUES (9, 9)")
    parted.merge("work")
    with parted.transaction("main") as tx:
        tx.sql("ALTER TABLE t RENAME COLUMN n TO m")
    with parted.transaction("work") as tx:
        tx.sql("INSERT INTO t VALUES (20, 20, 20)")
    assert conflict_rows(conflict(parted, "work")) == {("column-dropped", None, "n")}


@pytest.mark.parametrize("dropping", ["main", "work"])
def test_nor_does_it_where_the_key_became_a_new_column(cat: Catalog, dropping: str) -> None:
    put(cat, "main", [{"k": k, "v": k} for k in (1, 2, 3)], key=["k"])
    cat.branches.create("work")
    with cat.transaction(dropping) as tx:
        tx.sql("ALTER TABLE t DROP COLUMN v")
    with cat.transaction("work" if dropping == "main" else "main") as tx:
        tx.sql("CREATE OR REPLACE TABLE t PRIMARY KEY (j) AS SELECT *, k + 10 AS j FROM t")
        tx.sql("UPDATE t SET v = 9 WHERE k = 1")
    clashes = conflict_rows(conflict(cat, "work"))
    assert ("column-dropped", None, "v") in clashes


def test_a_key_that_one_side_changed_matches_the_rows(cat: Catalog) -> None:
    data = [{"k": 1, "j": "a", "v": 1}, {"k": 2, "j": "b", "v": 2}]
    put(cat, "main", data, key=["k"])
    cat.branches.create("work")
    put(cat, "work", data, key=["j"])
    put(cat, "main", [{"k": 2, "j": "b", "v": 5}], mode="upsert")
    cat.merge("work")
    assert cat.table("t").key_names == ("j",)
    assert rows(cat, "SELECT v FROM t ORDER BY k") == [(1,), (5,)]


def test_unlike_partitions_are_taken_whole_or_clash(parted: Catalog) -> None:
    put(parted, "work", [{"k": 1, "v": 1}], partition_by=["v"])
    put(parted, "main", {1: 9}, mode="upsert")
    assert conflict_rows(conflict(parted, "work")) == {("partitioning-changed", None, None)}
    parted.continue_merge(resolve="theirs")
    assert values(parted) == {1: 1}
    check_totals(parted, "main")


def reshaped(cat: Catalog, branch: str, change: Callable[[TableSnapshot], TableSnapshot]) -> None:
    """Commits another shape of the table ``t``, its files as they are."""
    repository = cat.repository
    head = cat.resolve(branch).commit_id
    base = repository.commits.table(repository.commits.entries(head)["t"])
    update = TableUpdate("t", base, change(base.snapshot))
    made = repository.writer().write(
        [head], [update], Description("tester", cat.context.clock(), "alter")
    )
    held = repository.branches.held(branch)
    assert held is not None
    repository.branches.move(held, made, Stamp("tester", cat.context.clock(), "alter"))


@pytest.mark.parametrize("renamed", ["main", "work"])
def test_a_renamed_column_keeps_the_cells_of_the_other_side(parted: Catalog, renamed: str) -> None:
    other = "work" if renamed == "main" else "main"
    reshaped(parted, renamed, lambda t: shapes.rename(t, v="value"))
    put(parted, renamed, [{"k": 1, "value": 9}], mode="upsert")
    put(parted, other, [{"k": 2, "v": 8}, {"k": 4, "v": 4}], mode="upsert")
    parted.merge("work")
    assert rows(parted, "SELECT k, value FROM t ORDER BY k") == [(1, 9), (2, 8), (3, 3), (4, 4)]
    (table,) = parted.diff("main~1", "main").to_dict()["tables"]
    changes = [(c["change"], c["column"]) for c in table["schema_changes"]]
    assert changes == ([("column_renamed", "value")] if renamed == "work" else [])
    assert table["rows"]["updated"] == 1


def test_a_name_given_to_two_columns_clashes(parted: Catalog) -> None:
    reshaped(parted, "main", lambda t: shapes.rename(t, v="x"))
    put(parted, "work", [{"k": 1, "v": 1, "x": 5}])
    assert conflict_rows(conflict(parted, "work")) == {("name-taken", None, "x")}


def test_a_column_dropped_and_created_again_is_another(parted: Catalog) -> None:
    put(parted, "work", [{"k": k} for k in (1, 2, 3)])
    put(parted, "work", [{"k": k, "v": k * 100} for k in (1, 2, 3)])
    put(parted, "main", {4: 4}, mode="upsert")
    assert conflict_rows(conflict(parted, "work")) == {("column-dropped", None, "v")}
    parted.continue_merge(resolve="theirs")
    assert values(parted) == {1: 100, 2: 200, 3: 300, 4: None}


def test_properties_of_both_sides_are_kept_and_clash_by_name(parted: Catalog) -> None:
    def properties(**values: str) -> Callable[[TableSnapshot], TableSnapshot]:
        return lambda table: replace(table, properties={**table.properties, **values})

    reshaped(parted, "main", properties(a="1", both="ours"))
    reshaped(parted, "work", properties(b="2", both="theirs"))
    assert conflict_rows(conflict(parted, "work")) == {("property-changed", None, "both")}
    parted.continue_merge(resolve="theirs")
    assert parted.table("t").properties == {"a": "1", "b": "2", "both": "theirs"}


@pytest.mark.parametrize("resolve", [None, "ours"])
def test_a_column_that_theirs_dropped_is_not_cleared_where_it_stays(
    cat: Catalog, resolve: Any
) -> None:
    put(cat, "main", column([1, 2], pa.int32()), key=["k"])
    cat.branches.create("work")
    put(cat, "work", [{"k": 1}, {"k": 2}, {"k": 3}])
    put(cat, "main", column([1, 2], pa.int64()))
    if resolve is None:
        conflict(cat, "work")
    else:
        assert [(t.table, t.how) for t in cat.merge("work", resolve=resolve).tables] == [
            ("t", "ours")
        ]
    assert values(cat) == {1: 1, 2: 2}
    if resolve is None:
        assert values(cat, "merge/work-into-main") == {1: 1, 2: 2}
