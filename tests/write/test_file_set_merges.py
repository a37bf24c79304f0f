"""File sets on two branches, merged by whole rows: each path with its content and all its facts."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData, MergeConflict
from catalog.model.file_sets import PROPERTY
from catalog.model.schema import Schema
from catalog.repository.blobs import read_list
from catalog.repository.tables import data_files
from catalog.write.file_sets import plan
from cli.hints import worded

from .file_trees import WHEN, blobs, contents, plant, sha256, take

BASE = {"a": b"a", "b": b"b", "d/c": b"c", "d/e": b"e"}

Files = Mapping[str, bytes]

COLUMNS = "path, size, media_type, sha256, epoch_us(modified), width, height, perceptual_hash"


class Lake:
    """A catalog with a file set, written from directories that are made for that."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.cat = Catalog.create(place / "lake", author="tester")
        self.taken = 0

    def put(self, branch: str, files: Files, *, when: int = WHEN, **how: Any) -> None:
        """Makes the file set of a branch what some files are."""
        self.taken += 1
        folder = plant(self.place / f"files {self.taken}", files, when=when)
        take(self.cat, folder, branch=branch, allow_empty=True, **how)

    def files(self, ref: str = "main") -> dict[str, bytes]:
        """Returns what is restored, after comparing the rows and the lists of contents with it."""
        self.taken += 1
        target = self.place / f"restored {self.taken}"
        self.cat.export("images", str(target), ref=ref, format="files")
        restored = contents(target)
        rows = self.rows(ref)
        assert {path: (len(c), sha256(c)) for path, c in restored.items()} == {
            path: (row[1], row[3]) for path, row in rows.items()
        }
        self.check_lists(ref)
        return restored

    def rows(self, ref: str = "main") -> dict[str, tuple[Any, ...]]:
        found = self.cat.sql(f"SELECT {COLUMNS} FROM images", ref=ref).fetchall()
        return {row[0]: row for row in found}

    def check_lists(self, ref: str) -> None:
        """Checks that each data file's list has the contents of its rows, and no others."""
        commits, store = self.cat.repository.commits, self.cat.repository.store
        entry = commits.entry(self.cat.resolve(ref).commit_id, "images")
        assert entry is not None
        for file in data_files(commits, commits.table(entry)):
            held = self.cat.sql(
                f"SELECT DISTINCT sha256, size FROM read_parquet('{self.place}/lake/{file.path}')"
            ).fetchall()
            assert file.blobs is not None
            listed = read_list(store, file.blobs)
            assert sorted((one.sha256, one.size_bytes) for one in listed) == sorted(held)

    def texts(self, conflicts: Any) -> list[tuple[Any, ...]]:
        names = ("kind", "key", "column_name", "base", "ours", "theirs")
        return [tuple(row[name] for name in names) for row in conflicts.to_pylist()]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.put("main", BASE)
    lake.cat.branches.create("work")
    return lake


def shown(content: bytes) -> str:
    return f"{len(content)} byte{'' if len(content) == 1 else 's'}, {sha256(content)[:8]}"


@pytest.mark.invariant("A merge of file sets takes each file whole, from one of the sides")
def test_what_one_side_did_is_taken_and_what_both_did_alike_agrees(lake: Lake) -> None:
    lake.put("main", {"a": b"A!", "b": b"same", "d/e": b"e", "new": b"n", "both": b"2"})
    later = WHEN + 7_000_000
    lake.put("work", {"a": b"a", "b": b"same", "d/c": b"c", "e": b"e", "both": b"2"}, when=later)
    ours, theirs = lake.rows(), lake.rows("work")
    lake.cat.merge("work")
    wanted = {"a": b"A!", "b": b"same", "e": b"e", "new": b"n", "both": b"2"}
    assert lake.files() == wanted
    for path, row in lake.rows().items():
        assert row in (ours.get(path), theirs.get(path))
    # both replaced b and brought both, alike but for the time: the earlier one, whoever merges
    assert {lake.rows()[path][4] for path in ("b", "both")} == {WHEN // 1000}
    assert lake.rows()["e"][4] == later // 1000
    assert blobs(lake.place / "lake").keys() == {
        sha256(content) for content in {*BASE.values(), *wanted.values()}
    }


@pytest.mark.parametrize("rounds", [("main", "work"), ("work", "main")])
def test_facts_do_not_depend_on_who_merges_whom(lake: Lake, rounds: tuple[str, str]) -> None:
    into, source = rounds
    lake.put("main", {"a": b"x", "z": b"z"}, when=WHEN + 5_000_000)
    lake.put("work", {"a": b"x", "z": b"z"}, when=WHEN)
    lake.cat.merge(source, into=into)
    assert {row[4] for row in lake.rows(into).values()} == {WHEN // 1000}


CLASHES: list[tuple[Files, Files, list[tuple[str, str, str | None, str, str]]]] = [
    (
        {"a": b"one", "b": b"", "d/c": b"c1", "d/e": b"e"},
        {"a": b"other", "b": b"b2", "moved/c": b"c", "d/e": b"e"},
        [
            ("replaced-both", "a", shown(b"a"), shown(b"one"), shown(b"other")),
            ("replaced-both", "b", shown(b"b"), shown(b""), shown(b"b2")),
            ("deleted-by-theirs", "d/c", shown(b"c"), shown(b"c1"), "moved to moved/c"),
        ],
    ),
    (
        {"b": b"b", "d/c": b"c", "d/e": b"e", "n": b"one", "m": b"m"},
        {**BASE, "a": b"other", "n": b"other", "m/1": b"1", "m/2": b"2"},
        [
            ("deleted-by-ours", "a", shown(b"a"), "deleted", shown(b"other")),
            ("inserted-both", "n", None, shown(b"one"), shown(b"other")),
            ("path-taken", "m/1", None, f"m: {shown(b'm')}", shown(b"1")),
            ("path-taken", "m/2", None, f"m: {shown(b'm')}", shown(b"2")),
        ],
    ),
    (
        {**BASE, "n/1": b"1", "n/2": b"2", "X/1": b"1"},
        {**BASE, "n": b"one", "x/2": b"2"},
        [
            ("path-taken", "n", None, f"n/1: {shown(b'1')} and 1 more", shown(b"one")),
            ("path-taken", "x/2", None, f"X/1: {shown(b'1')}", shown(b"2")),
        ],
    ),
]


@pytest.mark.parametrize("case", range(len(CLASHES)))
@pytest.mark.invariant("A merge of file sets takes each file whole, from one of the sides")
def test_what_clashes_is_a_conflict_about_the_path(lake: Lake, case: int) -> None:
    ours, theirs, wanted = CLASHES[case]
    lake.put("main", ours)
    lake.put("work", theirs)
    for side, files in (("ours", ours), ("theirs", theirs)):
        lake.cat.branches.create(side, at="main")
        lake.cat.merge("work", into=side, resolve=side)  # type: ignore[arg-type]
        assert lake.files(side) == {**({"moved/c": b"c"} if case == 0 else {}), **files}
    with pytest.raises(MergeConflict) as raised:
        lake.cat.merge("work")
    assert lake.texts(raised.value.conflicts) == [
        (kind, f'{{"path":"{path}"}}', None, *texts) for kind, path, *texts in wanted
    ]
    assert raised.value.branch is not None
    assert lake.files(raised.value.branch) == lake.files("ours")
    assert lake.files() == ours


@pytest.mark.parametrize("how", ["append", "delete", "keep"])
def test_a_conflict_is_settled_by_hand(lake: Lake, how: str) -> None:
    lake.put("main", {**BASE, "a": b"one"})
    lake.put("work", {**BASE, "a": b"other", "w": b"w"})
    with pytest.raises(MergeConflict) as raised:
        lake.cat.merge("work")
    branch = raised.value.branch
    assert branch is not None
    assert "files by a snapshot with --append" in worded(raised.value.advice)
    if how == "append":
        lake.put(branch, {"a": b"third"}, scope="append")
    else:
        with lake.cat.transaction(branch) as tx:
            tx.sql(
                "DELETE FROM images WHERE path = 'a'"
                if how == "delete"
                else 'DELETE FROM parquetry.conflicts WHERE key = \'{"path":"a"}\''
            )
    lake.cat.continue_merge("work")
    wanted = {**BASE, "w": b"w", "a": {"append": b"third", "keep": b"one"}.get(how, b"")}
    assert lake.files() == {path: c for path, c in wanted.items() if c}


def test_one_path_is_settled_by_hand_and_a_side_is_taken_for_the_others(lake: Lake) -> None:
    lake.put("main", {**BASE, "a": b"one", "b": b"1"})
    lake.put("work", {**BASE, "a": b"other", "b": b"2"})
    with pytest.raises(MergeConflict) as raised:
        lake.cat.merge("work")
    assert raised.value.branch is not None
    lake.put(raised.value.branch, {"a": b"third"}, scope="append")
    lake.cat.continue_merge("work", resolve="theirs")
    assert lake.files() == {**BASE, "a": b"third", "b": b"2"}


def test_replays_go_by_whole_rows_too(lake: Lake) -> None:
    lake.put("main", {**BASE, "a": b"1", "n": b"n"})
    lake.put("main", {**BASE, "a": b"1", "n": b"n", "b": b"2"})
    lake.put("work", {**BASE, "d/c": b"3"})
    lake.cat.cherry_pick("work")
    assert lake.files() == {**BASE, "a": b"1", "n": b"n", "b": b"2", "d/c": b"3"}
    lake.cat.revert("main~1")
    assert lake.files() == {**BASE, "a": b"1", "n": b"n", "d/c": b"3"}
    lake.cat.revert("main~3")
    assert lake.files() == {**BASE, "d/c": b"3"}
    lake.cat.rebase("work", onto="main")
    assert lake.files("work") == {**BASE, "d/c": b"3"}
    lake.put("main", {**BASE, "d/c": b"4"})
    with pytest.raises(MergeConflict) as raised:
        lake.cat.revert("main~3")
    assert [row[:2] for row in lake.texts(raised.value.conflicts)] == [
        ("replaced-both", '{"path":"d/c"}')
    ]


def test_two_branches_that_made_the_set_anew(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.cat.branches.create("work")
    lake.put("main", {"a": b"a", "x": b"1"})
    lake.put("work", {"a": b"a", "y": b"2"})
    lake.cat.merge("work")
    assert lake.files() == {"a": b"a", "x": b"1", "y": b"2"}


@pytest.mark.parametrize("there", [True, False])
def test_a_file_set_and_an_ordinary_table_are_not_merged(tmp_path: Path, there: bool) -> None:
    lake = Lake(tmp_path)
    if there:
        lake.put("main", BASE)
    lake.cat.branches.create("work")
    lake.put("main", {"a": b"more"})
    with lake.cat.transaction("work") as tx:
        if there:
            tx.sql("DROP TABLE images")
        tx.sql("CREATE TABLE images AS SELECT 'a' AS path, 1 AS size")
    with pytest.raises(MergeConflict) as raised:
        lake.cat.merge("work")
    ((kind, _, _, _, ours, theirs),) = lake.texts(raised.value.conflicts)
    assert kind == ("table-replaced" if there else "file-set-or-table")
    assert there or (ours, theirs) == ("a file set, '{\"version\":1}'", "a table of rows")
    lake.cat.continue_merge("work", resolve="theirs")
    assert lake.cat.sql("FROM images").fetchall() == [("a", 1)]


def test_contents_lie_where_the_side_has_them_that_changed_that(lake: Lake) -> None:
    folder = plant(lake.place / "outside", BASE)
    take(lake.cat, folder, mode="reference")
    lake.put("work", {**BASE, "b": b"bb"})
    lake.cat.merge("work")
    assert lake.files() == {**BASE, "b": b"bb"}
    ((listed,),) = (_lists(lake),)
    assert {one.sha256 for one in listed if not one.place} == {sha256(b"bb")}
    assert {one.place for one in listed} == {"", *(f"{folder}/{p}" for p in ("a", "d/c", "d/e"))}
    (folder / "a").write_bytes(b"Z")
    with pytest.raises(CorruptData):
        lake.cat.export("images", str(lake.place / "out"), format="files")


def _lists(lake: Lake) -> list[list[Any]]:
    commits = lake.cat.repository.commits
    entry = commits.entry(lake.cat.resolve("main").commit_id, "images")
    assert entry is not None
    return [
        read_list(lake.cat.repository.store, file.blobs)
        for file in data_files(commits, commits.table(entry))
        if file.blobs is not None
    ]


def test_files_that_no_side_changed_are_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MIN_ROWS", 4)
    monkeypatch.setattr(plan, "BOUNDARY", (1 << 32) // 8)
    lake = Lake(tmp_path)
    files = {f"{n // 10}/{n:03}": b"" for n in range(100)}
    lake.put("main", files)
    lake.cat.branches.create("work")
    lake.put("main", {**files, "0/003": b"ours"})
    lake.put("work", {**files, "9/098": b"theirs", "0/001": b"also"})
    before = set(_paths(lake, "main")) | set(_paths(lake, "work"))
    assert len(_paths(lake, "main")) > 5
    lake.cat.merge("work")
    assert len(set(_paths(lake, "main")) - before) == 1
    assert lake.files() == {**files, "0/003": b"ours", "9/098": b"theirs", "0/001": b"also"}
    lake.put("main", lake.files())
    assert len(set(_paths(lake, "main")) - before) == 1  # cut as a snapshot cuts


def _paths(lake: Lake, ref: str) -> list[str]:
    commits = lake.cat.repository.commits
    entry = commits.entry(lake.cat.resolve(ref).commit_id, "images")
    assert entry is not None
    return [file.path for file in data_files(commits, commits.table(entry))]


def test_two_deletions_at_once_go_together(lake: Lake) -> None:
    with lake.cat.transaction("main") as one:
        one.sql("DELETE FROM images WHERE path = 'a'")
        with lake.cat.transaction("main") as other:
            other.sql("DELETE FROM images WHERE path = 'b'")
    assert lake.files() == {"d/c": b"c", "d/e": b"e"}


PICTURES = Path(__file__).parents[2] / "sample_data"
OLD_AND_BETTER = ("6-pictures", "7-better-pictures")


def test_what_is_told_of_an_image_goes_with_its_content(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    old, new = ((PICTURES / folder / "DL.jpg").read_bytes() for folder in OLD_AND_BETTER)
    lake.put("main", {"a.jpg": old, "b.jpg": old}, images="never")
    lake.cat.branches.create("work")
    lake.put("main", {"a.jpg": old, "b.jpg": old, "c.jpg": new}, images="always")
    lake.put("work", {"a.jpg": new, "b.jpg": old, "c.jpg": new}, images="never", when=WHEN - 9000)
    ours, theirs = lake.rows(), lake.rows("work")
    lake.cat.merge("work")
    rows = lake.rows()
    assert rows["a.jpg"] == theirs["a.jpg"]
    assert {path: rows[path] for path in ("b.jpg", "c.jpg")} == {
        path: ours[path] for path in ("b.jpg", "c.jpg")
    }
    assert None not in rows["c.jpg"]
    assert rows["a.jpg"][5:] == (None, None, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: replace(table, key=(1, 4)),
        lambda table: replace(table, schema=Schema(table.schema.fields[:-1])),
        lambda table: replace(table, properties={PROPERTY: "[]"}),
    ],
    ids=["key", "columns", "property"],
)
def test_a_set_that_a_stranger_changed_is_not_merged(lake: Lake, change: Any) -> None:
    lake.put("main", {**BASE, "a": b"1"})
    head = lake.cat.resolve("main").commit_id
    with lake.cat.transaction("work") as tx:
        tx.sql("DELETE FROM images WHERE path = 'b'")
        tables = tx._transaction.tables
        working = tables.working("images")
        tables.stage(replace(working, snapshot=change(working.snapshot)))
    with pytest.raises((CorruptData, MergeConflict)):
        lake.cat.merge("work")
    assert lake.cat.resolve("main").commit_id == head


def test_a_path_that_is_there_twice_is_damage(lake: Lake) -> None:
    lake.put("main", {**BASE, "a": b"1"})
    with lake.cat.transaction("work") as tx:
        tables = tx._transaction.tables
        working = tables.working("images")
        (file,) = working.files(lake.cat.repository.commits)
        copy = shutil.copy(
            lake.place / "lake" / file.path, lake.place / "lake/data/images/x.parquet"
        )
        twice = replace(file, path=str(Path(copy).relative_to(lake.place / "lake")))
        tables.stage(replace(working, added={twice.path: twice}))
    with pytest.raises(CorruptData, match="twice"):
        lake.cat.merge("work")
