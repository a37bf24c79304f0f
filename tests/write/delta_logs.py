"""Tables of Delta written by hand: what the library reads, and does not write."""

import base64
import json
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_PYTHON = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


class HandWritten:
    """A table whose log is written line by line."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.version = -1
        (root / "_delta_log").mkdir(parents=True)

    def commit(self, *actions: Mapping[str, Any]) -> None:
        """Writes the next version."""
        self.version += 1
        info = {"commitInfo": {"timestamp": 1_700_000_000_000 + self.version, "operation": "TEST"}}
        text = "".join(json.dumps(action) + "\n" for action in (info, *actions))
        (self.root / f"_delta_log/{self.version:020}.json").write_text(text)

    def file(self, name: str, rows: pa.Table, **more: Any) -> dict[str, Any]:
        """Writes a data file, and returns the action that adds it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path)
        return self.add(name, **more)

    def add(self, name: str, **more: Any) -> dict[str, Any]:
        """Returns the action that adds a data file that is there."""
        path = self.root / name
        size, rows = os.path.getsize(path), pq.read_metadata(path).num_rows
        stats = json.dumps({"numRecords": rows})
        own = {"path": name, "size": size, "modificationTime": 0, "dataChange": True}
        return {"add": {**own, "partitionValues": {}, "stats": stats, **more}}


def remove(name: str, **more: Any) -> dict[str, Any]:
    return {"remove": {"path": name, "deletionTimestamp": 0, "dataChange": True, **more}}


def protocol(*features: str) -> dict[str, Any]:
    versions: dict[str, Any] = {"minReaderVersion": 3, "minWriterVersion": 7}
    return {"protocol": {**versions, "readerFeatures": features, "writerFeatures": features}}


def metadata(
    fields: Sequence[Mapping[str, Any]],
    *,
    partition_by: Sequence[str] = (),
    **settings: str,
) -> dict[str, Any]:
    schema = json.dumps({"type": "struct", "fields": fields})
    own = {"id": "hand", "format": {"provider": "parquet", "options": {}}, "schemaString": schema}
    return {"metaData": {**own, "partitionColumns": partition_by, "configuration": settings}}


def column(name: str, kind: Any, physical: str = "", number: int = 0) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    if physical:
        mapping = {
            "delta.columnMapping.physicalName": physical,
            "delta.columnMapping.id": number,
        }
    return {"name": name, "type": kind, "nullable": True, "metadata": mapping}


def deleted(rows: Iterable[int]) -> dict[str, Any]:
    """Returns a deletion vector within the log, of rows below 65,536."""
    places = sorted(rows)
    body = struct.pack("<Iqi", 1681511377, 1, 0)
    body += struct.pack("<IIHHI", 12346, 1, 0, len(places) - 1, 16)
    body += struct.pack(f"<{len(places)}H", *places)
    padded = body + b"\0" * (-len(body) % 4)
    text = base64.b85encode(padded).decode().translate(str.maketrans(_PYTHON, _Z85))
    return {
        "storageType": "i",
        "pathOrInlineDv": text,
        "sizeInBytes": len(body),
        "cardinality": len(places),
    }
