"""Two transactions on one branch: both land where they are apart, else the later one is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, Conflict
from catalog.operations.transaction import CatalogTransaction

from .conftest import Filled, head, rows, write
from .writing import check_totals, put

START = [{"p": p, "id": p * 10 + n, "v": 0} for p in range(3) for n in range(3)]

Act = Callable[[CatalogTransaction], Any]


def fill(cat: Catalog) -> None:
    put(cat, "t", START, key=["id"], partition_by=["p"])
    put(cat, "other", [{"x": 1}])
    cat.tags.create("start", at="main")


@pytest.fixture
def start(filled_by: Filled) -> Catalog:
    return filled_by(fill)


def row(p: int | None, key: int, v: int = 1) -> dict[str, Any]:
    return {"p": p, "id": key, "v": v}


def append(*new: dict[str, Any], table: str = "t") -> Act:
    return lambda tx: tx.write(table, list(new), mode="append")


def overwrite(*new: dict[str, Any]) -> Act:
    return lambda tx: tx.write("t", list(new), mode="overwrite")


def partitions(*new: dict[str, Any]) -> Act:
    return lambda tx: tx.write("t", list(new), mode="overwrite_partitions")


def upsert(*new: dict[str, Any]) -> Act:
    return lambda tx: tx.write("t", list(new), mode="upsert")


def drop(tx: CatalogTransaction) -> None:
    tx.drop("t")


def both(*acts: Act) -> Act:
    def act(tx: CatalogTransaction) -> None:
        for one in acts:
            one(tx)

    return act


def interleaved(cat: Catalog, late: Act, early: Act, **options: Any) -> None:
    """Lets one transaction begin and work, another do all it does, and the first then commit."""
    with cat.transaction("main", **options) as tx:
        late(tx)
        with cat.transaction("main") as other:
            early(other)


def one_after_the_other(cat: Catalog, branch: str, first: Act, then: Act) -> None:
    cat.branches.create(branch, at="start")
    for act in (first, then):
        with cat.transaction(branch) as tx:
            act(tx)


LAND: dict[str, tuple[Act, Act]] = {
    "appends": (append(row(1, 100)), append(row(1, 101))),
    "appends of the same rows": (append(row(1, 100)), append(row(1, 100))),
    "an append after an upsert": (append(row(1, 100)), upsert(row(1, 10))),
    "an upsert after an append": (upsert(row(1, 10)), append(row(1, 100))),
    "other partitions overwritten": (partitions(row(0, 100)), partitions(row(1, 101), row(5, 7))),
    "an append into another partition": (partitions(row(0, 100)), append(row(1, 101))),
    "an upsert in another partition": (partitions(row(0, 100)), upsert(row(1, 10))),
    "upserts in other files": (upsert(row(0, 1)), upsert(row(1, 11))),
    "upserts of two keys of one file": (upsert(row(1, 11, 1)), upsert(row(1, 12, 2))),
    "an upsert and a longer file": (
        upsert(row(1, 11, 1)),
        both(upsert(row(1, 12, 7)), append(row(1, 500))),
    ),
    "upserts of new keys": (upsert(row(0, 100)), upsert(row(0, 101))),
    "an append where a partition was overwritten": (append(row(0, 100)), partitions(row(0, 101))),
    "other tables": (upsert(row(0, 1)), append({"x": 2}, table="other")),
    "a new table": (overwrite(row(0, 1)), append({"y": 2}, table="new")),
    "several operations": (
        both(upsert(row(0, 1), row(0, 100)), append(row(0, 200)), upsert(row(0, 200, 5))),
        both(append(row(0, 300)), upsert(row(1, 11)), partitions(row(2, 400))),
    ),
}


@pytest.mark.invariant(
    "Writers of different rows both succeed; those that overlap get a conflict that says where"
)
@pytest.mark.parametrize("what", LAND)
def test_what_is_apart_lands_as_if_done_in_turn(start: Catalog, what: str) -> None:
    late, early = LAND[what]
    interleaved(start, late, early)
    one_after_the_other(start, "in-turn", early, late)
    tables = [table.name for table in start.tables("in-turn")]
    assert [table.name for table in start.tables()] == tables
    for table in tables:
        query = f"SELECT * FROM {table}"
        assert sorted(rows(start, query)) == sorted(start.sql(query, ref="in-turn").fetchall())
        check_totals(start, table)
        one, two = start.table(table), start.table(table, "in-turn")
        assert (one.rows, one.partitions) == (two.rows, two.partitions)


CLASH: dict[str, tuple[Act, Act, str]] = {
    "one partition overwritten twice": (partitions(row(1, 1)), partitions(row(1, 2)), "p=1"),
    "an append into what is overwritten": (partitions(row(1, 1)), append(row(1, 100)), "p=1"),
    "an upsert into what is overwritten": (partitions(row(1, 1)), upsert(row(1, 11)), "p=1"),
    "a partition overwritten with the same and another": (
        partitions(row(1, 100), *(row(0, n, 0) for n in range(3))),
        upsert(row(0, 1)),
        "p=0",
    ),
    "a new partition made twice": (partitions(row(7, 1)), append(row(7, 100)), "p=7"),
    "the NULL partition": (partitions(row(None, 1)), append(row(None, 100)), "p=NULL"),
    "one key changed twice": (upsert(row(1, 11, 1)), upsert(row(1, 11, 2)), "p=1"),
    "a key in what is overwritten": (upsert(row(1, 11)), partitions(row(1, 5)), "p=1"),
    "one new key": (upsert(row(0, 100)), upsert(row(0, 100)), "p=0"),
    "one new key in two partitions": (upsert(row(0, 100)), upsert(row(1, 100)), "p=1"),
    "a new key that was appended": (upsert(row(0, 100)), append(row(2, 100)), "p=2"),
    "an old key that was appended": (upsert(row(0, 1)), append(row(2, 1)), "p=2"),
    "a key that moved": (upsert(row(2, 1)), upsert(row(1, 1)), "p=0"),
    "all overwritten": (overwrite(row(0, 1)), append(row(2, 100)), ""),
    "dropped": (append(row(0, 100)), drop, ""),
    "dropped after a change": (drop, append(row(0, 100)), ""),
    "dropped twice": (drop, drop, ""),
    "made anew": (append(row(0, 100)), both(drop, append(row(0, 1))), ""),
    "another column": (append(row(0, 100)), append({**row(0, 101), "new": 1}), ""),
    "another column here": (append({**row(0, 101), "new": 1}), append(row(0, 100)), ""),
    "another key": (
        append(row(0, 100)),
        lambda tx: tx.write("t", [row(0, 101)], mode="append", key=["id", "v"]),
        "",
    ),
    "other partition columns": (
        append(row(0, 100)),
        lambda tx: tx.write("t", START, mode="overwrite", partition_by=[]),
        "",
    ),
}


@pytest.mark.invariant(
    "Writers of different rows both succeed; those that overlap get a conflict that says where"
)
@pytest.mark.parametrize("what", CLASH)
def test_what_meets_is_a_conflict_that_names_it(start: Catalog, what: str) -> None:
    late, early, where = CLASH[what]
    with pytest.raises(Conflict) as caught:
        interleaved(start, late, early)
    culprit = head(start)
    assert caught.value.kind == "write-conflict"
    assert "table 't'" in caught.value.message
    assert culprit[:8] in caught.value.message
    assert caught.value.hint
    shown = re.search(r" in partitions? (.*) on branch", caught.value.message)
    assert (shown[1] if shown else "") == where
    assert len(start.log()) == 4
    one_after_the_other(start, "alone", early, lambda tx: None)
    if [table.name for table in start.tables()][-1] == "t":
        query = "SELECT * FROM t"
        assert sorted(rows(start, query), key=repr) == sorted(
            start.sql(query, ref="alone").fetchall(), key=repr
        )
        check_totals(start, "t")


def test_what_changed_nothing_is_in_nobodys_way(start: Catalog) -> None:
    interleaved(start, upsert(row(0, 1, 0)), overwrite(row(0, 7)))
    assert rows(start, "SELECT p, id FROM t") == [(0, 7)]
    assert len(start.log()) == 4


@pytest.mark.parametrize("names", [("new", "new"), ("new", "New")])
@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert"])
def test_a_table_made_by_both_is_a_conflict(
    start: Catalog, names: tuple[str, str], mode: Any
) -> None:
    with pytest.raises(Conflict) as caught, start.transaction("main") as tx:
        tx.write(names[0], [{"a": 1}], mode=mode, key=["a"])
        put(start, names[1], [{"a": 2}], mode, key=["a"])
    assert head(start)[:8] in caught.value.message
    assert [table.name for table in start.tables()] == sorted(["other", "t", names[1]])


def test_the_commit_in_the_way_is_named_among_others(start: Catalog) -> None:
    with pytest.raises(Conflict) as caught, start.transaction("main") as tx:
        tx.write("t", [row(1, 11)], mode="upsert")
        put(start, "other", [{"x": 5}])
        put(start, "t", [row(1, 11, 2)], "upsert")
        culprit = head(start)
        put(start, "other", [{"x": 6}])
    assert culprit[:8] in caught.value.message


def test_a_branch_deleted_meanwhile_is_said(start: Catalog) -> None:
    start.branches.create("dev")
    with pytest.raises(Conflict) as caught, start.transaction("dev") as tx:
        tx.write("t", [row(0, 100)], mode="append")
        start.branches.delete("dev")
    assert caught.value.kind == "branch-deleted"


@pytest.mark.parametrize(
    ("early", "lands"),
    [(append({"x": 9}, table="other"), True), (append(row(2, 900)), False)],
    ids=["another table", "this table"],
)
def test_serializable_needs_the_table_as_it_was(start: Catalog, early: Act, lands: bool) -> None:
    late = append(row(0, 100))
    if lands:
        interleaved(start, late, early, isolation="serializable")
        assert len(rows(start, "SELECT * FROM t")) == 10
        return
    with pytest.raises(Conflict, match="'t'"):
        interleaved(start, late, early, isolation="serializable")


def test_serializable_needs_what_it_looked_at_in_vain(start: Catalog) -> None:
    with pytest.raises(Conflict, match="'t'"):
        interleaved(
            start,
            both(upsert(row(0, 1, 0)), append({"x": 2}, table="other")),
            append(row(2, 900)),
            isolation="serializable",
        )


def test_another_isolation_is_refused(cat: Catalog) -> None:
    with pytest.raises(CatalogError, match="dirty"):
        cat.transaction("main", isolation="dirty")  # type: ignore[arg-type]


# files that come to have the same content


def test_two_files_that_become_alike_do_not_become_one(cat: Catalog) -> None:
    """Without the conflict, one of the two rows would be lost: both are called by content."""
    put(cat, "t", [{"p": 1, "id": 1}, {"p": 1, "id": 2}], key=["id"], partition_by=["p"])
    put(cat, "t", [{"p": 1, "id": 1}, {"p": 1, "id": 3}])
    with pytest.raises(Conflict, match="p=1"), cat.transaction("main") as tx:
        tx.write("t", [{"p": 2, "id": 2}], mode="upsert")
        put(cat, "t", [{"p": 3, "id": 3}], "upsert")
    check_totals(cat, "t")
    put(cat, "t", [{"p": 2, "id": 2}], "upsert")
    assert sorted(rows(cat, "SELECT p, id FROM t")) == [(1, 1), (1, 1), (2, 2), (3, 3)]
    check_totals(cat, "t")


def snapshot(source: Path, scope: Any) -> Act:
    return lambda tx: tx.snapshot("t", str(source), scope=scope)


def test_snapshots_that_append_the_same_file_add_it_once(start: Catalog, source: Path) -> None:
    write(source / "p=1/a.parquet", {"id": [100], "v": [1]})
    late = source.parent / "late"
    write(late / "p=1/a.parquet", {"id": [100], "v": [1]})
    write(late / "p=2/b.parquet", {"id": [101], "v": [1]})
    interleaved(start, snapshot(late, "append"), snapshot(source, "append"))
    assert start.table("t").rows == 11
    check_totals(start, "t")
    before = head(start)
    interleaved(start, snapshot(late, "append"), lambda tx: None)
    assert head(start) == before


def test_a_reference_that_changed_between_two_snapshots_is_a_conflict(
    cat: Catalog, source: Path
) -> None:
    put(cat, "t", [{"id": 1}])
    file = write(source / "a.parquet", {"id": [100]})
    with pytest.raises(Conflict), cat.transaction("main") as tx:
        tx.snapshot("t", str(source), scope="append", mode="reference")
        write(file, {"id": [100, 101]})
        with cat.transaction("main") as other:
            other.snapshot("t", str(source), scope="append", mode="reference")
    assert sorted(rows(cat, "SELECT id FROM t")) == [(1,), (100,), (101,)]


def test_a_snapshot_that_finds_everything_there_by_then_makes_no_commit(
    start: Catalog, source: Path
) -> None:
    write(source / "p=1/a.parquet", {"id": [100], "v": [1]})
    interleaved(start, snapshot(source, "append"), snapshot(source, "append"))
    assert len(start.log()) == 4
    check_totals(start, "t")


@pytest.mark.parametrize(
    ("early", "where"),
    [(append(row(2, 100)), ""), (append(row(1, 100)), "p=1"), (upsert(row(1, 11)), "p=1")],
    ids=["apart", "append", "upsert"],
)
def test_snapshots_of_partitions_depend_on_them_alone(
    start: Catalog, source: Path, early: Act, where: str
) -> None:
    write(source / "p=1/a.parquet", {"id": [1000], "v": [1]})
    if where:
        with pytest.raises(Conflict, match=where):
            interleaved(start, snapshot(source, "partitions"), early)
        return
    interleaved(start, snapshot(source, "partitions"), early)
    assert start.table("t").rows == 9 - 3 + 1 + 1
    check_totals(start, "t")


def test_an_upsert_over_files_of_another_layout_that_came_meanwhile(
    start: Catalog, source: Path
) -> None:
    write(source / "p=1/a.parquet", {"v": [5], "id": [1000]})
    interleaved(start, upsert(row(0, 1)), snapshot(source, "append"))
    assert start.table("t").rows == 10
    check_totals(start, "t")
    write(source / "p=1/b.parquet", {"v": [5], "id": [2]})
    with pytest.raises(Conflict, match="p=1"):
        interleaved(start, upsert(row(0, 2)), snapshot(source, "append"))


def test_full_snapshots_depend_on_the_whole_table(start: Catalog, source: Path) -> None:
    write(source / "p=1/a.parquet", {"id": [1000], "v": [1]})
    with pytest.raises(Conflict, match="'t'"):
        interleaved(start, snapshot(source, "full"), append(row(2, 100)))


def test_a_transaction_of_many_tables_lands_whole_or_not_at_all(start: Catalog) -> None:
    late = both(append({"x": 2}, table="other"), upsert(row(1, 11)))
    with pytest.raises(Conflict):
        interleaved(start, late, partitions(row(1, 1)))
    assert rows(start, "SELECT * FROM other") == [(1,)]


def test_orders_of_disjoint_operations_lead_to_one_root(start: Catalog) -> None:
    acts = [partitions(row(0, 100)), partitions(row(1, 101), row(1, 102)), upsert(row(2, 21, 7))]
    roots = set()
    for n, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 2, 0))):
        start.branches.create(f"b{n}", at="main")
        open_ = [start.transaction(f"b{n}") for _ in order]
        for which, tx in zip(order, open_, strict=True):
            tx.__enter__()
            acts[which](tx)
        for tx in reversed(open_):
            tx.__exit__(None, None, None)
        roots.add(start.table("t", f"b{n}").manifest)
        check_totals(start, "t", f"b{n}")
    assert len(roots) == 1
