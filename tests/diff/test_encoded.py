"""Digests of encoded values: alike only where values are, whatever codec and levels."""

import itertools
import random
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.diff.fingerprints.stored_bytes import encoded_digests
from catalog.formats.pages import pages
from tests.diff.cases_random import DOMAINS
from tests.diff.test_fingerprint import described, fingerprint, stored, taken_over
from tests.effort import effort

FLAT = [name for name in DOMAINS if name not in ("uuid", "list", "struct", "map")]
CODECS = ("none", "snappy", "gzip", "brotli", "zstd")
COUNT = 90


def encoded(path: Path) -> dict[int, bytes]:
    columns = described(path)[0].file_schemas["s"].columns
    wanted = {column.field_id for column in columns}
    return encoded_digests(str(path), columns, wanted, metadata=pq.read_metadata(path))


def write(path: Path, columns: dict[str, pa.Array], *, required: bool, **options: Any) -> Path:
    fields = [
        pa.field(name, column.type, nullable=not required) for name, column in columns.items()
    ]
    pq.write_table(pa.table(list(columns.values()), schema=pa.schema(fields)), path, **options)
    return path


def values(name: str, count: int = COUNT) -> pa.Array:
    kind, some = DOMAINS[name]
    return pa.array(list(itertools.islice(itertools.cycle(some), count)), kind)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("name", FLAT)
def test_neither_codec_nor_levels_count(
    tmp_path: Path, name: str, dictionary: bool, version: str
) -> None:
    columns = {"v": values(name)}
    options: dict[str, Any] = {
        "use_dictionary": dictionary,
        "data_page_version": version,
        "row_group_size": 40,
        "data_page_size": 64,
        "write_batch_size": 7,
    }
    found = {
        tuple(encoded(write(tmp_path / "f", columns, required=r, compression=c, **options)).items())
        for r in (True, False)
        for c in CODECS
    }
    assert len(found) == 1
    assert all(found)


def test_columns_that_duckdb_copies_are_not_decoded(tmp_path: Path) -> None:
    """It writes what it makes as nullable, and what it copies as required where it can."""
    con = duckdb.connect()
    old, new = tmp_path / "old", tmp_path / "new"
    made = "SELECT i AS id, 'text ' || i % 9 AS few, md5(i::VARCHAR) AS many FROM range(9999) r(i)"
    con.execute(f"COPY ({made}) TO '{old}' (FORMAT parquet)")
    con.execute(
        f"COPY (SELECT *, 1 AS more FROM read_parquet('{old}')) TO '{new}' (FORMAT parquet)"
    )
    schemas = [pq.ParquetFile(path).schema for path in (old, new)]
    assert [one.column(0).max_definition_level for one in schemas] == [1, 0]
    assert taken_over(new, [1], [fingerprint(old, [1])]) == {1, 2, 3}
    assert fingerprint(new, [1], [fingerprint(old, [1])]) == fingerprint(new, [1])


def test_a_key_of_text_is_not_decoded(tmp_path: Path) -> None:
    columns = {"k": pa.array([f"{n:05}" for n in range(500)]), "v": pa.array(range(500))}
    old = write(tmp_path / "old", columns, required=False, compression="snappy")
    columns["v"] = pa.array([0] * 500)
    new = write(tmp_path / "new", columns, required=True, compression="zstd")
    assert taken_over(new, [1], [fingerprint(old, [1])]) == {1}


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_where_values_are_null_counts(tmp_path: Path, name: str, version: str) -> None:
    kind, (one, other, *_) = DOMAINS[name]
    unlike = [
        [one, None, other],
        [None, one, other],
        [one, other, None],
        [one, other],
        [other, one],
        [None, None, None],
        [None, None],
        [],
        [one, None, None, other],
    ]
    found = []
    for rows in unlike:
        columns = {"v": pa.array(rows, kind)}
        path = write(tmp_path / "f", columns, required=False, data_page_version=version)
        found.append(encoded(path)[1])
    assert len(set(found)) == len(unlike)


def test_nested_columns_have_none(tmp_path: Path) -> None:
    columns = {name: values(name) for name in ("list", "struct", "map", "integer")}
    columns["one"] = pa.array([{"x": 1}] * COUNT, pa.struct([pa.field("x", "int64", False)]))
    path = write(tmp_path / "f", columns, required=False)
    assert set(encoded(path)) == {4}
    assert set(stored(path)) == {*range(1, 6)}


def test_pages_are_what_was_written(tmp_path: Path) -> None:
    """Plain integers of four bytes are their own encoding."""
    numbers = list(range(1000))
    column = pa.array([None if n % 10 == 3 else n for n in numbers], pa.int32())
    for version, codec in itertools.product(("1.0", "2.0"), CODECS):
        path = tmp_path / f"{version}-{codec}"
        pq.write_table(
            pa.table({"v": column}),
            path,
            use_dictionary=False,
            compression=codec,
            data_page_version=version,
            data_page_size=256,
            write_batch_size=50,
        )
        chunk = pq.read_metadata(path).row_group(0).column(0)
        with path.open("rb") as stream:
            found = list(pages(stream, chunk, nullable=True))
        assert len(found) > 3
        assert sum(page.values for page in found) == 1000
        joined = b"".join(bytes(page.data) for page in found)
        assert joined == column.drop_null().cast(pa.int32()).to_numpy().tobytes()


@pytest.mark.invariant(
    "A fingerprint is the same whether its rows were read, written, or stored as before"
)
@settings(max_examples=effort(200, 2000))
@given(st.integers(0, 2**63).map(random.Random))
def test_alike_only_where_values_are(tmp_path: Path, rnd: random.Random) -> None:
    kind, some = DOMAINS[rnd.choice(FLAT)]
    some = [*rnd.sample(some, 2), *([None] if rnd.random() < 0.5 else [])]
    count = rnd.choice([1, 2, 3, 30])
    read: list[tuple[bytes, str]] = []
    for number in range(6):
        column = pa.array([rnd.choice(some) for _ in range(count)], kind)
        path = tmp_path / f"v{number}"
        write(
            path,
            {"v": column},
            required=not column.null_count and rnd.random() < 0.5,
            compression=rnd.choice(CODECS),
            use_dictionary=rnd.random() < 0.5,
            data_page_version=rnd.choice(["1.0", "2.0"]),
            row_group_size=rnd.choice([2, 10, 100]),
        )
        read.append((encoded(path)[1], repr(pq.read_table(path)["v"].to_pylist())))
    for one, other in itertools.combinations(read, 2):
        assert one[0] != other[0] or one[1] == other[1]


@settings(max_examples=effort(300, 3000))
@given(st.integers(0, 2**63).map(random.Random))
def test_damage_is_never_taken_for_the_same(tmp_path: Path, rnd: random.Random) -> None:
    """A byte of the pages changes: the digest goes, changes, or what is read stays the same."""
    column = values(rnd.choice(["text", "bigint", "double"]))
    path = write(
        tmp_path / "f",
        {"v": column},
        required=rnd.random() < 0.5,
        compression=rnd.choice(CODECS),
        use_dictionary=rnd.random() < 0.5,
        data_page_version=rnd.choice(["1.0", "2.0"]),
    )
    before = encoded(path)
    end = pq.read_metadata(path).row_group(0).column(0).total_compressed_size + 4
    content = bytearray(path.read_bytes())
    content[rnd.randrange(4, end)] ^= 1 << rnd.randrange(8)
    path.write_bytes(content)
    try:
        after = encoded(path)
    except OSError:
        return
    if after == before:
        try:
            read = pq.read_table(path)["v"]
        except OSError:  # in what says how often values occur, and the like
            return
        assert repr(read.to_pylist()) == repr(column.to_pylist())


@pytest.mark.parametrize(
    "header",
    [
        b"\x1c" * 100_000,
        b"\x15" + b"\xff" * 100_000,
        b"\x15\x00\x15\x02\x15" + b"\xfe" * 9 + b"\x01",
        b"\x15\x00\x15\x02\x15"
        + b"\xfe" * 12
        + b"\x01\x2c\x15\x02\x15\x00\x15\x06\x15\x06\x00\x00",
        b"\x15\x00\x15" + b"\xfe" * 8 + b"\x01\x15\x02\x2c\x15\x02\x15\x00\x15\x06\x15\x06\x00\x00",
    ],
    ids=["structs", "number", "size that ends the header", "size", "size decompressed"],
)
def test_headers_of_any_damage_end_in_no_digest(tmp_path: Path, header: bytes) -> None:
    columns = {"v": pa.array(range(50_000), pa.int64())}
    options: dict[str, Any] = {"use_dictionary": False, "data_page_size": 1 << 30}
    path = write(tmp_path / "f", columns, required=False, compression="none", **options)
    content = bytearray(path.read_bytes())
    content[4 : 4 + len(header)] = header
    path.write_bytes(content)
    assert encoded(path) == {}
