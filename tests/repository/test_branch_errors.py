"""Errors about branches: what they say, and which of them a move by others is."""

from catalog.errors import ErrorKind
from catalog.repository.branch_errors import moved_error

from .conftest import History, stamp


def test_a_move_by_others_is_described(history: History) -> None:
    branches = history.repository.branches
    history.create("dev", history.first)
    now = branches.held("dev")
    assert now is not None
    by, last = history.first[:8], now.branch.reflog[0]
    error = moved_error("dev", during="the reset", now=now.branch)
    assert error.kind is ErrorKind.WRITE_CONFLICT
    assert error.message == (
        f"branch 'dev' was moved by {last.who} to {by} ({last.why}) during the reset"
    )
    assert error.hint.endswith("cat.log('dev')")
    branches.move(now, None, stamp())
    gone = branches.held("dev")
    assert gone is not None
    error = moved_error("dev", during="the reset", now=gone.branch)
    assert error.kind is ErrorKind.BRANCH_DELETED


def test_a_move_that_was_not_read_back_is_by_another_writer() -> None:
    error = moved_error("dev", during="the rebase")
    assert error.message == "branch 'dev' was moved by another writer during the rebase"
