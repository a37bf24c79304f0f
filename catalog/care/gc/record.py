"""What garbage collections did, as stored: one record each, and which objects they removed."""

import datetime
from collections.abc import Iterator, Mapping

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.model.commit import parse_time, time_text
from catalog.model.digests import check_digest, with_digest
from catalog.model.ids import parse_json
from catalog.repository.inflating import deflated, inflated
from catalog.storage.store import ObjectStore

PREFIX = "gc/log/"
VERSION = 1


@dataclass(frozen=True, slots=True)
class GcRecord:
    """What one garbage collection did.

    Attributes:
        id: 32 hex digits.
        time: When it began, aware UTC.
        who: Who ran it.
        grace_s: How long what is listed stays.
        listed: Objects that were listed, by kind.
        listed_bytes: Their sizes.
        removed: Objects that were removed, by kind.
        removed_bytes: Their sizes.
        rescued: Objects that had been listed, and were needed again.
    """

    id: str
    time: datetime.datetime
    who: str
    grace_s: int
    listed: Mapping[str, int] = field(default_factory=dict)
    listed_bytes: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    removed_bytes: Mapping[str, int] = field(default_factory=dict)
    rescued: int = 0

    @property
    def path(self) -> str:
        """Returns where it is: in the order of time."""
        return f"{PREFIX}{self.time.strftime('%Y%m%dT%H%M%S')}-{self.id}.json"

    def to_bytes(self) -> bytes:
        """Returns the stored form."""
        return with_digest(
            {
                "kind": "gc",
                "version": VERSION,
                "id": self.id,
                "time": time_text(self.time),
                "who": self.who,
                "grace_s": self.grace_s,
                "listed": self.listed,
                "listed_bytes": self.listed_bytes,
                "removed": self.removed,
                "removed_bytes": self.removed_bytes,
                "rescued": self.rescued,
            }
        )


def record_from_bytes(data: bytes, path: str) -> GcRecord:
    """Reads the stored form.

    Raises:
        CorruptData: It is not that of a record.
    """
    stored = parse_json(data, path)
    check_digest(stored, known=(), what=path)
    match stored:
        case {
            "kind": "gc",
            "version": 1,
            "id": str(own),
            "time": str(time),
            "who": str(who),
            "grace_s": int(grace_s),
            "listed": dict(listed),
            "listed_bytes": dict(listed_bytes),
            "removed": dict(removed),
            "removed_bytes": dict(removed_bytes),
            "rescued": int(rescued),
        } if all(map(_is_counts, (listed, listed_bytes, removed, removed_bytes))):
            return GcRecord(
                own,
                parse_time(time),
                who,
                grace_s,
                listed=listed,
                listed_bytes=listed_bytes,
                removed=removed,
                removed_bytes=removed_bytes,
                rescued=rescued,
            )
    raise CorruptData(f"{path} is not readable: fields are missing or of another type")


def _is_counts(stored: Mapping[str, object]) -> bool:
    return all(isinstance(count, int) for count in stored.values())


def records(store: ObjectStore) -> list[GcRecord]:
    """Returns what garbage collections did, the latest first."""
    there = [info for info in store.list(PREFIX) if info.path.endswith(".json")]
    found = [(record_from_bytes(store.read(one.path).data, one.path), one) for one in there]
    found.sort(key=lambda pair: (pair[0].time, pair[1].modified), reverse=True)
    return [one for one, _ in found]


class RemovedPaths:
    """Writes down what a sweep is going to remove, before it does."""

    def __init__(self, store: ObjectStore, record_id: str) -> None:
        self._store = store
        self._id = record_id
        self._number = 0

    def tell(self, paths: list[str]) -> None:
        """Takes paths that are going to be removed."""
        self._number += 1
        data = deflated("\n".join(paths).encode())
        self._store.create(f"{PREFIX}removed/{self._id}/{self._number:06}", data)


def removed_paths(store: ObjectStore, record_id: str) -> Iterator[str]:
    """Yields the paths of what a garbage collection removed, or was about to."""
    for info in store.list(f"{PREFIX}removed/{record_id}/"):
        told = inflated(store.read(info.path).data, info.path)
        yield from told.decode(errors="replace").split("\n")
