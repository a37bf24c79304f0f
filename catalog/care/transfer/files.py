"""Data files and contents on their way: hashed as they are copied, or copied by a server.

What comes out is what its entry says, or is named as damaged. Nothing is linked: a copy shares no
bytes with what it was made from, unless the file system keeps blocks apart by itself.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from catalog.care.transfer.report import Amount, Damage
from catalog.dataclasses import dataclass, field
from catalog.errors import CatalogError, CorruptData, ErrorKind, NotFound
from catalog.storage.external_files import is_remote
from catalog.storage.local_copies import reflink
from catalog.storage.store import CopiesRemotely, ObjectStore, RemoteFile, StagedFile
from catalog.threads import Threads

LOCAL_THREADS = 4
"""Files read at a time on this machine: hashing takes a processor, and leaves Python alone."""

REMOTE_THREADS = 16
"""Files read at a time where each takes requests."""

FILES_A_TASK = 16
"""Small files that a thread copies in a row: handing over a task costs as much as a small file."""

SMALL_BYTES = 4 << 20
"""Files up to which reading one whole takes no more requests than having a server copy it."""


@dataclass(frozen=True, slots=True)
class TravellingFile:
    """A file that is going to be copied.

    Attributes:
        path: Where it is, in both stores.
        size_bytes: Its size.
        sha256: Hex digest of its bytes; empty if nothing says it.
    """

    path: str
    size_bytes: int
    sha256: str


@dataclass(slots=True)
class CopyOutcome:
    """What became of files: all but the damaged ones are there, and durable.

    Attributes:
        unread: Those that a server copied without knowing their hash, or that have none.
    """

    damage: list[Damage] = field(default_factory=list)
    unread: Amount = field(default_factory=Amount)


class FileCopier:
    """Copies files from one store to another.

    Args:
        source: Where they are; it may be a stranger's.
        target: Where they go.
    """

    def __init__(self, source: ObjectStore, target: ObjectStore) -> None:
        self._source = source
        self._target = target
        self._is_remote = is_remote(source.location)
        self._shares_blocks = not (self._is_remote or is_remote(target.location))

    def copy(self, files: Sequence[TravellingFile]) -> CopyOutcome:
        """Copies files that are not there yet; those that stay whole are durable when it returns.

        Raises:
            StorageFailure: A store failed.
        """
        outcome = CopyOutcome()
        left = self._copied_by_server(files, outcome) if self._is_remote else files
        staged: list[tuple[StagedFile, str]] = []
        try:
            for one, found in self._taken_in(left):
                if isinstance(found, Damage):
                    outcome.damage.append(found)
                    continue
                staged.append((found, one.path))
                if not one.sha256:
                    outcome.unread += Amount(1, one.size_bytes)
            self._target.publish(staged)
        finally:
            for taken, _ in staged:
                taken.discard()
        return outcome

    def _taken_in(
        self, files: Sequence[TravellingFile]
    ) -> Iterator[tuple[TravellingFile, StagedFile | Damage]]:
        """Yields files as they were taken in and compared, or what is wrong with them."""
        small = all(one.size_bytes < SMALL_BYTES for one in files)
        count = FILES_A_TASK if small and not self._is_remote else 1
        tasks = [files[start : start + count] for start in range(0, len(files), count)]
        if len(tasks) == 1:
            yield from zip(files, self._take_all(files), strict=True)
            return
        with Threads(REMOTE_THREADS if self._is_remote else LOCAL_THREADS) as pool:
            running = [pool.submit(partial(self._take_all, task)) for task in tasks]
            try:
                for task, future in zip(tasks, running, strict=True):
                    yield from zip(task, future.result(), strict=True)
            except BaseException:
                for future in running:
                    future.cancel()
                for future in running:
                    if not future.cancelled() and future.exception() is None:
                        _discard(future.result())
                raise

    def _take_all(self, files: Sequence[TravellingFile]) -> list[StagedFile | Damage]:
        taken: list[StagedFile | Damage] = []
        try:
            taken.extend(map(self._take, files))
        except BaseException:
            _discard(taken)
            raise
        return taken

    def _take(self, one: TravellingFile) -> StagedFile | Damage:
        try:
            staged = self._fetched(one) if self._is_remote else self._read_locally(one)
        except (CorruptData, NotFound) as error:
            return _damage(one.path, error)
        if staged.size_bytes == one.size_bytes and one.sha256 in ("", staged.sha256):
            return staged
        staged.discard()
        return Damage(one.path, "its bytes are not what was committed")

    def _read_locally(self, one: TravellingFile) -> StagedFile:
        place = self._source.uri(one.path)
        try:
            found = os.stat(place)
        except OSError as error:
            raise NotFound("it is missing") from error
        if not stat.S_ISREG(found.st_mode) or found.st_size != one.size_bytes:
            raise CorruptData("it is not the file that was committed")
        if not one.sha256 and not self._is_inside(place):
            raise CorruptData("it is a link that leads out of the catalog, and has no hash")
        if self._shares_blocks:
            scratch = self._target.scratch()
            try:
                if reflink(place, scratch):
                    return self._target.take_over(scratch)
            except OSError:
                pass  # the copy tells what is wrong
            self._shares_blocks = False
            with suppress(FileNotFoundError):
                os.unlink(scratch)
        return self._target.stage(place)

    def _is_inside(self, place: str) -> bool:
        root = os.path.realpath(self._source.location)
        return os.path.commonpath((root, os.path.realpath(place))) == root

    def _fetched(self, one: TravellingFile) -> StagedFile:
        """Takes in a file of a bucket."""
        if one.size_bytes <= SMALL_BYTES:
            data = self._source.read_range(one.path, 0, one.size_bytes + 1)
            if len(data) != one.size_bytes:
                raise CorruptData("it is not the file that was committed")
            if one.sha256 and hashlib.sha256(data).hexdigest() != one.sha256:
                raise CorruptData("its bytes are not what was committed")
            scratch = self._target.scratch()
            with open(scratch, "xb") as file:
                file.write(data)
            return self._target.take_over(scratch)
        found = self._looked_at(one)
        files = self._source.external_files
        assert files is not None, "a bucket is read"
        scratch = self._target.scratch()
        try:
            files.fetch(found.uri, scratch, etag=found.etag)
            return self._target.take_over(scratch)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(scratch)
            raise

    def _looked_at(self, one: TravellingFile) -> RemoteFile:
        files = self._source.external_files
        assert files is not None, "a bucket is read"
        found = files.look(self._source.uri(one.path))
        if found is None:
            raise NotFound("it is missing")
        if found.size_bytes != one.size_bytes:
            raise CorruptData("it is not the file that was committed")
        return found

    def _copied_by_server(
        self, files: Sequence[TravellingFile], outcome: CopyOutcome
    ) -> Sequence[TravellingFile]:
        """Has a server copy large files; returns those that it did not copy."""
        target = self._target
        large = [one for one in files if one.size_bytes > SMALL_BYTES]
        if not large or not isinstance(target, CopiesRemotely):
            return files
        found: list[tuple[TravellingFile, RemoteFile]] = []
        with Threads(REMOTE_THREADS) as pool:
            for one, known in zip(large, pool.map(self._seen, large), strict=True):
                if isinstance(known, Damage):
                    outcome.damage.append(known)
                elif one.sha256 and known.sha256 not in ("", one.sha256):
                    outcome.damage.append(Damage(one.path, "its bytes are not what was committed"))
                else:
                    found.append((one, known))
        bad = {damage.path for damage in outcome.damage}
        if not found or not target.copies(found[0][1]):
            return [one for one in files if one.path not in bad]
        there = target.copy_in([(known, one.path) for one, known in found])
        for (one, known), is_there in zip(found, there, strict=True):
            if not is_there:
                outcome.damage.append(Damage(one.path, "it changed while it was copied"))
            elif not (one.sha256 and known.sha256):
                outcome.unread += Amount(1, one.size_bytes)
        return [one for one in files if one.size_bytes <= SMALL_BYTES]

    def _seen(self, one: TravellingFile) -> RemoteFile | Damage:
        try:
            return self._looked_at(one)
        except (CorruptData, NotFound) as error:
            return _damage(one.path, error)


def _discard(taken: Iterable[StagedFile | Damage]) -> None:
    for one in taken:
        if not isinstance(one, Damage):
            one.discard()


def _damage(path: str, error: CatalogError) -> Damage:
    """Returns what is wrong with a file.

    Raises:
        NotFound: The bucket is gone, and not the file.
    """
    if error.kind == ErrorKind.BUCKET_NOT_FOUND:
        raise error
    return Damage(path, "it is missing" if isinstance(error, NotFound) else error.message)
