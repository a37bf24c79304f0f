"""A store in a bucket of S3, or of a server that speaks its protocol.

Objects are created with ``If-None-Match: *`` and swapped with ``If-Match``.
"""

import base64
import contextlib
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from catalog.storage.bucket.requests import RequestFailed, split_uri
from catalog.storage.bucket.store import ABSENT, UPLOADS, BucketStore
from catalog.storage.s3.access import SCHEME, S3Access
from catalog.storage.s3.copy import copy_object, keeps_conditions
from catalog.storage.s3.files import S3Files
from catalog.storage.s3.upload import send_parts
from catalog.storage.store import RemoteFile, Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Bucket:
    """Makes requests about objects in S3; see ``Bucket``.

    Args:
        name: The bucket.
        access: Makes the requests.
    """

    conditions = ("If-None-Match", "If-Match")
    other_version = '"00000000000000000000000000000000"'
    lawful = "S3 itself, MinIO or SeaweedFS"

    def __init__(self, name: str, access: S3Access) -> None:
        self.name = name
        self.uri = f"{SCHEME}{name}"
        self.access = access
        self.sending = access.sending
        self.files = S3Files(access)

    @property
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""
        return self.access.endpoint

    def get(self, key: str, part: tuple[int, int] | None) -> Stored:
        """Returns an object, or part of it."""
        more: dict[str, Any] = {}
        if part is not None:
            more["Range"] = f"bytes={part[0]}-{part[0] + part[1] - 1}"

        def fetch(client: "S3Client") -> Stored:
            answer = client.get_object(Bucket=self.name, Key=key, **more)
            with contextlib.closing(answer["Body"]) as body:
                return Stored(body.read(), answer["ETag"])

        return self.access.once(fetch, f"{self.uri}/{key}")

    def put(self, key: str, data: bytes, version: str | None) -> str:
        """Writes an object that must be at a version, and returns the new one."""
        condition: dict[str, Any] = {}
        if version is not None:
            condition = {"IfNoneMatch": "*"} if version == ABSENT else {"IfMatch": version}
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()

        def send(client: "S3Client") -> str:
            answer = client.put_object(
                Bucket=self.name, Key=key, Body=data, ChecksumSHA256=checksum, **condition
            )
            return answer["ETag"]

        return self.access.once(send, f"{self.uri}/{key}")

    def send_parts(self, key: str, source: str, *, sha256: str, size_bytes: int) -> None:
        """Uploads a large local file in parts."""
        send_parts(self.access, self.name, key, source, sha256=sha256, size_bytes=size_bytes)

    def delete(self, key: str) -> None:
        """Removes an object."""
        self.access.once(
            lambda client: client.delete_object(Bucket=self.name, Key=key), f"{self.uri}/{key}"
        )


class S3Store(BucketStore):
    """Keeps objects below a prefix of a bucket in S3.

    Args:
        uri: ``s3://bucket/prefix``.
        access: Makes the requests.
    """

    def __init__(self, uri: str, access: S3Access | None = None) -> None:
        name, prefix = split_uri(uri, SCHEME)
        self.access = access or S3Access()
        super().__init__(S3Bucket(name, self.access), prefix)
        self._name = name
        self._copies: bool | None = None

    def copies(self, like: RemoteFile) -> bool:
        """Tells whether the server copies files, and only as they are; tried out once."""
        if not like.uri.startswith(SCHEME):
            return False
        if self._copies is None:
            self._copies = keeps_conditions(self.access, self._name, self._start, like)
        return self._copies

    def copy_in(self, files: Sequence[tuple[RemoteFile, str]]) -> list[bool]:
        """Has the server copy files, many at a time."""

        def copy(pair: tuple[RemoteFile, str]) -> bool:
            try:
                return copy_object(self.access, pair[0], self._name, self._key(pair[1]))
            except RequestFailed as failed:
                raise failed.error from failed

        with ThreadPoolExecutor(UPLOADS) as pool:
            return list(pool.map(copy, files))
