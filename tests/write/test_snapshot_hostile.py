"""Damaged, vanishing and oddly named sources; disks that are full or forbidden."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, CorruptData, NotFound, StorageFailure
from catalog.storage.local import LocalStore
from tests.storage.wrappers import FaultyStore

from .conftest import catalog_in, head, leftovers, rows, snap, write

REPOSITORY = Path(__file__).parents[2]


def refuses(cat: Catalog, root: Path, source: Path | str, **options: object) -> CatalogError:
    """Runs a snapshot that must fail with a hint and leave the catalog as it was."""
    before = head(cat)
    with pytest.raises(CatalogError) as caught:
        snap(cat, "t", source, **options)
    assert caught.value.hint, caught.value
    assert (head(cat), leftovers(root)) == (before, [])
    return caught.value


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "text": lambda data: b"hello, world\n" * 20,
    "cut in half": lambda data: data[: len(data) // 2],
    "cut by one byte": lambda data: data[:-1],
    "start missing": lambda data: data[len(data) // 2 :],
    "footer overwritten": lambda data: data[:-60] + b"\xff" * 52 + data[-8:],
    "length of the footer too great": lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1",
}


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_refused_by_name(
    cat: Catalog, root: Path, source: Path, damage: str, mode: str
) -> None:
    write(source / "a.parquet", {"id": [1, 2, 3]})
    path = write(source / "b.parquet", {"id": [4]})
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    error = refuses(cat, root, source, mode=mode)
    assert (type(error), error.kind) == (CorruptData, "damaged-parquet")
    assert str(path) in error.message


def touch_later(path: Path) -> None:
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


CHANGES: dict[str, Callable[[Path], object]] = {
    "written in place": touch_later,
    "replaced": lambda path: os.replace(write(path.with_name("aside"), {"id": [99]}), path),
    "grown": lambda path: write(path, {"id": [1], "more": [2]}),
    "removed": lambda path: path.unlink(),
    "joined by another": lambda path: write(path.with_name("zz.parquet"), {"id": [1]}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_source_that_changes_while_it_is_copied_is_refused(
    faulty: FaultyStore, root: Path, source: Path, change: str
) -> None:
    cat = catalog_in(faulty)
    write(source / "a.parquet", {"id": [1]})
    path = write(source / "b.parquet", {"id": [2]})
    faulty.faults["stage"] = [None, lambda: CHANGES[change](path)]
    error = refuses(cat, root, source)
    assert (type(error), error.kind) == (CorruptData, "source-changed")
    assert snap(cat, "t", source).changed


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("mode", ["link", "reference"])
def test_a_source_that_changes_after_it_was_listed_is_refused(
    cat: Catalog,
    root: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    change: str,
) -> None:
    from catalog.write.snapshot import parquet_files as snapshot

    write(source / "a.parquet", {"id": [1]})
    path = write(source / "b.parquet", {"id": [2]})
    original = snapshot.table_snapshot

    def interfering(*args: object) -> object:
        monkeypatch.undo()
        CHANGES[change](path)
        return original(*args)

    monkeypatch.setattr(snapshot, "table_snapshot", interfering)
    error = refuses(cat, root, source, mode=mode)
    assert (type(error), error.kind) == (CorruptData, "source-changed")


def test_a_source_inside_the_catalog_is_refused(cat: Catalog, root: Path, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "u", source)
    (source.parent / "alias").symlink_to(root / "data")
    for inside in (root, root / "data", root / "data/u", source.parent / "alias"):
        assert refuses(cat, root, inside).kind == "path-outside"


def test_a_source_around_the_catalog_is_refused(cat: Catalog, root: Path, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "u", source)
    assert refuses(cat, root, root.parent).kind == "path-outside"


def test_links_out_of_the_source_are_refused(
    cat: Catalog, root: Path, source: Path, tmp_path: Path
) -> None:
    outside = write(tmp_path / "other/b.parquet", {"id": [2]})
    write(source / "a.parquet", {"id": [1]})
    for target in (outside, outside.parent, tmp_path, Path("/")):
        (source / "link.parquet").symlink_to(target)
        assert refuses(cat, root, source).kind == "path-outside"
        (source / "link.parquet").unlink()


def test_links_that_go_in_circles_are_refused(
    cat: Catalog, root: Path, source: Path, tmp_path: Path
) -> None:
    write(source / "a/b/x.parquet", {"id": [1]})
    (source / "a/b/up").symlink_to(source / "a")
    (tmp_path / "alias").symlink_to(source)
    assert refuses(cat, root, source).kind == "path-outside"
    assert refuses(cat, root, tmp_path / "alias").kind == "path-outside"


def test_links_within_the_source_are_followed(cat: Catalog, source: Path) -> None:
    write(source / "_hidden/x", {"id": [1]})
    (source / "a.parquet").symlink_to(source / "_hidden/x")
    (source.parent / "alias").symlink_to(source)
    snap(cat, "t", source.parent / "alias")
    assert rows(cat, "SELECT id FROM t") == [(1,)]


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
@pytest.mark.parametrize("target", ["_hidden/x", "../source/_hidden/x", "absolute"])
@pytest.mark.parametrize("named", [False, True])
def test_files_are_taken_through_links_in_every_mode(
    cat: Catalog, root: Path, source: Path, mode: str, target: str, named: bool
) -> None:
    data = write(source / "_hidden/x", {"id": [1]})
    link = source / "a.parquet"
    link.symlink_to(data if target == "absolute" else target)
    snap(cat, "t", link if named else source, mode=mode)
    assert rows(cat, "SELECT id FROM t") == [(1,)]
    link.unlink()
    assert not any(path.is_symlink() for path in root.rglob("*"))
    if mode != "reference":
        assert rows(cat, "SELECT id FROM t") == [(1,)]


def test_a_broken_link_is_said(cat: Catalog, root: Path, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    (source / "b.parquet").symlink_to(source / "missing")
    error = refuses(cat, root, source)
    assert "b.parquet" in error.message


ODD = [
    "with space", "größe", "日本", "new\nline", "#1", "100%", "a%20b", "it's", 'say "x"',
    "a*b", "a?b", "a[1]", "{x}", "$HOME", "`x`", "back\\slash", ";", "-rf", "~", "a=b", "tab\t",
    "e\u0301", "a" * 200,
]  # fmt: skip


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_odd_file_names_are_names(cat: Catalog, source: Path, mode: str) -> None:
    for n, name in enumerate(ODD):
        write(source / f"{name}.parquet", {"n": [n]})
    report = snap(cat, "t", source, mode=mode)
    assert report.files_added == len(ODD)
    assert rows(cat, "SELECT n FROM t ORDER BY n") == [(n,) for n in range(len(ODD))]
    assert not snap(cat, "t", source, mode=mode).changed


@pytest.mark.parametrize("name", [n for n in ODD if "\n" not in n and len(n) < 100])
def test_odd_directories_are_directories(tmp_path: Path, name: str) -> None:
    write(tmp_path / name / "source/p=1/a.parquet", {"id": [1]})
    cat = catalog_in(LocalStore(str(tmp_path / name / "lake")))
    snap(cat, "t", tmp_path / name / "source", mode="reference")
    snap(cat, "u", tmp_path / name / "source")
    assert rows(cat, "SELECT t.id, u.p FROM t, u") == [(1, 1)]
    cat.write_views(tmp_path / name / "views.duckdb")
    shutil.copy(tmp_path / name / "views.duckdb", tmp_path)  # DuckDB opens it by few names
    with duckdb.connect(str(tmp_path / "views.duckdb")) as con:
        assert con.sql("SELECT t.id, u.p FROM t, u").fetchall() == [(1, 1)]


@pytest.mark.parametrize("mode", ["copy", "reference"])
@pytest.mark.parametrize("name", ["a\\b/x?.parquet", "p=\\*/a.parquet", "[\\].parquet"])
def test_paths_that_duckdb_cannot_read_are_refused(
    cat: Catalog, root: Path, source: Path, tmp_path: Path, name: str, mode: str
) -> None:
    write(source / "p=1/a.parquet", {"id": [1]})
    snap(cat, "other", source)  # so that the engine is not asked for the types
    shutil.rmtree(source / "p=1")
    write(source / name, {"id": [1]})
    error = refuses(cat, root, source, mode=mode)
    assert "DuckDB cannot read" in error.message
    with pytest.raises(CatalogError, match="DuckDB cannot read"):
        Catalog.create(str(tmp_path / name))


def test_names_that_are_no_unicode_are_refused(cat: Catalog, root: Path, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    os.link(source / "a.parquet", os.fsencode(source) + b"/b\xff.parquet")
    error = refuses(cat, root, source)
    assert (error.kind, "b\\xff.parquet" in error.message) == ("not-unicode", True)


@pytest.mark.parametrize("segment", ["p=%FF", "p=a%C3", os.fsdecode(b"p=%ED%A0%80")])
def test_partition_values_that_are_no_unicode_are_refused(
    cat: Catalog, root: Path, source: Path, segment: str
) -> None:
    write(source / segment / "a.parquet", {"id": [1]})
    error = refuses(cat, root, source)
    assert (error.kind, "are not valid UTF-8" in error.message) == ("partition-value", True)
    assert "BLOB" in error.hint
    snap(cat, "t", source, partition_by={"p": "BLOB"})
    value = unquote_to_bytes(segment.removeprefix("p="))
    assert rows(cat, "SELECT p FROM t") == [(value,)]


def test_names_of_partition_columns_that_are_no_unicode_are_refused(
    cat: Catalog, root: Path, source: Path
) -> None:
    write(source / "m%FF=1/a.parquet", {"id": [1]})
    error = refuses(cat, root, source)
    assert (error.kind, "m%FF=1" in error.message) == ("not-unicode", True)


LONG = ["京" * 60, "é" * 120, "x" * 250, "&" * 250, "😀" * 62, "a b" * 80]


@pytest.mark.parametrize("value", LONG, ids=lambda v: f"{v[:3]} x {len(v)}")
def test_a_value_may_be_as_long_as_a_directory_name(
    cat: Catalog, source: Path, tmp_path: Path, value: str
) -> None:
    write(source / f"p={value}/a.parquet", {"id": [1]})
    for mode in ("copy", "link", "reference"):
        snap(cat, mode, source, mode=mode)
        assert rows(cat, f"SELECT p FROM {mode}") == [(value,)]
    cat.export("copy", str(tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"p={value}"]
    snap(cat, "again", tmp_path / "out")
    assert rows(cat, "SELECT p FROM again") == [(value,)]


def test_a_value_too_long_for_a_path_is_refused(cat: Catalog, root: Path, source: Path) -> None:
    write(source / f"p={'#' * 100}/a.parquet", {"id": [1]})
    error = refuses(cat, root, source)
    assert error.kind == "partition-value"
    assert "302 bytes" in error.message
    snap(cat, "t", source, mode="reference")


@pytest.mark.parametrize("step", ["publish", "create", "swap"])
def test_storage_that_fails_at_any_step_commits_nothing(
    faulty: FaultyStore, root: Path, source: Path, step: str
) -> None:
    cat = catalog_in(faulty)
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    write(source / "b.parquet", {"id": [2]})
    before = head(cat)
    faulty.faults[step] = ["refuse"]
    with pytest.raises(StorageFailure):
        snap(cat, "t", source)
    assert (head(cat), leftovers(root)) == (before, [])
    assert rows(cat, "SELECT id FROM t") == [(1,)]
    snap(cat, "t", source)
    assert rows(cat, "SELECT count(*) FROM t") == [(2,)]


FULL = """
import resource, sys
from catalog.catalog import Catalog
from catalog.errors import CatalogError
cat = Catalog.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    with cat.transaction("main") as tx:
        tx.snapshot("t", sys.argv[2])
except CatalogError as error:
    print(error.kind, bool(error.hint))
"""


def run(code: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("limit", [100_000, 500, 0])
def test_a_disk_without_space_is_said_and_loses_nothing(
    cat: Catalog, root: Path, source: Path, limit: int
) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    write(source / "b.parquet", {"id": list(range(50_000))}, compression="none")
    before = head(cat)
    assert run(FULL, str(root), str(source), str(limit)) == "no-space True\n"
    assert (head(cat), leftovers(root)) == (before, [])
    assert rows(cat, "SELECT id FROM t") == [(1,)]
    snap(cat, "t", source)
    assert rows(cat, "SELECT count(*) FROM t") == [(50_001,)]


FORBIDDEN = """
import os, sys
from catalog.catalog import Catalog
from catalog.errors import CatalogError
with Catalog.open(sys.argv[1]).transaction("main", dry_run=True) as tx:
    tx.snapshot("t", sys.argv[2])  # loads what the process may not be able to read later
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with Catalog.open(sys.argv[1]).transaction("main") as tx:
        tx.snapshot("t", sys.argv[2])
except CatalogError as error:
    print(error.kind, bool(error.hint))
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user reaches."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_a_catalog_that_may_not_be_written_is_said(public: Path) -> None:
    root, source = public / "lake", public / "source"
    cat = catalog_in(LocalStore(str(root)))
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    write(source / "b.parquet", {"id": [2]})
    for path in [root, *root.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    before = head(cat)
    output = run(FORBIDDEN, str(root), str(source))
    for path in [root, *root.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    assert output == "not-permitted True\n"
    assert (head(cat), leftovers(root)) == (before, [])


@pytest.mark.parametrize("what", ["a.parquet", "inner"])
def test_a_source_that_may_not_be_read_is_said(public: Path, what: str) -> None:
    root, source = public / "lake", public / "source"
    catalog_in(LocalStore(str(root)))
    write(source / "a.parquet", {"id": [1]})
    write(source / "inner/b.parquet", {"id": [1]})
    for path in [root, *root.rglob("*")]:
        path.chmod(0o777)
    (source / what).chmod(0)
    output = run(FORBIDDEN, str(root), str(source))
    (source / what).chmod(0o755)
    assert output == "not-permitted True\n"


def test_a_missing_source_is_not_found(cat: Catalog, root: Path, source: Path) -> None:
    error = refuses(cat, root, source / "missing")
    assert (type(error), error.kind) == (NotFound, "source-not-found")


@pytest.mark.parametrize("name", ["", "\0", "a\0b"])
@pytest.mark.parametrize("nested", [False, True])
def test_names_that_sql_cannot_write_are_refused(
    cat: Catalog, root: Path, source: Path, name: str, nested: bool
) -> None:
    numbers = pa.array([1, 2])
    field = pa.StructArray.from_arrays([numbers], names=[name])
    path = source / "a.parquet"
    source.mkdir(exist_ok=True)
    table = pa.table([numbers, field], ["id", "s"]) if nested else pa.table([numbers], [name])
    pq.write_table(table, path)
    error = refuses(cat, root, source)
    assert str(path) in error.message
    assert ("a field" in error.message) == nested
    assert "StructType" not in error.message
