"""Columns of many files joined in memory: what reading each file by itself gives."""

import datetime as dt
import decimal
import random
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.formats.chunks import Damaged
from catalog.formats.footer import read_checked, source_label
from catalog.formats.joined_columns import StoredFile, joined_columns, stored_chunks

KINDS = {
    "flag": (pa.bool_(), [True, False]),
    "small": (pa.int8(), [-128, 0, 127]),
    "big": (pa.uint64(), [0, 2**64 - 1, 17]),
    "ratio": (pa.float64(), [0.0, -0.0, float("inf"), 1.5]),
    "money": (pa.decimal128(20, 2), [decimal.Decimal("1.50"), decimal.Decimal("-7.25")]),
    "wide": (pa.decimal128(38, 0), [decimal.Decimal(10**37), decimal.Decimal(-1)]),
    "text": (pa.string(), ["", "é", "x" * 300]),
    "blob": (pa.binary(), [b"", b"\0\xff"]),
    "fixed": (pa.binary(3), [b"abc", b"\0\0\0"]),
    "day": (pa.date32(), [dt.date(1, 1, 1), dt.date(2024, 2, 29)]),
    "time": (pa.time64("us"), [dt.time(0), dt.time(23, 59, 59, 999_999)]),
    "moment": (pa.timestamp("us", "UTC"), [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]),
    "rough": (pa.timestamp("ms"), [dt.datetime(1969, 12, 31)]),
    "half": (pa.float16(), [0.5, 1.0]),
}


def rows(draw: random.Random, count: int) -> pa.Table:
    columns = {
        name: pa.array([draw.choice([None, *values]) for _ in range(count)], kind)
        for name, (kind, values) in KINDS.items()
    }
    return pa.table({**columns, "list": [[1]] * count, "empty": pa.nulls(count, pa.int32())})


def stored(path: Path, names: Sequence[str]) -> StoredFile:
    footer, _ = read_checked(str(path), source_label(path.name))
    known = stored_chunks(footer)
    assert known is not None
    by_name = dict(zip(pq.read_schema(path).names, known, strict=True))
    chunks = [one for one in map(by_name.get, names) if one is not None]
    assert len(chunks) == len(names)
    return StoredFile(str(path), path.stat().st_size, footer.rows, chunks)


@pytest.mark.parametrize(
    ("codec", "version"), [("none", "1.0"), ("zstd", "2.0"), ("snappy", "1.0")]
)
def test_columns_of_many_files_are_those_of_each(codec: str, version: str, tmp_path: Path) -> None:
    draw = random.Random(codec)
    paths = []
    for number in range(12):
        table = rows(draw, draw.choice([1, 2, 50, 300]))
        paths.append(tmp_path / f"{number}.parquet")
        pq.write_table(
            table,
            paths[-1],
            compression=codec,
            data_page_version=version,
            use_dictionary=number % 2 == 0,
            data_page_size=draw.choice([100, 1 << 20]),
            write_page_checksum=number % 3 == 0,
        )
    for names in (["big"], ["text", "flag"], [*KINDS, "empty"]):
        found = joined_columns([stored(path, names) for path in paths])
        each = pa.concat_tables([pq.read_table(path, columns=names) for path in paths])
        assert found.equals(each.cast(found.schema))
        assert found.schema.types == each.schema.types


def test_columns_that_the_engine_wrote_are_joined_if_all_may_be_null(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.parquet" for number in range(4)]
    for number, path in enumerate(paths):
        rows = f"range({number * 100}, {number * 150}) r(i)" if number else "(SELECT 1 AS i)"
        duckdb.sql(
            f"COPY (SELECT i, i / 3 AS x, i::VARCHAR AS s, DATE '2024-01-01' + i::INT AS d "
            f"FROM {rows}) TO '{path}' (COMPRESSION zstd)"
        )
    names = ["s", "i", "d", "x"]
    required, *others = (stored(path, names) for path in paths)
    assert [c.element for c in required.chunks] != [c.element for c in others[0].chunks]
    for files, of in ((others, paths[1:]), ([required], paths[:1])):
        each = pa.concat_tables([pq.read_table(path, columns=names) for path in of])
        assert joined_columns(files).equals(each)


def test_what_cannot_be_joined_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"

    def chunks_of(table: pa.Table, **options: object) -> object:
        pq.write_table(table, path, **options)
        footer, _ = read_checked(str(path), source_label("a"))
        found = stored_chunks(footer)
        return found if found is None else [one is not None for one in found]

    table = pa.table({"a": [1, 2], "b": [[1], []], "c.d": [1, 2], "e": [{"f": 1}] * 2, "g": [1, 2]})
    assert chunks_of(table) == [True, False, False, False, True]
    assert chunks_of(table.select(["a"]), row_group_size=1) is None
    moments = pa.table({"at": pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("ns"))})
    assert chunks_of(moments, use_deprecated_int96_timestamps=True) == [False]
    twice = pa.table([pa.array([1]), pa.array([2])], ["a", "a"])
    assert chunks_of(twice) is None


def test_a_file_that_holds_less_than_it_said_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path, write_page_checksum=True)
    one = stored(path, ["a"])
    content = bytearray(path.read_bytes())
    path.write_bytes(content[:200])
    with pytest.raises(Damaged):
        joined_columns([one, one])
    content[100] ^= 255
    path.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        joined_columns([one])
