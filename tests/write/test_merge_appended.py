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


@pytest.mark.parametrize("by", [(), ("day",)], ids=["whole", "partitions"])
@pytest.mark.parametrize("seed", range(4))
def test_every_row_is_there_once_after_picks_squashes_and_merges(
    tmp_path: Path, by: tuple[str, ...], seed: int
) -> None:
    choice, cat = random.Random(seed), catalog.create(str(tmp_path / "lake"))
    add(cat, "main", 0, 1, 2, by=by)
    cat.branches.create("work")
    have = {"main": {0, 1, 2}, "work": {0, 1, 2}}
    appended: list[tuple[str, str, set[int]]] = []
    for step in range(10):
        branch, other = choice.sample(["main", "work"], 2)
        picks = [c for c in appended if c[0] == other and not c[2] & have[branch]]
        action = choice.choices(["add", "squash", "merge", "pick"], [5, 2, 1, 3])[0]
        if action == "pick" and picks:
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
        assert ids(cat, branch) == Counter(have[branch])
