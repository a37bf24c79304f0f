"""Which metadata file of a directory is the table's current one.

A catalog knows it; a directory by itself may not. Where it cannot be told, nothing is guessed:
files of a table that was dropped and created again, or of a commit that lost a race, look like
others.
"""

import os
import re
from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.failures import storage_errors
from catalog.storage.store import ObjectStore

HINT = "version-hint.text"

_NAME = re.compile(
    r"(?:v(?P<version>[0-9]{1,18})|(?P<number>[0-9]{1,18})-[^/]*?)"
    r"(?:\.gz\.metadata\.json|\.metadata\.json(?:\.gz)?)"
)

UNNUMBERED = -1
"""The number of a metadata file whose name has none."""

_TABLE_ID = re.compile(rb'"table-uuid"\s*:\s*"([^"]{1,64})"')
"""Where a metadata file has the table's id."""


@dataclass(frozen=True, slots=True)
class MetadataFolder:
    """The directory ``metadata`` of a table.

    Attributes:
        place: The directory, or its URI.
        names: The names of its metadata files, with their numbers.
        hinted: Whether a file says which is the current one.
    """

    place: str
    names: Mapping[str, int]
    hinted: bool
    store: ObjectStore | None

    def read(self, name: str) -> bytes:
        """Returns the bytes of a file in the directory."""
        return read_place(f"{self.place}/{name}", self.store)


def read_place(place: str, store: ObjectStore | None) -> bytes:
    """Returns the bytes of a file that a user named.

    Raises:
        CorruptData: It is a pipe or the like, which may never end.
        NotFound: There is none.
    """
    if is_remote(place):
        return remote_files(store, place).open(place).read()
    if os.path.exists(place) and not os.path.isfile(place):
        raise CorruptData(f"{place} is not a regular file", kind=ErrorKind.LOG_DAMAGED)
    with storage_errors(place, f"cannot read {place}"), open(place, "rb") as file:
        return file.read()


def metadata_folder(root: str, store: ObjectStore | None) -> MetadataFolder | None:
    """Returns where a table has its metadata; None if the directory or prefix is no table."""
    place = f"{root.rstrip('/')}/metadata"
    if is_remote(root):
        listed = [one.uri[len(place) + 1 :] for one in remote_files(store, root).list(f"{place}/")]
    else:
        try:
            listed = os.listdir(place)
        except PermissionError as error:  # else its files would be taken without it
            raise StorageFailure(
                f"cannot read {place}: {error.strerror}", hint="check its permissions"
            ) from error
        except OSError:
            return None
    numbers = {name: _number(name) for name in listed if is_metadata_file(name)}
    if not numbers and not any(name.endswith(".avro") for name in listed):
        return None
    return MetadataFolder(place, numbers, HINT in listed, store)


def _number(name: str) -> int:
    """Returns the number of a metadata file by its name, which begins with it."""
    match = _NAME.fullmatch(name)
    return UNNUMBERED if match is None else int(match["version"] or match["number"])


def current_file(folder: MetadataFolder) -> str:
    """Returns the name of the current metadata file.

    Raises:
        CorruptData: The file that is said to be the current one is missing, or there is none.
        InvalidInput: It cannot be told which is the current one.
    """
    if not folder.names:
        raise CorruptData(
            f"{folder.place} has manifests of a table of Iceberg, and no metadata file",
            kind=ErrorKind.LOG_DAMAGED,
            hint="restore the files *.metadata.json",
        )
    if folder.hinted:
        return _hinted(folder)
    newest = max(folder.names.values())
    found = [name for name, number in folder.names.items() if number == newest]
    if len(found) > 1 or (UNNUMBERED in folder.names.values() and len(folder.names) > 1):
        found = found if len(found) > 1 else [*found, *folder.names]
        raise _ambiguous(folder, found, "each may be the current one")
    _check_one_table(folder, found[0])
    return found[0]


def _hinted(folder: MetadataFolder) -> str:
    """Returns the file that the hint names, or a later one: writers write the hint last."""
    text = folder.read(HINT).decode(errors="replace").strip()
    if text.endswith(".json") and text in folder.names:
        return text
    by_version = {n: name for name, n in folder.names.items() if name.startswith("v")}
    named = f"{text}.metadata.json"
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        if named in folder.names:
            return named
    elif int(text) in by_version:
        number = int(text)
        while number + 1 in by_version:
            number += 1
        return by_version[number]
    raise CorruptData(
        f"{folder.place}/{HINT} names version {text[:80]!r}, which is missing",
        kind=ErrorKind.LOG_DAMAGED,
        hint="restore that metadata file, or name the one to read: "
        f"{folder.place}/NAME.metadata.json",
    )


def _check_one_table(folder: MetadataFolder, newest: str) -> None:
    """Checks that all files are versions of one table, unless their numbers say so already.

    A table that is dropped leaves its files, and one that is created in its place begins to count
    anew: the greatest number is then not that of the current file.
    """
    numbers = sorted(folder.names.values())
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return
    own = _table_id(folder, newest)
    others = [name for name in folder.names if _table_id(folder, name) != own]
    if others:
        raise _ambiguous(folder, [newest, others[0]], "they are of different tables")


def _table_id(folder: MetadataFolder, name: str) -> bytes:
    from gzip import decompress

    data = folder.read(name)
    try:
        found = _TABLE_ID.search(decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except (OSError, EOFError, ValueError):
        return b""
    return b"" if found is None else found[1]


def _ambiguous(folder: MetadataFolder, names: Sequence[str], why: str) -> InvalidInput:
    shown = " and ".join(sorted(names)[:2])
    return InvalidInput(
        f"{folder.place} does not say which of its files is the current one: {shown}; {why}",
        kind=ErrorKind.OTHER_FORMAT,
        hint="name the metadata file itself, or the table in its catalog: "
        "iceberg:CATALOG/NAMESPACE.TABLE",
    )


def not_a_table(place: str) -> NotFound:
    """Returns the error for a place that no Iceberg table is at."""
    return NotFound(
        f"{place} is no table of Iceberg: it has no metadata/*.metadata.json",
        kind=ErrorKind.SOURCE_NOT_FOUND,
        hint="name the table's directory, a metadata file, or iceberg:CATALOG/NAMESPACE.TABLE",
    )


def table_of(path: str) -> str:
    """Returns the directory of the table that a metadata file belongs to."""
    folder, _, _ = path.rpartition("/")
    above, _, name = folder.rpartition("/")
    return above if name == "metadata" and above else folder or "/"


def is_metadata_file(place: str) -> bool:
    """Returns whether a place is a metadata file by its name."""
    return place.endswith((".metadata.json", ".metadata.json.gz"))
