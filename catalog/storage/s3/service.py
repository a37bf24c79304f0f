"""Amazon S3, and servers that speak its protocol, through boto3.

Objects are created with ``If-None-Match: *`` and swapped with ``If-Match``.
"""

import base64
import contextlib
import datetime
import functools
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from catalog.storage.bucket import service
from catalog.storage.bucket.requests import (
    CONNECT_TIMEOUT_S,
    CONNECTIONS,
    READ_TIMEOUT_S,
    Fault,
    check_token_stays_private,
    fault_of_status,
    tls_problem,
    without_credentials,
)
from catalog.storage.bucket.service import ABSENT, Failure, Part, Service
from catalog.storage.options import S3Options
from catalog.storage.s3.copy import copies_conditionally, copy_object
from catalog.storage.s3.multipart import Target, upload
from catalog.storage.store import RemoteFile, StagedFile, Stored

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from mypy_boto3_s3 import S3Client

SCHEME = "s3://"

_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")

_BY_CODE = {
    "NoSuchBucket": Fault.NO_BUCKET,
    "NoSuchKey": Fault.MISSING,
    "NotFound": Fault.MISSING,
    "PreconditionFailed": Fault.CONDITION,
    "SlowDown": Fault.LATER,
    "Throttling": Fault.LATER,
    "ThrottlingException": Fault.LATER,
    "RequestLimitExceeded": Fault.LATER,
    "RequestTimeout": Fault.BROKEN,
}
"""What error codes mean, whatever the status that comes with them."""

TOKEN_HEADERS = ("x-amz-security-token", "x-amz-s3session-token")
"""Headers that whoever reads them can use; a signature is good for one request, which it names."""

_REJECTED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
    }
)
"""Error codes about credentials that expired or that the server does not know."""

_SKEWED = ("RequestTimeTooSkewed", "RequestInTheFuture")
"""Error codes about the time that a request was signed at."""

_ELSEWHERE = (
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
)
"""Error codes that may come with the region a bucket is in."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """How others reach the same buckets, without what proves who they are.

    Attributes:
        endpoint: The server's address, without any credentials in it.
        region: The region; None if none is configured.
        path_style: Whether bucket names are in paths rather than host names; None if it is left to
            clients.
    """

    endpoint: str
    region: str | None
    path_style: bool | None


class S3Service(Service["S3Client"]):
    """S3; see ``Service``."""

    options: S3Options
    scheme = SCHEME
    name = "S3"
    conditions = ("If-None-Match", "If-Match")
    other_version = '"00000000000000000000000000000000"'
    supported_servers = "S3 itself, MinIO or SeaweedFS"
    authority_hint = "AWS_CA_BUNDLE=/path/authorities.pem"
    settings = "the endpoint and the region (AWS_ENDPOINT_URL, or [s3] in parquetry.toml)"
    credentials_hint = (
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile: AWS_PROFILE; "
        "expired ones must be renewed"
    )

    def __init__(
        self, options: S3Options | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(sleep)
        self.options = options or S3Options()

    @property
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""
        return without_credentials(self.client.meta.endpoint_url)

    @property
    def access(self) -> S3Access:
        """Returns how others reach the same buckets."""
        return S3Access(self.endpoint, self.client.meta.region_name, self.options.path_style)

    def get(self, bucket: str, key: str, part: Part | None = None) -> Stored:
        """Returns an object, or part of it."""
        more: dict[str, Any] = {}
        if part is not None:
            more["Range"] = f"bytes={part.offset}-{part.offset + part.length - 1}"
            if part.etag:
                more["IfMatch"] = f'"{part.etag}"'

        def fetch(client: "S3Client") -> Stored:
            answer = client.get_object(Bucket=bucket, Key=key, **more)
            with contextlib.closing(answer["Body"]) as body:
                return Stored(body.read(), answer["ETag"])

        return self.once(fetch, f"{SCHEME}{bucket}/{key}")

    def put(self, bucket: str, key: str, data: bytes, *, version: str | None) -> str:
        """Writes an object that must have an ETag, and returns the new one."""
        condition: dict[str, Any] = {}
        if version is not None:
            condition = {"IfNoneMatch": "*"} if version == ABSENT else {"IfMatch": version}
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()

        def send(client: "S3Client") -> str:
            answer = client.put_object(
                Bucket=bucket, Key=key, Body=data, ChecksumSHA256=checksum, **condition
            )
            return answer["ETag"]

        return self.once(send, f"{SCHEME}{bucket}/{key}")

    def send_parts(self, bucket: str, key: str, staged: StagedFile) -> None:
        """Uploads a large local file in parts, side by side."""
        upload(Target(self, bucket, key), staged)

    def delete(self, bucket: str, key: str) -> None:
        """Removes an object."""
        self.once(
            lambda client: client.delete_object(Bucket=bucket, Key=key), f"{SCHEME}{bucket}/{key}"
        )

    def delete_same(self, bucket: str, key: str, etag: str) -> None:
        """Removes an object; few servers compare ETags when they remove."""
        self.delete(bucket, key)

    def delete_many(self, bucket: str, keys: Sequence[tuple[str, str]]) -> Sequence[bool]:
        """Removes objects, a thousand in a request."""
        for start in range(0, len(keys), service.PAGE_OBJECTS):
            page = [key for key, _ in keys[start : start + service.PAGE_OBJECTS]]

            def ask(client: "S3Client", page: Sequence[str] = page) -> Sequence[Any]:
                answer = client.delete_objects(
                    Bucket=bucket, Delete={"Objects": [{"Key": key} for key in page], "Quiet": True}
                )
                return answer.get("Errors", ())

            for failed in self.repeated(ask, f"{SCHEME}{bucket}/{page[0]}"):
                raise StorageFailure(
                    f"{SCHEME}{bucket}/{failed.get('Key', '')} cannot be removed: "
                    f"{failed.get('Code', '')}",
                    kind=ErrorKind.NOT_PERMITTED,
                    hint="check what the credentials may do with this bucket and prefix",
                )
        return [True] * len(keys)

    def look(self, bucket: str, key: str) -> RemoteFile:
        """Returns what is known of an object, its SHA-256 too if the server has one."""
        uri = f"{SCHEME}{bucket}/{key}"

        def ask(client: "S3Client") -> RemoteFile:
            answer = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            return _described(uri, answer, answer["ContentLength"], _sha256(answer))

        return self.once(ask, uri)

    def page(
        self, bucket: str, prefix: str, token: str | None
    ) -> tuple[Sequence[RemoteFile], str | None]:
        """Returns a page of a listing, and what asks for the next."""
        more: dict[str, Any] = {} if token is None else {"ContinuationToken": token}

        def ask(client: "S3Client") -> tuple[Sequence[RemoteFile], str | None]:
            answer = client.list_objects_v2(
                Bucket=bucket, Prefix=prefix, MaxKeys=service.PAGE_OBJECTS, **more
            )
            found = [
                RemoteFile(
                    f"{SCHEME}{bucket}/{one['Key']}",
                    one["Size"],
                    one["LastModified"].astimezone(datetime.UTC),
                    one.get("ETag", "").strip('"'),
                )
                for one in answer.get("Contents", ())
            ]
            return found, answer["NextContinuationToken"] if answer["IsTruncated"] else None

        return self.once(ask, f"{SCHEME}{bucket}/{prefix}")

    def tail(self, bucket: str, key: str, length: int) -> tuple[RemoteFile, bytes]:
        """Returns what is known of an object, and its last bytes, in one request."""
        uri = f"{SCHEME}{bucket}/{key}"

        def fetch(client: "S3Client") -> tuple[RemoteFile, bytes]:
            answer = client.get_object(Bucket=bucket, Key=key, Range=f"bytes=-{length}")
            with contextlib.closing(answer["Body"]) as body:
                data = body.read()
            total = _TOTAL.match(answer.get("ContentRange", ""))
            size_bytes = int(total[1]) if total else answer["ContentLength"]
            whole = hashlib.sha256(data).hexdigest() if len(data) == size_bytes else ""
            return _described(uri, answer, size_bytes, whole), data

        return self.once(fetch, uri)

    def copies_conditionally(self, bucket: str, start: str, like: RemoteFile) -> bool:
        """Tests whether the server refuses to copy an object that has changed."""
        key = f"{start}tmp/probe-{secrets.token_hex(16)}"
        return copies_conditionally(Target(self, bucket, key), like)

    def copy(self, source: RemoteFile, bucket: str, key: str) -> bool:
        """Has the server copy an object."""
        return copy_object(Target(self, bucket, key), source)

    def _connect(self) -> "S3Client":
        import boto3
        import botocore.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        options = self.options
        style = {None: None, True: "path", False: "virtual"}[options.path_style]
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=CONNECTIONS,
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            request_checksum_calculation="when_required",
            **({} if style is None else {"s3": {"addressing_style": style}}),  # type: ignore[arg-type]
        )
        try:
            core = botocore.session.Session(profile=options.profile)
            core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
            session = boto3.session.Session(
                botocore_session=core, region_name=options.region or None
            )
            client = session.client("s3", endpoint_url=options.endpoint_url or None, config=config)
        except (BotoCoreError, ValueError) as error:
            raise InvalidInput(
                f"S3 cannot be set up: {error}",
                kind=ErrorKind.S3_CONFIGURATION,
                hint="check profile, region and endpoint, in the environment and in parquetry.toml",
            ) from error
        client.meta.events.register("before-send.s3", _check_private)
        return client

    def _errors(self) -> tuple[type[Exception], ...]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        return (ClientError, BotoCoreError, Boto3Error)

    def _failure(self, error: Exception) -> Failure:
        from botocore import exceptions as boto
        from botocore.parsers import ResponseParserError

        if isinstance(error, boto.ClientError):
            found = error.response.get("Error", {})
            code = str(found.get("Code", "")) or "unknown"
            about = error.response.get("ResponseMetadata", {})
            status = int(about.get("HTTPStatusCode", 0))
            headers = about.get("HTTPHeaders", {})
            region = found.get("Region") or headers.get("x-amz-bucket-region")
            if code in _SKEWED:
                server = found.get("ServerTime") or headers.get("date") or "of the server"
                return Failure(Fault.REFUSED, f"its time is {server}", status, problem="clock")
            if code in _ELSEWHERE and region:
                return Failure(Fault.REFUSED, str(region), status, problem="region")
            if 300 <= status < 400 and code == str(status):
                where = without_credentials(headers.get("location", "elsewhere"))
                return Failure(Fault.REFUSED, f"it leads to {where}", status, problem="strange")
            if code == "500" and "x-amz-request-id" not in headers:  # boto3's: it was 200
                return Failure(Fault.BROKEN, "no XML", status, problem="strange")
            rejected = code in _REJECTED
            fault = _BY_CODE.get(code) or fault_of_status(status)
            return Failure(fault, code, status, "rejected" if rejected else None)
        name = type(error).__name__
        if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
            return Failure(Fault.REFUSED, name, credentials="missing")
        if isinstance(error, boto.SSLError):
            detail = tls_problem(error) or name
            return Failure(Fault.REFUSED, detail, problem="certificate")
        if isinstance(error, boto.InvalidProxiesConfigError):
            return Failure(Fault.REFUSED, name)
        if isinstance(error, ResponseParserError):
            return Failure(Fault.BROKEN, "no XML", problem="strange")
        if isinstance(
            error,
            boto.EndpointConnectionError | boto.ConnectTimeoutError | boto.ProxyConnectionError,
        ):
            return Failure(Fault.UNREACHED, name)
        lost = isinstance(
            error,
            boto.HTTPClientError
            | boto.ConnectionError
            | boto.IncompleteReadError
            | boto.FlexibleChecksumError,
        )
        return Failure(Fault.BROKEN if lost else Fault.REFUSED, name)


def _check_private(request: Any, **_: object) -> None:
    """Is called by boto3 with each request, also where a bucket turns out to be elsewhere."""
    if any(name.lower() in TOKEN_HEADERS for name in request.headers):
        check_token_stays_private(request.url, "the session token of AWS")


@functools.cache
def _loader(data_path: str | None) -> "Loader":
    """Returns what reads the descriptions of services, most of the work of making a client.

    boto3 shares one among the clients of a session; ours have sessions of their own, because
    credentials and profiles belong to them.
    """
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _described(uri: str, answer: Any, size_bytes: int, sha256: str) -> RemoteFile:
    version = str(answer.get("VersionId") or "")
    return RemoteFile(
        uri,
        size_bytes,
        answer["LastModified"].astimezone(datetime.UTC),
        answer["ETag"].strip('"'),
        "" if version == "null" else unquote(version),
        sha256,
    )


def _sha256(answer: Any) -> str:
    """Returns the digest of a whole object if the server has one; digests of parts do not count."""
    digest = str(answer.get("ChecksumSHA256") or "")
    if "-" in digest or answer.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return ""
    return base64.b64decode(digest).hex()
