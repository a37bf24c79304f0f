"""Digests of rows as they are kept: read by ranges, and trusted only for what they are about."""

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.model.datafile import DataFile
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.repository import row_digests
from catalog.repository.row_digests import KeptDigests, RowDigests
from catalog.storage.local import LocalStore

BIGINT, TEXT = Scalar("BIGINT"), Scalar("VARCHAR")
ROWS = 2 * 65_536 + 3


def table(*names: str, kind: Scalar = BIGINT) -> TableSnapshot:
    """Returns a table that is partitioned by its last column."""
    columns = tuple(PhysicalColumn(name, kind, n) for n, name in enumerate(names, 1))
    schema = FileSchema(columns)
    fields = tuple(Field(n, name, kind) for n, name in enumerate(names, 1))
    return TableSnapshot(
        Schema(fields),
        len(names),
        partition_by=(len(names),),
        file_schemas={schema.id: schema},
    )


TABLE = table("a", "b", "p")


def file(of: TableSnapshot = TABLE, *, rows: int = ROWS, token: str = "sha256:1") -> DataFile:
    (schema,) = of.file_schemas
    return DataFile("data/t/1.parquet", token, 100, rows, (b"",), schema, {})


WORDS = b"".join(n.to_bytes(8, "little") for n in range(ROWS))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path))


def kept(store: LocalStore, held: tuple[str, ...] = ("a", "b")) -> KeptDigests:
    digests = RowDigests(store)
    digests.keep(TABLE, file(), WORDS, held=held)
    found = digests.read(TABLE, file())
    assert found is not None
    return found


def stored_path(store: LocalStore) -> Path:
    (found,) = store.list("cache/rows/")
    return Path(store.location) / found.path


def test_what_is_kept_comes_back(store: LocalStore) -> None:
    found = kept(store)
    assert (found.rows, found.held, found.left_out) == (ROWS, {"a", "b"}, set())
    assert found.words() == WORDS
    assert kept(store, ("b",)).left_out == {"a"}


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 1), (5, 5), (9, 3), (0, 65_536), (65_535, 65_537), (70_000, None), (131_000, 10**9)],
)
def test_ranges_of_rows_are_read(store: LocalStore, start: int, stop: int | None) -> None:
    end = ROWS if stop is None else stop
    assert kept(store).words(start, stop) == WORDS[8 * start : max(8 * end, 8 * start)]


def test_an_object_takes_eight_bytes_a_row_and_little_more(store: LocalStore) -> None:
    kept(store)
    assert stored_path(store).stat().st_size < 8 * ROWS + 500


def test_files_without_rows_have_an_object_too(store: LocalStore) -> None:
    digests, empty = RowDigests(store), file(rows=0)
    digests.keep(TABLE, empty, b"", held=("a", "b"))
    found = digests.read(TABLE, empty)
    assert found is not None
    assert found.words() == b""


@pytest.mark.parametrize(
    ("other", "of"),
    [
        (TABLE, file(token="sha256:2")),
        (TABLE, file(rows=ROWS + 1)),
        (table("a", "c", "p"), file(table("a", "c", "p"))),
        (table("b", "a", "p"), file(table("b", "a", "p"))),
        (table("a", "b", "p", kind=TEXT), file(table("a", "b", "p", kind=TEXT))),
        (replace(TABLE, partition_by=()), file()),
    ],
)
def test_other_content_and_columns_are_not_trusted(
    store: LocalStore, other: TableSnapshot, of: DataFile
) -> None:
    kept(store)
    assert RowDigests(store).read(other, of) is None


def test_another_algorithm_is_not_trusted(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store)
    monkeypatch.setattr(row_digests, "ROW_DIGEST_ALGORITHM", "another")
    assert RowDigests(store).read(TABLE, file()) is None


def test_field_ids_and_names_in_the_table_do_not_count(store: LocalStore) -> None:
    kept(store)
    columns = (PhysicalColumn("a", BIGINT, 8), PhysicalColumn("b", BIGINT, 9))
    schema = FileSchema(columns)
    anew = TableSnapshot(
        Schema((Field(8, "x", BIGINT), Field(9, "y", BIGINT))),
        9,
        file_schemas={schema.id: schema},
    )
    found = RowDigests(store).read(anew, file(anew))
    assert found is not None
    assert found.words(0, 2) == WORDS[:16]


@pytest.mark.parametrize("where", [0, 70, 200, 300_000, 2 * 65_536 * 8, -1])
def test_any_damage_is_seen(store: LocalStore, where: int) -> None:
    kept(store)
    path = stored_path(store)
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    found = RowDigests(store).read(TABLE, file())
    assert found is None or found.words() is None


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 100, b"\xff \n", b"{}" * 5000, b" {}\n"])
def test_what_strangers_leave_is_as_good_as_none(store: LocalStore, content: bytes) -> None:
    kept(store)
    path = stored_path(store)
    path.unlink()
    path.write_bytes(content)
    assert RowDigests(store).read(TABLE, file()) is None


def test_only_the_damaged_block_is_lost(store: LocalStore) -> None:
    kept(store)
    path = stored_path(store)
    content = bytearray(path.read_bytes())
    content[300_000] ^= 1
    path.unlink()
    path.write_bytes(content[:-10])
    found = RowDigests(store).read(TABLE, file())
    assert found is not None
    assert found.words(0, 65_536) is None
    assert found.words(65_536, 2 * 65_536) is not None
    assert found.words(2 * 65_536) is None


def test_blocks_in_other_places_are_not_taken(store: LocalStore) -> None:
    kept(store)
    path = stored_path(store)
    header, _, blocks = path.read_bytes().partition(b"\n")
    size = 65_536 * 8 + 8
    path.unlink()
    path.write_bytes(header + b"\n" + blocks[size : 2 * size] + blocks[:size] + blocks[2 * size :])
    found = RowDigests(store).read(TABLE, file())
    assert found is not None
    assert found.words() is None


def test_digests_that_are_gone_are_none(store: LocalStore) -> None:
    found = kept(store)
    stored_path(store).unlink()
    assert found.words() is None
    assert RowDigests(store).read(TABLE, file()) is None


def test_headers_of_wide_tables_are_read_whole(store: LocalStore) -> None:
    wide = table(*(f"column {n} of many" for n in range(3000)), "p")
    digests = RowDigests(store)
    digests.keep(wide, file(wide, rows=1), b"12345678", held=())
    found = digests.read(wide, file(wide, rows=1))
    assert found is not None
    assert len(found.left_out) == 3000
    assert found.words() == b"12345678"
