"""One garbage collection: sweeps what has waited for its grace, then lists what is to wait."""

import datetime
from collections.abc import Callable, Sequence

import numpy as np

from catalog.care.gc.lease import Lease, remove_list
from catalog.care.gc.listing import (
    Candidates,
    ListBuilder,
    Listed,
    Tally,
    find_garbage,
    read_objects,
)
from catalog.care.gc.live import Live, find_live
from catalog.care.gc.names import among
from catalog.care.gc.objects import derived_batches
from catalog.care.gc.record import PREFIX as LOG
from catalog.care.gc.record import GcRecord, RemovedPaths
from catalog.care.gc.sweep import condemned, sweep
from catalog.dataclasses import dataclass, field
from catalog.errors import Conflict, CorruptData, ErrorKind, InvalidInput, NotFound, Unsupported
from catalog.hints import Call, Option, hint
from catalog.model.ids import random_id
from catalog.repository.condemned import (
    MIN_GRACE_S,
    PREFIX,
    SWEPT,
    WITHDRAWN,
    NameList,
    claim,
    is_part,
    is_withdrawn,
    name_of,
    read_lists,
    read_notes,
)
from catalog.repository.repository import FORMAT_VERSION, Repository
from catalog.storage.store import ObjectInfo

NOW = "gc/now/"
"""Where objects are that tell the store's time."""

DAY = datetime.timedelta(days=1)

GRACE = 7 * DAY
"""How long what is listed stays, unless it is said otherwise."""

REFLOG = 30 * DAY
"""How long commits stay that a branch was moved away from, unless it is said otherwise."""

AHEAD = datetime.timedelta(minutes=5)
"""How far clocks may differ before one counts as wrong."""


@dataclass(frozen=True, slots=True)
class GcRequest:
    """What garbage collection is to do.

    Attributes:
        grace: How long what is listed stays before it goes.
        reflog: How long commits stay that a branch was moved away from.
        dry_run: Whether to tell only.
        alone: Whether nobody else works with the catalog, so that nothing need wait.
    """

    grace: datetime.timedelta = GRACE
    reflog: datetime.timedelta = REFLOG
    dry_run: bool = False
    alone: bool = False

    def __post_init__(self) -> None:
        least = datetime.timedelta(seconds=MIN_GRACE_S)
        if self.grace < least and not self.alone:
            raise InvalidInput(
                "the grace is shorter than a writer may take: an hour at least",
                hint=hint(
                    "give {} an hour or more, or, if nobody else works with the catalog, {}",
                    Option("grace"),
                    Option("alone"),
                ),
            )
        if self.reflog < self.grace and not self.alone:
            raise InvalidInput(
                "what a branch was moved away from must stay as long as what is listed",
                hint=hint("give {} at least the grace", Option("reflog")),
            )


@dataclass(slots=True)
class GcReport:
    """What garbage collection did, or would do.

    Attributes:
        id: The id of its record; empty in a dry run.
        dry_run: Whether it only tells.
        roots: How many commits are needed by refs themselves.
        commits: How many are reachable.
        there: All objects of known kinds.
        listed: What is listed now, and goes after its grace.
        waiting: What was listed before, and waits.
        young: What nothing reachable needs yet; a writer may be about to.
        removed: What is gone; in a dry run, what would be.
        changed: What was listed and is another object now; it stays.
        rescued: How many listed objects are needed again.
        derived: Derived objects that went, with what they were derived from.
        next_sweep: When the oldest waiting list will have waited for its grace.
        unknown: How many objects are none of the catalog's, and were left alone.
        examples: Paths of some of them.
    """

    id: str = ""
    dry_run: bool = False
    roots: int = 0
    commits: int = 0
    there: Tally = field(default_factory=Tally)
    listed: Tally = field(default_factory=Tally)
    waiting: Tally = field(default_factory=Tally)
    young: Tally = field(default_factory=Tally)
    removed: Tally = field(default_factory=Tally)
    changed: Tally = field(default_factory=Tally)
    rescued: int = 0
    derived: Tally = field(default_factory=Tally)
    next_sweep: datetime.datetime | None = None
    unknown: int = 0
    examples: Sequence[str] = ()


class GarbageCollection:
    """A run.

    Args:
        repository: The stored objects.
        request: What is to be done.
        who: Who runs it, for the record.
        now: The time, aware UTC.
        progress: Takes what is done, and how many.
    """

    def __init__(
        self,
        repository: Repository,
        request: GcRequest,
        *,
        who: str,
        now: datetime.datetime,
        progress: Callable[[str, int], None] = lambda what, count: None,
    ) -> None:
        self._repository = repository
        self._store = repository.store
        self._request = request
        self._who = who
        self._now = now
        self._progress = progress
        self._id = random_id()

    def run(self) -> GcReport:
        """Runs it.

        Raises:
            CorruptData: A ref, a commit or what one needs cannot be read; nothing was removed.
            Conflict: A clock was set back, or another run goes on with what this one began.
            Unsupported: The catalog has an earlier format.
        """
        if not self._request.dry_run:
            check_format(self._repository)
        report = GcReport(dry_run=self._request.dry_run)
        lists = read_lists(self._store)
        here = self._clock(lists)
        active = [one for one in lists if one.state != "swept"]
        ripe = [one for one in active if self._is_ripe(one, here.modified)]
        live: Live | None = None
        if ripe and not self._request.dry_run:
            live = self._sweep(ripe, here, report)
        live = live or self._live()
        report.id = "" if self._request.dry_run else self._id
        report.roots, report.commits = len(live.roots), live.commits
        self._list(live, here, report, ripe)
        if not self._request.dry_run:
            self._derived(live, here, report)
            self._tidy(here)
            self._record(report)
            self._store.delete(here.path)
        return report

    def _clock(self, lists: Sequence[NameList]) -> ObjectInfo:
        """Returns an object that the store has just written, which tells its time.

        Raises:
            Conflict: Something is from the future: a clock was set back.
        """
        if self._request.dry_run:
            return ObjectInfo("", 0, self._now)
        path = f"{NOW}{self._id}"
        self._store.create(path, b"")
        here = self._store.info(path)
        if here is None:
            raise _stopped()
        times = [one.modified for one in lists]
        times += [one.modified for one in self._store.list(LOG)]
        if any(time > here.modified + AHEAD for time in times):
            self._store.delete(path)
            raise Conflict(
                "a garbage collection was run at a time that is yet to come: a clock was set back",
                kind=ErrorKind.GC_REFUSED,
                hint="set the clock, of this machine or of whoever ran it, and try again then",
            )
        return here

    def _is_ripe(self, one: NameList, now: datetime.datetime) -> bool:
        waited = now - one.modified >= self._request.grace
        return waited or one.state == "claimed" or one.is_damaged or self._request.alone

    def _live(self, renew: Callable[[], None] = lambda: None) -> Live:
        def walked(count: int) -> None:
            renew()
            self._progress("commits walked", count)

        return find_live(
            self._repository,
            since=self._now - self._request.reflog,
            keeps=not self._request.dry_run,
            progress=walked,
        )

    def _sweep(self, ripe: Sequence[NameList], here: ObjectInfo, report: GcReport) -> Live | None:
        """Sweeps lists: what is reachable is looked at after all of them are claimed."""
        held: list[tuple[Lease, Listed, set[int]]] = []
        for one in ripe:
            lease = Lease(self._store, one.id)
            if not lease.take(here, alone=self._request.alone):
                continue
            notes, listed = self._kept(one), self._listed(one)
            if notes is None or listed is None:  # nobody knows what may go: it is listed anew
                lease.end()
            else:
                held.append((lease, listed, notes))
        if not held:
            return None

        def renew() -> None:
            for lease, _, _ in held:
                lease.renew()

        live = self._live(renew)
        told = RemovedPaths(self._store, self._id)
        while held:
            lease, listed, notes = held[0]
            doomed = condemned(listed, live.names, notes)
            report.rescued += len(listed.names) - len(doomed.names)
            gone, changed = sweep(self._store, doomed, renew=renew, told=told.tell)
            _add(report.removed, gone)
            _add(report.changed, changed)
            lease.end()
            held.pop(0)
        return live

    def _kept(self, one: NameList) -> set[int] | None:
        """Returns what writers need of a list; None if that cannot be known."""
        try:
            return None if one.is_damaged else read_notes(self._store, one.id)
        except CorruptData:
            return None

    def _listed(self, one: NameList) -> Listed | None:
        """Returns what a list is about, as far as writers see it; None if it cannot be known."""
        try:
            listed = read_objects(self._store, one.id)
        except (CorruptData, NotFound):
            return None
        seen = among(listed.names, np.array(one.names, dtype=np.uint64))
        return Listed(listed.names[seen], listed.prints[seen])

    def _list(
        self, live: Live, here: ObjectInfo, report: GcReport, ripe: Sequence[NameList]
    ) -> None:
        """Lists what is garbage now; with nobody else at work, it is swept at once."""
        waiting = [one for one in read_lists(self._store) if one.state != "swept"]
        age = datetime.timedelta() if self._request.alone else min(self._request.grace, DAY)
        builder = ListBuilder()
        found = find_garbage(
            self._store,
            live,
            before=here.modified - age,
            listed=waiting,
            ripe={one.id for one in ripe} if self._request.dry_run else (),
            take=builder.add,
        )
        self._told(found, report)
        times = [one.modified for one in waiting if one.state == "waiting"]
        if len(builder) and not self._request.dry_run:
            list_id = random_id()
            builder.write(self._store, list_id)
            times.append(here.modified)
            if self._request.alone:
                mine = [one for one in read_lists(self._store) if one.id == list_id]
                self._sweep(mine, here, report)
                report.listed = Tally()
                times.pop()
        if self._request.dry_run and self._request.alone:
            _add(report.removed, report.listed)
            report.listed = Tally()
        report.next_sweep = min(times) + self._request.grace if times else None

    def _told(self, found: Candidates, report: GcReport) -> None:
        report.there, report.listed = found.there, found.garbage
        _add(report.removed, found.doomed)
        report.waiting, report.young = found.waiting, found.young
        report.unknown, report.examples = found.unknown, tuple(found.examples)

    def _derived(self, live: Live, here: ObjectInfo, report: GcReport) -> None:
        """Removes derived objects that nothing which stays has a use for: they may go any time."""
        age = datetime.timedelta() if self._request.alone else self._request.grace
        for batch in derived_batches(self._store, now=here.modified, age=age):
            names = np.fromiter((name_of(info.path) for info in batch), dtype=np.uint64)
            kept = among(names, live.names).tolist()
            gone = [info for info, stays in zip(batch, kept, strict=True) if not stays]
            self._store.delete_listed(gone)
            for info in gone:
                report.derived.add("derived", info)

    def _tidy(self, here: ObjectInfo) -> None:
        """Removes lists that were withdrawn, swept a while ago or never begun; and left clocks."""
        folders: dict[str, dict[str, ObjectInfo]] = {}
        for info in self._store.list(PREFIX):
            if is_part(info.path):
                list_id, _, part = info.path.removeprefix(PREFIX).partition("/")
                folders.setdefault(list_id, {})[part] = info
        for list_id, parts in folders.items():
            if SWEPT in parts:
                least, last = datetime.timedelta(seconds=MIN_GRACE_S), parts[SWEPT].modified
            elif "names" not in parts:
                least, last = DAY, max(one.modified for one in parts.values())
            elif is_withdrawn(self._store, list_id):
                least, last = datetime.timedelta(), here.modified
            else:
                continue
            if self._request.alone or here.modified - last >= least:
                remove_list(self._store, list_id)
        for info in list(self._store.list(NOW)):
            if info.modified < here.modified - DAY:
                self._store.delete(info.path)

    def _record(self, report: GcReport) -> None:
        record = GcRecord(
            self._id,
            self._now,
            self._who,
            int(self._request.grace.total_seconds()),
            listed=report.listed.objects,
            listed_bytes=report.listed.bytes,
            removed=report.removed.objects,
            removed_bytes=report.removed.bytes,
            rescued=report.rescued,
        )
        self._store.create(record.path, record.to_bytes())


def check_format(repository: Repository) -> None:
    """Checks that all who write to a catalog look at the lists of garbage.

    Raises:
        Unsupported: Releases may write to it that know nothing of them.
    """
    if repository.info.format_version < FORMAT_VERSION:
        raise Unsupported(
            f"the catalog has format {repository.info.format_version}: releases may write to it "
            "that do not know what is listed as garbage",
            kind=ErrorKind.OLDER_FORMAT,
            hint=hint("once no earlier release is in use, run {}", Call("upgrade")),
        )


def withdraw(repository: Repository) -> int:
    """Withdraws all lists that no sweep has claimed; returns how many."""
    count = 0
    for one in read_lists(repository.store):
        if claim(repository.store, one.id, WITHDRAWN) == WITHDRAWN:
            count += 1
            remove_list(repository.store, one.id)
    return count


def _stopped() -> Conflict:
    return Conflict(
        "this garbage collection was stopped for more than a day",
        kind=ErrorKind.GC_REFUSED,
        hint=hint("run it again: {}", Call("gc")),
    )


def _add(whole: Tally, part: Tally) -> None:
    for kind, count in part.objects.items():
        whole.objects[kind] = whole.objects.get(kind, 0) + count
        whole.bytes[kind] = whole.bytes.get(kind, 0) + part.bytes[kind]
