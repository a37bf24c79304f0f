"""Nodes and caches that no writer of ours would write: bounded, and never an answer."""

import hashlib
import json
import struct
import tracemalloc
import zlib
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest

from catalog.errors import CorruptData
from catalog.model.datafile import DataFile, may_lie_at
from catalog.model.fingerprint import ColumnSummary, Fingerprint
from catalog.model.ids import parse_json
from catalog.repository import columnar, inflating
from catalog.repository.fingerprints import FEW_FACTS, Fingerprints
from catalog.repository.inflating import deflated, inflated
from catalog.repository.manifest import DataFileRows
from catalog.repository.pack import HEADER, MAGIC, decode_json_node, head_length
from catalog.repository.stat_records import read_stat_records, write_stat_records
from tests.storage.memory import MemoryStore

BOMB = 300 << 20
"""Bytes that a bomb inflates to; stored it has a thousandth of them."""


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return zlib.compress(b" " * BOMB)


@pytest.fixture
def no_memory() -> Any:
    """Checks that a test took a fraction of what a bomb inflates to."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < BOMB // 2


def test_content_comes_back() -> None:
    for content in (b"", b"a", b"abc" * 10_000, b" " * (inflating.SMALL_BYTES + 1)):
        packed = deflated(content)
        assert inflated(packed, "it") == content
        assert inflated(packed, "it", length=len(content)) == content


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"x",
        zlib.compress(b"abc")[:-1],
        zlib.compress(b"abc") + b"x",
        zlib.compress(b"abc") + zlib.compress(b"abc"),
        zlib.compress(b"ab"),
        zlib.compress(b"abcd"),
    ],
)
def test_streams_hold_what_was_promised(packed: bytes) -> None:
    with pytest.raises(CorruptData):
        inflated(packed, "it", length=3)


@pytest.mark.parametrize("promised", [0, 1, 1 << 20, BOMB, 2**32 - 1])
def test_a_node_inflates_to_no_more_than_its_size_allows(
    bomb: bytes, no_memory: None, promised: int
) -> None:
    with pytest.raises(CorruptData):
        decode_json_node(b"J" + struct.pack("<I", promised) + bomb, "0" * 64, "it")


def test_a_cache_inflates_to_no_more_than_its_size_allows(bomb: bytes, no_memory: None) -> None:
    store = MemoryStore()
    stored = hashlib.sha256(bomb).hexdigest().encode() + b"\n" + bomb
    write_stat_records(store, "t", "source", {}, now_ns=0)
    (path,) = [info.path for info in store.list("cache/stat/")]
    store.put(path, stored)
    assert read_stat_records(store, "t", "source") == {}
    fingerprints = Fingerprints(store)
    fingerprints.keep(FILE, (), Fingerprint(1, {}))
    (path,) = [info.path for info in store.list("cache/fingerprints/")]
    store.put(path, stored)
    assert fingerprints.read(FILE, ()) is None


FILE = DataFile("data/t/a.parquet", "sha256:" + "0" * 64, 1, 1, (), "0" * 64)


@pytest.mark.parametrize(
    "change",
    [
        {"summaries": {"1": [0, 0, None, None, "1e999999999", "0"]}},
        {"summaries": {"1": [0, 0, None, None, "1/0", "0"]}},
        {"summaries": {"1": [0, 0, None, None, "9" * 5000, "0"]}},
        {"summaries": {"1": [0, 0, "zz", None, None, "0"]}},
        {"summaries": {"x": [0, 0, None, None, None, "0"]}},
        {"columns": {"1": None}},
        {"columns": {"1": 7}},
        {"columns": {"1": "*"}},
        {"columns": {"1": "AAAA"}},
        {"columns": {"1": ""}},
        {"keyed": {"1": "AAAA"}},
        {"stored": {"1": []}},
        {"encoded": {"1": "AAAA"}},
        {"row_sum": "-"},
        {"key": [0, 0, "x", None, True]},
    ],
)
def test_a_strange_fingerprint_is_none(change: dict[str, Any]) -> None:
    store = MemoryStore()
    fingerprints = Fingerprints(store)
    known = Fingerprint(1, {1: (b"0" * 16,)}, summaries={1: ColumnSummary(0, total=Fraction(7, 4))})
    fingerprints.keep(FILE, (), known)
    assert fingerprints.read(FILE, ()) == known
    (path,) = [info.path for info in store.list("cache/fingerprints/")]
    stored = json.loads(zlib.decompress(store.read(path).data.partition(b"\n")[2]))
    stored |= change
    packed = zlib.compress(json.dumps(stored).encode())
    store.put(path, hashlib.sha256(packed).hexdigest().encode() + b"\n" + packed)
    assert fingerprints.read(FILE, ()) is None


@pytest.mark.parametrize("asked", [1, FEW_FACTS, 3 * FEW_FACTS])
@pytest.mark.parametrize("leading", ["", "0"])
def test_each_fact_of_a_fingerprint_is_found_by_its_column(asked: int, leading: str) -> None:
    store = MemoryStore()
    fingerprints = Fingerprints(store)
    digests = {n: bytes([n]) * 16 for n in (1, 2, 12, 21, 112, *range(30, 60))}
    fingerprints.keep(FILE, (), Fingerprint(1, {}, stored=digests))
    (path,) = [info.path for info in store.list("cache/fingerprints/")]
    text = zlib.decompress(store.read(path).data.partition(b"\n")[2])
    packed = zlib.compress(text.replace(b'"12":', f'"{leading}12":'.encode()))
    store.put(path, hashlib.sha256(packed).hexdigest().encode() + b"\n" + packed)
    known = fingerprints.read(FILE, ())
    assert known is not None
    assert known.unread == digests.keys()
    wanted = [12, 1, 112, 2, 21, *range(30, 60)][:asked]
    assert [known.stored.get(n) for n in wanted] == [digests[n] for n in wanted]
    assert known.stored.get(11) is None
    assert known.stored == digests


def node(batch: pa.RecordBatch, *, compression: str | None = None) -> bytes:
    """Returns a columnar node that may be compressed twice."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    raw = sink.getvalue()
    packed = pa.Codec("zstd").compress(raw, asbytes=True)
    return struct.pack("<I", raw.size) + packed


def test_a_columnar_node_promises_no_more_than_its_size_allows() -> None:
    sound = columnar.encode({"size": columnar.integers([1])})
    assert columnar.decode(sound, "it")["size"].to_pylist() == [1]
    with pytest.raises(CorruptData, match="promise"):
        columnar.decode(struct.pack("<I", 2**32 - 1) + sound[4:], "it")


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_rows_that_are_compressed_twice_are_not_read(compression: str) -> None:
    batch = pa.record_batch([pa.array([b" " * 1000] * 1000)], ["other"])
    assert len(columnar.decode(node(batch), "it")["other"]) == 1000
    with pytest.raises(CorruptData, match="twice"):
        columnar.decode(node(batch, compression=compression), "it")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("path", pa.array([1])),
        ("token", pa.array(["a"])),
        ("size", pa.array([b"1"])),
        ("rows", pa.array([1], pa.int32())),
        ("part.0", pa.array([1])),
        ("low.1", pa.array([1.0])),
        ("nulls.1", pa.array([b"1"])),
        ("other", pa.array([[1]])),
        ("other", pa.array(["a"]).dictionary_encode()),
        ("other", pa.nulls(3)),
        ("size", pa.array([1] * 1001)),
    ],
)
def test_columns_have_the_types_of_their_names(name: str, values: pa.Array) -> None:
    with pytest.raises(CorruptData):
        columnar.decode(node(pa.record_batch([values], [name])), "it")


@pytest.mark.parametrize(
    "change",
    [
        {"path": pa.array([b"\xff"])},
        {"path": pa.array([None], pa.binary())},
        {"path": None},
        {"token": pa.array([b"\xff"])},
        {"guard": pa.array([b"\xff"])},
        {"guard": pa.array([b"etag:x"])},
        {"schema": pa.array([b"short"])},
        {"size": pa.array([-1])},
        {"size": pa.array([None], pa.int64())},
        {"rows": pa.array([-1])},
    ],
)
def test_entries_of_files_are_whole(change: dict[str, pa.Array | None]) -> None:
    rows = DataFileRows(0)
    columns = {**rows.to_columns([FILE]), **change}
    with pytest.raises(CorruptData):
        rows.from_columns({name: c for name, c in columns.items() if c is not None})


def test_statistics_of_no_field_are_passed_over() -> None:
    rows = DataFileRows(0)
    for name in ("nulls.x", "nulls.", "nulls", "nulls.-1", "nulls.1.2", "nulls." + "9" * 5000):
        assert rows.from_columns({**rows.to_columns([FILE]), name: pa.array([1])}) == [FILE]


STAT, ETAG = "3+1700000000000000000+77", "etag:abc++3"


@pytest.mark.parametrize(
    ("path", "guard", "possible"),
    [
        ("data/t/a.parquet", None, True),
        ("data/t/day=2024-01-01/a b's.parquet", None, True),
        ("data/t/..a..parquet", None, True),
        ("data/t/a.parquet", STAT, True),
        ("/lake/a.parquet", STAT, True),
        ("/lake/../a.parquet", STAT, True),
        ("s3://bucket/a/../b.parquet", ETAG, True),
        ("gs://bucket/a.parquet", ETAG, True),
        ("az://container/a.parquet", ETAG, True),
        ("", None, False),
        ("data", None, False),
        ("data/", None, False),
        ("data//a", None, False),
        ("data/.", None, False),
        ("data/..", None, False),
        ("data/../x", None, False),
        ("data/t/../../../etc/passwd", None, False),
        ("data/t/./a", None, False),
        ("data/t/..\\a", None, False),
        ("data/t/a\0", None, False),
        ("/etc/passwd", None, False),
        ("/data/t/a", None, False),
        ("etc/passwd", None, False),
        ("refs/branches/main.json", None, False),
        ("catalog.json", None, False),
        ("./data/t/a", None, False),
        ("C:\\a", None, False),
        ("s3://bucket/a.parquet", None, False),
        ("file:///etc/passwd", None, False),
        ("file:///etc/passwd", STAT, False),
        ("http://example.com/a.parquet", ETAG, False),
        ("s3://bucket/a.parquet", STAT, False),
        ("/lake/a.parquet", ETAG, False),
        ("data/t/a.parquet", ETAG, False),
        ("etc/passwd", STAT, False),
        ("../a", STAT, False),
        ("/lake/a\0", STAT, False),
        ("/lake/a.parquet", "", False),
        ("/lake/a.parquet", "x", False),
        ("/lake/a.parquet", "1+2", False),
        ("/lake/a.parquet", "1+2+3\n", False),
        ("s3://bucket/a", "etag:", False),
        ("s3://bucket/a", "etag:a+3", False),
        ("s3://bucket/a", "etag:a++x", False),
    ],
)
def test_where_files_may_lie(path: str, guard: str | None, possible: bool) -> None:
    assert may_lie_at(path, guard) is possible


@pytest.mark.parametrize(
    "lengths", [(2**32 - 1, 0), (0, 2**32 - 1), (2**31, 2**31), (256 << 20, 0)]
)
def test_the_head_of_a_pack_has_a_bound(lengths: tuple[int, int]) -> None:
    with pytest.raises(CorruptData):
        head_length(HEADER.pack(MAGIC, 1, *lengths), "it")


@pytest.mark.parametrize(
    "stored",
    [
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":9223372036854775808}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"\\uDC00":1}',
        b'{"a":"\xff"}',
        '{"a":1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[]",
        b"",
    ],
)
def test_json_that_no_writer_writes_is_corrupt(stored: bytes) -> None:
    with pytest.raises(CorruptData):
        parse_json(stored, "it")


def test_json_holds_any_text() -> None:
    text = '\\ud800 \\u0000 \U0001f600 "'
    assert parse_json(json.dumps({"a": text}).encode(), "it") == {"a": text}
