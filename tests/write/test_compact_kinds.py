"""Small files of any origin, on any store, put together; and killed at any moment."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from tests.effort import effort
from tests.repository.format_reader import Reader

from .test_lying_footers import int64, patched, written

REPOSITORY = Path(__file__).parents[2]


def filled(cat: Catalog, parts: int = 6, **options: object) -> Catalog:
    for number in range(parts):
        ids = range(number, number + 200, parts)
        rows = pa.table({"id": ids, "day": [f"d{n % 2}" for n in ids], "v": [str(n) for n in ids]})
        with cat.transaction() as tx:
            how = {"key": ["id"], "partition_by": ["day"]} if number == 0 else {}
            tx.write("t", rows, mode="append", **how)  # type: ignore[arg-type]
    return cat


def rows(cat: Catalog, ref: str = "main") -> Counter[str]:
    return Counter(map(str, cat.sql(f"SELECT * FROM t@{ref}").fetchall()))


def stands_for(file: dict[str, object], partition: list[bytes | None]) -> int:
    """Returns what stands for a file, as the page of the format says."""
    if file.get("of") is not None:
        return int.from_bytes(file["of"], "big")  # type: ignore[arg-type]
    texts = [None if value is None else value.hex() for value in partition]
    about = ["rows-of-1", file["token"].decode(), texts, file["schema"].hex()]  # type: ignore[attr-defined]
    canonical = json.dumps(about, separators=(",", ":"), ensure_ascii=False).encode()
    return int.from_bytes(hashlib.sha256(canonical).digest()[:16], "big")


def test_entries_say_of_which_files_as_the_page_of_the_format_has_it(tmp_path: Path) -> None:
    cat = filled(catalog.create(str(tmp_path / "lake")))
    cat.compact(target_bytes=2_500)
    reader = Reader(tmp_path / "lake")
    sums: list[dict[object, int]] = []
    for ref in ("main~1", "main"):
        table = reader.tables(cat.resolve(ref).commit_id)["t"]
        found: dict[object, int] = {}
        for file in reader.files(table):
            part = [file["part.0"]]
            found[part[0]] = (found.get(part[0], 0) + stands_for(file, part)) % (1 << 128)
        sums.append(found)
        assert Counter(map(str, reader.rows(table)))
    assert sums[0] == sums[1]
    before, after = (
        reader.tables(cat.resolve(ref).commit_id)["t"].says for ref in ("main~1", "main")
    )
    assert before.get("same_rows") is None
    own, earlier = after["same_rows"]
    for says, content in ((after, own), (before, earlier)):
        seen = {name: says[name] for name in ("manifest", "partition_by", "schema")}
        whole = json.dumps(seen, sort_keys=True, separators=(",", ":")).encode()
        assert hashlib.sha256(whole).hexdigest() == content


def test_false_statistics_of_footers_are_left_behind(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    patched(
        written(source / "a.parquet", pa.array([100, 300, 500])),
        (int64(100), int64(300)),
    )
    written(source / "b.parquet", pa.array([200]))
    cat = catalog.create(str(tmp_path / "lake"))
    with cat.transaction() as tx:
        tx.snapshot("t", str(source), key=["id"])
    assert cat.compact().tables[0].into == 1
    assert cat.sql("SELECT v FROM t WHERE v <= 200 ORDER BY v").fetchall() == [(100,), (200,)]
    assert cat.sql("SELECT min(v), max(v) FROM t").fetchall() == [(100, 500)]


def test_a_table_of_a_delta_log_is_taken_anew_afterwards(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    source = str(tmp_path / "delta")
    for number in range(4):
        deltalake.write_deltalake(source, pa.table({"id": [number, number + 10]}), mode="append")
    cat = catalog.create(str(tmp_path / "lake"))
    with cat.transaction() as tx:
        tx.snapshot("t", source, format="delta")
    before = rows(cat)
    assert cat.compact().tables[0].into == 1
    assert rows(cat) == before
    deltalake.write_deltalake(source, pa.table({"id": [99]}), mode="append")
    with cat.transaction() as tx:
        tx.snapshot("t", source, format="delta")
    assert rows(cat) == before + Counter(["(99,)"])
    assert cat.diff("main~1", "main").view.tables[0].rows.inserted == 1


def test_partitions_without_columns_in_files_and_null_partitions(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    for number in range(4):
        with cat.transaction() as tx:
            table = pa.table({"a": [None, "x/y", "ü"], "b": [number, number, None]})
            how = {"partition_by": ["a", "b"]} if number == 0 else {}
            tx.write("t", table, mode="append", **how)  # type: ignore[arg-type]
    before = rows(cat)
    assert cat.compact().tables[0].partitions == 1
    assert rows(cat) == before
    assert [one.outcome for one in cat.diff("main~1", "main").view.tables] == ["rewritten"]


def test_row_digests_and_sums_are_checked_where_they_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import catalog.write.compact.rewrite as rewrite

    cat = catalog.create(str(tmp_path / "lake"))
    for number in range(3):
        ids = list(range(number, 9_000, 3))
        texts = [hashlib.sha512(str(n).encode()).hexdigest() for n in ids]
        with cat.transaction() as tx:
            how = {"key": ["id"]} if number == 0 else {}
            tx.write("t", pa.table({"id": ids, "v": texts}), mode="append", **how)  # type: ignore[arg-type]
    known = []
    inner = rewrite._known_sum
    monkeypatch.setattr(rewrite, "_known_sum", lambda *a: known.append(inner(*a)) or known[-1])
    head = cat.resolve("main").commit_id
    monkeypatch.setattr(rewrite, "_known_sum", lambda *a: (inner(*a) or 0) + 1)
    with pytest.raises(catalog.CorruptData, match="fingerprints"):
        cat.compact()
    assert cat.resolve("main").commit_id == head
    monkeypatch.setattr(rewrite, "_known_sum", lambda *a: known.append(inner(*a)) or known[-1])
    assert cat.compact().tables[0].into == 1
    assert known[0] is not None


RUN = "import catalog, sys; catalog.open(sys.argv[1]).compact()"


@pytest.mark.invariant(
    "A compaction killed at any moment leaves the rows, and the next one ends it"
)
def test_killed_at_any_moment_nothing_but_files_is_left(disk_path: Path) -> None:
    for number in range(effort(1, 60)):
        place = disk_path / f"lake{number}"
        cat = filled(catalog.create(str(place)))
        before = rows(cat)
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(place)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        time.sleep(0.35 + (number * 0.37) % 1.3)
        process.send_signal(signal.SIGKILL)
        process.wait()
        fresh = catalog.open(str(place))
        assert rows(fresh) == before
        fresh.compact()
        assert rows(fresh) == before and len(fresh.files("t")) == 2
        assert fresh.compact().commit is None


def night(root: Path, number: int, *, apart: bool) -> int:
    """Adds a file of another writer to a directory, and returns how many rows it has."""
    folder = root / f"day={number % 2}" if apart else root
    folder.mkdir(parents=True, exist_ok=True)
    count = number % 3 + 1
    ids = range(100 * number, 100 * number + count)
    columns = {"v": [str(n) for n in ids], "id": list(ids)}
    pq.write_table(pa.table(columns), folder / f"{number}.parquet")
    return count


@pytest.mark.invariant("A file that the table has is not added again, whatever it was put into")
@pytest.mark.parametrize("apart", [True, False], ids=["partitions", "one"])
@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_a_directory_that_grows_is_added_to_a_table_that_is_compacted(
    tmp_path: Path, mode: Any, apart: bool
) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    name, total = "t", 0
    for number in range(8):
        total += night(tmp_path / "files", number, apart=apart)
        for _ in range(2):
            with cat.transaction() as tx:
                tx.snapshot(name, str(tmp_path / "files"), mode=mode, scope="append")
        assert cat.sql(f"SELECT count(*), count(DISTINCT id) FROM {name}").fetchall() == [
            (total, total)
        ]
        if number == 3:  # compacted elsewhere, and merged
            cat.branches.create("work")
            cat.compact(branch="work")
            cat.merge("work")
        elif number == 5:
            with cat.transaction() as tx:
                tx.sql(f"ALTER TABLE {name} RENAME TO s")
            name = "s"
        elif number:
            cat.compact(target_bytes=1 << (10 + number))
    assert cat.fsck(deep=True).is_whole


def test_what_was_removed_after_it_was_put_together_can_be_added_again(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    total = sum(night(tmp_path / "files", number, apart=False) for number in range(4))
    for clear in ("DELETE FROM t", "DELETE FROM t WHERE id >= 0"):
        with cat.transaction() as tx:
            tx.snapshot("t", str(tmp_path / "files"), scope="append")
        assert cat.sql("SELECT count(*) FROM t").fetchall() == [(total,)]
        cat.compact()
        with cat.transaction() as tx:
            tx.sql(clear)
        assert cat.sql("SELECT count(*) FROM t").fetchall() == [(0,)]
