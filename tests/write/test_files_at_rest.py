"""Data files that are not what was committed when they are read, or no longer once they were."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.engine import verification
from catalog.errors import CorruptData, InvalidInput
from catalog.repository import datafiles
from catalog.storage import local

from .conftest import rows, snap, write
from .flips import flipped, in_pages
from .merges import put

FILES = 3
READS: dict[str, Callable[[Catalog, Path], object]] = {
    "relation": lambda cat, out: cat.sql("SELECT sum(id) FROM t").fetchall(),
    "session": lambda cat, out: cat.connect().execute("FROM t").fetchall(),
    "diff": lambda cat, out: cat.diff("main~1", "main", tables=["t"]),
    "join": lambda cat, out: cat.diff("main~1", "main", tables=["t"], method="join"),
    "export": lambda cat, out: cat.export("t", str(out / "x")),
    "csv": lambda cat, out: cat.export("t", str(out / "x.csv"), format="csv"),
    "update": lambda cat, out: statement(cat, "UPDATE t SET v = 1"),
    "delete": lambda cat, out: statement(cat, "DELETE FROM t WHERE id >= 2"),
    "upsert": lambda cat, out: upsert(cat),
    "query diff": lambda cat, out: cat.diff_query("FROM t", "main~1", "main"),
}


def statement(cat: Catalog, text: str) -> None:
    with cat.transaction() as tx:
        tx.sql(text)


def upsert(cat: Catalog) -> None:
    with cat.transaction() as tx:
        tx.write("t", [{"id": 2, "v": 5}], mode="upsert")


@pytest.mark.invariant(
    "A data file of another size than was committed is an error, never an answer"
)
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("change", ["cut", "longer", "empty"])
def test_a_file_of_another_size_is_never_an_answer(
    cat: Catalog, root: Path, tmp_path: Path, change: str, read: str
) -> None:
    for more in range(2):
        put(cat, "main", [{"id": n, "v": n + more} for n in range(5)], key=["id"])
    path = root / cat.files("t")[0].path
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes({"cut": good[:-1], "longer": good + b"PAR1", "empty": b""}[change])
    with pytest.raises(CorruptData):
        READS[read](cat, tmp_path)
    assert not any(tmp_path.glob("x*"))


FLIPS = 24


KINDS = {
    "own": lambda cat, source: put(cat, "main", ROWS, key=["id"]),
    "uncompressed": lambda cat, source: plain_copy(cat, source, compression="none"),
    "without dictionary": lambda cat, source: plain_copy(
        cat, source, compression="none", use_dictionary=False
    ),
}
ROWS = pa.table(
    {
        "id": range(400),
        "v": [n * n for n in range(400)],
        "s": [f"text {n % 7}" for n in range(400)],
        "x": [[n / 3] if n % 5 else None for n in range(400)],
    }
)


def plain_copy(cat: Catalog, source: Path, **options: Any) -> None:
    write(source / "a.parquet", ROWS, write_page_checksum=True, **options)
    snap(cat, "t", source, key=["id"])


@pytest.mark.invariant(
    "A changed byte of a data file is an error, never an answer, if the catalog is opened to "
    "verify hashes"
)
@pytest.mark.parametrize("kind", KINDS)
def test_no_changed_byte_of_a_file_whose_hash_is_verified_is_an_answer(
    cat: Catalog, root: Path, source: Path, kind: str
) -> None:
    KINDS[kind](cat, source)
    path = root / cat.files("t")[0].path
    good = path.read_bytes()
    chance = random.Random(kind)
    for _ in range(FLIPS):
        flipped(path, chance.randrange(len(good)), chance.randrange(8))
        with pytest.raises(CorruptData) as caught:
            catalog.open(root, verify="hash").sql("SELECT sum(v) FROM t")
        assert caught.value.kind == "damaged-parquet"
        assert path.name in caught.value.message
        path.write_bytes(good)
    assert catalog.open(root, verify="hash").sql("FROM t").to_arrow_table().num_rows == 400


@pytest.mark.invariant(
    "A changed byte in a page with a checksum is an error, never an answer, if the catalog is "
    "opened to verify pages"
)
@pytest.mark.parametrize("kind", KINDS)
def test_no_changed_byte_of_a_page_that_is_verified_is_an_answer(
    cat: Catalog, root: Path, source: Path, kind: str
) -> None:
    KINDS[kind](cat, source)
    path = root / cat.files("t")[0].path
    good = path.read_bytes()
    chance = random.Random(kind)
    for at in chance.sample(in_pages(path), FLIPS):
        flipped(path, at, chance.randrange(8))
        with pytest.raises(CorruptData) as caught:
            catalog.open(root, verify="pages").sql("SELECT count(*) FROM t")
        assert caught.value.kind == "damaged-parquet"
        path.write_bytes(good)
    assert catalog.open(root, verify="pages").sql("FROM t").to_arrow_table().num_rows == 400


@pytest.mark.parametrize("verify", ["pages", "hash"])
@pytest.mark.parametrize("read", READS)
def test_every_read_verifies(
    cat: Catalog, root: Path, tmp_path: Path, read: str, verify: Any
) -> None:
    for more in range(2):
        rows = ROWS.set_column(1, "v", pa.array([n + more for n in range(400)]))
        put(cat, "main", rows, key=["id"])
    path = root / cat.files("t")[0].path
    flipped(path, in_pages(path)[50], 3)
    with pytest.raises(CorruptData, match=path.name):
        READS[read](catalog.open(root, verify=verify), tmp_path)
    assert not any(tmp_path.glob("x*"))


def test_a_file_is_verified_once_while_it_keeps_its_times(
    cat: Catalog, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "REST_NS", -1)
    put(cat, "main", ROWS, key=["id"])
    path = root / cat.files("t")[0].path
    seen = []
    original = verification._check_hash
    monkeypatch.setattr(
        verification, "_check_hash", lambda *given: (seen.append(given), original(*given))
    )
    again = catalog.open(root, verify="hash")
    for _ in range(3):
        again.sql("SELECT sum(v) FROM t").fetchall()
    assert len(seen) == 1
    flipped(path, 200, 1)
    with pytest.raises(CorruptData):
        again.sql("SELECT sum(v) FROM t")


def test_a_reference_without_hash_is_verified_by_its_pages(
    cat: Catalog, root: Path, source: Path
) -> None:
    path = write(source / "a.parquet", ROWS, write_page_checksum=True, compression="none")
    flipped(path, in_pages(path)[50], 3)
    snap(cat, "t", source, mode="reference", fingerprints="later")
    with pytest.raises(CorruptData, match="a page does not have its checksum"):
        catalog.open(root, verify="hash").sql("SELECT sum(v) FROM t")


def test_a_page_that_is_damaged_at_its_source_is_not_committed(cat: Catalog, source: Path) -> None:
    path = write(source / "a.parquet", ROWS, write_page_checksum=True, compression="none")
    flipped(path, in_pages(path)[50], 3)
    with pytest.raises(CorruptData, match=r"not (a )?readable"):
        snap(cat, "t", source, key=["id"])
    assert len(cat.log()) == 1


def test_what_is_verified_is_one_of_three_words(root: Path, cat: Catalog) -> None:
    with pytest.raises(InvalidInput, match="size, pages or hash, not 'all'"):
        catalog.open(root, verify="all")  # type: ignore[arg-type]


class Source:
    """A referenced directory of files whose rows change while a reader is at work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fill(0)

    def fill(self, more: int) -> None:
        """Writes all files, each in place, with other values of the same sizes."""
        for n in range(FILES):
            write(self.folder / f"{n}.parquet", {"id": [n, 10 + n], "v": [n + more, more]})

    def replace_one(self) -> None:
        new = write(self.folder.parent / "new.parquet", {"id": [2, 12], "v": [77, 77]})
        new.replace(self.folder / "2.parquet")

    def rewrite_one_keeping_times(self) -> None:
        path = self.folder / "2.parquet"
        before = path.stat()
        new = write(self.folder.parent / "new.parquet", {"id": [2, 12], "v": [77, 77]})
        with open(path, "r+b") as file:
            file.write(new.read_bytes())
        assert path.stat().st_size == before.st_size
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {"replaced": Source.replace_one, "in place": Source.rewrite_one_keeping_times}


@pytest.fixture
def referenced(cat: Catalog, source: Path) -> Source:
    made = Source(source)
    put(cat, "main", [{"id": n, "v": -1} for n in range(20)], key=["id"])
    snap(cat, "t", source, mode="reference")
    return made


FETCHES: dict[str, Callable[..., object]] = {
    "fetchall": lambda found: found.fetchall(),
    "table": lambda found: found.to_arrow_table(),
    "reader": lambda found: found.to_arrow_reader().read_all(),
    "frame": lambda found: found.df(),
    "numbers": lambda found: found.fetchnumpy(),
    "rows": lambda found: list(found.iter_rows()),
    "derived": lambda found: found.filter("v >= 0").aggregate("sum(v)").fetchall(),
    "grouped": lambda found: found.group_by("id").agg("count(*)").fetchall(),
    "joined": lambda found: found.union(found).order("id").fetchall(),
    "shown": lambda found: str(found),
    "length": lambda found: len(found),
}


@pytest.mark.invariant("A linked or referenced file that changes while it is read is an error")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("fetch", FETCHES)
def test_a_relation_whose_file_changes_before_it_is_read_fails(
    cat: Catalog, referenced: Source, change: str, fetch: str
) -> None:
    found = cat.sql("SELECT * FROM t ORDER BY id")
    FETCHES[fetch](found)
    CHANGES[change](referenced)
    with pytest.raises(CorruptData) as caught:
        FETCHES[fetch](found)
    assert caught.value.kind == "file-changed"
    assert "2.parquet" in caught.value.message


def test_arrow_reads_a_checked_relation_by_itself(cat: Catalog, referenced: Source) -> None:
    found = cat.sql("FROM t")
    assert pa.table(found).num_rows == 2 * FILES
    referenced.replace_one()
    with pytest.raises(pa.ArrowException, match="changed while it was read"):
        pa.table(found)


@pytest.mark.parametrize("change", CHANGES)
def test_a_session_checks_when_the_last_row_was_fetched(
    cat: Catalog, referenced: Source, change: str
) -> None:
    with cat.connect() as session:
        session.execute("SELECT v FROM t ORDER BY v LIMIT 2")
        CHANGES[change](referenced)
        session.fetchone()
        session.fetchone()
        with pytest.raises(CorruptData):
            session.fetchone()


@pytest.mark.parametrize(
    "made, read",
    [
        ("CREATE TEMP VIEW shown AS FROM t", "FROM shown"),
        ("CREATE TEMP VIEW a AS FROM t; CREATE TEMP VIEW shown AS FROM a", "FROM shown"),
        ("CREATE TEMP MACRO shown() AS TABLE FROM t", "FROM shown()"),
        ("PREPARE shown AS FROM t", "EXECUTE shown"),
    ],
)
def test_what_is_read_by_a_name_of_the_session_is_checked(
    cat: Catalog, referenced: Source, made: str, read: str
) -> None:
    with cat.connect() as session:
        session.execute(made)
        assert len(session.execute(read).fetchall()) == 2 * FILES
        referenced.replace_one()
        with pytest.raises(CorruptData):
            session.execute(read).fetchall()
        assert session.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("read", READS)
def test_a_file_that_changes_during_a_read_is_never_an_answer(
    cat: Catalog,
    referenced: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    read: str,
) -> None:
    """The file changes after it was checked, and before it is opened."""
    before = len(cat.log())
    original, changed = verification.verify, []

    def verify(*args: object, **options: object) -> datafiles.Watch:
        watch = original(*args, **options)
        if watch.found and not changed:
            changed.append(True)
            CHANGES[change](referenced)
        return watch

    monkeypatch.setattr(verification, "verify", verify)
    with pytest.raises(CorruptData):
        READS[read](cat, tmp_path)
    assert changed
    assert len(cat.log()) == before
    assert not any(tmp_path.glob("x*"))


def test_rows_of_a_diff_are_checked_after_the_last(cat: Catalog, referenced: Source) -> None:
    with cat.diff("main~1", "main", level="rows") as found:
        referenced.replace_one()
        with pytest.raises(CorruptData):
            found["t"].changes().read_all()


def test_a_link_that_comes_or_goes_while_a_file_is_read_is_no_change(
    cat: Catalog, referenced: Source, tmp_path: Path
) -> None:
    found = cat.sql("SELECT sum(v) FROM t")
    os.link(referenced.folder / "1.parquet", tmp_path / "link.parquet")
    assert found.fetchall() == [(3,)]


def test_relations_over_the_catalogs_own_files_are_duckdbs(
    cat: Catalog, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "reflink", lambda source, target: False)
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    import duckdb

    assert type(cat.sql("FROM t")) is duckdb.DuckDBPyRelation
    assert rows(cat, "FROM t") == [(1,)]
