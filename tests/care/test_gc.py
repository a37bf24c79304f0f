"""Garbage collection: what nothing needs goes after its grace, and nothing else."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog import Catalog
from catalog.errors import CatalogError, Conflict, ErrorKind, InvalidInput
from catalog.repository.condemned import read_lists

from .lakes import age, contents, in_days, lake, rows, stored, with_garbage


@pytest.mark.invariant("Garbage goes after its grace, and what is reachable stays")
def test_garbage_is_listed_and_goes_after_its_grace(tmp_path: Path) -> None:
    catalog = with_garbage(tmp_path)
    before, all_of_it = contents(tmp_path), stored(tmp_path)
    age(tmp_path)
    assert catalog.gc(reflog="7d").listed.total == 0  # the reflog keeps it
    tomorrow = 8
    later = in_days(tmp_path, tomorrow)
    first = later.gc(reflog="7d")
    assert first.listed.total > 0 and first.removed.total == 0
    assert stored(tmp_path) == all_of_it
    second = later.gc(reflog="7d")
    assert (second.listed.total, second.removed.total) == (0, 0)
    assert second.waiting.total == first.listed.total
    age(tmp_path, "gc/lists")
    third = later.gc(reflog="7d")
    assert third.removed.objects == first.listed.objects
    assert third.removed.bytes == first.listed.bytes
    assert len(all_of_it - stored(tmp_path)) == third.removed.total
    assert contents(tmp_path) == before
    (swept,) = read_lists(later.context.repository.store)
    assert swept.state == "swept"
    age(tmp_path, "gc/lists")
    later.gc(reflog="7d")
    assert not read_lists(later.context.repository.store)
    record = later.gc_log()[1]
    assert record.removed == third.removed.objects
    assert set(later.gc_removed(record.id)) == all_of_it - stored(tmp_path)


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    with_garbage(tmp_path)
    catalog = in_days(tmp_path, 40)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    report = catalog.gc(dry_run=True, alone=True)
    assert report.removed.total > 0 and report.listed.total == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == files


def test_alone_garbage_goes_at_once(tmp_path: Path) -> None:
    with_garbage(tmp_path)
    catalog = in_days(tmp_path, 40)
    before = contents(tmp_path)
    report = catalog.gc(alone=True)
    assert report.removed.total > 0 and report.listed.total == 0
    assert contents(tmp_path) == before
    assert catalog.gc(alone=True).removed.total == 0


def test_too_short_a_grace_is_refused(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    with pytest.raises(InvalidInput, match="grace"):
        catalog.gc(grace="59m")
    with pytest.raises(InvalidInput, match="away from"):
        catalog.gc(grace="7d", reflog="6d")


def test_young_objects_are_not_listed(tmp_path: Path) -> None:
    catalog = with_garbage(tmp_path)
    later = 40
    report = in_days(tmp_path, later).gc()
    assert report.listed.total == 0 and report.young.total > 0
    assert catalog.gc(dry_run=True).young.total == 0  # the reflog keeps it


def listed_garbage(root: Path) -> Catalog:
    """Makes a catalog whose garbage is on a list that has waited for its grace."""
    catalog = with_garbage(root)
    age(root)
    later = 40
    catalog = in_days(root, later)
    assert catalog.gc().listed.total > 0
    age(root, "gc/lists")
    return catalog


def test_the_same_rows_get_a_name_that_is_not_listed(tmp_path: Path) -> None:
    catalog = listed_garbage(tmp_path)
    with catalog.transaction(message="overwritten") as tx:
        tx.write("fresh", rows(0, 3, 1.0), mode="overwrite", key=["id"])
    head = catalog.show("main").id
    catalog.branches.create("other")
    with catalog.transaction(branch="other", message="again") as tx:
        tx.write("fresh", rows(0, 3, 2.0), mode="overwrite", key=["id"])
    catalog.branches.delete("other")
    age(tmp_path)
    later = 80
    catalog = in_days(tmp_path, later)
    catalog.gc()
    with catalog.transaction(message="the same rows") as tx:
        tx.write("fresh", rows(0, 3, 2.0), mode="overwrite", key=["id"])
    names = [file.path for file in catalog.files("fresh")]
    assert any("-2.parquet" in name for name in names)
    age(tmp_path, "gc/lists")
    before = contents(tmp_path)
    assert catalog.gc().removed.total > 0
    assert contents(tmp_path) == before
    assert head in [one.id for one in catalog.log("main")]


@pytest.mark.invariant("A ref that is moved to what is listed keeps it")
def test_a_branch_at_a_listed_commit_keeps_it(tmp_path: Path) -> None:
    catalog = with_garbage(tmp_path)
    gone = catalog.branches.reflog("gone")[0].before
    assert gone is not None
    age(tmp_path)
    later = 40
    catalog = in_days(tmp_path, later)
    listed = catalog.gc().listed.total
    catalog.branches.create("back", at=gone)
    catalog.branches.delete("back")  # what is reachable now does not count, but the note does
    age(tmp_path, "gc/lists")
    much_later = later + 40
    report = in_days(tmp_path, much_later).gc()
    assert report.rescued == listed and report.removed.total == 0


def test_what_is_being_swept_cannot_be_reached_again(tmp_path: Path) -> None:
    catalog = listed_garbage(tmp_path)
    gone = catalog.branches.reflog("gone")[0].before
    store = catalog.context.repository.store
    (one,) = read_lists(store)
    store.create(f"{one.folder}claim", b"sweep")
    with pytest.raises(Conflict) as caught:
        catalog.branches.create("back", at=gone)
    assert caught.value.kind == ErrorKind.GC_UNDER_WAY
    assert catalog.branches.create("fine").name == "fine"


def test_lists_can_be_withdrawn(tmp_path: Path) -> None:
    catalog = listed_garbage(tmp_path)
    assert catalog.gc_withdraw() == 1
    assert not list((tmp_path / "gc" / "lists").rglob("names"))
    assert catalog.gc().removed.total == 0


@pytest.mark.parametrize(
    "name", ["refs/branches/main.json", "refs/branches/side.json", "refs/tags/t.json"]
)
def test_a_ref_that_cannot_be_read_stops_it(tmp_path: Path, name: str) -> None:
    catalog = listed_garbage(tmp_path)
    catalog.branches.create("side")
    catalog.tags.create("t")
    before = stored(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes().replace(b"commit", b"comnit"))
    with pytest.raises(CatalogError):
        Catalog.open(str(tmp_path)).gc()
    assert stored(tmp_path) == before


def test_a_commit_that_is_gone_stops_it(tmp_path: Path) -> None:
    catalog = listed_garbage(tmp_path)
    head = catalog.show("main~1").id
    os.unlink(tmp_path / f"objects/{head[:2]}/{head}")
    before = stored(tmp_path)
    with pytest.raises(CatalogError, match="missing"):
        Catalog.open(str(tmp_path)).gc()
    assert stored(tmp_path) == before


def test_what_is_not_the_catalogs_is_left(tmp_path: Path) -> None:
    catalog = listed_garbage(tmp_path)
    strange = [
        "objects/zz/file",
        "objects/00/" + "1" * 64,
        "data/orders/notes.txt",
        "data/orders/" + "A" * 64 + ".parquet",
        "data/" + "a" * 64 + ".parquet",
        "blobs/aa/readme",
        "lists/.DS_Store",
        "refs/notes.txt",
        "mine/file",
    ]
    for name in strange:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
        os.utime(tmp_path / name, (0, 0))
    report = catalog.gc()
    assert report.removed.total > 0
    assert report.unknown >= 7
    assert all((tmp_path / name).exists() for name in strange)


def test_a_stray_copy_of_a_ref_stops_it(tmp_path: Path) -> None:
    catalog = listed_garbage(tmp_path)
    main = tmp_path / "refs/branches/main.json"
    (tmp_path / "refs/branches/main (copy).json").write_bytes(main.read_bytes())
    with pytest.raises(CatalogError, match="may be a branch"):
        catalog.gc()


def test_a_clock_that_went_back_stops_it(tmp_path: Path) -> None:
    catalog = listed_garbage(tmp_path)
    age(tmp_path, "gc/lists", days=-3)
    with pytest.raises(Conflict) as caught:
        catalog.gc()
    assert caught.value.kind == ErrorKind.GC_REFUSED


def test_changed_objects_are_left(tmp_path: Path) -> None:
    catalog = listed_garbage(tmp_path)
    needed = {tmp_path / file.path for file in catalog.files("orders")}
    needed |= {tmp_path / file.path for file in catalog.files("people")}
    path = min(set((tmp_path / "data").rglob("*.parquet")) - needed)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    report = catalog.gc()
    assert report.changed.total == 1 and report.removed.total > 0
    assert path.exists()


def test_a_commit_that_no_ref_reaches_may_have_files_of_others(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(pa.table({"id": [1, 2]}), source / "a.parquet")
    catalog = lake(tmp_path / "lake")
    catalog.branches.create("gone")
    with catalog.transaction(branch="gone", message="there") as tx:
        tx.snapshot("there", str(source), mode="reference")
    gone = catalog.show("gone").id
    catalog.branches.delete("gone")
    again = Catalog.open(str(tmp_path / "lake"))
    again.branches.create("back", at=gone)
    assert again.sql("SELECT count(*) FROM there@back").fetchall() == [(2,)]
    with again.transaction(branch="back", message="more") as tx:
        tx.write("orders", rows(40, 2, 1.0), mode="append")
    report = in_days(tmp_path / "lake", 80).gc(alone=True)
    assert report.removed.total == 0 and (source / "a.parquet").exists()
