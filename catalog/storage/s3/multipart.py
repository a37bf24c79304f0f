"""Multipart uploads to S3: begun, completed even if answers are lost, or aborted."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.errors import StorageFailure
from catalog.storage.bucket.requests import Fault, RequestFailed
from catalog.storage.bucket.service import Service

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
        """Tells whether the object is there, whoever wrote it.

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
    """An upload under way.

    Attributes:
        names: The parameters of requests about it.
        part_bytes: The size of its parts.
        parts: The parts that arrived, in order; to be filled.
    """

    names: dict[str, Any]
    part_bytes: int
    parts: "list[CompletedPartTypeDef]"


@contextlib.contextmanager
def multipart(
    target: Target, *, size_bytes: int, part_bytes: int, **options: Any
) -> Iterator[Multipart]:
    """Begins a multipart upload, and completes it at the end; aborts it after an error.

    Args:
        target: The object.
        size_bytes: Its size.
        part_bytes: The size of parts, unless there would be too many.
        options: What is asked of the server beside.

    Raises:
        RequestFailed: The server did not take it.
    """
    service, uri = target.service, target.uri
    upload_id = service.repeated(
        lambda client: client.create_multipart_upload(**target.names, **options), uri
    )["UploadId"]
    names = {**target.names, "UploadId": upload_id}
    upload = Multipart(names, max(part_bytes, -(-size_bytes // MAX_PARTS)), [])
    try:
        yield upload
        try:
            service.repeated(
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
            service.once(lambda client: client.abort_multipart_upload(**names), uri)
        raise
