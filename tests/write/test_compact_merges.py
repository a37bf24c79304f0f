"""Compactions beside other changes: merges, rebases, picks, reverts, derived tables, contracts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog

Table = dict[int, tuple[str, int]]


def put(cat: Catalog, branch: str, rows: Table) -> None:
    with cat.transaction(branch) as tx:
        tx.write("t", table_of(rows), mode="append")


def table_of(rows: Table) -> pa.Table:
    return pa.table(
        {"id": list(rows), "day": [d for d, _ in rows.values()], "x": [x for _, x in rows.values()]}
    )


def rows(cat: Catalog, ref: str = "main") -> list[tuple[object, ...]]:
    return cat.sql(f"SELECT id, day, x FROM t@{ref} ORDER BY ALL").fetchall()


def run(cat: Catalog, sql: str, branch: str = "main") -> None:
    with cat.transaction(branch) as tx:
        tx.sql(sql)


def files(cat: Catalog, ref: str = "main") -> int:
    return len(cat.files("t", ref))


START = {n: ("a" if n % 2 else "b", n * 10) for n in range(12)}

KEYS = pytest.mark.parametrize(
    "key", [["id", "day"], ["id"], None], ids=["apart", "across", "none"]
)


@pytest.fixture
def made(tmp_path: Path) -> Catalog:
    return catalog.create(str(tmp_path / "lake"))


def filled(cat: Catalog, key: list[str] | None) -> Catalog:
    for number, (id_, row) in enumerate(START.items()):
        with cat.transaction() as tx:
            how = {"key": key, "partition_by": ["day"]} if number == 0 else {}
            tx.write("t", table_of({id_: row}), mode="append", **how)
    cat.branches.create("work")
    return cat


CHANGES = (
    "UPDATE t SET x = x + 1 WHERE id = 3",
    "DELETE FROM t WHERE id = 4",
    "INSERT INTO t VALUES (100, 'a', 1), (101, 'c', 2)",
)


def expected() -> list[tuple[object, ...]]:
    after = {**START, 3: ("a", 31), 100: ("a", 1), 101: ("c", 2)}
    del after[4]
    return sorted((id_, *row) for id_, row in after.items())


@KEYS
def test_row_changes_are_merged_onto_a_compacted_branch(
    made: Catalog, key: list[str] | None
) -> None:
    cat = filled(made, key)
    for change in CHANGES:
        run(cat, change, "work")
    cat.compact()
    cat.merge("work")
    assert rows(cat) == expected()
    assert files(cat) < files(cat, "work")


@KEYS
def test_a_compaction_is_merged_onto_row_changes(made: Catalog, key: list[str] | None) -> None:
    cat = filled(made, key)
    for change in CHANGES:
        run(cat, change)
    cat.compact(branch="work")
    cat.merge("work")
    assert rows(cat) == expected()


@KEYS
def test_both_sides_compacted_and_changed(made: Catalog, key: list[str] | None) -> None:
    cat = filled(made, key)
    cat.compact()
    run(cat, CHANGES[0])
    run(cat, CHANGES[1], "work")
    cat.compact(branch="work")
    run(cat, CHANGES[2], "work")
    cat.merge("work")
    assert rows(cat) == expected()


def append(cat: Catalog, branch: str, folder: Path, ids: list[int]) -> None:
    """Appends a file of another writer, whose columns are in another order, to a new table."""
    folder.mkdir(exist_ok=True)
    days = pa.array(["a" if n % 2 else "b" for n in ids])
    pq.write_table(pa.table({"x": ids, "id": ids, "day": days}), folder / f"{ids[0]}.parquet")
    with cat.transaction(branch) as tx:
        tx.snapshot("t", str(folder / f"{ids[0]}.parquet"), scope="append")


@pytest.mark.parametrize("foreign", [False, True], ids=["own", "foreign"])
@pytest.mark.parametrize(
    "compacted", ["", "main", "work", "main work", "main main work work", "first", "first work"]
)
@pytest.mark.parametrize("how", ["squash", "cherry-pick"])
def test_what_both_sides_appended_is_not_doubled(
    made: Catalog, tmp_path: Path, how: str, compacted: str, foreign: bool
) -> None:
    def add(branch: str, *ids: int) -> None:
        if foreign:
            append(made, branch, tmp_path / "files", list(ids))
        else:
            put(made, branch, {n: ("a" if n % 2 else "b", n) for n in ids})

    add("main", 0, 1, 2)
    add("main", 3, 4, 5)
    made.branches.create("work")
    add("work", 6, 7)
    add("work", 8, 9)
    first, *compacted_later = (compacted.split() or ["none"]) if "first" in compacted else ("",)
    if first:  # what both sides get is put together already
        made.compact(branch="work")
    if how == "squash":
        made.merge("work", squash=True)
    else:
        for ref in ("work~2", "work~1") if first else ("work~1", "work"):
            made.cherry_pick(ref)
    one, *others = compacted_later or ["none"] if first else compacted.split() or ["none"]
    if one == "main":
        made.compact()
    add("work", 10, 11)
    add("main", 12, 13)
    for branch in [one, *others]:
        if branch != "none":
            made.compact(branch=branch)
    before = {ref: rows(made, ref) for ref in ("main", "work")}
    assert [row[0] for row in before["main"]] == [*range(10), 12, 13]
    made.merge("work")
    assert [row[0] for row in rows(made)] == list(range(14))
    made.merge("main", into="work")
    assert [row[0] for row in rows(made, "work")] == list(range(14))
    assert made.fsck(deep=True).is_whole


def test_rebase_cherry_pick_and_revert(made: Catalog) -> None:
    cat = filled(made, ["id"])
    for change in CHANGES:
        run(cat, change, "work")
    cat.compact()
    compacted = cat.resolve("main").commit_id
    cat.cherry_pick(compacted, branch="work")
    assert rows(cat, "work") == expected()
    cat.rebase("work", onto="main")
    assert rows(cat, "work") == expected()
    before = rows(cat)
    run(cat, CHANGES[0])
    cat.revert(compacted)
    assert rows(cat) == sorted((i, d, 31 if i == 3 else x) for i, d, x in before)
    cat.revert(cat.resolve("main~1").commit_id)
    assert rows(cat) == before


def stale(cat: Catalog) -> list[str]:
    return [one.table for one in cat.stale() if one.is_stale]


@pytest.mark.invariant("No derived table becomes stale by a compaction")
def test_derived_tables_stay_up_to_date(made: Catalog) -> None:
    cat = filled(made, ["id"])
    cat.derive(
        "d", "SELECT day, id % 3 AS m, sum(x) AS s FROM t GROUP BY ALL", partition_by=["day"]
    )
    cat.derive("e", "SELECT sum(s) AS s FROM d")
    run(cat, "INSERT INTO t VALUES (50, 'a', 5)")
    assert stale(cat) == ["d", "e"]
    cat.refresh()
    cat.compact(["t"])
    assert stale(cat) == []
    assert cat.refresh().commit is None
    run(cat, "INSERT INTO t VALUES (51, 'a', 5)")
    assert stale(cat) == ["d", "e"]
    cat.refresh()
    cat.compact(["t"])
    assert stale(cat) == []
    run(cat, "INSERT INTO t VALUES (52, 'a', 5)")
    cat.compact()
    assert stale(cat) == ["d", "e"]
    cat.refresh()
    assert cat.sql("SELECT s FROM e").fetchall() == cat.sql("SELECT sum(x) FROM t").fetchall()
    cat.merge("work")
    assert stale(cat) == []


def test_a_compacted_derived_table_is_not_changed_by_hand(made: Catalog) -> None:
    cat = filled(made, ["id"])
    cat.derive("d", "SELECT id, day, x + 1 AS y FROM t", partition_by=["day"], key=["id"])
    cat.derive("e", "SELECT count(*) AS n FROM d")
    for number in range(200, 202):
        run(cat, f"INSERT INTO t VALUES ({number}, 'n{number}', 1)")
        run(cat, f"UPDATE t SET day = 'n' WHERE id = {number}")
        cat.refresh()
    before = len(cat.files("d"))
    told = cat.compact(["d"])
    assert stale(cat) == [] and cat.refresh().commit is None
    assert len(cat.files("d")) <= before and told.branch == "main"
    run(cat, "INSERT INTO t VALUES (300, 'a', 1)")
    cat.refresh()
    both = [cat.sql(f"SELECT id FROM {name} ORDER BY id").fetchall() for name in ("t", "d")]
    assert both[0] == both[1] and cat.reproduce("d").is_same


def test_a_contract_that_lets_no_row_change_lets_it_pass(made: Catalog) -> None:
    cat = filled(made, ["id"])
    limits = {"inserted": 0, "deleted": 0, "updated": 0, "moved": 0, "columns": []}
    for compare in "digests", "values":
        rules = {"contract": {"c": {"compare": compare, "table": {"t": limits}}}}
        cat.branches.create(f"by-{compare}")
        cat.compact(branch=f"by-{compare}")
        report = cat.judge(rules, "main", f"by-{compare}")
        assert not report.violations
