"""Digests of the rows of files: alike for every writer and reader, kept where they pay."""

import datetime
import hashlib
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.diff.fingerprints.column_reader import FileColumns
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.row_completing import complete_row_digests, row_words
from catalog.diff.fingerprints.row_digest import cell_hashes, row_sum
from catalog.diff.fingerprints.row_rule import has_row_digests
from catalog.errors import InvalidInput
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.operations.tables import stored_table
from catalog.repository.datafiles import locate
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.row_digests import KeptDigests, RowDigests
from catalog.repository.tables import data_files
from tests.diff.row_hash import digests

ROWS = 70_000
KINDS = {
    "id": "int",
    "small": "int",
    "big": "uint64",
    "x": "float",
    "half": "float",
    "money": "decimal2",
    "wide": "decimal0",
    "day": "date",
    "at": "timestamp",
    "clock": "time",
    "flag": "bool",
    "word": "text",
    "text": "text",
    "blob": "blob",
}
"""The kinds of the columns of ``rows``."""


def rows(count: int = ROWS) -> pa.Table:
    """Makes rows of every kind, with NULL and both zeros."""
    ids = range(count)
    values: dict[str, tuple[list[Any], pa.DataType]] = {
        "id": (list(ids), pa.int64()),
        "small": ([n % 100 if n % 11 else None for n in ids], pa.int16()),
        "big": ([2**64 - 1 - n for n in ids], pa.uint64()),
        "x": ([(0.0, -0.0, float("nan"), n / 7)[n % 4] for n in ids], pa.float64()),
        "half": ([n / 4 for n in ids], pa.float32()),
        "money": ([Decimal(n) / 4 * 25 / 25 for n in ids], pa.decimal128(12, 2)),
        "wide": ([Decimal(n - 5) * 2**60 for n in ids], pa.decimal128(38, 0)),
        "day": ([datetime.date(2024, 1, 1 + n % 31) for n in ids], pa.date32()),
        "at": ([n * 1_000_003 for n in ids], pa.timestamp("us")),
        "clock": ([n * 997 % 86_400_000_000 for n in ids], pa.time64("us")),
        "flag": ([n % 3 == 0 for n in ids], pa.bool_()),
        "word": ([f"word {n % 17}" if n % 5 else None for n in ids], pa.string()),
        "text": ([_text(n) for n in ids], pa.string()),
        "blob": ([struct.pack("<Q", n) * (n % 4) for n in ids], pa.binary()),
    }
    return pa.table({name: pa.array(*given) for name, given in values.items()})


def _text(n: int) -> str:
    return hashlib.sha256(str(n).encode()).hexdigest() * (n % 5) + "ä" * (n % 30)


SOME = [0, 1, 2, 3, 4, 5, 10, 255, 299, 65_535, 65_536, ROWS - 1]
"""Rows of which the digests are worked out in plain Python."""


def expected(table: pa.Table, *, places: list[int] = SOME) -> list[int]:
    picked = table.take(places)
    plain = {
        name: picked[name].cast(pa.int64()) if name in ("at", "clock") else picked[name]
        for name in KINDS
    }
    found = pa.table(plain).to_pylist()
    for row in found:
        row["clock"] *= 1000
    return digests(found, KINDS)


def files_of(cat: Catalog, name: str = "t") -> tuple[TableSnapshot, list[DataFile]]:
    found = stored_table(cat.repository, name, cat.resolve("main"))
    return found.snapshot, list(data_files(cat.repository.commits, found))


def take(cat: Catalog, name: str, source: str, **options: Any) -> None:
    """Commits a snapshot."""
    with cat.transaction("main") as tx:
        tx.snapshot(name, source, **options)


def kept(cat: Catalog, name: str = "t") -> list[KeptDigests | None]:
    table, files = files_of(cat, name)
    return [RowDigests(cat.repository.store).read(table, file) for file in files]


def words(found: KeptDigests | None) -> list[int]:
    assert found is not None
    content = found.words()
    assert content is not None
    return np.frombuffer(content, "<u8").tolist()


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return rows()


def by_duckdb(table: pa.Table, path: Path) -> None:
    with duckdb.connect() as con:
        con.register("given", table)
        con.execute(f"COPY given TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 10000)")


def by_arrow(**options: Any) -> Any:
    return lambda table, path: pq.write_table(table, path, **options)


WRITERS = {
    "duckdb": by_duckdb,
    "pyarrow": by_arrow(),
    "plain": by_arrow(use_dictionary=False, compression="none", row_group_size=9999),
    "pages of version 2": by_arrow(data_page_version="2.0", version="2.6", compression="gzip"),
    "without a schema": by_arrow(store_schema=False),
}


@pytest.mark.invariant("A row's digest depends on its values and the names of columns alone")
@pytest.mark.parametrize(
    ("writer", "key"),
    [*((name, "id") for name in WRITERS), ("duckdb", "text"), ("pyarrow", "text"), ("plain", None)],
)
def test_digests_do_not_depend_on_the_writer(
    tmp_path: Path, table: pa.Table, writer: str, key: str | None
) -> None:
    (tmp_path / "in").mkdir()
    WRITERS[writer](table, tmp_path / "in/1.parquet")
    cat = catalog.create(str(tmp_path / "lake"))
    take(cat, "t", str(tmp_path / "in"), key=[key] if key else None, fingerprints="rows")
    (found,) = kept(cat)
    assert found is not None
    assert (found.held, found.left_out) == (set(KINDS), set())
    assert [words(found)[n] for n in SOME] == expected(table)
    (file,) = files_of(cat)[1]
    prints = Fingerprints(cat.repository.store).read(file, files_of(cat)[0].key)
    assert prints is not None
    assert prints.row_sum == row_sum(np.array(words(found), np.uint64))


def test_digests_of_rows_that_are_written_are_those_of_rows_that_are_read(
    tmp_path: Path, table: pa.Table
) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    with cat.transaction("main") as tx:
        tx.write("t", table, mode="append", key=["id"])
    (written,) = kept(cat)
    assert [words(written)[n] for n in SOME] == expected(table)
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET x = 1 WHERE id % 10000 = 3")
    snapshot, (file,) = files_of(cat)
    (rewritten,) = kept(cat)
    path = locate(cat.repository.store, file)
    again = row_words(path, KeyedFile(snapshot, file, snapshot.key))
    assert again is not None
    assert words(rewritten) == again.words.tolist()
    assert rewritten is not None
    assert rewritten.held == again.held
    pairs = zip(words(written), words(rewritten), strict=True)
    assert [n for n, (one, other) in enumerate(pairs) if one != other] == list(
        range(3, ROWS, 10_000)
    )


def test_partition_columns_are_never_in_digests(tmp_path: Path) -> None:
    for part in (1, 2):
        folder = tmp_path / f"in/p={part}"
        folder.mkdir(parents=True)
        inner = pa.table({"id": range(10), "v": ["x"] * 10, "p": [part] * 10})
        pq.write_table(inner, folder / "1.parquet")
    cat = catalog.create(str(tmp_path / "lake"))
    take(cat, "t", str(tmp_path / "in"), key=["id"], fingerprints="rows")
    one, other = kept(cat)
    assert words(one) == words(other)
    assert one is not None
    assert one.held == {"id", "v"}


def source(folder: Path, table: pa.Table, **options: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "1.parquet", **options)
    return str(folder)


WIDE = pa.table({"id": range(5000), "text": [f"{n * 7919:040}" for n in range(5000)]})
NARROW = pa.table({"id": range(5000), "v": [n % 7 for n in range(5000)]})


@pytest.mark.parametrize(
    ("table", "key", "choice", "there"),
    [
        (WIDE, ["id"], "now", True),
        (WIDE, ["id"], None, True),
        (WIDE, ["id"], "rows", True),
        (WIDE, ["id"], "columns", False),
        (WIDE, ["id"], "later", False),
        (WIDE, None, "now", False),
        (WIDE, None, "rows", True),
        (NARROW, ["id"], "now", False),
        (NARROW, ["id"], "rows", True),
        (WIDE.slice(0, 1000), ["id"], "now", False),
    ],
)
def test_digests_are_kept_where_they_pay(
    tmp_path: Path, table: pa.Table, key: Any, choice: Any, there: bool
) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    path = source(tmp_path / "in", table, compression="none", use_dictionary=False)
    take(cat, "t", path, key=key, fingerprints=choice)
    (found,) = kept(cat)
    assert (found is not None) == there
    snapshot, (file,) = files_of(cat)
    assert has_row_digests(snapshot, file, choice or "now") == there


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_digests_are_kept_in_every_mode(tmp_path: Path, mode: Any) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    take(cat, "t", source(tmp_path / "in", WIDE), key=["id"], mode=mode, fingerprints="rows")
    (found,) = kept(cat)
    assert found is not None


def test_dry_runs_keep_nothing(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    with cat.transaction("main", dry_run=True) as tx:
        tx.snapshot("t", source(tmp_path / "in", WIDE), key=["id"], fingerprints="rows")
    assert list(cat.repository.store.list("cache/rows/")) == []


def test_another_word_is_refused(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    with pytest.raises(InvalidInput, match="now, rows, columns or later, not 'never'"):
        take(cat, "t", source(tmp_path / "in", WIDE), fingerprints="never")


def test_missing_digests_are_completed_when_they_are_needed(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    take(cat, "t", source(tmp_path / "in", WIDE), key=["id"], fingerprints="later")
    snapshot, (file,) = files_of(cat)
    assert kept(cat) == [None]
    made = complete_row_digests(cat.repository.store, snapshot, file)
    (found,) = kept(cat)
    assert words(made) == words(found)
    take(cat, "u", str(tmp_path / "in"), key=["id"], fingerprints="rows")
    assert words(found) == words(kept(cat, "u")[0])


def test_values_without_a_hash_leave_their_column_out(tmp_path: Path) -> None:
    far = pa.array([0, 1, 2], pa.timestamp("ms")).cast(pa.int64())
    far = pa.array([*far.to_pylist(), 2**62]).cast(pa.timestamp("ms"))
    table = pa.table({"id": range(4), "at": far, "v": [1, 2, 3, 4], "many": [[1]] * 4})
    folder = source(tmp_path / "in", table, version="2.6")
    cat = catalog.create(str(tmp_path / "lake"))
    take(cat, "t", folder, key=["id"], mode="reference")
    snapshot, (file,) = files_of(cat)
    found = complete_row_digests(cat.repository.store, snapshot, file)
    assert found is not None
    assert (found.held, found.left_out) == ({"id", "v"}, {"at", "many"})
    assert words(found) == digests(
        [{"id": n, "v": n + 1} for n in range(4)], {"id": "int", "v": "int"}
    )


def test_digests_are_taken_over_from_a_file_that_stores_the_same(
    tmp_path: Path, table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    take(cat, "t", source(tmp_path / "in", table), key=["id"])
    changed = table.set_column(3, "x", pa.array(np.arange(ROWS) / 3))
    read: list[int] = []
    monkeypatch.setattr(
        "catalog.diff.fingerprints.row_completing.FileColumns.batches",
        counted(read),
    )
    for number, other in enumerate((changed, changed.replace_schema_metadata({"a": "b"}))):
        take(cat, "t", source(tmp_path / f"other{number}", other))
        snapshot, (file,) = files_of(cat)
        (found,) = kept(cat)
        assert [words(found)[n] for n in SOME] == expected(other)
        prints = Fingerprints(cat.repository.store).read(file, snapshot.key)
        assert prints is not None
        assert prints.row_sum == row_sum(np.array(words(found), np.uint64))
    assert set(read) == {1}, "only the column that changed is read"


def counted(read: list[int]) -> Any:
    original = FileColumns.batches

    def batches(self: Any, places: Any, *, rows: int) -> Any:
        read.append(len(places))
        return original(self, places, rows=rows)

    return batches


def test_rows_under_names_that_were_exchanged_are_not_the_same(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    rows = pa.table({"id": [2, 1, 3], "a": [1, 2, 3], "b": [4, 5, 6]})
    with cat.transaction("main") as tx:
        tx.snapshot("t", source(tmp_path / "in", rows), key=["id"])
    with cat.transaction("main") as tx:
        tx.sql("ALTER TABLE t RENAME a TO c")
        tx.sql("ALTER TABLE t RENAME b TO a")
        tx.sql("ALTER TABLE t RENAME c TO b")
    with cat.transaction("main") as tx:
        tx.snapshot("t", source(tmp_path / "other", rows.take([1, 0, 2])))
    found = cat.diff("main~2", "main")["t"]
    assert found.rows.updated == 3


GOLDEN = [
    0x2AB561DEB325886C,
    0x2F0CF81968099963,
    0xEB439FB6CD669B89,
    0xF0EE44579122D81F,
    0x8C660399B7C9C153,
    0x3A9FEA668E390CF1,
]


def test_digests_never_change_unnoticed() -> None:
    """Digests that catalogs hold are compared with new ones: another value is another algorithm."""
    few = rows(300)
    total = np.zeros(few.num_rows, np.uint64)
    for name in few.column_names:
        hashes = cell_hashes(few[name], name)
        assert hashes is not None
        total += hashes
    assert total[[0, 1, 2, 3, 7, 299]].tolist() == GOLDEN
    assert row_sum(total) == 0x6943AFF2CC94326B25FFEF1FA16299A1
