"""The description of a catalog: verified where it cannot be opened by it, and repaired."""

import datetime

from catalog.care.fsck.candidates import flipped
from catalog.care.fsck.findings import Findings
from catalog.errors import CatalogError, CorruptData, ErrorKind, NotFound, Unsupported
from catalog.model.digests import FIELD, check_digest
from catalog.model.ids import parse_json
from catalog.repository.branches import PREFIX as BRANCHES
from catalog.repository.repository import (
    CATALOG_PATH,
    DEFAULT_BRANCH,
    FIELDS,
    FORMAT_VERSION,
    CatalogInfo,
    Repository,
    open_existing,
)
from catalog.storage.store import ObjectStore

MOST_BYTES = 4096
"""Size up to which a description is tried with each of its bits flipped."""

_NEVER = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)


def opened_to_verify(store: ObjectStore) -> Repository:
    """Opens a catalog, also one whose description is gone or damaged: to verify it, and no more.

    Raises:
        NotFound: There is none, nor are there branches of one.
        Unsupported: It was written in a newer format.
    """
    try:
        return open_existing(store)
    except (NotFound, CorruptData, Unsupported) as error:
        if not is_damage(store, error):
            raise
    return Repository(store, CatalogInfo("", _NEVER))


def is_damage(store: ObjectStore, error: CatalogError) -> bool:
    """Returns whether a catalog cannot be opened since its description is gone or damaged."""
    if error.kind == ErrorKind.CATALOG_NOT_FOUND:
        return next(store.list(BRANCHES), None) is not None
    if error.kind == ErrorKind.NEWER_FORMAT:
        return _flipped_back(store.read(CATALOG_PATH).data) is not None
    return isinstance(error, CorruptData) or error.kind == ErrorKind.UNKNOWN_FORMAT


def check_description(store: ObjectStore, findings: Findings) -> frozenset[int]:
    """Verifies the description; returns the finding at it."""
    try:
        open_existing(store)
    except NotFound:
        return findings.add("description-missing", CATALOG_PATH, f"{CATALOG_PATH} is gone")
    except CatalogError as error:
        return findings.add("description-damaged", CATALOG_PATH, error.message)
    return frozenset()


def whole_description(repository: Repository, source: ObjectStore | None) -> bytes | None:
    """Returns the bytes of a description that is gone or damaged; None if nothing proves them.

    Either its digest proves that one bit was changed, or a copy of the same catalog has it: the
    history of main begins with the same commit there. A copy from before an upgrade would let
    writers in that do not look at lists of garbage; so it is taken only where there are none.
    """
    store = repository.store
    try:
        found = _flipped_back(store.read(CATALOG_PATH).data)
    except NotFound:
        found = None
    if found is not None or source is None:
        return found
    data = source.read(CATALOG_PATH).data
    copy = Repository(source, repository.info)
    if not _is_whole(data) or _first(copy) != _first(repository):
        return None
    version = parse_json(data, CATALOG_PATH)["format_version"]
    is_old = version != FORMAT_VERSION and next(store.list("gc/"), None) is not None
    return None if is_old else data


def _flipped_back(data: bytes) -> bytes | None:
    return flipped(data, _is_whole) if len(data) <= MOST_BYTES else None


def _is_whole(data: bytes) -> bool:
    """Returns whether bytes are a description that its digest proves, of a format known here."""
    try:
        described = parse_json(data, CATALOG_PATH)
        check_digest(described, known=FIELDS, what=CATALOG_PATH)
    except CatalogError:
        return False
    version = described.get("format_version")
    known = isinstance(version, int) and 1 <= version <= FORMAT_VERSION
    return known and FIELD in described and described.keys() >= set(FIELDS)


def _first(repository: Repository) -> str:
    """Returns the commit with which the history of main begins."""
    main = repository.branches.find(DEFAULT_BRANCH)
    if main is None or main.commit_id is None:
        raise CorruptData(f"there is no branch {DEFAULT_BRANCH}")
    commit_id = main.commit_id
    while parents := repository.commits.read(commit_id).parents:
        commit_id = parents[0]
    return commit_id
