"""Access to S3: boto3's client, what may be sent again, and its failures as the catalog's.

The client never sends anything again by itself: a conditional write that the network library
repeats would lose against its own first try without anybody knowing.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from catalog.errors import CatalogError, InvalidInput, NotFound, StorageFailure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

SCHEME = "s3://"

SENDINGS = 6
"""Times that a request is sent: with the pauses between, a store may be away for some seconds."""

PAUSE_S = 0.1
"""Longest pause before the second sending; it doubles."""

MAX_PAUSE_S = 3.0
"""Longest pause between sendings."""

CONNECTIONS = 32
"""Connections kept open: one per request under way."""

CONNECT_TIMEOUT_S = 10
"""Longest wait for a connection: beyond it, the endpoint is not there."""

READ_TIMEOUT_S = 60
"""Longest silence of a server that was asked."""


@dataclass(frozen=True, slots=True)
class S3Options:
    """Says how S3 is reached, beyond what boto3 finds in its environment and profiles.

    Attributes:
        endpoint_url: The server; None means what boto3 is configured for.
        region: The region; None means what boto3 is configured for.
        profile: The profile of boto3's configuration; None means its default.
        path_style: Whether buckets stand in paths rather than host names; None leaves the
            choice to boto3.
    """

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    path_style: bool | None = None


class Fault(Enum):
    """Says what a failed request means.

    Attributes:
        MISSING: The object does not exist.
        NO_BUCKET: The bucket does not exist.
        CONDITION: The condition of a write did not hold.
        BUSY: Others write the same object right now; this was not done.
        LATER: The server does not want to do it now; it was most likely not done.
        UNREACHED: The server was never reached.
        BROKEN: The answer was lost: it may or may not have been done.
        RANGE: The range lies behind the end.
        REFUSED: It will not be done.
    """

    MISSING = auto()
    NO_BUCKET = auto()
    CONDITION = auto()
    BUSY = auto()
    LATER = auto()
    UNREACHED = auto()
    BROKEN = auto()
    RANGE = auto()
    REFUSED = auto()


AGAIN = frozenset({Fault.BUSY, Fault.LATER, Fault.UNREACHED, Fault.BROKEN})
"""Faults after which a request that changes nothing twice is sent again."""

DOUBTFUL = frozenset({Fault.LATER, Fault.BROKEN})
"""Faults after which a write may have been done all the same."""

_LATER_STATUS = frozenset({429, 503})
_BROKEN_STATUS = frozenset({408, 500, 502, 504})
_LATER_CODES = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})


class RequestFailed(Exception):
    """Carries a fault, and the error that tells the user."""

    def __init__(self, fault: Fault, error: CatalogError) -> None:
        super().__init__(error.message)
        self.fault = fault
        self.error = error


class S3Access:
    """Makes requests; the client is made at the first, and one serves all threads.

    Args:
        options: How S3 is reached.
        sleep: Waits between sendings.
    """

    def __init__(
        self, options: S3Options | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.options = options or S3Options()
        self._sleep = sleep
        self._client: S3Client | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> "S3Client":
        """Returns boto3's client, which sends every request once."""
        with self._lock:
            if self._client is None:
                self._client = _client(self.options)
            return self._client

    @property
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""
        return without_credentials(self.client.meta.endpoint_url)

    def once(self, call: "Callable[[S3Client], T]", what: str) -> T:
        """Makes a request once.

        Args:
            call: Makes it.
            what: What it is about, for messages.

        Raises:
            RequestFailed: It failed.
        """
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call(self.client)
        except (ClientError, BotoCoreError, Boto3Error) as error:
            fault = _fault(error)
            raise RequestFailed(fault, _told(error, fault, what, self)) from error

    def repeated(self, call: "Callable[[S3Client], T]", what: str) -> T:
        """Makes a request that does nothing more when it is made twice.

        Args:
            call: Makes it.
            what: What it is about, for messages.

        Raises:
            RequestFailed: It failed, as often as it was sent.
        """
        for sending in range(SENDINGS - 1):
            try:
                return self.once(call, what)
            except RequestFailed as failed:
                if failed.fault not in AGAIN:
                    raise
                self.pause(sending)
        return self.once(call, what)

    def pause(self, sending: int) -> None:
        """Waits before the next sending, a random while that grows."""
        self._sleep(random.uniform(0, min(PAUSE_S * 2**sending, MAX_PAUSE_S)))


def split_uri(uri: str) -> tuple[str, str]:
    """Returns the bucket and the key, or prefix, of a URI; the key without slashes around it.

    Raises:
        InvalidInput: It names no bucket.

    Example:
        >>> split_uri("s3://lake/prod/")
        ('lake', 'prod')
    """
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket:
        raise InvalidInput(f"{uri} names no bucket", hint="write s3://BUCKET/PREFIX")
    return bucket, key.strip("/")


def without_credentials(url: str) -> str:
    """Returns a URL without the user and password that may stand in it.

    Example:
        >>> without_credentials("http://me:secret@localhost:9000")
        'http://localhost:9000'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _client(options: S3Options) -> "S3Client":
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

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
        session = boto3.session.Session(
            profile_name=options.profile, region_name=options.region or None
        )
        return session.client("s3", endpoint_url=options.endpoint_url or None, config=config)
    except (BotoCoreError, ValueError) as error:
        raise InvalidInput(
            f"S3 cannot be set up: {error}",
            kind="s3-configuration",
            hint="check profile, region and endpoint, in the environment and in parquetry.toml",
        ) from error


def _fault(error: Exception) -> Fault:
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    if isinstance(error, boto.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return _answered(code, status)
    if isinstance(error, boto.SSLError | boto.InvalidProxiesConfigError):
        return Fault.REFUSED
    if isinstance(
        error, boto.EndpointConnectionError | boto.ConnectTimeoutError | boto.ProxyConnectionError
    ):
        return Fault.UNREACHED
    if isinstance(
        error,
        boto.HTTPClientError
        | boto.ConnectionError
        | boto.IncompleteReadError
        | boto.FlexibleChecksumError
        | ResponseParserError,
    ):
        return Fault.BROKEN
    return Fault.REFUSED


def _answered(code: str, status: int) -> Fault:
    if code == "NoSuchBucket":
        return Fault.NO_BUCKET
    if status == 404 or code in ("NoSuchKey", "NotFound"):
        return Fault.MISSING
    if status == 412 or code == "PreconditionFailed":
        return Fault.CONDITION
    if status == 409:
        return Fault.BUSY
    if status == 416:
        return Fault.RANGE
    if code in _LATER_CODES or status in _LATER_STATUS:
        return Fault.LATER
    if status in _BROKEN_STATUS or code == "RequestTimeout":
        return Fault.BROKEN
    return Fault.REFUSED


_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"})


def _told(error: Exception, fault: Fault, what: str, access: S3Access) -> CatalogError:
    """Returns the error that tells the user; nothing that a server or a profile holds secret."""
    from botocore import exceptions as boto

    if fault is Fault.NO_BUCKET:
        return NotFound(
            f"no such bucket: {what}",
            kind="bucket-not-found",
            hint="create the bucket first, or check its name, the endpoint and the region",
        )
    if fault is Fault.MISSING:
        return NotFound(f"no object {what}", kind="object-not-found")
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return StorageFailure(
            f"no credentials for {what}",
            kind="no-credentials",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile: AWS_PROFILE",
        )
    if isinstance(error, boto.ClientError):
        code = str(error.response.get("Error", {}).get("Code", "")) or "unknown"
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _EXPIRED or code in _UNKNOWN:
            return StorageFailure(
                f"the credentials are not accepted for {what}: {code}",
                kind="not-permitted",
                hint="renew them, or check which profile and endpoint are in use",
            )
        if status in (401, 403):
            return StorageFailure(
                f"access to {what} is denied: {code}",
                kind="not-permitted",
                hint="check what the credentials in use may do with this bucket and prefix",
            )
        return StorageFailure(f"S3 failed at {what}: {code}, status {status}")
    if fault is Fault.UNREACHED:
        return StorageFailure(
            f"{access.endpoint} cannot be reached for {what}",
            kind="no-endpoint",
            hint="check the endpoint (AWS_ENDPOINT_URL, or [s3] in parquetry.toml) and the network",
        )
    return StorageFailure(f"S3 failed at {what}: {type(error).__name__}")
