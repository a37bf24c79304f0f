"""Sources that cannot be a file set: a clear error with a hint, no commit, nothing left behind."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, CorruptData, ErrorKind, InvalidInput, StorageFailure
from catalog.formats.file_sets.listing import Found
from catalog.write.snapshot import ingest
from tests.write.file_trees import contents, plant, take


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return Catalog.create(tmp_path_factory.mktemp("hostile") / "lake", author="tester")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return plant(tmp_path / "s", {"ok": b"ok", "sub/x": b"x"})


def stored(cat: Catalog) -> set[str]:
    return {
        str(path)
        for path in Path(cat.uri).rglob("*")
        if path.is_file() and "locks" not in str(path)
    }


def refused(cat: Catalog, source: Path | str, **how: Any) -> CatalogError:
    """Returns the error for a source, after looking that nothing was left behind."""
    before, head = stored(cat), cat.resolve("main").commit_id
    with pytest.raises(CatalogError) as raised:
        take(cat, source, **how)
    assert (stored(cat), cat.resolve("main").commit_id) == (before, head)
    assert raised.value.hint
    return raised.value


def _socket(folder: Path) -> None:
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("f")
    finally:
        os.chdir(here)


def _deep(folder: Path) -> None:
    """Makes a path that is too long to be named at once."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(25):
            Path("d" * 200).mkdir()
            os.chdir("d" * 200)
        Path("x").touch()
    finally:
        os.chdir(here)


def _linked_pair(folder: Path) -> None:
    for one, other in ("ab", "ba"):
        (folder / one).mkdir()
        (folder / one / "l").symlink_to(f"../{other}")


BAD: dict[str, tuple[ErrorKind, Callable[[Path], object]]] = {
    "link to a file outside": (
        ErrorKind.PATH_OUTSIDE,
        lambda s: (s / "l").symlink_to("/etc/hostname"),
    ),
    "link to a directory outside": (
        ErrorKind.PATH_OUTSIDE,
        lambda s: (s / "sub/l").symlink_to("/etc"),
    ),
    "link to a directory above": (ErrorKind.PATH_OUTSIDE, lambda s: (s / "sub/l").symlink_to("..")),
    "link to its directory": (ErrorKind.PATH_OUTSIDE, lambda s: (s / "sub/l").symlink_to(".")),
    "link to itself": (ErrorKind.PATH_OUTSIDE, lambda s: (s / "l").symlink_to("l")),
    "link to nothing": (ErrorKind.PATH_OUTSIDE, lambda s: (s / "l").symlink_to("gone")),
    "links in a circle": (ErrorKind.PATH_OUTSIDE, _linked_pair),
    "pipe": (ErrorKind.NOT_A_FILE, lambda s: os.mkfifo(s / "f")),
    "socket": (ErrorKind.NOT_A_FILE, _socket),
    "link to a pipe": (
        ErrorKind.NOT_A_FILE,
        lambda s: (os.mkfifo(s / "f"), (s / "e").symlink_to("f")),
    ),
    "not UTF-8": (ErrorKind.NOT_UNICODE, lambda s: (s / os.fsdecode(b"\xff")).touch()),
    "directory not UTF-8": (ErrorKind.NOT_UNICODE, lambda s: (s / os.fsdecode(b"\xff")).mkdir()),
    "line feed": (ErrorKind.INVALID_NAME, lambda s: (s / "a\nb").touch()),
    "escape": (ErrorKind.INVALID_NAME, lambda s: (s / "\x1b[2J").touch()),
    "control beyond ASCII": (ErrorKind.INVALID_NAME, lambda s: (s / "a\x85").touch()),
    "backslash": (ErrorKind.INVALID_NAME, lambda s: (s / "..\\x").touch()),
    "drive": (ErrorKind.INVALID_NAME, lambda s: (s / "C:x").touch()),
    "differ in case": (ErrorKind.INVALID_NAME, lambda s: (s / "OK").touch()),
    "directories differ in case": (ErrorKind.INVALID_NAME, lambda s: (s / "Sub").mkdir()),
    "differ when folded": (
        ErrorKind.INVALID_NAME,
        lambda s: ((s / "straße").touch(), (s / "STRASSE").touch()),
    ),
    "other normal form": (ErrorKind.INVALID_NAME, lambda s: (s / "e\u0301").touch()),
    "differ in normal form": (
        ErrorKind.INVALID_NAME,
        lambda s: ((s / "e\u0301").touch(), (s / "\u00e9").touch()),
    ),
    "no files": (ErrorKind.EMPTY_SOURCE, lambda s: ((s / "ok").unlink(), shutil.rmtree(s / "sub"))),
    "gone": (ErrorKind.SOURCE_NOT_FOUND, shutil.rmtree),
    "too long a path": (ErrorKind.STORAGE, _deep),
    "too many directories": (
        ErrorKind.INVALID_NAME,
        lambda s: plant(s / "/".join("d" * 255), {"x/f": b""}),
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.invariant("A source that cannot be a file set leaves nothing behind")
def test_it_is_refused(cat: Catalog, source: Path, name: str) -> None:
    kind, make = BAD[name]
    make(source)
    assert refused(cat, source).kind is kind


def test_a_time_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a time that cannot be kept") as raised:
        Found(["ok", "late"], [1, 1], [1, 10**19], [1, 1], [1, 2]).listing("s")
    assert raised.value.kind is ErrorKind.UNWRITABLE_VALUE


def test_requests_that_make_no_sense_are_refused(cat: Catalog, source: Path) -> None:
    home = Path(cat.uri)
    refusals = [
        refused(cat, source / "ok"),
        refused(cat, f"{source}/*"),
        refused(cat, home),
        refused(cat, home / "objects"),
        refused(cat, home.parent),
        refused(cat, source, key=["size"]),
        refused(cat, source, scope="partitions"),
        refused(cat, source, partition_by=["media_type"]),
    ]
    assert [error.kind for error in refusals] == [
        ErrorKind.NOT_A_DIRECTORY,
        ErrorKind.SOURCE_NOT_FOUND,
        ErrorKind.PATH_OUTSIDE,
        ErrorKind.PATH_OUTSIDE,
        ErrorKind.PATH_OUTSIDE,
        ErrorKind.BAD_KEY,
        ErrorKind.PARTITIONING_MISMATCH,
        ErrorKind.PARTITIONING_MISMATCH,
    ]


def test_odd_things_that_are_taken(cat: Catalog, source: Path, tmp_path: Path) -> None:
    """Links within the source stand for what they lead to; names that can be restored are kept."""
    plant(source, {"sub/10:00 #?*[é].log": b"log", ".git/HEAD": b"ref", "_SUCCESS": b""})
    (source / "sub/l").symlink_to("../ok")
    (source / "latest").symlink_to("sub")
    (source / "nothing/within").mkdir(parents=True)
    report, _ = take(cat, source, "odd")
    assert report.warnings == ("1 empty directory is left out: a file set has files",)
    cat.export("odd", str(tmp_path / "out"), format="files")
    linked = {f"latest/{path}": content for path, content in contents(source / "sub").items()}
    assert contents(tmp_path / "out") == {**contents(source), **linked}
    assert linked.keys() == {"latest/x", "latest/l", "latest/10:00 #?*[é].log"}


@pytest.mark.parametrize("happens", ["grows", "vanishes", "is replaced"])
@pytest.mark.invariant("A source that cannot be a file set leaves nothing behind")
def test_a_file_that_changes_while_it_is_read(
    cat: Catalog, source: Path, monkeypatch: pytest.MonkeyPatch, happens: str
) -> None:
    def disturb() -> None:
        victim = source / "sub/x"
        if happens == "grows":
            victim.write_bytes(b"xx")
        elif happens == "vanishes":
            victim.unlink()
        else:
            plant(source, {"y": b"y"})
            (source / "y").rename(victim)

    done: list[int] = []

    def take_in(*arguments: Any, **how: Any) -> Any:
        taken = real(*arguments, **how)
        if not done:
            done.append(1)
            disturb()
        return taken

    real = ingest.take
    monkeypatch.setattr(ingest, "take", take_in)
    error = refused(cat, source)
    assert isinstance(error, CorruptData)
    assert error.kind is ErrorKind.SOURCE_CHANGED


@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_a_file_that_is_longer_than_it_says(
    cat: Catalog, source: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Files of the system's own have no size that their content has."""
    real = os.stat

    def shrunk(*arguments: Any, **how: Any) -> Any:
        found = real(*arguments, **how)
        if str(arguments[0]).endswith("sub/l"):
            times = {"st_mtime_ns": found.st_mtime_ns, "st_ctime_ns": found.st_ctime_ns}
            return os.stat_result([*found[:6], 0, *found[7:10]], times)
        return found

    (source / "sub/l").symlink_to("x")
    monkeypatch.setattr(os, "stat", shrunk)
    assert refused(cat, source, mode=mode).kind is ErrorKind.SOURCE_CHANGED


def test_a_file_that_comes_meanwhile(
    cat: Catalog, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ingest.take

    def take_in(*arguments: Any, **how: Any) -> Any:
        plant(source, {"late": b"late"})
        return real(*arguments, **how)

    monkeypatch.setattr(ingest, "take", take_in)
    assert refused(cat, source).kind is ErrorKind.SOURCE_CHANGED


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_file_that_cannot_be_read(cat: Catalog, source: Path) -> None:
    (source / "ok").chmod(0)
    assert refused(cat, source).kind is ErrorKind.NOT_PERMITTED


def test_a_file_that_cannot_be_looked_at(cat: Catalog, source: Path, monkeypatch: Any) -> None:
    real = os.stat

    def unreadable(*arguments: Any, **how: Any) -> Any:
        if str(arguments[0]).endswith("sub/x"):
            raise PermissionError(13, "Permission denied", str(arguments[0]))
        return real(*arguments, **how)

    monkeypatch.setattr(os, "stat", unreadable)
    error = refused(cat, source)
    assert isinstance(error, StorageFailure)
    assert error.kind is ErrorKind.NOT_PERMITTED


def test_paths_that_were_appended_must_fit_beside_the_others(
    cat: Catalog, source: Path, tmp_path: Path
) -> None:
    take(cat, source, "grown")
    for number, (files, words) in enumerate(
        [({"OK": b""}, "same name"), ({"SUB/y": b""}, "same name"), ({"ok/x": b""}, "directory")]
    ):
        more = plant(tmp_path / f"more {number}", files)
        error = refused(cat, more, table="grown", scope="append")
        assert isinstance(error, InvalidInput)
        assert words in error.message


MEMORY = """
import resource, sys
import catalog
cat = catalog.open(sys.argv[1])
with cat.transaction("main") as tx:
    tx.snapshot("small", sys.argv[2], format="files")
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with cat.transaction("main") as tx:
    tx.snapshot("large", sys.argv[3], format="files")
    tx.snapshot("again", sys.argv[3], format="files", mode="reference")
cat.open_file("large", "hole").close()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used)
"""


def test_a_large_file_is_never_in_memory(cat: Catalog, source: Path, tmp_path: Path) -> None:
    """Holes stay holes, so that the copy of a sparse file takes no more room than it does."""
    large = tmp_path / "large"
    large.mkdir()
    size = 96 << 20
    with (large / "hole").open("wb") as file:
        file.write(b"begin")
        file.truncate(size)
    os.utime(large / "hole", (1, 1))
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, cat.uri, str(source), str(large)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 0, done.stderr
    more_kb = int(done.stdout)
    assert more_kb < 32 << 10
    copies = (Path(cat.uri) / "blobs").rglob("*")
    (stored_file,) = [path for path in copies if path.stat().st_size == size]
    assert stored_file.stat().st_blocks * 512 < 8 << 20
