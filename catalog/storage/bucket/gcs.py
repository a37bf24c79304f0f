"""Google Cloud Storage, through Google's library.

An object's version is its generation: created with ``ifGenerationMatch=0``, swapped with that
of the generation that was read.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from catalog.errors import CatalogError, ErrorKind, StorageFailure
from catalog.storage.bucket import service
from catalog.storage.bucket.requests import (
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    Fault,
    RequestFailed,
    Resending,
    fault_of_status,
    missing,
    never_sent,
    without_credentials,
)
from catalog.storage.bucket.service import not_installed
from catalog.storage.bucket.staged import checked
from catalog.storage.bucket.store import ABSENT
from catalog.storage.options import GcsOptions
from catalog.storage.store import RemoteFile, Stored

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client

T = TypeVar("T")

SCHEME = "gs://"

TIMEOUT_S = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)

NO_TRACES = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"
"""Variable that keeps Google's library from asking, in the background, for what only traces tell:
two more requests for every client and missing object, and a right that nobody else needs."""

FIELDS = "items(name,size,generation,timeCreated),nextPageToken"
"""What a listing tells of objects."""


class GcsService:
    """Makes requests; the client is made at the first, and one serves all threads.

    Args:
        options: How the service is reached.
        sleep: Waits between sendings.
    """

    scheme = SCHEME
    conditions = ("ifGenerationMatch=0", "ifGenerationMatch")
    other_version = "1"
    lawful = "Google Cloud Storage itself"

    def __init__(
        self, options: GcsOptions | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.options = options or GcsOptions()
        self.sending = Resending(sleep)
        self._client: Client | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> "Client":
        """Returns Google's client, which is told to send every request once."""
        with self._lock:
            if self._client is None:
                self._client = _client(self.options)
            return self._client

    @property
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""
        return without_credentials(self.client.api_endpoint)

    def get(self, bucket: str, key: str, part: tuple[int, int] | None) -> Stored:
        """Returns an object, or part of it."""
        start, end = (None, None) if part is None else (part[0], part[0] + part[1] - 1)

        def fetch(blob: "Blob") -> Stored:
            data = blob.download_as_bytes(
                start=start, end=end, raw_download=True, retry=None, timeout=TIMEOUT_S
            )
            return Stored(data, str(blob.generation))

        return self._about(bucket, key, fetch)

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> str:
        """Writes an object that must be at a generation, and returns the new one."""
        generation = None if version is None else 0 if version == ABSENT else int(version)

        def send(blob: "Blob") -> str:
            blob.upload_from_string(
                data,
                content_type="application/octet-stream",
                if_generation_match=generation,
                checksum="crc32c",
                retry=None,
                timeout=TIMEOUT_S,
            )
            return str(blob.generation)

        return self._about(bucket, key, send, absent=Fault.NO_BUCKET)

    def send_parts(
        self, bucket: str, key: str, source: str, *, sha256: str, size_bytes: int
    ) -> None:
        """Uploads a large local file part after part; parts that fail are sent again."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        def send(blob: "Blob") -> None:
            blob.chunk_size = service.PART_BYTES
            with checked(source, sha256=sha256, size_bytes=size_bytes) as file:
                blob.upload_from_file(
                    file,
                    size=size_bytes,
                    content_type="application/octet-stream",
                    if_generation_match=0,
                    retry=DEFAULT_RETRY,
                    timeout=TIMEOUT_S,
                )

        self._about(bucket, key, send, absent=Fault.NO_BUCKET)

    def delete(self, bucket: str, key: str) -> None:
        """Removes an object."""
        self._about(bucket, key, lambda blob: blob.delete(retry=None, timeout=TIMEOUT_S))

    def look(self, bucket: str, key: str) -> RemoteFile:
        """Returns what is known of an object."""

        def ask(blob: "Blob") -> RemoteFile:
            blob.reload(retry=None, timeout=TIMEOUT_S)
            return _described(blob, bucket)

        return self._about(bucket, key, ask)

    def page(
        self, bucket: str, prefix: str, token: str | None
    ) -> tuple[Sequence[RemoteFile], str | None]:
        """Returns a page of a listing, and what asks for the next."""

        def ask() -> tuple[Sequence[RemoteFile], str | None]:
            answer = self.client.list_blobs(
                bucket,
                prefix=prefix or None,
                page_size=service.PAGE_OBJECTS,
                page_token=token,
                fields=FIELDS,
                retry=None,
                timeout=TIMEOUT_S,
            )
            found = [_described(blob, bucket) for blob in next(answer.pages)]
            return found, answer.next_page_token or None

        return self._once(ask, f"{SCHEME}{bucket}/{prefix}", Fault.NO_BUCKET)

    def _about(
        self,
        bucket: str,
        key: str,
        call: "Callable[[Blob], T]",
        *,
        absent: Fault = Fault.MISSING,
    ) -> T:
        return self._once(
            lambda: call(self.client.bucket(bucket).blob(key)), f"{SCHEME}{bucket}/{key}", absent
        )

    def _once(self, send: Callable[[], T], what: str, absent: Fault) -> T:
        """Makes a request once.

        Args:
            send: Makes it.
            what: What it is about, for messages.
            absent: What it means that nothing was found: all requests but those about an object
                that may be missing tell of the bucket.

        Raises:
            RequestFailed: It failed.
        """
        self.client  # noqa: B018  its absence is an error of its own
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        try:
            return send()
        except (
            GoogleAPIError,
            GoogleAuthError,
            DataCorruption,
            InvalidResponse,
            RequestException,
            HTTPError,
        ) as error:
            fault = _fault(error, absent)
            raise RequestFailed(fault, _told(error, fault, what, self)) from error


def _client(options: GcsOptions) -> "Client":
    try:
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud.storage import Client
    except ImportError as error:
        raise not_installed("gcs", error) from error
    os.environ.setdefault(NO_TRACES, "true")
    endpoint = options.endpoint_url
    try:
        if endpoint is None:
            return Client(project=None)
        plain = endpoint.startswith("http://")
        return Client(
            project=None,
            credentials=AnonymousCredentials() if plain else None,  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=endpoint),
        )
    except DefaultCredentialsError as error:
        raise StorageFailure(
            "no credentials for Google Cloud Storage",
            kind=ErrorKind.NO_CREDENTIALS,
            hint="run: gcloud auth application-default login; or set "
            "GOOGLE_APPLICATION_CREDENTIALS to the file of a service account",
        ) from error


def _described(blob: "Blob", bucket: str) -> RemoteFile:
    return RemoteFile(
        f"{SCHEME}{bucket}/{blob.name}",
        int(blob.size or 0),
        blob.time_created,
        str(blob.generation),
    )


def _status(error: Exception) -> int:
    return int(getattr(error, "code", None) or 0)


def _fault(error: Exception, absent: Fault) -> Fault:
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError

    if isinstance(error, GoogleAuthError):
        return Fault.UNREACHED if isinstance(error, TransportError) else Fault.REFUSED
    if isinstance(error, GoogleAPICallError):
        fault = fault_of_status(_status(error))
        return absent if fault is Fault.MISSING else fault
    return Fault.UNREACHED if never_sent(error) else Fault.BROKEN


def _told(error: Any, fault: Fault, what: str, access: GcsService) -> CatalogError:
    """Returns the error that tells the user; nothing that a server or a profile holds secret."""
    from google.auth.exceptions import GoogleAuthError

    if fault in (Fault.NO_BUCKET, Fault.MISSING):
        return missing(fault, what, elsewhere="or the endpoint")
    if fault is Fault.UNREACHED:
        return StorageFailure(
            f"{access.endpoint} cannot be reached for {what}",
            kind=ErrorKind.NO_ENDPOINT,
            hint="check the endpoint ([gcs] in parquetry.toml) and the network",
        )
    if isinstance(error, GoogleAuthError):
        return StorageFailure(
            f"the credentials are not accepted for {what}: {type(error).__name__}",
            kind=ErrorKind.NOT_PERMITTED,
            hint="renew them: gcloud auth application-default login",
        )
    if _status(error) in (401, 403):
        return StorageFailure(
            f"access to {what} is denied: status {_status(error)}",
            kind=ErrorKind.NOT_PERMITTED,
            hint="check what the credentials in use may do with this bucket and prefix",
        )
    status = f", status {_status(error)}" if _status(error) else ""
    return StorageFailure(f"Google Cloud Storage failed at {what}: {type(error).__name__}{status}")
