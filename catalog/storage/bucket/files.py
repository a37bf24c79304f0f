"""Files in any bucket of a service: listed by page, read by ranges, nothing read ahead."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind
from catalog.storage.bucket.requests import (
    Fault,
    RequestFailed,
    file_changed,
    other_size,
    raised,
    split_uri,
)
from catalog.storage.bucket.service import Part, Service
from catalog.storage.positioned_file import PositionedFile
from catalog.storage.store import OpenFile, RemoteFile

TAIL_BYTES = 1 << 16
"""First read of a file, at its end: it holds the footer of nearly every Parquet file."""

FETCH_BYTES = 16 << 20
"""Bytes fetched at a time: large enough that requests do not count."""

END_BYTES = 1 << 20
"""Most of an end that is held: the footer of a file of many columns and row groups."""

GUARD = "#parquetry-guard="
"""Separates a URI from the size and the ETag, either of which may be empty, that the file must
have: ``#parquetry-guard=<size>+<etag>``."""


class BucketFiles:
    """The objects of all buckets that a service reaches; see ``RemoteFiles``."""

    def __init__(self, service: Service[Any]) -> None:
        self.service = service
        self.scheme = service.scheme

    def list(self, uri: str) -> Iterator[RemoteFile]:
        """Yields all objects whose URIs start with this one, in the order of their keys."""
        bucket, key = split_uri(uri, self.scheme)
        prefix = f"{key}/" if uri.endswith("/") and key else key
        token: str | None = None
        while True:
            with raised():
                page, token = self.service.sending.repeated(
                    partial(self.service.page, bucket, prefix, token)
                )
            yield from page
            if token is None:
                return

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of an object; None if there is none."""
        bucket, key = split_uri(split_guard(uri)[0], self.scheme)
        with raised(Fault.MISSING):
            return self.service.sending.repeated(lambda: self.service.look(bucket, key))
        return None

    def open(self, uri: str, *, like: OpenFile | None = None) -> "RangedFile":
        """Opens an object for reading by ranges; the end of one opened before is not read again.

        Raises:
            NotFound: There is none.
            CorruptData: It does not have the ETag or the size it must have.
        """
        uri, etag, size_bytes = split_guard(uri)
        if isinstance(like, RangedFile):
            return RangedFile(self, uri, like.end)
        bucket, key = split_uri(uri, self.scheme)
        try:
            found, data = self.service.sending.repeated(
                lambda: self.service.tail(bucket, key, TAIL_BYTES)
            )
        except RequestFailed as failed:
            if failed.fault is not Fault.RANGE:
                raise failed.error from failed
            empty = self.look(uri)
            if empty is None:
                raise file_changed(uri) from failed
            found, data = empty, b""
        if etag and found.etag != etag:
            raise file_changed(uri)
        if size_bytes is not None and found.size_bytes != size_bytes:
            raise other_size(uri, found.size_bytes, committed=size_bytes)
        return RangedFile(self, uri, End(found, data))

    def guarded(self, uri: str, *, etag: str = "", size_bytes: int | None = None) -> str:
        """Returns a URI for ``open`` that opens an object only if it has an ETag, or a size."""
        return f"{uri}{GUARD}{'' if size_bytes is None else size_bytes}+{etag}"

    def fetch(self, uri: str, target: str, *, etag: str) -> None:
        """Copies an object that must still have its ETag to a local file.

        Raises:
            CorruptData: It was changed.
        """
        with self.open(self.guarded(uri, etag=etag)) as file, open(target, "wb") as copy:
            while part := file.read(FETCH_BYTES):
                copy.write(part)

    def range(self, uri: str, offset: int, length: int, *, etag: str) -> bytes:
        """Returns part of an object that must still have its ETag.

        Raises:
            CorruptData: It was changed since it was opened.
        """
        bucket, key = split_uri(uri, self.scheme)
        part = Part(offset, length, etag)
        try:
            found = self.service.sending.repeated(lambda: self.service.get(bucket, key, part))
        except RequestFailed as failed:
            if failed.fault in (Fault.CONDITION, Fault.RANGE):
                raise file_changed(uri) from failed
            raise failed.error from failed
        if found.version.strip('"') != etag:
            raise file_changed(uri)
        return found.data


@dataclass(slots=True)
class End:
    """What is known of a file, and its last bytes with those that were read next to them."""

    found: RemoteFile
    data: bytes


class RangedFile(PositionedFile):
    """A file in a bucket, open for reading.

    Attributes:
        end: What is known of it, shared by all that read the same file.
    """

    def __init__(self, files: BucketFiles, uri: str, end: End) -> None:
        super().__init__(end.found)
        self._files = files
        self._uri = uri
        self.end = end

    def part(self, offset: int, length: int) -> bytes:
        """Returns exactly the bytes of a part of it."""
        tail = self.end.data
        held = self.size - len(tail)
        if offset >= held:
            return tail[offset - held : offset - held + length]
        stop = min(offset + length, held)
        data = self._files.range(self._uri, offset, stop - offset, etag=self.found.etag)
        if len(data) != stop - offset:
            raise CorruptData(f"{self._uri} is truncated", kind=ErrorKind.FILE_CHANGED)
        if stop == held and len(data) + len(tail) <= END_BYTES:
            self.end.data = data + tail
        return data + tail[: offset + length - stop]


def split_guard(uri: str) -> tuple[str, str, int | None]:
    """Returns a URI, and the ETag and size that the file must have; empty and None if any do."""
    plain, found, guard = uri.rpartition(GUARD)
    size, _, etag = guard.partition("+")
    return (plain, etag, int(size) if size else None) if found else (uri, "", None)
