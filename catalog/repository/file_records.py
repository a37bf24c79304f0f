"""Stat records of file sets: which files of a source were seen before, and their hashes.

They serve as those of data files do, see ``stat_records``; there are many more of them, so they
are kept in columns, and nobody makes an object of each. A record file is the hex SHA-256 of what
follows, a line feed, u32 length of an Arrow IPC stream, and one zstd frame of that stream: one
record batch with the columns ``path``, ``size``, ``mtime``, ``ctime``, ``inode``, ``sha256``.
"""

import contextlib
import hashlib
import struct

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import CatalogError, CorruptData
from catalog.repository import columnar
from catalog.repository.columnar import is_compressed
from catalog.storage.store import ObjectStore

RECORDS = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("mtime", pa.int64()),
        ("ctime", pa.int64()),
        ("inode", pa.int64()),
        ("sha256", pa.string()),
    ]
)
"""The columns of records: times in nanoseconds, hashes as hex digits."""

MAX_BYTES = 1 << 30
"""What records are not longer than: those of five million files."""

_ZSTD = pa.Codec("zstd", compression_level=1)
_HEX = r"^[0-9a-f]{64}$"


def read_file_records(store: ObjectStore, table: str, source: str) -> pa.RecordBatch:
    """Returns the records of a source; none if there are none to be trusted."""
    nothing = no_records()
    try:
        checksum, _, packed = store.read(_path(table, source)).data.partition(b"\n")
        if hashlib.sha256(packed).hexdigest().encode() != checksum:
            return nothing
        found = _decoded(packed)
        valid = pc.all(pc.match_substring_regex(found["sha256"], _HEX)).as_py()
        return found if valid is not False else nothing
    except (CatalogError, pa.ArrowException, ValueError, OSError, struct.error, StopIteration):
        return nothing


def no_records() -> pa.RecordBatch:
    """Returns records of nothing."""
    text, number = columnar.strings(()), columnar.integers(())
    columns = [number if field.type == pa.int64() else text for field in RECORDS]
    return pa.RecordBatch.from_arrays(columns, schema=RECORDS)


def _decoded(packed: bytes) -> pa.RecordBatch:
    (size,) = struct.unpack_from("<I", packed)
    if size > MAX_BYTES:
        raise CorruptData("stat records are too long")
    raw = _ZSTD.decompress(memoryview(packed)[4:], decompressed_size=size)
    messages = pa.ipc.MessageReader.open_stream(raw)
    if pa.ipc.read_schema(messages.read_next_message()) != RECORDS:
        raise CorruptData("stat records have other columns")
    message = messages.read_next_message()
    if message.type != "record batch" or is_compressed(message.metadata):
        raise CorruptData("stat records are compressed twice")
    found = pa.ipc.read_record_batch(message, RECORDS)
    found.validate(full=True)
    if any(column.null_count for column in found.columns):
        raise CorruptData("stat records have missing values")
    return found


def write_file_records(
    store: ObjectStore, table: str, source: str, records: pa.RecordBatch
) -> None:
    """Keeps the records of a source, with the columns of ``RECORDS``.

    Where nothing can be written, nothing is kept: the next snapshot reads the files again.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, RECORDS) as writer:
        writer.write_batch(records)
    raw = sink.getvalue()
    if raw.size > MAX_BYTES:
        return
    packed = struct.pack("<I", raw.size) + bytes(_ZSTD.compress(raw, asbytes=True))
    checksum = hashlib.sha256(packed).hexdigest().encode()
    with contextlib.suppress(CatalogError):
        store.put(_path(table, source), checksum + b"\n" + packed)


def _path(table: str, source: str) -> str:
    text = f"{table}\0{source}\0files"
    name = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"cache/stat/{name[:2]}/{name}"
