"""Branches: moves, reflogs, and swaps whose answers are lost."""

import pytest

from catalog.errors import AlreadyExists, CorruptData
from catalog.model.refs import REFLOG_PAGE, Move, move_from_json, move_to_json
from catalog.repository.branches import Branches, Stamp, branch_path, page_path
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import pack_path
from catalog.repository.spares import spare_path
from catalog.storage.store import OutcomeUnknown, SwapLost
from tests.storage.wrappers import CountingStore, FaultyStore

from .conftest import History, at, stamp


def moves(history: History, branch: str = "main") -> list[tuple[str | None, str | None]]:
    held = history.repository.branches.held(branch)
    assert held is not None
    return [(m.before, m.after) for m in history.repository.branches.reflog(held.branch)]


def test_a_branch_is_one_object_and_a_spare_copy_of_it(
    history: History, store: FaultyStore
) -> None:
    before = {info.path for info in store.list("")}
    history.create("dev", history.first)
    path = branch_path("dev")
    assert {info.path for info in store.list("")} - before == {path, spare_path(path)}
    assert store.read(path).data == store.read(spare_path(path)).data
    history.advance()
    assert {info.path for info in store.list("spare/")} == {
        spare_path(branch_path(name)) for name in ("main", "dev")
    }


def test_a_taken_name_is_refused(history: History) -> None:
    history.create("dev", history.first)
    with pytest.raises(AlreadyExists):
        history.create("dev", history.first)


def test_a_move_from_an_old_state_is_lost(history: History) -> None:
    branches = history.repository.branches
    held = branches.held("main")
    assert held is not None
    newest = history.advance()
    with pytest.raises(SwapLost):
        branches.move(held, history.first, stamp())
    assert history.head("main") == newest


def test_a_deleted_branch_is_gone_but_keeps_its_reflog(history: History) -> None:
    branches = history.repository.branches
    history.create("dev", history.first)
    second = history.advance("dev")
    held = branches.held("dev")
    assert held is not None
    branches.move(held, None, stamp())
    assert branches.find("dev") is None
    assert [b.name for b in branches.list()] == ["main"]
    assert moves(history, "dev") == [
        (second, None),
        (history.first, second),
        (None, history.first),
    ]


def test_a_deleted_branch_can_be_made_again_with_its_old_reflog(history: History) -> None:
    branches = history.repository.branches
    history.create("dev", history.first)
    held = branches.held("dev")
    assert held is not None
    branches.move(held, None, stamp())
    history.create("dev", history.first)
    assert moves(history, "dev") == [
        (None, history.first),
        (history.first, None),
        (None, history.first),
    ]


def test_the_reflog_goes_back_over_any_number_of_moves(
    history: History, store: FaultyStore
) -> None:
    made = [history.first, *(history.advance() for _ in range(3 * REFLOG_PAGE + 50))]
    assert moves(history) == [*zip(made[-2::-1], made[:0:-1], strict=True), (None, made[0])]
    held = history.repository.branches.held("main")
    assert held is not None
    assert REFLOG_PAGE <= len(held.branch.reflog) < 2 * REFLOG_PAGE
    assert len(store.read(branch_path("main")).data) < 80_000
    for back in (0, 99, 100, 199, 200, 350):
        assert history.resolve(f"main@{{{back}}}") == made[-1 - back]


def test_a_damaged_reflog_page_is_refused(history: History, store: FaultyStore) -> None:
    for _ in range(2 * REFLOG_PAGE):
        history.advance()
    held = history.repository.branches.held("main")
    assert held is not None
    assert held.branch.older is not None
    path = page_path(held.branch.older)
    store.put(path, store.read(path).data.replace(b"tester", b"TESTER", 1))
    with pytest.raises(CorruptData):
        moves(history)


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"kind":"branch"}', b"\xff\xfe"])
def test_a_damaged_branch_is_refused(history: History, store: FaultyStore, damage: bytes) -> None:
    store.put(branch_path("main"), damage)
    with pytest.raises(CorruptData):
        history.head("main")


def test_a_branch_under_another_name_is_refused(history: History, store: FaultyStore) -> None:
    store.put(branch_path("dev"), store.read(branch_path("main")).data)
    with pytest.raises(CorruptData):
        history.head("dev")


def test_a_branch_that_points_to_nothing_is_corrupt(history: History, store: FaultyStore) -> None:
    made = history.commit(history.first)
    held = history.repository.branches.held("main")
    assert held is not None
    history.repository.branches.move(held, made, stamp())
    store.delete(pack_path(made))
    fresh = NodeReader(store)
    with pytest.raises(CorruptData) as caught:
        fresh.head(history.head("main"))
    assert made in caught.value.message


def keyed(key: str | None, why: str = "test") -> Stamp:
    return Stamp("tester", at(0), why, key)


class TestKeys:
    """A write with an idempotency key is found in the reflog of what the next swap replaces."""

    def landed(self, history: History, key: str, branch: str = "main") -> str | None:
        held = history.repository.branches.held(branch)
        assert held is not None
        move = history.repository.branches.find_key(held.branch, key)
        return None if move is None else move.after

    def move(self, history: History, key: str | None, branch: str = "main") -> str:
        held = history.repository.branches.held(branch)
        assert held is not None
        commit_id = history.commit(history.head(branch))
        history.repository.branches.move(held, commit_id, keyed(key))
        return commit_id

    def test_a_key_is_found_behind_other_moves(self, history: History) -> None:
        made = self.move(history, "day-1")
        self.move(history, None)
        self.move(history, "day-2")
        assert self.landed(history, "day-1") == made
        assert self.landed(history, "day-3") is None

    def test_the_newest_move_of_a_key_counts(self, history: History) -> None:
        self.move(history, "day-1")
        newest = self.move(history, "day-1")
        assert self.landed(history, "day-1") == newest

    def test_a_key_is_found_on_older_pages(self, history: History, store: FaultyStore) -> None:
        made = self.move(history, "day-1")
        for _ in range(3 * REFLOG_PAGE):
            history.advance()
        fresh = Branches(store)
        held = fresh.held("main")
        assert held is not None
        move = fresh.find_key(held.branch, "day-1")
        assert move is not None
        assert move.after == made

    def test_older_pages_are_read_once(self, history: History) -> None:
        for _ in range(3 * REFLOG_PAGE):
            history.advance()
        counting = CountingStore(history.repository.store)
        branches = Branches(counting)
        held = branches.held("main")
        assert held is not None
        counting.calls.clear()
        for key in ("a", "b", "c"):
            assert branches.find_key(held.branch, key) is None
        pages = [path for path in counting.of("read") if path.startswith("refs/reflogs/")]
        assert len(pages) == 2
        assert len(counting.of("read")) == 4  # and whether there is an index of the keys on them

    def test_a_reset_does_not_undo_that_a_write_was_made(self, history: History) -> None:
        made = self.move(history, "day-1")
        held = history.repository.branches.held("main")
        assert held is not None
        history.repository.branches.move(held, history.first, stamp(why="reset: to main~1"))
        assert self.landed(history, "day-1") == made

    def test_a_branch_made_again_begins_anew(self, history: History) -> None:
        branches = history.repository.branches
        branches.create("dev", history.first, keyed("made"))
        assert self.landed(history, "made", "dev") == history.first
        self.move(history, "day-1", "dev")
        held = branches.held("dev")
        assert held is not None
        branches.move(held, None, stamp())
        assert self.landed(history, "day-1", "dev") is None
        branches.create("dev", history.first, keyed("again"))
        assert self.landed(history, "again", "dev") == history.first
        assert self.landed(history, "made", "dev") is None

    def test_a_move_without_a_key_is_stored_as_ever(self, history: History) -> None:
        move = move_from_json(move_to_json(Move("1", at(0), "t", None, None, "w")))
        assert (len(move_to_json(move)), move.key) == (6, None)
        keyed_move = Move("1", at(0), "t", None, None, "w", "day-1")
        assert move_from_json(move_to_json(keyed_move)) == keyed_move

    @pytest.mark.parametrize("rest", [[None], [1], ["a", "b"]])
    def test_a_move_with_something_else_is_refused(self, rest: list[object]) -> None:
        stored = move_to_json(Move("1", at(0), "t", None, None, "w"))
        with pytest.raises(CorruptData):
            move_from_json([*stored, *rest])


class TestLostAnswers:
    """A swap has landed if and only if its write id is found when reading back."""

    @pytest.mark.parametrize("fault", ["fail-after", "twice"])
    def test_a_swap_that_happened_is_known_to_have_happened(
        self, history: History, store: FaultyStore, fault: str
    ) -> None:
        store.faults["swap"] = [fault]
        made = history.advance()
        assert history.head("main") == made
        assert len(moves(history)) == 2

    def test_a_swap_that_did_not_happen_is_known_not_to_have_happened(
        self, history: History, store: FaultyStore
    ) -> None:
        store.faults["swap"] = ["fail-before"]
        with pytest.raises(OutcomeUnknown):
            history.advance()
        assert history.head("main") == history.first

    @pytest.mark.parametrize("fault", ["fail-after", "twice"])
    def test_a_creation_that_happened_is_known_to_have_happened(
        self, history: History, store: FaultyStore, fault: str
    ) -> None:
        store.faults["create"] = [fault]
        history.create("dev", history.first)
        assert history.head("dev") == history.first

    def test_a_creation_that_did_not_happen_is_said(
        self, history: History, store: FaultyStore
    ) -> None:
        store.faults["create"] = ["fail-before"]
        with pytest.raises(OutcomeUnknown):
            history.create("dev", history.first)
        assert history.repository.branches.find("dev") is None

    def test_a_landed_swap_is_found_behind_later_moves(
        self, history: History, store: FaultyStore
    ) -> None:
        inner = History.__new__(History)
        inner.__dict__.update(history.__dict__)

        class SlowStore(FaultyStore):
            def swap(self, path: str, data: bytes, *, version: str) -> str:
                self.inner.swap(path, data, version=version)
                for _ in range(REFLOG_PAGE - 1):
                    inner.advance()
                raise OutcomeUnknown("timed out")

        branches = type(history.repository.branches)(SlowStore(store))
        held = branches.held("main")
        assert held is not None
        made = history.commit(history.first)
        branches.move(held, made, stamp())
        assert history.resolve(f"main@{{{REFLOG_PAGE - 1}}}") == made

    def test_a_lost_swap_is_found_lost_behind_later_moves(
        self, history: History, store: FaultyStore
    ) -> None:
        def others() -> None:
            for _ in range(REFLOG_PAGE - 1):
                history.advance()

        store.faults["swap"] = [others]
        with pytest.raises(SwapLost):
            history.advance()

    def test_an_outcome_that_the_reflog_no_longer_tells_is_said_to_be_unknown(
        self, history: History, store: FaultyStore
    ) -> None:
        def others() -> None:
            for _ in range(2 * REFLOG_PAGE + 1):
                history.advance()
            for page in list(store.list("refs/reflogs/")):
                store.delete(page.path)

        store.faults["swap"] = [others]
        with pytest.raises(OutcomeUnknown) as caught:
            history.advance()
        assert "cat.reflog('main')" in caught.value.hint

    def test_a_lost_swap_is_found_lost_on_older_pages_of_the_reflog(
        self, history: History, store: FaultyStore
    ) -> None:
        """A write may take long: what began ten minutes ago has hundreds of moves before it."""

        def others() -> None:
            for _ in range(3 * REFLOG_PAGE):
                history.advance()

        store.faults["swap"] = [others]
        with pytest.raises(SwapLost):
            history.advance()
