"""Values that Arrow and the engine read in different ways, or only one of them at all."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from tests.formats.tiny_parquet import Column, write_parquet

EPOCH = 2_440_588
"""The Julian day of 1970-01-01."""

DAYS = {
    "9999-12-31": 5_373_484,
    "its wrapped copy": EPOCH - 56_158,
    "0001-01-01": 1_721_426,
    "day 0": 0,
    "1970-01-01": EPOCH,
    "2024-01-31": EPOCH + 19_753,
}
SHORT = [
    ("string_view", pa.array(["a", "b"], pa.string_view())),
    ("binary_view", pa.array([b"a", b"b"], pa.binary_view())),
    ("large_string", pa.array(["a", "b"], pa.large_string())),
    ("large_binary", pa.array([b"a", b"b"], pa.large_binary())),
    ("fixed_size_binary", pa.array([b"a", b"b"], pa.binary(1))),
    ("decimal32", pa.array([1, 2], pa.decimal32(5, 2))),
    ("decimal64", pa.array([1, 2], pa.decimal64(12, 2))),
    ("decimal256", pa.array([1, 2], pa.decimal256(30, 2))),
    ("float16", pa.array([1.0, 2.0], pa.float16())),
    ("duration", pa.array([1, 2], pa.duration("us"))),
    ("duration in seconds", pa.array([1, 2], pa.duration("s"))),
    ("uuid", pa.array([b"a" * 16, b"b" * 16], pa.uuid())),
    ("dictionary", pa.array(["a", "b"]).dictionary_encode()),
    ("date64", pa.array([0, 86_400_000], pa.date64())),
    ("time32", pa.array([0, 1], pa.time32("s"))),
    ("boolean", pa.array([False, True])),
    ("list", pa.array([[1], [2]])),
    ("fixed_size_list", pa.array([[1], [2]], pa.list_(pa.int32(), 1))),
    ("list_view", pa.array([[1], [2]], pa.list_view(pa.int32()))),
    ("struct of views", pa.array([{"x": "a"}, {"x": "b"}], pa.struct([("x", pa.string_view())]))),
    ("map", pa.array([[("a", 1)], [("b", 1)]], pa.map_(pa.string(), pa.int64()))),
]
OF_THE_ENGINE = [
    ("42::VARIANT", "'x'::VARIANT"),
    ("{'a': [1, 2]}::VARIANT", "{'a': [1, 3]}::VARIANT"),
    ("42::VARIANT", "NULL::VARIANT"),
    ("'POINT (1 2)'::GEOMETRY", "'POINT (1 3)'::GEOMETRY"),
    ("[1, 2]::INTEGER[2]", "[1, 3]::INTEGER[2]"),
    ("INTERVAL '1 month'", "INTERVAL '30 days'"),
    ("'[1]'::JSON", "'[1 ]'::JSON"),
    ("[42::VARIANT]", "[43::VARIANT]"),
    ("{'g': 'POINT (1 2)'::GEOMETRY}", "{'g': 'POINT (1 3)'::GEOMETRY}"),
    ("MAP {'i': INTERVAL '1 month'}", "MAP {'i': INTERVAL '30 days'}"),
    ("'infinity'::TIMESTAMPTZ_NS", "NULL::TIMESTAMPTZ_NS"),
    ("'24:00:00'::TIME", "'00:00:00'::TIME"),
    ("'infinity'::DATE", "'-infinity'::DATE"),
    ("'1:00:00'::TIMETZ", "'1:00:01'::TIMETZ"),
]


def lake(folder: Path, files: Sequence[Path], key: Sequence[str] = ()) -> Catalog:
    cat = catalog.create(folder / "lake")
    for file in files:
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(file), **({"key": list(key)} if key else {}))
    return cat


def counts(cat: Catalog, key: Sequence[str] | None = None) -> list[tuple[int | None, ...]]:
    """Gives inserted, deleted and updated rows by both methods."""
    found = []
    for method in ("auto", "join"):
        with cat.diff("main~1", "main", tables=["t"], key=key, method=method) as result:
            rows = result["t"].rows
            found.append((rows.inserted, rows.deleted, rows.updated))
    return found


def int96(path: Path, days: Sequence[int], ids: Sequence[int] = ()) -> Path:
    stamps = b"".join(struct.pack("<qi", 0, day) for day in days)
    ids = ids or range(len(days))
    keys = b"".join(struct.pack("<q", n) for n in ids)
    write_parquet(path, [Column("id", "INT64", keys), Column("ts", "INT96", stamps)], len(days))
    return path
