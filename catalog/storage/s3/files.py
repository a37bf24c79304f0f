"""Files in S3 as sources and for engines: listed by page, read by ranges, nothing read ahead."""

import base64
import contextlib
import datetime
import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from catalog.storage.bucket.ranged import (
    RangedFile,
    fetched,
    file_changed,
    guarded,
    opened,
    split_guard,
)
from catalog.storage.bucket.requests import Fault, RequestFailed, split_uri
from catalog.storage.s3.access import SCHEME, S3Access
from catalog.storage.store import OpenFile, RemoteFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGE_OBJECTS = 1000
"""Objects asked for in a page of a listing: the most that S3 gives."""

_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


class S3Files:
    """Lists and reads objects of any bucket that an access reaches; see ``RemoteFiles``."""

    scheme = SCHEME

    def __init__(self, access: S3Access) -> None:
        self.access = access

    def list(self, uri: str) -> Iterator[RemoteFile]:
        """Yields all objects whose URIs start with this one, in the order of their keys."""
        bucket, key = split_uri(uri, SCHEME)
        prefix = f"{key}/" if uri.endswith("/") and key else key
        more: dict[str, Any] = {}
        while True:
            page = self._page(bucket, prefix, more)
            for one in page.get("Contents", ()):
                yield RemoteFile(
                    f"{SCHEME}{bucket}/{one['Key']}",
                    one["Size"],
                    _utc(one["LastModified"]),
                    one.get("ETag", "").strip('"'),
                )
            if not page["IsTruncated"]:
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _page(self, bucket: str, prefix: str, more: dict[str, Any]) -> Any:
        return self._ask(
            lambda client: client.list_objects_v2(
                Bucket=bucket, Prefix=prefix, MaxKeys=PAGE_OBJECTS, **more
            ),
            f"{SCHEME}{bucket}/{prefix}",
        )

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of an object; None if there is none."""
        uri = split_guard(uri)[0]
        bucket, key = split_uri(uri, SCHEME)
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

    def open(self, uri: str, *, like: OpenFile | None = None) -> RangedFile:
        """Opens an object for reading by ranges."""
        return opened(self, uri, like)

    def guarded(self, uri: str, etag: str) -> str:
        """Returns a URI for ``open`` that opens an object only if it has an ETag."""
        return guarded(uri, etag)

    def fetch(self, uri: str, target: str, *, etag: str) -> None:
        """Copies an object that must still have its ETag to a local file."""
        fetched(self, uri, target, etag=etag)

    def tail(self, uri: str, length: int) -> "tuple[RemoteFile, bytes]":
        """Returns what is known of an object, and its last bytes, in one request."""
        bucket, key = split_uri(uri, SCHEME)

        def fetch(client: "S3Client") -> tuple[RemoteFile, bytes]:
            answer = client.get_object(Bucket=bucket, Key=key, Range=f"bytes=-{length}")
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
            if failed.fault is not Fault.RANGE:
                raise failed.error from failed
        empty = self.look(uri)
        if empty is None:
            raise file_changed(uri)
        return empty, b""

    def range(self, uri: str, offset: int, length: int, *, etag: str) -> bytes:
        """Returns part of an object that must still have its ETag.

        Raises:
            CorruptData: It was changed since it was opened.
        """
        bucket, key = split_uri(uri, SCHEME)

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
                raise file_changed(uri) from failed
            raise failed.error from failed

    def _ask(self, call: Any, what: str) -> Any:
        try:
            return self.access.repeated(call, what)
        except RequestFailed as failed:
            raise failed.error from failed


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
