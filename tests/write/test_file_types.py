"""Types of files that others wrote: read as the engine reads them alone, or refused by name."""

import datetime
import decimal
import struct
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData, InvalidInput
from catalog.model.types import Scalar
from tests.formats.handmade import LOGICAL, Converted, Leaf, Node, Physical
from tests.formats.handmade import write as write_parquet

from .conftest import head, rows, snap

ONE = struct.pack("<q", 1)


def ids(count: int = 1) -> Leaf:
    return Leaf("id", Physical.INT64, [struct.pack("<q", n + 1) for n in range(count)])


def whole(number: int) -> bytes:
    return struct.pack("<q", number)


@pytest.mark.parametrize("old_first", [True, False])
def test_times_of_both_annotations_are_one_column(
    cat: Catalog, source: Path, old_first: bool
) -> None:
    micros = 1_700_000_000_000_000
    old, new = ("a", "b") if old_first else ("b", "a")
    ts = Leaf("ts", Physical.INT64, [whole(micros)], Converted.TIMESTAMP_MICROS)
    at = Leaf("clock", Physical.INT32, [struct.pack("<i", 1000)], Converted.TIME_MILLIS)
    write_parquet(source / f"{old}.parquet", [ids(), ts, at])
    table = {
        "id": [1],
        "ts": pa.array([micros], pa.timestamp("us")),
        "clock": pa.array([1000], pa.time32("ms")),
    }
    pq.write_table(pa.table(table), source / f"{new}.parquet")
    snap(cat, "t", source)
    assert [c.type for c in cat.schema("t")] == ["BIGINT", "TIMESTAMP", "TIME"]
    moment = datetime.datetime(2023, 11, 14, 22, 13, 20)
    assert rows(cat, "SELECT ts, clock FROM t") == [(moment, datetime.time(0, 0, 1))] * 2
    assert rows(cat, "SELECT count(*) FROM t WHERE clock = '00:00:01' AND ts > '2023-01-01'") == [
        (2,)
    ]


def test_bounds_of_an_annotation_that_the_engine_ignores_hide_no_row(
    cat: Catalog, source: Path
) -> None:
    raw = [struct.pack("<i", n) for n in (-7, 1, 7)]
    kinds = ("DECIMAL", "DATE", "INT8", "UINT32")
    leaves: list[Node] = [
        Leaf(name, Physical.INT32, raw, logical=LOGICAL[name], bounds=(raw[0], raw[2]))
        for name in kinds
    ]
    write_parquet(source / "a.parquet", [ids(3), *leaves])
    snap(cat, "t", source)
    for name in kinds:
        for value, found in ((-7, 1), (1, 2), (7, 3)):
            assert rows(cat, f'SELECT id FROM t WHERE "{name}" = {value}') == [(found,)]


KEYS: dict[str, pa.Array] = {
    "string_view": pa.array(["a", "b"], pa.string_view()),
    "binary_view": pa.array([b"a", b"b"], pa.binary_view()),
    "decimal32": pa.array([decimal.Decimal("-1.50"), decimal.Decimal("2")], pa.decimal32(5, 2)),
    "decimal64": pa.array([decimal.Decimal("-1.50"), decimal.Decimal("2")], pa.decimal64(15, 2)),
    "decimal256": pa.array([decimal.Decimal("-1.50"), decimal.Decimal("2")], pa.decimal256(30, 2)),
    "float16": pa.array([1, 2], pa.float16()),
    "duration": pa.array([1, 2], pa.duration("us")),
    "large_string": pa.array(["a", "b"], pa.large_string()),
    "dictionary": pa.array(["a", "b"]).dictionary_encode(),
    "list_view": pa.array([[1], [2]], pa.list_view(pa.int32())),
    "list": pa.array([["a"], ["b"]]),
    "map": pa.array([[("a", 1)], [("b", 2)]], pa.map_(pa.string(), pa.int32())),
    "struct of views": pa.array([{"a": "x"}, {"a": "y"}], pa.struct([("a", pa.string_view())])),
    "list of half floats": pa.array([[1.5], [2.5]], pa.list_(pa.float16())),
    "nanoseconds": pa.array([1, 2], pa.time64("ns")),
    "uuid": pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([b"a" * 16, b"b" * 16], pa.binary(16))
    ),
    "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["1", "2"])),
    "bytes": pa.array([b"abc", b"abd"], pa.binary(3)),
    "booleans": pa.array([False, True]),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_any_type_of_arrow_is_a_key(cat: Catalog, source: Path, name: str) -> None:
    for values in ([1, 2], [1, 5]):
        pq.write_table(pa.table({"k": KEYS[name], "v": values}), source / "a.parquet")
        snap(cat, "t", source, key=["k"])
    for method in ("auto", "join"):
        counts = cat.diff("main~1", "main", method=method)["t"].rows  # type: ignore[arg-type]
        assert (counts.updated, counts.inserted, counts.deleted) == (1, 0, 0)
    with cat.transaction("main") as tx:
        assert tx.sql("DELETE FROM t WHERE v = 1").deleted == 1
    assert cat.table("t").rows == 1


def test_repeated_keys_of_rare_types_are_warned_of(cat: Catalog, source: Path) -> None:
    pq.write_table(pa.table({"k": pa.array(["a", "a"], pa.string_view())}), source / "a.parquet")
    assert any("share their key" in text for text in snap(cat, "t", source, key=["k"]).warnings)


UNREADABLE: dict[str, tuple[Sequence[Node], str]] = {
    "time of the day before": (
        [Leaf("v", Physical.INT64, [whole(-1)], Converted.TIME_MICROS)],
        "within a day",
    ),
    "time of the day after": (
        [Leaf("v", Physical.INT64, [whole(86_400_000_001)], None, LOGICAL["TIME MICROS"])],
        "within a day",
    ),
    "milliseconds beyond all time": (
        [Leaf("v", Physical.INT64, [whole(2**62)], None, LOGICAL["TIMESTAMP MILLIS UTC"])],
        "Timestamp",
    ),
    "INT96 beyond all time": (
        [Leaf("v", Physical.INT96, [struct.pack("<qi", 0, 2**31 - 1)])],
        "out of range",
    ),
    "JSON that is none": (
        [Leaf("v", Physical.BYTE_ARRAY, [b"\1\0\0\0{"], Converted.JSON)],
        "JSON",
    ),
    "no geometry": (
        [Leaf("v", Physical.BYTE_ARRAY, [b"\1\0\0\0x"], None, LOGICAL["GEOMETRY"])],
        "binary data",
    ),
    "INT96 that says TIMESTAMP": (
        [Leaf("v", Physical.INT96, [b"\0" * 12], None, LOGICAL["TIMESTAMP MICROS"])],
        "is TIMESTAMP, which values of INT96 are not",
    ),
    "UUID of four bytes": (
        [Leaf("v", Physical.FIXED, [b"abcd"], None, LOGICAL["UUID"], 4)],
        r"is UUID, which values of FIXED\(4\) are not",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_no_query_could_read_is_refused_by_file_and_column(
    cat: Catalog, source: Path, name: str
) -> None:
    leaves, reason = UNREADABLE[name]
    path = write_parquet(source / "a.parquet", [ids(), *leaves])
    before = head(cat)
    with pytest.raises(CorruptData, match=f"column 'v'.*{reason}") as caught:
        snap(cat, "t", source)
    assert str(path) in caught.value.message
    assert (head(cat), caught.value.kind, caught.value.hint != "") == (
        before,
        "damaged-parquet",
        True,
    )


def test_half_floats_in_an_encoding_that_the_engine_lacks_are_refused(
    cat: Catalog, source: Path
) -> None:
    table = pa.table({"v": pa.array([1.5], pa.float16())})
    encoding = {"v": "BYTE_STREAM_SPLIT"}
    pq.write_table(table, source / "a.parquet", use_dictionary=False, column_encoding=encoding)
    with pytest.raises(CorruptData, match=r"a\.parquet: column 'v' .* BYTE_STREAM_SPLIT"):
        snap(cat, "t", source)


def test_decimals_of_more_digits_than_the_engine_has_are_refused(
    cat: Catalog, source: Path
) -> None:
    kind = pa.list_(pa.decimal256(50, 2))
    pq.write_table(pa.table({"v": pa.array([[1]], kind)}), source / "a.parquet")
    with pytest.raises(InvalidInput, match="column 'v' has 50 decimal digits") as caught:
        snap(cat, "t", source)
    assert caught.value.kind == "unreadable-type"


@pytest.mark.parametrize("day", [1_721_426, 2_440_588, 5_373_484])  # of the years 1, 1970, 9999
def test_int96_of_any_year_is_read_filtered_and_kept(cat: Catalog, source: Path, day: int) -> None:
    raw = [struct.pack("<qi", 1_999, day), struct.pack("<qi", 0, 2_451_545)]
    path = write_parquet(source / "a.parquet", [ids(2), Leaf("ts", Physical.INT96, raw)])
    truth = duckdb.sql(f"SELECT id, ts::VARCHAR FROM read_parquet('{path}')").fetchall()
    snap(cat, "t", source)
    assert rows(cat, "SELECT id, ts::VARCHAR FROM t") == truth
    assert rows(cat, f"SELECT id FROM t WHERE ts = '{truth[0][1]}'") == [(1,)]
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET id = id + 10")
    assert rows(cat, "SELECT id - 10, ts::VARCHAR FROM t") == truth


def test_structs_with_fields_in_any_order_are_one_column(cat: Catalog, source: Path) -> None:
    for name, fields in (("a", {"b": 1, "a": "x"}), ("b", {"a": "y", "b": 2})):
        pq.write_table(pa.table({"s": [fields], "l": [[fields]]}), source / f"{name}.parquet")
    snap(cat, "t", source)
    found = rows(cat, "SELECT s.a, s.b, l[1].a, l[1].b FROM t ORDER BY 1")
    assert found == [("x", 1, "x", 1), ("y", 2, "y", 2)]


def test_the_engine_is_asked_once_for_files_of_one_layout(
    cat: Catalog, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.engine import file_types

    asked = []
    ask = file_types.column_types

    def counted(con: duckdb.DuckDBPyConnection, uri: str) -> object:
        asked.append(uri)
        return ask(con, uri)

    monkeypatch.setattr(file_types, "column_types", counted)
    for n in range(5):
        table = pa.table({"a layout of its own": [n], "text": [str(n)] * 1})
        pq.write_table(table, source / f"{n}.parquet")
    snap(cat, "t", source)
    assert len(asked) == 1


def test_types_that_an_earlier_version_stored_are_corrected_where_they_are_in_the_way(
    cat: Catalog, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.engine import file_types

    ts = Leaf("ts", Physical.INT64, [whole(1_000_000)], Converted.TIMESTAMP_MICROS)
    write_parquet(source / "a.parquet", [ids(), ts])
    with monkeypatch.context() as patched:  # as it was read before the engine was asked
        stored = Scalar("BIGINT"), Scalar("TIMESTAMP WITH TIME ZONE")
        patched.setattr(file_types, "_known", {})
        patched.setattr(file_types, "column_types", lambda con, uri: stored)
        snap(cat, "t", source)
    assert [c.type for c in cat.schema("t")] == [kind.name for kind in stored]
    table = pa.table({"id": [2], "ts": pa.array([2_000_000], pa.timestamp("us"))})
    pq.write_table(table, source / "b.parquet")
    snap(cat, "t", source)
    assert [c.type for c in cat.schema("t")] == ["BIGINT", "TIMESTAMP"]
    assert rows(cat, "SELECT epoch_us(ts) FROM t ORDER BY 1") == [(1_000_000,), (2_000_000,)]
