"""A store in a local directory.

New objects are written under a temporary name, synced, linked to their final name, and
the directory is synced: a crash leaves the old or the new state, plus garbage under
``tmp/``. Swaps hold an exclusive ``flock`` on a file under ``locks/``; writers also take turns
by one, on which nothing depends: it saves them lost races. Network file systems
are not supported: their locks and links do not keep these promises.
"""

import contextlib
import datetime
import errno
import fcntl
import hashlib
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from catalog.dataclasses import dataclass
from catalog.errors import (
    AlreadyExists,
    CorruptData,
    ErrorKind,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.hints import Blank, Call, Option, hint
from catalog.storage.failures import reading_errors, storage_errors
from catalog.storage.local_copies import copy_hashed, reflink
from catalog.storage.store import ObjectInfo, RemoteFiles, StagedFile, Stored, SwapLost, check_path

SYNC_THREADS = 8
"""Files synced at a time: the file system's journal takes such calls together."""

SYNCED_AT_ONCE = 256
"""Files from which on the whole file system is synced instead: a hundred thousand small files take
as many writes of its journal otherwise. Whatever else waits to be written is then written too."""

SYNCFS_SINCE = (5, 8)
"""Release of Linux from which on ``syncfs`` says whether something could not be written."""

TURN_S = 2.0
"""Longest wait for a turn: a commit takes some milliseconds, so that many writers have had
theirs by then; nothing is wrong if one goes ahead."""

TURN_PAUSE_S = 0.005
"""Longest pause between attempts to take the turn. A lock that wakes who waits was measured to be
slower on busy machines, and has no time-out."""

WHOLE_BYTES = 1 << 30
"""What no object that is read whole is longer than: branches take some 100 kB, and fingerprints of
thousands of columns and hundreds of millions of rows some 100 MB."""

LEFT_AFTER_S = 7 * 86_400
"""How long a temporary file must have rested to count as left by a writer that was killed: longer
than any transaction is open."""

_TEMPORARY = re.compile(r"[0-9a-f]{32}(?:\.\w+)?")
"""Names that ``scratch`` gives."""


class LocalStore:
    """Objects as files; see ``ObjectStore`` for what each method promises.

    Args:
        root: The directory.
        external_files: Reads files in buckets, as sources and where they are referenced.
        scratch: Where it keeps temporary files, below the directory.

    Attributes:
        is_plain: Whether it keeps them where stores of catalogs do.
    """

    def __init__(
        self, root: str, *, external_files: RemoteFiles | None = None, scratch: str = "tmp"
    ) -> None:
        self.location = os.path.abspath(root)
        self._scratch = os.path.join(self.location, scratch)
        self.is_plain = scratch == "tmp"
        self._known_directories: set[str] = set()
        self._swept = False
        self.external_files = external_files

    def read(self, path: str) -> Stored:
        """Returns an object."""
        with reading_errors(path), _open_regular(self._file(path), path) as file:
            if os.fstat(file.fileno()).st_size > WHOLE_BYTES:
                raise CorruptData(f"{path} is damaged: nothing that is read whole is so long")
            data = file.read()
        return Stored(data, _version(data))

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""
        with reading_errors(path), _open_regular(self._file(path), path) as file:
            return os.pread(file.fileno(), length, offset)

    def info(self, path: str) -> ObjectInfo | None:
        """Returns what a listing would say of an object."""
        target = self._file(path)
        try:
            with reading_errors(path):
                return _info(path, os.stat(target))
        except NotFound:
            return None

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist."""
        target = self._file(path)
        with storage_errors(path), self._temporary() as temporary:
            _write_synced(temporary, data)
            self._link(temporary, target, path)
        return _version(data)

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        """Replaces an object that must still be at a version."""
        target = self._file(path)
        with storage_errors(path), self._temporary() as temporary:
            _write_synced(temporary, data)
            with self._lock_file(path) as descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                try:
                    current = _version(Path(target).read_bytes())
                except FileNotFoundError:
                    current = None
                if current != version:
                    raise SwapLost(f"object {path} was changed by another writer")
                os.replace(temporary, target)
                _sync_name(target, path)
        return _version(data)

    @contextlib.contextmanager
    def turn(self, path: str) -> Iterator[None]:
        """Waits until no other writer on this machine is about to swap an object.

        After ``TURN_S`` it goes ahead: the other writer may have been stopped.
        """
        from random import uniform

        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):  # the swap alone decides who wins
                descriptor = held.enter_context(self._lock_file(f"{path} turn"))
                until = time.monotonic() + TURN_S
                while not _locked_at_once(descriptor) and time.monotonic() < until:
                    time.sleep(uniform(0, TURN_PAUSE_S))
            yield

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object."""
        target = self._file(path)
        with storage_errors(path), self._temporary() as temporary:
            with open(temporary, "xb") as file:
                file.write(data)
            self._make_directory(os.path.dirname(target))
            try:
                os.replace(temporary, target)
            except FileNotFoundError:
                self._known_directories.clear()
                self._make_directory(os.path.dirname(target))
                os.replace(temporary, target)

    def stage(self, source: str) -> "LocalStaged":
        """Takes in a copy of a local file."""
        temporary = self.scratch()
        try:
            with storage_errors(source, f"cannot copy {source} into the catalog"):
                digest, size_bytes = copy_hashed(source, temporary)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        return LocalStaged(temporary, digest, size_bytes)

    def scratch(self) -> str:
        """Returns a fresh path for a temporary file."""
        folder = self._scratch
        with storage_errors("tmp"):
            self._make_directory(folder)
        if not self._swept:
            self._swept = True
            _remove_left(folder)
        return os.path.join(folder, os.urandom(16).hex())

    def take_over(self, source: str) -> "LocalStaged":
        """Takes in a file of the store's own, in place."""
        with storage_errors(source, f"cannot take {source} into the catalog"):
            if os.path.dirname(source) == self._scratch:
                with open(source, "rb", buffering=0) as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    return LocalStaged(source, digest, file.tell())
        staged = self.stage(source)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(source)
        return staged

    def publish(self, files: Sequence[tuple[StagedFile, str]]) -> None:
        """Gives staged files their names, syncing many at a time."""
        with storage_errors("staged files"):
            _sync_all([staged.local_path for staged, _ in files])
            targets = [self._file(path) for _, path in files]
            for (staged, path), target in zip(files, targets, strict=True):
                with contextlib.suppress(AlreadyExists):
                    self._link(staged.local_path, target, path, sync=False)
                staged.discard()
            self._sync_directories(targets)

    def adopt(self, files: Sequence[tuple[str, str]]) -> list[bool]:
        """Makes local files readable under paths of the store without copying them."""
        shared = [self._adopt(source, path) for source, path in files]
        with storage_errors("linked files"):
            self._sync_directories([self._file(path) for _, path in files])
        return shared

    def _adopt(self, source: str, path: str) -> bool:
        target = self._file(path)
        with storage_errors(source):
            self._make_directory(os.path.dirname(target))
            with self._temporary() as temporary:
                if reflink(source, temporary):
                    with contextlib.suppress(AlreadyExists):
                        self._link(temporary, target, path, sync=False)
                    return False
            try:
                os.link(os.path.realpath(source), target)  # not the symbolic link itself
            except FileExistsError:
                return os.stat(target).st_nlink > 1
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                    raise
                raise Unsupported(
                    f"cannot link {source} into the catalog: {error.strerror}",
                    hint=hint(
                        "use {}, or {} to leave the files in place",
                        Option("mode", "copy"),
                        Option("mode", "reference"),
                    ),
                ) from error
            return True

    def _sync_directories(self, targets: Sequence[str]) -> None:
        _sync_all(sorted({os.path.dirname(target) for target in targets}))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields objects in path order."""
        folder = prefix.rpartition("/")[0]
        waiting = [f"{folder}/" if folder else ""]
        while waiting:
            path = waiting.pop()
            if path and not path.endswith("/"):
                found: ObjectInfo | None = None
                with storage_errors(prefix), contextlib.suppress(FileNotFoundError):
                    found = _info(path, os.stat(os.path.join(self.location, path)))
                if found is not None:
                    yield found
                continue
            below = [f"{path}{name}" for name in self._names(path, prefix)]
            waiting += [one for one in below if one.startswith(prefix) or prefix.startswith(one)]

    def _names(self, folder: str, prefix: str) -> Sequence[str]:
        """Returns the names in a directory in reverse order, those of directories with a slash.

        A symbolic link to a directory is neither listed nor followed.
        """
        names: list[str] = []
        try:
            with storage_errors(prefix), os.scandir(os.path.join(self.location, folder)) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        names.append(f"{entry.name}/")
                    elif not (entry.is_symlink() and entry.is_dir()):
                        names.append(entry.name)
        except NotFound:
            return []
        return sorted(names, reverse=True)

    def delete(self, path: str) -> None:
        """Removes an object."""
        with storage_errors(path), contextlib.suppress(FileNotFoundError):
            os.unlink(self._file(path))

    def delete_listed(self, found: Sequence[ObjectInfo]) -> Sequence[bool]:
        """Removes objects that are still those that were listed."""
        return [self._delete_listed(one) for one in found]

    def _delete_listed(self, listed: ObjectInfo) -> bool:
        target = self._file(listed.path)
        with storage_errors(listed.path):
            try:
                if _info(listed.path, os.stat(target)).identity != listed.identity:
                    return False
                os.unlink(target)
            except FileNotFoundError:
                return True
        return True

    def uri(self, path: str) -> str:
        """Returns the absolute path of the object's file."""
        return self._file(path)

    def _file(self, path: str) -> str:
        return os.path.join(self.location, check_path(path))

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[str]:
        name = self.scratch()
        try:
            yield name
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)

    @contextlib.contextmanager
    def _lock_file(self, name: str) -> Iterator[int]:
        folder = os.path.join(self.location, "locks")
        self._make_directory(folder)
        file = os.path.join(folder, hashlib.sha256(name.encode()).hexdigest())
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _link(self, temporary: str, target: str, path: str, *, sync: bool = True) -> None:
        self._make_directory(os.path.dirname(target))
        try:
            os.link(temporary, target)
        except FileExistsError as error:
            raise AlreadyExists(f"object {path} exists", kind=ErrorKind.OBJECT_EXISTS) from error
        except FileNotFoundError:
            self._known_directories.clear()
            self._make_directory(os.path.dirname(target))
            os.link(temporary, target)
        if sync:
            _sync_name(target, path)

    def _make_directory(self, folder: str) -> None:
        if folder in self._known_directories:
            return
        missing = []
        current = folder
        while not os.path.isdir(current):
            missing.append(current)
            current = os.path.dirname(current)
        for directory in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory)
            _sync(os.path.dirname(directory))
        self._known_directories.add(folder)


@dataclass(slots=True)
class LocalStaged:
    """A file copied under a temporary name; see ``StagedFile``."""

    local_path: str
    sha256: str
    size_bytes: int

    def discard(self) -> None:
        """Forgets it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.local_path)


def _remove_left(folder: str) -> None:
    """Removes temporary files that writers left which were killed, long after."""
    oldest = time.time() - LEFT_AFTER_S
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                own = _TEMPORARY.fullmatch(entry.name) and stat.S_ISREG(found.st_mode)
                if own and max(found.st_mtime, found.st_ctime) < oldest:
                    os.unlink(entry.path)


def _locked_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _info(path: str, found: os.stat_result) -> ObjectInfo:
    modified = datetime.datetime.fromtimestamp(found.st_mtime, datetime.UTC)
    identity = f"{found.st_size}+{found.st_mtime_ns}+{found.st_ino}"
    return ObjectInfo(path, found.st_size, modified, identity)


def _open_regular(name: str, path: str) -> BinaryIO:
    """Opens an object for reading: a device would never end, a pipe never begin.

    Raises:
        CorruptData: It is neither a file nor a directory, or a file that no writer writes.
    """
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise CorruptData(f"{path} is damaged: it is not a file")
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def _write_synced(name: str, data: bytes) -> None:
    with open(name, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(name: str) -> None:
    """Makes a file, or the names in a directory, durable."""
    descriptor = os.open(name, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_all(names: Sequence[str]) -> None:
    """Makes files of one file system, or the names in directories of it, durable."""
    from catalog.threads import Threads

    if len(names) >= SYNCED_AT_ONCE and _sync_file_system(names[0]):
        return
    with Threads(SYNC_THREADS) as pool:
        list(pool.map(_sync, names))


def _sync_file_system(name: str) -> bool:
    """Makes all of the file system that something is on durable; False if the system cannot."""
    release = os.uname().release.split(".")
    if sys.platform != "linux" or tuple(int(n) for n in release[:2] if n.isdigit()) < SYNCFS_SINCE:
        return False
    import ctypes

    descriptor = os.open(name, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name)
    finally:
        os.close(descriptor)
    return True


def _sync_name(target: str, path: str) -> None:
    """Makes the name of an object durable that everybody can see already."""
    try:
        _sync(os.path.dirname(target))
    except OSError as error:
        raise StorageFailure(
            f"object {path} was written, but may not survive a power failure: "
            f"{error.strerror or error}",
            kind=ErrorKind.NOT_DURABLE,
            hint=hint(
                "check the file system, then whether the change is there: {}",
                Call("reflog", (Blank("BRANCH"),)),
            ),
        ) from error
