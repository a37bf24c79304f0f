"""Recognising tables of other formats, and opening them."""

import os
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, NotFound
from catalog.formats.delta.folder import LOG
from catalog.formats.iceberg.opening import SCHEME as ICEBERG
from catalog.formats.iceberg.opening import has_metadata, open_iceberg
from catalog.formats.table_state import SourceTable
from catalog.storage.external_files import check_no_secrets, is_remote, remote_files
from catalog.storage.store import ObjectStore

TableFormat: TypeAlias = Literal["auto", "parquet", "delta", "iceberg", "files"]
"""What a source is; ``auto`` finds out, ``files`` is a directory of anything."""


DELTA = "delta:"
"""Begins the directory of a table of Delta where else it might be something else."""


@dataclass(frozen=True, slots=True)
class TablePlace:
    """A table of another format as it is written in one text: ``delta:lake/events@12``.

    Attributes:
        place: Its place, as ``open_table`` takes it.
        location: The same, without what begins it.
        at: Which version is meant; None is the newest.
    """

    place: str
    location: str
    at: str | None


def table_place(text: str) -> TablePlace | None:
    """Reads a text that begins with ``delta:`` or ``iceberg:``; None if it does not.

    What follows the last ``@`` is a version, unless something of the whole name is there.
    """
    start = next((one for one in (DELTA, ICEBERG) if text.startswith(one)), None)
    if start is None or os.path.lexists(text):
        return None
    location, at, version = text.removeprefix(start).rpartition("@")
    if not at or not version or "/" in version or os.path.lexists(f"{location}@{version}"):
        location, version = text.removeprefix(start), ""
    return TablePlace(f"{start}{location}", location, version or None)


def bare_location(source: object) -> object:
    """Returns a place without what begins it, if that names a format; others as they are."""
    found = table_place(source) if isinstance(source, str) else None
    return source if found is None else found.location


def open_table(place: str, format: TableFormat, store: ObjectStore | None) -> SourceTable | None:
    """Opens a table of another format.

    Args:
        place: A directory, or a URI, both also after ``delta:``; of Iceberg also a metadata file,
            or what ``open_iceberg`` knows.
        format: What it is.
        store: The catalog's store, which may have access to the bucket of the place.

    Returns:
        The table; None if the place is to be taken as Parquet, or as files.

    Raises:
        NotFound: There is no table of that format.
        Unsupported: The library that reads the format is not installed.
    """
    if format in ("parquet", "files"):
        return None
    if place.startswith(ICEBERG) and not os.path.lexists(place):
        return open_iceberg(place, store)
    if place.startswith(DELTA) and not os.path.lexists(place):
        return open_table(place.removeprefix(DELTA), "delta", store)
    root = (check_no_secrets(place) if is_remote(place) else os.path.abspath(place)).rstrip("/")
    if format in ("auto", "delta") and _has_folder(root, LOG, store):
        from catalog.formats.delta.table import DeltaSource

        return DeltaSource(root, store)
    if format == "delta":
        raise _no_table(place, "Delta", f"it has no folder {LOG}")
    if format == "iceberg" or has_metadata(root, store):
        return open_iceberg(root, store)
    return None


def _has_folder(root: str, name: str, store: ObjectStore | None) -> bool:
    """Returns whether a folder has one of some name, with something in it."""
    if not is_remote(root):
        return os.path.isdir(os.path.join(root, name))
    return any(remote_files(store, root).list(f"{root}/{name}/"))


def _no_table(place: str, format: str, why: str) -> NotFound:
    _, at, version = place.rpartition("@")
    apart = f", and the version {version} apart from it" if at and "/" not in version else ""
    return NotFound(
        f"{place} is not a table of {format}: {why}",
        kind=ErrorKind.SOURCE_NOT_FOUND,
        hint=f"name the directory of the table itself{apart}",
    )
