"""Branches and tags of an open catalog: ``cat.branches`` and ``cat.tags``."""

import contextlib
import datetime
from collections.abc import Callable

from catalog.errors import Conflict, ErrorKind, InvalidInput, NotFound
from catalog.model.names import canonical_name, check_ref_name
from catalog.model.refs import Branch, Move, Tag
from catalog.model.texts import check_text
from catalog.repository.branches import Stamp
from catalog.repository.repository import DEFAULT_BRANCH, Repository
from catalog.storage.store import SwapLost

MAX_ATTEMPTS = 100
"""Races that setting a branch's protection may lose: it asks for no state, and each attempt is
one read and one swap, so that even among many writers a few will do."""

Clock = Callable[[], datetime.datetime]
Moves = list[Move]


class BranchList:
    """Lists, creates, protects and deletes branches."""

    def __init__(self, repository: Repository, author: str, clock: Clock) -> None:
        self._repository = repository
        self._author = author
        self._clock = clock

    def list(self) -> list[Branch]:
        """Returns all branches by name."""
        return self._repository.branches.list()

    def create(self, name: str, *, at: str = DEFAULT_BRANCH) -> Branch:
        """Creates a branch: one object is written, whatever the size of the data.

        Args:
            name: The new branch.
            at: The ref expression it starts from.

        Raises:
            AlreadyExists: A branch or tag has that name.
            InvalidInput: The name is not allowed.
            NotFound: ``at`` stands for nothing.
        """
        name = check_ref_name(name)
        start = self._repository.refs.resolve(at)
        stamp = Stamp(self._author, self._clock(), f"branch: created from {at}")
        return self._repository.branches.create(name, start.commit_id, stamp)

    def delete(self, name: str) -> Branch:
        """Deletes a branch; its commits and its reflog stay.

        Returns:
            The branch as it was.

        Raises:
            NotFound: There is no such branch.
            InvalidInput: It is the default branch.
            Conflict: It is protected, or was moved meanwhile.
        """
        name = canonical_name(name)
        held = self._repository.branches.held(name)
        if held is None or held.branch.commit_id is None:
            raise self._repository.refs.unknown(name)
        if name == DEFAULT_BRANCH:
            raise InvalidInput(f"branch {name!r} is the default branch and cannot be deleted")
        if held.branch.protected:
            raise Conflict(
                f"branch {name!r} is protected",
                kind=ErrorKind.BRANCH_PROTECTED,
                hint=f"first: parquetry branch protect {name} --off",
            )
        try:
            stamp = Stamp(self._author, self._clock(), "branch: deleted")
            self._repository.branches.move(held, None, stamp)
        except SwapLost as error:
            raise Conflict(
                f"branch {name!r} was moved by somebody else while it was to be deleted",
                kind=ErrorKind.WRITE_CONFLICT,
                hint=f"look at it first: parquetry log {name}",
            ) from error
        return held.branch

    def protect(self, name: str) -> Branch:
        """Protects a branch: from now on it changes only by merge.

        Returns:
            The branch as it is then.

        Raises:
            NotFound: There is no such branch.
            Conflict: It was always moved by somebody else.
        """
        return self._set_protected(name, True)

    def unprotect(self, name: str) -> Branch:
        """Takes the protection of a branch away.

        Returns:
            The branch as it is then.

        Raises:
            NotFound: There is no such branch.
            Conflict: It was always moved by somebody else.
        """
        return self._set_protected(name, False)

    def _set_protected(self, name: str, protected: bool) -> Branch:
        name = canonical_name(name)
        why = "branch: protected" if protected else "branch: unprotected"
        for _ in range(MAX_ATTEMPTS):
            held = self._repository.branches.held(name)
            if held is None or held.branch.commit_id is None:
                raise self._repository.refs.unknown(name)
            if held.branch.protected == protected:
                return held.branch
            stamp = Stamp(self._author, self._clock(), why)
            with contextlib.suppress(SwapLost):
                return self._repository.branches.protect(held, protected, stamp)
        raise Conflict(
            f"branch {name!r} was always moved by somebody else, {MAX_ATTEMPTS} times",
            kind=ErrorKind.TOO_MANY_RACES,
            hint="run the command again",
        )

    def reflog(self, name: str) -> "Moves":
        """Returns the moves of a branch, newest first, also of a deleted one.

        Raises:
            NotFound: There was never such a branch.
        """
        name = canonical_name(name)
        held = self._repository.branches.held(name)
        if held is None:
            raise self._repository.refs.unknown(name)
        return [*self._repository.branches.reflog(held.branch)]


class TagList:
    """Lists, creates and deletes tags."""

    def __init__(self, repository: Repository, author: str, clock: Clock) -> None:
        self._repository = repository
        self._author = author
        self._clock = clock

    def list(self) -> list[Tag]:
        """Returns all tags by name."""
        return self._repository.tags.list()

    def create(self, name: str, *, at: str = DEFAULT_BRANCH, message: str = "") -> Tag:
        """Creates a tag, which never moves.

        Args:
            name: The new tag.
            at: The ref expression it names.
            message: What it is about.

        Raises:
            AlreadyExists: A branch or tag has that name, or a deleted tag had it.
            InvalidInput: The name is not allowed.
            NotFound: ``at`` stands for nothing.
        """
        name = check_ref_name(name)
        check_text(message, "the message")
        commit_id = self._repository.refs.resolve(at).commit_id
        tag = Tag(name, commit_id, self._clock(), self._author, message)
        stamp = Stamp(self._author, tag.time, "tag: created")
        self._repository.branches.give_to_tag(name, stamp)
        self._repository.tags.create(tag)
        return tag

    def delete(self, name: str) -> None:
        """Deletes a tag; its name is spent, so that it can never mean something else.

        Raises:
            NotFound: There is no such tag.
        """
        name = canonical_name(name)
        if self._repository.tags.find(name) is None:
            raise NotFound(
                f"no tag {name!r}", kind=ErrorKind.REF_NOT_FOUND, hint="parquetry tag list"
            )
        self._repository.tags.delete(name)
