"""Uploads of local files: whole, or in parts sent side by side; hashed again on the way."""

import base64
import contextlib
import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import CorruptData, StorageFailure
from catalog.storage.s3_access import SCHEME, Fault, RequestFailed, S3Access

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

WHOLE_BYTES = 32 << 20
"""Largest file sent in one request: beyond it, parts side by side fill the line better."""

PART_BYTES = 16 << 20
"""Bytes of a part: large enough that requests do not count, small enough to hold several."""

MAX_PARTS = 10_000
"""Parts that S3 takes."""

PARTS_AT_A_TIME = 4
"""Parts of one file under way: 64 MB in memory."""


def upload(
    access: S3Access, bucket: str, key: str, source: str, *, sha256: str, size_bytes: int
) -> None:
    """Uploads a local file under a name that stands for its content.

    What is there already is left. It may be sent again, since every sending is the same.

    Args:
        access: Makes the requests.
        bucket: Where to.
        key: Where to.
        source: The file.
        sha256: Hex digest that the file had.
        size_bytes: Size that it had.

    Raises:
        RequestFailed: The store did not take it.
        CorruptData: The file was changed since it was hashed.
    """
    if size_bytes <= WHOLE_BYTES:
        send_whole(access, bucket, key, read_staged(source, sha256))
        return
    try:
        _in_parts(access, bucket, key, source, sha256, size_bytes)
    except OSError as error:
        raise StorageFailure(
            f"cannot read {source}: {error.strerror}", hint="check who may read it"
        ) from error


def read_staged(source: str, sha256: str) -> bytes:
    """Returns the bytes of a file that must still have its hash.

    Raises:
        CorruptData: It was changed since it was hashed, or is gone.
        StorageFailure: It cannot be read.
    """
    try:
        data = Path(source).read_bytes()
    except FileNotFoundError as error:
        raise _changed(source) from error
    except OSError as error:
        raise StorageFailure(
            f"cannot read {source}: {error.strerror}", hint="check who may read it"
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _changed(source)
    return data


def send_whole(access: S3Access, bucket: str, key: str, data: bytes) -> None:
    """Uploads bytes under a name that stands for them; what is there already is left.

    Raises:
        RequestFailed: The store did not take them.
    """
    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()

    def put(client: "S3Client") -> None:
        client.put_object(
            Bucket=bucket, Key=key, Body=data, ChecksumSHA256=checksum, IfNoneMatch="*"
        )

    try:
        access.repeated(put, f"{SCHEME}{bucket}/{key}")
    except RequestFailed as failed:
        if failed.fault is not Fault.CONDITION:
            raise


def _in_parts(
    access: S3Access, bucket: str, key: str, source: str, sha256: str, size_bytes: int
) -> None:
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
    digest = hashlib.sha256()
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

    with open(source, "rb") as file, ThreadPoolExecutor(PARTS_AT_A_TIME) as pool:
        number = 0
        while data := file.read(part_bytes):
            digest.update(data)
            number += 1
            pending.append(pool.submit(send, number, data))
            if len(pending) >= PARTS_AT_A_TIME:
                done.append(pending.popleft().result())
        done += [one.result() for one in pending]
    if digest.hexdigest() != sha256:
        raise _changed(source)
    return done


def _is_there(access: S3Access, bucket: str, key: str, size_bytes: int) -> bool:
    try:
        found = access.repeated(
            lambda client: client.head_object(Bucket=bucket, Key=key), f"{SCHEME}{bucket}/{key}"
        )
    except RequestFailed:
        return False
    return found["ContentLength"] == size_bytes


def _changed(source: str) -> CorruptData:
    return CorruptData(
        f"{source} was changed while it was read; nothing was committed",
        kind="source-changed",
        hint="run the command again once the writer has finished",
    )
