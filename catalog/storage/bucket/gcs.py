"""Google Cloud Storage, through Google's library.

An object's version is its generation: created with ``ifGenerationMatch=0``, swapped with that
of the generation that was read.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from catalog.errors import ErrorKind, StorageFailure
from catalog.storage.bucket import service
from catalog.storage.bucket.requests import (
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    Fault,
    StrangeAnswer,
    check_token_stays_private,
    fault_of_status,
    never_sent,
    tls_problem,
    without_credentials,
)
from catalog.storage.bucket.service import ABSENT, Failure, Part, Service, not_installed
from catalog.storage.bucket.staged import checked
from catalog.storage.options import GcsOptions
from catalog.storage.store import RemoteFile, StagedFile, Stored

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client

T = TypeVar("T")

SCHEME = "gs://"

TIMEOUT_S = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)

_SKEWED = ("iat and exp", "Token used too early", "Token expired", "reasonable timeframe")
"""What errors of tokens say where the machine's clock is wrong."""

GOOGLE_DOMAIN = "googleapis.com"
"""Where Google's servers are, those of a private network too."""

FIELDS = "items(name,size,generation,timeCreated),nextPageToken"
"""What a listing returns of each object."""


class GcsService(Service["Client"]):
    """Google Cloud Storage; see ``Service``."""

    scheme = SCHEME
    name = "Google Cloud Storage"
    conditions = ("ifGenerationMatch=0", "ifGenerationMatch")
    other_version = "1"
    supported_servers = "Google Cloud Storage itself"
    settings = "the endpoint ([gcs] in parquetry.toml)"
    credentials_hint = (
        "run: gcloud auth application-default login; or set GOOGLE_APPLICATION_CREDENTIALS to "
        "the file of a service account"
    )

    options: GcsOptions
    naming_hint = "set API_ENDPOINT_OVERRIDE, or pass catalog.GcsOptions"

    def __init__(
        self, options: GcsOptions | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(sleep)
        self.options = options or GcsOptions()

    @property
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""
        return without_credentials(self.client.api_endpoint)

    def get(self, bucket: str, key: str, part: Part | None = None) -> Stored:
        """Returns an object, or part of it."""
        start = None if part is None else part.offset
        end = None if part is None else part.offset + part.length - 1

        def fetch(blob: "Blob") -> Stored:
            data = blob.download_as_bytes(
                start=start, end=end, raw_download=True, retry=None, timeout=TIMEOUT_S
            )
            return Stored(data, _generation(blob))

        return self._about(bucket, key, fetch)

    def put(self, bucket: str, key: str, data: bytes, *, version: str | None) -> str:
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
            return _generation(blob)

        return self._about(bucket, key, send, absent=Fault.NO_BUCKET)

    def send_parts(self, bucket: str, key: str, staged: StagedFile) -> None:
        """Uploads a large local file part after part; parts that fail are sent again."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        def send(blob: "Blob") -> None:
            blob.chunk_size = service.PART_BYTES
            with checked(staged) as file:
                blob.upload_from_file(
                    file,
                    size=staged.size_bytes,
                    content_type="application/octet-stream",
                    if_generation_match=0,
                    retry=DEFAULT_RETRY,
                    timeout=TIMEOUT_S,
                )

        self._about(bucket, key, send, absent=Fault.NO_BUCKET)

    def delete(self, bucket: str, key: str) -> None:
        """Removes an object."""
        self._about(bucket, key, lambda blob: blob.delete(retry=None, timeout=TIMEOUT_S))

    def delete_same(self, bucket: str, key: str, etag: str) -> None:
        """Removes an object of a generation."""

        def remove(blob: "Blob") -> None:
            blob.delete(if_generation_match=int(etag), retry=None, timeout=TIMEOUT_S)

        self._about(bucket, key, remove)

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

        def ask(client: "Client") -> tuple[Sequence[RemoteFile], str | None]:
            answer = client.list_blobs(
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

        return self.once(ask, f"{SCHEME}{bucket}/{prefix}", absent=Fault.NO_BUCKET)

    def _about(
        self, bucket: str, key: str, call: "Callable[[Blob], T]", *, absent: Fault = Fault.MISSING
    ) -> T:
        return self.once(
            lambda client: call(client.bucket(bucket).blob(key)),
            f"{SCHEME}{bucket}/{key}",
            absent=absent,
        )

    def _connect(self) -> "Client":
        try:
            from google.api_core.client_options import ClientOptions
            from google.auth.credentials import AnonymousCredentials
            from google.auth.exceptions import DefaultCredentialsError
            from google.cloud.storage import Client
        except ImportError as error:
            raise not_installed("gcs", error) from error
        endpoint = self.options.endpoint_url
        more: dict[str, Any] = {}
        if endpoint is not None:
            more["client_options"] = ClientOptions(api_endpoint=endpoint)
            if not _gets_credentials(endpoint, chosen_by=self.options.chosen_by):
                self.withheld_from = self.options.chosen_by or ""
                more["credentials"] = AnonymousCredentials()  # type: ignore[no-untyped-call]
        try:
            client = Client(project=None, **more)
        except DefaultCredentialsError as error:
            raise StorageFailure(
                "no credentials for Google Cloud Storage",
                kind=ErrorKind.NO_CREDENTIALS,
                hint=self.credentials_hint,
            ) from error
        # Else the library asks in the background, for each client and missing object, for what only
        # its traces tell: requests, and a right, that nothing else needs. It allows for None here.
        client._bucket_metadata_cache = None
        client._http.mount("http://", _plain_http())
        return client

    def _errors(self) -> tuple[type[Exception], ...]:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        return (
            GoogleAPIError,
            GoogleAuthError,
            DataCorruption,
            InvalidResponse,
            RequestException,
            HTTPError,
        )

    def _credential_errors(self) -> tuple[type[Exception], ...]:
        from google.auth.exceptions import GoogleAuthError

        return (GoogleAuthError,)

    def _failure(self, error: Exception) -> Failure:
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError, TransportError

        name, status = type(error).__name__, int(getattr(error, "code", None) or 0)
        certificate = tls_problem(error)
        if certificate:
            return Failure(Fault.REFUSED, certificate, problem="certificate")
        if isinstance(error, GoogleAuthError) and any(word in str(error) for word in _SKEWED):
            return Failure(Fault.REFUSED, "its token is too old or new", status, problem="clock")
        if isinstance(error, GoogleAuthError):
            fault = Fault.UNREACHED if isinstance(error, TransportError) else Fault.REFUSED
            return Failure(fault, name, status, "rejected")
        if isinstance(error, GoogleAPICallError):
            return Failure(fault_of_status(status), name, status)
        return Failure(Fault.UNREACHED if never_sent(error) else Fault.BROKEN, name, status)


def _gets_credentials(endpoint: str, *, chosen_by: str | None) -> bool:
    """Returns whether a server gets the user's token, with which it could do what the user can.

    One that the user named does; one that a file chose must be Google's.
    """
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").rstrip(".")
    is_google = host == GOOGLE_DOMAIN or host.endswith(f".{GOOGLE_DOMAIN}")
    return parts.scheme != "http" and (is_google or not chosen_by)


def _plain_http() -> Any:
    """Returns what sends requests without TLS, e.g. to a server named in the environment."""
    from requests.adapters import HTTPAdapter

    class Plain(HTTPAdapter):
        def send(self, request: Any, *args: Any, **more: Any) -> Any:
            if "Authorization" in request.headers:
                check_token_stays_private(request.url, "the access token of Google Cloud")
            return super().send(request, *args, **more)

    return Plain()


def _generation(blob: "Blob") -> str:
    if blob.generation is None:
        raise StrangeAnswer("no generation")
    return str(blob.generation)


def _described(blob: "Blob", bucket: str) -> RemoteFile:
    return RemoteFile(
        f"{SCHEME}{bucket}/{blob.name}",
        int(blob.size or 0),
        blob.time_created,
        _generation(blob),
    )
