"""Fingerprints: the same whether rows are read back, taken as they are written, or not decoded."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import catalog
from catalog.diff.counts import KeyProblems
from catalog.diff.fingerprints.compute import compute
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.stored_bytes import stored_digests
from catalog.formats.parquet import read_footer
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import Fingerprint
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from tests.diff.cases_random import ALL_DOMAINS
from tests.effort import effort

OTHERS = [name for name in ALL_DOMAINS if name != "uuid"]


def stored(path: Path) -> dict[int, bytes]:
    columns = described(path)[0].file_schemas["s"].columns
    return stored_digests(str(path), columns, pq.read_metadata(path))


def described(path: Path, key: Sequence[int] = ()) -> tuple[TableSnapshot, DataFile]:
    """Returns the table that a file alone makes, and its entry; fields count from 1."""
    footer = read_footer(str(path))
    typed = [(column.name, column.type) for column in footer.columns]
    fields = tuple(Field(n, name, kind) for n, (name, kind) in enumerate(typed, 1))
    physical = tuple(PhysicalColumn(f.name, f.type, f.id) for f in fields)
    table = TableSnapshot(
        Schema(fields), len(fields), tuple(key), file_schemas={"s": FileSchema(physical)}
    )
    return table, DataFile(str(path), "sha256:x", path.stat().st_size, footer.rows, (), "s")


def fingerprint(path: Path, key: Sequence[int] = (), like: Sequence[Fingerprint] = ()) -> Any:
    return compute(str(path), KeyedFile(*described(path, key), tuple(key)), like)


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def with_marks(known: Fingerprint) -> Fingerprint:
    """Returns a fingerprint that shows what was taken over from it: no file has such counts."""
    marked = {i: replace(one, nulls=-i) for i, one in known.summaries.items()}
    return replace(known, summaries=marked)


def taken_over(path: Path, key: Sequence[int], like: Sequence[Fingerprint]) -> set[int]:
    found = fingerprint(path, key, [with_marks(one) for one in like])
    return {i for i, one in found.summaries.items() if one.nulls < 0}


ROWS = 1000
BASE: dict[str, Any] = {
    "id": range(ROWS),
    "n": [None if n % 7 == 0 else n for n in range(ROWS)],
    "x": [n / 3 for n in range(ROWS)],
    "s": [f"text {n % 50}" for n in range(ROWS)],
    "l": [[n, None] for n in range(ROWS)],
}


def test_columns_that_are_stored_alike_are_not_decoded(tmp_path: Path) -> None:
    old = write(tmp_path / "old", BASE, row_group_size=300)
    new = write(tmp_path / "new", {**BASE, "n": range(ROWS)}, row_group_size=300)
    known = fingerprint(old, [1])
    assert taken_over(new, [1], [known]) == {1, 3, 4, 5}
    assert fingerprint(new, [1], [known]) == fingerprint(new, [1])


def test_a_file_that_is_stored_alike_is_not_decoded_at_all(tmp_path: Path) -> None:
    """Also where its rows are in no order, or without a key: sums over rows hold too."""
    rows = {**BASE, "id": list(reversed(range(ROWS)))}
    old = write(tmp_path / "old", rows)
    pq.write_table(pa.table(rows).replace_schema_metadata({"written": "later"}), tmp_path / "new")
    for key in ([1], []):
        known = fingerprint(old, key)
        assert taken_over(tmp_path / "new", key, [known]) == {1, 2, 3, 4, 5}
        assert fingerprint(tmp_path / "new", key, [known]) == known


@pytest.mark.parametrize("rows", [{**BASE, "id": list(reversed(range(ROWS)))}, BASE])
def test_sums_over_rows_need_all_columns(tmp_path: Path, rows: dict[str, Any]) -> None:
    key = [1] if rows is not BASE else []
    plain = {name: rows[name] for name in ("id", "n", "x", "s")}
    old = write(tmp_path / "old", plain)
    new = write(tmp_path / "new", {**plain, "n": range(ROWS)})
    found = fingerprint(new, key, [fingerprint(old, key)])
    assert taken_over(new, key, [fingerprint(old, key)]) == set()
    assert found.row_sum is not None
    assert found == fingerprint(new, key)


def test_other_keys_share_nothing(tmp_path: Path) -> None:
    old = write(tmp_path / "old", BASE)
    new = write(tmp_path / "new", {**BASE, "id": range(1, ROWS + 1)})
    assert taken_over(new, [1], [fingerprint(old, [1])]) == set()


def test_the_nearest_of_several_files_counts(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {**BASE, "n": range(ROWS), "x": BASE["n"]})
    other = write(tmp_path / "other", {**BASE, "x": BASE["n"]})
    like = [fingerprint(one, [1]), fingerprint(other, [1])]
    for order in (like, like[::-1]):
        assert taken_over(write(tmp_path / "new", BASE), [1], order) == {1, 2, 4, 5}


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"use_dictionary": False},
        {"row_group_size": 500},
        {"data_page_version": "2.0"},
    ],
)
def test_columns_stored_otherwise_are_decoded(tmp_path: Path, options: dict[str, Any]) -> None:
    old, new = write(tmp_path / "old", BASE), write(tmp_path / "new", BASE, **options)
    assert not stored(old).items() & stored(new).items()
    assert fingerprint(new, [1], [fingerprint(old, [1])]) == fingerprint(new, [1])


SAME_BYTES: list[tuple[pa.Array, pa.Array]] = [
    (pa.array([1, 2]), pa.array([1, 2], pa.timestamp("us"))),
    (pa.array([1, 2], pa.timestamp("us")), pa.array([1, 2], pa.timestamp("us", "UTC"))),
    (pa.array([1, 2], pa.int32()), pa.array([1, 2], pa.date32())),
    (pa.array([1, 2], pa.uint32()), pa.array([1, 2], pa.int32())),
    (pa.array(["a", "b"]), pa.array([b"a", b"b"])),
    (pa.array([1, 2], pa.decimal128(9, 1)), pa.array([1, 2], pa.decimal128(9, 1)).cast("double")),
    (pa.array([{"a": 1}]), pa.array([{"b": 1}])),
    (pa.array([[1]], pa.list_(pa.int8())), pa.array([[1]], pa.list_(pa.int16()))),
]


@pytest.mark.parametrize(("one", "other"), SAME_BYTES)
def test_bytes_mean_what_their_type_says(tmp_path: Path, one: pa.Array, other: pa.Array) -> None:
    for store_schema in (True, False):
        paths = [
            pq.write_table(pa.table({"v": v}), tmp_path / name, store_schema=store_schema)
            or tmp_path / name
            for name, v in (("one", one), ("other", other))
        ]
        assert stored(paths[0]) != stored(paths[1])


def test_a_renamed_column_is_stored_alike(tmp_path: Path) -> None:
    nested = pa.array([{"x": 1, "y": [1]}])
    one = write(tmp_path / "one", {"a": nested, "n": [1]})
    other = write(tmp_path / "other", {"a.x": nested, "m": [1]})
    assert stored(one) == stored(other)


def test_names_with_dots_are_not_those_of_inner_columns(tmp_path: Path) -> None:
    inner = [{"b": n, "c": [n]} for n in range(9)]
    rows = {"a.b": range(9), "a": inner, "a.c.list": range(9), "k": range(9)}
    old = write(tmp_path / "old", rows)
    for name in rows:
        new = write(
            tmp_path / name, {**rows, name: inner[::-1] if name == "a" else [*range(1, 10)]}
        )
        for key in ([1], [4]):
            found = fingerprint(new, key, [fingerprint(old, key)])
            assert found == fingerprint(new, key)


@pytest.mark.parametrize(
    ("writer", "trusted"),
    [
        ("parquet-mr version 1.2.8 (build )", False),
        ("parquet-mr version 1.2          ", False),
        ("parquet-mr                       ".strip(), False),
        ("parquet-mr version 1.2.9 (build )", True),
        ("parquet-mr version 1.13.1 (build)", True),
        ("parquet-mr compatible Photon vers", True),
    ],
)
def test_writers_with_longer_columns_than_they_say(
    tmp_path: Path, writer: str, trusted: bool
) -> None:
    path = write(tmp_path / "file", {"a": [1]})
    content = path.read_bytes()
    given = pq.ParquetFile(path).metadata.created_by.encode()
    start = content.index(given) - 1
    size = (len(writer)).to_bytes(1, "little")
    footer = content[start + 1 + len(given) : -8]
    begin = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    named = content[begin:start] + size + writer.encode() + footer
    path.write_bytes(content[:begin] + named + len(named).to_bytes(4, "little") + b"PAR1")
    assert pq.ParquetFile(path).metadata.created_by == writer
    assert bool(stored(path)) is trusted


@pytest.mark.invariant(
    "A fingerprint is the same whether its rows were read, written, or stored as before"
)
@settings(max_examples=effort(150, 1500))
@given(st.integers(0, 2**63).map(random.Random))
def test_what_is_taken_over_is_what_would_be_computed(tmp_path: Path, rnd: random.Random) -> None:
    kinds = {f"c{n}": rnd.choice(OTHERS) for n in range(rnd.randint(1, 5))}
    count = rnd.choice([0, 1, 5, 40])
    key = [n for n, name in enumerate(kinds, 1) if rnd.random() < 0.4]

    def column(kind: str) -> pa.Array:
        dtype, values = ALL_DOMAINS[kind]
        nothing = [None] * rnd.choice([0, 1])
        return pa.array([rnd.choice([*values, *nothing]) for _ in range(count)], dtype)

    def written(columns: dict[str, pa.Array], name: str) -> Path:
        return write(tmp_path / name, columns, row_group_size=size, compression=codec)

    size, codec = rnd.choice([1, 7, 100]), rnd.choice(["none", "snappy"])
    first = {name: column(kind) for name, kind in kinds.items()}
    if rnd.random() < 0.5:
        first = {"id": pa.array(range(count)), **first}
        key = [1]
    versions = [first]
    for _ in range(3):
        again = {
            n: column(kinds[n]) if n in kinds and rnd.random() < 0.4 else v
            for n, v in first.items()
        }
        versions.append(again)
    if rnd.random() < 0.3:
        size = rnd.choice([1, 7, 100])
    paths = [written(columns, f"v{n}") for n, columns in enumerate(versions)]
    prints = [fingerprint(path, key) for path in paths]
    for path, alone in zip(paths, prints, strict=True):
        assert fingerprint(path, key, prints) == alone
        assert fingerprint(path, key, [one for one in prints if one is not alone]) == alone


def test_a_partition_column_in_the_file_too_is_no_second_key_column(tmp_path: Path) -> None:
    """As DuckDB and Polars write it on request: the keys have neither NULL nor duplicates."""
    folder = tmp_path / "source" / "p=0"
    folder.mkdir(parents=True)
    write(folder / "a.parquet", {"id": [2, 1], "p": [0, 0]})
    cat = catalog.create(tmp_path / "lake")
    with cat.transaction("main") as tx:
        assert tx.snapshot("t", str(tmp_path / "source"), key=["p", "id"]).warnings == ()
    write(folder / "a.parquet", {"id": [2, 3], "p": [0, 0]})
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(tmp_path / "source"))
    with cat.diff("main~1", "main", tables=["t"]) as diff:
        assert diff["t"].key_problems == KeyProblems()
