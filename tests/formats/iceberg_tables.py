"""Iceberg tables that PyIceberg does not write: with deletes, defaults, files without ids."""

import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.avro.file import AvroOutputFile
from pyiceberg.io.pyarrow import PyArrowFileIO, schema_to_pyarrow
from pyiceberg.manifest import (
    MANIFEST_LIST_FILE_SCHEMAS,
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
    data_file_with_partition,
    manifest_entry_schema_with_data_file,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import StaticTable
from pyiceberg.typedef import Record
from pyroaring import BitMap64

PATH_ID, POSITION_ID = "2147483546", "2147483545"


class DeleteWriter(ManifestWriterV2):
    """Writes manifests of deletes, with the fields that version 3 of the format adds."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}

    def new_writer(self) -> AvroOutputFile[ManifestEntry]:
        partition = self._spec.partition_type(self._schema)
        file = data_file_with_partition(format_version=3, partition_type=partition)
        schema = manifest_entry_schema_with_data_file(format_version=3, data_file=file)
        return AvroOutputFile[ManifestEntry](
            self._output_file, schema, "manifest_entry", metadata=self._meta
        )


class HandWritten:
    """A table whose files, snapshots and metadata are written one by one.

    Attributes:
        raw: The metadata file to come, as JSON.
    """

    def __init__(
        self,
        root: Path,
        schema: Schema,
        spec: PartitionSpec | None = None,
        *,
        version: int = 2,
        properties: dict[str, str] | None = None,
    ) -> None:
        self.root, self.schema, self.spec = root, schema, spec or PartitionSpec(spec_id=0)
        self.io = PyArrowFileIO()
        (root / "data").mkdir(parents=True)
        (root / "metadata").mkdir()
        self.manifests: list[ManifestFile] = []
        self.raw: dict[str, Any] = {
            "format-version": version,
            "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
            "location": f"file://{root}",
            "last-sequence-number": 0,
            "last-updated-ms": 0,
            "last-column-id": 1000,
            "schemas": [json.loads(schema.model_dump_json(by_alias=True))],
            "current-schema-id": schema.schema_id,
            "partition-specs": [json.loads(self.spec.model_dump_json(by_alias=True))],
            "default-spec-id": self.spec.spec_id,
            "last-partition-id": 1000,
            "sort-orders": [{"order-id": 0, "fields": []}],
            "default-sort-order-id": 0,
            "properties": properties or {},
            "snapshots": [],
            "snapshot-log": [],
            "metadata-log": [],
            "refs": {},
        }
        if version == 3:
            self.raw["next-row-id"] = 0

    def data(
        self,
        name: str,
        rows: list[dict[str, Any]],
        partition: Sequence[Any] = (),
        *,
        ids: bool = True,
    ) -> DataFile:
        """Writes a data file; ``ids``: with field ids."""
        schema = schema_to_pyarrow(self.schema, include_field_ids=ids)
        have = set(rows[0])
        schema = pa.schema([field for field in schema if field.name in have])
        return self.file(name, pa.Table.from_pylist(rows, schema), partition)

    def file(self, name: str, table: pa.Table, partition: Sequence[Any] = ()) -> DataFile:
        """Writes a data file of a table as it is."""
        path = self.root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=4)
        return self._entry(path, DataFileContent.DATA, table.num_rows, partition)

    def positions(
        self, name: str, places: dict[str, list[int]], partition: Sequence[Any] = ()
    ) -> DataFile:
        """Writes position deletes: rows by the name of the data file."""
        rows = [(self.uri(file), place) for file, found in places.items() for place in found]
        fields = [
            pa.field("file_path", pa.string(), False, {"PARQUET:field_id": PATH_ID}),
            pa.field("pos", pa.int64(), False, {"PARQUET:field_id": POSITION_ID}),
        ]
        columns: list[Any] = [[path for path, _ in rows], [place for _, place in rows]]
        path = self.root / "data" / name
        pq.write_table(pa.table(columns, schema=pa.schema(fields)), path)
        return self._entry(path, DataFileContent.POSITION_DELETES, len(rows), partition)

    def equality(self, name: str, table: pa.Table, ids: list[int]) -> DataFile:
        """Writes equality deletes."""
        path = self.root / "data" / name
        pq.write_table(table, path)
        return self._entry(
            path, DataFileContent.EQUALITY_DELETES, table.num_rows, (), equality_ids=ids
        )

    def vectors(self, name: str, places: dict[str, list[int]]) -> list[DataFile]:
        """Writes a file of deletion vectors: rows by the name of the data file."""
        body, blobs, found = b"PFA1", [], []
        for file, rows in places.items():
            bitmap = BitMap64(rows)
            inner = b"\xd1\xd3\x39\x64" + bitmap.serialize()
            blob = len(inner).to_bytes(4, "big") + inner + zlib.crc32(inner).to_bytes(4, "big")
            blobs.append(
                {
                    "type": "deletion-vector-v1",
                    "fields": [2147483546],
                    "snapshot-id": -1,
                    "sequence-number": -1,
                    "offset": len(body),
                    "length": len(blob),
                    "properties": {
                        "referenced-data-file": self.uri(file),
                        "cardinality": str(len(bitmap)),
                    },
                }
            )
            found.append((file, len(bitmap), len(body), len(blob)))
            body += blob
        footer = json.dumps({"blobs": blobs}).encode()
        body += b"PFA1" + footer + len(footer).to_bytes(4, "little") + b"\0\0\0\0" + b"PFA1"
        path = self.root / "data" / name
        path.write_bytes(body)
        return [
            self._entry(
                path,
                DataFileContent.POSITION_DELETES,
                count,
                (),
                file_format=FileFormat.PUFFIN,
                referenced_data_file=self.uri(file),
                content_offset=offset,
                content_size_in_bytes=length,
            )
            for file, count, offset, length in found
        ]

    def uri(self, name: str) -> str:
        """Returns what the table calls a file."""
        return f"file://{self.root / 'data' / name}"

    def _entry(
        self,
        path: Path,
        content: DataFileContent,
        rows: int,
        partition: Sequence[Any],
        **others: Any,
    ) -> DataFile:
        deletes = content != DataFileContent.DATA
        return DataFile.from_args(
            3 if deletes else 2,
            **{"file_format": FileFormat.PARQUET, **others},
            content=content,
            file_path=f"file://{path}",
            partition=Record(*partition),
            record_count=rows,
            file_size_in_bytes=os.path.getsize(path),
        )

    def commit(self, added: Sequence[DataFile] = (), deletes: Sequence[DataFile] = ()) -> int:
        """Adds files in a snapshot, which becomes the current one; returns its id."""
        number = len(self.raw["snapshots"]) + 1
        snapshot, parent = 100 + number, 99 + number
        folder = f"file://{self.root}/metadata"
        for kind, files in (("data", added), ("deletes", deletes)):
            if not files:
                continue
            output = self.io.new_output(f"{folder}/{kind}-{snapshot}.avro")
            make = ManifestWriterV2 if kind == "data" else DeleteWriter
            with make(self.spec, self.schema, output, snapshot, "deflate") as writer:
                for file in files:
                    entry = ManifestEntry.from_args(
                        2 if kind == "data" else 3,
                        status=ManifestEntryStatus.ADDED,
                        snapshot_id=snapshot,
                        data_file=file,
                    )
                    writer.add_entry(entry)
            manifest = writer.to_manifest_file()
            manifest.sequence_number = manifest.min_sequence_number = number
            self.manifests.append(manifest)
        location = f"{folder}/list-{snapshot}.avro"
        schema = MANIFEST_LIST_FILE_SCHEMAS[2]
        with AvroOutputFile[ManifestFile](
            self.io.new_output(location), schema, "manifest_file", metadata={}
        ) as lists:
            lists.write_block(self.manifests)
        self.raw["last-sequence-number"] = number
        self.raw["last-updated-ms"] = number * 1000
        self.raw["current-snapshot-id"] = snapshot
        self.raw["snapshots"].append(
            {
                "snapshot-id": snapshot,
                **({"parent-snapshot-id": parent} if number > 1 else {}),
                "sequence-number": number,
                "timestamp-ms": number * 1000,
                "manifest-list": location,
                "summary": {"operation": "overwrite" if deletes else "append"},
                "schema-id": self.raw["current-schema-id"],
                "first-row-id": 0,
                "added-rows": 0,
            }
        )
        self.raw["snapshot-log"].append({"snapshot-id": snapshot, "timestamp-ms": number * 1000})
        self.raw["refs"]["main"] = {"snapshot-id": snapshot, "type": "branch"}
        return snapshot

    def evolve(self, schema: Schema) -> None:
        """Gives the table other columns."""
        self.schema = schema
        self.raw["schemas"].append(json.loads(schema.model_dump_json(by_alias=True)))
        self.raw["current-schema-id"] = schema.schema_id

    def write(self, name: str = "v1") -> Path:
        """Writes the metadata file; returns the directory of the table."""
        (self.root / "metadata" / f"{name}.metadata.json").write_text(json.dumps(self.raw))
        return self.root

    def oracle(self, name: str = "v1") -> StaticTable:
        """Returns the table as PyIceberg opens it."""
        return StaticTable.from_metadata(f"{self.root}/metadata/{name}.metadata.json")
