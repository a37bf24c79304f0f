"""Manifests and manifest lists as Avro, by PyIceberg, in memory: equal entries give equal bytes."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import CorruptData, ErrorKind, Unsupported
from catalog.hints import Option, hint

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestEntry, ManifestFile
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema

VERSION: Literal[2] = 2
"""The format of Iceberg that is written: the newest that all readers here read."""

_BLOCK = 1000
"""Entries of one block of Avro, which are compressed together."""


def check_installed() -> None:
    """Checks that PyIceberg is there.

    Raises:
        Unsupported: It is not; the hint names what to install.
    """
    try:
        import pyiceberg.manifest  # noqa: F401
    except ImportError as error:
        raise Unsupported(
            "writing Iceberg metadata needs pyiceberg, which is not installed",
            kind=ErrorKind.EXTRA_NOT_INSTALLED,
            hint="install it with pip install 'parquetry[iceberg]'",
        ) from error


def manifest_bytes(
    entries: "Sequence[ManifestEntry]",
    *,
    schema: "Schema",
    spec: "PartitionSpec",
) -> bytes:
    """Returns the content of a manifest of data files."""
    from pyiceberg.manifest import (
        DEFAULT_READ_VERSION,
        data_file_with_partition,
        manifest_entry_schema_with_data_file,
    )

    partition = spec.partition_type(schema)

    def shape(version: Literal[1, 2, 3]) -> "Schema":
        file = data_file_with_partition(partition, version)
        return manifest_entry_schema_with_data_file(version, file)

    return _avro(
        entries,
        name="manifest_entry",
        file_schema=shape(VERSION),
        record_schema=shape(DEFAULT_READ_VERSION),
        metadata={
            "schema": schema.model_dump_json(),
            "partition-spec": json.dumps(spec.model_dump(mode="json", by_alias=True)["fields"]),
            "partition-spec-id": str(spec.spec_id),
            "format-version": str(VERSION),
            "content": "data",
        },
    )


def manifest_list_bytes(
    manifests: "Sequence[ManifestFile]",
    *,
    snapshot_id: int,
    parent_id: int | None,
    sequence_number: int,
) -> bytes:
    """Returns the content of a manifest list."""
    from pyiceberg.manifest import DEFAULT_READ_VERSION, MANIFEST_LIST_FILE_SCHEMAS

    return _avro(
        manifests,
        name="manifest_file",
        file_schema=MANIFEST_LIST_FILE_SCHEMAS[VERSION],
        record_schema=MANIFEST_LIST_FILE_SCHEMAS[DEFAULT_READ_VERSION],
        metadata={
            "snapshot-id": str(snapshot_id),
            "parent-snapshot-id": "null" if parent_id is None else str(parent_id),
            "sequence-number": str(sequence_number),
            "format-version": str(VERSION),
        },
    )


def read_manifests(location: str, content: bytes) -> "list[ManifestFile]":
    """Returns the manifests that a manifest list has.

    Raises:
        CorruptData: It is damaged.
    """
    from pyiceberg.manifest import read_manifest_list

    from catalog.formats.iceberg.avro import BytesFile

    with _decoding(location, content):
        return list(read_manifest_list(BytesFile(location, content)))


def read_entries(manifest: "ManifestFile", content: bytes) -> "list[ManifestEntry]":
    """Returns the entries of a manifest that are live, with all that they inherit.

    Raises:
        CorruptData: It is damaged.
    """
    from catalog.formats.iceberg.avro import BytesFile
    from catalog.formats.iceberg.file_io import TableFiles

    class Memory(TableFiles):
        def new_input(self, location: str) -> Any:
            return BytesFile(location, content)

    with _decoding(manifest.manifest_path, content):
        return manifest.fetch_manifest_entry(Memory(None), discard_deleted=True)


@contextmanager
def _decoding(location: str, content: bytes) -> Iterator[None]:
    """Checks that bytes are whole, and has what PyIceberg cannot decode name the file."""
    from catalog.formats.iceberg.avro import UNDECODABLE, check_whole

    try:
        check_whole(content)
        yield
    except UNDECODABLE as error:
        raise CorruptData(
            f"{location} is damaged, which says what files the table has",
            kind=ErrorKind.LOG_DAMAGED,
            hint=hint("make the table anew from the commits: {}", Option("again")),
        ) from error


def _avro(
    records: Sequence[Any],
    *,
    name: str,
    file_schema: "Schema",
    record_schema: "Schema",
    metadata: Mapping[str, str],
) -> bytes:
    """Returns an Avro file; its sync marker, which is random elsewhere, comes from its header."""
    from pyiceberg.avro.file import AvroOutputFile

    output = _output()
    writer: AvroOutputFile[Any] = AvroOutputFile(
        output_file=output,
        file_schema=file_schema,
        schema_name=name,
        record_schema=record_schema,
        metadata={**metadata, "avro.codec": "deflate"},
    )
    header = "\n".join(f"{key}={metadata[key]}" for key in sorted(metadata))
    writer.sync_bytes = hashlib.sha256(f"{name}\n{header}".encode()).digest()[:16]
    with writer:
        for start in range(0, len(records), _BLOCK):
            writer.write_block(list(records[start : start + _BLOCK]))
    return bytes(output.content)


class _Kept(io.BytesIO):
    """A stream that keeps its bytes when it is closed."""

    content = b""

    def close(self) -> None:
        self.content = self.getvalue()
        super().close()


def _output() -> Any:
    from pyiceberg.io import OutputFile

    class Output(OutputFile):
        def __init__(self) -> None:
            super().__init__("")
            self.stream = _Kept()

        @property
        def content(self) -> bytes:
            return self.stream.content

        def __len__(self) -> int:
            return len(self.content)

        def exists(self) -> bool:
            return False

        def to_input_file(self) -> Any:  # asked for by the interface; an encoder reads nothing
            raise NotImplementedError

        def create(self, overwrite: bool = False) -> Any:
            return self.stream

    return Output()
