"""Carries commits from one catalog to another: files first, then packs, parents before children.

Nothing points to what was carried until a ref moves, which is not done here. So a carrier may be
stopped at any moment, and another one finds what is there already.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from catalog.care.transfer.difference import DataOfCommits, Differences
from catalog.care.transfer.files import FileCopier, TravellingFile
from catalog.care.transfer.history import new_commits
from catalog.care.transfer.needs import CommitNeeds, Needs
from catalog.care.transfer.packs import PacksInTransit
from catalog.care.transfer.presence import Presence, WantedObject
from catalog.care.transfer.report import Amount, ObjectKind, TransferProgress
from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData, NotFound
from catalog.interruption import check
from catalog.model.commit import EMPTY_ID, Commit
from catalog.report.figures import counted, size
from catalog.repository.commits import Commits
from catalog.repository.copied_links import CopiedLink, keep_links
from catalog.repository.creation import create_named
from catalog.repository.pack import pack_path
from catalog.repository.repository import Repository
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore, StagedFile
from catalog.threads import Threads

BATCH_FILES = 2000
"""Files from which on those of the commits so far are copied: they become durable together."""

BATCH_BYTES = 1 << 30
"""Bytes from which on they are; on their way into a bucket they may take the local disk."""

BATCH_COMMITS = 500
"""Commits from which on they are."""

PART_FILES = 256
"""Files that are copied and become durable together."""

PLACES = 100
"""Directories and prefixes of files outside that are told apart."""

OTHER_PLACES = "others"

REQUESTS = 16
"""Packs written at a time where each is a request."""


@dataclass(slots=True)
class Carried:
    """What was carried.

    Attributes:
        commits: Commits that are whole in the target now and were not known to be.
        broken: Commits that need something damaged, or whose ancestors do.
        damage: What is missing or damaged, with what is wrong with it, by path.
        outside: Files that are not in the catalog, and stay where they are.
    """

    commits: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    damage: dict[str, str] = field(default_factory=dict)
    copied: dict[ObjectKind, Amount] = field(default_factory=dict)
    present: dict[ObjectKind, Amount] = field(default_factory=dict)
    outside: Amount = field(default_factory=Amount)
    places: Counter[str] = field(default_factory=Counter)
    unread: Amount = field(default_factory=Amount)

    def count(self, kind: ObjectKind, amount: Amount, *, is_new: bool) -> None:
        """Counts objects."""
        counts = self.copied if is_new else self.present
        counts[kind] = counts.get(kind, Amount()) + amount


class Carrier:
    """Carries commits; used once.

    Args:
        source: Where they are.
        target: Where they go.
        data: Which data of which commits must come with them, or is there.
        many: Whether much is missing, or there already, so that the target is listed.
        note: Takes the path of each object that a ref is going to need.
        progress: Is told how many objects were copied so far.
        dry_run: Whether nothing is written.
    """

    def __init__(
        self,
        source: Repository,
        target: Repository,
        *,
        data: DataOfCommits,
        many: bool,
        note: Callable[[str], None],
        progress: TransferProgress,
        dry_run: bool,
    ) -> None:
        self._source = source
        self._target = target
        self._note = note
        self._progress = progress
        self._dry_run = dry_run
        self._travelling: set[str] = set()
        self._packs = PacksInTransit(source.store, self._travelling.__contains__)
        self._differences = Differences(self._packs, data)
        self._presence = Presence(target.store, many=many)
        self._copier = FileCopier(source.store, target.store)
        self._lists: set[bytes] = set()
        self._whole: set[str] = set()
        self._needs = Needs(source.store, self._differences, self._is_known_list)
        self.carried = Carried()

    @property
    def source_commits(self) -> Commits:
        """Returns what reads commits of the source."""
        return self._differences.commits

    def carry(
        self, starts: Iterable[str], known: Iterable[str], *, all_needed: bool = True
    ) -> None:
        """Carries commits with all before them.

        Args:
            starts: The commits.
            known: Commits that are in the target, with all that they and those before them need.
            all_needed: Whether it matters if some are missing or damaged.

        Raises:
            StorageFailure: A store failed.
        """
        read, carried = self._differences.commits.read, self.carried
        damage = dict(carried.damage)
        new = new_commits(read, starts, read_known=self._read_known, known=known)
        for commit_id, problem in new.unreadable.items():
            carried.broken.add(commit_id)
            carried.damage[pack_path(commit_id)] = problem
        self._travelling.update(new.ids)
        batch: list[CommitNeeds] = []
        files = size_bytes = 0
        for commit_id in new.ids:
            check()
            needs = self._found(commit_id)
            if needs is None:
                continue
            batch.append(needs)
            files += len(needs.files)
            size_bytes += sum(file.size_bytes for file in needs.files.values())
            full = files >= BATCH_FILES or size_bytes >= BATCH_BYTES
            if full or len(batch) >= BATCH_COMMITS:
                self._bring(batch)
                batch, files, size_bytes = [], 0, 0
        self._bring(batch)
        self._whole.update(carried.commits)
        if not all_needed:
            carried.damage = damage

    def _read_known(self, commit_id: str) -> Commit:
        carried = commit_id in self._whole
        read = self._differences.commits.read if carried else self._target.commits.read
        return read(commit_id)

    def _found(self, commit_id: str) -> CommitNeeds | None:
        """Returns what a commit needs; None if it cannot be whole."""
        carried = self.carried
        try:
            parents = self._differences.commits.read(commit_id).parents
            if carried.broken.intersection(parents):
                carried.broken.add(commit_id)
                return None
            base = parents[0] if parents and parents[0] != EMPTY_ID else None
            return self._needs.of(commit_id, base)
        except CorruptData as error:
            carried.broken.add(commit_id)
            carried.damage.setdefault(pack_path(commit_id), error.message)
            return None

    def _is_known_list(self, path: str) -> bool:
        """Returns whether a list, and all that is on it, is in the target already."""
        return _key(path) in self._lists

    def _bring(self, batch: Sequence[CommitNeeds]) -> None:
        """Brings what commits need, and then the commits."""
        if not batch:
            return
        files = {path: one for needs in batch for path, one in needs.files.items()}
        damaged = self._bring_files(files)
        lists = {path: one for needs in batch for path, one in needs.lists.items()}
        damaged |= self._bring_lists(lists)
        whole: list[CommitNeeds] = []
        for needs in batch:
            broken = self.carried.broken
            if damaged & (needs.files.keys() | needs.lists.keys()) or broken & {*needs.parents}:
                broken.add(needs.commit_id)
            else:
                whole.append(needs)
        self._record_links(whole)
        self._bring_packs(whole)
        for needs in whole:
            if needs.commit_id not in self.carried.broken:
                self.carried.commits.append(needs.commit_id)
                self._lists.update(map(_key, needs.lists))
                self._count_outside(needs)

    def _missing(
        self, kind: ObjectKind, wanted: Sequence[WantedObject], damaged: set[str]
    ) -> Sequence[WantedObject]:
        """Returns objects that are not in the target; what is there with another size is damaged.

        It is left as it is: it may be right, and the source wrong.
        """
        for one in wanted:
            self._note(one.path)
        absent = self._presence.absent(wanted)
        for one in absent.wrong:
            damaged.add(one.path)
            self.carried.damage[one.path] = (
                f"{self._target.store.location} has another file of that name, of another size"
            )
        gone = {one.path for one in (*absent.missing, *absent.wrong)}
        there = [one.size_bytes or 0 for one in wanted if one.path not in gone]
        if there:
            self.carried.count(kind, Amount(len(there), sum(there)), is_new=False)
        return absent.missing

    def _bring_files(self, files: dict[str, TravellingFile]) -> set[str]:
        """Copies files that are missing; returns those that are damaged."""
        damaged: set[str] = set()
        kinds: dict[ObjectKind, list[WantedObject]] = {"data": [], "blob": []}
        for path, file in files.items():
            kind: ObjectKind = "blob" if path.startswith("blobs/") else "data"
            kinds[kind].append(WantedObject(path, file.size_bytes))
        for kind, wanted in kinds.items():
            missing = [files[one.path] for one in self._missing(kind, wanted, damaged)]
            for part in _parts(missing):
                damaged |= self._copy(kind, part)
        return damaged

    def _copy(self, kind: ObjectKind, files: Sequence[TravellingFile]) -> set[str]:
        damaged: set[str] = set()
        if not self._dry_run:
            outcome = self._copier.copy(files)
            damaged = {one.path for one in outcome.damage}
            self.carried.damage.update((one.path, one.problem) for one in outcome.damage)
            self.carried.unread += outcome.unread
        whole = [one for one in files if one.path not in damaged]
        for one in whole:
            self._presence.add(one.path)
        self._count(kind, Amount(len(whole), sum(one.size_bytes for one in whole)))
        return damaged

    def _bring_lists(self, lists: dict[str, str]) -> set[str]:
        """Copies lists that are missing, once what is on them is there; returns damaged ones."""
        bad: set[str] = set()
        wanted = [WantedObject(path, None) for path in lists]
        for one in self._missing("list", wanted, bad):
            try:
                data = self._source.store.read(one.path).data
            except NotFound:
                data = b""
            if hashlib.sha256(data).hexdigest() != lists[one.path]:
                self.carried.damage[one.path] = "it is missing, or not what was committed"
                bad.add(one.path)
                continue
            if not self._dry_run:
                create_named(self._target.store, one.path, data)
            self._presence.add(one.path)
            self._count("list", Amount(1, len(data)))
        return bad

    def _bring_packs(self, commits: Sequence[CommitNeeds]) -> None:
        """Copies packs that are missing; commits whose packs are damaged are broken."""
        needed = {pack: None for needs in commits for pack in needs.packs}
        paths = {pack_path(pack): pack for pack in needed}
        wanted = [WantedObject(path, None) for path in paths]
        missing = [paths[one.path] for one in self._missing("pack", wanted, set())]
        bad: set[str] = set()
        for start in range(0, len(missing), PART_FILES):
            bad |= self._copy_packs(missing[start : start + PART_FILES])
        broken = self.carried.broken
        for needs in commits:
            if bad & needs.packs.keys() or broken & {*needs.parents}:
                broken.add(needs.commit_id)

    def _copy_packs(self, packs: Sequence[str]) -> set[str]:
        bad: set[str] = set()
        whole: list[tuple[str, bytes]] = []
        for commit_id in packs:
            try:
                whole.append((pack_path(commit_id), self._packs.whole(commit_id)))
            except CorruptData as error:
                self.carried.damage[pack_path(commit_id)] = error.message
                bad.add(commit_id)
        if not self._dry_run:
            write_packs(self._target.store, whole)
        for path, _ in whole:
            self._presence.add(path)
        self._count("pack", Amount(len(whole), sum(len(data) for _, data in whole)))
        return bad

    def _record_links(self, commits: Sequence[CommitNeeds]) -> None:
        """Records what copies of linked files are like: their bytes were just compared."""
        tokens = {path: token for needs in commits for path, token in needs.links.items()}
        if self._dry_run or not tokens:
            return
        infos = ((path, self._target.store.info(path)) for path in tokens)
        links = [CopiedLink(p, tokens[p], info.identity) for p, info in infos if info is not None]
        keep_links(self._target.store, links)

    def _count(self, kind: ObjectKind, amount: Amount) -> None:
        self.carried.count(kind, amount, is_new=True)
        total = sum(self.carried.copied.values(), Amount())
        words = f"{counted(total.objects, 'object')}, {size(total.size_bytes)}"
        self._progress(total.objects, 0, words)

    def _count_outside(self, needs: CommitNeeds) -> None:
        for path, size_bytes in needs.outside.items():
            self.carried.outside += Amount(1, size_bytes)
            place = path.rpartition("/")[0]
            known = place in self.carried.places or len(self.carried.places) < PLACES
            self.carried.places[place if known else OTHER_PLACES] += 1


def _key(path: str) -> bytes:
    return hashlib.blake2b(path.encode(), digest_size=16).digest()


def write_packs(store: ObjectStore, packs: Sequence[tuple[str, bytes]]) -> None:
    """Writes packs that are missing; all are durable when it returns."""
    if is_remote(store.location):
        with Threads(REQUESTS) as pool:
            list(pool.map(lambda one: create_named(store, *one), packs))
        return
    staged: list[tuple[StagedFile, str]] = []
    try:
        for path, data in packs:
            scratch = store.scratch()
            with open(scratch, "xb") as file:
                file.write(data)
            staged.append((store.take_over(scratch), path))
        store.publish(staged)
    finally:
        for one, _ in staged:
            one.discard()


def _parts(files: Sequence[TravellingFile]) -> Iterable[Sequence[TravellingFile]]:
    """Yields files in parts of bounded number and size."""
    part: list[TravellingFile] = []
    size_bytes = 0
    for one in files:
        if part and (len(part) >= PART_FILES or size_bytes + one.size_bytes > PART_BYTES):
            yield part
            part, size_bytes = [], 0
        part.append(one)
        size_bytes += one.size_bytes
    if part:
        yield part


PART_BYTES = 256 << 20
"""Bytes that are copied together: on their way into a bucket they take the local disk."""
