"""Merges in conflict: what they leave, how they are settled, and what may happen meanwhile."""

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.model.names import check_ref_name
from catalog.storage.local import LocalStore
from tests.storage.faulty import FAULTS, Fault, PlannedStore, scripted

from .conftest import Filled, catalog_in
from .merges import conflict, conflict_rows, put, put_as_before, values


def clashing(cat: Catalog) -> Catalog:
    put(cat, "main", {1: 1, 2: 2, 3: 3})
    cat.branches.create("work")
    put(cat, "main", {1: 10, 2: 20}, mode="upsert")
    put(cat, "work", {1: 11, 2: 22, 3: 33}, mode="upsert")
    return cat


@pytest.fixture
def parted(filled_by: Filled) -> Catalog:
    """Two branches that clash in two rows and not in a third."""
    return filled_by(clashing)


def dismiss(cat: Catalog, branch: str, key: int) -> None:
    """Deletes the conflict of a row."""
    table = cat.sql(
        f'SELECT * FROM parquetry.conflicts WHERE key <> \'{{"k":"{key}"}}\'', ref=branch
    ).to_arrow_table()
    put(cat, branch, table, table="parquetry.conflicts")


def test_the_branch_has_what_could_be_merged_and_all_conflicts(parted: Catalog) -> None:
    before = parted.resolve("main").commit_id
    error = conflict(parted, "work")
    assert parted.resolve("main").commit_id == before
    assert error.branch == "merge/work-into-main"
    assert values(parted, error.branch) == {1: 10, 2: 20, 3: 33}
    listed = parted.sql("SELECT key, ours, theirs FROM parquetry.conflicts", ref=error.branch)
    assert sorted(listed.fetchall()) == [('{"k":"1"}', "10", "11"), ('{"k":"2"}', "20", "22")]


def test_rows_changed_and_conflicts_deleted_settle_it(parted: Catalog) -> None:
    branch = conflict(parted, "work").branch
    put(parted, branch, {1: 15}, mode="upsert")
    with pytest.raises(catalog.MergeConflict) as left:
        parted.continue_merge()
    assert conflict_rows(left.value) == {("cell", '{"k":"2"}', "v")}
    dismiss(parted, branch, 2)
    report = parted.continue_merge()
    assert values(parted) == {1: 15, 2: 20, 3: 33}
    assert report.commit is not None
    assert report.commit.parents[1] == parted.resolve("work").commit_id
    assert [info.name for info in parted.tables()] == ["t"]
    assert parted.merge("work").is_up_to_date
    with pytest.raises(catalog.NotFound):
        parted.continue_merge()


@pytest.mark.parametrize("message", [None, "settled by hand"])
def test_a_merge_takes_its_message_from_whoever_completes_it(
    parted: Catalog, message: str | None
) -> None:
    with pytest.raises(catalog.MergeConflict):
        parted.merge("work", message="as it was begun")
    done = parted.continue_merge(message=message, resolve="ours").commit
    assert done is not None
    assert done.message == (message or "as it was begun")


@pytest.mark.parametrize("meanwhile", ["completed", "dropped", "settled"])
def test_of_two_who_complete_one_merge_the_later_is_told(parted: Catalog, meanwhile: str) -> None:
    branch = conflict(parted, "work").branch

    def go_on(table: str, done: int, total: int) -> None:
        if branch not in [held.name for held in parted.branches.list()]:
            return
        if meanwhile == "completed":
            parted.continue_merge(resolve="ours")
        elif meanwhile == "dropped":
            parted.abort_merge()
        elif values(parted, branch)[1] != 15:
            put(parted, branch, {1: 15}, mode="upsert")

    with pytest.raises(catalog.Conflict, match="somebody else") as refused:
        parted.continue_merge(resolve="theirs", progress=go_on)
    assert not isinstance(refused.value, catalog.MergeConflict)
    now = {"completed": {1: 10, 2: 20, 3: 33}}.get(meanwhile, {1: 10, 2: 20, 3: 3})
    assert values(parted) == now
    if meanwhile == "settled":
        assert parted.conflicts()["key"].to_pylist() == ['{"k":"2"}']


def test_a_merge_whose_branch_is_protected_moves_nothing(parted: Catalog) -> None:
    branch = conflict(parted, "work").branch
    before = parted.resolve("main").commit_id
    parted.branches.protect(branch)
    with pytest.raises(catalog.Conflict, match="is protected"):
        parted.continue_merge(resolve="ours")
    assert parted.resolve("main").commit_id == before


def test_a_table_taken_whole_is_reported_as_such_when_another_was_settled(cat: Catalog) -> None:
    put(cat, "main", {1: 1}, table="shaped")
    put(cat, "main", {1: 1})
    cat.branches.create("work")
    for branch, name, value in (("main", "x", 10), ("work", "y", 11)):
        put(cat, branch, {1: value})
        with cat.transaction(branch) as tx:
            tx.sql(f"ALTER TABLE shaped RENAME v TO {name}")
    conflict(cat, "work", resolve={"shaped": "theirs"})
    report = cat.continue_merge(resolve={"t": "ours"})
    assert [(one.table, one.how) for one in report.tables] == [("shaped", "theirs")]
    assert [column.name for column in cat.schema("shaped")] == ["k", "y"]


def test_a_side_is_taken_only_where_nothing_was_settled_by_hand(parted: Catalog) -> None:
    branch = conflict(parted, "work").branch
    put(parted, branch, {1: 15}, mode="upsert")
    parted.continue_merge(resolve="theirs")
    assert values(parted) == {1: 15, 2: 22, 3: 33}


def test_what_was_kept_by_hand_is_not_overruled(parted: Catalog) -> None:
    branch = conflict(parted, "work").branch
    dismiss(parted, branch, 1)
    with pytest.raises(catalog.InvalidInput, match="keeps ours"):
        parted.continue_merge(resolve="theirs")
    dismiss(parted, branch, 2)
    parted.continue_merge(resolve="theirs")
    assert values(parted) == {1: 10, 2: 20, 3: 33}


def test_a_side_is_taken_by_table(parted: Catalog) -> None:
    for branch, value in (("main", 5), ("work", 6)):
        put(parted, branch, {1: value}, table="u")
    branch = conflict(parted, "work").branch
    with pytest.raises(catalog.MergeConflict):
        parted.continue_merge(resolve={"t": "theirs"})
    put(parted, branch, {1: 7}, table="u", mode="upsert")
    parted.continue_merge(resolve={"t": "theirs"})
    assert values(parted) == {1: 11, 2: 22, 3: 33}
    assert values(parted, table="u") == {1: 7}


def test_what_came_to_the_target_meanwhile_is_kept(parted: Catalog) -> None:
    branch = conflict(parted, "work").branch
    put(parted, branch, {1: 15, 2: 25}, mode="upsert")
    put(parted, "main", {7: 7}, mode="upsert")
    parted.continue_merge()
    assert values(parted) == {1: 15, 2: 25, 3: 33, 7: 7}


def test_what_clashes_again_is_reported_and_settled(parted: Catalog) -> None:
    branch = conflict(parted, "work").branch
    put(parted, branch, {1: 15, 2: 25}, mode="upsert")
    put(parted, "main", {1: 16}, mode="upsert")
    with pytest.raises(catalog.MergeConflict) as again:
        parted.continue_merge()
    assert conflict_rows(again.value) == {("cell", '{"k":"1"}', "v")}
    assert again.value.branch == branch
    parted.continue_merge(resolve="theirs")
    assert values(parted) == {1: 15, 2: 25, 3: 33}


def test_a_merge_completed_elsewhere_leaves_nothing_to_do(parted: Catalog) -> None:
    branch = conflict(parted, "work").branch
    parted.branches.create("copy", at=branch)
    parted.merge("main", into="work", resolve="ours")
    parted.merge("work~0")
    for key in (1, 2):
        dismiss(parted, branch, key)
    assert values(parted) == {1: 11, 2: 22, 3: 33}
    assert parted.continue_merge().commit is None
    with pytest.raises(catalog.InvalidInput, match=r"parquetry\.conflicts"):
        parted.merge("copy")


def test_an_aborted_or_deleted_merge_can_be_made_again(parted: Catalog) -> None:
    first = conflict(parted, "work").branch
    with pytest.raises(catalog.AlreadyExists):
        parted.merge("work")
    assert parted.abort_merge("work") == first
    second = conflict(parted, "work").branch
    parted.branches.delete(second)
    with pytest.raises(catalog.NotFound):
        parted.continue_merge()
    parted.merge("work", resolve="ours")
    assert values(parted) == {1: 10, 2: 20, 3: 33}


def test_branches_of_unlike_sources_have_unlike_names(parted: Catalog) -> None:
    commit = parted.resolve("work").commit_id
    parted.tags.create("v1", at="work")
    parted.branches.create("work-0", at="work")
    parted.branches.create("für/éé", at="work")
    parted.branches.create("x" * 190, at="work")
    sources = ["work", "v1", commit, commit[:8], "work~0", "work^0", "work@{0}", "work-0"]
    sources += ["für/éé", "x" * 190]
    found = {source: conflict(parted, source).branch for source in sources}
    assert len(set(found.values())) == len(sources)
    assert all(name is not None and check_ref_name(name) == name for name in found.values())
    assert found["für/éé"] == "merge/für/éé-into-main"
    for source in sources:
        assert parted.abort_merge(source) == found[source]


@pytest.mark.parametrize("name", ["parquetry.conflicts", "Parquetry.Conflicts"])
def test_a_table_of_the_name_that_conflicts_need_is_refused(parted: Catalog, name: str) -> None:
    put_as_before(parted, "work", {1: 1}, table=name)
    with pytest.raises(catalog.InvalidInput, match=r"(?i)conflicts"):
        parted.merge("work")
    put_as_before(parted, "main", {1: 1}, table=name)
    parted.branches.create("again", at="work~1")
    with pytest.raises(catalog.InvalidInput, match=r"(?i)conflicts"):
        parted.merge("again")
    assert len(parted.branches.list()) == 3


def tables(cat: Catalog, ref: str) -> list[str]:
    return [info.name for info in cat.tables(ref)]


def settled_by_hand(cat: Catalog) -> tuple[str, str]:
    """Returns the branch of a merge in conflict and a commit on it that settles some."""
    branch = conflict(cat, "work").branch
    with cat.transaction(branch, message="by hand") as tx:
        tx.sql("UPDATE t SET v = 15 WHERE k = 1")
        tx.sql("DELETE FROM parquetry.conflicts WHERE (key ->> 'k') = '2'")
    assert tx.commit is not None
    return branch, tx.commit.id


def test_commits_picked_from_a_merge_in_conflict_bring_no_conflicts(parted: Catalog) -> None:
    branch, commit = settled_by_hand(parted)
    parted.cherry_pick(commit)
    assert values(parted) == {1: 15, 2: 20, 3: 3}
    parted.revert(commit)
    assert values(parted) == {1: 10, 2: 20, 3: 3}
    assert tables(parted, "main") == ["t"]
    assert parted.conflicts("work").num_rows == 0
    parted.revert(commit, branch=branch)
    assert parted.conflicts("work").num_rows == 2
    parted.cherry_pick(commit, branch=branch)
    assert parted.conflicts("work").num_rows == 0


def test_a_merge_in_conflict_itself_is_not_made_again_elsewhere(parted: Catalog) -> None:
    branch, commit = settled_by_hand(parted)
    parted.branches.create("copy", at=branch)
    put(parted, "main", {7: 7}, mode="upsert")
    before = {b.name: b.commit_id for b in parted.branches.list()}
    for refused in (
        lambda: parted.cherry_pick(f"{commit}~1"),
        lambda: parted.rebase("copy"),
        lambda: parted.rebase(branch, resolve="ours"),
        lambda: parted.merge("copy"),
        lambda: parted.merge(commit, squash=True),
        lambda: parted.merge(branch, dry_run=True),
        lambda: parted.reset("main", to=commit),
    ):
        with pytest.raises(catalog.InvalidInput) as error:
            refused()
        assert error.value.kind == "conflict-table"
    assert {b.name: b.commit_id for b in parted.branches.list()} == before
    parted.reset(branch, to=f"{commit}~1")
    assert parted.conflicts("work").num_rows == 2


def test_a_branch_from_a_merge_in_conflict_is_rebased_onto_it_with_its_conflicts(
    parted: Catalog,
) -> None:
    branch = conflict(parted, "work").branch
    parted.branches.create("copy", at=branch)
    dismiss(parted, "copy", 1)
    put(parted, branch, {2: 25}, mode="upsert")
    parted.rebase("copy", onto=branch)
    assert tables(parted, "copy") == ["parquetry.conflicts", "t"]
    assert parted.sql("FROM parquetry.conflicts", ref="copy").to_arrow_table().num_rows == 1
    assert values(parted, "copy") == {1: 10, 2: 25, 3: 33}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("resolve", ["theirs", None])
def test_a_merge_on_a_failing_store_is_made_once_or_not(
    tmp_path: object, fault: Fault, resolve: str | None
) -> None:
    store = PlannedStore(LocalStore(f"{tmp_path}/lake"))
    cat = clashing(catalog_in(store))
    before = cat.resolve("main").commit_id
    store.plan = scripted(fault, prefix="refs/")
    try:
        cat.merge("work", resolve=resolve)  # type: ignore[arg-type]
    except catalog.MergeConflict:
        assert resolve is None
    except catalog.CatalogError:
        pass
    moved = cat.resolve("main").commit_id != before
    assert values(cat) == ({1: 11, 2: 22, 3: 33} if moved else {1: 10, 2: 20, 3: 3})
    if resolve is None:
        assert not moved
        if len(cat.branches.list()) == 2:
            conflict(cat, "work")
        cat.continue_merge(resolve="theirs")
    else:
        cat.merge("work", resolve="theirs")
    assert values(cat) == {1: 11, 2: 22, 3: 33}
    assert sum(info.message.startswith("merge") for info in cat.log("main")) == 1
