"""Fingerprints as they are made: what files store alike is decoded once, or not at all."""

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from catalog.diff.fingerprints.compute import compute
from catalog.diff.fingerprints.reuse import KeyIndex, Known, looked_at, looked_into, needed_columns
from catalog.diff.plan import SIDES, SideName, TablePlan
from catalog.diff.route import key_ids
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint, StoredColumns
from catalog.model.partition import Partition
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot
from catalog.repository.datafiles import local_path, readable
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository

_Size: TypeAlias = tuple[Partition, int]
_Groups: TypeAlias = defaultdict[_Size, dict[SideName, list[DataFile]]]

_OTHER: Mapping[SideName, SideName] = {"f": "t", "t": "f"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Holds a file of a side, and whether the other side has some in its partition."""

    side: SideName
    file: DataFile
    comparable: bool


class Completing:
    """Computes the fingerprints that lack, as far as a diff needs them."""

    def __init__(
        self,
        repository: Repository,
        plan: TablePlan,
        pool: ThreadPoolExecutor,
        found: dict[Identity, Fingerprint],
        same_key: bool,
    ) -> None:
        """Takes what there is.

        Args:
            repository: Keeps them.
            plan: The table's plan.
            pool: Looks at files at a time.
            found: Those that are kept; those that are computed come to them.
            same_key: Whether both sides have the same key columns.
        """
        self._repository = repository
        self._plan = plan
        self._pool = pool
        self._found = found
        self._same_key = same_key
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
        read: dict[str, int] = {}
        for side in SIDES:  # what one side has saves work on the other
            others = _Others(groups, _OTHER[side], self._found, self._key(side))
            lacking = [
                one.file for one in entries if one.side == side and self._lacks(one.file, needed)
            ]
            make = partial(self._compute, side, others, needed)
            for file, prints in zip(lacking, self._pool.map(make, lacking), strict=True):
                self._found[file.identity] = prints
                read[file.path] = file.size_bytes
        return read

    def _look(self, entries: Sequence[Entry], groups: _Groups) -> None:
        """Looks at files without a fingerprint as they are stored."""
        lacking = [one for one in entries if one.file.identity not in self._found]
        ids = [one.file.identity for one in lacking]
        self._looked.update(zip(ids, self._pool.map(self._look_at, lacking), strict=True))
        known: dict[Identity, Known] = {**self._looked, **self._found}
        others = {side: _Others(groups, _OTHER[side], known, self._key(side)) for side in SIDES}
        look = partial(self._look_into, others)
        self._looked.update(zip(ids, list(self._pool.map(look, lacking)), strict=True))

    def _look_at(self, one: Entry) -> StoredColumns:
        path = local_path(self._repository.store, one.file)
        return StoredColumns() if path is None else looked_at(path, self._columns(one))

    def _look_into(self, others: Mapping[SideName, "_Others"], one: Entry) -> StoredColumns:
        known = self._looked[one.file.identity]
        path = local_path(self._repository.store, one.file)
        if path is None:
            return known
        like = others[one.side].like(one.file, known) or others[one.side].some(one.file)
        columns, key = self._columns(one), self._key(one.side)
        return looked_into(path, columns, key, known, like, keeping=False)

    def _columns(self, one: Entry) -> Sequence[PhysicalColumn]:
        return self._plan.side(one.side).file_schemas[one.file.file_schema].columns

    def _key(self, side: SideName) -> tuple[int, ...]:
        return key_ids(self._plan, side)

    def _known(self, file: DataFile) -> Known:
        return self._found.get(file.identity) or self._looked[file.identity]

    def _needed(
        self, sides: Mapping[SideName, Sequence[DataFile]]
    ) -> Mapping[Identity, set[int] | None]:
        """Returns which columns must be read of files of one partition and number of rows."""
        files = [*sides["f"], *sides["t"]]
        if not self._same_key or not self._plan.key:
            return dict.fromkeys((file.identity for file in files), None)
        known = [[self._known(file) for file in sides[side]] for side in SIDES]
        older, newer = needed_columns(known[0], known[1], self._key("t"))
        found: dict[Identity, set[int] | None] = {}
        for file, wanted in zip(files, [*older, *newer], strict=True):
            before = found.get(file.identity, set())  # files of the same bytes are told of as one
            found[file.identity] = None if wanted is None or before is None else before | wanted
        return found

    def _lacks(self, file: DataFile, needed: Mapping[Identity, set[int] | None]) -> bool:
        """Tells whether a fingerprint must be computed, or read further."""
        prints = self._found.get(file.identity)
        if prints is None:
            return True
        wanted = needed[file.identity]
        return bool(prints.unread if wanted is None else prints.unread & wanted)

    def _compute(
        self,
        side: SideName,
        others: "_Others",
        needed: Mapping[Identity, set[int] | None],
        file: DataFile,
    ) -> Fingerprint:
        own = self._found.get(file.identity)
        like = [] if own is None else [own]
        known = None
        if self._same_key:
            looked = self._known(file)
            known = StoredColumns(looked.stored, looked.encoded, looked.writer)
            like += [one for one in others.like(file, known) if isinstance(one, Fingerprint)]
        table, key = self._plan.side(side), self._key(side)
        return _computed(self._repository, table, key, file, like, known, needed[file.identity])


class _Others:
    """Holds what is known of the files of a side, by what they must have in common with others."""

    def __init__(
        self,
        groups: _Groups,
        side: SideName,
        known: Mapping[Identity, Known],
        key: Sequence[int],
    ) -> None:
        """Takes the files, and what is known of some of them."""
        self._known = {
            size: [known[file.identity] for file in sides[side] if file.identity in known]
            for size, sides in groups.items()
        }
        self._indexes = {size: KeyIndex(files, key) for size, files in self._known.items()}

    def like(self, file: DataFile, looked: Known) -> list[Known]:
        """Returns what is known of files that may store their keys as a file does."""
        size = _size(file)
        return [self._known[size][place] for place in self._indexes[size].like(looked)]

    def some(self, file: DataFile) -> list[Known]:
        """Returns what is known of any file that a file may be compared with."""
        return self._known[_size(file)][:1]


class Replaced:
    """Reads the fingerprints of files that an update removes, once they are asked for."""

    def __init__(self, kept: Fingerprints, files: Iterable[DataFile], key: Sequence[int]) -> None:
        """Takes the files."""
        self._kept = kept
        self._key = key
        self._files: defaultdict[_Size, list[DataFile]] = defaultdict(list)
        for file in files:
            self._files[_size(file)].append(file)
        self._found: dict[_Size, tuple[list[Fingerprint], KeyIndex]] = {}
        self._lock = threading.Lock()

    def like(self, file: DataFile, looked: StoredColumns) -> list[Fingerprint]:
        """Returns the fingerprints of files that may store their keys as a file does."""
        size = _size(file)
        with self._lock:
            if size not in self._found:
                read = (self._kept.read(one, self._key) for one in self._files.get(size, ()))
                prints = [one for one in read if one is not None]
                self._found[size] = prints, KeyIndex(prints, self._key)
            prints, index = self._found[size]
        return [prints[place] for place in index.like(looked)]


def computed_whole(
    repository: Repository,
    table: TableSnapshot,
    file: DataFile,
    replaced: Replaced,
    partial: Fingerprint | None,
) -> Fingerprint:
    """Computes the whole fingerprint of a file that a table gets, and keeps it."""
    path = local_path(repository.store, file)
    if path is None:
        return _computed(repository, table, table.key, file, ())
    columns = table.file_schemas[file.file_schema].columns
    looked = looked_at(path, columns)
    like = replaced.like(file, looked)
    looked = looked_into(path, columns, table.key, looked, like, keeping=True)
    like = [*replaced.like(file, looked), *([] if partial is None else [partial])]
    return _computed(repository, table, table.key, file, like, looked)


def _size(file: DataFile) -> _Size:
    return file.partition, file.rows


def _computed(
    repository: Repository,
    table: TableSnapshot,
    key: Sequence[int],
    file: DataFile,
    like: Sequence[Fingerprint],
    known: StoredColumns | None = None,
    needed: Collection[int] | None = None,
) -> Fingerprint:
    """Computes the fingerprint of a file and keeps it."""
    source = readable(repository.store, file)
    found = compute(source, table, file, key, like, known=known, needed=needed)
    Fingerprints(repository.store).keep(file, key, found)
    return found
