"""File sets: tables with a row for each file of a directory, whose contents the catalog keeps.

Only snapshots and DELETE write their rows, so that each names a content that is there.
"""

import json
import re
import unicodedata
from collections.abc import Mapping

from catalog.errors import CorruptData, ErrorKind, Unsupported
from catalog.model.ids import canonical_json, excerpt
from catalog.model.schema import Field, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar

PROPERTY = "file_set"
"""The property that makes a table a file set."""

VERSION = 1
"""What this release understands of it."""

SCHEMA = Schema(
    (
        Field(1, "path", Scalar("VARCHAR")),
        Field(2, "size", Scalar("BIGINT")),
        Field(3, "media_type", Scalar("VARCHAR")),
        Field(4, "sha256", Scalar("VARCHAR")),
        Field(5, "modified", Scalar("TIMESTAMP WITH TIME ZONE")),
        Field(6, "width", Scalar("INTEGER")),
        Field(7, "height", Scalar("INTEGER")),
        Field(8, "perceptual_hash", Scalar("UBIGINT")),
    )
)
"""The columns of every file set: the last three are NULL for what is no image."""

KEY = (1,)
"""The key of every file set: the path."""

MAX_PATH_BYTES = 4096
"""Longest path, in UTF-8: no system takes a longer one."""

MAX_DEPTH = 255
"""Most directories that a file can lie in: many a tool goes down by a call for each."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DRIVE = re.compile(r"[A-Za-z]:")


def is_file_set(properties: Mapping[str, str]) -> bool:
    """Returns whether the properties of a table say that it is a file set, of any version."""
    return PROPERTY in properties


def new_file_set() -> TableSnapshot:
    """Returns a file set without files."""
    said = canonical_json({"version": VERSION}).decode()
    return TableSnapshot(SCHEMA, len(SCHEMA.fields), key=KEY, properties={PROPERTY: said})


def check_file_set(name: str, table: TableSnapshot) -> None:
    """Checks that a file set is one that this release understands.

    Raises:
        CorruptData: It is not one at all.
        Unsupported: A newer release wrote it.
    """
    said = table.properties.get(PROPERTY, "")
    try:
        stored = json.loads(said) if len(said) < MAX_PATH_BYTES else None
    except (ValueError, RecursionError):
        stored = None
    version = stored.get("version") if isinstance(stored, dict) else None
    if type(version) is not int or version < 1:
        raise CorruptData(f"table {name} is said to be a file set by {excerpt(said)}")
    if version > VERSION:
        raise Unsupported(
            f"table {name} is a file set of version {version}, and this release knows {VERSION}",
            kind=ErrorKind.NEWER_FORMAT,
            hint="use a newer release of Parquetry",
        )
    if (table.schema, table.key, table.partition_by) != (SCHEMA, KEY, ()):
        raise CorruptData(f"table {name} is said to be a file set, and has other columns")


def is_sha256(text: str) -> bool:
    """Returns whether a text can be the hash of a content."""
    return _SHA256.fullmatch(text) is not None


def path_problem(path: str) -> str | None:
    """Returns why a path cannot be that of a file of a file set; None if it can be.

    Such a path can be restored on Linux and macOS, and leads out of where it is restored nowhere.
    """
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    if len(encoded) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    if path.count("/") > MAX_DEPTH:
        return f"it lies in more than {MAX_DEPTH} directories"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "it has an empty part, or one that stands for a directory"
    if "\\" in path:
        return "it has a backslash, which divides directories elsewhere"
    if _DRIVE.match(path):
        return "it begins like a drive"
    if path.isascii() and path.isprintable():
        return None
    if any(unicodedata.category(letter) == "Cc" for letter in path):
        return "it has a control character"
    if not unicodedata.is_normalized("NFC", path):
        return "it is not in Unicode's form NFC, so that two names would look the same"
    return None


def folded(path: str) -> str:
    """Returns what names that are one on machines that ignore case have in common."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path.casefold())
