"""Branches and tags of a copy follow those of its source, with their moves, rules and protection.

A branch of the copy may be replaced if its newest move is one of the source's: the source went on
from there, wherever to. Then nothing is lost that is not in the source's reflog.
"""

from collections.abc import Iterator

from catalog.care.transfer.report import Damage, MovedRef
from catalog.care.transfer.source_refs import StoredBranch, StoredTag, read_branch, tag_path
from catalog.dataclasses import dataclass, field
from catalog.errors import AlreadyExists, CorruptData, NotFound
from catalog.model.ids import content_id, is_id_or_none, parse_json
from catalog.repository.branch_errors import contested_error
from catalog.repository.branches import branch_path, page_path
from catalog.repository.creation import create_named, create_own
from catalog.repository.repository import Repository
from catalog.repository.spares import keep_spare
from catalog.repository.tags import DELETED, is_spent
from catalog.storage.store import OutcomeUnknown, SwapLost

MAX_ATTEMPTS = 20
"""Races for a branch of a copy that may be lost: who else moves it does the same."""


@dataclass(slots=True)
class RefOutcome:
    """What became of refs.

    Attributes:
        refused: Refs that were left, and why.
    """

    moved: list[MovedRef] = field(default_factory=list)
    unchanged: int = 0
    pages: int = 0
    page_bytes: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    damage: list[Damage] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)


class Mirror:
    """Makes the refs of one catalog those of another one.

    Args:
        source: The catalog to follow.
        target: The one that follows; all that the refs need is there.
        checks: Whether somebody else may collect garbage in the target meanwhile.
        full: Whether older pages of moves are looked for that the target should have already.
        dry_run: Whether nothing is written.
    """

    def __init__(
        self, source: Repository, target: Repository, *, checks: bool, full: bool, dry_run: bool
    ) -> None:
        self._source = source
        self._target = target
        self._checks = checks
        self._full = full
        self._dry_run = dry_run
        self.outcome = RefOutcome()

    def branch(self, wanted: StoredBranch) -> None:
        """Makes a branch that of the source.

        Raises:
            StorageFailure: A store failed.
            Conflict: Others keep moving it, or what it needs is being removed as garbage.
        """
        name = wanted.name
        for _ in range(MAX_ATTEMPTS):
            try:
                there = read_branch(self._target.store, name)
            except CorruptData as error:
                self.outcome.refused[name] = f"branch {name!r} of the copy: {error.message}"
                return
            if there is not None and there.branch.write_id == wanted.branch.write_id:
                self.outcome.unchanged += 1
                if self._full:
                    self._restore_pages(wanted)
                return
            if there is not None and not self._has_move(wanted, there.branch.write_id):
                now = self._is_behind(there)
                if now:
                    self.outcome.unchanged += 1
                else:
                    self.outcome.refused[name] = self._parted(wanted, there)
                return
            pages = self._pages(wanted)
            if pages is None:
                return
            before = None if there is None else there.branch.commit_id
            if not self._dry_run:
                try:
                    self._put(wanted, there, pages)
                except SwapLost:
                    continue
            after = wanted.branch.commit_id
            if before != after:
                self.outcome.moved.append(MovedRef(name, "branch", before, after))
            return
        raise contested_error(name, MAX_ATTEMPTS)

    def _has_move(self, wanted: StoredBranch, write_id: str) -> bool:
        try:
            moves = self._source.branches.reflog(wanted.branch)
            return any(move.write_id == write_id for move in moves)
        except CorruptData:
            return False

    def _is_behind(self, there: StoredBranch) -> bool:
        """Returns whether the source has moved on to where a branch of the copy is, or beyond.

        Somebody else who copies as well may have seen a later state of the source.
        """
        now = read_branch(self._source.store, there.name)
        return now is not None and self._has_move(now, there.branch.write_id)

    def _parted(self, wanted: StoredBranch, there: StoredBranch) -> str:
        ends = (wanted.branch.commit_id, there.branch.commit_id)
        source, copy = ("deleted" if end is None else f"at {end[:8]}" for end in ends)
        who = there.branch.reflog[0]
        return (
            f"branch {wanted.name!r} is {source} in {self._source.store.location}, and {copy} in "
            f"{self._target.store.location}, where {who.who} moved it ({who.why})"
        )

    def _pages(self, wanted: StoredBranch) -> list[tuple[str, bytes]] | None:
        """Returns the pages of moves that the copy lacks, oldest first; None if one is damaged."""
        found: list[tuple[str, bytes]] = []
        try:
            for path, data in self._missing_pages(wanted):
                found.append((path, data))
        except CorruptData as error:
            self.outcome.damage.append(Damage("refs/reflogs", error.message))
            self.outcome.incomplete.append(wanted.name)
            return None
        self.outcome.pages += len(found)
        self.outcome.page_bytes += sum(len(data) for _, data in found)
        return found[::-1]

    def _missing_pages(self, wanted: StoredBranch) -> Iterator[tuple[str, bytes]]:
        """Yields pages of older moves, newest first; up to one that the target has, unless in full.

        They are written oldest first, so that all before one are there.

        Raises:
            CorruptData: One is missing or damaged.
        """
        older = wanted.branch.older
        while older is not None:
            path, what = page_path(older), f"reflog page {older[:12]}"
            is_there = self._target.store.info(path) is not None
            if is_there and not self._full:
                return
            try:
                data = self._source.store.read(path).data
            except NotFound as error:
                raise CorruptData(f"{what} is gone") from error
            if content_id(data) != older:
                raise CorruptData(f"{what} is damaged")
            if not is_there:
                yield path, data
            match parse_json(data, what):
                case {"kind": "reflog", "moves": [*_], "older": (str() | None) as older} if (
                    is_id_or_none(older)
                ):
                    pass
                case _:
                    raise CorruptData(f"{what} is not readable")

    def _restore_pages(self, wanted: StoredBranch) -> None:
        for path, data in self._pages(wanted) or ():
            if not self._dry_run:
                create_named(self._target.store, path, data)

    def _put(
        self, wanted: StoredBranch, there: StoredBranch | None, pages: list[tuple[str, bytes]]
    ) -> None:
        """Writes a branch that must still be as it was read.

        Raises:
            SwapLost: It is not.
        """
        store, name = self._target.store, wanted.name
        for path, data in pages:
            create_named(store, path, data)
        if self._checks:
            before = None if there is None else there.branch.commit_id
            own = [path for path, _ in pages]
            self._target.branches.check(wanted.branch.commit_id, before, own)
        path = branch_path(name)
        try:
            if there is None:
                store.create(path, wanted.data)
            else:
                store.swap(path, wanted.data, version=there.version)
        except (AlreadyExists, OutcomeUnknown, SwapLost) as error:
            now = read_branch(store, name)
            if now is None or now.branch.write_id != wanted.branch.write_id:
                raise SwapLost(f"another writer moved branch {name}") from error
        if there is None:
            keep_spare(store, path, wanted.data)
        self._target.branches.moved.add(name)

    def tag(self, wanted: StoredTag) -> None:
        """Makes a tag that of the source; tags never move.

        Raises:
            StorageFailure: A store failed.
        """
        store, tag = self._target.store, wanted.tag
        there = _tag_at(self._target, tag.name)
        spent = is_spent(store, tag.name)
        held = self._target.branches.held(tag.name)
        if there is not None and there != tag.commit_id:
            self.outcome.refused[tag.name] = (
                f"tag {tag.name!r} is {tag.commit_id[:8]} in {self._source.store.location}, and "
                f"{there[:8]} in {store.location}: tags never move"
            )
        elif held is not None and held.branch.commit_id is not None:
            self.outcome.refused.setdefault(
                tag.name, f"tag {tag.name!r} is a branch in {store.location}"
            )
        elif there is not None and (spent or not wanted.is_deleted):
            self.outcome.unchanged += 1
        else:
            after = None if wanted.is_deleted else tag.commit_id
            if not self._dry_run:
                self._put_tag(wanted, is_new=there is None, is_given=held is not None)
            if there != after:
                self.outcome.moved.append(MovedRef(tag.name, "tag", there, after))

    def _put_tag(self, wanted: StoredTag, *, is_new: bool, is_given: bool) -> None:
        """Writes a tag, or the mark that it is deleted.

        Spare copies say that a branch gives it its name, which the first releases did not make.
        """
        store, path = self._target.store, tag_path(wanted.tag.name)
        if wanted.is_deleted:  # first of all: it must never be seen as one that is not
            create_named(store, path + DELETED, b"")
            if is_given:
                keep_spare(store, path + DELETED, b"")
        elif self._checks:
            self._target.tags.check(wanted.tag.commit_id)
        if is_new:
            create_own(store, path, wanted.data)
            if is_given:
                keep_spare(store, path, wanted.data)
        self._target.tags.changed = True


def _tag_at(repository: Repository, name: str) -> str | None:
    """Returns the commit of a tag, also of a deleted one; None if there was never one."""
    from catalog.care.transfer.source_refs import read_tag

    found = read_tag(repository.store, name, is_deleted=False)
    return None if found is None else found.tag.commit_id
