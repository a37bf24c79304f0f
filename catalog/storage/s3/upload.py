"""Uploads of large local files to S3: in parts sent side by side, hashed again on the way."""

import base64
import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from catalog.storage.bucket import service
from catalog.storage.bucket.staged import checked
from catalog.storage.s3.multipart import Target, multipart
from catalog.storage.store import StagedFile

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


def upload(target: Target, staged: StagedFile) -> None:
    """Uploads a local file in parts.

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

        with checked(staged) as file, ThreadPoolExecutor(service.PARTS_AT_A_TIME) as pool:
            number = 0
            while data := file.read(begun.part_bytes):
                number += 1
                pending.append(pool.submit(send, number, data))
                if len(pending) >= service.PARTS_AT_A_TIME:
                    begun.parts.append(pending.popleft().result())
            begun.parts.extend(one.result() for one in pending)
