"""Copies made by the server: the bytes of an object never pass through this machine."""

import contextlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from catalog.errors import StorageFailure
from catalog.storage.bucket.requests import Fault, RequestFailed, split_uri
from catalog.storage.s3.access import SCHEME, S3Access
from catalog.storage.store import RemoteFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

WHOLE_BYTES = 1 << 30
"""Largest object copied in one request: S3 takes 5 GB, but a server that says nothing before it
is done would be silent for too long."""

PART_BYTES = 256 << 20
"""Bytes of a part: a second or so of a server's work."""

MAX_PARTS = 10_000
"""Parts that S3 takes."""

PARTS_AT_A_TIME = 8
"""Parts of one object under way: they are the server's work, and cost nothing here."""

_NO_ETAG = '"00000000000000000000000000000000"'
"""An ETag that no object has."""


def keeps_conditions(access: S3Access, bucket: str, start: str, like: RemoteFile) -> bool:
    """Tells whether the server refuses to copy an object that is not as it is said to be.

    A server that ignores the condition would copy what somebody else just wrote.

    Args:
        access: Makes the requests.
        bucket: Where to.
        start: How keys of the store begin.
        like: An object that shall be copied.
    """
    key = f"{start}tmp/probe-{secrets.token_hex(16)}"
    what = f"{SCHEME}{bucket}/{key}"
    try:
        access.repeated(
            lambda client: client.copy_object(
                Bucket=bucket, Key=key, CopySource=_source(like), CopySourceIfMatch=_NO_ETAG
            ),
            what,
        )
    except RequestFailed as failed:
        return failed.fault is Fault.CONDITION
    with contextlib.suppress(RequestFailed):
        access.repeated(lambda client: client.delete_object(Bucket=bucket, Key=key), what)
    return False


def copy_object(access: S3Access, source: RemoteFile, bucket: str, key: str) -> bool:
    """Copies an object that must still have its ETag, under a name that stands for its content.

    What is there already is left. It may be asked for again, since every copy is the same.

    Args:
        access: Makes the requests.
        source: The object; of its version, if that is known.
        bucket: Where to.
        key: Where to.

    Returns:
        False if it was changed, or is gone.

    Raises:
        RequestFailed: The server did not copy it.
    """
    try:
        if source.size_bytes <= WHOLE_BYTES:
            _whole(access, source, bucket, key)
        else:
            _in_parts(access, source, bucket, key)
    except RequestFailed as failed:
        if failed.fault not in (Fault.CONDITION, Fault.MISSING, Fault.RANGE):
            raise
        return _is_there(access, bucket, key, source.size_bytes)
    return True


def _whole(access: S3Access, source: RemoteFile, bucket: str, key: str) -> None:
    access.repeated(
        lambda client: client.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource=_source(source),
            CopySourceIfMatch=f'"{source.etag}"',
            IfNoneMatch="*",
            TaggingDirective="REPLACE",
        ),
        source.uri,
    )


def _in_parts(access: S3Access, source: RemoteFile, bucket: str, key: str) -> None:
    what = f"{SCHEME}{bucket}/{key}"
    upload_id = access.repeated(
        lambda client: client.create_multipart_upload(Bucket=bucket, Key=key), what
    )["UploadId"]
    part_bytes = max(PART_BYTES, -(-source.size_bytes // MAX_PARTS))

    def part(number: int) -> "CompletedPartTypeDef":
        first = (number - 1) * part_bytes
        last = min(first + part_bytes, source.size_bytes) - 1
        answer = access.repeated(
            lambda client: client.upload_part_copy(
                Bucket=bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                CopySource=_source(source),
                CopySourceIfMatch=f'"{source.etag}"',
                CopySourceRange=f"bytes={first}-{last}",
            ),
            source.uri,
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    def complete(client: "S3Client") -> None:
        client.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )

    try:
        with ThreadPoolExecutor(PARTS_AT_A_TIME) as pool:
            parts = list(pool.map(part, range(1, -(-source.size_bytes // part_bytes) + 1)))
        try:
            access.repeated(complete, what)
        except RequestFailed:  # a lost answer, sent again
            if not _is_there(access, bucket, key, source.size_bytes):
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


def _source(found: RemoteFile) -> Any:
    bucket, key = split_uri(found.uri, SCHEME)
    return {"Bucket": bucket, "Key": key, **({"VersionId": found.version} if found.version else {})}


def _is_there(access: S3Access, bucket: str, key: str, size_bytes: int) -> bool:
    """Tells whether a copy is there: its name stands for its content, whoever made it."""
    what = f"{SCHEME}{bucket}/{key}"
    try:
        found = access.repeated(lambda client: client.head_object(Bucket=bucket, Key=key), what)
    except RequestFailed as failed:
        if failed.fault is Fault.MISSING:
            return False
        raise
    if found["ContentLength"] != size_bytes:
        raise StorageFailure(f"{what} is not the copy that its name promises")
    return True
