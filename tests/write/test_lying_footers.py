"""Footers whose statistics contradict the values: no row is lost by them, and the user is told."""

import datetime
import decimal
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError
from catalog.formats.parquet import read_footer
from tests.formats.tiny_parquet import BINARY, BYTES, I32, STRUCT, write_tiny


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(str(tmp_path / "lake"))


def snap(cat: Catalog, source: Path, **options: Any) -> tuple[str, ...]:
    """Takes a snapshot of ``t``; returns its warnings."""
    with cat.transaction("main") as tx:
        return tx.snapshot("t", str(source), **options).warnings


def written(path: Path, values: pa.Array, **options: Any) -> Path:
    table = pa.table({"id": range(len(values)), "v": values})
    pq.write_table(table, path, use_dictionary=False, store_schema=False, **options)
    return path


def patched(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    """Replaces bytes in the footer of a file, all at once, each wherever it occurs."""
    whole = path.read_bytes()
    start = len(whole) - 8 - struct.unpack("<I", whole[-8:-4])[0]
    found = dict(changes)
    pattern = b"|".join(map(re.escape, found))
    footer, count = re.subn(pattern, lambda match: found[match[0]], whole[start:], flags=re.DOTALL)
    assert count >= len(changes)
    path.write_bytes(whole[:start] + footer)
    return path


def without_null_count(path: Path, nulls: int) -> Path:
    """Has the footer of a file of one row group say that a column has no NULL."""
    whole = path.read_bytes()
    at = len(whole) - 8 - struct.unpack("<I", whole[-8:-4])[0]
    while True:
        at = whole.index(bytes([nulls << 1]), at + 1)
        path.write_bytes(whole[:at] + b"\0" + whole[at + 1 :])
        try:
            found = read_footer(str(path)).stats
        except CatalogError:  # another byte, which the footer cannot do without
            continue
        if found["v"].nulls == 0 and found["v"].low is not None and found["id"].nulls == 0:
            return path


def int64(number: int) -> bytes:
    return struct.pack("<q", number)


def int32(number: int) -> bytes:
    return struct.pack("<i", number)


D = decimal.Decimal
DAY = datetime.date(2024, 1, 1)
MOMENT = datetime.datetime(2024, 1, 1)
EPOCH = datetime.datetime(1970, 1, 1)

KINDS: dict[str, tuple[list[Any], pa.DataType, Callable[[Any], bytes], str]] = {
    "BIGINT": ([100, 300, 500, 700], pa.int64(), int64, "{}"),
    "INTEGER": ([100, 300, 500, 700], pa.int32(), int32, "{}"),
    "UINTEGER": ([1 << 31, 3 << 30, 5, 9], pa.uint32(), lambda v: struct.pack("<I", v), "{}"),
    "DOUBLE": ([1.5, 2.5, 3.5, 4.5], pa.float64(), lambda v: struct.pack("<d", v), "{}"),
    "VARCHAR": (["aaaa", "bbbb", "cccc", "dddd"], pa.string(), str.encode, "'{}'"),
    "DATE": (
        [DAY + datetime.timedelta(n) for n in (0, 10, 20, 30)],
        pa.date32(),
        lambda v: int32((v - EPOCH.date()).days),
        "DATE '{}'",
    ),
    "TIMESTAMP": (
        [MOMENT + datetime.timedelta(n) for n in (0, 10, 20, 30)],
        pa.timestamp("us"),
        lambda v: int64((v - EPOCH) // datetime.timedelta(microseconds=1)),
        "TIMESTAMP '{}'",
    ),
    "DECIMAL": (
        [D("1.00"), D("30.00"), D("500.00"), D("7000.00")],
        pa.decimal128(12, 2),
        lambda v: int(v * 100).to_bytes(6, "big", signed=True),
        "{}",
    ),
}


@pytest.mark.invariant("Statistics in a footer that contradict the values lose no rows")
@pytest.mark.parametrize("kind", KINDS)
def test_bounds_that_leave_values_out_lose_no_rows(cat: Catalog, tmp_path: Path, kind: str) -> None:
    values, arrow, stored, sql = KINDS[kind]
    path = written(tmp_path / "t.parquet", pa.array(values, arrow))
    low, inner, high = min(values), sorted(values)[1], max(values)
    patched(path, (stored(low), stored(inner)), (stored(high), stored(inner)))
    (warning,) = snap(cat, path)
    assert "'v'" in warning
    assert str(path) in warning
    for value in values:
        for op, meets in (("=", value.__eq__), ("<=", value.__ge__), (">=", value.__le__)):
            shown = sql.format(value)
            found = cat.sql(f"SELECT count(*) FROM t WHERE v {op} {shown}").fetchall()
            assert found == [(sum(map(meets, values)),)], (op, value)
    assert cat.sql("SELECT min(v), max(v), count(v) FROM t").fetchall() == [(low, high, 4)]


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_nulls_that_the_footer_denies_are_found(cat: Catalog, tmp_path: Path, mode: Any) -> None:
    path = written(tmp_path / "t.parquet", pa.array([None, "e", None, "g", "h"]))
    without_null_count(path, 2)
    (warning,) = snap(cat, path, mode=mode, key=["id"], fingerprints="now")
    assert "0 NULLs instead of 2" in warning
    again = Catalog.open(str(tmp_path / "lake"))
    assert again.sql("SELECT count(*) FROM t WHERE v IS NULL").fetchall() == [(2,)]
    assert again.sql("SELECT count(v), count(*) FROM t").fetchall() == [(3, 5)]
    with again.transaction("main") as tx:
        assert tx.sql("UPDATE t SET v = 'new' WHERE v IS NULL").updated == 2
    assert again.sql("SELECT count(*) FROM t WHERE v = 'new'").fetchall() == [(2,)]
    assert again.diff("main~1", "main")["t"].rows.updated == 2


def test_the_picture_shows_what_is_there(cat: Catalog, tmp_path: Path) -> None:
    values = pa.array([None, "e", None, "g", "h"])
    path = without_null_count(written(tmp_path / "t.parquet", values), 2)
    snap(cat, path, key=["id"])
    path.unlink()
    table = pa.table({"id": [0, 1, 2, 3, 9], "v": values})
    pq.write_table(table, path)
    snap(cat, path)
    for method in ("auto", "join"):
        diff: Any = cat.diff("main~1", "main", full_stats=True, method=method)
        column = diff["t"].columns["v"]
        assert (column.before.nulls, column.after.nulls) == (2, 2)


def test_bounds_of_one_row_group_that_another_has_are_false(cat: Catalog, tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", pa.array([1000, 1500, 7000, 7500]), row_group_size=2)
    changes = [(1000, 7000), (1500, 7500), (7000, 1000), (7500, 1500)]
    patched(path, *((int64(old), int64(new)) for old, new in changes))
    assert snap(cat, path)
    for value in (1000, 1500, 7000, 7500):
        assert cat.sql(f"SELECT count(*) FROM t WHERE v = {value}").fetchall() == [(1,)]


def test_a_lie_about_columns_stored_as_in_another_file_is_found(
    cat: Catalog, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    values = pa.array([100, 300, 500, 700])
    written(source / "a.parquet", values)
    assert snap(cat, source) == ()
    patched(written(source / "a.parquet", values), (int64(100), int64(300)))
    assert len(snap(cat, source)) == 1
    assert cat.sql("SELECT id FROM t WHERE v = 100").fetchall() == [(0,)]
    written(source / "a.parquet", values)
    assert snap(cat, source) == ()
    assert cat.sql("SELECT id FROM t WHERE v = 100").fetchall() == [(0,)]


def test_the_same_lie_is_told_again_by_what_is_kept(cat: Catalog, tmp_path: Path) -> None:
    path = patched(
        written(tmp_path / "t.parquet", pa.array([100, 300, 500])), (int64(100), int64(300))
    )
    first = snap(cat, path)
    with cat.transaction("main") as tx:
        tx.sql("DROP TABLE t")
    assert snap(cat, path) == first
    assert cat.sql("SELECT id FROM t WHERE v < 200").fetchall() == [(0,)]


def test_rows_stay_found_after_a_merge(cat: Catalog, tmp_path: Path) -> None:
    snap(cat, written(tmp_path / "good.parquet", pa.array([1])))
    cat.branches.create("fix")
    path = patched(
        written(tmp_path / "t.parquet", pa.array([100, 300, 500])), (int64(100), int64(300))
    )
    with cat.transaction("fix") as tx:
        tx.snapshot("t", str(path))
    cat.merge("fix")
    assert cat.sql("SELECT id FROM t WHERE v < 200").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(b"ab", b"b", False), (b"abc", b"abc", False), (b"abd", b"b", True), (b"a", b"abb", True)],
)
def test_bounds_of_text_may_be_cut(
    cat: Catalog, tmp_path: Path, low: bytes, high: bytes, told: bool
) -> None:
    path = tmp_path / "t.parquet"
    write_tiny(
        path,
        values=struct.pack("<I", 3) + b"abc",
        physical=BYTES,
        element={6: (I32, 0)},
        meta={12: (STRUCT, {5: (BINARY, high), 6: (BINARY, low)})},
    )
    assert bool(snap(cat, path)) is told
    assert cat.sql("SELECT a FROM t WHERE a = 'abc'").fetchall() == [("abc",)]


def test_deprecated_bounds_in_another_order_are_false(cat: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    name = "é".encode()
    write_tiny(
        path,
        values=struct.pack("<I", len(name)) + name + struct.pack("<I", 1) + b"a",
        rows=2,
        physical=BYTES,
        element={6: (I32, 0)},
        meta={12: (STRUCT, {1: (BINARY, b"a"), 2: (BINARY, name)})},  # as signed bytes
        footer={7: None},
    )
    assert snap(cat, path)
    for value in ("é", "a"):
        assert cat.sql(f"SELECT a FROM t WHERE a = '{value}'").fetchall() == [(value,)]


@pytest.mark.parametrize("deep", [False, True])
def test_fields_of_structs_are_compared_too(cat: Catalog, tmp_path: Path, deep: bool) -> None:
    rows: list[Any] = [{"x": str(n), "a": n, "l": [n]} for n in (100, 300, 500)]
    rows = [None, *([{"in": row} for row in rows] if deep else rows)]
    path = patched(written(tmp_path / "t.parquet", pa.array(rows)), (int64(100), int64(300)))
    assert len(snap(cat, path)) == 1
    field = "v.in.a" if deep else "v.a"
    assert cat.sql(f"SELECT id FROM t WHERE {field} = 100").fetchall() == [(1,)]
    assert cat.sql(f"SELECT id FROM t WHERE {field} IS NULL").fetchall() == [(0,)]
    written(path, pa.array(rows), row_group_size=3)
    assert snap(cat, path) == ()


def test_honest_files_are_not_suspected(cat: Catalog, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for kind, (values, arrow, _, _) in KINDS.items():
        rows = pa.array([None, *values, None, *reversed(values)], arrow)
        for size in (3, 100):
            table = pa.table({"v": rows})
            pq.write_table(table, source / f"{size}.parquet", row_group_size=size)
        assert snap(cat, source, scope="full") == (), kind
        with cat.transaction("main") as tx:
            tx.sql("DROP TABLE t")


@pytest.mark.parametrize("key", [None, ["id"]])
@pytest.mark.parametrize("dictionary", [True, False])
def test_text_that_is_not_utf8_is_refused_by_the_sources_name(
    cat: Catalog, tmp_path: Path, key: Any, dictionary: bool
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    bad = pa.array([b"caf\xe9", b"x"] * 20, pa.binary())
    text = pa.Array.from_buffers(pa.string(), len(bad), bad.buffers())
    nested = pa.StructArray.from_arrays([text], ["x"])
    for n, column in enumerate((text, nested)):
        pq.write_table(pa.table({"id": range(40), "v": pa.array(["é"] * 40)}), source / "a.parquet")
        other = pa.table({"id": range(40, 80), "v": column})
        pq.write_table(other, source / "b.parquet", use_dictionary=dictionary)
        if n:
            (source / "a.parquet").unlink()
        with pytest.raises(Exception, match=r"b\.parquet.*'v'.*UTF-8"):
            snap(cat, source, key=key)
