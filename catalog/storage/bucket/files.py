"""Files in any bucket of a service: listed by page, read by ranges, nothing read ahead."""

from collections.abc import Iterator
from typing import Any

from catalog.storage.bucket.ranged import (
    FETCH_BYTES,
    GUARD,
    TAIL_BYTES,
    End,
    RangedFile,
    file_changed,
    split_guard,
)
from catalog.storage.bucket.requests import Fault, RequestFailed, raised, split_uri
from catalog.storage.bucket.service import Part, Service
from catalog.storage.store import OpenFile, RemoteFile


class BucketFiles:
    """The objects of all buckets that a service reaches; see ``RemoteFiles``."""

    def __init__(self, service: Service[Any]) -> None:
        self.service = service
        self.scheme = service.scheme

    def list(self, uri: str) -> Iterator[RemoteFile]:
        """Yields all objects whose URIs start with this one, in the order of their keys."""
        bucket, key = split_uri(uri, self.scheme)
        prefix = f"{key}/" if uri.endswith("/") and key else key
        page, token = self._page(bucket, prefix, None)
        yield from page
        while token is not None:
            page, token = self._page(bucket, prefix, token)
            yield from page

    def _page(self, bucket: str, prefix: str, token: str | None) -> Any:
        with raised():
            return self.service.sending.repeated(lambda: self.service.page(bucket, prefix, token))

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of an object; None if there is none."""
        bucket, key = split_uri(split_guard(uri)[0], self.scheme)
        try:
            return self.service.sending.repeated(lambda: self.service.look(bucket, key))
        except RequestFailed as failed:
            if failed.fault is Fault.MISSING:
                return None
            raise failed.error from failed

    def open(self, uri: str, *, like: OpenFile | None = None) -> RangedFile:
        """Opens an object for reading by ranges.

        Args:
            uri: The object, as it is or as ``guarded`` returns it.
            like: The same object as it was opened before: its end is not read again.

        Raises:
            NotFound: There is none.
            CorruptData: It does not have the ETag it must have.
        """
        uri, etag = split_guard(uri)
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
        return RangedFile(self, uri, End(found, data))

    def guarded(self, uri: str, etag: str) -> str:
        """Returns a URI for ``open`` that opens an object only if it has an ETag."""
        return f"{uri}{GUARD}{etag}"

    def fetch(self, uri: str, target: str, *, etag: str) -> None:
        """Copies an object that must still have its ETag to a local file.

        Raises:
            CorruptData: It was changed.
        """
        with self.open(self.guarded(uri, etag)) as file, open(target, "wb") as copy:
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
