"""A store below a prefix of a bucket of any service.

Objects are created and swapped under conditions that the service checks. What a lost answer,
or a condition that fails after a lost answer, means is never guessed here: it is raised as
``OutcomeUnknown``, and reading back settles it.
"""

import contextlib
import os
import shutil
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from catalog.errors import AlreadyExists, CatalogError, ErrorKind, NotFound, Unsupported
from catalog.hints import Option, hint
from catalog.storage.bucket.files import BucketFiles
from catalog.storage.bucket.pending import PendingWrites
from catalog.storage.bucket.requests import (
    ConditionFailed,
    Fault,
    RequestFailed,
    raised,
    split_uri,
)
from catalog.storage.bucket.service import ABSENT, Part, Service
from catalog.storage.bucket.staged import HashedFile, hashed, read_staged
from catalog.storage.failures import temporary_folder
from catalog.storage.store import (
    ObjectInfo,
    RemoteFile,
    RemoteFiles,
    StagedFile,
    Stored,
    SwapLost,
    check_path,
)
from catalog.threads import Threads

UPLOADS = 16
"""Files uploaded at a time: small ones wait for answers, not for the line."""

UNSEEN = "objects/"
"""Objects that nothing points to before a ref moves: they are written side by side."""

BACKGROUND_BYTES = 32 << 20
"""Bytes of files that are sent while work goes on: they are held in memory until then."""

BACKGROUND_FILES = 16
"""Files that are sent while work goes on."""

WHOLE_BYTES = 32 << 20
"""Largest file sent in one request: beyond it, parts side by side fill the line better."""

RECENT_FILES = 1000
"""Published files whose local bytes are remembered, so that they need not be fetched back."""

RECENT_BYTES = 1 << 30
"""Bytes of files the store wrote itself that stay on the local disk meanwhile."""


class BucketStore:
    """Objects below a prefix of a bucket; see ``ObjectStore`` for what methods promise.

    Args:
        uri: Where it is: ``s3://bucket/prefix``; without a prefix, all of the bucket.
        service: Makes the requests.
    """

    def __init__(self, uri: str, service: Service[Any]) -> None:
        self.service = service
        self.bucket, prefix = split_uri(uri, service.scheme)
        self.bucket_uri = f"{service.scheme}{self.bucket}"
        self.location = f"{self.bucket_uri}/{prefix}".rstrip("/")
        self.external_files: RemoteFiles = BucketFiles(service)
        self._start = f"{prefix}/" if prefix else ""
        self._copies: bool | None = None
        self._folder: str | None = None
        self._remove: Callable[[], object] = lambda: None
        self._pending = PendingWrites()
        self._recent: OrderedDict[str, HashedFile] = OrderedDict()
        self._lock = threading.Lock()

    def finish_writes(self) -> None:
        """Waits until everything that was written is there."""
        self._pending.settle()

    def read(self, path: str) -> Stored:
        """Returns an object."""
        with raised():
            return self._get(path, None)

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""
        if length <= 0:
            if self.info(path) is None:
                raise NotFound(f"no object {path}", kind=ErrorKind.OBJECT_NOT_FOUND)
            return b""
        with raised(Fault.RANGE):  # the range is behind the end
            return self._get(path, Part(offset, length)).data
        return b""

    def _get(self, path: str, part: Part | None) -> Stored:
        key = self._key(path)
        self._pending.wait(path)
        return self.service.sending.repeated(lambda: self.service.get(self.bucket, key, part))

    def info(self, path: str) -> ObjectInfo | None:
        """Returns what a listing would say of an object."""
        try:
            self._pending.wait(path)
        except CatalogError:
            return None  # its write failed: it must be written again
        found = self.external_files.look(self.uri(path))
        if found is None:
            return None
        return ObjectInfo(path, found.size_bytes, found.modified, found.etag)

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist; anything but a pack waits for what it follows."""
        if not path.startswith(UNSEEN):
            self._pending.settle()
        try:
            return self._conditional(path, data, ABSENT)
        except ConditionFailed as error:
            raise AlreadyExists(f"object {path} exists", kind=ErrorKind.OBJECT_EXISTS) from error

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        """Replaces an object that must still be at a version, once all else is written."""
        self._pending.settle()
        try:
            return self._conditional(path, data, version)
        except (ConditionFailed, NotFound) as error:
            if isinstance(error, NotFound) and error.kind == ErrorKind.BUCKET_NOT_FOUND:
                raise
            raise SwapLost(f"object {path} was changed by another writer") from error

    def _conditional(self, path: str, data: bytes, version: str) -> str:
        key = self._key(path)
        return self.service.sending.conditional(
            lambda: self.service.put(self.bucket, key, data, version=version), path
        )

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object, in the background; if that fails, nothing was written."""
        key = self._key(path)

        def send() -> None:
            with contextlib.suppress(RequestFailed):
                self.service.sending.repeated(
                    lambda: self.service.put(self.bucket, key, data, version=None)
                )

        self._pending.start(path, send)

    def stage(self, source: str) -> HashedFile:
        """Hashes a local file; its bytes are sent, and hashed again, when it is published."""
        return hashed(source, own=False)

    def scratch(self) -> str:
        """Returns a fresh path in a directory of the store's own, gone with it."""
        if self._folder is None:
            self._folder = temporary_folder()
            self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return os.path.join(self._folder, os.urandom(16).hex())

    def close(self) -> None:
        """Removes the local files that are left; also done when nobody uses the store."""
        self._pending.settle()
        self._remove()
        self._recent.clear()

    def take_over(self, source: str) -> HashedFile:
        """Takes in a local file that nobody else uses."""
        return hashed(source, own=True)

    def publish(self, files: Sequence[tuple[StagedFile, str]]) -> None:
        """Uploads staged files under their names, many at a time.

        A few small ones are under way when it returns: they are waited for before a ref moves
        and before they are read, and no ref moves after one that failed.
        """
        small = sum(staged.size_bytes for staged, _ in files) <= BACKGROUND_BYTES
        if small and len(files) <= BACKGROUND_FILES:
            for staged, path in files:
                data = read_staged(staged)
                self._pending.start(path, partial(self._send, data, path))
        else:
            with Threads(UPLOADS) as pool:
                list(pool.map(lambda pair: self._upload(*pair), files))
        for staged, path in files:
            if isinstance(staged, HashedFile):
                self._remember(path, staged)

    def _send(self, data: bytes, path: str) -> None:
        """Writes bytes under a name derived from them; an object already there is left."""
        key = self._key(path)
        with raised(Fault.CONDITION):
            self.service.sending.repeated(
                lambda: self.service.put(self.bucket, key, data, version=ABSENT)
            )

    def _upload(self, staged: StagedFile, path: str) -> None:
        if staged.size_bytes <= WHOLE_BYTES:
            self._send(read_staged(staged), path)
            return
        with raised(Fault.CONDITION):
            self.service.send_parts(self.bucket, self._key(path), staged)

    def copies(self, like: RemoteFile) -> bool:
        """Returns whether the server copies files, and only unchanged ones; tested once."""
        if not like.uri.startswith(self.service.scheme):
            return False
        if self._copies is None:
            self._copies = self.service.copies_conditionally(self.bucket, self._start, like)
        return self._copies

    def copy_in(self, files: Sequence[tuple[RemoteFile, str]]) -> list[bool]:
        """Has the server copy files, many at a time."""

        def copy(pair: tuple[RemoteFile, str]) -> bool:
            with raised():
                return self.service.copy(pair[0], self.bucket, self._key(pair[1]))

        with Threads(UPLOADS) as pool:
            return list(pool.map(copy, files))

    def adopt(self, files: Sequence[tuple[str, str]]) -> list[bool]:
        """Refuses: a bucket cannot link to local files."""
        raise Unsupported(
            "a catalog in a bucket cannot link to local files",
            hint=hint("use {}", Option("mode", "copy")),
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields objects in path order, a page at a time."""
        self._pending.settle()
        own = f"{self.bucket_uri}/{self._start}"
        for found in self.external_files.list(own + prefix):
            path = found.uri.removeprefix(own)
            yield ObjectInfo(path, found.size_bytes, found.modified, found.etag)

    def delete(self, path: str) -> None:
        """Removes an object."""
        key = self._key(path)
        self._pending.wait(path)
        with raised(Fault.MISSING, Fault.NO_BUCKET):
            self.service.sending.repeated(lambda: self.service.delete(self.bucket, key))

    def delete_listed(self, found: Sequence[ObjectInfo]) -> Sequence[bool]:
        """Removes objects that are still those that were listed, many at a time."""
        self._pending.settle()
        keys = [(self._key(one.path), one.identity) for one in found]
        with raised(Fault.NO_BUCKET):
            return self.service.delete_many(self.bucket, keys)
        return [True] * len(keys)

    def uri(self, path: str) -> str:
        """Returns the object's URI; the object is there by then."""
        key = self._key(path)
        self._pending.wait(path)
        return f"{self.bucket_uri}/{key}"

    def local_copy(self, path: str) -> str | None:
        """Returns a local file with the bytes of an object that this store has just published."""
        found = self._recent.get(path)
        return None if found is None or not found.local.is_unchanged() else found.local_path

    def _remember(self, path: str, staged: HashedFile) -> None:
        """Remembers the local file; the store's own files are removed when they are too many."""
        staged.published = True
        with self._lock:
            replaced = self._recent.pop(path, None)
            self._recent[path] = staged
            gone = [] if replaced is None else [replaced]
            own_bytes = sum(file.size_bytes for file in self._recent.values() if file.own)
            while len(self._recent) > RECENT_FILES or own_bytes > RECENT_BYTES:
                gone.append(self._recent.popitem(last=False)[1])
                own_bytes -= gone[-1].size_bytes if gone[-1].own else 0
        for file in gone:
            file.remove()

    def _key(self, path: str) -> str:
        return self._start + check_path(path)
