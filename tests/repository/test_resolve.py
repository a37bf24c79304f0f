"""Ref expressions resolved against a history."""

import pytest

from catalog.errors import InvalidInput, NotFound
from catalog.model.refs import Tag

from .conftest import History, at, stamp


@pytest.fixture
def line(history: History) -> list[str]:
    """Is a branch of five commits, one a day, the first on day 0."""
    return [history.first, *(history.advance(day=day) for day in range(1, 5))]


def test_a_branch_stands_for_its_newest_commit(history: History, line: list[str]) -> None:
    found = history.repository.refs.resolve("main")
    assert (found.commit_id, found.branch, found.text) == (line[4], "main", "main")


def test_ancestors_go_along_first_parents(history: History, line: list[str]) -> None:
    side = history.commit(line[0], day=9)
    merged = history.advance(more=[side], day=10)
    assert history.resolve("main~0") == merged
    assert history.resolve("main~1") == line[4]
    assert history.resolve("main~5") == line[0]
    assert history.resolve("main^2") == side
    assert history.resolve("main^2~1") == line[0]
    assert history.resolve("main^0") == merged
    assert history.repository.refs.resolve("main~1").branch is None


@pytest.mark.parametrize("text", ["main~5", "main^2", "main~1^2", "main@{9}", "main~4~1"])
def test_what_reaches_beyond_the_history_is_not_found(
    history: History, line: list[str], text: str
) -> None:
    with pytest.raises(NotFound) as caught:
        history.resolve(text)
    assert text in caught.value.message


def test_moves_ago_follow_the_reflog_not_the_parents(history: History, line: list[str]) -> None:
    held = history.repository.branches.held("main")
    assert held is not None
    history.repository.branches.move(held, line[1], stamp(9, "reset"))
    assert history.resolve("main@{0}") == line[1]
    assert history.resolve("main@{1}") == line[4]
    assert history.resolve("main@{2}") == line[3]
    assert history.resolve("@{1}") == line[4]
    assert history.resolve("main@{1}~1") == line[3]


def test_only_branches_have_a_reflog(history: History, line: list[str]) -> None:
    history.repository.tags.create(Tag("v1", line[2], at(3), "tester"))
    for text in ("v1@{1}", f"{line[2]}@{{1}}", "main~1@{1}"):
        with pytest.raises(InvalidInput):
            history.resolve(text)


def test_a_time_stands_for_the_last_commit_until_then(history: History, line: list[str]) -> None:
    assert history.resolve("main@{2024-05-03}") == line[2]
    assert history.resolve("main@{2024-05-03T23:59}") == line[2]
    assert history.resolve("main@{2024-05-04T00:00+01:00}") == line[2]
    assert history.resolve("main@{2030-01-01}") == line[4]
    assert history.resolve(f"{line[3]}@{{2024-05-02}}") == line[1]
    with pytest.raises(NotFound) as caught:
        history.resolve("main@{2024-04-30}")
    assert caught.value.message.endswith("the history starts after 2024-04-30 00:00:00 UTC")
    assert caught.value.hint == f"the first commit is {line[0][:8]}, of 2024-05-01 00:00:00 UTC"


def test_a_time_may_count_back_from_now(history: History, line: list[str]) -> None:
    def resolved(text: str) -> str:
        return history.repository.refs.resolve(text, clock=lambda: at(4.5)).commit_id

    assert resolved("main@{now}") == line[4]
    assert resolved("main@{yesterday}") == line[3]
    assert resolved("main@{1 day ago}") == line[3]
    assert resolved("main@{36.hours.ago}") == line[3]
    assert resolved("main@{last thursday}") == line[1]
    assert resolved("@{4 days ago}~0") == line[0]
    with pytest.raises(NotFound):
        resolved("main@{last month}")


def test_branches_come_before_tags_and_tags_before_ids(history: History, line: list[str]) -> None:
    tags, branches = history.repository.tags, history.repository.branches
    prefix = line[3][:8]
    assert history.resolve(prefix) == line[3]
    tags.create(Tag(prefix, line[2], at(0), "tester"))
    assert history.resolve(prefix) == line[2]
    branches.create(prefix, line[1], stamp())
    assert history.resolve(prefix) == line[1]


def test_ids_and_unique_prefixes_are_found(history: History, line: list[str]) -> None:
    for digits in (64, 20, 8):
        assert history.resolve(line[2][:digits]) == line[2]
    with pytest.raises(NotFound):
        history.resolve("0" * 64)
    with pytest.raises(NotFound):
        history.resolve("0" * 10)


def test_a_prefix_of_several_ids_is_ambiguous(history: History) -> None:
    seen: dict[str, str] = {}
    twin = ""
    while not twin:
        made = history.commit(history.first)
        twin = made if seen.setdefault(made[:4], made) != made else ""
    with pytest.raises(InvalidInput) as caught:
        history.resolve(twin[:4])
    assert (caught.value.kind, caught.value.hint) == ("ambiguous-ref", "give more digits")
    assert history.resolve(twin[:60]) == twin


@pytest.mark.parametrize("name", ["mian", "Main", "ma", "x" * 5000, "a/../../b", "\x00", "%2e%2e"])
def test_unknown_names_are_not_found(history: History, line: list[str], name: str) -> None:
    with pytest.raises(NotFound) as caught:
        history.resolve(name)
    assert caught.value.kind == "ref-not-found"


def test_the_nearest_name_is_offered(history: History) -> None:
    with pytest.raises(NotFound) as caught:
        history.resolve("mian")
    assert caught.value.hint == "did you mean main?"
