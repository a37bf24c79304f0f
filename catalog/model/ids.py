"""Content ids, random ids and the canonical JSON that ids are taken over."""

import hashlib
import json
import re
from typing import TypeGuard

from catalog.errors import CorruptData, ErrorKind, InvalidInput

COMMIT_ID = re.compile(r"[0-9a-f]{64}")
ID_PREFIX = re.compile(r"[0-9a-f]{4,64}")

MIN_PREFIX = 8
"""Digits that abbreviated ids are printed with at least; 4 are enough in input."""

MAX_LEVELS = 16
"""Most levels of a stored tree: with 64 rows in a node, more than 2**63 rows."""


def content_id(content: bytes) -> str:
    """Returns the id of some canonical content: its SHA-256 in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def is_id(stored: object) -> TypeGuard[str]:
    """Returns whether something stored is an id."""
    return isinstance(stored, str) and COMMIT_ID.fullmatch(stored) is not None


def is_id_or_none(stored: object) -> TypeGuard[str | None]:
    """Returns whether something stored is an id, or none."""
    return stored is None or is_id(stored)


def are_ids(stored: list[object]) -> TypeGuard[list[str]]:
    """Returns whether a stored list is one of ids."""
    return all(map(is_id, stored))


def random_id() -> str:
    """Returns 128 random bits in hex, for write ids and temporary names."""
    import secrets

    return secrets.token_hex(16)


def canonical_json(value: object) -> bytes:
    """Returns the canonical JSON of a value: UTF-8, keys sorted, no blanks, no floats.

    Raises:
        InvalidInput: A text in it is not valid Unicode.
        ValueError: The value holds NaN or an infinity.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        around = text[max(error.start - 20, 0) : error.end + 20]
        raise InvalidInput(
            f"{around!r} is not valid UTF-8", kind=ErrorKind.NOT_UNICODE, hint="write it in UTF-8"
        ) from error


def parse_json(stored: bytes, what: str) -> dict[str, object]:
    """Reads a stored JSON object.

    Raises:
        CorruptData: The bytes are not a JSON object; ``what`` names them.
    """
    try:
        value = json.loads(
            stored.decode(),
            parse_int=_integer,
            parse_constant=_refused,
        )
        if b"\\ud" in stored or b"\\uD" in stored:  # half a character, unless it is escaped text
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"{what} is not readable: it is not valid JSON") from error
    if not isinstance(value, dict):
        raise CorruptData(f"{what} is not readable: it is not a JSON object")
    return value


def _integer(digits: str) -> int:
    """Returns a stored number, which has 64 bits, as everything that is counted here."""
    number = int(digits)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{digits[:20]}… has more than 64 bits")
    return number


def _refused(text: str) -> object:
    raise ValueError(f"{text} is not a number")


def excerpt(stored: object) -> str:
    """Returns the beginning of something stored that is not as it should be, for messages."""
    text = repr(stored)
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


EXCERPT = 100
"""Characters that messages show of something stored: what is wrong is near its beginning."""
