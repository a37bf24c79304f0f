"""A store in a bucket of S3, or of a server that speaks its protocol.

Objects are created with ``If-None-Match: *`` and swapped with ``If-Match``. What a lost answer
or a condition that fails after a lost answer means is never guessed here: it is raised as
``OutcomeUnknown``, and reading back settles it.
"""

import base64
import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from catalog.errors import (
    AlreadyExists,
    CatalogError,
    CorruptData,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.storage.pending import PendingWrites
from catalog.storage.s3_access import (
    DOUBTFUL,
    SCHEME,
    SENDINGS,
    Fault,
    RequestFailed,
    S3Access,
    split_uri,
)
from catalog.storage.s3_copy import copy_object, keeps_conditions
from catalog.storage.s3_files import S3Files
from catalog.storage.s3_upload import read_staged, send_whole, upload
from catalog.storage.store import (
    ObjectInfo,
    OutcomeUnknown,
    RemoteFile,
    StagedFile,
    Stored,
    SwapLost,
    check_path,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UPLOADS = 16
"""Files uploaded at a time: small ones wait for answers, not for the line."""

UNSEEN = "objects/"
"""Objects that nothing points to before a ref moves: they are written side by side."""

BACKGROUND_BYTES = 32 << 20
"""Bytes of files that are sent while work goes on: they are held in memory until then."""

BACKGROUND_FILES = 16
"""Files that are sent while work goes on."""

READ_BYTES = 1 << 20
"""Bytes hashed at a time."""

RECENT_FILES = 1000
"""Published files whose local bytes are remembered, so that they need not be fetched back."""

RECENT_BYTES = 1 << 30
"""Bytes of files the store wrote itself that stay on the local disk meanwhile."""


class S3Store:
    """Keeps objects below a prefix of a bucket; see ``ObjectStore`` for what methods promise.

    Args:
        uri: ``s3://bucket/prefix``.
        access: Makes the requests.
    """

    def __init__(self, uri: str, access: S3Access | None = None) -> None:
        self.bucket, self.prefix = split_uri(uri)
        self.access = access or S3Access()
        self.files = S3Files(self.access)
        self._start = f"{self.prefix}/" if self.prefix else ""
        self._folder: str | None = None
        self._remove: Callable[[], object] = lambda: None
        self._pending = PendingWrites()
        self._recent: OrderedDict[str, S3Staged] = OrderedDict()
        self._lock = threading.Lock()
        self._copies: bool | None = None

    @property
    def location(self) -> str:
        """Returns the URI of the store."""
        return SCHEME + "/".join(part for part in (self.bucket, self.prefix) if part)

    def read(self, path: str) -> Stored:
        """Returns an object."""
        return self._read(path, {})

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""
        if length <= 0:
            self._found(path, self.info(path))
            return b""
        try:
            return self._read(path, {"Range": f"bytes={offset}-{offset + length - 1}"}).data
        except _BehindEndError:
            return b""

    def _read(self, path: str, more: dict[str, Any]) -> Stored:
        key = self._key(path)
        self._pending.wait(path)

        def fetch(client: "S3Client") -> Stored:
            answer = client.get_object(Bucket=self.bucket, Key=key, **more)
            with contextlib.closing(answer["Body"]) as body:
                return Stored(body.read(), answer["ETag"])

        try:
            return self.access.repeated(fetch, self.uri(path))
        except RequestFailed as failed:
            if failed.fault is Fault.RANGE:
                raise _BehindEndError from failed
            raise failed.error from failed

    def info(self, path: str) -> ObjectInfo | None:
        """Returns what a listing would say of an object."""
        self._key(path)
        self._pending.wait(path)
        found = self.files.look(self.uri(path))
        if found is None:
            return None
        return ObjectInfo(path, found.size_bytes, found.modified)

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist; anything but a pack waits for what it follows."""
        if not path.startswith(UNSEEN):
            self._pending.settle()
        try:
            return self._conditional(path, data, {"IfNoneMatch": "*"})
        except _ConditionFailedError as error:
            raise AlreadyExists(f"object {path} exists", kind="object-exists") from error

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        """Replaces an object that must still be at a version, once all else is written."""
        self._pending.settle()
        try:
            return self._conditional(path, data, {"IfMatch": version})
        except (_ConditionFailedError, NotFound) as error:
            if isinstance(error, NotFound) and error.kind == "bucket-not-found":
                raise
            raise SwapLost(f"object {path} was changed by somebody else") from error

    def _conditional(self, path: str, data: bytes, condition: dict[str, Any]) -> str:
        """Writes under a condition, and returns the new version.

        It may be sent again: of several sendings, the condition lets one land at most. Once
        the answer to one is lost, a condition that fails tells nothing any more.
        """
        key = self._key(path)
        doubtful = False
        for sending in range(SENDINGS):
            try:
                return self._put(key, data, condition, self.access.once)
            except RequestFailed as failed:
                doubtful = doubtful or failed.fault in DOUBTFUL
                last = failed
                if failed.fault in (Fault.CONDITION, Fault.MISSING):
                    if doubtful:
                        break
                    if failed.fault is Fault.MISSING:
                        raise failed.error from failed
                    raise _ConditionFailedError from failed
                if failed.fault not in (*DOUBTFUL, Fault.BUSY, Fault.UNREACHED):
                    break
                if sending < SENDINGS - 1:
                    self.access.pause(sending)
        if doubtful or last.fault is Fault.BUSY:
            raise OutcomeUnknown(
                f"object {path} was written to, and the answer was lost: {last.error.message}",
                hint="look whether it is there, then run the command again",
            ) from last
        raise last.error from last

    def _put(
        self,
        key: str,
        data: bytes,
        condition: dict[str, Any],
        send: "Callable[[Callable[[S3Client], str], str], str]",
    ) -> str:
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()

        def put(client: "S3Client") -> str:
            answer = client.put_object(
                Bucket=self.bucket, Key=key, Body=data, ChecksumSHA256=checksum, **condition
            )
            return answer["ETag"]

        return send(put, f"{SCHEME}{self.bucket}/{key}")

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object, in the background; if that fails, nothing was written."""
        key = self._key(path)

        def send() -> None:
            with contextlib.suppress(RequestFailed):
                self._put(key, data, {}, self.access.repeated)

        self._pending.start(path, send)

    def stage(self, source: str) -> "S3Staged":
        """Hashes a local file; its bytes are sent, and hashed again, when it is published."""
        return _staged(source, own=False)

    def scratch(self) -> str:
        """Returns a fresh path in a directory of the store's own, gone with it."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="parquetry-")
            self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return os.path.join(self._folder, os.urandom(16).hex())

    def close(self) -> None:
        """Removes the local files that are left; also done when nobody uses the store."""
        self._pending.settle()
        self._remove()
        self._recent.clear()

    def take_over(self, source: str) -> "S3Staged":
        """Takes in a local file that nobody else uses."""
        return _staged(source, own=True)

    def publish(self, files: Sequence[tuple[StagedFile, str]]) -> None:
        """Uploads staged files under their names, many at a time.

        A few small ones are under way when it returns: they are waited for before a ref moves
        and before they are read, and no ref moves after one that failed.
        """
        small = sum(staged.size_bytes for staged, _ in files) <= BACKGROUND_BYTES
        if small and len(files) <= BACKGROUND_FILES:
            for staged, path in files:
                data = read_staged(staged.local_path, staged.sha256)
                self._pending.start(path, partial(self._send, data, path))
        else:
            with ThreadPoolExecutor(UPLOADS) as pool:
                list(pool.map(lambda pair: self._upload(*pair), files))
        for staged, path in files:
            if isinstance(staged, S3Staged):
                self._remember(path, staged)

    def _send(self, data: bytes, path: str) -> None:
        try:
            send_whole(self.access, self.bucket, self._key(path), data)
        except RequestFailed as failed:
            raise failed.error from failed

    def _upload(self, staged: StagedFile, path: str) -> None:
        try:
            upload(
                self.access,
                self.bucket,
                self._key(path),
                staged.local_path,
                sha256=staged.sha256,
                size_bytes=staged.size_bytes,
            )
        except RequestFailed as failed:
            raise failed.error from failed

    def copies(self, like: RemoteFile) -> bool:
        """Tells whether the server copies files, and only as they are; tried out once."""
        if not like.uri.startswith(SCHEME):
            return False
        if self._copies is None:
            self._copies = keeps_conditions(self.access, self.bucket, self._start, like)
        return self._copies

    def copy_in(self, files: Sequence[tuple[RemoteFile, str]]) -> list[bool]:
        """Has the server copy files, many at a time."""

        def copy(pair: tuple[RemoteFile, str]) -> bool:
            try:
                return copy_object(self.access, pair[0], self.bucket, self._key(pair[1]))
            except RequestFailed as failed:
                raise failed.error from failed

        with ThreadPoolExecutor(UPLOADS) as pool:
            return list(pool.map(copy, files))

    def adopt(self, files: Sequence[tuple[str, str]]) -> list[bool]:
        """Refuses: a bucket cannot link to local files."""
        raise Unsupported(
            "a catalog in a bucket cannot link to local files", hint="use --mode copy"
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields objects in path order, a page of a thousand at a time."""
        self._pending.settle()
        own = f"{SCHEME}{self.bucket}/{self._start}"
        token: str | None = None
        while True:
            page = self.files.page(self.bucket, self._start + prefix, token)
            for found in page.objects:
                yield ObjectInfo(found.uri.removeprefix(own), found.size_bytes, found.modified)
            if page.following is None:
                return
            token = page.following

    def delete(self, path: str) -> None:
        """Removes an object."""
        key = self._key(path)
        self._pending.wait(path)
        with contextlib.suppress(NotFound):
            try:
                self.access.repeated(
                    lambda client: client.delete_object(Bucket=self.bucket, Key=key),
                    self.uri(path),
                )
            except RequestFailed as failed:
                raise failed.error from failed

    def uri(self, path: str) -> str:
        """Returns the object's URI; the object is there by then."""
        self._pending.wait(path)
        return f"{SCHEME}{self.bucket}/{self._key(path)}"

    def local_copy(self, path: str) -> str | None:
        """Returns a local file with the bytes of an object that this store has just published."""
        found = self._recent.get(path)
        return None if found is None or not found.local.is_unchanged() else found.local_path

    def _remember(self, path: str, staged: "S3Staged") -> None:
        """Keeps the local bytes at hand; the store's own files go when they are too many."""
        staged.published = True
        with self._lock:
            replaced = self._recent.pop(path, None)
            self._recent[path] = staged
            gone = [] if replaced is None else [replaced]
            while len(self._recent) > RECENT_FILES or self._own_bytes() > RECENT_BYTES:
                gone.append(self._recent.popitem(last=False)[1])
        for one in gone:
            one.remove()

    def _own_bytes(self) -> int:
        return sum(one.size_bytes for one in self._recent.values() if one.own)

    def _key(self, path: str) -> str:
        return self._start + check_path(path)

    def _found(self, path: str, info: ObjectInfo | None) -> None:
        if info is None:
            raise NotFound(f"no object {path}", kind="object-not-found")


class _ConditionFailedError(Exception):
    """Says that the only write that was sent did not meet its condition."""


class _BehindEndError(Exception):
    """Says that a range starts where an object has ended."""


@dataclass(frozen=True, slots=True)
class _Local:
    """Holds a local file and what tells that it was not changed since it was hashed."""

    name: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @staticmethod
    def of(name: str, found: os.stat_result) -> "_Local":
        return _Local(name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)

    def is_unchanged(self) -> bool:
        try:
            return _Local.of(self.name, os.stat(self.name)) == self
        except OSError:
            return False


class S3Staged:
    """A local file that was hashed where it lies; see ``StagedFile``.

    Attributes:
        own: Whether the file is the store's, to be removed once it is published.
    """

    def __init__(self, local: _Local, sha256: str, *, own: bool) -> None:
        self.sha256 = sha256
        self.size_bytes = local.size_bytes
        self.local_path = local.name
        self.local = local
        self.own = own
        self.published = False

    def discard(self) -> None:
        """Forgets it."""
        if not self.published:
            self.remove()

    def remove(self) -> None:
        """Removes the local file if it is the store's."""
        if self.own:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.local_path)


def _staged(source: str, *, own: bool) -> S3Staged:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(READ_BYTES))
    try:
        with open(source, "rb", buffering=0) as file:
            before = _Local.of(source, os.fstat(file.fileno()))
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
            after = _Local.of(source, os.fstat(file.fileno()))
    except FileNotFoundError as error:
        raise NotFound(f"no file {source}", kind="source-not-found") from error
    except OSError as error:
        raise StorageFailure(
            f"cannot read {source}: {error.strerror}", hint="check who may read it"
        ) from error
    if before != after:
        raise changed(source)
    return S3Staged(after, digest.hexdigest(), own=own)


def changed(source: str) -> CatalogError:
    """Returns the error for a file that is written to while it is read."""
    return CorruptData(
        f"{source} was changed while it was read; nothing was committed",
        kind="source-changed",
        hint="run the command again once the writer has finished",
    )
