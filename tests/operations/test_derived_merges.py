"""Derived tables in merges, rebases, cherry-picks and reverts: computed, never merged by rows."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from catalog import Catalog, MergeConflict
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.refresh import step
from catalog.model.derived import Definition
from catalog.model.lineage_reading import lineage_entry
from catalog.operations.merge.steps import MergeReport

JOINED = "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer"


def put(
    cat: Catalog,
    branch: str = "main",
    /,
    *,
    partition_by: Sequence[str] | None = None,
    **tables: Sequence[Mapping[str, object]],
) -> str:
    """Adds or replaces rows by the key ``id``, in one commit; returns its id."""
    with cat.transaction(branch, message=f"rows of {', '.join(tables)}") as tx:
        for name, rows in tables.items():
            mode = "upsert" if name in names(cat, branch) else "append"
            data = pa.Table.from_pylist([dict(row) for row in rows])
            tx.write(name, data, mode=mode, key=["id"], partition_by=partition_by)
    assert tx.commit is not None
    return tx.commit.id


def names(cat: Catalog, ref: str = "main") -> list[str]:
    return [table.name for table in cat.tables(ref)]


def head_of(cat: Catalog, ref: str = "main") -> str:
    return cat.resolve(ref).commit_id


def rows(cat: Catalog, table: str, ref: str = "main") -> list[tuple[object, ...]]:
    return cat.sql(f"SELECT * FROM {table} ORDER BY ALL", ref=ref).fetchall()


def stale(cat: Catalog, ref: str = "main") -> list[str]:
    return [one.table for one in cat.stale(ref) if one.is_stale]


def became(report: MergeReport) -> dict[str, str]:
    return {one.table: one.what for one in report.derived}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a catalog of customers, their orders, and what joins both."""
    root = tmp_path_factory.mktemp("shop") / "c"
    cat = Catalog.create(root, author="tester")
    put(cat, customers=[{"id": 1, "name": "Ada"}], orders=[{"id": 10, "customer": 1}])
    cat.derive("joined", JOINED, key=["id"])
    return root


@pytest.fixture
def shop(template: Path, tmp_path: Path) -> Catalog:
    """Is a copy of it."""
    shutil.copytree(template, tmp_path / "c")
    return Catalog.open(tmp_path / "c", author="tester")


@pytest.fixture(scope="module")
def sides_template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a copy with a branch whose rows join those of main, both refreshed."""
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("sides") / "c"))
    both_sides(Catalog.open(root, author="tester"))
    return root


@pytest.fixture
def sides(sides_template: Path, tmp_path: Path) -> Catalog:
    """Is a copy of it."""
    shutil.copytree(sides_template, tmp_path / "c")
    return Catalog.open(tmp_path / "c", author="tester")


@pytest.fixture(scope="module")
def days_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a catalog of sales, partitioned by day, and what is derived of each day."""
    root = tmp_path_factory.mktemp("days") / "c"
    cat = Catalog.create(root, author="tester")
    sales = [{"id": n, "day": n % 5, "v": 1} for n in range(50)]
    put(cat, sales=sales, partition_by=["day"])
    cat.derive("daily", "SELECT day, sum(v) AS v FROM sales GROUP BY day", partition_by=["day"])
    return root


@pytest.fixture
def days(days_template: Path, tmp_path: Path) -> Catalog:
    """Is a copy of it."""
    shutil.copytree(days_template, tmp_path / "c")
    return Catalog.open(tmp_path / "c", author="tester")


def both_sides(cat: Catalog, *, refresh: bool = True) -> None:
    """Adds a customer on a branch, and an order of that customer on main."""
    cat.branches.create("fix")
    put(cat, "fix", customers=[{"id": 2, "name": "Bob"}])
    put(cat, "main", orders=[{"id": 20, "customer": 2}])
    if refresh:
        cat.refresh(branch="fix")
        cat.refresh()


@pytest.mark.parametrize("refresh", [True, False], ids=["refreshed", "stale"])
@pytest.mark.parametrize("squash", [True, False], ids=["squash", "merge"])
@pytest.mark.invariant(
    "A merge computes derived tables again that it makes stale, in the same commit"
)
def test_a_row_that_joins_what_two_branches_added_is_there(
    shop: Catalog, squash: bool, refresh: bool
) -> None:
    both_sides(shop, refresh=refresh)
    report = shop.merge("fix", squash=squash)
    assert rows(shop, "joined") == [(10, "Ada"), (20, "Bob")]
    assert became(report) == {"joined": "refreshed"}
    (found,) = report.derived
    assert found.refresh is not None
    assert (found.refresh.rows, found.refresh.inserted) == (2, 1)
    assert {one.table: one.how for one in report.tables}["joined"] == "refreshed"
    assert not stale(shop)
    assert report.commit is not None
    entry = lineage_entry(shop.repository.commits.read(report.commit.id).lineage["joined"])
    assert entry.operation == "refresh"
    assert [one.table for one in entry.inputs] == ["orders", "customers"]


def test_a_table_that_fits_is_taken_without_being_computed(
    shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.branches.create("fix")
    put(shop, "fix", orders=[{"id": 11, "customer": 1}])
    shop.refresh(branch="fix")
    put(shop, other=[{"id": 1}])
    monkeypatch.setattr(step.Step, "run", None)
    report = shop.merge("fix")
    assert became(report) == {"joined": "taken"}
    assert rows(shop, "joined") == [(10, "Ada"), (11, "Ada")]
    assert not stale(shop)


def test_a_table_that_both_refreshed_alike_is_taken_from_the_side_that_fits(
    shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.branches.create("fix")
    put(shop, "fix", orders=[{"id": 11, "customer": 1}])
    shop.refresh(branch="fix")
    shop.derive("noted", "SELECT id FROM joined")
    put(shop, customers=[{"id": 1, "name": "Ada B"}])
    shop.refresh()
    put(shop, customers=[{"id": 1, "name": "Ada"}])
    shop.refresh()
    monkeypatch.setattr(step.Step, "run", None)
    with pytest.raises(TypeError):  # the customers are another snapshot than before
        shop.merge("fix")


def test_what_is_computed_first_is_what_others_are_computed_from(shop: Catalog) -> None:
    shop.derive("names", "SELECT name, count(*) AS n FROM joined GROUP BY name")
    shop.derive("total", "SELECT sum(n) AS n FROM names")
    both_sides(shop)
    report = shop.merge("fix")
    assert list(became(report).items()) == [
        ("joined", "refreshed"),
        ("names", "refreshed"),
        ("total", "refreshed"),
    ]
    assert rows(shop, "names") == [("Ada", 1), ("Bob", 1)]
    assert rows(shop, "total") == [(2,)]
    assert not stale(shop)


def test_what_was_stale_before_stays_so_and_is_said(shop: Catalog) -> None:
    put(shop, items=[{"id": 1}])
    shop.derive("counted", "SELECT count(*) AS n FROM items")
    both_sides(shop)
    put(shop, items=[{"id": 2}])
    before = shop.merge("fix", dry_run=True)
    report = shop.merge("fix")
    assert became(before) == became(report) == {"counted": "stale", "joined": "refreshed"}
    assert "was stale before" in next(o.reason for o in report.derived if o.table == "counted")
    assert stale(shop) == ["counted"]


def test_what_was_stale_before_is_computed_if_the_merge_changes_an_input(shop: Catalog) -> None:
    put(shop, orders=[{"id": 12, "customer": 1}])
    shop.branches.create("fix")
    put(shop, "fix", orders=[{"id": 13, "customer": 1}])
    assert became(shop.merge("fix")) == {"joined": "refreshed"}
    assert len(rows(shop, "joined")) == 3


def test_without_refresh_the_table_of_the_target_stays_and_is_stale(sides: Catalog) -> None:
    report = sides.merge("fix", refresh=False)
    assert became(report) == {"joined": "stale"}
    assert rows(sides, "joined") == [(10, "Ada")]
    assert stale(sides) == ["joined"]
    sides.refresh()
    assert rows(sides, "joined") == [(10, "Ada"), (20, "Bob")]


def test_a_dry_run_lists_what_would_be_computed_and_computes_nothing(
    shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.derive("names", "SELECT name, count(*) AS n FROM joined GROUP BY name")
    both_sides(shop)
    head = head_of(shop)
    monkeypatch.setattr(step.Step, "run", None)
    report = shop.merge("fix", dry_run=True)
    assert became(report) == {"joined": "refreshed", "names": "refreshed"}
    planned = report.derived[0].refresh
    assert planned is not None
    assert (planned.rows_read, planned.rows) == (4, None)
    assert planned.bytes_read > 0
    assert head_of(shop) == head


def test_only_changed_parts_are_computed_where_that_is_proved(days: Catalog) -> None:
    days.branches.create("fix")
    put(days, "fix", sales=[{"id": 1, "day": 1, "v": 5}])
    days.refresh(branch="fix")
    put(days, sales=[{"id": 2, "day": 2, "v": 7}])
    days.refresh()
    (found,) = days.merge("fix").derived
    assert found.refresh is not None
    assert (found.refresh.how, found.refresh.parts) == ("incremental", ("1",))
    assert rows(days, "daily") == [(0, 10), (1, 14), (2, 16), (3, 10), (4, 10)]


@pytest.mark.parametrize(("theirs", "parts"), [(range(1, 5), ("0",)), ([1], ("1",))])
def test_a_table_is_computed_from_the_side_that_has_more_of_it(
    days: Catalog, theirs: Sequence[int], parts: tuple[str, ...]
) -> None:
    days.branches.create("backfill")
    put(days, "backfill", sales=[{"id": n, "day": n, "v": 5} for n in theirs])
    days.refresh(branch="backfill")
    ours = [0] if len(theirs) > 1 else [0, 2, 3]
    put(days, sales=[{"id": n, "day": n, "v": 7} for n in ours])
    days.refresh()
    (found,) = days.merge("backfill").derived
    assert found.refresh is not None
    assert found.refresh.parts == parts
    wanted = {n: 10 + 4 * (n in theirs) + 6 * (n in ours) for n in range(5)}
    assert dict(rows(days, "daily")) == wanted
    assert not stale(days)


def test_definitions_that_both_changed_are_a_conflict(shop: Catalog) -> None:
    shop.branches.create("fix")
    shop.derive("joined", JOINED + " WHERE o.id > 1", branch="fix", key=["id"])
    shop.derive("joined", JOINED + " WHERE o.id > 2", key=["id"])
    with pytest.raises(MergeConflict) as caught:
        shop.merge("fix")
    (row,) = caught.value.conflicts.to_pylist()
    assert (row["kind"], row["column_name"]) == ("property-changed", "derive.sql")
    assert row["theirs"].endswith("> 1")
    report = shop.continue_merge("fix", resolve="theirs")
    assert became(report) == {"joined": "taken"}
    assert not stale(shop)
    assert shop.table("joined").properties["derive.sql"].endswith("> 1")


def test_a_definition_that_one_side_changed_is_taken_and_computed_from_what_is_merged(
    shop: Catalog,
) -> None:
    shop.branches.create("fix")
    sql = (
        "SELECT o.id, c.name, o.customer AS who FROM orders o JOIN customers c ON c.id = o.customer"
    )
    shop.derive("joined", sql, branch="fix", key=["id"])
    put(shop, orders=[{"id": 11, "customer": 1}])
    shop.refresh()
    report = shop.merge("fix")
    assert became(report) == {"joined": "refreshed"}
    assert rows(shop, "joined") == [(10, "Ada", 1), (11, "Ada", 1)]


def test_a_table_that_one_side_dropped_and_the_other_refreshed_is_dropped(shop: Catalog) -> None:
    for n, (dropping, other) in enumerate([("fix", "main"), ("main", "fix")]):
        shop.branches.create("fix")
        with shop.transaction(dropping, message="drop") as tx:
            tx.drop("joined")
        put(shop, other, orders=[{"id": 15 + n, "customer": 1}])
        shop.refresh(branch=other)
        shop.merge("fix")
        assert "joined" not in names(shop)
        shop.branches.delete("fix")
        shop.derive("joined", JOINED, key=["id"])


def test_a_definition_dropped_on_one_side_is_dropped(shop: Catalog) -> None:
    shop.branches.create("fix")
    shop.drop_definition("joined", branch="fix")
    put(shop, "fix", joined=[{"id": 99, "name": "by hand"}])
    put(shop, orders=[{"id": 15, "customer": 1}])
    shop.refresh()
    shop.merge("fix")
    assert rows(shop, "joined") == [(10, "Ada"), (99, "by hand")]
    assert not shop.stale()


def test_a_plain_table_that_was_changed_does_not_become_derived_silently(shop: Catalog) -> None:
    put(shop, plain=[{"id": 1, "v": 1}])
    shop.branches.create("fix")
    shop.derive("plain", "SELECT id, customer AS v FROM orders", branch="fix", replace=True)
    put(shop, plain=[{"id": 2, "v": 2}])
    with pytest.raises(MergeConflict) as caught:
        shop.merge("fix")
    assert [r["kind"] for r in caught.value.conflicts.to_pylist()] == ["table-derived"]
    report = shop.continue_merge("fix", resolve="ours")
    assert rows(shop, "plain") == [(1, 1), (2, 2)]
    assert report.commit is not None


def test_a_circle_that_only_the_merge_closes_is_a_conflict(shop: Catalog) -> None:
    shop.derive("a", "SELECT id FROM orders", key=["id"])
    shop.derive("b", "SELECT id FROM orders", key=["id"])
    shop.branches.create("fix")
    shop.derive("a", "SELECT id FROM b", branch="fix", key=["id"])
    shop.derive("b", "SELECT id FROM a", key=["id"])
    head = head_of(shop)
    with pytest.raises(MergeConflict) as caught:
        shop.merge("fix")
    found = caught.value.conflicts.to_pylist()
    assert [(r["table_name"], r["kind"]) for r in found] == [
        ("a", "derivation-cycle"),
        ("b", "derivation-cycle"),
    ]
    assert head_of(shop) == head
    with pytest.raises(MergeConflict):
        shop.cherry_pick("fix", branch="main")
    shop.continue_merge("fix", resolve="theirs")
    assert shop.table("a").properties["derive.sql"] == "SELECT id FROM b"
    assert shop.table("b").properties["derive.sql"] == "SELECT id FROM orders"
    assert not stale(shop)


def test_inputs_in_conflict_leave_the_table_stale_until_they_are_settled(shop: Catalog) -> None:
    shop.branches.create("fix")
    put(shop, "fix", customers=[{"id": 1, "name": "Theirs"}, {"id": 2, "name": "Bob"}])
    shop.refresh(branch="fix")
    put(shop, customers=[{"id": 1, "name": "Ours"}], orders=[{"id": 20, "customer": 2}])
    shop.refresh()
    with pytest.raises(MergeConflict) as caught:
        shop.merge("fix")
    assert stale(shop, caught.value.branch) == ["joined"]
    report = shop.continue_merge("fix", resolve="theirs")
    assert became(report) == {"joined": "refreshed"}
    assert rows(shop, "joined") == [(10, "Theirs"), (20, "Bob")]
    assert not stale(shop)


def test_a_table_that_cannot_be_computed_stops_the_merge_and_says_the_way_out(
    shop: Catalog,
) -> None:
    shop.branches.create("fix")
    with shop.transaction("fix", message="rename") as tx:
        tx.sql("ALTER TABLE customers RENAME COLUMN name TO full_name")
    put(shop, orders=[{"id": 11, "customer": 1}])
    shop.refresh()
    head = head_of(shop)
    with pytest.raises(InvalidInput, match="joined") as caught:
        shop.merge("fix")
    assert caught.value.kind is ErrorKind.STEP_FAILED
    assert "refresh=False" in caught.value.hint
    assert head_of(shop) == head
    assert became(shop.merge("fix", refresh=False)) == {"joined": "stale"}
    assert stale(shop) == ["joined"]


def test_an_input_that_a_merge_drops_stops_it(shop: Catalog) -> None:
    shop.branches.create("fix")
    with shop.transaction("fix", message="drop") as tx:
        tx.drop("customers")
        tx.drop("joined")
    shop.derive("others", JOINED, key=["id"])
    with pytest.raises(InvalidInput, match=r"others.*customers"):
        shop.merge("fix")
    report = shop.merge("fix", refresh=False)
    assert became(report) == {"others": "stale"}


def test_a_rebase_refreshes_once_in_a_commit_at_the_end(sides: Catalog) -> None:
    put(sides, "fix", customers=[{"id": 3, "name": "Cid"}])
    planned = sides.rebase("fix", dry_run=True)
    assert [(one.table, one.what) for one in planned.derived] == [("joined", "refreshed")]
    report = sides.rebase("fix")
    assert [(one.table, one.what) for one in report.derived] == [("joined", "refreshed")]
    assert report.refresh is not None
    assert report.refresh.id == report.after
    assert rows(sides, "joined", "fix") == [(10, "Ada"), (20, "Bob")]
    assert not stale(sides, "fix")
    again = put(sides, orders=[{"id": 30, "customer": 3}])
    second = sides.rebase("fix", refresh=False)
    assert second.refresh is None
    assert stale(sides, "fix") == ["joined"]
    assert second.onto == again


def test_a_cherry_pick_and_its_revert_bring_the_table_along(sides: Catalog) -> None:
    report = sides.cherry_pick("fix~1")
    assert became(report) == {"joined": "refreshed"}
    assert rows(sides, "joined") == [(10, "Ada"), (20, "Bob")]
    assert report.commit is not None
    back = sides.revert(report.commit.id)
    assert became(back) == {"joined": "taken"}
    assert rows(sides, "joined") == [(10, "Ada")]
    assert not stale(sides)


def test_a_merge_that_refreshed_is_reverted(sides: Catalog) -> None:
    report = sides.merge("fix")
    assert report.commit is not None
    put(sides, orders=[{"id": 21, "customer": 1}])
    sides.refresh()
    assert became(sides.revert(report.commit.id)) == {"joined": "refreshed"}
    assert rows(sides, "joined") == [(10, "Ada"), (21, "Ada")]
    assert not stale(sides)


def test_a_refresh_that_is_reverted_changes_nothing_but_without_refresh(shop: Catalog) -> None:
    put(shop, orders=[{"id": 11, "customer": 1}])
    done = shop.refresh().commit
    assert done is not None
    assert shop.revert(done.id).commit is None
    assert not stale(shop)
    report = shop.revert(done.id, refresh=False)
    assert report.commit is None
    assert not stale(shop)


def test_a_table_of_another_engine_is_not_taken(
    shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.branches.create("fix")
    put(shop, "fix", orders=[{"id": 11, "customer": 1}])
    with monkeypatch.context() as other:
        other.setattr(step, "ENGINE", "duckdb 0.0.1")
        shop.refresh(branch="fix")
    assert became(shop.merge("fix")) == {"joined": "refreshed"}
    computed = shop.table("joined").computed
    assert computed is not None
    assert computed.engine == step.ENGINE


COPY = """
import os, pyarrow as pa, pyarrow.parquet as pq
os.makedirs(os.environ["PARQUETRY_OUTPUT"], exist_ok=True)
pq.write_table(pa.table({"n": [1]}), os.path.join(os.environ["PARQUETRY_OUTPUT"], "a.parquet"))
open("runs", "a").write("x")
"""


@pytest.mark.invariant(
    "A merge runs no commands of derived tables: they are left stale, and it is said"
)
def test_a_merge_never_runs_a_command(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = Definition(command=(sys.executable, "-c", COPY), inputs=("orders",), output="out")
    shop.derive("exported", one, allow_commands=True)
    shop.derive("of_it", "SELECT n, count(*) AS c FROM exported, orders GROUP BY n")
    shop.branches.create("fix")
    put(shop, "fix", orders=[{"id": 11, "customer": 1}])
    runs = len(Path("runs").read_text())
    report = shop.merge("fix")
    assert became(report) == {"joined": "refreshed", "exported": "stale", "of_it": "stale"}
    assert len(Path("runs").read_text()) == runs
    assert rows(shop, "of_it") == [(1, 2)]  # of the exported table as it is
    assert set(stale(shop)) == {"exported", "of_it"}
    shop.branches.create("ran")
    put(shop, "ran", orders=[{"id": 12, "customer": 1}])
    shop.refresh(branch="ran", allow_commands=True)
    assert became(shop.merge("ran")) == {"joined": "taken", "exported": "taken", "of_it": "taken"}
    assert not stale(shop)


def test_tables_that_both_sides_define_alike_are_one(shop: Catalog) -> None:
    shop.branches.create("fix")
    for branch, n in (("fix", 11), ("main", 12)):
        shop.derive("firsts", "SELECT min(id) AS n, count(*) AS c FROM orders", branch=branch)
        put(shop, branch, orders=[{"id": n, "customer": 1}])
        shop.refresh(branch=branch)
    assert became(shop.merge("fix"))["firsts"] == "refreshed"
    assert rows(shop, "firsts") == [(10, 3)]


def test_a_definition_on_one_side_and_a_key_on_the_other_are_a_conflict(shop: Catalog) -> None:
    shop.branches.create("fix")
    shop.derive("joined", JOINED, branch="fix", key=["id", "name"])
    shop.derive("joined", JOINED + " WHERE o.id > 0", key=["id"])
    with pytest.raises(MergeConflict) as caught:
        shop.merge("fix")
    kinds = {row["kind"] for row in caught.value.conflicts.to_pylist()}
    assert kinds == {"property-changed", "key-changed"}
    with pytest.raises(MergeConflict):
        shop.rebase("fix")
    shop.continue_merge("fix", resolve="ours")
    assert shop.table("joined").key_names == ("id",)
    assert not stale(shop)


def test_tables_crosswise_merged_before_are_settled_once_more(shop: Catalog) -> None:
    shop.branches.create("fix")
    shop.branches.create("other")
    put(shop, "fix", customers=[{"id": 2, "name": "Bob"}])
    put(shop, "other", orders=[{"id": 20, "customer": 2}])
    shop.branches.create("fix-before", at="fix")
    shop.merge("other", into="fix", refresh=False)
    shop.merge("fix-before", into="other")
    put(shop, "fix", orders=[{"id": 21, "customer": 2}])
    put(shop, "other", orders=[{"id": 22, "customer": 2}])
    shop.refresh(branch="other")
    report = shop.merge("fix", into="other")
    assert became(report) == {"joined": "refreshed"}
    assert [key for key, _ in rows(shop, "joined", "other")] == [10, 20, 21, 22]
    assert not stale(shop, "other")
