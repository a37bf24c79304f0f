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
the ref was moved by then. What may have been swept since a writer began, it looks for once it knows
the lists: what it gave a name long ago, what was listed when it did, and all that it did not write
itself where it was given the id of a commit, which need not be reachable, or read long ago where
a ref was.

A list is three objects below ``gc/lists/<id>/``: ``objects``, which a sweep reads; ``names``, with
which the list begins to exist; ``claim``, once a sweep, or who withdraws the list, has claimed it;
``swept``, once the sweep has ended.
Notes are below ``kept/`` in it. A list that cannot be read is swept by nobody: the next run
ends it, and until then a writer notes all that it brings.

``names`` is ``PQTRGCLN``, u64 N, the SHA-256 of what follows, and
the N names, ascending u64, all little-endian; a name is the BLAKE2b-64 of a path, big-endian.
"""

import datetime
import hashlib
import re
import struct
import sys
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass, replace
from catalog.errors import AlreadyExists, Conflict, CorruptData, ErrorKind, NotFound
from catalog.hints import Call, hint
from catalog.model.commit import EMPTY_ID
from catalog.model.ids import canonical_json, parse_json, random_id
from catalog.repository.creation import create_own
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

WRITTEN = 256
"""Commits whose new names a process forgets once they have landed."""

LOOKS = 16
"""Objects looked for at a time, where each is a request."""

SWEEP, WITHDRAWN = b"sweep", b"withdrawn"
"""What claims a list."""

SWEPT = "swept"
"""Is created in a list once all that was to go is gone. The list stays for ``MIN_GRACE_S``, so that
a writer that found an object there before sees that it may be gone."""


_LIST = re.compile(rf"{PREFIX}([0-9a-f]{{32}})/names")
_PART = re.compile(
    rf"{PREFIX}[0-9a-f]{{32}}/"
    rf"(?:names|objects|claim|{SWEPT}|lease/[0-9]+|kept/[0-9a-f]{{32}}\.json)"
)
_NOTE = re.compile(r"[0-9a-f]{32}\.json")


def is_part(path: str) -> bool:
    """Returns whether a path is one of those that make up lists; others are somebody else's."""
    return _PART.fullmatch(path) is not None


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
        is_damaged: Whether its names cannot be read: anything may be on it.
    """

    id: str
    names: "array[int]"
    modified: datetime.datetime
    state: ListState
    is_damaged: bool = False

    def __contains__(self, name: int) -> bool:
        at = bisect_left(self.names, name)
        return at < len(self.names) and self.names[at] == name

    @property
    def folder(self) -> str:
        """Returns below what it lies."""
        return f"{PREFIX}{self.id}/"


def read_lists(store: ObjectStore, known: Sequence[NameList] = ()) -> list[NameList]:
    """Returns the lists that are not withdrawn, also those that were swept lately.

    Args:
        store: Where they are.
        known: Lists as they were read before: the names on them never change.
    """
    before = {one.id: one for one in known if not one.is_damaged}
    there = {info.path: info for info in store.list(PREFIX)}
    found = []
    for path in sorted(there):
        match = _LIST.fullmatch(path)
        if match is None:
            continue
        folder, made = f"{PREFIX}{match[1]}", there[path].modified
        is_claimed = f"{folder}/claim" in there
        try:
            if is_claimed and is_withdrawn(store, match[1]):
                continue
            one = before.get(match[1])
            if one is None or one.modified != made:
                one = _read_list(store, match[1], made)
        except NotFound:  # it was finished meanwhile
            continue
        claimed: ListState = "claimed" if is_claimed else "waiting"
        found.append(replace(one, state="swept" if f"{folder}/{SWEPT}" in there else claimed))
    return found


def _read_list(store: ObjectStore, list_id: str, made: datetime.datetime) -> NameList:
    path = f"{PREFIX}{list_id}/names"
    data = store.read(path).data
    try:
        return NameList(list_id, decode_names(data, path), made, "waiting")
    except CorruptData:
        return NameList(list_id, array("Q"), made, "waiting", is_damaged=True)


def is_withdrawn(store: ObjectStore, list_id: str) -> bool:
    """Returns whether a list was withdrawn, and is not yet removed."""
    try:
        return store.read(f"{PREFIX}{list_id}/claim").data == WITHDRAWN
    except NotFound:
        return False


def read_notes(store: ObjectStore, list_id: str) -> set[int]:
    """Returns the names on a list that writers need.

    Raises:
        CorruptData: A note is damaged.
    """
    kept: set[int] = set()
    for info in store.list(f"{PREFIX}{list_id}/kept/"):
        if not _NOTE.fullmatch(info.path.rpartition("/")[2]):
            continue
        match parse_json(store.read(info.path).data, info.path):
            case {"kind": "kept", "names": [*names]} if all(map(_is_name, names)):
                kept.update(int(str(name), 16) for name in names)
            case _:
                raise CorruptData(f"{info.path} is damaged")
    return kept


def _is_name(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[0-9a-f]{16}", text) is not None


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
        self._coming: tuple[float, Future[list[NameList]]] | None = None
        self._is_full = False
        self._written: dict[str, Sequence[int]] = {}
        self._here = threading.local()

    def look_ahead(self) -> None:
        """Begins to read the lists where that takes a request: soon they are needed."""
        if self._coming is None and is_remote(self._store.location) and not self._is_fresh():
            coming = Threads(1).submit(read_lists, self._store, self._lists)
            self._coming = self._clock(), coming

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

    def doubt(self, commit_id: str) -> None:
        """Takes it that this thread was given a commit that perhaps no ref reaches."""
        self._here.doubted = commit_id

    def resolved(self) -> None:
        """Takes it that this thread has seen where a ref is: it may be gone in half an hour."""
        if getattr(self._here, "resolved_at", None) is None:
            self._here.resolved_at = self._clock()

    def _is_doubted(self) -> bool:
        """Returns whether this thread may have begun with commits that are gone now."""
        at = getattr(self._here, "resolved_at", None)
        is_doubted = getattr(self._here, "doubted", None) is not None
        return self._is_full or is_doubted or (at is not None and self._is_old(at))

    def _is_old(self, at: float) -> bool:
        return not 0 <= self._clock() - at < MIN_GRACE_S / 2

    def written(self, commit_id: str, paths: Iterable[str]) -> None:
        """Takes note of the pack of a commit, and of which new objects it names.

        Once a ref has been moved to it, they are not in doubt any more.
        """
        from catalog.repository.pack import pack_path

        pack = pack_path(commit_id)
        self.note(pack)
        while len(self._written) >= WRITTEN:
            self._written.pop(next(iter(self._written)), None)
        self._written[commit_id] = [name_of(path) for path in (pack, *paths)]

    def _note(self, name: int, at: float | None = None) -> None:
        """Takes note of a name, as of an old one if an object that it may stand for is listed."""
        listed = any(name in one for one in self._current())
        if listed:
            self._noted[name] = 0.0
        elif len(self._noted) < NOTED:
            self._noted.setdefault(name, self._clock() if at is None else at)
        else:
            self._is_full = True

    def _is_fresh(self) -> bool:
        return 0 <= self._clock() - self._read_at < FRESH_S

    def _current(self) -> list[NameList]:
        """Returns the lists as they were a minute ago at most."""
        if not self._is_fresh():
            coming, self._coming = self._coming, None
            at = self._clock()
            if coming is not None and 0 <= at - coming[0] < FRESH_S:
                at, found = coming[0], coming[1].result()
            else:
                found = read_lists(self._store, self._lists)
            self._lists, self._read_at = [one for one in found if one.names or one.is_damaged], at
        return self._lists

    def check(
        self, commit_id: str | None, before: str | None, own: Sequence[str] = ()
    ) -> Callable[[], None]:
        """Checks, right before a ref moves, that all it will need stays.

        Args:
            commit_id: Where the ref is moved to; None if it is deleted.
            before: Where it is; None if nowhere.
            own: Paths of objects that the ref itself needs, and that were created for it.

        Returns:
            What is to be called once the ref was moved.

        Raises:
            Conflict: Something is being swept, or was.
        """
        lists, old = self._current(), self._old()
        is_doubted = self._is_doubted()
        names = {name_of(path): path for path in own}
        doubtful = set(names)
        is_new = commit_id is not None and commit_id not in (EMPTY_ID, before)
        if commit_id is not None and is_new and (lists or old or is_doubted):
            brought, given_up = self._brought(commit_id, before)
            names |= {name_of(path): path for path in brought}
            if is_doubted or not old.isdisjoint(names):  # what it was made of is old, too
                sure = {name_of(path) for path in given_up} | self._noted.keys() - old
                doubtful |= names.keys() - sure
        for one in lists:
            if hits := [name for name in names if one.is_damaged or name in one]:
                doubtful |= self._keep(one, hits, names[hits[0]])
        self._look_for([names[name] for name in doubtful])
        return lambda: self._landed(commit_id, names)

    def _landed(self, commit_id: str | None, names: Iterable[int]) -> None:
        self._here.doubted = self._here.resolved_at = None
        written = () if commit_id is None else self._written.pop(commit_id, ())
        for name in (*names, *written):
            self._noted.pop(name, None)

    def _look_for(self, paths: Sequence[str]) -> None:
        """Checks that objects are there.

        Raises:
            Conflict: One is gone.
        """
        if len(paths) > 1 and is_remote(self._store.location):
            with Threads(LOOKS) as pool:
                found = list(pool.map(self._store.info, paths))
        else:
            found = [self._store.info(path) for path in paths]
        for path, info in zip(paths, found, strict=True):
            if info is None:
                raise _swept(f"{path} is gone")

    def _brought(self, commit_id: str, before: str | None) -> tuple[list[str], set[str]]:
        """Returns what a commit brings, and what of it was given up when it was expired."""
        from catalog.repository.brought import Brought

        try:
            ends = before, self._stays()
        except CorruptData:  # it is about to be mended
            ends = before, None
        brought = Brought(self._store)
        try:
            paths = list(brought.paths(commit_id, [one for one in ends if one is not None]))
        except CorruptData as error:
            if isinstance(error.__cause__, NotFound):
                raise _swept(error.message) from error
            raise
        return paths, brought.given_up

    def _old(self) -> set[int]:
        """Returns the names that were given so long ago that their objects may be gone."""
        return {name for name, at in list(self._noted.items()) if self._is_old(at)}

    def _keep(self, one: NameList, names: Sequence[int], example: str) -> set[int]:
        """Notes names on a list that are needed; returns those whose objects may be gone.

        The list was there a minute ago at most, and stays for an hour once it was swept: what is
        said about it here is still there.
        """
        if one.state == "swept":
            return set(names)
        note = {"kind": "kept", "names": [f"{name:016x}" for name in names]}
        create_own(self._store, f"{one.folder}kept/{random_id()}.json", canonical_json(note))
        path = f"{one.folder}claim"
        if self._store.info(path) is None or is_withdrawn(self._store, one.id):
            return set()
        if self._store.info(f"{one.folder}{SWEPT}") is not None:
            return set(names)
        raise Conflict(
            f"{example} is being removed as garbage",
            kind=ErrorKind.GC_UNDER_WAY,
            hint=hint("run it again once garbage collection has finished: {}", Call("gc")),
        )


def _swept(what: str) -> Conflict:
    return Conflict(
        f"what the commit needs was removed as garbage, since nothing reached it: {what}",
        kind=ErrorKind.GC_UNDER_WAY,
        hint="run it again: what it writes is written anew; commits that are gone stay gone",
    )
