"""Requests to a store across the network: what a failure means, and what may be sent again.

The libraries' own retries are off: a conditional write that a library repeats could lose
against its own first attempt unnoticed.
"""

import ipaddress
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import TypeVar
from urllib.parse import urlsplit

from catalog.errors import CatalogError, CorruptData, ErrorKind, InvalidInput
from catalog.storage.store import OutcomeUnknown

T = TypeVar("T")

SENDINGS = 6
"""Times that a request is sent: with the pauses between, a store may be away for some seconds."""

PATIENT_SENDINGS = 32
"""Times that a request is sent which a busy server puts off: with the pauses, most of a minute. Of
half of all answers being put off, one in four billion requests meets only such."""

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


class Fault(Enum):
    """What a failed request means."""

    MISSING = auto()  # the object does not exist
    NO_BUCKET = auto()  # the bucket does not exist
    CONDITION = auto()  # the condition of a write did not hold
    BUSY = auto()  # others write the same object right now; this was not done
    LATER = auto()  # the server does not want to do it now; it was not done
    UNREACHED = auto()  # the server was never reached
    BROKEN = auto()  # the answer was lost: it may or may not have been done
    RANGE = auto()  # the range is behind the end
    REFUSED = auto()  # the server will not do it


AGAIN = frozenset({Fault.BUSY, Fault.LATER, Fault.UNREACHED, Fault.BROKEN})
"""Faults after which a request that changes nothing twice is sent again."""

DOUBTFUL = frozenset({Fault.LATER, Fault.BROKEN})
"""Faults after which a failed condition proves nothing: by a server's word nothing was done when it
puts a request off, but what it did then is read back rather than trusted."""

_BY_STATUS = {
    404: Fault.MISSING,
    408: Fault.BROKEN,
    409: Fault.BUSY,
    412: Fault.CONDITION,
    416: Fault.RANGE,
    429: Fault.LATER,
    500: Fault.BROKEN,
    502: Fault.BROKEN,
    503: Fault.LATER,
    504: Fault.BROKEN,
}


class RequestFailed(Exception):
    """A request that failed, with the service's code, or the name of its library's error."""

    def __init__(self, fault: Fault, error: CatalogError, code: str) -> None:
        super().__init__(error.message)
        self.fault = fault
        self.error = error
        self.code = code


@contextmanager
def raised(*expected: Fault) -> Iterator[None]:
    """Raises the error for the user when a request fails; faults that are expected pass."""
    try:
        yield
    except RequestFailed as failed:
        if failed.fault not in expected:
            raise failed.error from failed


class StrangeAnswer(Exception):
    """An answer that no such service gives: a proxy's page, or one of a network that wants a login.

    The text says what is strange about it.
    """


class ConditionFailed(Exception):
    """The only write that was sent did not meet its condition."""


class Resending:
    """Sends requests as often as it takes, with pauses between."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def repeated(self, send: Callable[[], T]) -> T:
        """Makes a request that has the same effect when it is made twice.

        Raises:
            RequestFailed: It failed every time it was sent.
        """
        sent: Counter[bool] = Counter()
        while True:
            try:
                return send()
            except RequestFailed as failed:
                if not self._again(failed, sent):
                    raise

    def conditional(self, send: Callable[[], T], path: str) -> T:
        """Writes under a condition.

        It may be sent again: of several sendings, the condition lets one land at most. Once
        the answer to one is lost, a failed condition no longer proves anything.

        Raises:
            ConditionFailed: It was not done, since the condition did not hold.
            OutcomeUnknown: It may or may not have been done.
            CatalogError: It was not done.
        """
        doubtful = broken = False
        sent: Counter[bool] = Counter()
        while True:
            try:
                return send()
            except RequestFailed as failed:
                broken = broken or failed.fault is Fault.BROKEN
                doubtful = doubtful or failed.fault in DOUBTFUL
                last = failed
                if failed.fault in (Fault.CONDITION, Fault.MISSING):
                    if doubtful:
                        break
                    if failed.fault is Fault.MISSING:
                        raise failed.error from failed
                    raise ConditionFailed from failed
                if not self._again(failed, sent):
                    break
        unproven = last.fault in (Fault.CONDITION, Fault.MISSING)  # and doubtful: see above
        if broken or unproven or last.fault is Fault.BUSY:
            raise OutcomeUnknown(
                f"object {path} was written, and the answer was lost: {last.error.message}",
                hint="check whether it is there, then run it again",
            ) from last
        raise last.error from last

    def _again(self, failed: RequestFailed, sent: "Counter[bool]") -> bool:
        """Returns whether to send a request again, after a random while that grows.

        Args:
            failed: What it met with this time.
            sent: How often it was sent, and put off or not.
        """
        patient = failed.fault is Fault.LATER
        sent[patient] += 1
        most = PATIENT_SENDINGS if patient else SENDINGS
        if failed.fault not in AGAIN or sent[patient] >= most:
            return False
        self._sleep(random.uniform(0, min(PAUSE_S * 2 ** (sent.total() - 1), MAX_PAUSE_S)))
        return True


def fault_of_status(status: int) -> Fault:
    """Returns what an HTTP status means that says that a request failed."""
    return _BY_STATUS.get(status, Fault.REFUSED)


def split_uri(uri: str, scheme: str) -> tuple[str, str]:
    """Returns the bucket and the key, or prefix, of a URI; the key without slashes around it.

    Raises:
        InvalidInput: It does not name a bucket.

    Example:
        >>> split_uri("s3://lake/prod/", "s3://")
        ('lake', 'prod')
    """
    bucket, _, key = uri.removeprefix(scheme).partition("/")
    if not uri.startswith(scheme) or not bucket:
        raise InvalidInput(f"{uri} does not name a bucket", hint=f"write {scheme}BUCKET/PREFIX")
    return bucket, key.strip("/")


def without_credentials(url: str) -> str:
    """Returns a URL without the user and password it may contain.

    Example:
        >>> without_credentials("http://me:secret@localhost:9000")
        'http://localhost:9000'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def keeps_tokens_private(url: str) -> bool:
    """Returns whether nobody can read what is sent there: by TLS, or because it stays here.

    Example:
        >>> keeps_tokens_private("http://127.0.0.1:9000"), keeps_tokens_private("http://minio:9000")
        (True, False)
    """
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    host = (parts.hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_token_stays_private(url: str, token: str) -> None:
    """Refuses to send a token where others could read it, and use it.

    Args:
        url: Where it would be sent.
        token: What it is, in words.

    Raises:
        InvalidInput: It is neither TLS nor this machine.
    """
    if not keeps_tokens_private(url):
        parts = urlsplit(url)
        raise InvalidInput(
            f"{token} would be sent to {parts.scheme}://{parts.netloc.rpartition('@')[2]} without "
            "encryption, for everybody on the way to read and use; nothing was sent",
            kind=ErrorKind.INSECURE_ENDPOINT,
            hint="use an endpoint that begins with https://, or credentials without a token",
        )


def never_sent(error: BaseException) -> bool:
    """Returns whether a request over urllib3 failed before there was a connection to send it on."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError

    early = (ConnectTimeoutError, NewConnectionError, ProxyError)
    return any(isinstance(one, early) for one in _causes(error))


def tls_problem(error: BaseException) -> str:
    """Returns what is wrong with a server's certificate, or with TLS; empty if nothing is."""
    for one in _causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return one.verify_message or str(one)
        if isinstance(one, ssl.SSLError):
            return (one.reason or str(one)).replace("_", " ").lower()
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and all that led to it, wherever libraries keep those."""
    seen: set[int] = set()
    left: list[object] = [error]
    while left:
        one = left.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        yield one
        seen.add(id(one))
        left += [one.__cause__, one.__context__, *one.args]
        left += [getattr(one, name, None) for name in ("reason", "inner_exception")]
        left.append(getattr(one, "kwargs", {}).get("error"))  # botocore's


def other_size(uri: str, size_bytes: int, *, committed: int) -> CorruptData:
    """Returns the error for a file in a bucket that has not the size that was committed."""
    return CorruptData(
        f"{uri} has {size_bytes:,} bytes, {committed:,} were committed",
        kind=ErrorKind.FILE_CHANGED,
        hint="restore the file from a backup, or snapshot the table again",
    )


def file_changed(uri: str) -> CorruptData:
    """Returns the error for a file in a bucket that changes while it is read."""
    return CorruptData(
        f"{uri} was changed while it was read",
        kind=ErrorKind.FILE_CHANGED,
        hint="run the command again once the writer has finished",
    )
