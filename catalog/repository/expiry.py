"""Data that was expired, told from data that was lost.

Readers of what is kept pay nothing: records are looked at when a data file is missing, when a ref
is about to keep an old commit, and before an old commit is read in a bucket, where files are not
looked at beforehand.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, CorruptData, ErrorKind, NotFound
from catalog.model.datafile import DataFile
from catalog.model.names import encode_segment
from catalog.repository import expired
from catalog.repository.branches import Branches
from catalog.repository.clock import utc_now
from catalog.repository.commits import Commits
from catalog.repository.datafiles import LISTED_FILES, LOOKS, PAGE_FILES
from catalog.repository.expired import LEAST_KEEP, Expired, ExpiryRecord
from catalog.repository.history import first_parents
from catalog.repository.tags import Tags
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

FRESH_SECONDS = 30.0
"""How long a listing of records is believed by readers: records only ever come, and whoever reads
by an older listing still finds what gc has not yet deleted."""

SEARCHED_COMMITS = 10_000
"""Commits among which the nearest with data is looked for, the newest first."""

SEARCHED_TAGS = 200
"""Tags among which a name for that is looked for: each is read."""

MAIN = "main"
"""The branch on which that is looked for first."""

_GONE = re.compile(
    r"(?<![^\s'\"])(?P<data>data/.+?\.parquet)|blobs/[0-9a-f]{2}/(?P<blob>[0-9a-f]{64})"
    r"|list (?P<list>[0-9a-f]{12}) of contents is missing"
)
"""What a message says that is gone, of the catalog's own."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """An object that is not there: a data file by its path, else a content or list by its id."""

    path: str = ""
    blob: str = ""
    listed: str = ""


class Expiry:
    """Says of data that is missing whether it was expired, and what is kept instead."""

    def __init__(
        self, store: ObjectStore, commits: Commits, *, branches: Branches, tags: Tags
    ) -> None:
        self._store = store
        self._commits = commits
        self._branches = branches
        self._tags = tags
        self._records: dict[str, ExpiryRecord] = {}
        self._known = Expired()
        self._listed_at: float | None = None

    def known(self, *, fresh: bool = True) -> Expired:
        """Returns all that was expired.

        Args:
            fresh: Whether records are listed anew; else a listing may be some seconds old.

        Raises:
            CorruptData: A record is damaged.
            Unsupported: One was stored by a newer release.
        """
        now = time.time()  # it goes on while the machine sleeps
        listed = self._listed_at
        if fresh or listed is None or not 0 <= now - listed <= FRESH_SECONDS:
            found = expired.read_records(self._store, known=self._records)
            if found.keys() != self._records.keys():
                self._records, self._known = found, expired.union(found.values())
            self._listed_at = now
        return self._known

    def check_kept(self, commit_id: str, *, fresh: bool = True) -> None:
        """Checks that a commit's data was not expired, before a ref is to keep it.

        Args:
            commit_id: The commit.
            fresh: Whether records are listed anew; else a listing may be some seconds old.

        Raises:
            NotFound: It was, of kind ``data-expired``.
        """
        if self._is_head(commit_id) or self._is_young(commit_id):
            return
        known = self.known(fresh=fresh)
        tables = known.commits.get(commit_id, frozenset())
        named = next(iter(sorted(tables)), "") if tables is not None else ""
        if tables is None or tables:
            raise self._error(commit_id, named)

    def check_there(self, commit_id: str, files: Sequence[DataFile]) -> None:
        """Checks that the data files of an expired commit are all there, before one is read.

        In a bucket nobody looks at them else, and rows of the first would be given out before
        the next is missed.

        Raises:
            NotFound: One is gone, of kind ``data-expired``.
        """
        if not files or not is_remote(self._store.location):
            return
        if self._is_head(commit_id) or self._is_young(commit_id):
            return
        if commit_id not in self.known(fresh=False).commits:
            return
        own = [one.path for one in files if one.guard is None]
        missing = next(self._missing(own), None)
        if missing is not None:
            error = CorruptData(f"{missing} is gone", kind=ErrorKind.FILE_CHANGED)
            raise self.explained(error) from None

    def _missing(self, paths: Sequence[str]) -> Iterator[str]:
        """Yields paths of objects that are not there: by a listing, or one by one if few."""
        listed: set[str] = set()
        if len(paths) > LISTED_FILES:
            start, last = _common_start(paths), max(paths)
            most = max(len(paths) // LISTED_FILES, 1) * PAGE_FILES
            for n, info in enumerate(self._store.list(start)):
                if n >= most or info.path > last:
                    break
                listed.add(info.path)
        left = [path for path in paths if path not in listed]
        with Threads(LOOKS) as pool:
            for path, found in zip(left, pool.map(self._store.info, left), strict=True):
                if found is None:
                    yield path

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Raises what ``explained`` returns for errors of what is read inside."""
        try:
            yield
        except CorruptData as error:
            better = self.explained(error)
            if better is error:
                raise
            raise better from error

    def explained(self, error: CatalogError) -> CatalogError:
        """Returns the error for data that was expired where a data file is missing for that.

        A file that a commit needs which was not expired is lost, whoever else misses it: that
        stays the error which it is.
        """
        missing = self._named(error)
        if missing is None:
            return error
        try:
            known = self.known()
        except CatalogError as damaged:
            return CorruptData(
                f"{error.message}; whether it was expired cannot be told: {damaged.message}",
                kind=error.kind,
                hint=error.advice,
            )
        if not known.commits:
            return error
        found: tuple[str, str] | None = None
        for commit_id in reversed(list(self._commits.visited)):
            with suppress(CatalogError):  # one of a trial, or damaged: it says nothing
                for table in self._needing(commit_id, missing):
                    if known.has_data(commit_id, table):
                        return error
                    found = found or (commit_id, table)
        return error if found is None else self._error(*found)

    def _named(self, error: CatalogError) -> _Missing | None:
        """Returns what an error says to be gone, if it is the catalog's own and really is."""
        root = self._store.uri("data").removesuffix("data")
        found = _GONE.search(error.message.replace(root, ""))
        if found is None:
            return None
        if found["data"]:
            gone = self._store.info(found["data"]) is None
            return _Missing(path=found["data"]) if gone else None
        return _Missing(blob=found["blob"] or "", listed=found["list"] or "")

    def _needing(self, commit_id: str, missing: _Missing) -> Iterator[str]:
        """Yields tables of a commit that need what is missing: those first that are called so."""
        from catalog.repository.tables import data_files

        folder = missing.path.split("/")[1] if missing.path else ""
        entries = self._commits.entries(commit_id)
        for name in sorted(entries, key=lambda one: encode_segment(one) != folder):
            stored = self._commits.table(entries[name])
            for file in data_files(self._commits, stored, fields=()):
                if file.path == missing.path or self._lists(file, missing):
                    yield name
                    break

    def _lists(self, file: DataFile, missing: _Missing) -> bool:
        from catalog.repository.blobs import read_list

        if missing.path or file.blobs is None:
            return False
        if missing.listed:
            return file.blobs.id.startswith(missing.listed)
        try:
            return any(one.sha256 == missing.blob for one in read_list(self._store, file.blobs))
        except CorruptData:  # the list is gone as well
            return True

    def _is_young(self, commit_id: str) -> bool:
        return utc_now() - self._commits.read(commit_id).time < LEAST_KEEP

    def _is_head(self, commit_id: str) -> bool:
        return any(one.commit_id == commit_id for one in self._branches.known())

    def _error(self, commit_id: str, table: str) -> NotFound:
        """Returns the error for data of a commit that was expired; empty for all tables."""
        commit = self._commits.read(commit_id)
        what = f"the data of {f'table {table}' if table else 'its tables'}"
        record = next((r for r in self._records.values() if commit_id in r.commits), None)
        by = "" if record is None else f" on {record.time:%Y-%m-%d} by {record.who}"
        kept = self._nearest(commit_id, table)
        shown = f"commit {commit_id[:8]} of {commit.time:%Y-%m-%d %H:%M}"
        return NotFound(
            f"{shown} has expired: {what} was given up{by}; its history is kept",
            kind=ErrorKind.DATA_EXPIRED,
            hint="" if kept is None else f"the nearest that is kept is {kept}",
        )

    def _nearest(self, commit_id: str, table: str) -> str | None:
        """Describes the nearest newer commit with data: by a tag, or a branch, and its id."""
        own = self._commits.read(commit_id)
        later: tuple[str, str] | None = None
        names = dict.fromkeys((MAIN, *(one.name for one in self._branches.known())))
        for name in names:
            branch = self._branches.find(name)
            if branch is None or branch.commit_id is None:
                continue
            kept: tuple[str, str] | None = None
            for n, logged in enumerate(first_parents(self._commits.read, branch.commit_id)):
                if logged.id == commit_id:
                    return None if kept is None else self._described(*kept)
                if n >= SEARCHED_COMMITS or logged.commit.generation < own.generation:
                    break
                if n == 0 or self._known.has_data(logged.id, table):
                    kept = logged.id, f"{name}~{n}" if n else name
            later = later or kept
        return None if later is None else self._described(*later)

    def _described(self, commit_id: str, ref: str) -> str:
        names = sorted(self._tags.names())
        if 0 < len(names) <= SEARCHED_TAGS:
            ref = next((n for n, one in self._tags.commits().items() if one == commit_id), ref)
        when = self._commits.read(commit_id).time
        return f"{ref}, commit {commit_id[:8]} of {when:%Y-%m-%d %H:%M}"


def _common_start(paths: Sequence[str]) -> str:
    first, last = min(paths), max(paths)
    same = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:same]
