"""Transfers between two catalogs of one history: a new copy, or a copy kept current."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal, TypeAlias

from catalog.care.transfer.cache import copy_cache
from catalog.care.transfer.carrier import Carrier
from catalog.care.transfer.expiry import DataByExpiry, copy_records
from catalog.care.transfer.mirror import Mirror
from catalog.care.transfer.proof import prove
from catalog.care.transfer.report import (
    Amount,
    Damage,
    IncompleteTransfer,
    MovedRef,
    ObjectKind,
    RefusedRefs,
    TransferProgress,
    TransferReport,
)
from catalog.care.transfer.source_refs import StoredRefs, read_refs
from catalog.dataclasses import dataclass
from catalog.errors import AlreadyExists, Conflict, CorruptData, ErrorKind
from catalog.hints import Call, hint
from catalog.repository.creation import create_own
from catalog.repository.repository import CATALOG_PATH, Repository
from catalog.repository.roots import UNDER_WAY, find_roots
from catalog.storage.opening import is_same_place
from catalog.storage.store import ObjectStore

Verification: TypeAlias = Literal["size", "hash"]
"""What of a copy is compared afterwards: names and sizes, also the bytes of every object."""

VERIFICATION: tuple[Verification, ...] = ("size", "hash")


def no_progress(done: int, total: int, what: str) -> None:
    """Tells nobody how far a transfer is."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How a transfer is done.

    Attributes:
        derived: Whether derived objects come, too: fingerprints and digests.
        verify: What is compared afterwards; None for nothing.
        full: Whether objects are looked for that the target should have already.
        progress: Is told how many objects were copied.
        dry_run: Whether nothing is written.
    """

    derived: bool = False
    verify: Verification | None = None
    full: bool = False
    progress: TransferProgress = no_progress
    dry_run: bool = False


def clone(source: Repository, store: ObjectStore, options: TransferOptions) -> TransferReport:
    """Makes a copy of a catalog in a store; one that was interrupted is continued.

    The description of the catalog is written last: until then, there is no catalog.

    Raises:
        AlreadyExists: There is a catalog, or there are parts of another one.
        IncompleteTransfer: The source is damaged. All that is whole was copied.
    """
    description = source.store.read(CATALOG_PATH).data
    if store.info(CATALOG_PATH) is not None:
        raise AlreadyExists(
            f"there is already a catalog in {store.location}",
            kind=ErrorKind.CATALOG_EXISTS,
            hint=hint(
                "choose another place; a copy is kept current from there: {}",
                Call("fetch", (source.store.location,), mirror=True),
            ),
        )
    target = Repository(store, source.info)
    refs = read_refs(source.store)
    foreign = read_refs(store).branches.keys() - refs.branches.keys()
    if foreign:
        raise AlreadyExists(
            f"{store.location} has parts of another catalog: branch {min(foreign)!r}",
            kind=ErrorKind.DESTINATION_EXISTS,
            hint="choose another place",
        )
    transfer = Transfer(source, target, options, is_new=True)
    transfer.carry(refs.heads())
    transfer.carry_past(refs, StoredRefs())
    report = transfer.follow(refs)
    if not options.dry_run and not report.refused:
        create_own(store, CATALOG_PATH, description)
    return checked(report)


def mirror(source: Repository, target: Repository, options: TransferOptions) -> TransferReport:
    """Brings a copy of a catalog up to date: its branches and tags, with moves and rules.

    What the copy has and the source has not is left alone.

    Raises:
        Conflict: They are not copies of one catalog, or branches were moved in the copy.
        IncompleteTransfer: The source is damaged. All that is whole was copied.
    """
    check_same_catalog(source, target)
    refs, there = read_refs(source.store), read_refs(target.store)
    transfer = Transfer(source, target, options)
    known = () if options.full else tuple(there.heads())
    changed = [
        one.branch.commit_id
        for name, one in refs.branches.items()
        if options.full or name not in there.branches or there.branches[name].data != one.data
    ]
    tags = [one.tag.commit_id for one in refs.tags.values() if not one.is_deleted]
    starts = [*(one for one in changed if one is not None), *tags]
    transfer.carry(starts, known)
    transfer.carry_past(refs, there, known)
    return checked(transfer.follow(refs))


def check_same_catalog(source: Repository, target: Repository) -> None:
    """Checks that two catalogs are copies of one, and not the same place.

    Raises:
        Conflict: They are not.
    """
    places = (source.store.location, target.store.location)
    if source.info.catalog_id != target.info.catalog_id:
        raise Conflict(
            f"{places[0]} and {places[1]} are different catalogs: they share no history",
            kind=ErrorKind.OTHER_CATALOG,
            hint="fetch from a copy, or from what this is a copy of; take tables of other catalogs "
            "in by a snapshot of what they export",
        )
    if is_same_place(source.store, target.store):
        raise Conflict(f"{places[0]} is this catalog itself", kind=ErrorKind.OTHER_CATALOG)


class Transfer:
    """One transfer, whose counts add up.

    Args:
        source: Where commits are.
        target: Where they go.
        options: How.
        is_new: Whether the target is no catalog yet, and nobody else changes it.
    """

    def __init__(
        self,
        source: Repository,
        target: Repository,
        options: TransferOptions,
        *,
        is_new: bool = False,
    ) -> None:
        self._source = source
        self._target = target
        self._options = options
        self._is_new = is_new
        self._data = DataByExpiry(source, target)
        self._carrier = Carrier(
            source,
            target,
            data=self._data,
            many=is_new or options.full,
            note=_unnoted if is_new or options.dry_run else target.condemned.note,
            progress=options.progress,
            dry_run=options.dry_run,
        )
        self._heads: list[str] = []
        self._proved: list[str] = []

    @property
    def broken(self) -> set[str]:
        """Returns the commits that need what is missing or damaged."""
        return self._carrier.carried.broken

    def carry(self, starts: Iterable[str], known: Sequence[str] = ()) -> None:
        """Carries commits with all before them that are not known, for refs to be at them.

        Of those that are known, the data comes that the target had expired.
        """
        self._heads = list(dict.fromkeys(starts))
        self._proved = self._heads
        lacking = self._data.keep(self._heads)
        self._carrier.carry(self._heads, known)
        for commit_id in lacking:
            if commit_id not in self.broken and commit_id not in self._carrier.carried.commits:
                self._carrier.carry(
                    [commit_id], self._carrier.source_commits.read(commit_id).parents
                )

    def carry_past(self, refs: StoredRefs, there: StoredRefs, known: Sequence[str] = ()) -> None:
        """Carries what reflogs name, and merges under way, as far as it is there.

        So a copy can undo a reset that was made before it was brought up to date.
        """
        seen = StoredRefs() if self._options.full else there
        past = dict.fromkeys(_past(refs, seen))
        if any(map(_is_under_way, refs.branches)):
            past |= dict.fromkeys(self._under_way())
        found = [one for one in past if one not in self.broken and self._is_there(one)]
        whole = [one for one in self._heads if one not in self.broken]
        self._carrier.carry(found, [*known, *whole], all_needed=False)

    def _is_there(self, commit_id: str) -> bool:
        try:
            return self._carrier.source_commits.exists(commit_id)
        except CorruptData:
            return False

    def _under_way(self) -> Iterator[str]:
        tomorrow = datetime.datetime.max.replace(tzinfo=datetime.UTC)
        with suppress(CorruptData):
            for root in find_roots(self._source, since=tomorrow).commits:
                if root.why == "merge":
                    yield root.commit_id

    def save_expiry(self) -> None:
        """Records which commits came without data; to be done before a ref moves to them."""
        if not self._options.dry_run:
            copy_records(self._source, self._target, self._carrier.carried.commits)

    def follow(self, refs: StoredRefs) -> TransferReport:
        """Makes the refs of the target those of the source, but for those that need what is broken.

        Raises:
            StorageFailure: A store failed.
            Conflict: Something that is needed is being removed as garbage.
        """
        options = self._options
        self.save_expiry()
        if options.derived and not options.dry_run:
            self._count("cache", copy_cache(self._source.store, self._target.store))
        refs_mirror = Mirror(
            self._source,
            self._target,
            checks=not self._is_new,
            full=options.full,
            dry_run=options.dry_run,
        )
        incomplete: list[str] = []
        for branch in refs.branches.values():
            if branch.branch.commit_id in self.broken:
                incomplete.append(branch.name)
            else:
                refs_mirror.branch(branch)
        for tag in refs.tags.values():
            if tag.tag.commit_id in self.broken and not tag.is_deleted:
                incomplete.append(tag.tag.name)
            else:
                refs_mirror.tag(tag)
        self._proved = list(dict.fromkeys(refs.heads()))
        outcome = refs_mirror.outcome
        if outcome.pages:
            self._count("page", Amount(outcome.pages, outcome.page_bytes))
        return self.report(
            moved=outcome.moved,
            unchanged=outcome.unchanged,
            refused=outcome.refused,
            incomplete=[*incomplete, *outcome.incomplete],
            damage=[*refs.damage, *outcome.damage],
        )

    def _count(self, kind: ObjectKind, amount: Amount) -> None:
        self._carrier.carried.count(kind, amount, is_new=True)

    # long: the fields of a report
    def report(
        self,
        *,
        moved: Sequence[MovedRef] = (),
        unchanged: int = 0,
        refused: Mapping[str, str] | None = None,
        incomplete: Sequence[str] = (),
        damage: Sequence[Damage] = (),
    ) -> TransferReport:
        """Returns what was done, after what was asked for was compared.

        Raises:
            CorruptData: The target lacks something, or it is damaged there.
        """
        carried, options = self._carrier.carried, self._options
        verified = Amount()
        if options.verify is not None and not options.dry_run:
            heads = [one for one in self._proved if one not in self.broken]
            verified = prove(self._target, heads, hashes=options.verify == "hash")
        found = [Damage(path, problem) for path, problem in sorted(carried.damage.items())]
        return TransferReport(
            source=self._source.store.location,
            destination=self._target.store.location,
            commits=len(carried.commits),
            copied=carried.copied,
            present=carried.present,
            moved=tuple(moved),
            unchanged=unchanged,
            references=carried.outside,
            places=dict(carried.places.most_common()),
            unread=carried.unread,
            expired=self._data.count_expired(carried.commits),
            damage=(*damage, *found),
            incomplete=tuple(incomplete),
            refused=refused or {},
            verified=verified,
            dry_run=options.dry_run,
        )


def checked(report: TransferReport) -> TransferReport:
    """Returns a report if everything that was asked for was done.

    Raises:
        IncompleteTransfer: The source is damaged.
        RefusedRefs: Refs of the target went their own way.
    """
    if report.damage:
        raise IncompleteTransfer(report)
    if report.refused:
        raise RefusedRefs(report)
    return report


def _unnoted(path: str) -> None:
    """Takes note of nothing: where there is no catalog, nobody collects garbage."""


def _is_under_way(name: str) -> bool:
    return name.startswith(UNDER_WAY)


def _past(refs: StoredRefs, there: StoredRefs) -> Iterator[str]:
    """Yields the commits that moves name which a copy has not seen."""
    for name, one in refs.branches.items():
        known = there.branches.get(name)
        for move in one.branch.reflog:
            if known is not None and move.write_id == known.branch.write_id:
                break
            yield from (end for end in (move.before, move.after) if end is not None)
