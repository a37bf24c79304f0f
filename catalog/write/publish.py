"""Commits published on a branch: made for where it is, and made again if it moved."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress

from catalog.dataclasses import dataclass, replace
from catalog.errors import CorruptData
from catalog.model.commit import is_same_state
from catalog.repository.branch_errors import contested_error, deleted_error, gated_error
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


QUICK_S = 1.0
"""How long an attempt may take of which another one is likely to fit between two other commits;
with others that wait for it, it is sure to."""


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

Judge = Callable[[HeldBranch, Proposal, str], Mapping[str, object] | None]
"""Judges a proposed commit before the branch moves to it.

It receives the branch as it was read, the proposal, and the id of the commit that was written for
it, which nobody points at. It returns what is recorded with the commit, None if nothing was
judged, and raises an error if the commit may not be published.
"""


def publish(
    repository: Repository,
    branch: str,
    propose: Propose,
    *,
    judge: Judge | None = None,
    take_turns: bool = False,
) -> str | None:
    """Commits to a branch, trying again if another writer moved it in the meantime.

    To wait for other writers first, where the store can tell, saves lost races where many write,
    and is only for commits that are quickly made. It is done in any case after a lost race whose
    attempt was quick: what took long the first time is known by then.

    Args:
        repository: The stored objects.
        branch: The branch.
        propose: Makes the commit.
        judge: Judges it; a branch with rules takes no commit without.
        take_turns: Whether to wait for other writers from the first attempt on.

    Returns:
        The id of the commit; None if none was wanted.

    Raises:
        Conflict: The branch was deleted, or other writers kept moving it, or it has rules and
            nothing judges the commit.
        OutcomeUnknown: Whether the commit landed is no longer known.
    """
    repository.condemned.look_ahead()
    pause_s = FIRST_PAUSE_S
    is_quick = take_turns
    for _ in range(MAX_ATTEMPTS):
        turn = repository.branches.turn(branch) if is_quick else nullcontext()
        with turn:
            started = time.monotonic()
            proposed = _proposed(repository, branch, propose)
            if proposed is None:
                return None
            held, made = proposed
            commit_id = _written(repository, held, made, judge=judge)
            stamp = Stamp(made.about.author, made.about.time, made.why, made.key)
            with suppress(SwapLost):
                repository.branches.move(held, commit_id, stamp)
                return commit_id
            is_quick = take_turns or time.monotonic() - started < QUICK_S
        time.sleep(random.uniform(0, pause_s))
        pause_s = min(2 * pause_s, MAX_PAUSE_S)
    raise contested_error(branch, MAX_ATTEMPTS)


def rehearse(repository: Repository, branch: str, propose: Propose, *, judge: Judge) -> str | None:
    """Proposes a commit, writes it and has it judged; the branch does not move.

    Returns:
        The commit, as it would be published; None if none is proposed.
    """
    proposed = _proposed(repository, branch, propose)
    return None if proposed is None else _written(repository, *proposed, judge=judge)


def _proposed(
    repository: Repository, branch: str, propose: Propose
) -> tuple[HeldBranch, Proposal] | None:
    """Returns the branch as it is, and the commit that is proposed for it, if one is.

    Raises:
        Conflict: The branch was deleted.
    """
    held = repository.branches.held(branch)
    if held is None or held.branch.commit_id is None:
        raise deleted_error(branch)
    made = propose(held, held.branch.commit_id)
    return None if made is None else (held, made)


def _written(
    repository: Repository, held: HeldBranch, made: Proposal, *, judge: Judge | None
) -> str:
    """Writes a proposed commit, and again with what was found about it, if it was judged.

    Raises:
        Conflict: The branch has rules, and nothing judges the commit.
    """
    writer, read = repository.writer(), repository.commits.read
    warn_of_clocks(read, made.parents, made.about.time)
    if judge is None:
        if held.branch.rules is not None:
            raise gated_error(held.branch.name, doing="this commit")
        return writer.write(made.parents, made.updates, made.about)
    judged = writer.write(made.parents, made.updates, made.about)
    found = judge(held, made, judged)
    if found is None:
        return judged
    commit_id = writer.write(made.parents, made.updates, replace(made.about, gate=found))
    if not is_same_state(read(judged), read(commit_id)):
        raise CorruptData(
            f"the commit to branch {held.branch.name!r} is not the one that was judged, "
            f"{judged[:8]}; the branch was not moved"
        )
    return commit_id
