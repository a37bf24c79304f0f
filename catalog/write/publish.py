"""Commits published on a branch: made for where it is, and made anew when it moved."""

import random
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from catalog.errors import Conflict, ErrorKind
from catalog.repository.branches import HeldBranch, Stamp
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
    """Is a commit to be made on top of where a branch is.

    Attributes:
        parents: Its parents; the updates are relative to the first.
        updates: What changes.
        about: Who, when and why.
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
    """Commits to a branch, again and again until nobody else moved it meanwhile.

    Args:
        repository: The catalog.
        branch: The branch.
        propose: Makes the commit for where the branch is.
        take_turns: Whether to wait for other writers first, where the store can tell. It saves
            lost races where many write, and is only for commits that are quickly made.

    Returns:
        The id of the commit; None if none was wanted.

    Raises:
        Conflict: The branch was deleted meanwhile, or always moved by somebody else.
        OutcomeUnknown: Whether the commit landed is no longer known.
    """
    pause_s = FIRST_PAUSE_S
    for _ in range(MAX_ATTEMPTS):
        turn = repository.branches.turn(branch) if take_turns else nullcontext()
        with turn:
            held = repository.branches.held(branch)
            if held is None or held.branch.commit_id is None:
                raise Conflict(
                    f"branch {branch!r} was deleted meanwhile",
                    kind=ErrorKind.BRANCH_DELETED,
                    hint=f"where it stood: parquetry reflog {shlex.quote(branch)}",
                )
            made = propose(held, held.branch.commit_id)
            if made is None:
                return None
            commit_id = repository.writer().write(made.parents, made.updates, made.about)
            stamp = Stamp(made.about.author, made.about.time, made.why, made.key)
            with suppress(SwapLost):
                repository.branches.move(held, commit_id, stamp)
                return commit_id
        time.sleep(random.uniform(0, pause_s))
        pause_s = min(2 * pause_s, MAX_PAUSE_S)
    raise Conflict(
        f"branch {branch!r} was always moved by somebody else, {MAX_ATTEMPTS} times",
        kind=ErrorKind.TOO_MANY_RACES,
        hint="run the command again",
    )
