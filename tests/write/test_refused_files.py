"""Snapshots that fail: the source's file is named, and nothing stays behind."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData, ErrorKind, InvalidInput


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(str(tmp_path / "lake"))


def data_files(cat: Catalog, tmp_path: Path) -> list[str]:
    """Returns all files of the catalog that a snapshot may have made but its caches."""
    root = tmp_path / "lake"
    return [
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] in ("data", "tmp", "packs")
    ]


def files_of(folder: Path, count: int, *, damaged: int | None = None) -> Path:
    """Writes files of a thousand rows, of which one has a page that is damaged."""
    folder.mkdir()
    for n in range(count):
        rows = {"id": range(n * 1000, n * 1000 + 1000), "v": ["x" * 20] * 1000}
        pq.write_table(pa.table(rows), folder / f"part-{n}.parquet", use_dictionary=False)
    if damaged is not None:
        path = folder / f"part-{damaged}.parquet"
        whole = bytearray(path.read_bytes())
        whole[3000:3100] = bytes(byte ^ 255 for byte in whole[3000:3100])
        path.write_bytes(whole)
    return folder


@pytest.mark.invariant("A snapshot that fails leaves no file behind, and names the source's file")
@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
@pytest.mark.parametrize("key", [None, ["id"]])
def test_a_damaged_page_is_that_of_the_sources_file(
    cat: Catalog, tmp_path: Path, mode: Any, key: list[str] | None
) -> None:
    source = files_of(tmp_path / "many", 5, damaged=3)
    before = data_files(cat, tmp_path)
    with pytest.raises(CorruptData) as failure, cat.transaction("main") as tx:
        tx.snapshot("t", str(source), mode=mode, key=key, fingerprints="now")
    assert failure.value.kind is ErrorKind.DAMAGED_PARQUET
    assert failure.value.message.startswith(str(source / "part-3.parquet"))
    assert "\n" not in failure.value.message
    assert "remove it from the source" in str(failure.value.hint)
    assert data_files(cat, tmp_path) == before
    (source / "part-3.parquet").unlink()
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(source), mode=mode, key=key)
    assert cat.sql("SELECT count(*) FROM t").fetchall() == [(4000,)]


@pytest.mark.parametrize("failure", [CorruptData, KeyboardInterrupt, InvalidInput])
def test_nothing_stays_of_the_tables_that_were_taken_before_the_failure(
    cat: Catalog, tmp_path: Path, failure: type[BaseException]
) -> None:
    good = files_of(tmp_path / "good", 2)
    bad = files_of(tmp_path / "bad", 2, damaged=0)
    before = data_files(cat, tmp_path)
    with pytest.raises(failure), cat.transaction("main") as tx:
        tx.snapshot("good", str(good))
        if failure is KeyboardInterrupt:
            raise KeyboardInterrupt
        tx.snapshot("bad", str(bad), key=["id"] if failure is CorruptData else ["none"])
    assert data_files(cat, tmp_path) == before


def test_an_interrupt_while_files_are_read_leaves_nothing(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = files_of(tmp_path / "many", 3)
    before = data_files(cat, tmp_path)

    def interrupted(*args: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("catalog.write.snapshot.outcome.keep_prints", interrupted)
    with pytest.raises(KeyboardInterrupt), cat.transaction("main") as tx:
        tx.snapshot("t", str(source))
    assert data_files(cat, tmp_path) == before


def test_tables_of_a_transaction_are_read_before_it_is_committed(
    cat: Catalog, tmp_path: Path
) -> None:
    source = files_of(tmp_path / "many", 2)
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(source))
        assert tx.sql("SELECT count(*) FROM t").fetchall() == [(2000,)]
        tx.sql("UPDATE t SET v = 'y' WHERE id = 7")
        tx.sql("CREATE TABLE u AS SELECT * FROM t WHERE v = 'y'")
    assert cat.sql("SELECT id, v FROM u").fetchall() == [(7, "y")]
    assert cat.sql("SELECT count(*) FROM t WHERE v = 'y'").fetchall() == [(1,)]


def test_copies_that_others_commit_stay(cat: Catalog, tmp_path: Path) -> None:
    source = files_of(tmp_path / "many", 2)
    with pytest.raises(InvalidInput), cat.transaction("main") as tx:
        tx.snapshot("t", str(source))
        with cat.transaction("main") as other:
            other.snapshot("t", str(source))
        raise InvalidInput("no")
    assert cat.sql("SELECT count(*) FROM t").fetchall() == [(2000,)]


@pytest.mark.parametrize("mode", ["copy", "link"])
def test_a_variant_that_could_not_be_written_again_is_refused_by_name(
    cat: Catalog, tmp_path: Path, mode: Any
) -> None:
    path = tmp_path / "moments.parquet"
    with duckdb.connect() as con:
        moment = "CAST(TIMESTAMPTZ '2020-01-01 00:00:00+00' AS TIMESTAMPTZ_NS)"
        con.execute(f"COPY (SELECT 1 AS id, {moment}::VARIANT AS v) TO '{path}' (FORMAT parquet)")
    with pytest.raises(InvalidInput) as caught, cat.transaction("main") as tx:
        tx.snapshot("t", str(path), mode=mode)
    assert caught.value.kind is ErrorKind.UNREADABLE_TYPE
    assert str(path) in caught.value.message
    assert "TIMESTAMP_NANOS_TZ" in caught.value.message
    assert data_files(cat, tmp_path) == []


@pytest.mark.parametrize(
    ("stored", "damaged", "why"),
    [
        (b"\x15\x00\x16\x3c", b"\x15\x00\x16\x34", "26 values in a row group of 30 rows"),
        (b"\x15\x04\x15", b"\x15\x6a\x15", "pages of kinds or encodings unknown here"),
    ],
    ids=["values", "pages"],
)
def test_footers_that_only_the_engine_refuses_are_refused(
    cat: Catalog, tmp_path: Path, stored: bytes, damaged: bytes, why: str
) -> None:
    path = tmp_path / "damaged.parquet"
    pq.write_table(pa.table({"id": [n % 7 for n in range(30)]}), path, compression="none")
    with cat.transaction("main") as tx:
        tx.snapshot("sound", str(path))  # from now on the types of such files are known
    whole = path.read_bytes()
    at = whole.index(stored, len(whole) - 8 - int.from_bytes(whole[-8:-4], "little"))
    path.write_bytes(whole[:at] + damaged + whole[at + len(stored) :])
    before = data_files(cat, tmp_path)
    with pytest.raises(CorruptData, match=why) as caught, cat.transaction("main") as tx:
        tx.snapshot("t", str(path))
    assert str(path) in caught.value.message
    assert data_files(cat, tmp_path) == before
