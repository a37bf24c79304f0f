"""Copies, links and references: which bytes are read, and what happens when they change."""

import hashlib
import os
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData
from catalog.storage import local
from catalog.write.snapshot import ingest
from tests.storage.wrappers import CountingStore

from .conftest import catalog_in, head, rows, snap, write

MODES = ["copy", "link", "reference"]


@pytest.fixture
def hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "reflink", lambda source, target: False)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lists the files that are hashed without being copied."""
    seen: list[str] = []
    original = ingest._hash

    def spy(path: str) -> str:
        seen.append(path)
        return original(path)

    monkeypatch.setattr(ingest, "_hash", spy)
    return seen


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_reads_the_same(cat: Catalog, source: Path, mode: str) -> None:
    write(source / "day=1/a.parquet", {"id": [1]})
    snap(cat, "t", source, mode=mode)
    assert rows(cat, "SELECT id, day FROM t") == [(1, 1)]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_changed_makes_no_commit(cat: Catalog, source: Path, mode: str) -> None:
    write(source / "day=1/a.parquet", {"id": [1]})
    snap(cat, "t", source, mode=mode, key=["id"])
    before = head(cat)
    with cat.transaction("main") as tx:
        report = tx.snapshot("t", str(source), mode=mode)
    assert (tx.commit, report.changed, report.files_kept) == (None, False, 1)
    assert head(cat) == before


def test_copies_are_named_by_their_content(cat: Catalog, source: Path, root: Path) -> None:
    path = write(source / "day=1/a.parquet", {"id": [1]})
    snap(cat, "t", source)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    copy = root / f"data/t/day=1/{digest}.parquet"
    assert copy.read_bytes() == path.read_bytes()
    assert copy.stat().st_ino != path.stat().st_ino
    assert [f.token for f in cat.files("t")] == [f"sha256:{digest}"]


def test_a_copy_outlives_its_source(cat: Catalog, source: Path) -> None:
    path = write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    path.write_bytes(b"gone")
    assert rows(cat, "SELECT id FROM t") == [(1,)]


@pytest.mark.usefixtures("trusted_times")
def test_unchanged_files_are_neither_copied_nor_hashed_again(
    counting: CountingStore, source: Path, hashed: list[str]
) -> None:
    cat = catalog_in(counting)
    for n in range(20):
        write(source / f"{n}.parquet", {"id": [n]})
    snap(cat, "t", source)
    assert len(counting.of("stage")) == 20
    counting.calls.clear()
    changed = write(source / "7.parquet", {"id": [700]})
    report = snap(cat, "t", source)
    assert counting.of("stage") == [str(changed)]
    assert (report.files_added, report.files_kept, hashed) == (1, 19, [])


@pytest.mark.usefixtures("trusted_times", "hard_links")
def test_links_that_are_unchanged_are_not_hashed_again(
    cat: Catalog, source: Path, hashed: list[str]
) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source, mode="link")
    assert len(hashed) == 1
    assert not snap(cat, "t", source, mode="link").changed
    assert len(hashed) == 1


def test_files_that_have_not_rested_are_hashed_again(counting: CountingStore, source: Path) -> None:
    cat = catalog_in(counting)
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    assert not snap(cat, "t", source).changed
    assert len(counting.of("stage")) == 2


@pytest.mark.usefixtures("trusted_times")
def test_a_file_written_again_with_its_old_times_is_seen(cat: Catalog, source: Path) -> None:
    path = write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    times = path.stat()
    write(path, {"id": [2]})
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    snap(cat, "t", source)
    assert rows(cat, "SELECT id FROM t") == [(2,)]


@pytest.mark.usefixtures("trusted_times")
@pytest.mark.parametrize("damage", [b"", b"x", b"0" * 64 + b"\nxyz"])
def test_damaged_stat_records_cost_time_only(
    cat: Catalog, root: Path, source: Path, damage: bytes
) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    (record,) = [p for p in (root / "cache/stat").rglob("*") if p.is_file()]
    record.write_bytes(damage)
    assert not snap(cat, "t", source).changed


@pytest.mark.usefixtures("trusted_times")
def test_a_stat_record_does_not_bring_back_what_the_store_lost(
    cat: Catalog, root: Path, source: Path
) -> None:
    write(source / "a.parquet", {"id": [1]})
    with pytest.raises(KeyError), cat.transaction("main") as tx:
        tx.snapshot("t", str(source))
        raise KeyError
    for path in (root / "data").rglob("*.parquet"):
        path.unlink()
    snap(cat, "t", source)
    assert rows(cat, "SELECT id FROM t") == [(1,)]


def test_content_that_comes_back_is_not_stored_twice(
    cat: Catalog, root: Path, source: Path
) -> None:
    for value in (1, 2, 1):
        write(source / "a.parquet", {"id": [value]})
        snap(cat, "t", source)
    assert len(list((root / "data").rglob("*.parquet"))) == 2
    assert [rows(cat, f"SELECT id FROM t@main~{n}") for n in range(3)] == [[(1,)], [(2,)], [(1,)]]


def test_equal_files_count_each(cat: Catalog, source: Path) -> None:
    for name in ("a", "b", "c"):
        write(source / f"{name}.parquet", {"id": [1]})
    snap(cat, "t", source)
    assert rows(cat, "SELECT count(*) FROM t") == [(3,)]
    (source / "b.parquet").unlink()
    snap(cat, "t", source)
    assert rows(cat, "SELECT count(*) FROM t") == [(2,)]


@pytest.mark.usefixtures("hard_links")
def test_links_share_their_bytes(cat: Catalog, source: Path, root: Path) -> None:
    path = write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source, mode="link")
    (linked,) = (root / "data").rglob("*.parquet")
    assert linked.stat().st_ino == path.stat().st_ino
    path.unlink()
    assert rows(cat, "SELECT id FROM t") == [(1,)]


def test_links_and_copies_of_a_table_can_follow_each_other(cat: Catalog, source: Path) -> None:
    path = write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source, mode="reference")
    snap(cat, "t", source, mode="link")
    snap(cat, "t", source, mode="copy")
    path.write_bytes(b"gone")
    assert rows(cat, "SELECT id FROM t") == [(1,)]


READS = {
    "sql": lambda cat, out: cat.sql("SELECT sum(id) FROM t@main").fetchall(),
    "diff": lambda cat, out: cat.diff("main~1", "main", tables=["t"]),
    "export to parquet": lambda cat, out: cat.export("t", str(out)),
    "export to csv": lambda cat, out: cat.export("t", str(out / "x.csv"), format="csv"),
    "views": lambda cat, out: cat.write_views(str(out / "x.duckdb")),
    "session": lambda cat, out: cat.connect("main").sql("SELECT * FROM t").fetchall(),
}


@pytest.mark.invariant("A linked or referenced file that was changed is an error, never an answer")
@pytest.mark.usefixtures("hard_links")
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("mode", ["link", "reference"])
def test_a_file_changed_afterwards_is_never_an_answer(
    cat: Catalog, source: Path, tmp_path: Path, mode: str, read: str
) -> None:
    path = write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source, mode=mode)
    with open(path, "r+b") as file:
        file.write(b"PAR1")
    os.utime(path, ns=(1, 1))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(CorruptData) as caught:
        READS[read](cat, out)
    assert caught.value.kind == "file-changed"
    assert head(cat)[:8] in caught.value.message
    assert "mode='copy'" in caught.value.hint


def test_a_reference_that_went_away_is_said(cat: Catalog, source: Path) -> None:
    path = write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source, mode="reference")
    path.unlink()
    with pytest.raises(CorruptData) as caught:
        rows(cat, "SELECT id FROM t")
    assert "is gone" in caught.value.message


def test_a_reference_put_back_as_it_was_is_read_again(
    cat: Catalog, source: Path, tmp_path: Path
) -> None:
    path = write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source, mode="reference")
    path.rename(tmp_path / "aside")
    with pytest.raises(CorruptData):
        rows(cat, "SELECT id FROM t")
    (tmp_path / "aside").rename(path)
    assert rows(cat, "SELECT id FROM t") == [(1,)]


def test_a_changed_reference_is_taken_by_the_next_snapshot(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    write(source / "b.parquet", {"id": [5]})
    snap(cat, "t", source, mode="reference")
    write(source / "a.parquet", {"id": [1, 2]})
    report = snap(cat, "t", source, mode="reference")
    assert (report.files_added, report.files_removed, report.files_kept) == (1, 1, 1)
    assert rows(cat, "SELECT id FROM t ORDER BY id") == [(1,), (2,), (5,)]
