"""Files in S3 as sources and for engines: listed by page, read by ranges, nothing read ahead."""

import base64
import contextlib
import datetime
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from catalog.errors import CorruptData
from catalog.storage.s3_access import SCHEME, Fault, RequestFailed, S3Access, split_uri
from catalog.storage.store import OpenFile, RemoteFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TAIL_BYTES = 1 << 16
"""First read of a file, at its end: the footer of nearly every Parquet file lies within, and
its size comes with it."""

FETCH_BYTES = 16 << 20
"""Bytes fetched at a time: large enough that requests do not count."""

PAGE_OBJECTS = 1000
"""Objects asked for in a page of a listing: the most that S3 gives."""

END_BYTES = 1 << 20
"""Most of an end that is held: the footer of a file of many columns and row groups."""

GUARD = "#parquetry-etag="
"""Parts a URI from the ETag that the object must have."""

_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


@dataclass(frozen=True, slots=True)
class Page:
    """Holds a page of a listing, and where the next one begins; None if it is the last."""

    objects: tuple[RemoteFile, ...]
    following: str | None


class S3Files:
    """Lists and reads objects of any bucket that an access reaches; see ``RemoteFiles``."""

    scheme = SCHEME

    def __init__(self, access: S3Access) -> None:
        self.access = access

    def page(self, bucket: str, prefix: str, token: str | None = None) -> Page:
        """Returns a page of the objects whose keys start with a prefix, in their order.

        Raises:
            NotFound: There is no such bucket.
            StorageFailure: It cannot be listed.
        """
        more: dict[str, Any] = {} if token is None else {"ContinuationToken": token}
        answer = self._ask(
            lambda client: client.list_objects_v2(
                Bucket=bucket, Prefix=prefix, MaxKeys=PAGE_OBJECTS, **more
            ),
            f"{SCHEME}{bucket}/{prefix}",
        )
        found = tuple(
            RemoteFile(
                f"{SCHEME}{bucket}/{one['Key']}",
                one["Size"],
                _utc(one["LastModified"]),
                one.get("ETag", "").strip('"'),
            )
            for one in answer.get("Contents", ())
        )
        return Page(found, answer.get("NextContinuationToken") if answer["IsTruncated"] else None)

    def list(self, uri: str) -> Iterator[RemoteFile]:
        """Yields all objects whose URIs start with this one, in the order of their keys."""
        bucket, key = split_uri(uri)
        prefix = f"{key}/" if uri.endswith("/") and key else key
        page = self.page(bucket, prefix)
        yield from page.objects
        while page.following is not None:
            page = self.page(bucket, prefix, page.following)
            yield from page.objects

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of an object; None if there is none."""
        uri = _split_guard(uri)[0]
        bucket, key = split_uri(uri)
        try:
            found = self.access.repeated(
                lambda client: client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED"),
                uri,
            )
        except RequestFailed as failed:
            if failed.fault is Fault.MISSING:
                return None
            raise failed.error from failed
        return RemoteFile(
            uri,
            found["ContentLength"],
            _utc(found["LastModified"]),
            found["ETag"].strip('"'),
            _version(found),
            _sha256(found),
        )

    def open(self, uri: str, *, like: OpenFile | None = None) -> "S3File":
        """Opens an object for reading by ranges.

        Args:
            uri: The object, as it is or as ``guarded`` gives it.
            like: The same object as it was opened before: it is not asked for its end again.

        Raises:
            NotFound: There is none.
            CorruptData: It has not the ETag that it should have.
        """
        uri, etag = _split_guard(uri)
        if isinstance(like, S3File):
            return S3File(self, uri, like.end)
        return S3File(self, uri, End(*self.tail(uri, TAIL_BYTES, etag=etag)))

    def guarded(self, uri: str, etag: str) -> str:
        """Returns a URI for ``open`` that opens an object only if it has an ETag."""
        return f"{uri}{GUARD}{etag}"

    def fetch(self, uri: str, target: str, *, etag: str) -> None:
        """Copies an object that must still have its ETag to a local file.

        Raises:
            CorruptData: It was changed, or is gone.
        """
        with self.open(uri) as file, open(target, "wb") as copy:
            if file.found.etag != etag:
                raise _changed(uri)
            while part := file.read(FETCH_BYTES):
                copy.write(part)

    def tail(self, uri: str, length: int, *, etag: str = "") -> "tuple[RemoteFile, bytes]":
        """Returns what is known of an object, and its last bytes, in one request.

        Raises:
            CorruptData: It has not the ETag that it should have.
        """
        bucket, key = split_uri(uri)
        condition: dict[str, Any] = {"IfMatch": f'"{etag}"'} if etag else {}

        def fetch(client: "S3Client") -> tuple[RemoteFile, bytes]:
            answer = client.get_object(
                Bucket=bucket, Key=key, Range=f"bytes=-{length}", **condition
            )
            with contextlib.closing(answer["Body"]) as body:
                data = body.read()
            total = _TOTAL.match(answer.get("ContentRange", ""))
            size_bytes = int(total[1]) if total else answer["ContentLength"]
            found = RemoteFile(
                uri,
                size_bytes,
                _utc(answer["LastModified"]),
                answer["ETag"].strip('"'),
                _version(answer),
                hashlib.sha256(data).hexdigest() if len(data) == size_bytes else "",
            )
            return found, data

        try:
            return self.access.repeated(fetch, uri)
        except RequestFailed as failed:
            if failed.fault is Fault.CONDITION:
                raise _changed(uri) from failed
            if failed.fault is not Fault.RANGE:
                raise failed.error from failed
        empty = self.look(uri)
        if empty is None or (etag and empty.etag != etag):
            raise _changed(uri)
        return empty, b""

    def range(self, uri: str, offset: int, length: int, *, etag: str) -> bytes:
        """Returns part of an object that must still have its ETag.

        Raises:
            CorruptData: It was changed since it was opened.
        """
        bucket, key = split_uri(uri)

        def fetch(client: "S3Client") -> bytes:
            answer = client.get_object(
                Bucket=bucket,
                Key=key,
                Range=f"bytes={offset}-{offset + length - 1}",
                IfMatch=f'"{etag}"',
            )
            with contextlib.closing(answer["Body"]) as body:
                return body.read()

        try:
            return self.access.repeated(fetch, uri)
        except RequestFailed as failed:
            if failed.fault in (Fault.CONDITION, Fault.RANGE):
                raise _changed(uri) from failed
            raise failed.error from failed

    def _ask(self, call: Any, what: str) -> Any:
        try:
            return self.access.repeated(call, what)
        except RequestFailed as failed:
            raise failed.error from failed


@dataclass(slots=True)
class End:
    """Holds what is known of an object, and its last bytes, those that were read next to them too.

    Attributes:
        found: What is known.
        data: Its last bytes.
    """

    found: RemoteFile
    data: bytes


class S3File(io.RawIOBase):
    """An object open for reading: its end is read at once, all else when it is asked for.

    Attributes:
        end: What is known of it, shared by all that read the same object.
    """

    def __init__(self, files: S3Files, uri: str, end: End) -> None:
        super().__init__()
        self._files = files
        self._uri = uri
        self.end = end
        self._position = 0

    @property
    def found(self) -> RemoteFile:
        """Returns what is known of it."""
        return self.end.found

    @property
    def size(self) -> int:
        """Returns its size in bytes."""
        return self.found.size_bytes

    def readable(self) -> bool:
        """Tells that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tells that any part of it can be read."""
        return True

    def tell(self) -> int:
        """Returns where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Sets where the next read begins."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def read(self, length: int | None = -1) -> bytes:
        """Reads from where it stands, exactly what is asked for."""
        left = max(self.size - self._position, 0)
        wanted = left if length is None or length < 0 else min(length, left)
        data = self._at(self._position, wanted)
        self._position += len(data)
        return data

    def readall(self) -> bytes:
        """Reads all that is left."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Reads into a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _at(self, offset: int, length: int) -> bytes:
        if length <= 0:
            return b""
        tail = self.end.data
        held = self.size - len(tail)
        if offset >= held:
            return tail[offset - held : offset - held + length]
        stop = min(offset + length, held)
        data = self._files.range(self._uri, offset, stop - offset, etag=self.found.etag)
        if len(data) != stop - offset:
            raise CorruptData(f"{self._uri} is cut off", kind="file-changed")
        if stop == held and len(data) + len(tail) <= END_BYTES:
            self.end.data = data + tail
        return data + tail[: offset + length - stop]


def _split_guard(uri: str) -> tuple[str, str]:
    """Returns a URI, and the ETag that the object must have; empty if it does not say."""
    plain, found, etag = uri.rpartition(GUARD)
    return (plain, etag) if found else (uri, "")


def _changed(uri: str) -> CorruptData:
    return CorruptData(
        f"{uri} was changed while it was read",
        kind="file-changed",
        hint="run the command again once the writer has finished",
    )


def _utc(time: datetime.datetime) -> datetime.datetime:
    return time.astimezone(datetime.UTC)


def _sha256(answer: Any) -> str:
    """Returns the digest of a whole object, if the server keeps one; those of parts are none."""
    told = str(answer.get("ChecksumSHA256") or "")
    if "-" in told or answer.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return ""
    return base64.b64decode(told).hex()


def _version(answer: Any) -> str:
    version = str(answer.get("VersionId") or "")
    return "" if version == "null" else unquote(version)
