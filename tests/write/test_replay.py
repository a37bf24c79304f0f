"""Rebase, revert and cherry-pick: what they bring, and what they leave alone."""

from typing import Any

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.operations.merge.steps import MergeReport

from .conftest import rows
from .merges import check_totals, put, values


def test_a_rebase_brings_what_was_done_before_the_base_was_merged_in(parted: Catalog) -> None:
    put(parted, "work", {1: 10}, mode="upsert", message="first")
    put(parted, "main", {2: 20}, mode="upsert")
    parted.merge("main", into="work")
    put(parted, "work", {4: 4}, mode="upsert", message="second")
    put(parted, "main", {2: 21, 3: 30}, mode="upsert")
    report = parted.rebase("work")
    assert values(parted, "work") == {1: 10, 2: 21, 3: 30, 4: 4}
    assert [made.message for made in report.commits] == ["first", "second"]
    again = parted.rebase("work")
    assert (again.after, values(parted, "work")) == (None, {1: 10, 2: 21, 3: 30, 4: 4})


def test_a_rebase_brings_what_a_merge_settled(parted: Catalog) -> None:
    put(parted, "work", {1: 10}, mode="upsert")
    put(parted, "main", {2: 20}, mode="upsert")
    parted.branches.create("side", at="work~1")
    put(parted, "side", {3: 33}, mode="upsert")
    parted.merge("main", into="side")
    parted.merge("side", into="work")
    put(parted, "main", {2: 21}, mode="upsert")
    parted.rebase("work")
    assert values(parted, "work") == {1: 10, 2: 21, 3: 33}


def test_a_branch_that_did_nothing_is_moved_to_the_new_base(parted: Catalog) -> None:
    put(parted, "main", {2: 20}, mode="upsert")
    report = parted.rebase("work")
    assert report.after == parted.resolve("main").commit_id
    assert parted.resolve("work").commit_id == report.after


def test_a_rebase_names_partitions_that_arrived(cat: Catalog) -> None:
    put(cat, "main", [{"k": 1, "p": "a"}], key=["k"], partition_by=["p"])
    cat.branches.create("work")
    put(cat, "work", [{"k": 2, "p": "a"}], mode="append")
    put(cat, "main", [{"k": 3, "p": "b"}], mode="append")
    put(cat, "main", {1: 1}, table="other")
    assert dict(cat.rebase("work").arrived) == {"t": ({"p": "b"},)}


def test_a_revert_leaves_later_corrections(parted: Catalog) -> None:
    bad = put(parted, "main", {1: -1, 2: -2}, mode="upsert")
    put(parted, "main", {1: -1, 2: -2, 3: 5}, mode="upsert")
    parted.revert(bad.id)
    assert values(parted) == {1: 1, 2: 2, 3: 5}
    before = parted.resolve("main").commit_id
    assert parted.revert(bad.id).commit is None
    assert parted.resolve("main").commit_id == before


def test_a_revert_of_what_was_corrected_since_clashes(parted: Catalog) -> None:
    bad = put(parted, "main", {1: -1}, mode="upsert")
    put(parted, "main", {1: 7}, mode="upsert")
    with pytest.raises(catalog.MergeConflict):
        parted.revert(bad.id)
    parted.revert(bad.id, resolve="ours")
    assert values(parted) == {1: 7, 2: 2, 3: 3}
    parted.revert(bad.id, resolve="theirs")
    assert values(parted) == {1: 1, 2: 2, 3: 3}


def test_a_range_is_taken_back_and_brought_back_by_reverting_that(parted: Catalog) -> None:
    start = parted.resolve("main").commit_id
    put(parted, "main", {1: 5}, mode="upsert")
    put(parted, "main", {1: 6, 4: 4}, mode="upsert")
    taken = parted.revert(f"{start}..main")
    assert values(parted) == {1: 1, 2: 2, 3: 3}
    assert taken.commit is not None
    parted.revert(taken.commit.id)
    assert values(parted) == {1: 6, 2: 2, 3: 3, 4: 4}


def files_in(cat: Catalog) -> list[str]:
    return [found.path for found in cat.repository.store.list("")]


def reverts(cat: Catalog, *refs: str, **options: Any) -> tuple[MergeReport, MergeReport]:
    """Tries a revert out, checks that nothing came of it, and does it."""
    before, head = files_in(cat), cat.resolve("main").commit_id
    tried = cat.revert(*refs, dry_run=True, **options)
    assert files_in(cat) == before
    assert cat.resolve("main").commit_id == head
    assert tried.commit is None
    return tried, cat.revert(*refs, **options)


def test_a_dry_run_of_several_shows_what_all_of_them_come_to(parted: Catalog) -> None:
    start = parted.resolve("main").commit_id
    put(parted, "main", {1: 5}, mode="upsert")
    put(parted, "work", {2: 8, 9: 9}, mode="upsert")
    merge = parted.merge("work").commit
    put(parted, "main", {1: 6, 4: 4}, mode="upsert")
    put(parted, "main", {7: 7}, table="other")
    tried, done = reverts(parted, f"{start}..main")
    assert merge is not None
    assert merge.id in (done.commit.metadata["reverted"] if done.commit else "")
    assert tried.tables == done.tables
    assert {(t.table, t.conflicts) for t in tried.tables} == {("t", 0), ("other", 0)}
    assert tried.ends == done.ends
    assert values(parted) == {1: 1, 2: 2, 3: 3}


def test_a_dry_run_of_several_that_come_to_nothing_says_so(parted: Catalog) -> None:
    bad = put(parted, "main", {1: -1}, mode="upsert")
    back = parted.revert(bad.id).commit
    assert back is not None
    tried, done = reverts(parted, bad.id, back.id)
    assert (tried.tables, tried.commit, done.tables, done.commit) == ((), None, (), None)


def test_a_dry_run_of_several_names_the_commit_that_clashes(parted: Catalog) -> None:
    wrong = put(parted, "main", {1: 5, 2: 5}, mode="upsert")
    put(parted, "main", {1: 6}, mode="upsert")
    late = put(parted, "main", {3: 8}, mode="upsert")
    before = files_in(parted)
    tried = parted.revert(wrong.id, late.id, dry_run=True)
    assert tried.conflicts["key"].to_pylist() == ['{"k":"1"}']
    assert tried.ends.base == wrong.id
    assert files_in(parted) == before
    with pytest.raises(catalog.MergeConflict, match=f"at commit {wrong.id[:8]}") as real:
        parted.revert(wrong.id, late.id)
    assert real.value.conflicts == tried.conflicts
    settled = parted.revert(wrong.id, late.id, resolve="theirs", dry_run=True)
    assert settled.conflicts.num_rows == 0
    assert values(parted) == {1: 6, 2: 5, 3: 8}


def test_what_comes_to_nothing_makes_no_commit(parted: Catalog) -> None:
    bad = put(parted, "main", {1: -1}, mode="upsert")
    back = parted.revert(bad.id).commit
    assert back is not None
    before = parted.resolve("main").commit_id
    assert parted.revert(bad.id, back.id).commit is None
    assert parted.resolve("main").commit_id == before


def test_a_merge_is_reverted_and_merged_again_by_reverting_the_revert(parted: Catalog) -> None:
    put(parted, "work", {1: 10, 4: 4}, mode="upsert")
    put(parted, "main", {2: 20}, mode="upsert")
    merge = parted.merge("work").commit
    assert merge is not None
    revert = parted.revert(merge.id).commit
    assert values(parted) == {1: 1, 2: 20, 3: 3}
    assert parted.merge("work").commit is None
    assert revert is not None
    parted.revert(revert.id)
    assert values(parted) == {1: 10, 2: 20, 3: 3, 4: 4}
    parted.revert(merge.id, mainline=2)
    assert values(parted) == {1: 10, 2: 2, 3: 3, 4: 4}
    check_totals(parted, "main")


def test_the_first_commit_has_nothing_to_go_back_to(parted: Catalog) -> None:
    first = parted.log("main")[-1].id
    with pytest.raises(catalog.InvalidInput, match="has no parent 1"):
        parted.revert(first)
    parted.revert(parted.log("main")[-2].id)
    assert parted.tables() == []


def test_one_table_of_several_is_taken_back_if_that_is_allowed(parted: Catalog) -> None:
    with parted.transaction() as tx:
        tx.write("t", [{"k": 1, "v": 9}], mode="upsert")
        tx.write("other", [{"k": 1, "v": 9}], mode="append", key=["k"])
    assert tx.commit is not None
    with pytest.raises(catalog.InvalidInput, match="also changed other"):
        parted.revert(tx.commit.id, tables=["t"])
    parted.revert(tx.commit.id, tables=["t"], allow_partial=True)
    assert values(parted) == {1: 1, 2: 2, 3: 3}
    assert values(parted, table="other") == {1: 9}


def test_the_id_of_a_column_taken_back_is_not_given_again(parted: Catalog) -> None:
    added = put(parted, "main", [{"k": 1, "v": 1, "x": "a"}])
    parted.revert(added.id)
    put(parted, "main", [{"k": 1, "v": 1, "y": "b"}])
    (table,) = parted.diff(added.id, "main").to_dict()["tables"]
    changes = {(c["change"], c["column"]) for c in table["schema_changes"]}
    assert changes == {("column_added", "y"), ("column_removed", "x")}


def test_a_pick_is_known_to_the_merge_that_follows(parted: Catalog) -> None:
    picked = put(parted, "work", {1: 10}, mode="upsert")
    put(parted, "work", {2: 20}, mode="upsert")
    assert parted.cherry_pick(picked.id).commit is not None
    assert values(parted) == {1: 10, 2: 2, 3: 3}
    assert parted.cherry_pick(picked.id).commit is None
    put(parted, "main", {3: 30}, mode="upsert")
    parted.merge("work")
    assert values(parted) == {1: 10, 2: 20, 3: 30}


def test_what_a_reset_took_from_a_branch_is_merged_anew(parted: Catalog) -> None:
    put(parted, "work", {1: 10}, mode="upsert")
    parted.merge("work")
    parted.reset("main", to="main~1")
    assert values(parted) == {1: 1, 2: 2, 3: 3}
    parted.merge("work")
    assert values(parted) == {1: 10, 2: 2, 3: 3}
    assert rows(parted, "SELECT count(*) FROM t") == [(3,)]
