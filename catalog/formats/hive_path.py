"""Hive-partitioned paths: segments ``column=value``, escaped, with a special name for NULL."""

import os
import re
from collections.abc import Iterator, Sequence

from catalog.errors import ErrorKind, InvalidInput
from catalog.model.names import MAX_SEGMENT_BYTES

NULL_SEGMENT = "__HIVE_DEFAULT_PARTITION__"
"""Hive's text for a NULL partition value."""

_UNSAFE = re.compile(r"""[\x00-\x1f\x7f"#%'*/:=?\\{}\[\]^]""")
"""What Hive escapes. All else, such as letters beyond ASCII, is written as it is."""


def segments(relative: str) -> Iterator[tuple[str, str | None]]:
    """Yields column and text of the hive segments of a path, but for its last."""
    for segment in relative.split(os.sep)[:-1]:
        column, equals, value = segment.partition("=")
        if equals and column:
            yield unescape(column), None if value == NULL_SEGMENT else unescape(value)


def unescape(text: str) -> str:
    """Returns the text of a path segment: ``%XX`` are bytes of UTF-8."""
    if "%" not in text:
        return text
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), os.fsencode(text))
    return raw.decode("utf-8", "surrogateescape")


def partition_path(names: Sequence[str], values: Sequence[str | None]) -> str:
    """Returns the directories of a partition below a table's, ``/``-separated; None is NULL.

    Raises:
        InvalidInput: A segment would be longer than file systems take.
    """
    segments = []
    for name, value in zip(names, values, strict=True):
        text = NULL_SEGMENT if value is None else escape(value)
        segment = f"{escape(name)}={'%5F' + text[1:] if value == NULL_SEGMENT else text}"
        if (length := len(os.fsencode(segment))) > MAX_SEGMENT_BYTES:
            raise InvalidInput(
                f"partition value {(value or '')[:40]!r}… of column {name!r} is too long: "
                f"{length} bytes in a path, where file systems take {MAX_SEGMENT_BYTES}",
                kind=ErrorKind.PARTITION_VALUE,
                hint="partition the table by something shorter",
            )
        segments.append(segment)
    return "/".join(segments)


def escape(text: str) -> str:
    """Returns text as a part of a path segment, with Hive's escapes."""
    encoded = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", text)
    if encoded.endswith((".", " ")):
        encoded = f"{encoded[:-1]}%{ord(encoded[-1]):02X}"
    return encoded
