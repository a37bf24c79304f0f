"""File sets of strangers: what is restored stays where it is restored, and is what was hashed."""

import datetime
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData, ErrorKind, InvalidInput, NotFound, Unsupported
from catalog.formats.file_sets.rows import ROWS
from catalog.model.datafile import BlobList
from catalog.model.file_sets import PROPERTY
from catalog.repository.blobs import Blob, blobs_of, decode_list, encode_list
from catalog.repository.contents import open_content
from catalog.storage.local import LocalStore
from tests.write.file_trees import contents, plant, sha256, take

GOOD = '{"version":1}'
CONTENT = b"content"


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    cat = Catalog.create(tmp_path / "lake", author="tester")
    take(cat, plant(tmp_path / "s", {"ok": CONTENT}), "other")
    return cat


def forge(cat: Catalog, rows: Sequence[dict[str, Any]], said: str = GOOD) -> None:
    """Makes a table of any rows that says it is a file set."""
    when = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    common = {"size": len(CONTENT), "sha256": sha256(CONTENT), "modified": when}
    table = pa.Table.from_pylist([{**common, **row} for row in rows], schema=ROWS)
    with cat.transaction("main") as tx:
        tx.write("images", table, mode="overwrite", key=["path"])
        tables = tx._transaction.tables
        working = tables.working("images")
        assert working.snapshot is not None
        shape = replace(working.snapshot, properties={PROPERTY: said})
        tables.stage(replace(working, snapshot=shape))


def export(cat: Catalog, tmp_path: Path) -> Path:
    """Restores the set, and looks that nothing but the destination came of it."""
    before = {path.name for path in tmp_path.iterdir()}
    target = tmp_path / "out"
    try:
        cat.export("images", str(target), format="files")
    finally:
        assert {path.name for path in tmp_path.iterdir()} - before <= {"out"}
    return target


EVIL = [
    *("../escaped", "a/../../escaped", "..", ".", "", "/", "a//b", "a/", "./a", "a/./b"),
    *("/dev/shm/escaped", "C:\\x", "C:/x", "c:x", "..\\..\\x", "\\\\host\\x"),
    *("nul\0", "\0", "line\nfeed", "\x1b]0;x\x07", "e\u0301", "x" * 5000, "d/" * 1500 + "f"),
]


@pytest.mark.parametrize("path", EVIL)
@pytest.mark.invariant("What is restored of a file set stays where it is restored")
def test_no_path_leads_out(cat: Catalog, tmp_path: Path, path: str) -> None:
    forge(cat, [{"path": "fine"}, {"path": path}])
    with pytest.raises(CorruptData, match="has a file"):
        export(cat, tmp_path)
    assert not (tmp_path / "out").exists()
    with pytest.raises(NotFound):
        cat.open_file("images", path)


@pytest.mark.parametrize(
    "rows",
    [
        [{"path": "a"}, {"path": "a/b"}],
        [{"path": "a/b"}, {"path": "a"}],
        [{"path": "a", "sha256": "../../../etc/passwd"}],
        [{"path": "a", "sha256": sha256(CONTENT).upper()}],
        [{"path": "a", "sha256": sha256(CONTENT) + "\n"}],
        [{"path": "a", "sha256": ""}],
        [{"path": "a", "sha256": sha256(b"missing")}],
        [{"path": "a", "size": len(CONTENT) + 1}],
        [{"path": "a", "size": -1}],
        [{"path": "a", "sha256": None}],
        [{"path": "a", "modified": datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)}],
    ],
    ids=str,
)
def test_rows_that_cannot_be(cat: Catalog, tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    forge(cat, rows)
    try:
        exported = export(cat, tmp_path)
    except CorruptData:
        assert not (tmp_path / "out").exists()
    else:  # a time long ago is one that a file can have
        assert contents(exported) == {"a": CONTENT}


def test_a_link_in_the_destination_is_not_followed(cat: Catalog, tmp_path: Path) -> None:
    forge(cat, [{"path": "a"}])
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="exists"):
        cat.export("images", str(tmp_path / "out"), format="files")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.invariant("A content that is not what its hash says is never handed out")
@pytest.mark.parametrize("what", ["other bytes", "longer", "gone", "a pipe", "a directory"])
def test_contents_that_are_not_what_was_committed(cat: Catalog, tmp_path: Path, what: str) -> None:
    take(cat, plant(tmp_path / "t", {"a": CONTENT, "b": b"b"}))
    blob = tmp_path / "lake/blobs" / sha256(CONTENT)[:2] / sha256(CONTENT)
    blob.unlink()
    if what in ("other bytes", "longer"):
        blob.write_bytes(CONTENT[::-1] if what == "other bytes" else CONTENT + b"!")
    elif what == "a pipe":
        os.mkfifo(blob)
    elif what == "a directory":
        blob.mkdir()
    for attempt in (
        lambda: cat.open_file("images", "a"),
        lambda: cat.export("images", str(tmp_path / "out"), format="files"),
    ):
        with pytest.raises(CorruptData) as raised:
            attempt()
        assert raised.value.kind is ErrorKind.FILE_CHANGED
        assert raised.value.hint
    assert not (tmp_path / "out").exists()
    with cat.open_file("images", "b") as file:
        assert file.read() == b"b"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ('{"version":2}', Unsupported),
        ("{}", CorruptData),
        ("[]", CorruptData),
        ('{"version":true}', CorruptData),
        ('{"version":"1"}', CorruptData),
        ("[" * 100_000, CorruptData),
        ("", CorruptData),
    ],
    ids=lambda value: str(value)[:20],
)
def test_versions_that_are_not_known(
    cat: Catalog, tmp_path: Path, said: str, error: type[Exception]
) -> None:
    forge(cat, [{"path": "ok"}], said)
    source = tmp_path / "s"
    for attempt in (
        lambda: cat.open_file("images", "ok"),
        lambda: cat.export("images", str(tmp_path / "out"), format="files"),
        lambda: take(cat, source),
    ):
        with pytest.raises(error):
            attempt()
    with pytest.raises(InvalidInput), cat.transaction("main") as tx:
        tx.sql("INSERT INTO images SELECT * FROM images")
    assert cat.sql("SELECT path FROM images").fetchall() == [("ok",)]


def test_no_other_table_is_a_file_set(cat: Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE plain AS SELECT 'ok' AS path")
    with pytest.raises(InvalidInput) as raised:
        cat.open_file("plain", "ok")
    assert raised.value.kind is ErrorKind.FILE_SET


def test_a_data_file_without_a_list_is_not_passed_over(cat: Catalog) -> None:
    forge(cat, [{"path": "ok"}])
    entry = cat.repository.commits.entry(cat.resolve("main").commit_id, "images")
    assert entry is not None
    table = cat.repository.commits.table(entry)
    with pytest.raises(CorruptData, match="no list"):
        list(blobs_of(cat.repository.store, cat.repository.commits, table))


BLOBS = [
    Blob(sha256(b"1"), 1),
    Blob(sha256(b"2"), 2, "/some/where"),
    Blob(sha256(b"3"), 3, "s3://bucket/key"),
    Blob(sha256(b"4"), 4, f"blobs/aa/{sha256(b'4')}-1f"),
]


def test_lists_are_read_as_they_were_written() -> None:
    listed, data = encode_list(BLOBS)
    assert sorted(decode_list(data, "it"), key=lambda blob: blob.size_bytes) == BLOBS
    assert listed == BlobList(listed.id, 3)
    assert encode_list(reversed(BLOBS)) == (listed, data)
    assert decode_list(encode_list([])[1], "it") == []


def test_damaged_lists_are_refused() -> None:
    _, data = encode_list(BLOBS)
    for end in range(len(data)):
        with pytest.raises(CorruptData):
            decode_list(data[:end], "it")
    swapped = data[:16] + data[48:80] + data[16:48] + data[80:]
    for bad in (data + b"x", b"X" + data[1:], swapped, data.replace(b"/some", b"\xffsome")):
        with pytest.raises(CorruptData):
            decode_list(bad, "it")
    for place in ("relative", "blobs/../../x", "http://x/y", "/nul\0", "file:///etc/passwd"):
        with pytest.raises(CorruptData):
            decode_list(encode_list([Blob(sha256(b""), 0, place)])[1], "it")


def test_a_place_of_a_stranger_gives_nothing_away(tmp_path: Path) -> None:
    """A list may name any file of the user's: only who knows its hash gets its bytes."""
    store = LocalStore(str(tmp_path))
    (tmp_path / "secret").write_bytes(b"secret")
    known = Blob(sha256(b"secret"), 6, str(tmp_path / "secret"))
    with open_content(store, known) as file:
        assert file.read() == b"secret"
    for place in (str(tmp_path / "secret"), "/dev/zero", "/dev/null", str(tmp_path)):
        with pytest.raises(CorruptData) as raised:
            open_content(store, Blob(sha256(b"guess!"), 6, place))
        assert "secret" not in str(raised.value).replace(place, "")
