"""Uploads of large local files to S3: in parts sent side by side, hashed again on the way."""

import base64
import contextlib
import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from catalog.storage.bucket.requests import RequestFailed
from catalog.storage.bucket.staged import checked
from catalog.storage.s3.access import SCHEME, S3Access

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 << 20
"""Bytes of a part: large enough that requests do not count, small enough to hold several."""

MAX_PARTS = 10_000
"""Parts that S3 takes."""

PARTS_AT_A_TIME = 4
"""Parts of one file under way: 64 MB in memory."""


def send_parts(
    access: S3Access, bucket: str, key: str, source: str, *, sha256: str, size_bytes: int
) -> None:
    """Uploads a local file in parts.

    Args:
        access: Makes the requests.
        bucket: Where to.
        key: Where to, a name that stands for the content.
        source: The file.
        sha256: Hex digest that the file had.
        size_bytes: Size that it had.

    Raises:
        RequestFailed: The store did not take it.
        CorruptData: The file was changed since it was hashed.
    """
    what = f"{SCHEME}{bucket}/{key}"
    upload_id = access.repeated(
        lambda client: client.create_multipart_upload(
            Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256"
        ),
        what,
    )["UploadId"]
    try:
        parts = _send_parts(access, bucket, key, source, upload_id, sha256, size_bytes)
        try:
            access.repeated(
                lambda client: client.complete_multipart_upload(
                    Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
                ),
                what,
            )
        except RequestFailed:
            if not _is_there(access, bucket, key, size_bytes):  # a lost answer, sent again
                raise
    except BaseException:
        with contextlib.suppress(RequestFailed):
            access.once(
                lambda client: client.abort_multipart_upload(
                    Bucket=bucket, Key=key, UploadId=upload_id
                ),
                what,
            )
        raise


def _send_parts(
    access: S3Access,
    bucket: str,
    key: str,
    source: str,
    upload_id: str,
    sha256: str,
    size_bytes: int,
) -> "list[CompletedPartTypeDef]":
    part_bytes = max(PART_BYTES, -(-size_bytes // MAX_PARTS))
    done: list[CompletedPartTypeDef] = []
    pending: deque[Future[CompletedPartTypeDef]] = deque()

    def send(number: int, data: bytes) -> "CompletedPartTypeDef":
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        answer = access.repeated(
            lambda client: client.upload_part(
                Bucket=bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=data,
                ChecksumSHA256=checksum,
            ),
            f"{SCHEME}{bucket}/{key}",
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    reading = checked(source, sha256=sha256, size_bytes=size_bytes)
    with reading as file, ThreadPoolExecutor(PARTS_AT_A_TIME) as pool:
        number = 0
        while data := file.read(part_bytes):
            number += 1
            pending.append(pool.submit(send, number, data))
            if len(pending) >= PARTS_AT_A_TIME:
                done.append(pending.popleft().result())
        done += [one.result() for one in pending]
    return done


def _is_there(access: S3Access, bucket: str, key: str, size_bytes: int) -> bool:
    try:
        found = access.repeated(
            lambda client: client.head_object(Bucket=bucket, Key=key), f"{SCHEME}{bucket}/{key}"
        )
    except RequestFailed:
        return False
    return found["ContentLength"] == size_bytes
