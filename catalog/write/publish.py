"""Commits published on a branch: made for where it is, and made again if it moved."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from catalog.repository.branch_errors import contested_error, deleted_error
from catalog.repository.branches import HeldBranch, Stamp
from catalog.repository.clock import warn_of_clocks
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.repository import Repository
from catalog.storage.store import SwapLost

MAX_ATTEMPTS = 200
"""Races a commit may lose before it gives up: with jittered pauses, 16 writers that each
commit in a loop need fewer than 40."""

FIRST_PAUSE_S = 0.002
"""Longest pause after the first lost race; it doubles with each, up to a quarter second."""

MAX_PAUSE_S = 0.25
"""Longest pause between attempts."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A commit to be made on top of where a branch is.

    Attributes:
        parents: Its parents; the updates are relative to the first.
        why: What the reflog says.
        key: The idempotency key of the write, if it has one.
    """

    parents: Sequence[str]
    updates: Sequence[TableUpdate]
    about: Description
    why: str
    key: str | None = None


Propose = Callable[[HeldBranch, str], Proposal | None]
"""Makes a commit for a branch as it was read, and its head; None if none is wanted."""


def publish(
    repository: Repository,
    branch: str,
    propose: Propose,
    *,
    take_turns: bool = False,
) -> str | None:
    """Commits to a branch, trying again if another writer moved it in the meantime.

    To wait for other writers first, where the store can tell, saves lost races where many write,
    and is only for commits that are quickly made.

    Returns:
        The id of the commit; None if none was wanted.

    Raises:
        Conflict: The branch was deleted, or other writers kept moving it.
        OutcomeUnknown: Whether the commit landed is no longer known.
    """
    pause_s = FIRST_PAUSE_S
    for _ in range(MAX_ATTEMPTS):
        turn = repository.branches.turn(branch) if take_turns else nullcontext()
        with turn:
            held = repository.branches.held(branch)
            if held is None or held.branch.commit_id is None:
                raise deleted_error(branch)
            made = propose(held, held.branch.commit_id)
            if made is None:
                return None
            warn_of_clocks(repository.commits.read, made.parents, made.about.time)
            commit_id = repository.writer().write(made.parents, made.updates, made.about)
            stamp = Stamp(made.about.author, made.about.time, made.why, made.key)
            with suppress(SwapLost):
                repository.branches.move(held, commit_id, stamp)
                return commit_id
        time.sleep(random.uniform(0, pause_s))
        pause_s = min(2 * pause_s, MAX_PAUSE_S)
    raise contested_error(branch, MAX_ATTEMPTS)
