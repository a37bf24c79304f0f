"""Versions of a Delta log as we write them: one file of JSON lines for each commit.

Every version begins with what it shows: the catalog, the branch, the table and the commit. So the
newest tells where to go on, and whether somebody else has written since.

Source: Delta Transaction Log Protocol, "Actions".
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData
from catalog.formats.delta.log_types import READ_ONLY, features, schema_json
from catalog.model.commit import Commit, time_text
from catalog.model.ids import canonical_json, is_id, parse_json
from catalog.model.published import Origin, Shown
from catalog.model.table import TableSnapshot

LOG = "_delta_log"
"""The directory of a table's log, below its own."""

_VERSION = re.compile(r"([0-9]{20})\.json")
_PREFIX = "parquetry."
"""Begins the keys of ``commitInfo`` that are ours."""

_NAMESPACE = uuid.UUID("6d1c1b5e-6f0c-5b0e-9d55-7a2f3f0f7c11")
"""Makes ids of published tables, which Delta wants to be UUIDs."""


@dataclass(frozen=True, slots=True)
class AddedFile:
    """A file that a version adds.

    Attributes:
        path: Its path below the table's directory, as the store has it.
        partition: Its partition values as the log has them, by column.
        stats: What is known of its rows.
    """

    path: str
    size_bytes: int
    partition: Mapping[str, str | None]
    stats: Mapping[str, object]


def delta_id(origin: Origin) -> str:
    """Returns the id that the Delta table has, however often it is made again."""
    return str(uuid.uuid5(_NAMESPACE, f"{origin.catalog_id}\n{origin.branch}\n{origin.table}"))


def log_path(version: int) -> str:
    """Returns the path of a version's file below the table's directory."""
    return f"{LOG}/{version:020d}.json"


def version_of(name: str) -> int | None:
    """Returns the number of the version that a file of a log holds; None if it is another file."""
    found = _VERSION.fullmatch(name)
    return None if found is None else int(found[1])


def info_line(shown: Shown, commit: Commit, *, operation: str) -> bytes:
    """Returns the first line of a version: what it shows, and when that was made."""
    origin = shown.origin
    own = {
        "catalog": origin.catalog_id,
        "branch": origin.branch,
        "table": origin.table,
        "commit": shown.commit_id,
        "snapshot": shown.snapshot,
        "time": time_text(commit.time),
        "author": commit.author,
    }
    return _line(
        "commitInfo",
        {
            "timestamp": shown.time_ms,
            "inCommitTimestamp": shown.time_ms,
            "operation": operation,
            "operationParameters": {},
            "engineInfo": "parquetry",
            "userMetadata": commit.message,
            **{_PREFIX + key: value for key, value in own.items()},
        },
    )


def shape_lines(table: TableSnapshot, origin: Origin, *, time_ms: int, first: bool) -> list[bytes]:
    """Returns the lines of a version that say what columns the table has, and who may write it.

    Raises:
        Unsupported: Delta cannot have such columns.
    """
    fields = table.schema.fields
    needed = features(fields)
    readers = {"minReaderVersion": 3, "readerFeatures": list(needed)}
    protocol = {
        **(readers if needed else {"minReaderVersion": 1}),
        "minWriterVersion": 7,
        "writerFeatures": [READ_ONLY, "inCommitTimestamp", *needed],
    }
    configuration = {
        "delta.enableInCommitTimestamps": "true",
        _PREFIX + "catalog": origin.catalog_id,
        _PREFIX + "table": origin.table,
    }
    metadata = {
        "id": delta_id(origin),
        "name": origin.table,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps(schema_json(fields), ensure_ascii=False),
        "partitionColumns": [name for name, _ in table.partition_fields],
        "configuration": configuration,
        **({"createdTime": time_ms} if first else {}),
    }
    return [_line("protocol", protocol), _line("metaData", metadata)]


def add_line(file: AddedFile, time_ms: int) -> bytes:
    """Returns the line of a file that comes."""
    return _line(
        "add",
        {
            "path": encoded_path(file.path),
            "partitionValues": dict(file.partition),
            "size": file.size_bytes,
            "modificationTime": time_ms,
            "dataChange": True,
            "stats": json.dumps(file.stats),
        },
    )


def remove_line(path: str, time_ms: int) -> bytes:
    """Returns the line of a file that goes, by its path as the log has it.

    The file stays in its place, for older versions.
    """
    removed = {"path": path, "deletionTimestamp": time_ms, "dataChange": True}
    return _line("remove", removed)


def encoded_path(path: str) -> str:
    """Returns a path below the table's directory as the log has it: a relative URI."""
    return quote(path, safe="/=-._~")


def shown_by(version: int, data: bytes) -> Shown | None:
    """Returns what a version shows; None if it is not one that we wrote."""
    try:
        first = parse_json(data.partition(b"\n")[0], "a version of a log")
    except CorruptData:
        return None
    info = first.get("commitInfo")
    own = info if isinstance(info, dict) else {}
    time_ms = own.get("timestamp")
    keys = ("catalog", "branch", "table", "commit", "snapshot")
    texts = [own.get(_PREFIX + key) for key in keys]
    catalog_id, branch, table, commit_id, snapshot = (
        text if isinstance(text, str) else None for text in texts
    )
    if catalog_id is None or branch is None or table is None or snapshot is None:
        return None
    if commit_id is None or not is_id(commit_id) or type(time_ms) is not int:
        return None
    return Shown(version, Origin(catalog_id, branch, table), commit_id, snapshot, time_ms)


def live_paths(versions: Iterable[bytes]) -> set[str]:
    """Returns the paths of the files, as the log has them, that the last of all versions shows.

    Raises:
        CorruptData: A line is not readable.
    """
    live: set[str] = set()
    for data in versions:
        for line in data.splitlines():
            match parse_json(line, "a line of a log"):
                case {"add": {"path": str(path)}}:
                    live.add(path)
                case {"remove": {"path": str(path)}}:
                    live.discard(path)
    return live


def version_bytes(lines: Sequence[bytes]) -> bytes:
    """Returns the content of a version's file."""
    return b"".join(line + b"\n" for line in lines)


def _line(action: str, content: Mapping[str, object]) -> bytes:
    return canonical_json({action: content})
