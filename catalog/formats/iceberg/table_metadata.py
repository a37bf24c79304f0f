"""The metadata file of an Iceberg table, read where every feature that it uses is known."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, Unsupported

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata

VERSIONS = (1, 2, 3)
"""Versions of the format that are read."""

_PLAIN_TYPES = frozenset(
    (
        *("boolean", "int", "long", "float", "double", "string", "uuid", "binary", "date", "time"),
        *("timestamp", "timestamptz", "timestamp_ns", "timestamptz_ns"),
    )
)
_TYPES_WITH_PARAMETERS = ("decimal(", "fixed[")
MAX_LEVELS = 40
"""Types within types that are read: PyIceberg descends into them by recursion."""

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a metadata file says.

    Attributes:
        path: Where it is.
        table: What it says, as PyIceberg has it.
        table_id: The id that the table itself has.
        unreadable: Why a schema is not read, by its id.
    """

    path: str
    table: "TableMetadata"
    table_id: str
    unreadable: Mapping[int, str]


def parse_metadata(data: bytes, path: str) -> Metadata:
    """Reads a metadata file, which may be compressed.

    Raises:
        CorruptData: It is not one, or damaged.
        Unsupported: The table has a feature that is not known; the message names it.
    """
    try:
        stored = json.loads(gzip.decompress(data) if data[:2] == _GZIP else data)
    except (ValueError, OSError, EOFError, zlib.error, RecursionError) as error:
        raise damaged(path, error) from error
    if isinstance(stored, dict) and "view-uuid" in stored:
        raise refused(path, "a view, which has no rows of its own")
    if not isinstance(stored, dict) or "format-version" not in stored:
        raise damaged(path, "it has no format-version")
    return checked_metadata(stored, path)


def checked_metadata(stored: dict[str, Any], path: str) -> Metadata:
    """Reads a table's metadata from their JSON form; see ``parse_metadata``."""
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.table.metadata import TableMetadataUtil

    version = stored["format-version"]
    if version not in VERSIONS:
        known = ", ".join(map(str, VERSIONS))
        raise refused(path, f"format version {version} of Iceberg: versions {known} are read")
    _check_not_encrypted(stored, path)
    unreadable = _drop_unreadable(stored, path)
    for snapshot in _dicts(stored.get("snapshots")):
        if "manifest-list" not in snapshot and "manifests" in snapshot:
            raise refused(
                path, "snapshots without a manifest list, of the first version of Iceberg"
            )
    table_id = stored.get("table-uuid") or f"{stored.get('location')}"
    try:
        table = TableMetadataUtil.parse_obj(stored)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(path, error) from error
    return Metadata(path, table, str(table_id), unreadable)


def damaged(path: str, reason: Exception | str) -> CorruptData:
    """Returns the error for a file of a table's metadata that is damaged."""
    text = " ".join(str(reason).split())[:200] or type(reason).__name__
    return CorruptData(
        f"{path.removeprefix('file://')} is damaged, or no file of an Iceberg table: {text}",
        kind=ErrorKind.LOG_DAMAGED,
        hint="restore it, or snapshot another version of the table",
    )


def refused(path: str, feature: str) -> Unsupported:
    """Returns the error for a feature of a table that is not known."""
    return Unsupported(
        f"{path.removeprefix('file://')} uses what is not read: {feature}",
        kind=ErrorKind.UNSUPPORTED_FEATURE,
        hint="write the table without it, or snapshot files that an engine exports",
    )


def _check_not_encrypted(stored: Mapping[str, Any], path: str) -> None:
    properties = stored.get("properties")
    keyed = any("key-id" in one for one in _dicts(stored.get("snapshots")))
    named = isinstance(properties, dict) and "encryption.key-id" in properties
    if stored.get("encryption-keys") or keyed or named:
        raise Unsupported(
            f"the table of {path} is encrypted",
            kind=ErrorKind.ENCRYPTED,
            hint="write the table again without encryption",
        )


def _drop_unreadable(stored: dict[str, Any], path: str) -> dict[int, str]:
    """Takes schemas with unknown types away, if they are not the current one.

    Returns:
        Why they are not read, by their ids.
    """
    unreadable: dict[int, str] = {}
    kept = []
    current = stored.get("current-schema-id", 0)
    schemas = stored.get("schemas")
    for schema in (*_dicts(schemas), *_dicts([stored.get("schema")])):
        problem = next(_unknown_types(schema, ""), None)
        if not isinstance(schema.get("schema-id", 0), int):
            raise damaged(path, "a schema in it has no id")
        if problem is not None and schema.get("schema-id", 0) == current:
            raise refused(path, problem)
        if problem is not None:
            unreadable[schema.get("schema-id", 0)] = problem
        elif schemas and schema in schemas:
            kept.append(schema)
    if schemas:
        stored["schemas"] = kept
    return unreadable


def _dicts(values: object) -> Iterator[dict[str, Any]]:
    yield from (
        one for one in (values if isinstance(values, list) else ()) if isinstance(one, dict)
    )


def _unknown_types(kind: object, path: str, level: int = 0) -> Iterator[str]:
    """Yields what is unknown in a type, by the columns that it is in."""
    match kind:
        case dict() if level > MAX_LEVELS:
            yield f"a column nested in more than {MAX_LEVELS} levels"
        case str(name):
            known = name in _PLAIN_TYPES or name.startswith(_TYPES_WITH_PARAMETERS)
            if not known:
                yield f"column {path} of type {name.partition('(')[0]}"
        case {"type": "struct", "fields": list(fields)}:
            for field in _dicts(fields):
                name = f"{path}.{field.get('name')}".lstrip(".")
                yield from _unknown_types(field.get("type"), name, level + 1)
        case {"type": "list", "element": element}:
            yield from _unknown_types(element, f"{path}.element", level + 1)
        case {"type": "map", "key": key, "value": value}:
            yield from _unknown_types(key, f"{path}.key", level + 1)
            yield from _unknown_types(value, f"{path}.value", level + 1)
        case _:
            yield f"column {path} of an unknown type"
