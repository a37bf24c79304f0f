"""Tables without a key that both sides appended to, and picked or squashed from one another."""

import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog


@pytest.fixture
def made(tmp_path: Path) -> Catalog:
    cat = catalog.create(str(tmp_path / "lake"))
    add(cat, "main", 0)
    cat.branches.create("work")
    return cat


def add(cat: Catalog, branch: str, *ids: int, by: tuple[str, ...] = ()) -> None:
    how = {"partition_by": list(by)} if by else {}
    days = [None if n % 3 == 2 else "ab"[n % 3] for n in ids]
    table = pa.table({"id": list(ids), "day": pa.array(days, pa.string())})
    with cat.transaction(branch) as tx:
        tx.write("t", table, mode="append", **how)


def ids(cat: Catalog, ref: str = "main") -> Counter[int]:
    return Counter(n for (n,) in cat.sql(f"SELECT id FROM t@{ref}").fetchall())


@pytest.mark.parametrize("own", [(7,), (7, 8)], ids=["as-many-rows", "more-rows"])
def test_a_commit_picked_onto_own_rows_is_merged_once(made: Catalog, own: tuple[int, ...]) -> None:
    add(made, "work", *own)
    add(made, "main", 1)
    made.cherry_pick("main", branch="work")
    made.merge("work")
    assert ids(made) == Counter([0, 1, *own])


def test_a_squash_of_rows_beside_own_ones_is_merged_once(made: Catalog) -> None:
    add(made, "main", 1)
    add(made, "work", 2, 3)
    made.merge("work", squash=True)
    add(made, "work", 4)
    made.merge("work")
    assert ids(made) == Counter(range(5))


def test_rows_that_both_append_in_unlike_files_are_taken_once(made: Catalog) -> None:
    add(made, "main", 1, 2)
    add(made, "work", 2, 1)
    made.merge("work")
    assert ids(made) == Counter(range(3))


def test_deletions_are_merged_beside_rows_that_were_appended(made: Catalog) -> None:
    add(made, "main", 0, 1)
    with made.transaction("work") as tx:
        tx.sql("DELETE FROM t WHERE id = 0")
    made.merge("work")
    assert ids(made) == Counter([0, 1])
    made.merge("main", into="work")
    assert ids(made, "work") == Counter([0, 1])


@pytest.fixture
def two_files(tmp_path: Path) -> Catalog:
    cat = catalog.create(str(tmp_path / "other"))
    add(cat, "main", 0)
    add(cat, "main", 1)
    cat.branches.create("work")
    return cat


def test_what_came_by_a_squash_and_was_put_together_again_is_merged_once(
    two_files: Catalog,
) -> None:
    two_files.compact()
    add(two_files, "main", 2)
    two_files.merge("main", into="work", squash=True)
    add(two_files, "main", 3)
    two_files.compact()
    add(two_files, "work", 4, 5)
    two_files.merge("main", into="work")
    assert ids(two_files, "work") == Counter(range(6))


def test_squashes_beside_unlike_compactions_of_both_are_merged_once(two_files: Catalog) -> None:
    add(two_files, "main", 2)
    two_files.compact()
    two_files.compact(branch="work")
    add(two_files, "work", 3, 4)
    two_files.merge("main", into="work", squash=True)
    two_files.merge("work")
    assert ids(two_files) == Counter(range(5))


def test_what_was_put_together_before_a_table_was_renamed_is_known(made: Catalog) -> None:
    add(made, "main", 1)
    made.cherry_pick("main", branch="work")
    for branch, new in (("main", 2), ("work", 3)):
        add(made, branch, new)
        made.compact(branch=branch)
        with made.transaction(branch) as tx:
            tx.sql("ALTER TABLE t RENAME TO u")
    made.merge("work")
    assert made.sql("SELECT id FROM u ORDER BY id").fetchall() == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize("by", [(), ("day",)], ids=["whole", "partitions"])
@pytest.mark.parametrize("seed", range(4))
def test_every_row_is_there_once_after_picks_squashes_and_merges(
    tmp_path: Path, by: tuple[str, ...], seed: int
) -> None:
    check_history(catalog.create(str(tmp_path / "lake")), seed, by=by, compactions=0)


@pytest.mark.parametrize("by", [(), ("day",)], ids=["whole", "partitions"])
@pytest.mark.parametrize("seed", range(100, 106))
def test_every_row_is_there_once_beside_compactions(
    tmp_path: Path, by: tuple[str, ...], seed: int
) -> None:
    check_history(catalog.create(str(tmp_path / "lake")), seed, by=by, compactions=4)


def check_history(cat: Catalog, seed: int, *, by: tuple[str, ...], compactions: int) -> None:
    choice = random.Random(seed)
    add(cat, "main", 0, 1, 2, by=by)
    add(cat, "main", 3, 4, 5)
    cat.branches.create("work")
    have = {"main": set(range(6)), "work": set(range(6))}
    appended: list[tuple[str, str, set[int]]] = []
    for step in range(10):
        branch, other = choice.sample(["main", "work"], 2)
        picks = [c for c in appended if c[0] == other and not c[2] & have[branch]]
        actions = ["add", "squash", "merge", "pick", "compact"]
        action = choice.choices(actions, [5, 2, 1, 3, compactions])[0]
        new: set[int] = set()
        if action == "compact":
            cat.compact(branch=branch)
        elif action == "pick" and picks:
            _, commit, new = choice.choice(picks)
            cat.cherry_pick(commit, branch=branch)
        elif action in ("squash", "merge"):
            cat.merge(other, into=branch, squash=action == "squash")
            new = have[other]
        else:
            new = set(range(10 * step + 10, 10 * step + 10 + choice.randint(1, 4)))
            add(cat, branch, *new)
            appended.append((branch, cat.resolve(branch).commit_id, new))
        have[branch] |= new
        assert ids(cat, branch) == Counter(have[branch]), action


@pytest.mark.parametrize("more", [(), (1,)], ids=["one-side", "both-sides"])
def test_rows_that_were_picked_are_merged_once_beside_deletions(
    made: Catalog, more: tuple[int, ...]
) -> None:
    add(made, "main", 1)
    add(made, "main", 2)
    made.rebase("work", onto="main")
    add(made, "work", 5)
    made.cherry_pick("work", branch="main")
    with made.transaction("main") as tx:
        tx.sql("DELETE FROM t WHERE id = 0")
    for gone in more:
        with made.transaction("work") as tx:
            tx.sql(f"DELETE FROM t WHERE id = {gone}")
    made.merge("work")
    assert ids(made) == Counter({1, 2, 5} - set(more))


def test_a_file_that_is_like_what_a_deletion_left_is_not_taken_for_it(made: Catalog) -> None:
    add(made, "main", 1, 2)
    made.rebase("work", onto="main")
    with made.transaction("main") as tx:
        tx.sql("DELETE FROM t WHERE id = 1")
    add(made, "work", 2)
    made.merge("work")
    assert ids(made) == Counter([0, 2, 2])
