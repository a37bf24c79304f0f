"""How the sums of columns changed by partition, against plain Python."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import pyarrow as pa
import pytest

import catalog

Row = tuple[int, str, float | None, int]

OLD: list[Row] = [(n, "abcd"[n % 4], n * 1.5, n) for n in range(40)]
OLD += [(40, "a", None, 1), (43, "d", float("nan"), 2)]
NEW: list[Row] = [
    (n, part, None if v is None else v * 1.2 if part in "ab" and n % 8 == 0 else v, w + (n == 1))
    for n, part, v, w in OLD
]


def written(cat: catalog.Catalog, rows: Sequence[Row]) -> None:
    names = ("id", "part", "v", "w")
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    with cat.transaction("main") as tx:
        tx.write("t", table, mode="overwrite", key=["id"], partition_by=["part"])


def expected(column: int) -> tuple[int, int, float, float, float] | None:
    percents, parts = [], 0
    for part in "abcd":
        sums = []
        for rows in (OLD, NEW):
            values = [row[column] for row in rows if row[1] == part]
            sums.append(sum(v for v in values if isinstance(v, float | int) and v == v))
        parts += sums[0] != sums[1]
        if sums[0] != sums[1]:
            percents.append(100 * (sums[1] - sums[0]) / abs(sums[0]))
    return parts, 0, min(percents), median(percents), max(percents)


@pytest.mark.parametrize("method", ["auto", "join"])
def test_sums_of_partitions(tmp_path: Path, method: str) -> None:
    cat = catalog.create(tmp_path / "lake")
    written(cat, OLD)
    written(cat, NEW)
    for table in cat.diff("main~1", method=method):  # type: ignore[arg-type]  # "auto" or "join"
        columns = {one.name: one.partition_sums for one in table.view.columns}
        found = columns["v"]
        assert found is not None and columns["part"] is None
        assert (found.partitions, found.out_of) == (1, 2)
        parts, _, *percents = expected(2) or ()
        assert parts == found.partitions
        assert [found.low, found.median, found.high] == pytest.approx(percents)
        other = columns["w"]
        assert other is not None and (other.partitions, other.out_of) == (1, 2)
        json = next(c for c in table.to_dict()["columns"] if c["column"] == "v")
        assert json["sum_by_partition"]["percent"]["max"] == found.high
    for table in cat.diff("main~1", explain=False):
        assert all(one.partition_sums is None for one in table.view.columns)


@pytest.mark.parametrize("method", ["auto", "join"])
def test_sums_of_partitions_are_of_the_rows_that_statistics_cover(
    tmp_path: Path, method: str
) -> None:
    cat = catalog.create(tmp_path / "lake")
    for start, mode in ((0, "overwrite"), (4, "append")):
        rows = {"id": [*range(start, start + 4)], "part": [*"abab"], "w": [10, 10, 30, 30]}
        with cat.transaction("main") as tx:
            tx.write("t", pa.table(rows), mode=mode, key=["id"], partition_by=["part"])  # type: ignore[arg-type]
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET w = w + CASE part WHEN 'a' THEN 4 ELSE 8 END WHERE id IN (4, 5)")
    for full_stats, percents in ((False, [10.0, 15.0, 20.0]), (True, [5.0, 7.5, 10.0])):
        asked = cat.diff("main~1", method=method, full_stats=full_stats)  # type: ignore[arg-type]  # "auto" or "join"
        with asked as diff:
            (table,) = diff.view.tables
            (found,) = (one.partition_sums for one in table.columns if one.name == "w")
        if found is None:  # fingerprints of files that are the same are not read for this
            assert method == "auto" and full_stats
            continue
        assert (found.partitions, found.out_of) == (2, 2)
        assert [found.low, found.median, found.high] == percents
