"""A repository: everything that is stored of a catalog, behind one object."""

import datetime
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, replace
from catalog.errors import (
    AlreadyExists,
    CatalogError,
    CorruptData,
    ErrorKind,
    NotFound,
    Unsupported,
)
from catalog.model.commit import Commit, parse_time, time_text
from catalog.model.datafile import Verify
from catalog.model.digests import FIELD, check_digest, with_digest
from catalog.model.ids import parse_json, random_id
from catalog.model.limits import LIMITS, Limits
from catalog.repository import branches, tags
from catalog.repository.branches import Branches, Stamp
from catalog.repository.commits import Commits
from catalog.repository.condemned import Condemned
from catalog.repository.creation import create_named, create_own
from catalog.repository.expiry import Expiry
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import encode_pack, pack_path
from catalog.repository.ref_listing import named_objects
from catalog.repository.resolve import Resolver
from catalog.repository.tags import Tags
from catalog.storage.reopening import OPEN_STORES, Opening, opening_of
from catalog.storage.store import Forgets, ObjectStore

if TYPE_CHECKING:
    from catalog.repository.commit_writer import CommitWriter

FORMAT_VERSION = 2
"""Version 2 says that all writers look at the lists of garbage before a ref moves; otherwise it is
version 1."""

RELEASE = "0.1.0"
"""The earliest release that reads catalogs of this version: whoever has an earlier one is told."""

CATALOG_PATH = "catalog.json"
FIELDS = ("format_version", "catalog_id", "created_at")
"""Fields of descriptions without a digest."""

DEFAULT_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class CatalogInfo:
    """Describes the catalog itself, written once, and again when it is upgraded."""

    catalog_id: str
    created_at: datetime.datetime
    format_version: int = FORMAT_VERSION


class Repository:
    """Reads and writes the stored objects of one catalog.

    Attributes:
        verify: What of data files is compared with the commit before they are read.
        limits: What a statement that the catalog stores may take.
        verified: Files that were compared, each as it was, so that it is not read again for that.
        condemned: Keeps writers off what garbage collection may remove.
        expiry: Tells data that was expired from data that was lost.
    """

    def __init__(
        self,
        store: ObjectStore,
        info: CatalogInfo,
        *,
        verify: Verify = "size",
        limits: Limits = LIMITS,
    ) -> None:
        self.store = store
        self.info = info
        self.verify = verify
        self.limits = limits
        self.verified: set[tuple[object, ...]] = set()
        self.nodes = NodeReader(store)
        self.commits = Commits(self.nodes)
        self.branches = Branches(store)
        self.tags = Tags(store)
        self.condemned = Condemned(store, self._main)
        self.branches.check = self.condemned.check
        self.tags.check = lambda commit_id: self.condemned.check(commit_id, None)
        self._writer: CommitWriter | None = None
        self.refs = Resolver(store, self.branches, self.tags, self.commits)
        self.expiry = Expiry(store, self.commits, branches=self.branches, tags=self.tags)
        self.refs.doubt = self.condemned.doubt
        self.refs.resolved = self.condemned.resolved

    def _main(self) -> str | None:
        main = self.branches.find(DEFAULT_BRANCH)
        return None if main is None else main.commit_id

    def __reduce__(self) -> "tuple[object, ...]":
        opening = opening_of(self.store)
        if opening is None:
            raise TypeError("a repository that only this process can reach cannot be pickled")
        return _reopened, (opening, self.info, self.verify, self.limits, type(self))

    @property
    def can_be_reopened(self) -> bool:
        """Returns whether another process can open the same, which a pickle makes it do."""
        return opening_of(self.store) is not None

    def writer(self) -> "CommitWriter":
        """Returns what writes commits."""
        from catalog.repository.commit_writer import CommitWriter

        if self._writer is None:
            self._writer = CommitWriter(self.store, self.commits, note=self.condemned.written)
        return self._writer


@lru_cache(maxsize=OPEN_STORES)
def _reopened(
    opening: Opening, info: CatalogInfo, verify: Verify, limits: Limits, kind: type[Repository]
) -> Repository:
    """Returns the repository of a pickle, the same one for all pickles of one catalog."""
    return kind(opening.open(), info, verify=verify, limits=limits)


_RESTORE = f"restore {CATALOG_PATH} from a backup: it only changes when the catalog is upgraded"
"""What helps if the description of a catalog cannot be read."""


def create(
    store: ObjectStore, *, author: str, now: datetime.datetime, verify: Verify = "size"
) -> Repository:
    """Creates a catalog: its description, an empty first commit, and branch main.

    Raises:
        AlreadyExists: There is a catalog already.
        CorruptData: There is one that lost its description.
    """
    info = CatalogInfo(random_id(), now)
    data = _description(info)
    if store.info(CATALOG_PATH) is not None:
        raise _exists()
    repository = Repository(store, info, verify=verify)
    if any(name != DEFAULT_BRANCH for name in _names_taken(store)):
        raise _description_lost(data)
    first = _first_commit(repository, author, now)
    try:
        repository.branches.create(DEFAULT_BRANCH, first, Stamp(author, now, "catalog created"))
    except AlreadyExists:  # left by a process that got no further, or by one that went far
        left = repository.branches.held(DEFAULT_BRANCH)
        if left is None or len(left.branch.moves) > 1 or left.branch.older is not None:
            raise _description_lost(data) from None
    try:
        create_own(store, CATALOG_PATH, data)
    except AlreadyExists as error:
        raise _exists() from error
    return repository


def _names_taken(store: ObjectStore) -> Iterator[str]:
    """Yields the names of branches and tags that are there, if only as what a clone left."""
    for prefix in (branches.PREFIX, tags.PREFIX):
        paths = (info.path for info in store.list(prefix))
        yield from named_objects(paths, prefix)


def is_catalog(store: ObjectStore) -> bool:
    """Returns whether a store holds a catalog, as far as it can be read."""
    try:
        open_existing(store)
    except CatalogError as error:
        return error.kind == ErrorKind.NEWER_FORMAT
    return True


def open_existing(
    store: ObjectStore, *, verify: Verify = "size", limits: Limits = LIMITS
) -> Repository:
    """Opens a catalog; ``verify`` and ``limits`` are as in ``Repository``.

    Raises:
        NotFound: There is none.
        Unsupported: It was written in a newer format.
    """
    info = read_info(store)
    if info.format_version < FORMAT_VERSION and isinstance(store, Forgets):
        store.forget(CATALOG_PATH)
        info = read_info(store)
    return Repository(store, info, verify=verify, limits=limits)


def read_info(store: ObjectStore) -> CatalogInfo:
    """Reads the description of a catalog.

    Raises:
        NotFound: There is none.
        Unsupported: It was written in a newer format.
    """
    try:
        stored = store.read(CATALOG_PATH)
    except NotFound as error:
        if error.kind == ErrorKind.BUCKET_NOT_FOUND:
            raise
        raise NotFound("no catalog there", kind=ErrorKind.CATALOG_NOT_FOUND) from error
    try:
        described = parse_json(stored.data, CATALOG_PATH)
        if not _is_newer(described) and (FIELD in described or described.keys() >= set(FIELDS)):
            check_digest(described, known=FIELDS, what=CATALOG_PATH)
    except CorruptData as error:
        raise CorruptData(error.message, kind=error.kind, hint=_RESTORE) from error
    match described:
        case {
            "format_version": int(version),
            "catalog_id": str(catalog_id),
            "created_at": str(created_at),
        }:
            if version > FORMAT_VERSION:
                raise Unsupported(
                    f"the catalog has format {version}; this version reads formats up to "
                    f"{FORMAT_VERSION}",
                    kind=ErrorKind.NEWER_FORMAT,
                    hint=_newer(described.get("release")),
                )
            return CatalogInfo(catalog_id, parse_time(created_at), version)
    raise Unsupported(
        f"{CATALOG_PATH} is not the description of a catalog",
        kind=ErrorKind.UNKNOWN_FORMAT,
        hint=_RESTORE,
    )


def _is_newer(described: Mapping[str, object]) -> bool:
    """Returns whether a description is of a newer format, whose digests may be others."""
    version = described.get("format_version")
    return isinstance(version, int) and version > FORMAT_VERSION


def _newer(release: object) -> str:
    """Returns what to install for a newer format; a stranger's text is told only if it is one."""
    if isinstance(release, str) and re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}", release):
        return f"install parquetry {release}, or a newer version"
    return "install a newer version of parquetry"


def _description(info: CatalogInfo) -> bytes:
    return with_digest(
        {
            "format_version": info.format_version,
            "catalog_id": info.catalog_id,
            "created_at": time_text(info.created_at),
            "release": RELEASE,
        }
    )


def upgrade(repository: Repository) -> bool:
    """Gives a catalog the newest format version; returns False if it has that already.

    Raises:
        SwapLost: Somebody else has just changed the description.
    """
    store = repository.store
    if isinstance(store, Forgets):
        store.forget(CATALOG_PATH)
    stored = store.read(CATALOG_PATH)
    info = read_info(store)
    if info.format_version >= FORMAT_VERSION:
        return False
    info = replace(info, format_version=FORMAT_VERSION)
    store.swap(CATALOG_PATH, _description(info), version=stored.version)
    if isinstance(store, Forgets):
        store.forget(CATALOG_PATH)
    repository.info = info
    return True


def _first_commit(repository: Repository, author: str, now: datetime.datetime) -> str:
    commit = Commit((), 0, {}, None, {}, author, now, "catalog created")
    content = commit.to_bytes()
    pack = encode_pack(content, {}, b"", own_id=commit.id)
    if not create_named(repository.store, pack_path(commit.id), pack):
        repository.nodes.head(commit.id)
    return commit.id


def _description_lost(description: bytes) -> CorruptData:
    return CorruptData(
        f"there are branches or tags already, but {CATALOG_PATH} is gone",
        kind=ErrorKind.DESCRIPTION_LOST,
        hint=f"if a clone was interrupted here, clone again; else restore {CATALOG_PATH}; one with "
        f"this content opens the catalog too: {description.decode()}",
    )


def _exists() -> AlreadyExists:
    return AlreadyExists(
        "there is already a catalog",
        kind=ErrorKind.CATALOG_EXISTS,
        hint="open it, or choose another place",
    )
