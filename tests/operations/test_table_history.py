"""Histories of tables of Delta, imported, against what deltalake itself says of each version."""

import datetime
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, QueryBuilder, write_deltalake

import catalog
from catalog.catalog import Catalog
from catalog.operations.table_history.run import ImportReport
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.storage.wrappers import FaultyStore
from tests.write.conftest import catalog_in, snap

ROWS = 200


def rows(first: int, day: str, values: list[int]) -> pa.Table:
    ids = pa.array(range(first, first + len(values)), pa.int64())
    return pa.table({"id": ids, "day": [day] * len(values), "v": pa.array(values, pa.int64())})


def said(text: str) -> CommitProperties:
    return CommitProperties(custom_metadata={"userMetadata": text, "userName": "ada"})


def write_history(path: Path) -> None:
    """Writes a table with every operation that deltalake has."""
    place = str(path)
    write_deltalake(place, rows(0, "a", [*range(ROWS)]), partition_by=["day"])
    write_deltalake(
        place, rows(ROWS, "b", [*range(ROWS)]), mode="append", commit_properties=said("the load")
    )
    table = DeltaTable(place)
    corrected = [v + (v % 20 == 0) for v in range(ROWS)]
    write_deltalake(place, rows(ROWS, "b", corrected), mode="overwrite", predicate="day = 'b'")
    table.update_incremental()
    table.update({"v": "v + 1"}, predicate="id < 7")
    table.delete("id = 5")
    change = rows(3, "a", [100, 101]).append_column("new", pa.array(["x", "y"]))
    write_deltalake(place, change.slice(0, 1).select(["id", "day", "v"]), mode="append")
    write_deltalake(place, change.slice(1), mode="append", schema_mode="merge")
    table.update_incremental()
    source = pa.table({"id": [1, 2, 999], "day": ["a"] * 3, "v": [7, 8, 9], "new": [None] * 3})
    source = source.set_column(3, "new", pa.nulls(3, pa.string()))
    merge = table.merge(source, "t.id = s.id", source_alias="s", target_alias="t")
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
    table.optimize.compact()
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 30 days"})
    table.create_checkpoint()
    write_deltalake(place, rows(5000, "c", [1, 2]), mode="append", schema_mode="merge")
    DeltaTable(place).restore(2)
    write_deltalake(place, rows(0, "z", [1]), mode="overwrite", schema_mode="overwrite")


def theirs(place: Path, version: int) -> list[tuple[object, ...]]:
    table = DeltaTable(str(place), version=version)
    found = QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()
    names = [field.name for field in table.schema().fields]
    return sorted(map(repr, zip(*(pa.table(found)[n].to_pylist() for n in names), strict=True)))


def ours(cat: Catalog, ref: str) -> list[tuple[object, ...]]:
    return sorted(map(repr, cat.sql("SELECT * FROM orders", ref=ref).fetchall()))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("delta") / "orders"
    write_history(place)
    return place


@pytest.fixture(scope="module")
def imported(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    cat = catalog_in(LocalStore(str(tmp_path_factory.mktemp("lake") / "lake")))
    cat.import_history(written, table="orders")
    return cat


@pytest.fixture
def lake(tmp_path: Path) -> Catalog:
    return catalog_in(LocalStore(str(tmp_path / "lake")))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A table of three versions."""
    path = tmp_path / "orders"
    write_deltalake(str(path), rows(0, "a", [1, 2]), partition_by=["day"])
    write_deltalake(str(path), rows(2, "b", [3]), mode="append")
    write_deltalake(str(path), rows(2, "b", [4]), mode="overwrite", predicate="day = 'b'")
    return path


def take(cat: Catalog, place: Path, **options: Any) -> ImportReport:
    return cat.import_history(place, table="orders", **options)


@pytest.mark.invariant(
    "Each commit of an imported history has exactly the rows of its version, as the library of the "
    "format reads them"
)
def test_every_commit_has_the_rows_of_its_version(imported: Catalog, written: Path) -> None:
    commits = imported.log("import/orders")[::-1]
    versions = [int(one.metadata["delta.version"]) for one in commits]
    assert versions == list(range(DeltaTable(str(written)).version() + 1))
    for version, commit in zip(versions, commits, strict=True):
        assert ours(imported, commit.id) == theirs(written, version), version


def test_commits_say_what_the_log_says(imported: Catalog, written: Path) -> None:
    log = {one["version"]: one for one in DeltaTable(str(written)).history()}
    commits = imported.log("import/orders")
    assert commits[-1].parents == ()
    assert [len(c.parents) for c in commits[:-1]] == [1] * (len(log) - 1)
    for commit in commits:
        about = log[int(commit.metadata["delta.version"])]
        assert commit.time.timestamp() * 1000 == about["timestamp"]
        assert commit.metadata["delta.operation"] == about["operation"]
        parameters = json.loads(commit.metadata["delta.operationParameters"])
        assert parameters.keys() == about["operationParameters"].keys()
        if "userMetadata" in about:
            assert (commit.message, commit.author) == ("the load", "ada")
        else:
            assert commit.message.startswith(
                f"Delta version {about['version']}: {about['operation']}"
            )
            assert commit.author == "tester"


def commit_of(cat: Catalog, operation: str) -> str:
    found = [c.id for c in cat.log("import/orders") if c.metadata["delta.operation"] == operation]
    return found[-1]


def test_a_rewritten_partition_shows_only_rows_that_changed(imported: Catalog) -> None:
    found = imported.log("import/orders")[::-1][2].id
    (table,) = imported.diff(f"{found}~1", found, key=["id"]).tables
    counts = table.rows
    assert (counts.inserted, counts.deleted, counts.updated) == (0, 0, ROWS // 20)


def test_what_changes_no_rows_is_a_commit_without_differences(imported: Catalog) -> None:
    compacted = commit_of(imported, "OPTIMIZE")
    (table,) = imported.diff(f"{compacted}~1", compacted).tables
    counts = table.rows
    assert len(table.files_added) == 1
    assert (counts.inserted, counts.deleted, counts.updated or 0) == (0, 0, 0)
    quiet = commit_of(imported, "SET TBLPROPERTIES")
    assert imported.show(quiet).changes == {}
    assert imported.diff(f"{quiet}~1", quiet).tables == ()


def test_a_later_import_takes_what_is_new_and_merges_again(lake: Catalog, place: Path) -> None:
    with pytest.raises(catalog.NotFound):
        lake.resolve("import/orders")
    report = take(lake, place, key=["id"])
    assert (report.versions, report.began, report.last) == ((0, 1, 2), True, 2)
    assert [c.id for c in report.commits] == [c.id for c in lake.log("import/orders")[::-1]]
    lake.merge("import/orders")
    assert ours(lake, "main") == theirs(place, 2)
    assert take(lake, place).is_up_to_date
    write_deltalake(str(place), rows(9, "c", [9]), mode="append")
    report = take(lake, place)
    assert (report.versions, report.began) == ((3,), False)
    lake.merge("import/orders")
    assert ours(lake, "main") == theirs(place, 3)
    assert lake.table("orders").key_names == ("id",)
    assert lake.diff("main", "import/orders").tables == ()


def test_versions_are_chosen(lake: Catalog, place: Path) -> None:
    assert take(lake, place, from_version=1, to_version=1).versions == (1,)
    assert take(lake, place).versions == (2,)
    with pytest.raises(catalog.InvalidInput, match="past version 0"):
        take(lake, place, from_version=0)
    assert take(lake, place, branch="all", to_version="1").versions == (0, 1)
    with pytest.raises(catalog.InvalidInput, match=r"version 2 of .* came after version 1"):
        take(lake, place, branch="other", from_version=2, to_version=1)
    with pytest.raises(catalog.NotFound, match="version 7"):
        take(lake, place, branch="other", to_version=7)
    assert lake.repository.branches.find("other") is None


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_files_come_in_as_asked(lake: Catalog, place: Path, mode: Any) -> None:
    take(lake, place, mode=mode)
    expected = [theirs(place, version) for version in range(3)]
    shutil.rmtree(place)
    commits = lake.log("import/orders")[::-1]
    if mode == "reference":
        with pytest.raises(catalog.CatalogError):
            ours(lake, commits[0].id)
        return
    assert [ours(lake, commit.id) for commit in commits] == expected


def test_a_table_that_main_has_too_is_merged_by_its_rows(lake: Catalog, place: Path) -> None:
    snap(lake, "orders", place, key=["id"])
    take(lake, place, key=["id"])
    lake.merge("import/orders")
    with lake.transaction() as tx:
        tx.write("orders", rows(50, "a", [50]), mode="append")
    write_deltalake(str(place), rows(9, "c", [9]), mode="append")
    take(lake, place)
    lake.merge("import/orders")
    assert ours(lake, "main") == sorted([*theirs(place, 3), repr((50, "a", 50))])


def test_an_import_that_failed_anywhere_is_continued(tmp_path: Path, place: Path) -> None:
    for n in range(effort(6, 30)):
        root = tmp_path / f"faulty{n}"
        store = FaultyStore(LocalStore(str(root)))
        cat = catalog_in(store)
        method, fault = ("create", "swap")[n % 2], ("refuse", "fail-after")[n // 2 % 2]
        store.faults[method] = [*[None] * (n // 4), fault]
        try:
            take(cat, place, mode="copy")
        except catalog.CatalogError:
            check_prefix(cat, place)
        store.faults.clear()
        take(cat, place, mode="copy")
        assert check_prefix(cat, place) == 3


class Stop(BaseException):
    """Stands for a process that is killed."""


def test_an_import_that_was_stopped_at_any_line_is_continued(tmp_path: Path, place: Path) -> None:
    for line in range(5, 300, effort(60, 7)):
        cat = catalog_in(LocalStore(str(tmp_path / f"stopped{line}")))
        with pytest.raises(Stop), stopped_after(line):
            take(cat, place)
            raise Stop
        check_prefix(cat, place)
        take(cat, place)
        assert check_prefix(cat, place) == 3


class stopped_after:  # noqa: N801
    """Stops what runs at the nth line of the import's own modules."""

    def __init__(self, lines: int) -> None:
        self.left = lines
        self.before = sys.gettrace()

    def __enter__(self) -> None:
        sys.settrace(self._call)

    def __exit__(self, *error: object) -> None:
        sys.settrace(self.before)

    def _call(self, frame: FrameType, event: str, arg: object) -> Any:
        return self._line if "operations/table_history" in frame.f_code.co_filename else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise Stop
        return self._line


def check_prefix(cat: Catalog, place: Path) -> int:
    """Checks that what was imported is right, as far as it goes; returns how far."""
    if cat.repository.branches.find("import/orders") is None:
        return 0
    commits = cat.log("import/orders")[::-1]
    versions = [int(one.metadata["delta.version"]) for one in commits]
    assert versions == list(range(len(commits)))
    for version, commit in zip(versions, commits, strict=True):
        assert ours(cat, commit.id) == theirs(place, version)
    return len(commits)


def rewrite_log(place: Path, version: int, **changes: object) -> None:
    """Changes what a version says about itself."""
    path = place / "_delta_log" / f"{version:020}.json"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line.get("commitInfo", {}).update(changes)
    path.write_text("\n".join(map(json.dumps, lines)))


def test_clocks_that_go_back_do_not_turn_history_around(lake: Catalog, place: Path) -> None:
    rewrite_log(place, 0, timestamp=1_700_000_000_000)
    rewrite_log(place, 1, timestamp=1_600_000_000_000)
    rewrite_log(place, 2, timestamp=1_800_000_000_000)
    take(lake, place)
    commits = lake.log("import/orders")[::-1]
    assert [c.time.timestamp() for c in commits] == [1.7e9, 1.7e9, 1.8e9]
    own = datetime.datetime.fromtimestamp(1.6e9, datetime.UTC)
    assert commits[1].metadata["delta.time"] == f"{own:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert lake.resolve("import/orders@{2023-12-01}").commit_id == commits[1].id


def test_a_time_that_no_year_has_is_that_of_the_file(lake: Catalog, place: Path) -> None:
    rewrite_log(place, 2, timestamp=2**63 - 1)
    moments = [one.timestamp() for one in map(written_at, (place, place), (1, 2))]
    take(lake, place)
    assert lake.log("import/orders")[0].time.timestamp() == pytest.approx(max(moments))


def written_at(place: Path, version: int) -> datetime.datetime:
    """Returns when the file of a version was written."""
    found = (place / "_delta_log" / f"{version:020}.json").stat().st_mtime
    return datetime.datetime.fromtimestamp(found, datetime.UTC)


def test_a_checkpoint_far_away_is_a_gap(lake: Catalog, place: Path) -> None:
    DeltaTable(str(place)).create_checkpoint()
    (log,) = (place / "_delta_log").glob("*.checkpoint.parquet")
    shutil.copy(log, log.with_name(f"{2**62:020}.checkpoint.parquet"))
    with pytest.raises(catalog.CatalogError, match=f"gap: _delta_log/{3:020}.json is missing"):
        take(lake, place)


def other_table(place: Path) -> None:
    shutil.rmtree(place)
    for _ in range(4):
        write_deltalake(str(place), rows(0, "a", [1, 2]), mode="append")


def shorter_log(place: Path) -> None:
    (place / "_delta_log" / f"{2:020}.json").unlink()


def other_version(place: Path) -> None:
    rewrite_log(place, 2, timestamp=1_900_000_000_000)


def lost_versions(place: Path) -> None:
    for value in (5, 6):
        write_deltalake(str(place), rows(2, "b", [value]), mode="append")
    DeltaTable(str(place)).create_checkpoint()
    for version in range(4):
        (place / "_delta_log" / f"{version:020}.json").unlink()


def gap(place: Path) -> None:
    for value in (5, 6):
        write_deltalake(str(place), rows(2, "b", [value]), mode="append")
    (place / "_delta_log" / f"{3:020}.json").unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_table, "another table"),
        (shorter_log, "ends before version 2"),
        (other_version, "version 2 of .* is not the one"),
        (lost_versions, "the oldest that its log still has is 4"),
        (gap, "version 3|00003"),
    ],
)
def test_a_log_that_does_not_go_on_from_the_branch_is_refused(
    lake: Catalog, place: Path, change: Any, message: str
) -> None:
    take(lake, place)
    head = lake.resolve("import/orders").commit_id
    change(place)
    with pytest.raises(catalog.CorruptData, match=message):
        take(lake, place)
    assert lake.resolve("import/orders").commit_id == head
    if change is lost_versions:
        take(lake, place, from_version=4)
        assert ours(lake, "import/orders") == theirs(place, 4)


def test_files_that_a_vacuum_deleted_are_named(lake: Catalog, place: Path) -> None:
    DeltaTable(str(place)).vacuum(0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(catalog.CatalogError, match=r"version 1 of .*parquet.*the 1 before it"):
        take(lake, place)
    assert check_prefix(lake, place) == 1
    take(lake, place, from_version=2)
    assert ours(lake, "import/orders") == theirs(place, 2)


def test_a_branch_that_others_changed_is_left_alone(lake: Catalog, place: Path) -> None:
    take(lake, place)
    at = lake.resolve("import/orders").commit_id
    with lake.transaction("import/orders") as tx:
        tx.sql("DELETE FROM orders WHERE id = 0")
    with pytest.raises(catalog.InvalidInput, match=f"as {at[:8]} below it is") as found:
        take(lake, place)
    assert f"to='{at[:8]}'" in found.value.hint
    lake.reset("import/orders", to="import/orders~2")
    assert take(lake, place).versions == (2,)
    lake.branches.protect("import/orders")
    with pytest.raises(catalog.Conflict, match="protected"):
        take(lake, place)


def test_a_branch_of_something_else_is_refused(lake: Catalog, place: Path) -> None:
    with pytest.raises(catalog.AlreadyExists, match="not begun by an import"):
        take(lake, place, branch="main")
    take(lake, place)
    with pytest.raises(catalog.InvalidInput, match="not of other"):
        lake.import_history(place, table="other", branch="import/orders")
    with pytest.raises(catalog.InvalidInput):
        lake.import_history(place, table="a table")
    lake.branches.delete("import/orders")
    assert take(lake, place).versions == (0, 1, 2)


def test_a_branch_that_moves_meanwhile_is_a_conflict(lake: Catalog, place: Path) -> None:
    def progress(done: int, total: int, what: str) -> None:
        assert (total, what) == (3, f"version {done}")
        if done == 2:
            lake.reset("import/orders", to="import/orders~1")

    with pytest.raises(catalog.Conflict, match="moved"):
        take(lake, place, progress=progress)
    assert check_prefix(lake, place) == 1
    assert take(lake, place).versions == (1, 2)


def test_what_is_not_a_table_with_a_past_is_refused(lake: Catalog, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    for name in ("auto", "delta", "iceberg"):
        with pytest.raises(catalog.CatalogError):
            lake.import_history(tmp_path / "plain", table="t", format=name)  # type: ignore[arg-type]
    with pytest.raises(catalog.InvalidInput, match="format"):
        lake.import_history(tmp_path / "plain", table="t", format="parquet")  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path) -> Iterator[None]:
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_a_table_taken_whole_knows_which_columns_are_its_sources(
    lake: Catalog, place: Path
) -> None:
    take(lake, place, key=["id"])
    lake.merge("import/orders")
    with lake.transaction() as tx:
        tx.sql("ALTER TABLE orders ADD COLUMN own INTEGER DEFAULT 1")
    other = {"mode": "overwrite", "schema_mode": "overwrite", "partition_by": ["new"]}
    write_deltalake(str(place), pa.table({"id": [1], "new": ["x"], "v": [1.5]}), **other)
    take(lake, place)
    with pytest.raises(catalog.MergeConflict):
        lake.merge("import/orders")
    lake.continue_merge(resolve="theirs")
    table = lake.table("orders")
    assert table.source is not None
    ids = {field.name: field.id for field in table.schema.fields}
    known = table.source.columns
    assert {name: known[name] for name in ids} == ids
    write_deltalake(str(place), pa.table({"id": [2], "new": ["y"], "v": [2.5]}), mode="append")
    snap(lake, "orders", place)
    assert ours(lake, "main") == theirs(place, 4)


def test_a_snapshot_takes_back_what_changed_columns_here(lake: Catalog, place: Path) -> None:
    for statement in ("RENAME COLUMN v TO w", "DROP COLUMN v", "ADD COLUMN more INTEGER DEFAULT 5"):
        snap(lake, "orders", place)
        with lake.transaction() as tx:
            tx.sql(f"ALTER TABLE orders {statement}")
        snap(lake, "orders", place)
        assert [field.name for field in lake.schema("orders")] == ["id", "day", "v"]
        assert ours(lake, "main") == theirs(place, 2)


def test_a_version_of_which_only_a_checkpoint_is_left_has_the_time_of_the_next(
    lake: Catalog, place: Path
) -> None:
    DeltaTable(str(place)).create_checkpoint()
    write_deltalake(str(place), rows(9, "c", [9]), mode="append")
    for version in range(3):
        (place / "_delta_log" / f"{version:020}.json").unlink()
    take(lake, place)
    newest, oldest = lake.log("import/orders")
    assert oldest.time == newest.time
    assert (oldest.message, "delta.time" in oldest.metadata) == ("Delta version 2", False)
    for ref, version in ((oldest.id, 2), (newest.id, 3)):
        assert ours(lake, ref) == theirs(place, version)
    assert take(lake, place).is_up_to_date
