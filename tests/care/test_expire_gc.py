"""Expiry and garbage collection together, as they run every night: what goes, and what answers."""

import contextlib
import io
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, ErrorKind, MergeConflict, NotFound
from catalog.repository.expired import ExpiryRecord, Policy, record
from tests.repository.format_reader import Reader
from tests.write.file_trees import plant

from .lakes import age, in_days, stored, with_garbage
from .test_expired_reads import Days, contents_of, made, needed, opened, orders, reachable

HISTORY = (
    "log --json",
    "log --all --json",
    "tables main~3",
    "files orders@main~3",
    "lineage daily@main~3",
    "diff main~4 main~3 --stat",
    "reflog main",
)


def outputs(lake: Path, *words: str) -> tuple[int, str]:
    from cli.main import run

    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = run(["-C", str(lake), *words])
    return code, out.getvalue()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of 200 days: a table written anew, one that seldom changes, a set, branches."""
    folder = tmp_path_factory.mktemp("nightly")
    clock = Days(200)
    cat = made(folder / "lake", clock)
    for day in range(0, 200, 40):
        with cat.transaction(message=f"day {day}") as tx:
            tx.write("orders", orders(day), mode="overwrite", key=["id"], partition_by=["part"])
            plant(folder / "docs", {"same": b"same", f"of-{day % 80}": f"{day}".encode()})
            tx.snapshot("docs", str(folder / "docs"), format="files")
            if day == 0:
                tx.write("customers", pa.table({"c": [day]}), mode="overwrite")
        clock.go(20)
        if day == 0:
            cat.derive("daily", "SELECT part, sum(v) AS v FROM orders GROUP BY part")
        elif day == 80:
            cat.refresh()
            cat.tags.create("v1", at="main")
            cat.branches.create("work", at="main")
        clock.go(20)
    return folder / "lake"


@pytest.fixture
def lake(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "lake")
    return tmp_path / "lake"


def swept(root: Path, days: float = 40) -> set[str]:
    """Lets nights pass until all that may go is gone; returns the paths of that."""
    there = stored(root)
    age(root)
    in_days(root, days).gc(reflog="30d")
    age(root, "gc/lists")
    in_days(root, days).gc(reflog="30d")
    return there - stored(root)


def at(cat: Catalog, ref: str) -> str:
    found = cat.resolve(ref).commit_id
    assert found is not None
    return found


def oldest(cat: Catalog, commits: tuple[str, ...]) -> str:
    """Returns the oldest of some commits that has a table."""
    read = cat.repository.commits
    there = [one for one in commits if "orders" in read.entries(one)]
    return min(there, key=lambda one: read.read(one).time)


def data_of(root: Path, *commits: str) -> set[str]:
    reader = Reader(root)
    return set[str]().union(*(needed(reader, one) for one in commits))


@pytest.mark.invariant("gc drops what only expired commits need, and nothing that others share")
def test_what_only_expired_commits_need_goes(lake: Path) -> None:
    cat = opened(lake)
    assert not swept(lake, 0), "all is reachable"
    commits = reachable(cat)
    rows = {one: contents_of(cat, one) for one in commits}
    history = {words: outputs(lake, *words.split()) for words in HISTORY}
    assert {code for code, _ in history.values()} == {0}, history
    figures = cat.expire("90d", dry_run=True)
    report = cat.expire("90d")
    kept = [one for one in commits if one not in report.commits]
    only = data_of(lake, *report.commits) - data_of(lake, *kept)
    sizes = {path: (lake / path).stat().st_size for path in only}
    gone = swept(lake, 0)
    assert gone == only and gone
    assert figures.size_bytes == sum(
        size for path, size in sizes.items() if not path.startswith("lists/")
    )
    assert {words: outputs(lake, *words.split()) for words in HISTORY} == history
    cat = opened(lake)
    for one in kept:
        assert contents_of(cat, one) == rows[one]
    refused = 0
    for one in report.commits:
        for table, told in rows[one].items():
            try:
                found = cat.sql(f'SELECT * FROM "{table}"', ref=one).fetchall()
                assert sorted(found, key=repr) == told
            except NotFound as error:
                assert error.kind is ErrorKind.DATA_EXPIRED
                refused += 1
    assert refused
    for make in (cat.branches.create, cat.tags.create):
        with pytest.raises(CatalogError) as caught:
            make("again", at=report.commits[0])
        assert caught.value.kind is ErrorKind.DATA_EXPIRED
    assert cat.expire("90d").commits == ()
    assert not swept(lake, 0), "nothing goes twice"


def test_expiry_of_one_table_leaves_the_others(lake: Path) -> None:
    cat = opened(lake)
    rows = {one: contents_of(cat, one) for one in reachable(cat)}
    figures = cat.expire("90d", tables=["ORDERS"], dry_run=True)
    report = cat.expire("90d", tables=["ORDERS"])
    assert [one.table for one in figures.tables] == ["orders"]
    sizes = {path: (lake / path).stat().st_size for path in stored(lake)}
    gone = swept(lake, 0)
    assert gone and {path.split("/")[1] for path in gone} == {"orders"}
    assert sum(sizes[path] for path in gone) == figures.size_bytes
    assert len(gone) == figures.tables[0].files
    cat = opened(lake)
    for one in report.commits:
        for table in rows[one].keys() - {"orders"}:
            found = cat.sql(f'SELECT * FROM "{table}"', ref=one).fetchall()
            assert sorted(found, key=repr) == rows[one][table]
    cat.tags.create("later", at="main~1")
    assert not swept(lake, 0)


def test_no_tag_keeps_what_expired_from_the_first_moment(lake: Path) -> None:
    cat = opened(lake)
    report = cat.expire("90d")
    old = oldest(cat, report.commits)
    assert contents_of(cat, old)
    with pytest.raises(CatalogError) as caught:
        cat.tags.create("too-late", at=old)
    assert caught.value.kind is ErrorKind.DATA_EXPIRED
    assert swept(lake, 0)


def test_small_files_go_with_the_commits_of_before_a_compaction(lake: Path) -> None:
    cat = opened(lake)
    for n in range(5):
        with cat.transaction(message=f"more {n}") as tx:
            tx.write("events", pa.table({"id": [n], "v": [n]}), mode="append", key=["id"])
    cat.branches.create("before")
    with cat.transaction("before", message="on the branch") as tx:
        tx.sql("UPDATE events SET v = 40 WHERE id = 4")
    cat.compact(["events"])
    small = {file.path for file in cat.files("events", "main~1")}
    (large,) = (file.path for file in cat.files("events"))
    rows = cat.sql("SELECT * FROM events ORDER BY id").fetchall()
    later = in_days(lake, 100)
    assert later.expire("30d").commits
    gone = swept(lake, 100)
    assert not gone & small, "the branch needs them"
    cat = in_days(lake, 100)
    assert cat.sql("SELECT * FROM events ORDER BY id").fetchall() == rows
    cat.merge("before")
    assert cat.sql("SELECT v FROM events WHERE id = 4").fetchall() == [(40,)]
    cat.branches.delete("before")
    assert in_days(lake, 300).expire("30d", keep_tags=False).commits
    gone = swept(lake, 300)
    assert small <= gone and large not in small
    cat = opened(lake)
    assert cat.sql("SELECT * FROM events ORDER BY id").fetchall() == [*rows[:4], (4, 40)]


def test_a_squashed_branch_leaves_nothing_and_takes_nothing(lake: Path) -> None:
    cat = opened(lake)
    cat.branches.create("side")
    for v in (7, 8):
        with cat.transaction("side", message=f"side {v}") as tx:
            tx.sql(f"UPDATE orders SET v = {v} WHERE id = 2")
    between = {file.path for file in cat.files("orders", "side~1")}
    cat.merge("side", squash=True)
    cat.branches.delete("side")
    rows = {one: contents_of(cat, at(cat, one)) for one in ("main", "main~1")}
    between -= {file.path for one in rows for file in cat.files("orders", one)}
    gone = swept(lake)
    assert between and between <= gone
    cat = opened(lake)
    assert {one: contents_of(cat, at(cat, one)) for one in rows} == rows
    cat.revert("main", branch="main")
    assert contents_of(cat, at(cat, "main"))["orders"] == rows["main~1"]["orders"]


def test_a_revert_across_what_expired(lake: Path) -> None:
    cat = opened(lake)
    cat.expire("30d")
    swept(lake, 0)
    cat = opened(lake)
    before = contents_of(cat, at(cat, "main"))
    with pytest.raises(NotFound) as caught:
        cat.revert("main", branch="main")
    assert caught.value.kind is ErrorKind.DATA_EXPIRED
    assert contents_of(opened(lake), at(cat, "main")) == before


def test_a_copy_of_what_expired_is_whole_and_collects_nothing(lake: Path, tmp_path: Path) -> None:
    cat = opened(lake)
    old = oldest(cat, cat.expire("90d").commits)
    swept(lake, 0)
    cat = opened(lake)
    report = cat.clone_to(tmp_path / "copy", verify="hash")
    assert report.expired and not report.damage
    copy = opened(tmp_path / "copy")
    assert contents_of(copy, at(copy, "main")) == contents_of(cat, at(cat, "main"))
    assert not (tmp_path / "copy" / "gc").exists(), "lists are of one place"
    assert not swept(tmp_path / "copy", 0)
    with pytest.raises(NotFound) as caught:
        copy.sql("SELECT * FROM orders", ref=old).fetchall()
    assert caught.value.kind is ErrorKind.DATA_EXPIRED
    with pytest.raises(NotFound) as caught:
        copy.fetch(lake, old, branch="again")
    assert caught.value.kind is ErrorKind.DATA_EXPIRED


def test_a_copy_that_expired_more_gets_what_refs_keep(lake: Path, tmp_path: Path) -> None:
    cat = opened(lake)
    root = tmp_path / "copy"
    cat.clone_to(root)
    copy = opened(root)
    expired = [one for one in copy.expire("90d").commits if "orders" in contents_of(cat, one)]
    swept(root, 0)
    assert copy.fetch(lake, mirror=True, full=True).copied.get("data") is None
    tagged, named = expired[:2]
    cat.tags.create("late", at=tagged)
    copy.fetch(lake, mirror=True, verify="hash")
    copy.fetch(lake, named, branch="named")
    for cat_or_copy in (copy, opened(root)):
        for one in (tagged, named):
            assert contents_of(cat_or_copy, one) == contents_of(cat, one)
    assert not swept(root, 0)
    opened(root).fetch(lake, mirror=True, full=True, verify="hash")


def test_a_merge_under_way_whose_base_expired_is_cloned_with_it(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    clock = Days(200)
    cat = made(root, clock)

    def write(branch: str, value: int) -> None:
        with cat.transaction(branch, message=f"{branch} {value}") as tx:
            rows = pa.table({"k": [1], "v": [value]})
            tx.write("t", rows, mode="overwrite", key=["k"])

    write("main", 0)
    clock.go(5)
    cat.branches.create("side")
    write("side", 1)
    write("main", 2)
    base = at(cat, "main~1")
    clock.go(60)
    record(cat.repository.store, ExpiryRecord(clock(), "tester", Policy(1), (base,)))
    with pytest.raises(MergeConflict):
        cat.merge("side")  # what a writer does whose look at the records was earlier
    opened(root).clone_to(tmp_path / "copy", verify="hash")
    swept(root, 0)
    for place in (root, tmp_path / "copy"):
        assert contents_of(opened(place), base) == {"t": [(1, 0)]}
        found = opened(place).continue_merge("side", resolve="theirs")
        assert found.commit is not None


def test_a_mirror_keeps_what_its_own_list_holds(lake: Path, tmp_path: Path) -> None:
    cat = opened(lake)
    cat.clone_to(tmp_path / "copy")
    copy = opened(tmp_path / "copy")
    for one, name in ((cat, "extra"), (copy, "own")):
        one.branches.create(name, at="main~1")
        with one.transaction(name, message="extra") as tx:
            tx.write("fresh", pa.table({"id": [1]}), mode="overwrite", key=["id"])
    copy.branches.delete("own")
    age(tmp_path / "copy")
    assert in_days(tmp_path / "copy", 40).gc().listed.total
    age(tmp_path / "copy", "gc/lists")
    late = in_days(tmp_path / "copy", 40)
    report = late.fetch(lake, mirror=True, verify="hash")
    assert report.commits
    late.gc()
    assert late.sql("SELECT * FROM fresh@extra").fetchall() == [(1,)]
    assert late.fetch(lake, mirror=True, verify="hash").commits == 0


def test_what_is_published_stays_and_says_what_it_cannot_have(lake: Path, tmp_path: Path) -> None:
    from deltalake import DeltaTable

    cat = opened(lake)
    cat.publish("main", tmp_path / "out", tables=["orders"])
    versions = DeltaTable(tmp_path / "out" / "orders").version()
    rows = [
        DeltaTable(tmp_path / "out" / "orders", version=one).to_pyarrow_table().to_pylist()
        for one in range(versions + 1)
    ]
    cat.expire("30d")
    assert swept(lake, 0)
    for one, told in enumerate(rows):
        table = DeltaTable(tmp_path / "out" / "orders", version=one)
        assert table.to_pyarrow_table().to_pylist() == told
    (report,) = opened(lake).publish("main", tmp_path / "anew", tables=["orders"]).tables
    assert report.passed_over
    assert all("has expired: the data of" in why for why in report.passed_over.values())


@pytest.mark.invariant("No record of expiry takes data that a ref keeps, or what is no data")
def test_a_record_that_expires_everything_takes_only_what_no_ref_keeps(lake: Path) -> None:
    cat = opened(lake)
    outside = lake.parent / "outside.parquet"
    outside.write_bytes(b"theirs")
    kept = [at(cat, ref) for ref in ("main", "work", "v1")]
    rows = {one: contents_of(cat, one) for one in kept}
    all_of_them = ExpiryRecord(
        cat.context.clock(), "evil\x1b[2J", Policy(0), tuple(reachable(cat)), ("../v1", "\x1b")
    )
    record(cat.repository.store, all_of_them)
    only = data_of(lake, *reachable(cat)) - data_of(lake, *kept)
    assert swept(lake, 0) == only
    assert outside.read_bytes() == b"theirs"
    assert {one: contents_of(opened(lake), one) for one in kept} == rows


def test_what_gc_has_removed_of_old_moves_does_not_stop_expiry(tmp_path: Path) -> None:
    catalog = with_garbage(tmp_path)
    age(tmp_path)
    in_days(tmp_path, 2).gc(reflog="1h", alone=True)
    later = in_days(tmp_path, 10)  # the moves are in the reflog that expiry keeps
    assert later.expire("1d").kept == 3
    assert len(catalog.log("main")) == 3
