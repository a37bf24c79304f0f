"""Missing fingerprints: what files store alike is decoded once, or not at all."""

import functools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.compute import compute
from catalog.diff.fingerprints.kept import Entry
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.reuse import KeyIndex, Known, looked_at, looked_into, needed_columns
from catalog.diff.fingerprints.row_completing import with_row_sum, words_like
from catalog.diff.fingerprints.row_digester import RowWords
from catalog.diff.fingerprints.side_by_side import Begun, LocalFile, compute_begun, compute_both
from catalog.diff.fingerprints.task import PrintsTask, keep
from catalog.diff.plan import SIDES, SideName, TablePlan
from catalog.diff.route import key_ids
from catalog.engine.executor import Executor
from catalog.formats.bounds import Claims
from catalog.formats.footer import ParquetSource
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint, StoredColumns
from catalog.model.partition import Partition
from catalog.model.table import TableSnapshot
from catalog.repository.datafiles import local_path, readable
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository
from catalog.storage.reopening import finish_writes
from catalog.threads import Threads

_Size: TypeAlias = tuple[Partition, int]
_Groups: TypeAlias = defaultdict[_Size, dict[SideName, list[DataFile]]]

_OTHER: Mapping[SideName, SideName] = {"f": "t", "t": "f"}


class Completing:
    """Computes the missing fingerprints a diff needs, and adds them to those that are stored."""

    def __init__(
        self,
        repository: Repository,
        plan: TablePlan,
        *,
        pool: Threads,
        prints: dict[Identity, Fingerprint],
        executor: Executor | None = None,
    ) -> None:
        self._executor = executor
        self._repository = repository
        self._plan = plan
        self._pool = pool
        self._prints = prints
        self._keys = {side: key_ids(plan, side) for side in SIDES}
        self._same_key = self._keys["f"] == self._keys["t"]
        self._looked: dict[Identity, StoredColumns] = {}

    def complete(self, entries: Sequence[Entry]) -> dict[str, int]:
        """Computes what a comparison of files needs.

        Returns:
            Sizes of the files that were read, by path.
        """
        groups: _Groups = defaultdict(lambda: {"f": [], "t": []})
        for one in entries:
            groups[_size(one.file)][one.side].append(one.file)
        if self._same_key:
            self._look(entries, groups)
        needed = {i: n for sides in groups.values() for i, n in self._needed(sides).items()}
        read = self._complete_both(groups, needed)
        for side in SIDES:  # what one side has saves work on the other
            others = _Others(groups, _OTHER[side], known=self._prints, key=self._keys[side])
            missing = [
                one.file
                for one in entries
                if one.side == side and self._is_missing(one.file, needed)
            ]
            made = self._complete_begun(missing, side=side, others=others, needed=needed)
            read |= {file.path: file.size_bytes for file in made}
            missing = [file for file in missing if self._is_missing(file, needed)]
            tasks = [self._task(one, side=side, others=others, needed=needed) for one in missing]
            for file, prints in zip(missing, self._run(tasks), strict=True):
                self._prints[file.identity] = prints
                read[file.path] = file.size_bytes
        return read

    def _run(self, tasks: Sequence[PrintsTask]) -> Iterable[Fingerprint]:
        """Computes fingerprints, by the executor if there is much to read."""
        executor = self._executor
        if executor is not None and executor.takes(sum(task.size_bytes for task in tasks)):
            finish_writes(self._repository.store)  # others read what this process wrote
            return executor.run(tasks)
        return self._pool.map(PrintsTask.run, tasks)

    def _complete_both(
        self, groups: _Groups, needed: Mapping[Identity, set[int] | None]
    ) -> dict[str, int]:
        """Computes the fingerprints of files without, which have no bytes in common, in pairs.

        Returns:
            Sizes of the files that were read, by path.
        """
        pairs = [pair for sides in groups.values() for pair in self._pairs(sides, needed)]
        partners = {pair.after.id: pair.before.id for pair in self._plan.pairs}
        make = functools.partial(compute_both, partners=partners)
        read: dict[str, int] = {}
        made = self._pool.map(make, *zip(*pairs, strict=True)) if pairs else ()
        for pair, prints in zip(pairs, made, strict=True):
            for one, own in zip(pair, prints or (), strict=False):
                file = one.keyed.file
                Fingerprints(self._repository.store).keep(file, one.keyed.key, own)
                self._prints[file.identity] = own
                read[file.path] = file.size_bytes
        return read

    def _complete_begun(
        self,
        missing: Sequence[DataFile],
        *,
        side: SideName,
        others: "_Others",
        needed: Mapping[Identity, set[int] | None],
    ) -> Sequence[DataFile]:
        """Computes the fingerprints of files whose keys begin as those of the other side do.

        Returns:
            The files.
        """
        found = {}
        for file in missing if self._same_key else ():
            begun, one = others.begun(file), self._local(file, side=side, needed=needed)
            if begun and one is not None and file.identity not in self._prints:
                found[file.identity] = one, begun
        made = self._pool.map(compute_begun, *zip(*found.values(), strict=True)) if found else ()
        known = [
            (one.keyed, prints)
            for (one, _), prints in zip(found.values(), made, strict=True)
            if prints is not None
        ]
        for keyed, prints in known:
            Fingerprints(self._repository.store).keep(keyed.file, keyed.key, prints)
            self._prints[keyed.file.identity] = prints
        return [keyed.file for keyed, _ in known]

    def _local(
        self,
        file: DataFile,
        *,
        side: SideName,
        needed: Mapping[Identity, set[int] | None],
    ) -> LocalFile | None:
        """Returns a file of which all columns must be read, if it is local and not empty."""
        path = local_path(self._repository.store, file)
        known = self._looked.get(file.identity)
        if not path or not file.rows or known is None or needed[file.identity] is not None:
            return None
        return LocalFile(path, self._keyed(side, file), known)

    def _pairs(
        self,
        sides: Mapping[SideName, Sequence[DataFile]],
        needed: Mapping[Identity, set[int] | None],
    ) -> list[tuple[LocalFile, LocalFile]]:
        """Pairs the files of one partition and size of which all columns must be read."""
        if not self._same_key:
            return []
        found: dict[SideName, list[LocalFile]] = {"f": [], "t": []}
        for side in SIDES:
            for file in {file.identity: file for file in sides[side]}.values():
                one = self._local(file, side=side, needed=needed)
                if one is not None:
                    found[side].append(one)
            found[side].sort(key=self._place)
        return list(zip(found["f"], found["t"], strict=False))

    def _place(self, one: LocalFile) -> tuple[bytes, str]:
        """Returns by what files are put in order, so that those of the same keys meet."""
        file = one.keyed.file
        stats = file.stats.get(next(iter(one.keyed.key), -1))
        return (stats.low if stats is not None else None) or b"", file.path

    def _look(self, entries: Sequence[Entry], groups: _Groups) -> None:
        """Looks at files without a fingerprint as they are stored."""
        missing = [one for one in entries if one.file.identity not in self._prints]
        ids = [one.file.identity for one in missing]
        self._looked.update(zip(ids, self._pool.map(self._look_at, missing), strict=True))
        known: dict[Identity, Known] = {**self._looked, **self._prints}
        others = {
            side: _Others(groups, _OTHER[side], known=known, key=self._keys[side]) for side in SIDES
        }
        look = functools.partial(self._look_into, others)
        self._looked.update(zip(ids, list(self._pool.map(look, missing)), strict=True))

    def _look_at(self, one: Entry) -> StoredColumns:
        path = local_path(self._repository.store, one.file)
        keyed = self._keyed(one.side, one.file)
        return StoredColumns() if path is None else looked_at(path, keyed)

    def _look_into(self, others: Mapping[SideName, "_Others"], one: Entry) -> StoredColumns:
        known = self._looked[one.file.identity]
        path = local_path(self._repository.store, one.file)
        if path is None:
            return known
        like = others[one.side].like(one.file, known) or others[one.side].some(one.file)
        keyed = self._keyed(one.side, one.file)
        return looked_into(path, keyed, known, like=like, keeping=False)

    def _keyed(self, side: SideName, file: DataFile) -> KeyedFile:
        return KeyedFile(self._plan.side(side), file, self._keys[side])

    def _known(self, file: DataFile) -> Known:
        return self._prints.get(file.identity) or self._looked[file.identity]

    def _needed(
        self, sides: Mapping[SideName, Sequence[DataFile]]
    ) -> Mapping[Identity, set[int] | None]:
        """Returns which columns must be read of files of one partition and number of rows."""
        files = [*sides["f"], *sides["t"]]
        if not self._same_key or not self._plan.key:
            return dict.fromkeys((file.identity for file in files), None)
        known = [[self._known(file) for file in sides[side]] for side in SIDES]
        older, newer = needed_columns(known[0], known[1], self._keys["t"])
        found: dict[Identity, set[int] | None] = {}
        for file, wanted in zip(files, [*older, *newer], strict=True):
            before = found.get(file.identity, set())  # the same bytes may be several files
            found[file.identity] = None if wanted is None or before is None else before | wanted
        return found

    def _is_missing(self, file: DataFile, needed: Mapping[Identity, set[int] | None]) -> bool:
        """Returns whether a fingerprint must be computed, or completed."""
        prints = self._prints.get(file.identity)
        if prints is None:
            return True
        wanted = needed[file.identity]
        return bool(prints.unread if wanted is None else prints.unread & wanted)

    def _task(
        self,
        file: DataFile,
        *,
        side: SideName,
        others: "_Others",
        needed: Mapping[Identity, set[int] | None],
    ) -> PrintsTask:
        own = self._prints.get(file.identity)
        like = [] if own is None else [own]
        known = None
        if self._same_key:
            looked = self._known(file)
            known = StoredColumns(looked.stored, looked.encoded, looked.writer)
            like += [one for one in others.like(file, known) if isinstance(one, Fingerprint)]
        keyed = self._keyed(side, file)
        return PrintsTask(self._repository.store, keyed, like, known, needed[file.identity])


class _Others:
    """What is known of the files of a side, by partition and number of rows."""

    def __init__(
        self,
        groups: _Groups,
        side: SideName,
        *,
        known: Mapping[Identity, Known],
        key: Sequence[int],
    ) -> None:
        self._known = {
            size: [known[file.identity] for file in sides[side] if file.identity in known]
            for size, sides in groups.items()
        }
        self._indexes = {size: KeyIndex(files, key) for size, files in self._known.items()}
        self._key = key
        self._begun: dict[_Size, frozenset[Begun]] = {}

    def like(self, file: DataFile, looked: Known) -> list[Known]:
        """Returns what is known of files that may store their keys as a file does."""
        size = _size(file)
        return [self._known[size][place] for place in self._indexes[size].like(looked)]

    def some(self, file: DataFile) -> list[Known]:
        """Returns what is known of any file that a file may be compared with."""
        return self._known[_size(file)][:1]

    def begun(self, file: DataFile) -> frozenset[Begun]:
        """Returns how the keys begin of the files in order that a file may be compared with."""
        size = _size(file)
        if size not in self._begun:
            self._begun[size] = frozenset(
                frozenset((i, one.columns[i][0]) for i in self._key if one.columns.get(i))
                for one in self._known[size]
                if isinstance(one, Fingerprint) and one.key is not None and one.key.ordered
            )
        return self._begun[size]


@dataclass(frozen=True, slots=True)
class TakenFrom:
    """Where a file is read that is about to be taken in.

    Attributes:
        name: What errors call it.
        uri: Where an engine reads it.
        opened: Returns what reads it here.
        is_copy: Whether that is a copy made just now.
        claims: What its footer claims of columns, by field id.
    """

    name: str
    uri: str
    opened: Callable[[], ParquetSource]
    is_copy: bool
    claims: Mapping[int, Claims]


class Replaced:
    """The fingerprints of files that an update removes, read when they are asked for."""

    def __init__(self, kept: Fingerprints, files: Iterable[DataFile], key: Sequence[int]) -> None:
        self._kept = kept
        self._key = key
        self._files: defaultdict[_Size, list[DataFile]] = defaultdict(list)
        for file in files:
            self._files[_size(file)].append(file)
        self._found: dict[_Size, tuple[list[tuple[DataFile, Fingerprint]], KeyIndex]] = {}
        self._lock = threading.Lock()

    def like(self, file: DataFile, looked: StoredColumns) -> list[tuple[DataFile, Fingerprint]]:
        """Returns the files that may store their keys as a file does, with their fingerprints."""
        size = _size(file)
        with self._lock:
            if size not in self._found:
                read = ((one, self._kept.read(one, self._key)) for one in self._files.get(size, ()))
                prints = [(one, known) for one, known in read if known is not None]
                index = KeyIndex((known for _, known in prints), self._key)
                self._found[size] = prints, index
            prints, index = self._found[size]
        return [prints[place] for place in index.like(looked)]


def computed_whole(
    repository: Repository,
    table: TableSnapshot,
    file: DataFile,
    *,
    replaced: Replaced,
    partial: Fingerprint | None,
    with_rows: bool,
    taken_from: TakenFrom | None = None,
    gathered: str = "",
) -> Fingerprint:
    """Computes the whole fingerprint of a file that a table gets, and stores it.

    Args:
        repository: Where it is stored.
        table: The table.
        file: The file.
        replaced: The fingerprints of the files that go.
        partial: What is stored already.
        with_rows: Whether digests of its rows are kept, too.
        taken_from: Where the file is read if it is not in the catalog yet.
        gathered: Names the object that is to have those of other files, too.

    Raises:
        CorruptData: It cannot be read.
    """
    store = repository.store
    if taken_from is None:
        keyed, source = KeyedFile(table, file, table.key), readable(store, file)
    else:
        keyed = KeyedFile(table, file, table.key, taken_from.name, taken_from.claims)
        source = taken_from.opened()
    decoded: list[RowWords] = []
    digested = functools.partial(
        compute,
        source,
        keyed,
        digests="kept" if with_rows else "summed",
        take_rows=decoded.append,
    )
    if not isinstance(source, str):
        return _kept(repository, keyed, digested(), decoded, gathered=gathered)
    looked = looked_at(source, keyed)
    like = [prints for _, prints in replaced.like(file, looked)]
    looked = looked_into(source, keyed, looked, like=like, keeping=True)
    donors = replaced.like(file, looked)
    like = [*(prints for _, prints in donors), *([] if partial is None else [partial])]
    rows = None
    if with_rows:
        rows = words_like(store, source, keyed, stored=looked, donors=donors)
        like = like if rows is not None else []  # else all columns are decoded anyway
    made = digested(like, known=looked)
    if rows is not None and not decoded:
        made = with_row_sum(made, keyed, rows)
        decoded.append(rows)
    return _kept(repository, keyed, made, decoded, gathered=gathered)


def _size(file: DataFile) -> _Size:
    return file.partition, file.rows


def _kept(
    repository: Repository,
    keyed: KeyedFile,
    made: Fingerprint,
    rows: Sequence[RowWords] = (),
    *,
    gathered: str = "",
) -> Fingerprint:
    """Stores the fingerprint of a file, and the digests of its rows; see ``task.keep``."""
    keep(repository.store, keyed, made, rows, gathered=gathered)
    return made
