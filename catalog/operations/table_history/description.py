"""What a commit says of the version that it has: who, when, why, and what the log tells of it."""

import json
from collections.abc import Mapping

from catalog.formats.source import SourceFormat
from catalog.formats.table_state import TableVersion
from catalog.model.commit import time_text

MOST_DETAILS = 100
"""Details of a version that are kept."""

MOST_CHARACTERS = 4000
"""Characters of a detail that are kept: the parameters of a merge may hold whole queries."""

SHOWN_PARAMETERS = 200
"""Characters of an operation's parameters that a message shows."""

VERSION_KEYS: Mapping[SourceFormat, str] = {
    SourceFormat.DELTA: "delta.version",
    SourceFormat.ICEBERG: "iceberg.snapshot-id",
}
"""The metadata of a commit that tell which version it has."""


def table_id_key(format: SourceFormat) -> str:
    """Returns the metadata of a commit that tell which table its version is of."""
    return f"{_prefix(format)}.table-id"


def time_key(format: SourceFormat) -> str:
    """Returns the metadata of a commit that tell when its version was made, by the log."""
    return f"{_prefix(format)}.time"


def is_dated(version: TableVersion) -> bool:
    """Returns whether the log says when a version was made; a checkpoint alone does not."""
    return version.time.timestamp() > 0


def author_of(version: TableVersion) -> str | None:
    """Returns who made a version; None if the log does not say."""
    name = _clipped(_plain(version.details.get("userName", "")))
    return None if name in ("", "null") else name


def message_of(version: TableVersion, format: SourceFormat, *, again: bool = False) -> str:
    """Returns a message: what the version's author said, else what was done.

    A version that comes ``again`` is one that the table was rolled back to.
    """
    if again:
        return f"rolled back to {format} version {version.number}"
    if version.message:
        return _plain(version.message)
    named = f"{format} version {version.number}"
    if not version.operation:
        return named
    shown = _parameters(version.details.get("operationParameters", ""))
    return f"{named}: {_plain(version.operation)}{f' ({shown})' if shown else ''}"


def metadata_of(version: TableVersion, format: SourceFormat, table_id: str) -> dict[str, str]:
    """Returns what the log tells of a version, as metadata of a commit.

    The time is the log's own: a commit's is never before that of its parent, however the clocks
    of those were set who wrote the log.
    """
    prefix = _prefix(format)
    details = list(version.details.items())[:MOST_DETAILS]
    found = {f"{prefix}.{_plain(name)}": _clipped(_plain(value)) for name, value in details}
    if version.operation:
        found[f"{prefix}.operation"] = _plain(version.operation)
    if is_dated(version):
        found[time_key(format)] = time_text(version.time)
    return {
        **found,
        VERSION_KEYS[format]: str(version.number),
        table_id_key(format): _plain(table_id),
    }


def _prefix(format: SourceFormat) -> str:
    return format.value.lower()


def _parameters(stored: str) -> str:
    """Returns an operation's parameters as one line of text: ``mode=Append``."""
    try:
        found = json.loads(stored)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    pairs = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in found.items()
        if value not in (None, "", [], {}, "[]", "{}", "null")
    ]
    text = " ".join(_plain(", ".join(pairs)).split())
    return text if len(text) <= SHOWN_PARAMETERS else f"{text[:SHOWN_PARAMETERS]}…"


def _plain(text: str) -> str:
    """Returns a stranger's text as it can be stored: without halves of surrogate pairs."""
    return text.encode(errors="replace").decode()


def _clipped(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
