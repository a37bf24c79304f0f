"""Bounds of text from dictionaries: only entries that some row has count."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.compare import text_entries
from catalog.diff.compare.entry_bounds import entry_bounds
from catalog.model.fingerprint import ColumnSummary


def coded(entries: list[str], places: list[int | None]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(entries))


def test_entries_without_a_row_do_not_count() -> None:
    first = coded(["z", "m", "", "a"], [1, None, 1, 3])
    second = coded(["unused", "n"], [1, None])
    assert entry_bounds(first) == ColumnSummary(1, low=b"a", high=b"m")
    assert entry_bounds(pa.chunked_array([first, second])) == ColumnSummary(2, low=b"a", high=b"n")
    assert entry_bounds(coded(["x"], [None])) == ColumnSummary(1)
    assert entry_bounds(coded(["", "ä"], [1, 0])) == ColumnSummary(0, low=b"", high="ä".encode())


def test_plain_text_has_no_entries() -> None:
    assert entry_bounds(pa.array(["a"])) is None


@pytest.mark.parametrize("least", [0, 1 << 30])
def test_statistics_of_text_are_those_of_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int
) -> None:
    monkeypatch.setattr(text_entries, "LEAST_ROWS", least)
    lake = catalog.create(str(tmp_path / "lake"))
    texts = {"v1": ["", "-0.0", None, "b"], "v2": ["c", "-0.0", "", None]}
    for version, values in texts.items():
        (tmp_path / version).mkdir()
        for part in range(2):
            held = {"id": range(part * 600, part * 600 + 600), "a": (values[2 * part :][:2] * 300)}
            pq.write_table(pa.table(held), tmp_path / version / f"{part}.parquet")
        with lake.transaction("main", message=version) as tx:
            tx.snapshot("t", str(tmp_path / version), key=["id"])
    stats = lake.diff("main~1", "main")["t"].columns["a"]
    for side, version in ((stats.before, "v1"), (stats.after, "v2")):
        with duckdb.connect() as con:
            wanted = con.execute(
                f"SELECT count(*) - count(a), min(a), max(a) FROM '{tmp_path / version}/*.parquet'"
            ).fetchone()
        assert (side.nulls, side.low, side.high) == wanted
