"""Files of one table may store a key in several types; rows of all of them are matched."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog

START = datetime.datetime(2024, 1, 1)

MOMENTS = [START + datetime.timedelta(hours=n) for n in range(40)]

TEXT = [f"k{n:04}" for n in range(40)]


@pytest.mark.parametrize(
    ("kinds", "keys"),
    [
        ((pa.int32(), pa.int64()), list(range(40))),
        ((pa.binary(), pa.large_binary()), [one.encode() for one in TEXT]),
        ((pa.string(), pa.large_string()), TEXT),
        ((pa.string(), pa.dictionary(pa.int32(), pa.string())), TEXT),
        ((pa.timestamp("ms"), pa.timestamp("us")), MOMENTS),
    ],
)
def test_rows_without_a_partner_may_come_from_files_of_several_types(
    kinds: tuple[pa.DataType, pa.DataType], keys: list[object], tmp_path: Path
) -> None:
    lake = catalog.create(str(tmp_path / "lake"))
    for name, chosen in (("before", slice(0, 30)), ("after", slice(10, 40))):
        for p, kind in enumerate(kinds):
            folder = tmp_path / name / f"p={p}"
            folder.mkdir(parents=True)
            some = keys[chosen][p::2]
            # the last ten are in the other partition on the newer side
            some = keys[chosen][1 - p :: 2] if name == "after" else some
            held = pa.table({"k": pa.array(some, kind), "v": list(range(len(some)))})
            pq.write_table(held, folder / "x.parquet")
        with lake.transaction("main", message=name) as tx:
            tx.snapshot("t", str(tmp_path / name), key=["k"], fingerprints="rows")
    with lake.diff("main~1", "main", level="rows") as diff:
        found = diff["t"]
        assert (found.rows.inserted, found.rows.deleted) == (10, 10)
        assert (found.rows.updated, found.rows.moved) == (20, 20)
        shown = found.changes().read_all().to_pylist()
    with lake.diff("main~1", "main", level="rows", method="join") as diff:
        joined = diff["t"].changes().read_all().to_pylist()
    assert sorted(shown, key=str) == sorted(joined, key=str)
