"""What garbage collection has listed, as writers must know it.

What nothing reachable needs is not deleted when it is found. It is listed, stays for a grace, and
goes if it is still unreachable then. In between, a writer may need a listed object: the name of a
data file comes from its content, and a ref may be moved to a commit that no ref reached. So

1. a new data file does not get a listed name;
2. before a ref moves, the writer reads the lists. Where what it brings is listed, it writes down
   that this is to be kept, and looks afterwards whether a sweep has claimed the list. If one has,
   the writer gives up; if none has, every later sweep sees the note.
3. a sweep claims the list, reads the notes afterwards, and then looks anew at what is reachable.

A list that is made after a writer read them sweeps nothing before ``MIN_GRACE_S`` is over, and
the ref was moved by then. What a writer gave its name long before it moves the ref may have been
listed and swept meanwhile: it looks whether it is still there.

A list is three objects below ``gc/lists/<id>/``: ``objects``, which a sweep reads; ``names``, with
which the list begins to exist; ``claim``, once a sweep, or who withdraws the list, has claimed it;
``swept``, once the sweep has ended.
Notes are below ``kept/`` in it. ``names`` is ``PQTRGCLN``, u64 N, the SHA-256 of what follows, and
the N names, ascending u64, all little-endian; a name is the BLAKE2b-64 of a path, big-endian.
"""

import datetime
import hashlib
import struct
import sys
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import AlreadyExists, Conflict, CorruptData, ErrorKind, NotFound
from catalog.hints import Call, hint
from catalog.model.commit import EMPTY_ID
from catalog.model.ids import canonical_json, parse_json, random_id
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

PREFIX = "gc/lists/"
MAGIC = b"PQTRGCLN"
_HEAD = struct.Struct("<8sQ32s")

MIN_GRACE_S = 3600
"""Least time from a list to its sweep: many times what passes between a look at the lists and
the swap after it."""

FRESH_S = 60.0
"""How long lists that were read are good enough: what was listed since waits for an hour."""

NOTED = 1_000_000
"""New names that a process remembers, for each some 100 bytes; beyond, all count as old."""

SWEEP, WITHDRAWN = b"sweep", b"withdrawn"
"""What claims a list."""

SWEPT = "swept"
"""Is created in a list once all that was to go is gone. The list stays for ``MIN_GRACE_S``, so that
a writer that found an object there before sees that it may be gone."""


def name_of(path: str) -> int:
    """Returns what stands for a path on lists: two paths share it once in 2⁶⁴."""
    return int.from_bytes(hashlib.blake2b(path.encode(), digest_size=8).digest(), "big")


def encode_names(names: Iterable[int]) -> bytes:
    """Returns names, each once, as stored."""
    ordered = array("Q", sorted(set(names)))
    if sys.byteorder == "big":
        ordered.byteswap()
    body = ordered.tobytes()
    return _HEAD.pack(MAGIC, len(ordered), hashlib.sha256(body).digest()) + body


def decode_names(data: bytes, what: str) -> "array[int]":
    """Reads names as stored.

    Raises:
        CorruptData: They are not that.
    """
    if len(data) < _HEAD.size:
        raise CorruptData(f"{what} is damaged")
    magic, count, digest = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if (magic, digest) != (MAGIC, hashlib.sha256(body).digest()) or len(body) != 8 * count:
        raise CorruptData(f"{what} is damaged")
    found = array("Q", body)
    if sys.byteorder == "big":
        found.byteswap()
    return found


ListState: TypeAlias = Literal["waiting", "claimed", "swept"]
"""What has become of a list."""


@dataclass(frozen=True, slots=True, eq=False)
class NameList:
    """The names on a list.

    Attributes:
        modified: When it was made, by the store's clock.
        state: Whether it waits, a sweep has claimed it, or one has swept all that was to go.
    """

    id: str
    names: "array[int]"
    modified: datetime.datetime
    state: ListState

    def __contains__(self, name: int) -> bool:
        at = bisect_left(self.names, name)
        return at < len(self.names) and self.names[at] == name

    @property
    def folder(self) -> str:
        """Returns below what it lies."""
        return f"{PREFIX}{self.id}/"


def read_lists(store: ObjectStore) -> list[NameList]:
    """Returns the lists that are not withdrawn, also those that were swept lately.

    Raises:
        CorruptData: One is damaged.
    """
    there = {info.path: info for info in store.list(PREFIX)}
    found = []
    for path in sorted(there):
        folder, _, kind = path.rpartition("/")
        if kind != "names" or folder.count("/") != PREFIX.count("/"):
            continue
        claim = f"{folder}/claim"
        try:
            withdrawn = claim in there and store.read(claim).data == WITHDRAWN
            names = decode_names(store.read(path).data, path)
        except NotFound:  # it was finished meanwhile
            continue
        if not withdrawn:
            list_id, made = folder.removeprefix(PREFIX), there[path].modified
            claimed: ListState = "claimed" if claim in there else "waiting"
            state = "swept" if f"{folder}/{SWEPT}" in there else claimed
            found.append(NameList(list_id, names, made, state))
    return found


def read_notes(store: ObjectStore, list_id: str) -> set[int]:
    """Returns the names on a list that writers need.

    Raises:
        CorruptData: A note is damaged.
    """
    kept: set[int] = set()
    for info in store.list(f"{PREFIX}{list_id}/kept/"):
        match parse_json(store.read(info.path).data, info.path):
            case {"kind": "kept", "names": [*names]} if all(isinstance(n, str) for n in names):
                kept.update(int(str(name), 16) for name in names)
            case _:
                raise CorruptData(f"{info.path} is damaged")
    return kept


def claim(store: ObjectStore, list_id: str, what: bytes) -> bytes:
    """Claims a list and returns what it is claimed for: by another one, if that was earlier."""
    path = f"{PREFIX}{list_id}/claim"
    try:
        store.create(path, what)
    except AlreadyExists:
        return store.read(path).data
    return what


class Condemned:
    """Keeps writers of a process off what may be swept.

    Args:
        store: The stored objects.
        stays: Returns a commit that is not going to be garbage: what it needs is not looked at.
        clock: Seconds that pass, also while the machine sleeps.
    """

    def __init__(
        self,
        store: ObjectStore,
        stays: Callable[[], str | None],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._stays = stays
        self._clock = clock
        self._noted: dict[int, float] = {}
        self._lists: list[NameList] = []
        self._read_at = -FRESH_S
        self._coming: Future[list[NameList]] | None = None

    def look_ahead(self) -> None:
        """Begins to read the lists where that takes a request: soon they are needed."""
        if self._coming is None and is_remote(self._store.location) and not self._is_fresh():
            self._coming = Threads(1).submit(read_lists, self._store)

    def is_listed(self, path: str) -> bool:
        """Returns whether a new data file must not get a path, and takes note of it if it may."""
        name = name_of(path)
        if any(name in one for one in self._current() if one.state != "swept"):
            return True
        self._note(name)
        return False

    def now(self) -> float:
        """Returns the time, for ``note``."""
        return self._clock()

    def note(self, path: str, *, at: float | None = None) -> None:
        """Takes note of an object that a commit is going to need, before it is written.

        Args:
            path: The object.
            at: When it got its name; None is now.
        """
        self._note(name_of(path), at)

    def _note(self, name: int, at: float | None = None) -> None:
        """Takes note of a name, as of an old one if an object that it may stand for is listed."""
        listed = any(name in one for one in self._current())
        if listed:
            self._noted[name] = 0.0
        elif len(self._noted) < NOTED:
            self._noted.setdefault(name, self._clock() if at is None else at)

    def _is_fresh(self) -> bool:
        return 0 <= self._clock() - self._read_at < FRESH_S

    def _current(self) -> list[NameList]:
        """Returns the lists as they were a minute ago at most."""
        if not self._is_fresh():
            at, coming, self._coming = self._clock(), self._coming, None
            found = read_lists(self._store) if coming is None else coming.result()
            self._lists, self._read_at = [one for one in found if one.names], at
        return self._lists

    def check(self, commit_id: str | None, before: str | None, own: Sequence[str] = ()) -> None:
        """Checks, right before a ref moves, that all it will need stays.

        Args:
            commit_id: Where the ref is moved to; None if it is deleted.
            before: Where it is; None if nowhere.
            own: Paths of objects that the ref itself needs, and that were created for it.

        Raises:
            Conflict: Something is being swept, or was.
        """
        lists, old = self._current(), self._old()
        if not lists and not old and not own:
            return
        paths = list(own)
        if commit_id is not None and commit_id != EMPTY_ID and (lists or old):
            paths += self._brought(commit_id, before)
        names = {name_of(path): path for path in paths}
        doubtful = old & names.keys() | {name_of(path) for path in own}
        for one in lists:
            if hits := [name for name in names if name in one]:
                doubtful |= self._keep(one, hits, names[hits[0]])
        for name in doubtful:
            if self._store.info(names[name]) is None:
                raise _swept(names[name])
        for name in names:
            self._noted.pop(name, None)

    def _brought(self, commit_id: str, before: str | None) -> Iterable[str]:
        from catalog.repository.brought import Brought

        ends = (before, self._stays())
        return Brought(self._store).paths(commit_id, [one for one in ends if one is not None])

    def _old(self) -> set[int]:
        """Returns the names that were given so long ago that their objects may be gone."""
        now = self._clock()
        return {name for name, at in self._noted.items() if not 0 <= now - at < MIN_GRACE_S / 2}

    def _keep(self, one: NameList, names: Sequence[int], example: str) -> set[int]:
        """Notes names on a list that are needed; returns those whose objects may be gone.

        The list was there a minute ago at most, and stays for an hour once it was swept: what is
        said about it here is still there.
        """
        if one.state == "swept":
            return set(names)
        note = {"kind": "kept", "names": [f"{name:016x}" for name in names]}
        self._store.create(f"{one.folder}kept/{random_id()}.json", canonical_json(note))
        path = f"{one.folder}claim"
        if self._store.info(path) is None or self._store.read(path).data == WITHDRAWN:
            return set()
        if self._store.info(f"{one.folder}{SWEPT}") is not None:
            return set(names)
        raise Conflict(
            f"{example} is being removed as garbage",
            kind=ErrorKind.GC_UNDER_WAY,
            hint=hint("run it again once garbage collection has finished: {}", Call("gc")),
        )


def _swept(path: str) -> Conflict:
    return Conflict(
        f"{path} was removed as garbage before it was part of a commit",
        kind=ErrorKind.GC_UNDER_WAY,
        hint="run it again: it is written anew",
    )
