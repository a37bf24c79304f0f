"""``cat.reset`` and protection: what moves, what is kept, and who is refused."""

import random

import pytest

from catalog.catalog import Catalog
from catalog.errors import Conflict, InvalidInput, NotFound
from catalog.repository.history import count_missing, walk
from tests.storage.wrappers import FaultyStore

from .conftest import History, stamp


@pytest.fixture
def cat(history: History) -> Catalog:
    return Catalog("memory", history.repository, author="tester")


def whys(cat: Catalog, branch: str = "main") -> list[str]:
    return [move.why for move in cat.reflog(branch)]


@pytest.mark.invariant("A reset loses nothing")
def test_a_reset_moves_the_branch_and_keeps_where_it_was(cat: Catalog, history: History) -> None:
    newest = [history.advance() for _ in range(3)][-1]
    found = cat.reset("main", to="main~2")
    assert (found.before, found.removed, found.added, found.moved) == (newest, 2, 0, True)
    assert cat.resolve("main").commit_id == found.after == cat.resolve("main@{3}~0").commit_id
    assert cat.resolve("main@{1}").commit_id == newest
    assert whys(cat)[0] == "reset: to main~2"


@pytest.mark.parametrize("to", ["v1", "main^1", "@{1}", "dev@{0}"])
def test_a_reset_takes_any_ref_expression(cat: Catalog, history: History, to: str) -> None:
    cat.branches.create("dev")
    cat.tags.create("v1")
    history.advance()
    assert cat.reset("main", to=to).after == history.first


def test_moves_without_a_name_are_those_of_the_branch(cat: Catalog, history: History) -> None:
    history.advance()
    cat.branches.create("dev", at="main")
    before = history.head("dev")
    history.advance("dev")
    assert cat.reset("dev", to="@{1}").after == before


def test_a_reset_to_where_it_is_makes_no_move(cat: Catalog, history: History) -> None:
    found = cat.reset("main", to="main")
    assert (found.moved, found.removed, found.added) == (False, 0, 0)
    assert len(cat.reflog("main")) == 1


def test_a_dry_run_makes_no_move(cat: Catalog, history: History) -> None:
    newest = history.advance()
    found = cat.reset("main", to="main~1", dry_run=True)
    assert (found.moved, found.removed, found.after) == (True, 1, history.first)
    assert history.head("main") == newest


def test_a_reset_to_another_line_counts_both_sides(cat: Catalog, history: History) -> None:
    history.advance()
    cat.branches.create("dev")
    for _ in range(3):
        history.advance("main")
    for _ in range(2):
        history.advance("dev")
    found = cat.reset("main", to="dev")
    assert (found.removed, found.added) == (3, 2)


def test_a_move_by_somebody_else_is_a_conflict_that_names_it(
    cat: Catalog, history: History, store: FaultyStore
) -> None:
    history.advance()
    made = ""

    def other() -> None:
        nonlocal made
        made = history.advance()

    store.faults["swap"] = [other]
    with pytest.raises(Conflict) as caught:
        cat.reset("main", to="main~1")
    assert caught.value.kind == "write-conflict"
    assert made[:8] in caught.value.message
    assert "tester" in caught.value.message
    assert history.head("main") == made


def test_a_branch_deleted_while_it_is_reset_is_said(
    cat: Catalog, history: History, store: FaultyStore
) -> None:
    history.advance()
    cat.branches.create("dev")
    store.faults["swap"] = [lambda: cat.branches.delete("dev")]
    with pytest.raises(Conflict) as caught:
        cat.reset("dev", to="main~1")
    assert caught.value.kind == "branch-deleted"


@pytest.mark.parametrize("fault", ["fail-after", "twice"])
def test_a_reset_whose_answer_is_lost_is_made_once(
    cat: Catalog, history: History, store: FaultyStore, fault: str
) -> None:
    history.advance()
    store.faults["swap"] = [fault]
    cat.reset("main", to="main~1")
    assert history.head("main") == history.first
    assert len(cat.reflog("main")) == 3


def test_what_does_not_exist_is_not_found(cat: Catalog, history: History) -> None:
    for branch, to in (("dev", "main"), ("main", "dev"), ("main", "main~9"), ("main", "f" * 64)):
        with pytest.raises(NotFound):
            cat.reset(branch, to=to)
    with pytest.raises(InvalidInput):
        cat.reset("main", to="main~x")


def test_a_protected_branch_is_not_reset(cat: Catalog, history: History) -> None:
    newest = history.advance()
    cat.branches.protect("main")
    with pytest.raises(Conflict) as caught:
        cat.reset("main", to="main~1")
    assert (caught.value.kind, history.head("main")) == ("branch-protected", newest)
    assert "cat.branches.unprotect('main')" in caught.value.hint


class TestProtection:
    def test_it_is_a_move_to_where_the_branch_is(self, cat: Catalog, history: History) -> None:
        branch = cat.branches.protect("main")
        assert (branch.protected, branch.commit_id) == (True, history.first)
        assert cat.branches.list() == [branch]
        move = cat.reflog("main")[0]
        assert (move.before, move.after, move.why) == (
            *(history.first, history.first),
            "branch: protected",
        )
        assert not cat.branches.unprotect("main").protected
        assert whys(cat)[:2] == ["branch: unprotected", "branch: protected"]

    def test_what_is_set_already_makes_no_move(self, cat: Catalog) -> None:
        cat.branches.unprotect("main")
        assert len(cat.reflog("main")) == 1
        assert cat.branches.protect("main") == cat.branches.protect("main")
        assert len(cat.reflog("main")) == 2

    def test_it_lasts_while_the_branch_moves(self, cat: Catalog, history: History) -> None:
        cat.branches.protect("main")
        history.advance()
        assert cat.branches.list()[0].protected

    def test_it_refuses_transactions_and_deletion(self, cat: Catalog) -> None:
        cat.branches.create("dev")
        cat.branches.protect("dev")
        for use in (cat.transaction, cat.branches.delete):
            with pytest.raises(Conflict) as caught:
                use("dev")
            assert caught.value.kind == "branch-protected"
        cat.branches.unprotect("dev")
        cat.branches.delete("dev")

    def test_a_branch_made_again_is_not_protected(self, cat: Catalog, history: History) -> None:
        cat.branches.create("dev")
        cat.branches.protect("dev")
        branches = history.repository.branches
        held = branches.held("dev")
        assert held is not None
        assert not branches.move(held, None, stamp()).protected
        assert not cat.branches.create("dev").protected

    def test_a_move_meanwhile_is_kept(
        self, cat: Catalog, history: History, store: FaultyStore
    ) -> None:
        store.faults["swap"] = [history.advance, None]
        branch = cat.branches.protect("main")
        assert branch.protected
        assert branch.commit_id == history.head("main") != history.first
        assert len(cat.reflog("main")) == 3

    def test_unknown_branches_are_not_found(self, cat: Catalog) -> None:
        cat.branches.create("dev")
        cat.branches.delete("dev")
        for name in ("dev", "never"):
            with pytest.raises(NotFound):
                cat.branches.protect(name)


def test_missing_commits_are_counted_as_sets_are(history: History) -> None:
    """Against the plain difference of both sets of ancestors, over random graphs."""
    draw = random.Random(7)
    made = [history.first]
    for n in range(60):
        parents = draw.sample(made[-6:], k=min(len(made[-6:]), draw.choice([1, 1, 2, 3])))
        made.append(history.commit(*parents, day=n))
    read = history.repository.commits.read
    ancestors = {one: {logged.id for logged in walk(read, one)} for one in made}
    for _ in range(300):
        left, right = draw.choice(made), draw.choice(made)
        assert count_missing(read, left, right) == len(ancestors[left] - ancestors[right])
