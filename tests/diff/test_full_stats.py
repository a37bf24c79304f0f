"""Statistics over all rows of a table."""

from pathlib import Path

import duckdb
import pyarrow as pa

from catalog import Catalog
from catalog.engine.relation import INLINE_FILES


def test_doubles_of_many_files_are_summed_up(tmp_path: Path) -> None:
    files = range(INLINE_FILES + 4)
    rows = pa.table({"id": files, "part": files, "x": [n / 4 for n in files]})
    cat = Catalog.create(tmp_path / "lake", author="tester")
    with cat.transaction("main", message="made") as tx:
        tx.write("t", rows, mode="append", key=["id"], partition_by=["part"])
    with cat.transaction("main", message="changed") as tx:
        tx.sql("UPDATE t SET x = 0.5 WHERE id = 0")
    found = cat.diff("main~1", "main", full_stats=True)["t"].columns["x"]
    assert found.before is not None and found.after is not None
    total = sum(n / 4 for n in files)
    assert (found.before.total, found.after.total) == (str(total), str(total + 0.5))


def test_the_end_of_the_day_is_a_time_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    cat = Catalog.create(tmp_path / "lake", author="tester")
    for first in ("10:00:00", "11:00:00"):
        duckdb.sql(
            f"COPY (SELECT i, if(i = 0, TIME '{first}', TIME '24:00:00') AS at FROM range(3) t(i)) "
            f"TO '{source}/part.parquet'"
        )
        with cat.transaction("main", message=first) as tx:
            tx.snapshot("t", source, key=["i"], mode="copy", fingerprints="now")
    kept = cat.diff("main~1", "main")["t"].columns["at"].after
    joined = cat.diff("main~1", "main", method="join")["t"].columns["at"].after
    assert kept is not None and kept == joined
    assert (kept.low, kept.high) == ("11:00:00", "24:00:00")
