"""Branches: the compare-and-swap by which everything happens, with its reflog.

A swap has landed if and only if its write id is the current one or stands in the reflog
read back. So a lost answer, or a write the network sent twice, is settled by reading.
"""

import contextlib
import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from catalog.errors import AlreadyExists, CorruptData, NotFound
from catalog.model.ids import canonical_json, content_id, parse_json, random_id
from catalog.model.names import decode_segment, encode_segment
from catalog.model.refs import (
    REFLOG_PAGE,
    Branch,
    Move,
    branch_from_json,
    move_from_json,
    move_to_json,
)
from catalog.storage.store import ObjectStore, OutcomeUnknown, SwapLost

PREFIX = "refs/branches/"


@dataclass(frozen=True, slots=True)
class HeldBranch:
    """Holds a branch as read, with the version that a swap must name."""

    branch: Branch
    version: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """Says who moves a branch, when, and why.

    Attributes:
        who: The author.
        time: Aware UTC.
        why: What is done, e.g. ``commit: daily load``.
    """

    who: str
    time: datetime.datetime
    why: str


class Branches:
    """Reads and moves the branches of a catalog."""

    def __init__(self, store: ObjectStore, new_id: Callable[[], str] = random_id) -> None:
        self._store = store
        self._new_id = new_id

    def held(self, name: str) -> HeldBranch | None:
        """Returns a branch, also the tombstone of a deleted one; None if there was never one."""
        path = branch_path(name)
        try:
            stored = self._store.read(path)
        except NotFound:
            return None
        branch = branch_from_json(parse_json(stored.data, f"branch {name}"))
        if branch.name != name:
            raise CorruptData(f"branch {name} is stored under the name {branch.name}")
        return HeldBranch(branch, stored.version)

    def find(self, name: str) -> Branch | None:
        """Returns a branch that is not deleted, None if there is none."""
        held = self.held(name)
        return None if held is None or held.branch.commit_id is None else held.branch

    def list(self) -> list[Branch]:
        """Returns all branches that are not deleted, by name."""
        names = [
            decode_segment(info.path.removeprefix(PREFIX).removesuffix(".json"))
            for info in self._store.list(PREFIX)
            if info.path.endswith(".json")
        ]
        found = (self.find(name) for name in names)
        return sorted((b for b in found if b is not None), key=lambda b: b.name)

    def create(self, name: str, commit_id: str, stamp: Stamp) -> Branch:
        """Creates a branch, or revives a deleted one.

        Raises:
            AlreadyExists: There is a branch of that name.
        """
        held = self.held(name)
        if held is not None and held.branch.commit_id is not None:
            raise _exists(name)
        if held is not None:
            try:
                return self._move(held, commit_id, stamp)
            except SwapLost as error:
                raise _exists(name) from error
        write_id = self._new_id()
        move = Move(write_id, stamp.time, stamp.who, None, commit_id, stamp.why)
        branch = Branch(name, commit_id, write_id, (move,))
        try:
            self._store.create(branch_path(name), branch.to_bytes())
        except AlreadyExists as error:
            if not self._landed(name, write_id, None):
                raise _exists(name) from error
        except OutcomeUnknown:
            if not self._landed(name, write_id, None):
                raise
        return branch

    def move(self, held: HeldBranch, commit_id: str | None, stamp: Stamp) -> Branch:
        """Moves a branch that must still be as it was read.

        Args:
            held: The branch as read.
            commit_id: Where to; None deletes it.
            stamp: Who, when, why.

        Raises:
            SwapLost: Somebody else moved it since.
            OutcomeUnknown: It may or may not have moved, and the reflog no longer tells.
        """
        return self._move(held, commit_id, stamp)

    def _move(self, held: HeldBranch, commit_id: str | None, stamp: Stamp) -> Branch:
        old = held.branch
        write_id = self._new_id()
        move = Move(write_id, stamp.time, stamp.who, old.commit_id, commit_id, stamp.why)
        reflog, older = self._paged((move, *old.reflog), old.older)
        new = replace(old, commit_id=commit_id, write_id=write_id, reflog=reflog, older=older)
        path = branch_path(old.name)
        try:
            self._store.swap(path, new.to_bytes(), version=held.version)
        except (SwapLost, OutcomeUnknown):
            if not self._landed(old.name, write_id, old.write_id):
                raise
        return new

    def _landed(self, name: str, write_id: str, start: str | None) -> bool:
        """Tells whether a write landed, by reading back.

        Args:
            name: The branch.
            write_id: The write.
            start: The write id the branch had before; None if there was no branch.

        Raises:
            OutcomeUnknown: The reflog no longer reaches back to the start of the write.
        """
        held = self.held(name)
        if held is None:
            return False
        moves = [move.write_id for move in held.branch.reflog]
        if write_id in moves:
            return True
        if start in moves or (start is None and held.branch.older is None):
            return False
        raise OutcomeUnknown(
            f"branch {name} moved more than {REFLOG_PAGE} times while a write was under way; "
            "whether it landed is no longer known",
            hint=f"look for it with: parquetry reflog {name}",
        )

    def _paged(
        self, reflog: tuple[Move, ...], older: str | None
    ) -> tuple[tuple[Move, ...], str | None]:
        if len(reflog) < 2 * REFLOG_PAGE:
            return reflog, older
        page = canonical_json(
            {
                "kind": "reflog",
                "moves": [move_to_json(move) for move in reflog[REFLOG_PAGE:]],
                "older": older,
            }
        )
        page_id = content_id(page)
        with contextlib.suppress(AlreadyExists):
            self._store.create(page_path(page_id), page)
        return reflog[:REFLOG_PAGE], page_id

    def reflog(self, branch: Branch) -> Iterator[Move]:
        """Yields the moves of a branch, newest first, also those on older pages."""
        yield from branch.reflog
        older = branch.older
        while older is not None:
            data = self._store.read(page_path(older)).data
            if content_id(data) != older:
                raise CorruptData(f"reflog page {older[:12]} is damaged")
            match parse_json(data, f"reflog page {older[:12]}"):
                case {"kind": "reflog", "moves": [*moves], "older": (str() | None) as older}:
                    yield from (move_from_json(move) for move in moves)
                case _:
                    raise CorruptData("a reflog page is not readable")


def branch_path(name: str) -> str:
    """Returns where a branch lies in the store."""
    return f"{PREFIX}{encode_segment(name)}.json"


def page_path(page_id: str) -> str:
    """Returns where a page of older moves lies in the store."""
    return f"refs/reflogs/{page_id[:2]}/{page_id}.json"


def _exists(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"branch {name!r} exists already",
        kind="ref-exists",
        hint="choose another name, or look at it with: parquetry branch list",
    )
