"""Walks over commits and merge bases, against a plain search."""

import random

import pytest

from catalog.errors import NotFound
from catalog.model.commit import EMPTY_ID, Commit
from catalog.repository.history import (
    commits_between,
    is_ancestor,
    merge_base,
    merge_bases,
    parting,
    walk,
)

from .conftest import History


def ancestors(history: History, commit_id: str) -> set[str]:
    seen: set[str] = set()
    pending = [commit_id]
    while pending:
        current = pending.pop()
        if current not in seen:
            seen.add(current)
            pending.extend(history.repository.commits.read(current).parents)
    return seen


@pytest.fixture
def web(history: History) -> list[str]:
    """Is a history with many merges."""
    draw = random.Random(5)
    made = [history.first]
    for _ in range(60):
        parents = draw.sample(made[-8:], k=min(len(made), draw.choice([1, 1, 2, 3])))
        made.append(history.commit(*parents, day=draw.randrange(5)))
    return made


def test_a_walk_meets_every_ancestor_once_and_children_first(
    history: History, web: list[str]
) -> None:
    for start in web[::7]:
        found = [logged.id for logged in walk(history.repository.commits.read, start)]
        assert sorted(found) == sorted(ancestors(history, start))
        order = {commit_id: n for n, commit_id in enumerate(found)}
        for commit_id in found:
            parents = history.repository.commits.read(commit_id).parents
            assert all(order[p] > order[commit_id] for p in parents)


def test_a_merge_base_is_a_common_ancestor_of_greatest_generation(
    history: History, web: list[str]
) -> None:
    read = history.repository.commits.read
    draw = random.Random(6)
    for _ in range(100):
        left, right = draw.choice(web), draw.choice(web)
        common = ancestors(history, left) & ancestors(history, right)
        best = max(read(c).generation for c in common)
        found = merge_base(read, left, right)
        assert found in common
        assert read(found).generation == best
        assert found == merge_base(read, right, left)


def test_merge_bases_are_the_common_ancestors_that_no_other_comes_from(
    history: History, web: list[str]
) -> None:
    read = history.repository.commits.read
    draw = random.Random(7)
    counts = set()
    for _ in range(200):
        left, right = draw.choice(web), draw.choice(web)
        common = ancestors(history, left) & ancestors(history, right)
        below = {a for c in common for a in ancestors(history, c) - {c}}
        found = merge_bases(read, left, right)
        assert set(found) == common - below
        assert found == merge_bases(read, right, left)
        assert is_ancestor(read, left, right) == (left in ancestors(history, right))
        counts.add(len(found))
    assert len(counts) > 1


def test_generations_and_times_grow_along_parents(history: History, web: list[str]) -> None:
    read = history.repository.commits.read
    for commit_id in web[1:]:
        commit = read(commit_id)
        parents = [read(p) for p in commit.parents]
        assert commit.generation == 1 + max(p.generation for p in parents)
        assert commit.time >= max(p.time for p in parents)


def test_histories_apart_have_no_merge_base(history: History) -> None:
    alone = history.commit()
    with pytest.raises(NotFound):
        merge_base(history.repository.commits.read, history.first, alone)


def test_a_merge_base_is_found_without_the_history_below_it(history: History) -> None:
    start = history.commit()
    line = [start]
    for _ in range(50):
        line.append(history.commit(line[-1]))
    merged = history.commit(history.first, line[-2])
    seen: list[str] = []

    def read(commit_id: str) -> Commit:
        seen.append(commit_id)
        return history.repository.commits.read(commit_id)

    assert merge_bases(read, merged, line[-1]) == (line[-2],)
    assert len(set(seen)) < 6
    assert parting(read, history.first, line[-1]) == EMPTY_ID
    assert not is_ancestor(read, history.first, line[-1])
    assert is_ancestor(read, EMPTY_ID, line[-1])


def test_a_walk_over_lines_that_began_apart_goes_by_time(history: History) -> None:
    old = [history.commit(day=0)]
    for day in range(1, 6):
        old.append(history.commit(old[-1], day=day))
    new = history.commit(history.first, day=9)
    merged = history.commit(new, old[-1], day=10)
    found = [logged.id for logged in walk(history.repository.commits.read, merged)]
    assert found[:2] == [merged, new]
    assert found[2:7] == old[:0:-1]


def test_commits_between_two_are_those_that_only_the_second_has(
    history: History, web: list[str]
) -> None:
    read = history.repository.commits.read
    for before in web[::5]:
        for after in web[::4]:
            own = ancestors(history, after) - ancestors(history, before)
            led = before in ancestors(history, after)
            found = commits_between(read, before, after, most=1000)
            assert found == (len(own) if led else None)
            if led and own:
                assert commits_between(read, before, after, most=len(own)) is None
    assert commits_between(read, EMPTY_ID, web[9], most=1000) == len(ancestors(history, web[9]))
    assert commits_between(read, web[9], EMPTY_ID, most=1000) is None
