"""Lines of history without a common commit: they parted in the empty state."""

import hashlib
import random
import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.model.commit import EMPTY, EMPTY_ID
from catalog.operations.merge.steps import merging
from catalog.repository.commit_writer import Description
from catalog.write.rows.landing import land
from catalog.write.rows.target_schema import WriteRequest
from catalog.write.rows.write import write_rows
from catalog.write.working_table import WorkingTable

from .conftest import Filled
from .merges import check_totals, conflict, conflict_rows, put, values


def start_line(cat: Catalog, branch: str, data: Mapping[int, object], *, table: str = "t") -> str:
    """Starts a branch at a commit without parents that has a table."""
    rows = pa.table({"k": list(data), "v": list(data.values())})
    with merging(cat.context) as merger:
        write = merger.work.write
        landed = land(write.work, rows)
        new = WorkingTable(table, None, None)
        update = write_rows(write, new, landed, request=WriteRequest("append", key=("k",))).update()
        about = Description("tester", cat.context.clock(), f"{branch} starts")
        commit_id = cat.repository.writer().write([], [update], about)
    cat.repository.branches.create(branch, commit_id, cat.context.stamp("start"))
    return commit_id


@pytest.fixture
def apart(filled_by: Filled) -> Catalog:
    """A catalog with a table ``t`` on ``main``, and a line of its own with a table ``s``."""
    return filled_by(_part)


def _part(cat: Catalog) -> None:
    put(cat, "main", {1: 1, 2: 2})
    start_line(cat, "side", {2: 2, 3: 3}, table="s")
    put(cat, "side", {3: 30, 4: 4}, table="s", mode="upsert")


@pytest.mark.invariant(
    "Lines of history without a common commit merge as if they parted in a state without tables, "
    "and later merges start from the one before."
)
def test_a_line_of_its_own_is_merged_again_and_again(apart: Catalog) -> None:
    report = apart.merge("side")
    assert report.ends.base == EMPTY_ID
    assert [(t.table, t.how) for t in report.tables] == [("s", "taken")]
    assert (values(apart), values(apart, table="s")) == ({1: 1, 2: 2}, {2: 2, 3: 30, 4: 4})
    put(apart, "side", {2: 5}, table="s", mode="upsert")
    put(apart, "main", {4: 9}, table="s", mode="upsert")
    apart.merge("side")
    assert values(apart, table="s") == {2: 5, 3: 30, 4: 9}
    assert apart.merge("side").commit is None
    roots = [c for c in apart.log() if not c.parents]
    assert sorted(c.message for c in roots) == ["catalog created", "side starts"]
    check_totals(apart, "main")


def test_a_table_that_both_lines_made_is_merged_by_its_rows(cat: Catalog) -> None:
    put(cat, "main", {1: 1, 2: 2})
    start_line(cat, "side", {2: 7, 3: 3})
    found = conflict(cat, "side")
    assert conflict_rows(found) == {("inserted-both", '{"k":"2"}', "v")}
    assert cat.merge("side", into="main", dry_run=True).ends.base == EMPTY_ID
    cat.continue_merge(resolve="theirs")
    assert values(cat) == {1: 1, 2: 7, 3: 3}
    put(cat, "side", {3: 5}, mode="upsert")
    cat.merge("side")
    assert values(cat) == {1: 1, 2: 7, 3: 5}


def test_a_table_that_both_made_alike_goes_on_as_one(cat: Catalog) -> None:
    put(cat, "main", {1: 1})
    start_line(cat, "side", {1: 1})
    cat.merge("side")
    for value in (2, 3):
        put(cat, "side", {1: value}, mode="upsert")
        cat.merge("side")
        assert values(cat) == {1: value}
    with cat.transaction("side") as tx:
        tx.drop("t")
    put(cat, "side", {1: 1})
    put(cat, "main", {9: 9}, mode="upsert")
    assert conflict_rows(conflict(cat, "side")) == {("table-replaced", None, None)}


def test_lines_apart_merge_as_a_plain_model_says(cat: Catalog) -> None:
    draw = random.Random(4)
    state = {"main": {k: draw.randrange(3) for k in range(5)}, "side": {9: 9}}
    put(cat, "main", state["main"])
    start_line(cat, "side", state["side"])
    base: dict[int, int] = {}
    for step in range(12):
        branch = draw.choice(["main", "side"])
        news = {draw.randrange(10): draw.randrange(3) for _ in range(2)}
        put(cat, branch, news, mode="upsert")
        state[branch] |= news
        gone = draw.randrange(10)
        if gone in state[branch] and len(state[branch]) > 1:
            with cat.transaction(branch) as tx:
                tx.sql(f"DELETE FROM t WHERE k = {gone}")
            del state[branch][gone]
        if step == 6:  # no column of one side has the field id of the other's any more
            with cat.transaction("main") as tx:
                tx.sql("ALTER TABLE t ADD COLUMN extra INTEGER")
        if draw.random() < 0.4:
            continue
        ours, theirs = state["main"], state["side"]
        takes = {k for k in {*base, *theirs} if theirs.get(k) != base.get(k)}
        merged = {k: theirs.get(k) if k in takes else ours.get(k) for k in {*ours, *theirs}}
        base = dict(theirs)
        state["main"] = {k: v for k, v in merged.items() if v is not None}
        cat.merge("side", resolve="theirs")
        assert values(cat) == state["main"]
    assert values(cat, "side") == state["side"]


def test_what_lines_apart_differ_in_is_all_of_it(apart: Catalog) -> None:
    (table,) = apart.diff("main...side").tables
    found = table.rows
    assert (table.table, found.inserted, found.deleted, found.updated) == ("s", 3, 0, 0)
    assert {t.table for t in apart.diff("main..side").tables} == {"s", "t"}
    assert {t.table for t in apart.diff(EMPTY_ID, "main").tables} == {"t"}
    assert len(apart.sql("SELECT * FROM diff('s', 'main...side')").fetchall()) == 3
    with pytest.raises(catalog.NotFound, match="share no ancestor"):
        apart.merge_base("main", "side")


def test_refs_end_where_a_line_starts(apart: Catalog) -> None:
    start = apart.log("side")[-1]
    assert (start.parents, start.generation, set(start.changes)) == ((), 0, {"s"})
    assert apart.resolve("side~1").commit_id == start.id
    assert apart.resolve("side^").commit_id == start.id
    assert apart.resolve(f"side@{{{start.time.isoformat()}}}").commit_id == start.id
    for text in ("side~2", "side^^", "side@{2001-01-01}"):
        with pytest.raises(catalog.NotFound):
            apart.resolve(text)
    apart.merge("side")
    assert apart.resolve("main^2~1").commit_id == start.id
    assert apart.resolve("main~2").commit_id == apart.log("main")[-1].id


def test_the_empty_state_can_be_read(cat: Catalog) -> None:
    assert cat.tables(EMPTY_ID) == []
    assert cat.resolve(EMPTY_ID[:8]).commit_id == EMPTY_ID
    assert cat.show(EMPTY_ID).time == EMPTY.time
    assert [c.id for c in cat.log(EMPTY_ID)] == [EMPTY_ID]


def test_a_reset_counts_both_lines_whole(apart: Catalog) -> None:
    found = apart.reset("side", to="main", dry_run=True)
    assert (found.removed, found.added) == (2, 2)
    apart.reset("side", to="main")
    apart.reset("side", to="side@{1}")
    assert values(apart, "side", "s") == {2: 2, 3: 30, 4: 4}
    apart.branches.delete("side")
    apart.branches.create("again", at=found.before)
    assert values(apart, "again", "s") == {2: 2, 3: 30, 4: 4}


@pytest.mark.parametrize("change", ["rebase", "cherry-pick"])
def test_a_line_is_made_again_on_another(apart: Catalog, change: str) -> None:
    if change == "rebase":
        report = apart.rebase("side", onto="main")
        assert (report.base, len(report.commits)) == (EMPTY_ID, 2)
        assert values(apart, "side") == {1: 1, 2: 2}
        assert apart.merge_base("main", "side") == apart.resolve("main").commit_id
    else:
        apart.cherry_pick("side~1", branch="main")
        assert values(apart, "main", "s") == {2: 2, 3: 3}
        apart.cherry_pick("side", branch="main")
        assert values(apart, "main", "s") == {2: 2, 3: 30, 4: 4}
        return
    assert values(apart, "side", "s") == {2: 2, 3: 30, 4: 4}


def test_main_is_rebased_onto_a_line_of_its_own(apart: Catalog) -> None:
    report = apart.rebase("main", onto="side")
    assert [c.message for c in report.commits] == [apart.log(report.before)[0].message]
    assert values(apart) == {1: 1, 2: 2}
    assert apart.log("main")[-1].message == "side starts"


def test_a_rebase_leaves_out_what_a_merge_brought_from_the_new_base(apart: Catalog) -> None:
    apart.branches.create("work")
    apart.merge("side", into="work")
    put(apart, "work", {5: 5}, table="s", mode="upsert")
    apart.rebase("work", onto="side")
    assert values(apart, "work", "s") == {2: 2, 3: 30, 4: 4, 5: 5}
    assert values(apart, "work") == {1: 1, 2: 2}


def test_the_start_of_a_line_is_taken_back(apart: Catalog) -> None:
    apart.revert("side", branch="side")
    assert values(apart, "side", "s") == {2: 2, 3: 3}
    apart.revert("side~2", branch="side")
    assert apart.tables("side") == []
    apart.revert("side", branch="side")
    assert values(apart, "side", "s") == {2: 2, 3: 3}


def test_rows_lead_back_to_where_their_line_started(apart: Catalog) -> None:
    apart.merge("side")
    start = apart.resolve("side~1").commit_id
    states = apart.history("s", key={"k": 3}).states
    assert [(s.change, s.commit.message) for s in states][-1] == ("inserted", "side starts")
    assert [s.change for s in states] == ["updated", "inserted"]
    (row,) = apart.blame("s", key={"k": 2}).rows
    assert {cell.commit.id for cell in row.cells} == {start}
    upstream = apart.lineage("s").upstream
    assert upstream is not None
    assert next(write.commit.id for write in upstream.writes) == apart.resolve("side").commit_id


def test_derived_tables_follow_a_line_that_is_merged(apart: Catalog) -> None:
    apart.merge("side")
    apart.derive("total", "SELECT count(*) AS n, sum(v) AS v FROM s")
    put(apart, "side", {8: 8}, table="s", mode="upsert")
    report = apart.merge("side")
    assert [(one.table, one.refresh is not None) for one in report.derived] == [("total", True)]
    assert apart.sql("SELECT n, v FROM total").fetchall() == [(4, 44)]


def test_a_protected_branch_judges_a_line_that_is_merged(apart: Catalog) -> None:
    apart.merge("side")
    apart.add_check("s", "range", "v", name="small", max=40)
    apart.branches.protect("main")
    put(apart, "side", {8: 80}, table="s", mode="upsert")
    with pytest.raises(catalog.CatalogError, match="small"):
        apart.merge("side")
    put(apart, "side", {8: 8}, table="s", mode="upsert")
    apart.merge("side")
    assert values(apart, table="s") == {2: 2, 3: 30, 4: 4, 8: 8}


def test_a_backfill_cannot_begin_on_another_line(apart: Catalog) -> None:
    with pytest.raises(catalog.InvalidInput, match="not in the history of main"):
        apart.backfill("b", fix="UPDATE t SET v = 0", from_ref="side")


def test_the_empty_state_is_what_the_format_says() -> None:
    text = (Path(__file__).parents[2] / "docs/reference/format.md").read_text()
    (stored,) = re.findall(r'^{"author":"".*}$', text, re.MULTILINE)
    assert hashlib.sha256(stored.encode()).hexdigest() == EMPTY_ID
    assert f"`{EMPTY_ID}`" in text
