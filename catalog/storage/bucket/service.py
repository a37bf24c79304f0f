"""Services that keep objects in buckets and are reached by a library of their maker."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from catalog.errors import ErrorKind, NotFound, Unsupported
from catalog.storage.bucket.ranged import (
    RangedFile,
    fetched,
    file_changed,
    guarded,
    opened,
    split_guard,
)
from catalog.storage.bucket.requests import Fault, RequestFailed, Resending, split_uri
from catalog.storage.store import OpenFile, RemoteFile, RemoteFiles, Stored

T = TypeVar("T")

PAGE_OBJECTS = 1000
"""Objects asked for in a page of a listing."""

PART_BYTES = 16 << 20
"""Bytes of a part of a large upload: requests do not count, and several are held in memory."""


class Service(Protocol):
    """Makes requests about objects; each method makes one, once, or raises ``RequestFailed``.

    Attributes:
        scheme: How URIs begin.
        conditions: See ``Bucket``.
        other_version: See ``Bucket``.
        lawful: See ``Bucket``.
        sending: Sends requests again.
    """

    scheme: str
    conditions: tuple[str, str]
    other_version: str
    lawful: str
    sending: Resending

    @property
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""

    def get(self, bucket: str, key: str, part: tuple[int, int] | None) -> Stored:
        """Returns an object, or its bytes from an offset, up to a length."""

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> str:
        """Writes an object; see ``Bucket``."""

    def send_parts(
        self, bucket: str, key: str, source: str, *, sha256: str, size_bytes: int
    ) -> None:
        """Uploads a large local file; see ``Bucket``."""

    def delete(self, bucket: str, key: str) -> None:
        """Removes an object."""

    def look(self, bucket: str, key: str) -> RemoteFile:
        """Returns what is known of an object."""

    def page(
        self, bucket: str, prefix: str, token: str | None
    ) -> tuple[Sequence[RemoteFile], str | None]:
        """Returns objects whose keys start with a prefix, and what asks for those that follow."""


class ServiceBucket:
    """Makes requests about the objects of one bucket of a service; see ``Bucket``.

    Args:
        service: The service.
        name: The bucket.
    """

    def __init__(self, service: Service, name: str) -> None:
        self.name = name
        self.uri = f"{service.scheme}{name}"
        self.conditions = service.conditions
        self.other_version = service.other_version
        self.lawful = service.lawful
        self.sending = service.sending
        self.files: RemoteFiles = ServiceFiles(service)
        self._service = service

    @property
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""
        return self._service.endpoint

    def get(self, key: str, part: tuple[int, int] | None) -> Stored:
        """Returns an object, or part of it."""
        return self._service.get(self.name, key, part)

    def put(self, key: str, data: bytes, version: str | None) -> str:
        """Writes an object that must be at a version, and returns the new one."""
        return self._service.put(self.name, key, data, version)

    def send_parts(self, key: str, source: str, *, sha256: str, size_bytes: int) -> None:
        """Uploads a large local file in parts."""
        self._service.send_parts(self.name, key, source, sha256=sha256, size_bytes=size_bytes)

    def delete(self, key: str) -> None:
        """Removes an object."""
        self._service.delete(self.name, key)


class ServiceFiles:
    """Lists and reads the objects of any bucket that a service reaches; see ``RemoteFiles``."""

    def __init__(self, service: Service) -> None:
        self.scheme = service.scheme
        self._service = service

    def list(self, uri: str) -> Iterator[RemoteFile]:
        """Yields all objects whose URIs start with this one, in the order of their keys."""
        bucket, key = split_uri(uri, self.scheme)
        prefix = f"{key}/" if uri.endswith("/") and key else key
        token: str | None = None
        while True:
            found, token = self._page(bucket, prefix, token)
            yield from found
            if token is None:
                return

    def _page(
        self, bucket: str, prefix: str, token: str | None
    ) -> tuple[Sequence[RemoteFile], str | None]:
        return self._asked(lambda: self._service.page(bucket, prefix, token))

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of an object; None if there is none."""
        bucket, key = split_uri(split_guard(uri)[0], self.scheme)
        try:
            return self._service.sending.repeated(lambda: self._service.look(bucket, key))
        except RequestFailed as failed:
            if failed.fault is Fault.MISSING:
                return None
            raise failed.error from failed

    def open(self, uri: str, *, like: OpenFile | None = None) -> RangedFile:
        """Opens an object for reading by ranges."""
        return opened(self, uri, like)

    def guarded(self, uri: str, etag: str) -> str:
        """Returns a URI for ``open`` that opens an object only if it has an ETag."""
        return guarded(uri, etag)

    def fetch(self, uri: str, target: str, *, etag: str) -> None:
        """Copies an object that must still have its ETag to a local file."""
        fetched(self, uri, target, etag=etag)

    def tail(self, uri: str, length: int) -> tuple[RemoteFile, bytes]:
        """Returns what is known of an object, and its last bytes, in two requests.

        Neither service tells an object's size beside a range of it, in a way that its library
        lets through, and one of them knows no ranges from the end.
        """
        found = self.look(uri)
        if found is None:
            raise NotFound(f"no object {uri}", kind=ErrorKind.OBJECT_NOT_FOUND)
        count = min(length, found.size_bytes)
        start = found.size_bytes - count
        return found, self.range(uri, start, count, etag=found.etag) if count else b""

    def range(self, uri: str, offset: int, length: int, *, etag: str) -> bytes:
        """Returns part of an object that must still have its ETag.

        Raises:
            CorruptData: It was changed since it was opened.
        """
        bucket, key = split_uri(uri, self.scheme)
        try:
            found = self._service.sending.repeated(
                lambda: self._service.get(bucket, key, (offset, length))
            )
        except RequestFailed as failed:
            if failed.fault is Fault.RANGE:
                raise file_changed(uri) from failed
            raise failed.error from failed
        if found.version.strip('"') != etag:
            raise file_changed(uri)
        return found.data

    def _asked(self, send: Callable[[], T]) -> T:
        try:
            return self._service.sending.repeated(send)
        except RequestFailed as failed:
            raise failed.error from failed


def not_installed(extra: str, error: ImportError) -> Unsupported:
    """Returns the error for a service whose library is not there.

    Args:
        extra: The extra of this distribution that brings it.
        error: How the import failed.
    """
    return Unsupported(
        f"the library for this kind of bucket is not installed: {error.name}",
        kind=ErrorKind.EXTRA_NOT_INSTALLED,
        hint=f"pip install 'parquetry[{extra}]'",
    )
