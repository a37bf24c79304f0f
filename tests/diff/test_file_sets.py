"""Diffs of file sets: what happened to files, from the rows that changed alone."""

import datetime
import random
from pathlib import Path

import duckdb
import pytest
from PIL import Image, ImageDraw

import catalog
from catalog.diff.file_changes import FileChanges

Contents = dict[str, bytes]


def deliver(cat: catalog.Catalog, folder: Path, contents: Contents) -> None:
    """Takes a directory that has these files and no others."""
    for old in [path for path in folder.rglob("*") if path.is_file()]:
        old.unlink()
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with cat.transaction("main") as tx:
        tx.snapshot("files", str(folder), format="files", allow_empty=True)


def found(cat: catalog.Catalog) -> FileChanges:
    with cat.diff("main~1", "main") as diff:
        files = diff["files"].files
    assert files is not None
    return files


def picture(folder: Path, name: str, side: int, *, other: bool = False) -> bytes:
    image = Image.new("RGB", (80, 60), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((5, 5, 30, 55) if other else (40, 10, 70, 40), fill="navy")
    draw.line((0, 60, 80, 0) if other else (0, 0, 20, 60), fill="red", width=8)
    path = folder / name
    image.resize((side * 4, side * 3)).save(path, "PNG")
    return path.read_bytes()


def test_what_happened_to_files(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    old, new, other = (picture(tmp_path, "x", side, other=side == 30) for side in (10, 20, 30))
    first = {"a.png": old, "b.png": old, "keep": b"k", "old name": b"n", "gone": b"g"}
    deliver(cat, tmp_path / "in", first)
    second = {"a.png": new, "b.png": other, "keep": b"k", "d/new name": b"n", "new": b"!"}
    deliver(cat, tmp_path / "in", second)
    files = found(cat)
    assert [entry.path for entry in files.added] == ["new"]
    assert [entry.path for entry in files.removed] == ["gone"]
    assert [(p.before.path, p.after.path) for p in files.moved] == [("old name", "d/new name")]
    a, b = files.replaced
    assert (a.after.path, a.before.width, a.after.width, a.after.height) == ("a.png", 40, 80, 60)
    assert (a.before.size, a.after.size, a.after.media_type) == (len(old), len(new), "image/png")
    assert a.alike is not None and b.alike is not None and a.alike > 0.9 > b.alike
    assert isinstance(a.after.modified, datetime.datetime)
    with cat.diff("main~1", "main") as diff:
        assert (diff["files"].rows.inserted, diff["files"].rows.deleted) == (2, 2)
        assert diff["files"].to_dict()["file_set"]["moved"] == 1


def test_histories_of_files_against_plain_counting(tmp_path: Path) -> None:
    chosen = random.Random(3)
    cat = catalog.create(str(tmp_path / "lake"))
    names = [f"{folder}/{name}" for folder in "abc" for name in "pqrst"]
    before: Contents = {"a/p": b"0"}
    deliver(cat, tmp_path / "in", before)
    for _ in range(12):
        after = {name: str(chosen.randrange(6)).encode() for name in names if chosen.random() < 0.6}
        after = {n: before.get(n, c) if chosen.random() < 0.5 else c for n, c in after.items()}
        deliver(cat, tmp_path / "in", after)
        files = found(cat)
        replaced = {n for n in before.keys() & after.keys() if before[n] != after[n]}
        assert {pair.after.path for pair in files.replaced} == replaced
        moved = [(pair.before.path, pair.after.path) for pair in files.moved]
        assert all(before[one] == after[other] for one, other in moved)
        gone = {entry.path for entry in files.removed} | {one for one, _ in moved}
        come = {entry.path for entry in files.added} | {other for _, other in moved}
        assert (gone, come) == (before.keys() - after.keys(), after.keys() - before.keys())
        left = {before[entry.path] for entry in files.removed}
        assert not left & {after[entry.path] for entry in files.added}
        before = after


def test_an_ordinary_diff_tells_nothing_of_files(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    for value in (1, 2):
        with cat.transaction("main") as tx:
            tx.write("t", duckdb.sql(f"SELECT 1 AS path, {value} AS sha256"), mode="overwrite")
    with cat.diff("main~1", "main") as diff:
        assert diff["t"].files is None
        assert "file_set" not in diff["t"].to_dict()


@pytest.mark.parametrize("options", [{"level": "stat"}, {"key": ["sha256"]}, {"columns": ["size"]}])
def test_files_are_not_told_where_rows_are_not_compared_by_path(
    tmp_path: Path, options: dict[str, object]
) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    for content in (b"1", b"22"):
        deliver(cat, tmp_path / "in", {"a": content})
    with cat.diff("main~1", "main", **options) as diff:
        assert diff["files"].files is None


def test_a_few_replaced_files_are_told(tmp_path: Path) -> None:
    """Also where few values changed, which other tables count without whole rows."""
    cat = catalog.create(str(tmp_path / "lake"))
    for content in (b"1", b"2", b"3"):
        deliver(cat, tmp_path / "in", {"a": content, "b": b"same", "c": b"same"})
        if content != b"1":
            assert [pair.after.path for pair in found(cat).replaced] == ["a"]


def test_a_table_that_came_went_or_stayed(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    deliver(cat, tmp_path / "in", {"a": b"1", "b": b"2"})
    with cat.diff("main~1", "main") as diff:
        (table,) = diff
        assert table.files is not None
        assert (table.status, len(table.files.added)) == ("added", 2)
    with cat.diff("main", "main~1") as diff:
        (table,) = diff
        assert table.files is not None
        assert (table.status, len(table.files.removed)) == ("removed", 2)
    with cat.diff("main", "main") as diff:
        assert diff["files"].files == FileChanges()
