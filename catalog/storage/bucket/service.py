"""Services that keep objects in buckets, each reached through its maker's library."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, Literal, TypeVar
from urllib.request import getproxies

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, ErrorKind, NotFound, StorageFailure, Unsupported
from catalog.storage.bucket.requests import (
    Fault,
    RequestFailed,
    Resending,
    StrangeAnswer,
    file_changed,
)
from catalog.storage.options import AzureOptions, GcsOptions, S3Options
from catalog.storage.store import RemoteFile, StagedFile, Stored
from catalog.threads import Threads

C = TypeVar("C")
T = TypeVar("T")

PAGE_OBJECTS = 1000
"""Objects asked for in a page of a listing: the most that S3 returns."""

REMOVALS = 16
"""Objects removed at a time where each takes a request."""

PART_BYTES = 16 << 20
"""Bytes of a part of a large upload: requests do not count, and several are held in memory."""

PARTS_AT_A_TIME = 4
"""Parts of one upload under way: 64 MB in memory."""

LOG = logging.getLogger("catalog.storage")
"""Tells which server is asked, where a file chose it."""

ABSENT = ""
"""Stands for the version of an object that does not exist."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an object to read.

    The answer is shorter where the object ends. Services that cannot check the ETag the object
    must have ignore it, and the version of the answer shows.
    """

    offset: int
    length: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error of a service's library means; nothing in it is secret.

    Attributes:
        detail: The service's code, or the name of the error.
        status: The status of the answer; 0 if there was none.
        credentials: What is wrong with the credentials, if anything.
        problem: What else is wrong: the machine's clock, the certificate of the server (``detail``
            says what), the region (``detail`` is the right one), or the answer is none of the
            service's.
    """

    fault: Fault
    detail: str
    status: int = 0
    credentials: Literal["missing", "rejected"] | None = None
    problem: Literal["clock", "certificate", "region", "strange"] | None = None


class Service(ABC, Generic[C]):
    """A service and its client, which is made for the first request and serves all threads.

    Each method about objects makes one request, once, and raises ``RequestFailed``.

    Attributes:
        conditions: The names of the conditions of writes: that of creating, and that of
            replacing.
        other_version: A version that no object has.
        supported_servers: Which servers honour the conditions, for messages.
        settings: What to check when it is not reached, and where that is set.
        withheld_from: Why credentials are not sent to the server; empty if they are.
    """

    scheme: ClassVar[str]
    name: ClassVar[str]
    conditions: ClassVar[tuple[str, str]]
    other_version: ClassVar[str]
    supported_servers: ClassVar[str]
    settings: ClassVar[str]
    credentials_hint: ClassVar[str]
    naming_hint: ClassVar[str] = ""
    authority_hint: ClassVar[str] = "REQUESTS_CA_BUNDLE=/path/authorities.pem"

    options: S3Options | GcsOptions | AzureOptions

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Takes what waits between attempts."""
        self.sending = Resending(sleep)
        self.withheld_from = ""
        self._client: C | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> C:
        """Returns the library's client, configured to send every request once."""
        with self._lock:
            if self._client is not None:
                return self._client
            self._client = client = self._connect()
        if self.options.chosen_by and self._server_chosen():
            LOG.info("%s: %s, as %s says", self.name, self.endpoint, self.options.chosen_by)
        return client

    def _server_chosen(self) -> bool:
        """Returns whether the options, and not the library, say which server is asked."""
        return bool(self.options.endpoint_url)

    @abstractmethod
    def _connect(self) -> C: ...

    @abstractmethod
    def _errors(self) -> tuple[type[Exception], ...]:
        """Returns what the library raises when a request fails."""

    @abstractmethod
    def _failure(self, error: Exception) -> Failure: ...

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Returns the server's address, without any credentials in it."""

    @abstractmethod
    def get(self, bucket: str, key: str, part: Part | None = None) -> Stored:
        """Returns an object, or part of it."""

    @abstractmethod
    def put(self, bucket: str, key: str, data: bytes, *, version: str | None) -> str:
        """Writes an object that must have a version in one request, and returns its new one.

        The version is ``ABSENT`` if it must not exist, None if it does not matter.
        """

    @abstractmethod
    def send_parts(self, bucket: str, key: str, staged: StagedFile) -> None:
        """Uploads a large local file in parts; a part that fails is sent again.

        Raises:
            CorruptData: The file was changed since it was hashed.
        """

    @abstractmethod
    def delete(self, bucket: str, key: str) -> None:
        """Removes an object."""

    @abstractmethod
    def delete_same(self, bucket: str, key: str, etag: str) -> None:
        """Removes an object that must have an ETag, if the service can tell."""

    def delete_many(self, bucket: str, keys: Sequence[tuple[str, str]]) -> Sequence[bool]:
        """Removes objects that still have their ETags; each request is repeated if it fails.

        Args:
            bucket: The bucket.
            keys: The key and the ETag of each.

        Returns:
            For each, whether it is gone: False if another object has its key.
        """

        def remove(one: tuple[str, str]) -> bool:
            try:
                self.sending.repeated(lambda: self.delete_same(bucket, *one))
            except RequestFailed as failed:
                if failed.fault not in (Fault.CONDITION, Fault.MISSING):
                    raise
                return failed.fault is Fault.MISSING or self._is_gone(bucket, one[0])
            return True

        with Threads(REMOVALS) as pool:
            return list(pool.map(remove, keys))

    def _is_gone(self, bucket: str, key: str) -> bool:
        try:
            self.sending.repeated(lambda: self.look(bucket, key))
        except RequestFailed as failed:
            if failed.fault is Fault.MISSING:
                return True
            raise
        return False

    @abstractmethod
    def look(self, bucket: str, key: str) -> RemoteFile:
        """Returns what is known of an object."""

    @abstractmethod
    def page(
        self, bucket: str, prefix: str, token: str | None
    ) -> tuple[Sequence[RemoteFile], str | None]:
        """Returns objects whose keys start with a prefix, and the token of the next page."""

    def tail(self, bucket: str, key: str, length: int) -> tuple[RemoteFile, bytes]:
        """Returns what is known of an object and its last bytes, here in two requests.

        Google's and Microsoft's libraries do not pass on an object's size beside a range of it.
        """
        found = self.look(bucket, key)
        count = min(length, found.size_bytes)
        if not count:
            return found, b""
        stored = self.get(bucket, key, Part(found.size_bytes - count, count))
        if stored.version.strip('"') != found.etag:
            raise file_changed(found.uri)
        return found, stored.data

    def copies_conditionally(self, bucket: str, start: str, like: RemoteFile) -> bool:
        """Tests whether the server copies objects, and refuses to copy one that has changed.

        It copies ``like``, one that is going to be copied, to a key with that start.
        """
        return False

    def copy(self, source: RemoteFile, bucket: str, key: str) -> bool:
        """Has the server copy an object; returns False if it was changed, or is gone.

        Asked only of services of which ``copies_conditionally`` is true; others need not have it.
        """
        raise NotImplementedError

    def once(self, call: Callable[[C], T], what: str, *, absent: Fault = Fault.MISSING) -> T:
        """Makes a request about something once; ``absent`` is the fault if it is not found.

        Raises:
            RequestFailed: It failed.
        """
        client = self.client
        try:
            return call(client)
        except UnicodeError:  # of a name, not of an answer
            raise
        except (StrangeAnswer, KeyError, ValueError, RecursionError) as error:
            if isinstance(error, self._credential_errors()):
                raise self._failed(error, what, absent) from error
            said = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)
            if isinstance(error, RecursionError):  # boto3 follows redirections on and on
                said = "it leads in circles"
            strange = self._problem(Failure(Fault.REFUSED, said, problem="strange"), what)
            raise RequestFailed(Fault.REFUSED, strange, said) from error
        except self._errors() as error:
            raise self._failed(error, what, absent) from error

    def _failed(self, error: Exception, what: str, absent: Fault) -> RequestFailed:
        failure = self._failure(error)
        fault = absent if failure.fault is Fault.MISSING else failure.fault
        return RequestFailed(fault, self._error(fault, failure, what), failure.detail)

    def _credential_errors(self) -> tuple[type[Exception], ...]:
        """Returns those of ``_errors`` that Python takes for errors of values."""
        return ()

    def repeated(self, call: Callable[[C], T], what: str) -> T:
        """Makes a request that has the same effect when it is made twice.

        Raises:
            RequestFailed: It failed every time it was sent.
        """
        return self.sending.repeated(lambda: self.once(call, what))

    def _problem(self, failure: Failure, what: str) -> StorageFailure:
        """Returns the error for a problem that is neither the service's nor of the rights there."""
        if failure.problem == "clock":
            return StorageFailure(
                f"{self.name} refuses requests about {what}, as this machine's clock is wrong: "
                f"{failure.detail}",
                kind=ErrorKind.CLOCK_SKEW,
                hint="set the clock of this machine",
            )
        if failure.problem == "region":
            return StorageFailure(
                f"the bucket of {what} is in another region: {failure.detail}",
                kind=ErrorKind.S3_CONFIGURATION,
                hint=f"set the region: AWS_REGION={failure.detail}, or region below [s3] in "
                "parquetry.toml, or catalog.S3Options",
            )
        if failure.problem == "certificate":
            return StorageFailure(
                f"{self.endpoint} cannot be trusted for {what}: {failure.detail}",
                kind=ErrorKind.NO_ENDPOINT,
                hint="check the endpoint and this machine's clock; if its certificate is of an "
                f"authority of your own, name that one's: {self.authority_hint}",
            )
        return StorageFailure(
            f"{self.endpoint} does not answer as {self.name} does, for {what}: {failure.detail}",
            kind=ErrorKind.NO_ENDPOINT,
            hint="a proxy, or a network that wants a login, may have answered instead; check the "
            f"network and {self.settings}",
        )

    def _error(self, fault: Fault, failure: Failure, what: str) -> CatalogError:
        if failure.problem is not None:
            return self._problem(failure, what)
        if fault is Fault.MISSING:
            return NotFound(f"no object {what}", kind=ErrorKind.OBJECT_NOT_FOUND)
        if fault is Fault.NO_BUCKET:
            return NotFound(
                f"no such bucket: {what}",
                kind=ErrorKind.BUCKET_NOT_FOUND,
                hint=f"create the bucket first, or check its name and {self.settings}",
            )
        if fault is Fault.UNREACHED:
            return StorageFailure(
                f"{self.endpoint} cannot be reached for {what}",
                kind=ErrorKind.NO_ENDPOINT,
                hint=f"check the network, {self.settings}, and a proxy (HTTPS_PROXY)"
                if getproxies()
                else f"check the network and {self.settings}",
            )
        if self.withheld_from and (failure.credentials or failure.status in (401, 403)):
            return StorageFailure(
                f"access to {what} is denied: no credentials are sent to {self.endpoint}, as "
                f"{self.withheld_from} chose it",
                kind=ErrorKind.NOT_PERMITTED,
                hint=f"if you trust that server, name it yourself: {self.naming_hint}",
            )
        if failure.credentials == "missing":
            return StorageFailure(
                f"no credentials for {what}",
                kind=ErrorKind.NO_CREDENTIALS,
                hint=self.credentials_hint,
            )
        if failure.credentials == "rejected":
            return StorageFailure(
                f"the credentials are not accepted for {what}: {failure.detail}",
                kind=ErrorKind.NOT_PERMITTED,
                hint=self.credentials_hint,
            )
        if failure.status in (401, 403):
            return StorageFailure(
                f"access to {what} is denied: {failure.detail}",
                kind=ErrorKind.NOT_PERMITTED,
                hint="check what the credentials may do with this bucket and prefix",
            )
        status = f", status {failure.status}" if failure.status else ""
        return StorageFailure(f"{self.name} failed at {what}: {failure.detail}{status}")


def not_installed(extra: str, error: ImportError) -> Unsupported:
    """Returns the error for a service whose library, which an extra installs, is missing."""
    return Unsupported(
        f"the library for this kind of bucket is not installed: {error.name}",
        kind=ErrorKind.EXTRA_NOT_INSTALLED,
        hint=f"pip install 'parquetry[{extra}]'",
    )
