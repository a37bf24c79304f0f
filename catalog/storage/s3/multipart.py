"""Multipart uploads to S3: begun, completed even if answers are lost, or aborted."""

import base64
import contextlib
import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from catalog.dataclasses import dataclass
from catalog.errors import StorageFailure
from catalog.storage.bucket import service
from catalog.storage.bucket.requests import Fault, RequestFailed
from catalog.storage.bucket.service import Service
from catalog.storage.bucket.staged import checked
from catalog.storage.store import StagedFile
from catalog.threads import Threads

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

MAX_PARTS = 10_000
"""Parts that S3 accepts."""


@dataclass(frozen=True, slots=True)
class Target:
    """An object that is going to be written, under a name derived from its content."""

    service: "Service[S3Client]"
    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """Returns its URI."""
        return f"{self.service.scheme}{self.bucket}/{self.key}"

    @property
    def names(self) -> dict[str, Any]:
        """Returns the parameters of requests about it."""
        return {"Bucket": self.bucket, "Key": self.key}

    def exists(self, size_bytes: int) -> bool:
        """Returns whether the object is there, whoever wrote it.

        Raises:
            StorageFailure: It is there with another size.
            RequestFailed: The request failed.
        """
        try:
            found = self.service.repeated(lambda client: client.head_object(**self.names), self.uri)
        except RequestFailed as failed:
            if failed.fault is Fault.MISSING:
                return False
            raise
        if found["ContentLength"] != size_bytes:
            raise StorageFailure(f"{self.uri} is not the file that its name promises")
        return True


@dataclass(frozen=True, slots=True)
class Multipart:
    """An upload under way, to be filled with the parts that arrived, in order."""

    names: dict[str, Any]
    part_bytes: int
    parts: "list[CompletedPartTypeDef]"


@contextlib.contextmanager
def multipart(
    target: Target, *, size_bytes: int, part_bytes: int, **options: Any
) -> Iterator[Multipart]:
    """Begins a multipart upload, and completes it at the end; aborts it after an error.

    Parts are larger than ``part_bytes`` where there would be too many of them.

    Raises:
        RequestFailed: The server did not take it.
    """
    uri = target.uri
    upload_id = target.service.repeated(
        lambda client: client.create_multipart_upload(**target.names, **options), uri
    )["UploadId"]
    names = {**target.names, "UploadId": upload_id}
    upload = Multipart(names, max(part_bytes, -(-size_bytes // MAX_PARTS)), [])
    try:
        yield upload
        try:
            target.service.repeated(
                lambda client: client.complete_multipart_upload(
                    **names, MultipartUpload={"Parts": upload.parts}
                ),
                uri,
            )
        except RequestFailed:
            # the answer may have been lost, and the upload be unknown when it was sent again
            if not target.exists(size_bytes):
                raise
    except BaseException:
        with contextlib.suppress(RequestFailed):
            target.service.once(lambda client: client.abort_multipart_upload(**names), uri)
        raise


def upload(target: Target, staged: StagedFile) -> None:
    """Uploads a local file in parts sent side by side, hashed again on the way.

    Raises:
        RequestFailed: The server did not take it.
        CorruptData: The file was changed since it was hashed.
    """
    size_bytes, pending = staged.size_bytes, deque[Future["CompletedPartTypeDef"]]()
    with multipart(
        target, size_bytes=size_bytes, part_bytes=service.PART_BYTES, ChecksumAlgorithm="SHA256"
    ) as begun:

        def send(number: int, data: bytes) -> "CompletedPartTypeDef":
            checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
            answer = target.service.repeated(
                lambda client: client.upload_part(
                    **begun.names, PartNumber=number, Body=data, ChecksumSHA256=checksum
                ),
                target.uri,
            )
            return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

        with checked(staged) as file, Threads(service.PARTS_AT_A_TIME) as pool:
            number = 0
            while data := file.read(begun.part_bytes):
                number += 1
                pending.append(pool.submit(send, number, data))
                if len(pending) >= service.PARTS_AT_A_TIME:
                    begun.parts.append(pending.popleft().result())
            begun.parts.extend(one.result() for one in pending)
