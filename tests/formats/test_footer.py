"""Footers that lie, are damaged or encrypted: an error in one line, and the process goes on."""

import base64
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from catalog.errors import CatalogError, CorruptData, ErrorKind, Unsupported
from catalog.formats.footer import checked_metadata, source_label
from catalog.formats.parquet import read_footer
from catalog.formats.recent import KEPT_BYTES, Recent
from catalog.formats.thrift import DEPTH, ThriftError, read_struct
from tests.formats.tiny_parquet import (
    BINARY,
    BYTES,
    FIXED,
    I32,
    I64,
    LIST,
    STRUCT,
    varint,
    write_tiny,
)

STATS = 12
SIZES = 16


def bounds(low: Any, high: Any, *, numbers: tuple[int, int] = (6, 5)) -> dict[int, Any]:
    """Returns statistics of a chunk."""
    return {STATS: (STRUCT, {numbers[1]: (BINARY, high), numbers[0]: (BINARY, low)})}


HOSTILE: dict[str, dict[str, Any]] = {
    "codec": {"meta": {4: (I32, 5000)}},
    "codec below 0": {"meta": {4: (I32, -1)}},
    "codec of another type": {"meta": {4: (I64, 0), 5: (I32, 1)}},
    "encoding": {"meta": {2: (LIST, (I32, [99]))}},
    "encoding of some pages": {
        "meta": {13: (LIST, (STRUCT, [{1: (I32, 0), 2: (I32, 99), 3: (I32, 1)}]))}
    },
    "kind of some pages": {
        "meta": {13: (LIST, (STRUCT, [{1: (I32, 9), 2: (I32, 0), 3: (I32, 1)}]))}
    },
    "short bounds": {"meta": bounds(b"1", b"12")},
    "empty bounds": {"meta": bounds(b"", b"")},
    "short deprecated bounds": {"meta": bounds(b"1", b"2", numbers=(2, 1))},
    "bounds of a number": {"meta": {STATS: (STRUCT, {5: (I32, 1), 6: (I32, 1)})}},
    "type": {"meta": {1: (I32, BYTES)}},
    "unknown type": {"meta": {1: (I32, 99)}},
    "unknown type in the schema": {"element": {1: (I32, 99)}},
    "unknown repetition": {"element": {3: (I32, 9)}},
    "no metadata": {"chunk": {3: None}},
    "another file": {"chunk": {1: (BINARY, "other.parquet")}},
    "negative size": {"meta": {7: (I64, -5)}},
    "negative values": {"meta": {5: (I64, -5)}},
    "negative rows": {"group": {3: (I64, -5)}},
    "offset beyond the file": {"meta": {9: (I64, 1 << 40)}},
    "negative offset": {"meta": {9: (I64, -9)}},
    "negative dictionary": {"meta": {11: (I64, -9)}},
    "huge size": {"meta": {7: (I64, 1 << 60)}},
    "name": {"element": {4: (BINARY, b"\xff")}},
    "histogram": {"meta": {SIZES: (STRUCT, {3: (LIST, (I64, [1, 2, 3]))})}},
    "sizes of text": {"meta": {SIZES: (STRUCT, {1: (I64, 5)})}},
    "no columns in a row group": {"group": {1: (LIST, (STRUCT, []))}},
    "row groups that are numbers": {"footer": {4: (LIST, (I32, [1]))}},
    "no schema": {"footer": {2: (LIST, (STRUCT, []))}},
    "more columns than children": {
        "footer": {
            2: (
                LIST,
                (STRUCT, [{4: (BINARY, "r"), 5: (I32, 0)}, {1: (I32, 2), 4: (BINARY, "a")}]),
            )
        }
    },
    "fewer columns than children": {"footer": {2: (LIST, (STRUCT, [{5: (I32, 9)}]))}},
    "encrypted without algorithm": {"chunk": {8: (STRUCT, {2: (STRUCT, {})})}},
    "groups without end": {
        "footer": {
            2: (
                LIST,
                (
                    STRUCT,
                    [{4: (BINARY, "a"), 5: (I32, 1), 3: (I32, 0)}] * 5000
                    + [{1: (I32, 2), 3: (I32, 0), 4: (BINARY, "a")}],
                ),
            )
        }
    },
}

PROBE = """
import sys
from catalog.errors import CatalogError
from catalog.formats.parquet import read_footer
from catalog.formats.recent import KEPT_BYTES, Recent
from catalog.diff.fingerprints.compute import compute
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.model.datafile import DataFile
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot

for path in sys.stdin.read().splitlines():
    try:
        footer = read_footer(path)
        columns = [PhysicalColumn(c.name, c.type, i) for i, c in enumerate(footer.columns)]
        ids = tuple(column.field_id for column in columns)
        schema = Schema(tuple(Field(c.field_id, c.name, c.type) for c in columns))
        table = TableSnapshot(schema, len(ids), file_schemas={"s": FileSchema(tuple(columns))})
        file = DataFile(path, "", 0, footer.rows, (), "s")
        print("read", compute(path, KeyedFile(table, file, (), path)).rows, flush=True)
    except CatalogError as error:
        assert "\\n" not in str(error)
        print(error.kind, path in str(error), bool(error.hint), flush=True)
"""


def probed(paths: list[Path]) -> list[str]:
    """Returns what became of each file in a process of their own, which must not be aborted."""
    text = "\n".join(map(str, paths))
    done = subprocess.run(
        [sys.executable, "-c", PROBE], input=text, capture_output=True, text=True, timeout=100
    )
    lines = done.stdout.splitlines()
    reached = paths[len(lines)].name if len(lines) < len(paths) else ""
    assert done.returncode == 0, (reached, done.stderr[-500:])
    return lines


@pytest.mark.invariant("A damaged or encrypted Parquet file never ends the process")
def test_what_arrow_would_abort_on_is_refused(tmp_path: Path) -> None:
    paths = []
    for name, fields in HOSTILE.items():
        paths.append(tmp_path / f"{name}.parquet")
        write_tiny(paths[-1], **fields)
    assert dict(zip(HOSTILE, probed(paths), strict=True)) == dict.fromkeys(
        HOSTILE, "damaged-parquet True True"
    )


def test_flipped_bytes_end_in_an_answer_or_in_an_error(tmp_path: Path) -> None:
    rng = random.Random(20)
    good = tmp_path / "good.parquet"
    duckdb.execute(
        "COPY (SELECT range i, 'x' || range % 7 s, range::DOUBLE d, {'a': range} st, [range] l, "
        f"MAP {{'k': range}} m, uuid() u FROM range(200)) TO '{good}'"
    )
    rows = {"i": range(200), "s": [str(i % 9) if i % 5 else None for i in range(200)]}
    arrow = tmp_path / "arrow.parquet"
    pq.write_table(
        pa.table(rows), arrow, row_group_size=70, data_page_version="2.0", write_page_index=True
    )
    paths = []
    for source in (good, arrow):
        whole = source.read_bytes()
        start = len(whole) - 8 - struct.unpack("<I", whole[-8:-4])[0]
        for n in range(160):
            changed = bytearray(whole)
            at = rng.randrange(4, len(whole)) if n % 8 == 0 else rng.randrange(start, len(whole))
            changed[at] ^= 1 << rng.randrange(8)
            paths.append(tmp_path / f"{source.stem}-{n}-{at}.parquet")
            paths[-1].write_bytes(changed if n % 16 else changed[:at])
    outcomes = probed(paths)
    assert len(outcomes) == len(paths)
    assert {line for line in outcomes if line.startswith("damaged")} == {
        "damaged-parquet True True"
    }


class _Kms(pe.KmsClient):
    def __init__(self, config: Any) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, master: str) -> bytes:
        return base64.b64encode(key)

    def unwrap_key(self, wrapped: bytes, master: str) -> bytes:
        return base64.b64decode(wrapped)


@pytest.mark.parametrize("plaintext_footer", [True, False])
@pytest.mark.parametrize("uniform", [True, False])
def test_encrypted_files_are_called_encrypted(
    tmp_path: Path, plaintext_footer: bool, uniform: bool
) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    columns = {"uniform_encryption": True} if uniform else {"column_keys": {"c": ["b"]}}
    properties = pe.CryptoFactory(_Kms).file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration("f", plaintext_footer=plaintext_footer, **columns),
    )
    path = tmp_path / "t.parquet"
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    with pytest.raises(Unsupported, match="encrypted") as failure:
        read_footer(str(path))
    assert failure.value.kind is ErrorKind.ENCRYPTED
    assert str(path) in failure.value.message
    assert "decrypt" in str(failure.value.hint)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "too short"),
        (b"PAR1" * 5, "bytes long"),
        (b"PAR1" + b"\0" * 20 + struct.pack("<I", 20) + b"PARE", "does not end as one does"),
        (b"PAR1" + b"\0" * 20 + struct.pack("<I", 20) + b"PAR1", "lacks a list"),
        (b"id,name\n1,x\n2,y\n", "does not end as one does"),
        (b"PAR1" + zlib.compress(bytes(range(256))) + b"\xff\xff\xff\xffPAR1", "bytes long"),
    ],
)
def test_what_is_not_parquet_says_why(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(CorruptData, match=why) as failure:
        read_footer(str(path))
    assert failure.value.kind is ErrorKind.DAMAGED_PARQUET


def test_a_footer_longer_than_one_read_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({f"column_{n}": [n] for n in range(600)}), path)
    assert pq.read_metadata(path).serialized_size > 1 << 16
    assert read_footer(str(path)).stats["column_599"].nulls == 0
    assert checked_metadata(str(path), source_label("t")).num_columns == 600


def test_bounds_that_may_be_in_another_order_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    one = struct.pack("<q", 1)
    write_tiny(path, meta=bounds(one, one, numbers=(2, 1)), footer={7: None})
    assert read_footer(str(path)).stats["a"].low is not None
    write_tiny(path, meta=bounds(one, one), footer={7: None})
    assert read_footer(str(path)).stats["a"].low is None
    text = varint(1) + b"\0\0\0x"
    for numbers, known in (((2, 1), False), ((6, 5), True)):
        write_tiny(
            path,
            values=text,
            physical=BYTES,
            element={6: (I32, 0)},
            meta=bounds(b"x", b"x", numbers=numbers),
        )
        assert (read_footer(str(path)).stats["a"].low is not None) is known


def test_bounds_that_fit_no_type_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    decimal = {6: (I32, 5), 7: (I32, 2), 8: (I32, 30)}
    wide = {"values": b"\0" * 29 + b"\1", "physical": FIXED}
    write_tiny(path, **wide, element={2: (I32, 30), **decimal}, meta=bounds(b"\0" * 30, b"1" * 30))
    assert read_footer(str(path)).stats["a"].low is None
    write_tiny(
        path,
        values=b"\0" * 8,
        physical=FIXED,
        element={2: (I32, 8), **decimal},
        meta=bounds(b"\0", b"1"),
    )
    assert read_footer(str(path)).stats["a"].low is None
    millis = {"element": {6: (I32, 9)}}  # a timestamp whose microseconds do not fit
    most = struct.pack("<q", (1 << 63) - 1)
    write_tiny(path, values=most, meta=bounds(most, most), **millis)
    assert read_footer(str(path)).stats["a"].high is None


def test_rows_are_those_of_the_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_tiny(path, footer={3: (I64, 7)})
    assert read_footer(str(path)).rows == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\x1c" * 100_000 + b"\0" * 100_000,
        b"\x19" + b"\x19" * 100_000,
        b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x19\xf5\xff\xff\xff\xff\x0f",
        b"\x16" + b"\xff" * 20 + b"\0",
        b"\x1b\xff\xff\xff\xff\x0f\x55",
        b"\x1f\0",
        b"\x15\x02\x05\x02\x04\0",
    ],
)
def test_hostile_thrift_is_refused_at_once(data: bytes) -> None:
    with pytest.raises((ThriftError, IndexError)):
        read_struct(data)


def test_structs_are_read_to_the_depth_of_parquet() -> None:
    data = b"\x1c" * (DEPTH - 1) + b"\x15\x02\0" + b"\0" * (DEPTH - 1)
    assert read_struct(data)[1] == len(data)


def test_errors_are_the_catalogs_own() -> None:
    with pytest.raises(CatalogError) as failure:
        read_footer("/no/such/file.parquet")
    assert failure.value.kind is ErrorKind.SOURCE_NOT_FOUND


def test_a_copy_of_a_file_has_its_footer_but_not_its_filters(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.parquet", tmp_path / "b.parquet"
    duckdb.sql(f"COPY (SELECT i % 9 AS i FROM range(5000) AS r(i)) TO '{path}' (FORMAT parquet)")
    chunk = pq.read_metadata(path).row_group(0).column(0)
    end = chunk.dictionary_page_offset + chunk.total_compressed_size
    content = path.read_bytes()
    whole = read_footer(str(path))
    copy.write_bytes(content)
    assert read_footer(str(copy)) == whole
    length = int.from_bytes(content[-8:-4], "little")
    copy.write_bytes(
        content[:end] + bytes(len(content) - 8 - length - end) + whole.raw + content[-8:]
    )
    assert copy.stat().st_size == path.stat().st_size
    assert read_footer(str(copy)).claims != whole.claims
    assert read_footer(str(path)) == whole


def test_footers_are_kept_up_to_some_bytes() -> None:
    kept: Recent[int, str] = Recent()
    for number in range(100):
        kept.put(number, str(number), size_bytes=KEPT_BYTES // 20)
    assert [number for number in range(100) if kept.get(number)] == list(range(80, 100))
    kept.put(1, "large", size_bytes=KEPT_BYTES)
    assert kept.get(1) is None
