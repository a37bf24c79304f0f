"""What was expired: commits whose data the next gc may drop, as immutable records.

A record is created once, under a random name, and counts from that moment on; what counts is the
union of all. Only data goes: data files, contents of file sets and lists of those. Packs stay, and
so do data that a commit needs which is not expired.
"""

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData, ErrorKind, NotFound, Unsupported
from catalog.model.commit import parse_time, time_text
from catalog.model.digests import FIELD, check_digest, with_digest
from catalog.model.ids import are_ids, parse_json, random_id
from catalog.model.texts import check_text
from catalog.repository.creation import create_own
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

PREFIX = "expired/"
"""Where records are."""

NAME = re.compile(r"expired/[0-9a-f]{32}")
"""Paths of records; whatever else lies there is nobody's record."""

VERSION = 1
"""Of the stored form."""

LEAST_KEEP = datetime.timedelta(days=1)
"""Commits younger than this are never expired: whoever has just read or written one goes on with
it, and readers of young commits need not look for records."""

READS = 16
"""Records read at a time: in a bucket, each is a request."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What was to be kept when commits were expired, for people.

    Attributes:
        keep_seconds: Commits younger than this.
        keep_last: So many newest commits of each branch.
        keep_tags: Whether commits with a tag.
    """

    keep_seconds: int
    keep_last: int = 1
    keep_tags: bool = True


@dataclass(frozen=True, slots=True)
class ExpiryRecord:
    """Commits that were expired together.

    Attributes:
        time: When, aware UTC.
        who: By whom.
        policy: What was to be kept.
        commits: The ids of the commits, in order.
        tags: Names of tags of such commits, which the policy passed over. A tag that came later
            keeps what it points at.
        tables: The tables whose data was expired, by name; None for all.
    """

    time: datetime.datetime
    who: str
    policy: Policy
    commits: tuple[str, ...]
    tags: tuple[str, ...] = ()
    tables: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_text(self.who, "the author")

    def to_bytes(self) -> bytes:
        """Returns the stored form."""
        return with_digest(
            {
                "kind": "expired",
                "version": VERSION,
                "time": time_text(self.time),
                "who": self.who,
                "keep_seconds": self.policy.keep_seconds,
                "keep_last": self.policy.keep_last,
                "keep_tags": self.policy.keep_tags,
                "commits": self.commits,
                "tags": self.tags,
                "tables": self.tables,
            }
        )


@dataclass(frozen=True, slots=True)
class Expired:
    """All that was expired.

    Attributes:
        commits: Commits whose data may go, with the tables that this is about; None for all.
        tags: Tags that do not keep the data of what they point at.
    """

    commits: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()

    def lacking(self, commit_id: str) -> frozenset[str] | None:
        """Returns the tables of a commit, case folded, whose data was expired; None for all."""
        return self.commits.get(commit_id, frozenset())

    def has_data(self, commit_id: str, table: str) -> bool:
        """Returns whether a table's data at a commit was not expired.

        Args:
            commit_id: The commit.
            table: The table's name there.
        """
        return has_data(self.lacking(commit_id), table)


def has_data(lacking: frozenset[str] | None, table: str) -> bool:
    """Returns whether a table is not among those whose data was expired; see ``lacking``."""
    return lacking is not None and table.casefold() not in lacking


def record(
    store: ObjectStore, expiry: ExpiryRecord, *, new_id: Callable[[], str] = random_id
) -> str:
    """Stores a record; it counts from now on.

    Returns:
        Its path.
    """
    path = PREFIX + new_id()
    create_own(store, path, expiry.to_bytes())
    return path


def records(store: ObjectStore) -> list[ExpiryRecord]:
    """Returns all records, oldest first.

    Raises:
        CorruptData: One is damaged.
        Unsupported: One was stored by a newer release.
    """
    return sorted(read_records(store).values(), key=lambda one: one.time)


def read_records(
    store: ObjectStore, known: Mapping[str, ExpiryRecord] | None = None
) -> dict[str, ExpiryRecord]:
    """Returns all records by their paths; those that are ``known`` are not read again.

    Raises:
        CorruptData: One is damaged.
        Unsupported: One was stored by a newer release.
    """
    known = known or {}
    paths = _paths(store)
    found = _read(store, [path for path in paths if path not in known])
    return {path: known[path] if path in known else found[path] for path in paths}


def expired(store: ObjectStore) -> Expired:
    """Returns all that was expired.

    Raises:
        CorruptData: A record is damaged: nobody can say what it was about.
        Unsupported: One was stored by a newer release.
    """
    return union(read_records(store).values())


def expired_commits(store: ObjectStore) -> frozenset[str]:
    """Returns the commits whose data was expired, in all their tables.

    Raises:
        CorruptData: A record is damaged.
        Unsupported: One was stored by a newer release.
    """
    return frozenset(one for one, tables in expired(store).commits.items() if tables is None)


def union(found: Iterable[ExpiryRecord]) -> Expired:
    """Returns what some records say together."""
    found = list(found)
    commits: dict[str, frozenset[str] | None] = {}
    for one in found:
        named = None if one.tables is None else frozenset(name.casefold() for name in one.tables)
        for commit_id in one.commits:
            known = commits.get(commit_id, frozenset())
            commits[commit_id] = None if known is None or named is None else known | named
    return Expired(commits, frozenset(name for one in found for name in one.tags))


def _paths(store: ObjectStore) -> list[str]:
    listed = (info.path for info in store.list(PREFIX))
    return [path for path in listed if NAME.fullmatch(path)]


def _read(store: ObjectStore, paths: Sequence[str]) -> dict[str, ExpiryRecord]:
    """Returns records by their paths, many read at a time where each takes a request."""

    def read(path: str) -> ExpiryRecord:
        try:
            return parsed_record(store.read(path).data, path)
        except NotFound as error:
            raise CorruptData(f"{path} is listed, and gone") from error

    if not is_remote(store.location) or len(paths) < 2:
        return {path: read(path) for path in paths}
    with Threads(READS) as pool:
        return dict(zip(paths, pool.map(read, paths), strict=True))


def parsed_record(data: bytes, path: str) -> ExpiryRecord:
    """Reads the stored form of a record.

    Raises:
        CorruptData: It is damaged.
        Unsupported: It was stored by a newer release.
    """
    stored = parse_json(data, path)
    if FIELD not in stored:
        raise CorruptData(f"{path} is damaged: it has no digest")
    check_digest(stored, known=(), what=path)
    match stored:
        case {"kind": "expired", "version": int(version)} if version > VERSION:
            raise Unsupported(
                f"{path} was stored by a newer release",
                kind=ErrorKind.NEWER_FORMAT,
                hint="install a newer version of parquetry",
            )
        case {
            "kind": "expired",
            "version": 1,
            "time": str(time),
            "who": str(who),
            "keep_seconds": int(keep_seconds),
            "keep_last": int(keep_last),
            "keep_tags": bool(keep_tags),
            "commits": [*commits],
            "tags": [*tags],
            "tables": ([*_] | None) as tables,
        } if are_ids(commits) and _is_texts(tags) and (tables is None or _is_texts(tables)):
            return ExpiryRecord(
                parse_time(time),
                who,
                Policy(keep_seconds, keep_last, keep_tags),
                tuple(commits),
                tuple(map(str, tags)),
                None if tables is None else tuple(map(str, tables)),
            )
    raise CorruptData(f"{path} is not readable: fields are missing or of another type")


def _is_texts(stored: Sequence[object]) -> bool:
    return all(isinstance(one, str) for one in stored)
