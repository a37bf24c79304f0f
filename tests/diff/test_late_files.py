"""Late rows in a file of their own, too small for digests: those of the other files still serve."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import catalog

ROWS = 3_000


def test_a_small_file_of_late_rows_gets_digests_when_they_are_needed(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    keys = list(range(0, 2 * ROWS, 2))
    texts = [f"{n * 7919 % 1_000_003:040}" for n in keys]
    numbers = [n * 0.37 for n in keys]
    held = pa.table({"k": keys, "text": texts, "n": numbers})
    pq.write_table(held, before / "0.parquet", compression="none")
    numbers[10] += 1
    held = pa.table({"k": keys, "text": texts, "n": numbers}).filter(
        pa.array(n != 20 for n in range(ROWS))
    )
    pq.write_table(held, after / "1.parquet", compression="none")
    late = pa.table({"k": [5, 7], "text": ["a", "b"], "n": [0.5, None]})
    pq.write_table(late, after / "2.parquet")
    lake = catalog.create(str(tmp_path / "lake"))
    for source in (before, after):
        with lake.transaction("main", message=source.name) as tx:
            tx.snapshot("t", str(source), key=["k"])
    kept = tmp_path / "lake" / "cache" / "rows"
    assert len([one for one in kept.rglob("*") if one.is_file()]) == 2
    with lake.diff("main~1", "main") as diff:
        rows = diff["t"].rows
    assert (rows.inserted, rows.deleted, rows.updated) == (2, 1, 1)
    assert len([one for one in kept.rglob("*") if one.is_file()]) == 3
