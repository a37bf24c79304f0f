"""Values that the engine cannot read or hand over, in files that no snapshot has read."""

import struct
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.engine.failures import engine_errors
from catalog.errors import CorruptData, ErrorKind, Unsupported

JULIAN_1970 = 2440588


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(str(tmp_path / "lake"))


def commit(cat: Catalog, *paths: Path) -> None:
    for path in paths:
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(path), mode="reference")


def far_away(tmp_path: Path) -> tuple[Path, Path]:
    """Writes a file of INT96, and one in which a value is millions of years away."""
    near, far = tmp_path / "near.parquet", tmp_path / "far.parquet"
    rows = pa.table({"id": [1, 2], "v": pa.array([1, 2**62], pa.timestamp("ns"))})
    plain = {"compression": "none", "use_dictionary": False}
    pq.write_table(rows, near, use_deprecated_int96_timestamps=True, **plain)
    whole = bytearray(near.read_bytes())
    day = whole.find(struct.pack("<qi", 1, JULIAN_1970)) + 8
    whole[day : day + 4] = struct.pack("<i", 2**31 - 1)
    far.write_bytes(whole)
    return near, far


def moment(tmp_path: Path) -> tuple[Path, Path]:
    """Writes a file of VARIANT, and one with a value that the engine reads but cannot write."""
    paths = tmp_path / "text.parquet", tmp_path / "moment.parquet"
    nanoseconds = "CAST(TIMESTAMPTZ '2020-01-01 00:00:00+00' AS TIMESTAMPTZ_NS)"
    with duckdb.connect() as con:
        for path, value in zip(paths, ("'a'", nanoseconds), strict=True):
            con.execute(f"COPY (SELECT 1 AS id, {value}::VARIANT AS v) TO '{path}'")
    return paths


def changed_rows(cat: Catalog) -> object:
    return cat.diff("main~1", "main", level="rows")["t"].changes().read_all()


def joined(cat: Catalog) -> object:
    return cat.diff("main~1", "main", method="join")["t"].rows


def update(cat: Catalog) -> object:
    with cat.transaction("main") as tx:
        return tx.sql("UPDATE t SET id = 5")


@pytest.mark.parametrize("ask", [changed_rows, joined, update])
def test_values_that_cannot_be_read_are_told_as_damage(
    cat: Catalog, tmp_path: Path, ask: Callable[[Catalog], object]
) -> None:
    commit(cat, *far_away(tmp_path))
    with pytest.raises(CorruptData, match="Int96 timestamp is out of range") as caught:
        ask(cat)
    assert caught.value.kind is ErrorKind.DAMAGED_PARQUET
    assert caught.value.hint


def test_values_that_cannot_be_handed_over_are_told_by_their_type(
    cat: Catalog, tmp_path: Path
) -> None:
    paths = moment(tmp_path)
    commit(cat, *paths)
    rows = cat.diff("main~1", "main")["t"].rows
    assert (rows.inserted, rows.deleted) == (1, 1)
    assert changed_rows(cat)
    assert cat.sql("SELECT CAST(v AS VARCHAR) FROM t").fetchall() == [("2020-01-01 00:00:00+00",)]
    with duckdb.connect() as con:
        query = f"SELECT v FROM '{paths[1]}'"
        for streamed in (False, True):
            with pytest.raises(Unsupported, match="TIMESTAMP_NANOS_TZ") as caught, engine_errors():
                found = con.sql(query)
                _ = found.to_arrow_reader(10).read_all() if streamed else found.to_arrow_table()
            assert caught.value.hint
