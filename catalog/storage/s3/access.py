"""Access to S3: boto3's client, and its failures as the catalog's."""

import functools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from catalog.errors import CatalogError, ErrorKind, InvalidInput, StorageFailure
from catalog.storage.bucket.requests import (
    CONNECT_TIMEOUT_S,
    CONNECTIONS,
    READ_TIMEOUT_S,
    Fault,
    RequestFailed,
    Resending,
    fault_of_status,
    missing,
    without_credentials,
)
from catalog.storage.options import S3Options

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

SCHEME = "s3://"


_BY_CODE = {
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
        self.sending = Resending(sleep)
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
        return self.sending.repeated(lambda: self.once(call, what))


def _client(options: S3Options) -> "S3Client":
    import boto3
    import botocore.session
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
        core = botocore.session.Session(profile=options.profile)
        core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
        session = boto3.session.Session(botocore_session=core, region_name=options.region or None)
        return session.client("s3", endpoint_url=options.endpoint_url or None, config=config)
    except (BotoCoreError, ValueError) as error:
        raise InvalidInput(
            f"S3 cannot be set up: {error}",
            kind=ErrorKind.S3_CONFIGURATION,
            hint="check profile, region and endpoint, in the environment and in parquetry.toml",
        ) from error


@functools.cache
def _loader(data_path: str | None) -> "Loader":
    """Returns what reads the descriptions of services, which takes most of a client's making.

    boto3 shares one among the clients of a session; ours have sessions of their own, since
    credentials and profiles are theirs.
    """
    from botocore.loaders import create_loader

    return create_loader(data_path)


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
    if code in _BY_CODE:
        return _BY_CODE[code]
    return fault_of_status(status)


_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"})


def _told(error: Exception, fault: Fault, what: str, access: S3Access) -> CatalogError:
    """Returns the error that tells the user; nothing that a server or a profile holds secret."""
    from botocore import exceptions as boto

    if fault in (Fault.NO_BUCKET, Fault.MISSING):
        return missing(fault, what, elsewhere="or the endpoint and the region")
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return StorageFailure(
            f"no credentials for {what}",
            kind=ErrorKind.NO_CREDENTIALS,
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile: AWS_PROFILE",
        )
    if isinstance(error, boto.ClientError):
        code = str(error.response.get("Error", {}).get("Code", "")) or "unknown"
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return refused(code, status, what)
    if fault is Fault.UNREACHED:
        return unreached(access.endpoint, what)
    return StorageFailure(f"S3 failed at {what}: {type(error).__name__}")


def refused(code: str, status: int, what: str) -> StorageFailure:
    """Returns the error for a request that was answered, but not done.

    Args:
        code: The server's code.
        status: The status of the answer.
        what: What the request was about.
    """
    if code in _EXPIRED or code in _UNKNOWN:
        return StorageFailure(
            f"the credentials are not accepted for {what}: {code}",
            kind=ErrorKind.NOT_PERMITTED,
            hint="renew them, or check which profile and endpoint are in use",
        )
    if status in (401, 403):
        return StorageFailure(
            f"access to {what} is denied: {code}",
            kind=ErrorKind.NOT_PERMITTED,
            hint="check what the credentials in use may do with this bucket and prefix",
        )
    return StorageFailure(f"S3 failed at {what}: {code}, status {status}")


def unreached(endpoint: str, what: str) -> StorageFailure:
    """Returns the error for a server that does not answer.

    Args:
        endpoint: Its address.
        what: What it was to be asked for.
    """
    return StorageFailure(
        f"{endpoint} cannot be reached for {what}",
        kind=ErrorKind.NO_ENDPOINT,
        hint="check the endpoint (AWS_ENDPOINT_URL, or [s3] in parquetry.toml) and the network",
    )
