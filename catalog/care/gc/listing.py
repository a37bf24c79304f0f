"""Lists of what may go, as stored: which objects, and as they were when they were listed."""

import datetime
import struct
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from catalog.care.gc.live import Live
from catalog.care.gc.names import Names, among
from catalog.care.gc.objects import Kind, objects, print_of
from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.repository.condemned import PREFIX, NameList, encode_names, name_of
from catalog.storage.store import ObjectInfo, ObjectStore

MAGIC = b"PQTRGCOB"
_HEAD = struct.Struct("<8sQ")
_PAIR = np.dtype([("name", "<u8"), ("print", "<u8")])

BATCH = 8192
"""Objects of a listing that are looked at together."""

EXAMPLES = 10
"""Unknown objects whose paths are told."""


@dataclass(slots=True)
class Tally:
    """Objects counted by kind.

    Attributes:
        objects: How many, by kind.
        bytes: Their sizes, by kind.
    """

    objects: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, info: ObjectInfo) -> None:
        """Counts an object."""
        self.objects[kind] = self.objects.get(kind, 0) + 1
        self.bytes[kind] = self.bytes.get(kind, 0) + info.size_bytes

    @property
    def total(self) -> int:
        """How many objects."""
        return sum(self.objects.values())

    @property
    def total_bytes(self) -> int:
        """Their sizes, in all."""
        return sum(self.bytes.values())


@dataclass(slots=True)
class Candidates:
    """What a look at all objects found.

    Attributes:
        there: All objects of known kinds.
        garbage: Those that are listed now: unreachable, and old enough.
        young: Those that nothing reachable needs, and that may belong to a writer under way.
        waiting: Those that are on lists already.
        doomed: Those that are on lists which have waited for their grace.
        unknown: How many objects are of no known kind; they are left alone.
        examples: Paths of some of them.
    """

    there: Tally = field(default_factory=Tally)
    garbage: Tally = field(default_factory=Tally)
    young: Tally = field(default_factory=Tally)
    waiting: Tally = field(default_factory=Tally)
    doomed: Tally = field(default_factory=Tally)
    unknown: int = 0
    examples: list[str] = field(default_factory=list)


def find_garbage(
    store: ObjectStore,
    live: Live,
    *,
    before: datetime.datetime,
    listed: Sequence[NameList] = (),
    ripe: Collection[str] = (),
    take: Callable[[int, int], None] = lambda name, mark: None,
) -> Candidates:
    """Looks at all objects, and finds those that nothing reachable needs.

    Args:
        store: The objects.
        live: What must stay.
        before: When an object must have been written to count as old, by the store's clock.
        listed: Lists whose objects are not listed again.
        ripe: The ids of those that have waited for their grace.
        take: Takes the name and the print of each object to be listed.
    """
    found = Candidates()
    found.unknown = len(live.unknown)
    found.examples += live.unknown[:EXAMPLES]
    for batch, names in batches(store, found):
        alive = among(names, live.names)
        for (kind, info), name, needed in zip(batch, names.tolist(), alive.tolist(), strict=True):
            found.there.add(kind, info)
            if needed:
                continue
            on = next((one.id for one in listed if name in one), None)
            if on is not None:
                (found.doomed if on in ripe else found.waiting).add(kind, info)
            elif info.modified > before:
                found.young.add(kind, info)
            else:
                found.garbage.add(kind, info)
                take(name, print_of(info))
    return found


def batches(
    store: ObjectStore, found: Candidates
) -> Iterator[tuple[list[tuple[Kind, ObjectInfo]], Names]]:
    """Yields the objects of known kinds with their names, many at a time; counts the others."""
    batch: list[tuple[Kind, ObjectInfo]] = []
    for kind, info in objects(store):
        if kind is None:
            found.unknown += 1
            if len(found.examples) < EXAMPLES:
                found.examples.append(info.path)
            continue
        batch.append((kind, info))
        if len(batch) == BATCH:
            yield batch, _names(batch)
            batch = []
    if batch:
        yield batch, _names(batch)


def _names(batch: Sequence[tuple[Kind, ObjectInfo]]) -> Names:
    return np.fromiter((name_of(info.path) for _, info in batch), dtype=np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """The objects on a list: their names, ascending, and what each was like."""

    names: Names
    prints: Names


class ListBuilder:
    """Gathers the objects of a list: sixteen bytes for each."""

    def __init__(self) -> None:
        self._names = array("Q")
        self._prints = array("Q")

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: int, mark: int) -> None:
        """Takes an object."""
        self._names.append(name)
        self._prints.append(mark)

    def write(self, store: ObjectStore, list_id: str) -> None:
        """Stores the list; it begins to exist with its names, which come last."""
        table = np.empty(len(self._names), dtype=_PAIR)
        table["name"], table["print"] = self._names, self._prints
        table.sort(order="name")
        folder = f"{PREFIX}{list_id}"
        store.create(f"{folder}/objects", _HEAD.pack(MAGIC, len(table)) + table.tobytes())
        store.create(f"{folder}/names", encode_names(self._names))


def read_objects(store: ObjectStore, list_id: str) -> Listed:
    """Reads what a list is about.

    Raises:
        CorruptData: It is damaged.
    """
    path = f"{PREFIX}{list_id}/objects"
    data = store.read(path).data
    count, rest = divmod(len(data) - _HEAD.size, _PAIR.itemsize)
    if count < 0 or rest or _HEAD.unpack_from(data) != (MAGIC, count):
        raise CorruptData(f"{path} is damaged")
    table = np.frombuffer(data, dtype=_PAIR, offset=_HEAD.size)
    return Listed(table["name"].astype(np.uint64), table["print"].astype(np.uint64))
