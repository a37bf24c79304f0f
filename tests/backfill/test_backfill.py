"""A backfill from its fix to its merge: what it reports, what it refuses, and how it goes on."""

from collections.abc import Sequence

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import ErrorKind
from catalog.model.fix import Fix, SqlText
from catalog.model.for_each import for_each
from tests.backfill.conftest import FIX


def amounts(cat: Catalog, ref: str = "main") -> list[int | None]:
    return [row[0] for row in cat.sql(f"SELECT amount FROM orders@{ref} ORDER BY id").fetchall()]


def totals(cat: Catalog, ref: str = "main") -> list[tuple[int, int, int]]:
    return cat.sql(f"FROM totals@{ref} ORDER BY month").fetchall()


def messages(cat: Catalog, ref: str) -> list[str]:
    return [commit.message for commit in cat.log(ref)]


def states(cat: Catalog) -> dict[str, str]:
    return {one.backfill.name: one.state for one in cat.backfills()}


FILLED = [0, 10, 20, 0, 0, 50, 60, 70]


def test_it_stops_before_the_merge_and_says_what_would_change(cat: Catalog) -> None:
    before = cat.resolve("main").commit_id
    report = cat.backfill("nulls", fix=FIX)
    assert (report.state, report.branch) == ("ready", "backfill/nulls")
    assert cat.resolve("main").commit_id == before
    assert report.effect is not None
    delta = {table.name: table for table in report.effect.delta.tables}
    assert set(delta) == {"orders", "totals"}
    assert (delta["orders"].rows.updated, delta["totals"].rows.updated) == (2, 2)
    assert [(one.table, one.what) for one in report.effect.downstream] == [("totals", "changed")]
    assert amounts(cat, '"backfill/nulls"') == FILLED
    assert totals(cat, '"backfill/nulls"') == [(1, 4, 80), (2, 4, 130)]
    assert states(cat) == {"nulls": "ready"}


def test_it_is_merged_in_one_commit_with_what_is_derived(cat: Catalog) -> None:
    before = cat.resolve("main").commit_id
    report = cat.backfill("nulls", fix=FIX, merge=True, message="no gaps")
    assert report.state == "merged" and report.commit is not None
    assert report.commit.parents[0] == before and report.commit.id == cat.resolve("main").commit_id
    assert report.commit.message == "no gaps"
    assert amounts(cat) == FILLED and totals(cat) == [(1, 4, 80), (2, 4, 130)]
    assert not any(one.is_stale for one in cat.stale("main"))


@pytest.mark.invariant("The same backfill again does no step twice, also once it was merged")
def test_the_same_again_does_nothing_twice(cat: Catalog) -> None:
    first = cat.backfill("nulls", fix=FIX)
    again = cat.backfill("nulls", fix=FIX)
    assert (again.head, again.steps) == (first.head, first.steps)
    merged = cat.backfill("nulls", merge=True)
    log = messages(cat, "main")
    once_more = cat.backfill("nulls", fix=FIX, merge=True)
    assert (once_more.state, once_more.commit) == ("merged", merged.commit)
    assert messages(cat, "main") == log
    assert log.count("backfill nulls: fix") == 1


def test_another_fix_target_or_start_under_the_same_name_is_refused(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    head = cat.resolve("backfill/nulls").commit_id
    cat.branches.create("other")
    for differing in (
        {"fix": f"{FIX} AND id = 3"},
        {"fix": FIX, "into": "other"},
        {"fix": FIX, "from_ref": "main~1"},
        {"fix": FIX, "contract": {"contract": {"c": {"tables": ["orders"]}}}},
    ):
        with pytest.raises(catalog.AlreadyExists) as refused:
            cat.backfill("nulls", **differing)  # type: ignore[arg-type]
        assert refused.value.kind == ErrorKind.BACKFILL_EXISTS
        assert "restart=True" in refused.value.hint
    assert cat.resolve("backfill/nulls").commit_id == head


def test_begun_again_it_drops_what_was_done(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    report = cat.backfill("nulls", fix=f"{FIX} AND id = 3", restart=True)
    assert report.state == "ready" and report.steps_done == 1
    assert amounts(cat, '"backfill/nulls"') == [0, 10, 20, 0, None, 50, 60, 70]
    assert messages(cat, "backfill/nulls").count("backfill nulls: fix") == 1


def test_begun_again_it_keeps_its_contract(cat: Catalog) -> None:
    contract = {"contract": {"c": {"table": {"orders": {"column": {"amount": {"filled": 1}}}}}}}
    first = cat.backfill("nulls", fix=FIX, contract=contract)
    assert first.state == "refused"
    again = cat.backfill("nulls", fix=f"{FIX} OR id = 1", restart=True)
    assert again.state == "refused"
    assert again.effect is not None and again.effect.judgement is not None
    assert [one.rule for one in again.effect.judgement.violations] == [
        "table.orders.column.amount.filled"
    ]
    one = cat.backfill("nulls", fix=f"{FIX} AND id = 3", restart=True, merge=True)
    assert one.state == "merged"


def test_a_name_that_was_merged_is_used_again_only_when_it_is_said(cat: Catalog) -> None:
    merged = cat.backfill("nulls", fix=FIX, merge=True)
    other = "UPDATE orders SET amount = 1 WHERE id = 3"
    with pytest.raises(catalog.AlreadyExists, match="was merged into main as") as refused:
        cat.backfill("nulls", fix=other)
    assert merged.commit is not None and merged.commit.id[:8] in refused.value.message
    assert cat.backfill("nulls", fix=other, restart=True, merge=True).state == "merged"
    assert amounts(cat)[3] == 1


def test_a_fix_that_fails_commits_nothing_and_is_said_to_have_failed(cat: Catalog) -> None:
    half = f"{FIX}; UPDATE orders SET amount = 1 WHERE nope = 1"
    with pytest.raises(catalog.InvalidInput, match="nope") as failed:
        cat.backfill("nulls", fix=half)
    assert failed.value.kind == ErrorKind.BACKFILL_FAILED
    assert amounts(cat, '"backfill/nulls"') == amounts(cat)
    (one,) = cat.backfills()
    assert one.state == "failed" and "nope" in one.reason and one.steps_done == 0
    assert cat.backfill("nulls", fix=FIX, restart=True, merge=True).state == "merged"


def test_a_fix_that_changes_nothing_is_an_error_unless_it_may(cat: Catalog) -> None:
    nothing = "UPDATE orders SET amount = 0 WHERE id = 99"
    for _ in range(2):
        with pytest.raises(catalog.InvalidInput, match="changed nothing") as refused:
            cat.backfill("none", fix=nothing, merge=True)
        assert refused.value.kind == ErrorKind.BACKFILL_EMPTY
    assert states(cat) == {"none": "failed"}
    report = cat.backfill("none", fix=nothing, allow_empty=True, merge=True)
    assert report.state == "merged"
    assert report.effect is not None and not report.effect.delta.differs


def test_without_a_fix_there_has_to_be_a_backfill(cat: Catalog) -> None:
    with pytest.raises(catalog.NotFound) as missing:
        cat.backfill("nulls")
    assert missing.value.kind == ErrorKind.BACKFILL_NOT_FOUND
    for call in (cat.show_backfill, cat.abandon_backfill, cat.undo_backfill):
        with pytest.raises(catalog.NotFound):
            call("nulls")


def test_a_branch_of_that_name_made_for_something_else_is_left_alone(cat: Catalog) -> None:
    cat.branches.create("backfill/nulls")
    with pytest.raises(catalog.AlreadyExists, match="was not made by a backfill"):
        cat.backfill("nulls", fix=FIX, restart=True)
    assert cat.backfills() == []


def test_the_name_may_be_given_as_that_of_the_branch(cat: Catalog) -> None:
    assert cat.backfill("backfill/nulls", fix=FIX).backfill.name == "nulls"
    with pytest.raises(catalog.InvalidInput) as refused:
        cat.backfill("a b", fix=FIX)
    assert refused.value.kind == ErrorKind.INVALID_NAME


def test_corrections_by_hand_on_its_branch_are_part_of_it(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    with cat.transaction("backfill/nulls", message="by hand") as tx:
        tx.sql("UPDATE orders SET amount = 5 WHERE id = 3")
    report = cat.backfill("nulls", fix=FIX, merge=True)
    assert report.state == "merged" and amounts(cat)[3] == 5
    assert totals(cat) == [(1, 4, 80), (2, 4, 135)]


def test_a_branch_that_was_reset_is_not_taken_for_done(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    cat.reset("backfill/nulls", to="backfill/nulls~2")  # the description is left, the step is not
    with pytest.raises(catalog.Conflict, match="steps that were done are no longer on it"):
        cat.backfill("nulls", fix=FIX)
    cat.reset("backfill/nulls", to="main")
    with pytest.raises(catalog.Conflict, match="was moved since") as broken:
        cat.backfill("nulls", fix=FIX, merge=True)
    assert broken.value.kind == ErrorKind.BACKFILL_BROKEN
    assert states(cat) == {"nulls": "broken"}
    assert "reset" in broken.value.hint and "restart=True" in broken.value.hint
    was = cat.resolve("backfill/nulls@{1}").commit_id
    assert f"to='{was[:8]}'" in broken.value.hint
    cat.reset("backfill/nulls", to="backfill/nulls@{2}")
    assert cat.backfill("nulls", fix=FIX, merge=True).state == "merged"


def test_a_branch_that_was_deleted_is_not_made_again_unasked(cat: Catalog) -> None:
    head = cat.backfill("nulls", fix=FIX).head
    cat.branches.delete("backfill/nulls")
    with pytest.raises(catalog.Conflict, match="was abandoned") as gone:
        cat.backfill("nulls", fix=FIX, merge=True)
    assert gone.value.kind == ErrorKind.BACKFILL_BROKEN
    assert states(cat) == {"nulls": "abandoned"}
    cat.branches.create("backfill/nulls", at=head)
    assert cat.backfill("nulls", fix=FIX, merge=True).state == "merged"
    assert messages(cat, "main").count("backfill nulls: fix") == 1


def test_one_that_is_abandoned_is_still_known(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    assert cat.abandon_backfill("nulls").state == "abandoned"
    assert cat.abandon_backfill("nulls").state == "abandoned"
    assert [branch.name for branch in cat.branches.list()] == ["main"]
    assert states(cat) == {"nulls": "abandoned"}
    assert cat.backfill("nulls", fix=FIX, restart=True).state == "ready"


def test_one_that_was_merged_is_not_abandoned_but_undone(cat: Catalog) -> None:
    was = (amounts(cat), totals(cat))
    cat.backfill("nulls", fix=FIX, merge=True)
    with pytest.raises(catalog.InvalidInput, match="cannot be abandoned"):
        cat.abandon_backfill("nulls")
    with cat.transaction("main", message="later") as tx:
        tx.sql("UPDATE orders SET amount = 77 WHERE id = 7")
    undone = cat.undo_backfill("nulls")
    assert undone.state == "undone" and undone.undo is not None
    assert amounts(cat) == [*was[0][:7], 77]
    assert totals(cat) == [(1, 3, 80), (2, 3, 137)]
    assert len(undone.undo.parents) == 1 and cat.resolve("main").commit_id == undone.undo.id
    assert cat.undo_backfill("nulls").undo == undone.undo
    assert cat.resolve("main").commit_id == undone.undo.id
    assert states(cat) == {"nulls": "undone"}


def test_a_protected_target_takes_the_merge_and_its_undo(cat: Catalog) -> None:
    cat.branches.protect("main")
    was = amounts(cat)
    assert cat.backfill("nulls", fix=FIX, merge=True).state == "merged"
    assert cat.undo_backfill("nulls").state == "undone" and amounts(cat) == was


def test_a_protected_branch_of_its_own_is_neither_dropped_nor_begun_again(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    for rules in ({}, {"judge_direct": True}):
        cat.branches.protect("backfill/nulls", **rules)
        with pytest.raises(catalog.Conflict):
            cat.abandon_backfill("nulls")
        with pytest.raises(catalog.Conflict):
            cat.backfill("nulls", fix=FIX, restart=True)
        if not rules:
            cat.branches.unprotect("backfill/nulls")
    assert states(cat) == {"nulls": "ready"}


def test_after_an_undo_the_same_again_has_to_be_said(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX, merge=True)
    cat.undo_backfill("nulls")
    with pytest.raises(catalog.AlreadyExists, match="taken back by"):
        cat.backfill("nulls", fix=FIX, merge=True)
    assert None in amounts(cat)
    assert cat.backfill("nulls", fix=FIX, merge=True, restart=True).state == "merged"
    assert amounts(cat) == FILLED


def test_what_was_corrected_since_is_in_conflict_with_the_undo(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX, merge=True)
    with cat.transaction("main") as tx:
        tx.sql("UPDATE orders SET amount = 33 WHERE id = 3")
    head = cat.resolve("main").commit_id
    with pytest.raises(catalog.MergeConflict):
        cat.undo_backfill("nulls")
    assert cat.resolve("main").commit_id == head
    assert cat.undo_backfill("nulls", resolve="ours").state == "undone"
    assert amounts(cat)[3:5] == [33, None]


def test_a_revert_of_all_of_it_is_an_undo_one_of_some_tables_is_not(cat: Catalog) -> None:
    fix = f"{FIX}; UPDATE notes SET note = 'b'"
    merged = cat.backfill("nulls", fix=fix, merge=True).commit
    assert merged is not None
    cat.revert(merged.id, tables=["notes"], allow_partial=True)
    assert states(cat) == {"nulls": "merged"}
    cat.reset("main", to=merged.id)
    cat.revert(merged.id)
    assert states(cat) == {"nulls": "undone"}
    cat.revert("main")
    assert states(cat) == {"nulls": "merged"} and amounts(cat) == FILLED


def test_another_branch_in_the_place_of_an_abandoned_one_is_no_backfill(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    cat.abandon_backfill("nulls")
    cat.branches.create("backfill/nulls")
    with cat.transaction("backfill/nulls") as tx:
        tx.sql("UPDATE notes SET note = 'b'")
    assert states(cat) == {"nulls": "abandoned"}
    with pytest.raises(catalog.AlreadyExists, match="was not made by a backfill"):
        cat.backfill("nulls", fix=FIX, restart=True)
    assert cat.merge("backfill/nulls").commit is not None
    assert states(cat) == {"nulls": "abandoned"}


def test_one_that_was_not_merged_cannot_be_undone(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    with pytest.raises(catalog.InvalidInput, match="was not merged"):
        cat.undo_backfill("nulls")


def test_a_merge_by_hand_counts(cat: Catalog) -> None:
    for name, squash in (("plain", False), ("squashed", True)):
        cat.backfill(name, fix=f"UPDATE orders SET amount = {len(name)} WHERE id = 3")
        cat.merge(f"backfill/{name}", squash=squash)
        assert states(cat)[name] == "merged"
        cat.branches.delete(f"backfill/{name}")
        assert states(cat)[name] == "merged"
    assert amounts(cat)[3] == len("squashed")
    assert cat.undo_backfill("squashed").state == "undone"
    assert amounts(cat)[3] == len("plain")


def test_begun_before_a_mistake_it_is_rebased_and_names_what_came_since(cat: Catalog) -> None:
    with cat.transaction("main", message="mistake") as tx:
        tx.sql("UPDATE orders SET amount = -amount WHERE month = 2")
        tx.sql("INSERT INTO orders VALUES (100, 3, NULL)")
    fix = "UPDATE orders SET amount = 1 WHERE id = 4"
    report = cat.backfill("nulls", fix=fix, from_ref="main~1")
    assert report.state == "ready" and report.rebase is not None
    arrived = [(table, dict(p)) for table, found in report.rebase.arrived.items() for p in found]
    assert ("orders", {"month": "2"}) in arrived and ("orders", {"month": "3"}) in arrived
    again = cat.backfill("nulls", fix=fix, from_ref="main~1", merge=True)
    assert again.state == "merged" and again.rebase is None
    assert messages(cat, "main").count("backfill nulls: fix") == 1
    assert amounts(cat) == [0, -10, 20, None, 1, -50, 60, -70, None]
    assert not any(one.is_stale for one in cat.stale("main"))


def test_a_ref_that_the_target_does_not_have_is_no_start(cat: Catalog) -> None:
    cat.branches.create("aside")
    with cat.transaction("aside") as tx:
        tx.sql("DELETE FROM notes")
    with pytest.raises(catalog.InvalidInput, match="not in the history of main"):
        cat.backfill("nulls", fix=FIX, from_ref="aside")
    assert cat.backfills() == []


def test_changes_of_others_are_merged_and_counted(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    with cat.transaction("main") as tx:
        tx.sql("INSERT INTO orders VALUES (8, 1, 80)")
    report = cat.backfill("nulls", fix=FIX)
    assert report.state == "ready" and report.behind == 1
    assert report.effect is not None
    assert [table.rows.inserted for table in report.effect.delta.tables] == [0, 0]
    cat.backfill("nulls", merge=True)
    assert totals(cat) == [(1, 5, 160), (2, 4, 130)]


def test_in_conflict_nothing_is_merged_until_a_side_is_chosen(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    with cat.transaction("main") as tx:
        tx.sql("UPDATE orders SET amount = 9 WHERE id = 3")
    head = cat.resolve("main").commit_id
    with pytest.raises(catalog.MergeConflict) as conflict:
        cat.backfill("nulls", fix=FIX)
    assert conflict.value.conflicts.num_rows == 1 and not conflict.value.branch
    assert states(cat) == {"nulls": "conflict"} and cat.resolve("main").commit_id == head
    assert [branch.name for branch in cat.branches.list()] == ["backfill/nulls", "main"]
    report = cat.backfill("nulls", fix=FIX, resolve="theirs", merge=True)
    assert report.state == "merged" and amounts(cat) == FILLED


def test_a_conflict_of_its_merge_is_settled_as_any_other(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    with cat.transaction("main") as tx:
        tx.sql("UPDATE orders SET amount = 9 WHERE id = 3")
    with pytest.raises(catalog.MergeConflict) as conflict:
        cat.backfill("nulls", merge=True)
    assert conflict.value.branch == "merge/backfill/nulls-into-main"
    cat.continue_merge("backfill/nulls", resolve="ours")
    assert states(cat) == {"nulls": "merged"}
    assert cat.undo_backfill("nulls").state == "undone"
    assert amounts(cat)[3:5] == [9, None]


def test_abandoning_it_drops_its_merge_in_conflict(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    with cat.transaction("main") as tx:
        tx.sql("UPDATE orders SET amount = 9 WHERE id = 3")
    with pytest.raises(catalog.MergeConflict):
        cat.backfill("nulls", merge=True)
    cat.abandon_backfill("nulls")
    assert [branch.name for branch in cat.branches.list()] == ["main"]


def test_derived_tables_are_left_stale_where_they_are_not_to_be_refreshed(cat: Catalog) -> None:
    report = cat.backfill("nulls", fix=FIX, refresh=False, merge=True)
    assert report.effect is not None
    assert [(one.table, one.what) for one in report.effect.downstream] == [("totals", "stale")]
    assert [one.is_stale for one in cat.stale("main")] == [True]


def test_steps_are_done_once_each_and_a_failed_one_alone_again(cat: Catalog) -> None:
    text = "UPDATE orders SET amount = 1 WHERE amount IS NULL AND month = $month"
    fix = Fix(sql=(SqlText("fix.sql", text),), variables=(for_each("month=1,2"),))
    report = cat.backfill("nulls", fix=fix)
    assert [one.step.name for one in report.steps] == ["month=1", "month=2"]
    commits: Sequence[str | None] = [one.commit for one in report.steps]
    assert len(set(commits)) == 2 and None not in commits
    assert [one.commit for one in cat.backfill("nulls", fix=fix).steps] == commits
    assert amounts(cat, '"backfill/nulls"')[3:5] == [1, 1]


def test_a_rebase_by_hand_keeps_what_is_done(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX)
    with cat.transaction("main") as tx:
        tx.sql(FIX)  # the same on main: the commit of the step has nothing left to do
        tx.sql("UPDATE orders SET amount = 1 WHERE id = 1")
    cat.rebase("backfill/nulls", onto="main")
    assert [one.commit is not None for one in cat.backfills()[0].steps] == [True]
    report = cat.backfill("nulls", fix=FIX, allow_empty=True, merge=True)
    assert report.state == "merged"
    assert amounts(cat)[1] == 1
