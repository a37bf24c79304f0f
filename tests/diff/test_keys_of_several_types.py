"""Files of one table may store a key in several types; rows of all of them are matched."""

import datetime
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.compare.by_digest.comparison import ByDigest
from catalog.diff.plan import DiffTask

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


UUIDS = [uuid.UUID(int=n * 7919) for n in range(40)]


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (pa.array([one.bytes for one in UUIDS], pa.uuid()), pa.array(map(str, UUIDS)), "join"),
        (pa.array(MOMENTS, pa.timestamp("us")), pa.array(MOMENTS, pa.timestamp("ns")), "join"),
        (pa.array(range(40), pa.int64()), pa.array(range(40), pa.uint64()), "join"),
        (pa.array(range(40), pa.int32()), pa.array(range(40), pa.int64()), "by-digest"),
        (pa.array(MOMENTS, pa.timestamp("ms")), pa.array(MOMENTS, pa.timestamp("us")), "by-digest"),
    ],
)
def test_keys_of_unlike_kinds_are_joined_and_explained_so(
    before: pa.Array, after: pa.Array, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = catalog.create(str(tmp_path / "lake"))
    for name, keys, order in (("before", before, range(40)), ("after", after, range(39, -1, -1))):
        (tmp_path / name).mkdir()
        held = pa.table({"k": keys, "v": [n if n % 5 else -len(name) for n in range(40)]})
        pq.write_table(held.take([*order]), tmp_path / name / "x.parquet")
        with lake.transaction("main", message=name) as tx:
            tx.snapshot("t", str(tmp_path / name), key=["k"], fingerprints="rows")
    ran: list[str] = []
    run = ByDigest.run

    def noting(self: ByDigest, task: DiffTask) -> object:
        odd = run(self, task)
        ran.append("join" if odd is None else "by-digest")
        return odd

    monkeypatch.setattr(ByDigest, "run", noting)
    (step,) = lake.explain_diff("main~1", "main")["t"]
    assert lake.diff("main~1", "main", level="rows")["t"].rows.updated == 8
    assert [step.path] == ran == [path]
    assert bool(step.why) is (path == "join")
