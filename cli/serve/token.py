"""The bearer token: where it comes from, and whether a request has it."""

import hashlib
import hmac
import os
import re
from collections.abc import Iterable
from pathlib import Path

from catalog.dataclasses import dataclass, field
from catalog.errors import ErrorKind, InvalidInput, StorageFailure

VARIABLE = "PARQUETRY_TOKEN"
"""The environment variable that may hold the token."""

MAX_FILE_BYTES = 8192
"""Longest file that is read as a token: a header may not be longer anyway."""

_FORM = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""What a bearer token may be, by RFC 6750."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, of which only the hash is kept."""

    digest: bytes = field(repr=False)

    @staticmethod
    def of(text: str) -> "Token":
        """Returns the token of a text."""
        return Token(hashlib.sha256(text.encode()).digest())

    def is_in(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Returns whether the headers of a request have the token, in one header of its kind.

        How long it takes does not depend on how much of a wrong token is right.
        """
        given = [value for name, value in headers if name.lower() == b"authorization"]
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(b" ")
        is_same = hmac.compare_digest(hashlib.sha256(token.strip()).digest(), self.digest)
        return is_same and scheme.lower() == b"bearer"


def read_token(file: Path | None) -> Token | None:
    """Returns the token of a file, else of the environment; None if there is neither.

    Raises:
        InvalidInput: It is empty, or has characters that no bearer token has.
        StorageFailure: The file cannot be read.
    """
    if file is None:
        text = os.environ.get(VARIABLE)
        return None if text is None else _token(text, VARIABLE)
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise StorageFailure(f"cannot read the token in {file}: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise _not_a_token(str(file))
    return _token(content.decode("latin-1"), str(file))


def _token(text: str, place: str) -> Token:
    """Returns a token; messages say where it is, and nothing of what it is."""
    text = text.strip()
    if not _FORM.fullmatch(text):
        raise _not_a_token(place)
    return Token.of(text)


def _not_a_token(place: str) -> InvalidInput:
    return InvalidInput(
        f"{place} holds no bearer token: letters, digits and any of - . _ ~ + / in one line",
        kind=ErrorKind.INVALID_CONFIG,
        hint="make one: openssl rand -hex 32",
    )
