"""Azure Blob Storage, through Microsoft's library.

Blobs are created with ``If-None-Match: *`` and swapped with ``If-Match``; a bucket is a container
of the account that the options or the environment name.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from catalog.errors import ErrorKind, InvalidInput
from catalog.storage.bucket import service
from catalog.storage.bucket.requests import (
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    SENDINGS,
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
from catalog.storage.bucket.store import WHOLE_BYTES
from catalog.storage.options import AzureOptions
from catalog.storage.store import RemoteFile, StagedFile, Stored

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobProperties, BlobServiceClient

T = TypeVar("T")

SCHEME = "az://"

_BY_CODE = {
    "ContainerNotFound": Fault.NO_BUCKET,
    "BlobAlreadyExists": Fault.CONDITION,
    "UnauthorizedBlobOverwrite": Fault.CONDITION,
}
"""What error codes mean, whatever the status that comes with them."""


class AzureService(Service["BlobServiceClient"]):
    """Azure Blob Storage; see ``Service``."""

    options: AzureOptions
    scheme = SCHEME
    name = "Azure"
    conditions = ("If-None-Match", "If-Match")
    other_version = '"0x8D000000000000F"'
    supported_servers = "Azure Blob Storage itself, or azurite"
    settings = "the account and the endpoint ([azure] in parquetry.toml)"
    credentials_hint = "run: az login; or set AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN"

    def __init__(
        self, options: AzureOptions | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(sleep)
        self.options = options or AzureOptions()

    @property
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""
        return without_credentials(self.client.primary_endpoint.partition("?")[0])

    def get(self, bucket: str, key: str, part: Part | None = None) -> Stored:
        """Returns a blob, or part of it."""
        offset, length = (None, None) if part is None else (part.offset, part.length)

        def fetch(blob: "BlobClient") -> Stored:
            answer = blob.download_blob(offset=offset, length=length)
            return Stored(answer.readall(), _etag(answer.properties.etag))

        return self._about(bucket, key, fetch)

    def put(self, bucket: str, key: str, data: bytes, *, version: str | None) -> str:
        """Writes a blob that must have an ETag, and returns the new one."""
        from azure.core import MatchConditions

        condition: dict[str, Any] = {"overwrite": version != ABSENT}
        if version:
            condition |= {"etag": version, "match_condition": MatchConditions.IfNotModified}

        def send(blob: "BlobClient") -> str:
            answer = blob.upload_blob(data, length=len(data), validate_content=True, **condition)
            return _etag(answer["etag"])

        return self._about(bucket, key, send)

    def send_parts(self, bucket: str, key: str, staged: StagedFile) -> None:
        """Uploads a large local file in parts, side by side; parts that fail are sent again."""

        def send(blob: "BlobClient") -> None:
            with checked(staged) as file:
                blob.upload_blob(
                    file,  # type: ignore[arg-type]  # it is read in order, nothing else
                    length=staged.size_bytes,
                    overwrite=False,
                    max_concurrency=service.PARTS_AT_A_TIME,
                    validate_content=True,
                    retry_total=SENDINGS - 1,
                )

        self._about(bucket, key, send)

    def delete(self, bucket: str, key: str) -> None:
        """Removes a blob."""
        self._about(bucket, key, lambda blob: blob.delete_blob())

    def delete_same(self, bucket: str, key: str, etag: str) -> None:
        """Removes a blob that must have an ETag."""
        from azure.core import MatchConditions

        def remove(blob: "BlobClient") -> None:
            blob.delete_blob(etag=f'"{etag}"', match_condition=MatchConditions.IfNotModified)

        self._about(bucket, key, remove)

    def look(self, bucket: str, key: str) -> RemoteFile:
        """Returns what is known of a blob."""
        return self._about(bucket, key, lambda blob: _described(blob.get_blob_properties(), bucket))

    def page(
        self, bucket: str, prefix: str, token: str | None
    ) -> tuple[Sequence[RemoteFile], str | None]:
        """Returns a page of a listing, and what asks for the next."""

        def ask(client: "BlobServiceClient") -> tuple[Sequence[RemoteFile], str | None]:
            container = client.get_container_client(bucket)
            pages = container.list_blobs(
                name_starts_with=prefix or None, results_per_page=service.PAGE_OBJECTS
            ).by_page(token)
            found = [_described(blob, bucket) for blob in next(pages)]
            return found, pages.continuation_token or None  # type: ignore[attr-defined]

        return self.once(ask, f"{SCHEME}{bucket}/{prefix}")

    def _about(self, bucket: str, key: str, call: "Callable[[BlobClient], T]") -> T:
        return self.once(
            lambda client: call(client.get_blob_client(bucket, key)), f"{SCHEME}{bucket}/{key}"
        )

    def _connect(self) -> "BlobServiceClient":
        try:
            from azure.storage.blob import BlobServiceClient
        except ImportError as error:
            raise not_installed("azure", error) from error
        settings: dict[str, Any] = {
            "retry_total": 0,  # and where parts are sent again, pauses like ours:
            "initial_backoff": 0,
            "increment_base": 2,
            "random_jitter_range": 1,
            "connection_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
            "max_single_put_size": WHOLE_BYTES,
            "max_single_get_size": WHOLE_BYTES,
            "max_block_size": service.PART_BYTES,
            "permit_redirects": False,
            "raw_request_hook": _check_private,
        }
        text = os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
        try:
            if text and self.options == AzureOptions():
                return BlobServiceClient.from_connection_string(text, **settings)
            account = self.options.account or os.environ.get("AZURE_STORAGE_ACCOUNT")
            if not account:
                raise InvalidInput(
                    "no storage account is named",
                    kind=ErrorKind.AZURE_CONFIGURATION,
                    hint="set AZURE_STORAGE_ACCOUNT, or account below [azure] in parquetry.toml",
                )
            url = self.options.endpoint_url or f"https://{account}.blob.core.windows.net"
            credential = _credential(account)
            if hasattr(credential, "get_token"):
                check_token_stays_private(url, "the access token of Azure")
            return BlobServiceClient(url, credential=credential, **settings)
        except ValueError as error:
            raise InvalidInput(
                "Azure Blob Storage cannot be set up: the account, the endpoint, the key or the "
                "connection string is malformed",
                kind=ErrorKind.AZURE_CONFIGURATION,
                hint="check [azure] in parquetry.toml, and AZURE_STORAGE_… in the environment",
            ) from error

    def _server_chosen(self) -> bool:
        return bool(self.options.endpoint_url or self.options.account)

    def _errors(self) -> tuple[type[Exception], ...]:
        from azure.core.exceptions import AzureError

        return (AzureError,)

    def _failure(self, error: Any) -> Failure:
        from azure.core.exceptions import (
            ClientAuthenticationError,
            DecodeError,
            HttpResponseError,
        )

        code = getattr(error, "error_code", None)
        code, status = getattr(code, "value", code), int(getattr(error, "status_code", None) or 0)
        rejected = isinstance(error, ClientAuthenticationError)
        certificate = tls_problem(error)
        if certificate:
            return Failure(Fault.REFUSED, certificate, problem="certificate")
        if isinstance(error, DecodeError):
            return Failure(Fault.BROKEN, "unreadable XML", status, problem="strange")
        if 200 <= status < 300 or (isinstance(error, HttpResponseError) and not status):
            return Failure(Fault.REFUSED, f"status {status}", status, problem="strange")
        if 300 <= status < 400:
            where = without_credentials(error.response.headers.get("Location", "elsewhere"))
            return Failure(Fault.REFUSED, f"it leads to {where}", status, problem="strange")
        if rejected and "date header" in str(error).lower():
            return Failure(Fault.REFUSED, "a request is too old or new", status, problem="clock")
        if rejected:
            fault = Fault.REFUSED
        elif code in _BY_CODE:
            fault = _BY_CODE[code]
        elif status:
            fault = fault_of_status(status)
        else:
            fault = Fault.UNREACHED if never_sent(error) else Fault.BROKEN
        detail = str(code or type(error).__name__)
        return Failure(fault, detail, status, "missing" if rejected and not status else None)


def _check_private(request: Any) -> None:
    """Is called by Microsoft's library with each request."""
    url: str = request.http_request.url
    if "sig" in parse_qs(urlsplit(url).query):
        check_token_stays_private(url, "the shared access signature of Azure")


def _credential(account: str) -> Any:
    """Returns what signs requests: a key or a shared access signature, else an identity."""
    key = os.environ.get("AZURE_STORAGE_KEY")
    if key:
        return {"account_name": account, "account_key": key}
    signature = os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    if signature:
        return signature
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise not_installed("azure", error) from error
    return DefaultAzureCredential()


def _etag(found: object) -> str:
    if not found:
        raise StrangeAnswer("no ETag")
    return str(found)


def _described(blob: "BlobProperties", bucket: str) -> RemoteFile:
    return RemoteFile(
        f"{SCHEME}{bucket}/{blob.name}",
        int(blob.size),
        blob.last_modified,
        _etag(blob.etag).strip('"'),
    )
