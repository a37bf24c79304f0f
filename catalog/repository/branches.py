"""Branches: the compare-and-swap by which everything happens, with its reflog.

A swap has landed if and only if its write id is the current one or is in the reflog
read back. So a lost answer, or a write the network sent twice, is settled by reading.
"""

import datetime
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TypeAlias

from catalog.dataclasses import dataclass, replace
from catalog.errors import AlreadyExists, CatalogError, CorruptData, NotFound, StorageFailure
from catalog.hints import Call, hint
from catalog.model.ids import canonical_json, content_id, parse_json, random_id
from catalog.model.names import encode_segment
from catalog.model.refs import (
    REFLOG_PAGE,
    Branch,
    BranchHead,
    Move,
    branch_from_json,
    branch_head_from_json,
    move_from_json,
    move_to_json,
)
from catalog.model.texts import check_text
from catalog.repository.branch_errors import damaged_branch_error, exists_error, given_to_tag_error
from catalog.repository.creation import create_named
from catalog.repository.key_index import KeyIndex
from catalog.repository.ref_index import RefIndex
from catalog.repository.ref_listing import each, named_objects, passed_over
from catalog.repository.spares import keep_spare
from catalog.repository.tags import is_spent
from catalog.storage.store import ObjectStore, OutcomeUnknown, SwapLost, TakesTurns

PREFIX = "refs/branches/"

GIVING_ATTEMPTS = 10
"""Looks at a name that is given to a tag: one is enough to see what was written, and each loss
is another writer's success."""

CACHED_BRANCHES = 64
"""Branches kept read in a process, beside their bytes: most reads find what was there before."""

CACHED_PAGES = 1000
"""Reflog pages kept read in a process: each is 100 moves, about 60 kB as objects."""


@dataclass(frozen=True, slots=True)
class HeldBranch:
    """A branch as read, with the version that a swap must name."""

    branch: Branch
    version: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who moves a branch, when, and why.

    Attributes:
        time: Aware UTC.
        why: What is done, e.g. ``commit: daily load``.
        key: The idempotency key of the write, by which ``Branches.find_key`` finds it.
    """

    who: str
    time: datetime.datetime
    why: str
    key: str | None = None

    def __post_init__(self) -> None:
        check_text(self.who, "the author")
        if self.key is not None:
            check_text(self.key, "the idempotency key")

    def move(self, write_id: str, before: str | None, after: str | None) -> Move:
        """Returns the reflog's record of a move that this stamps."""
        return Move(write_id, self.time, self.who, before, after, self.why, self.key)


BeforeMove: TypeAlias = Callable[[str | None, str | None, Sequence[str]], Callable[[], None]]
"""Takes where a ref is moved to, where it is, and the paths of objects that it needs itself;
returns what is to be called once it was moved."""


class Branches:
    """Reads and moves the branches of a catalog.

    Attributes:
        moved: The names of the branches that were moved through it, or created.
        check: Is called right before a branch is moved, or created; see ``Condemned.check``.
    """

    def __init__(self, store: ObjectStore, new_id: Callable[[], str] = random_id) -> None:
        self._store = store
        self._new_id = new_id
        self.moved: set[str] = set()
        self.check: BeforeMove = lambda commit_id, before, own: lambda: None
        self._pages: dict[str, tuple[tuple[Move, ...], str | None]] = {}
        self._read: dict[str, tuple[bytes, Branch]] = {}
        self._keys = KeyIndex(store, self._page)
        self._index = RefIndex(store, PREFIX, "branches", self._fact)

    def held(self, name: str) -> HeldBranch | None:
        """Returns a branch, also the tombstone of a deleted one; None if there was never one."""
        path = branch_path(name)
        try:
            stored = self._store.read(path)
        except NotFound:
            return None
        data, branch = self._read.get(name, (b"", None))
        if branch is None or data != stored.data:
            branch = self._checked(name, stored.data)
            self._keep(stored.data, branch)
        return HeldBranch(branch, stored.version)

    def _checked(self, name: str, data: bytes) -> Branch:
        try:
            return branch_from_json(parse_json(data, f"branch {name}"), name)
        except CorruptData as error:
            raise damaged_branch_error(name, branch_path(name), error) from error

    def mend(self, name: str, commit_id: str, stamp: Stamp) -> Branch:
        """Puts a branch whose object is damaged at a commit.

        What can still be read of its reflog is kept, for the idempotency keys in it; the first
        move says that nothing vouches for the others. Its rules are kept as they are there, so
        that damage is no way past a gate; it is not protected.

        Raises:
            SwapLost: Another writer has changed the object since.
        """
        path = branch_path(name)
        stored = self._store.read(path)
        left = Branch(name, None, "", ())
        with suppress(CatalogError):
            left = branch_from_json(parse_json(stored.data, f"branch {name}"), name, trusted=True)
        try:
            list(self.reflog(left))
        except CatalogError:
            left = replace(left, commit_id=None, moves=(), older=None)
        write_id = self._new_id()
        move = move_to_json(stamp.move(write_id, left.commit_id, commit_id))
        moves, older = self._paged((move, *left.moves), left.older)
        branch = Branch(
            name, commit_id, write_id, moves, older, rules=left.rules, others=left.others
        )
        moved = self.check(commit_id, None, _needed(older))
        self._store.swap(path, branch.to_bytes(), version=stored.version)
        moved()
        self.moved.add(name)
        return branch

    def _keep(self, data: bytes, branch: Branch) -> None:
        if len(self._read) >= CACHED_BRANCHES:
            self._read.clear()
        self._read[branch.name] = data, branch

    def known(self) -> tuple[Branch, ...]:
        """Returns branches as they were when they were last read or moved, without reading any."""
        return tuple(branch for _, branch in list(self._read.values()))

    def find(self, name: str) -> Branch | None:
        """Returns a branch that is not deleted, None if there is none."""
        held = self.held(name)
        return None if held is None or held.branch.commit_id is None else held.branch

    def heads(self, prefix: str = "") -> list[BranchHead]:
        """Returns where the branches are whose names begin so, by name; not those deleted.

        Of many, only those are read that have moved since somebody looked; see ``RefIndex``. What
        is not a branch, or is damaged, is passed over with a warning.
        """
        listed = list(self._store.list(PREFIX + encode_segment(prefix)))
        found = map(branch_head_from_json, self._index.facts(listed, whole=not prefix))
        heads = (head for head in found if head is not None and head.commit_id is not None)
        return sorted(heads, key=lambda head: head.name)

    def _fact(self, name: str) -> Sequence[object] | None:
        held = passed_over(self.held, branch_path, name)
        if held is None:
            return None
        return BranchHead(name, held.branch.commit_id, held.branch.protected).to_json()

    def list(self) -> list[Branch]:
        """Returns the branches that are not deleted, by name.

        What lies there and is not a branch, or is damaged, is passed over with a warning.
        """
        names = named_objects((info.path for info in self._store.list(PREFIX)), PREFIX)
        found = each(self._store, lambda name: passed_over(self.find, branch_path, name), names)
        return sorted((branch for branch in found if branch), key=lambda branch: branch.name)

    def names(self) -> Iterator[str]:
        """Yields the names of all branches, also of deleted ones, in no order."""
        yield from named_objects((info.path for info in self._store.list(PREFIX)), PREFIX)

    def create(self, name: str, commit_id: str, stamp: Stamp) -> Branch:
        """Creates a branch, or revives a deleted one.

        Raises:
            AlreadyExists: There is a branch of that name, or it was given to a tag.
        """
        write_id = self._new_id()
        moves = (move_to_json(stamp.move(write_id, None, commit_id)),)
        branch = Branch(name, commit_id, write_id, moves)
        data = branch.to_bytes()
        landed = self.check(commit_id, None, ())
        try:
            self._store.create(branch_path(name), data)
        except (AlreadyExists, OutcomeUnknown) as error:
            now = self._read_back(name)
            if now is None:
                raise
            if any(move.write_id == write_id for move in self.reflog(now.branch)):
                return self._created(branch, data, landed)
            if now.branch.commit_id is not None:
                raise exists_error(name) from error
            if isinstance(error, OutcomeUnknown):
                raise
            if _is_given(now.branch) and not is_spent(self._store, name):
                raise given_to_tag_error(name) from error
            try:
                return self._move(now, commit_id, stamp, protected=False)
            except SwapLost as lost:
                raise exists_error(name) from lost
        return self._created(branch, data, landed)

    def _created(self, branch: Branch, data: bytes, landed: Callable[[], None]) -> Branch:
        landed()
        keep_spare(self._store, branch_path(branch.name), data)
        self.moved.add(branch.name)
        return branch

    def give_to_tag(self, name: str, stamp: Stamp) -> None:
        """Gives a name to a tag, before the tag is created: no branch can have it from then on.

        The branch's object says so, since it decides who is first. It stays so if the tag is
        never created, until it is; a tag that was deleted gives the name free for branches.

        Raises:
            AlreadyExists: There is a branch of that name.
        """
        for _ in range(GIVING_ATTEMPTS):
            held = self.held(name)
            try:
                if held is None:
                    move = stamp.move(self._new_id(), None, None)
                    given = Branch(name, None, move.write_id, (move_to_json(move),))
                    create_named(self._store, branch_path(name), given.to_bytes())
                elif held.branch.commit_id is not None:
                    raise exists_error(name)
                elif _is_given(held.branch):
                    return
                else:
                    self._move(held, None, stamp, protected=False)
            except SwapLost:
                continue
        raise StorageFailure(
            f"gave up after {GIVING_ATTEMPTS} attempts: others kept changing the name {name!r}",
            hint="run it again",
        )

    def move(self, held: HeldBranch, commit_id: str | None, stamp: Stamp) -> Branch:
        """Moves a branch that must still be as it was read; to None, to delete it.

        Raises:
            SwapLost: Another writer has moved it since.
            OutcomeUnknown: It may or may not have moved, and the reflog no longer shows it.
        """
        branch = held.branch
        return self._move(held, commit_id, stamp, protected=branch.protected, rules=branch.rules)

    def turn(self, name: str) -> AbstractContextManager[None]:
        """Waits until no other writer is about to move a branch, if the store knows.

        Inside it, read the branch, write the commit and move the branch. It is a courtesy
        that saves the work of lost races; the move alone decides who wins.
        """
        if isinstance(self._store, TakesTurns):
            return self._store.turn(branch_path(name))
        return nullcontext()

    def protect(
        self, held: HeldBranch, stamp: Stamp, *, protected: bool, rules: object = None
    ) -> Branch:
        """Sets whether a branch changes only by merge, and its rules; it stays where it is.

        Args:
            held: The branch.
            stamp: Who sets it, when, and why.
            protected: Whether it changes only by merge.
            rules: What it demands of changes, as stored; None for nothing.

        Raises:
            SwapLost: Another writer has moved it since.
            OutcomeUnknown: It may or may not have been set, and the reflog no longer shows it.
        """
        return self._move(held, held.branch.commit_id, stamp, protected=protected, rules=rules)

    def find_key(self, branch: Branch, key: str) -> Move | None:
        """Returns the newest move that a write of some idempotency key made, if any.

        A write has landed if its move is in the reflog of the branch object that the next
        swap names, wherever the branch was moved since: a reset does not undo that a write
        was made. The deletion of a branch does: one created again under its name starts afresh.
        The answer holds for as long as the branch does not move.
        """
        is_older = not any(move.after is None or move.key == key for move in branch.reflog)
        if is_older and not (branch.older and self._keys.may_have(branch.older, key)):
            return None
        for move in self.reflog(branch):
            if move.after is None:
                return None
            if move.key == key:
                return move
        return None

    def _move(
        self,
        held: HeldBranch,
        commit_id: str | None,
        stamp: Stamp,
        *,
        protected: bool,
        rules: object = None,
    ) -> Branch:
        old = held.branch
        write_id = self._new_id()
        move = move_to_json(stamp.move(write_id, old.commit_id, commit_id))
        moves, older = self._paged((move, *old.moves), old.older)
        new = Branch(
            name=old.name,
            commit_id=commit_id,
            write_id=write_id,
            moves=moves,
            older=older,
            protected=protected and commit_id is not None,
            rules=None if commit_id is None else rules,
            others=old.others,
        )
        data = new.to_bytes()
        own = _needed(older) if older != old.older else ()
        landed = self.check(commit_id, old.commit_id, own)
        try:
            self._store.swap(branch_path(old.name), data, version=held.version)
        except (SwapLost, OutcomeUnknown) as error:
            now = self._read_back(old.name)
            if now is not None and now.branch.write_id == old.write_id:
                raise
            if now is None or not self._landed(now.branch, write_id, old.write_id):
                raise SwapLost(f"another writer moved branch {old.name}") from error
        landed()
        self._keep(data, new)
        self.moved.add(old.name)
        return new

    def _read_back(self, name: str) -> HeldBranch | None:
        try:
            return self.held(name)
        except StorageFailure as error:
            raise OutcomeUnknown(
                f"branch {name} was written to and cannot be read back: {error.message}",
                hint=hint("see whether it was moved: {}", Call("reflog", (name,))),
            ) from error

    def _landed(self, branch: Branch, write_id: str, start: str) -> bool:
        """Returns whether a write landed that began when the branch had the write id ``start``.

        It is looked for in the reflog of the branch read back, however many moves that takes: a
        commit that was judged for long begins behind many others.

        Raises:
            OutcomeUnknown: The reflog does not reach back to the start of the write.
        """
        count = 0
        with suppress(CorruptData):  # an older page is gone
            for move in self.reflog(branch):
                if move.write_id in (write_id, start):
                    return move.write_id == write_id
                count += 1
        raise OutcomeUnknown(
            f"branch {branch.name} was moved {count} times or more, or recreated, while a write "
            "was under way; it is no longer known whether it landed",
            hint=hint("look for it: {}", Call("reflog", (branch.name,))),
        )

    def _paged(
        self, moves: tuple[object, ...], older: str | None
    ) -> tuple[tuple[object, ...], str | None]:
        if len(moves) < 2 * REFLOG_PAGE:
            return moves, older
        page = canonical_json({"kind": "reflog", "moves": moves[REFLOG_PAGE:], "older": older})
        page_id = content_id(page)
        create_named(self._store, page_path(page_id), page)
        return moves[:REFLOG_PAGE], page_id

    def reflog(self, branch: Branch) -> Iterator[Move]:
        """Yields the moves of a branch, newest first, also those on older pages."""
        yield from branch.reflog
        older = branch.older
        while older is not None:
            moves, older = self._page(older)
            yield from moves

    def pages(self, branch: Branch) -> Iterator[str]:
        """Yields the ids of the pages that hold the older moves of a branch, newest first."""
        older = branch.older
        while older is not None:
            yield older
            _, older = self._page(older)

    def _page(self, page_id: str) -> tuple[tuple[Move, ...], str | None]:
        cached = self._pages.get(page_id)
        if cached is not None:
            return cached
        try:
            data = self._store.read(page_path(page_id)).data
        except NotFound as error:
            raise CorruptData(f"reflog page {page_id[:12]} is gone") from error
        if content_id(data) != page_id:
            raise CorruptData(f"reflog page {page_id[:12]} is damaged")
        match parse_json(data, f"reflog page {page_id[:12]}"):
            case {"kind": "reflog", "moves": [*moves], "older": (str() | None) as older}:
                page = tuple(move_from_json(move) for move in moves), older
            case _:
                raise CorruptData("a reflog page is not readable")
        if len(self._pages) >= CACHED_PAGES:
            self._pages.clear()
        self._pages[page_id] = page
        return page


def _needed(page_id: str | None) -> Sequence[str]:
    """Returns the path of the page that a branch names."""
    return () if page_id is None else (page_path(page_id),)


def branch_path(name: str) -> str:
    """Returns the path of a branch."""
    return f"{PREFIX}{encode_segment(name)}.json"


def page_path(page_id: str) -> str:
    """Returns the path of a page of older moves."""
    return f"refs/reflogs/{page_id[:2]}/{page_id}.json"


def _is_given(branch: Branch) -> bool:
    """Returns whether a name was given to a tag: its newest move has neither start nor end."""
    newest = next(iter(branch.reflog), None)
    return newest is not None and newest.before is None and newest.after is None
