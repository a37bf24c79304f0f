"""Statistics over all rows of a table."""

from pathlib import Path

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
