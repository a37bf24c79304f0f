"""The folder of a table's log, here or in a bucket: which versions it has, and its files."""

import datetime
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, NotFound, StorageFailure
from catalog.formats.delta.features import NEWEST_READER, check_readable, unsupported
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.failures import machine_failure
from catalog.storage.store import ObjectStore

LOG = "_delta_log"

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(
    r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10})|\.[0-9A-Fa-f-]{36})?\.(?:parquet|json)"
)


@dataclass(frozen=True, slots=True)
class Commits:
    """What the log of a table holds.

    Attributes:
        written: When the file of each version was written, aware UTC, by version.
        empty: The versions whose file has nothing in it.
        checkpoints: The versions that have a complete checkpoint, in order.
    """

    written: dict[int, datetime.datetime]
    empty: frozenset[int]
    checkpoints: tuple[int, ...]

    @property
    def latest(self) -> int:
        """The newest version; -1 if there is none."""
        return max((*self.written, *self.checkpoints), default=-1)

    def start(self, version: int) -> int | None:
        """Returns the version from which a version is made up; None if it can not be any more.

        That is a checkpoint, or the first version.
        """
        at = max((one for one in self.checkpoints if one <= version), default=None)
        if at is not None:
            return at
        return 0 if 0 in self.written else None

    def check(self, root: str, version: int) -> None:
        """Checks that a version can be made up from what the log holds.

        Raises:
            CorruptData: A file of the log between others is missing; the message names it.
            NotFound: The version is not there, or no longer.
        """
        if version > self.latest or version < 0:
            raise NotFound(
                f"{root} has no version {version}: the newest is {self.latest}",
                kind=ErrorKind.VERSION_NOT_FOUND,
            )
        start = self.start(version)
        if start is None:
            oldest = self.oldest()
            if oldest is None:
                raise _gap(root, 0)
            raise NotFound(
                f"version {version} of {root} can no longer be read: its log begins at version "
                f"{oldest}",
                kind=ErrorKind.VERSION_NOT_FOUND,
            )
        after = start + 1 if start in self.checkpoints else start
        for one in range(after, version + 1):
            if one not in self.written:
                raise _gap(root, one)
            if one in self.empty:
                raise damaged(root, one, "is empty")

    def listed(self, since: int) -> list[int]:
        """Returns the versions from one on, in order, up to the newest.

        Of versions that are missing in between, the first is among them: what is asked of it ends
        in the error that names its file. There may be more of those than can be listed.
        """
        known = {one for one in (*self.written, *self.checkpoints) if one >= since}
        at = since
        while at in known:
            at += 1
        return sorted({*known, at} if at < self.latest else known)

    def oldest(self) -> int | None:
        """Returns the oldest version that can be made up; None if none can."""
        return 0 if 0 in self.written else min(self.checkpoints, default=None)


def damaged(root: str, version: int, why: str) -> CorruptData:
    """Returns the error for the file of a version that is not what a writer leaves."""
    return CorruptData(
        f"the log of {root} cannot be read: {LOG}/{version:020}.json {why}",
        kind=ErrorKind.LOG_DAMAGED,
        hint="restore the file; no version from there on can be read without it",
    )


def _gap(root: str, version: int) -> CorruptData:
    return CorruptData(
        f"the log of {root} has a gap: {LOG}/{version:020}.json is missing",
        kind=ErrorKind.LOG_DAMAGED,
        hint="restore the file; no version from there on can be read without it",
    )


class LogFolder:
    """Reads the files of a log."""

    def __init__(self, root: str, store: ObjectStore | None) -> None:
        self.root = root
        self._folder = f"{root}/{LOG}"
        self._store = store

    def commits(self) -> Commits:
        """Lists the log.

        Raises:
            StorageFailure: It cannot be read.
        """
        written: dict[int, datetime.datetime] = {}
        empty = set()
        parts: dict[tuple[int, int], int] = {}
        checkpoints = set()
        for name, modified, size_bytes in self._names():
            if commit := _COMMIT.fullmatch(name):
                written[int(commit[1])] = modified
                empty |= {int(commit[1])} if not size_bytes else set()
            elif checkpoint := _CHECKPOINT.fullmatch(name):
                if checkpoint[3] is None:
                    checkpoints.add(int(checkpoint[1]))
                else:
                    of_all = int(checkpoint[1]), int(checkpoint[3])
                    parts[of_all] = parts.get(of_all, 0) + 1
        checkpoints |= {version for (version, count), found in parts.items() if found == count}
        return Commits(written, frozenset(empty), tuple(sorted(checkpoints)))

    def _names(self) -> list[tuple[str, datetime.datetime, int]]:
        """Returns name, time and size of the files of the log."""
        if is_remote(self._folder):
            start = len(self._folder) + 1
            listed = remote_files(self._store, self._folder).list(f"{self._folder}/")
            return [(one.uri[start:], one.modified, one.size_bytes) for one in listed]
        with _local_errors(self._folder), os.scandir(self._folder) as found:
            looked = [(one.name, one.stat()) for one in found if one.is_file()]
        return [(name, _utc(one.st_mtime), one.st_size) for name, one in looked]

    def check_lines(self, versions: Iterable[int]) -> None:
        """Finds out what is wrong with versions that the library does not open.

        Raises:
            CorruptData: A file is not lines of JSON; the message names it.
            Unsupported: The newest protocol of them is not known; the message names why.
        """
        protocol: object = None
        for version in versions:
            for line in self.read(version).splitlines():
                try:
                    action = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise damaged(self.root, version, f"is not JSON: {error}") from error
                if not isinstance(action, dict) or not _is_whole(action):
                    shown = line[:80].decode(errors="replace")
                    raise damaged(self.root, version, f"has a line that is no action: {shown}")
                protocol = action.get("protocol", protocol)
        match protocol:
            case {"minReaderVersion": int(needed)} if needed > NEWEST_READER:
                raise unsupported(self.root, f"reader version {needed}")
            case {"minReaderVersion": 3, "readerFeatures": list(features)}:
                check_readable(self.root, 3, [str(one) for one in features], {})

    def check_checkpoint(self, version: int) -> None:
        """Finds out whether the checkpoint of a version that the library does not open is damaged.

        Raises:
            CorruptData: A file of it is not whole; the message names it.
        """
        for name, *_ in self._names():
            found = _CHECKPOINT.fullmatch(name)
            if found is None or int(found[1]) != version or not name.endswith(".parquet"):
                continue
            path = f"{self._folder}/{name}"
            opened = remote_files(self._store, path).open(path) if is_remote(path) else path
            try:
                with pq.ParquetFile(opened) as file:
                    for group in range(file.num_row_groups):
                        file.read_row_group(group)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise CorruptData(
                    f"the log of {self.root} cannot be read: {LOG}/{name} is damaged: {error}",
                    kind=ErrorKind.LOG_DAMAGED,
                    hint="restore the file, or remove it if the log has all versions before it",
                ) from error

    def read(self, version: int) -> bytes:
        """Returns the file of a version.

        Raises:
            CorruptData: It is missing.
            StorageFailure: It cannot be read.
        """
        path = f"{self._folder}/{version:020}.json"
        try:
            if is_remote(path):
                return remote_files(self._store, path).open(path).read()
            with _local_errors(path), open(path, "rb") as file:
                return file.read()
        except NotFound as error:
            raise _gap(self.root, version) from error


def _is_whole(action: Mapping[str, object]) -> bool:
    """Returns whether a line has what the library needs of a file that comes."""
    match action.get("add"):
        case None:
            return True
        case {"path": str(), "partitionValues": dict(), "size": int()}:
            return True
    return False


@contextmanager
def _local_errors(path: str) -> Iterator[None]:
    """Raises the catalog's errors for those of the operating system."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"{path} is missing", kind=ErrorKind.SOURCE_NOT_FOUND) from error
    except OSError as error:
        failed = f"cannot read {path}"
        raise machine_failure(error, failed) or StorageFailure(
            f"{failed}: {error.strerror}", hint="check its permissions"
        ) from error


def _utc(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
