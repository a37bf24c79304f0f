"""Copies made by the server: the bytes of an object never pass through this machine."""

import contextlib
from typing import TYPE_CHECKING, Any

from catalog.storage.bucket.requests import Fault, RequestFailed, split_uri
from catalog.storage.s3.multipart import Target, multipart
from catalog.storage.store import RemoteFile
from catalog.threads import Threads

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

WHOLE_BYTES = 1 << 30
"""Largest object copied in one request: S3 takes 5 GB, but a server that says nothing before it
is done would be silent for too long."""

PART_BYTES = 256 << 20
"""Bytes of a part: a second or so of a server's work."""

PARTS_AT_A_TIME = 8
"""Parts of one object under way: they are the server's work, and cost nothing here."""


def copies_conditionally(target: Target, like: RemoteFile) -> bool:
    """Tests whether the server refuses to copy an object that is not as described.

    A server that ignores the condition would copy what somebody else has written since. The
    target is removed again.
    """
    service, names = target.service, target.names
    try:
        service.repeated(
            lambda client: client.copy_object(
                **names, CopySource=_source(like), CopySourceIfMatch=service.other_version
            ),
            target.uri,
        )
    except RequestFailed as failed:
        return failed.fault is Fault.CONDITION
    with contextlib.suppress(RequestFailed):
        service.repeated(lambda client: client.delete_object(**names), target.uri)
    return False


def copy_object(target: Target, source: RemoteFile) -> bool:
    """Copies an object that must still have its ETag, under a name derived from its content.

    An object already there is left. The request may be repeated: every copy is the same. If the
    version of the source is known, that is copied.

    Returns:
        False if it was changed, or is gone.

    Raises:
        RequestFailed: The server did not copy it.
    """
    try:
        if source.size_bytes <= WHOLE_BYTES:
            _whole(target, source)
        else:
            _in_parts(target, source)
    except RequestFailed as failed:
        if failed.fault not in (Fault.CONDITION, Fault.MISSING, Fault.RANGE):
            raise
        return target.exists(source.size_bytes)
    return True


def _whole(target: Target, source: RemoteFile) -> None:
    target.service.repeated(
        lambda client: client.copy_object(
            **target.names,
            **_unchanged(source),
            IfNoneMatch="*",
            TaggingDirective="REPLACE",
        ),
        source.uri,
    )


def _in_parts(target: Target, source: RemoteFile) -> None:
    size_bytes = source.size_bytes
    with (
        multipart(target, size_bytes=size_bytes, part_bytes=PART_BYTES) as begun,
        Threads(PARTS_AT_A_TIME) as pool,
    ):

        def part(number: int) -> "CompletedPartTypeDef":
            first = (number - 1) * begun.part_bytes
            last = min(first + begun.part_bytes, size_bytes) - 1
            answer = target.service.repeated(
                lambda client: client.upload_part_copy(
                    **begun.names,
                    **_unchanged(source),
                    PartNumber=number,
                    CopySourceRange=f"bytes={first}-{last}",
                ),
                source.uri,
            )
            return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

        count = -(-size_bytes // begun.part_bytes)
        begun.parts.extend(pool.map(part, range(1, count + 1)))


def _unchanged(source: RemoteFile) -> dict[str, Any]:
    return {"CopySource": _source(source), "CopySourceIfMatch": f'"{source.etag}"'}


def _source(source: RemoteFile) -> Any:
    bucket, key = split_uri(source.uri, "s3://")
    version = {"VersionId": source.version} if source.version else {}
    return {"Bucket": bucket, "Key": key, **version}
