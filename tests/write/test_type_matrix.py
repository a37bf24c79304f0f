"""Every annotation of Parquet on every physical type: as the engine reads it alone, or refused."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog.catalog import Catalog
from catalog.engine.file_types import as_read
from catalog.errors import CatalogError
from catalog.formats.parquet import read_footer
from tests.effort import effort
from tests.formats.handmade import (
    LIST,
    LOGICAL,
    MAP,
    REPEATED,
    Converted,
    Group,
    Leaf,
    Node,
    Physical,
)
from tests.formats.handmade import write as write_parquet

from .conftest import snap

LENGTHS = (2, 4, 12, 16)
STRIDE = effort(11, 1)
"""Of the pairs of annotations that contradict each other, each so many-th is tried."""

NUMBERS = (1, 7, 100)

WIDTH = 40
"""Columns of a file: statements on wider tables take longer to plan."""


@dataclass(frozen=True)
class Annotated:
    """A physical type with annotations."""

    physical: Physical
    length: int | None
    converted: Converted | None
    logical: str | None

    def __str__(self) -> str:
        length = "" if self.length is None else f"({self.length})"
        old = "" if self.converted is None else f" {self.converted.name}"
        return f"{self.physical.name}{length}{old} [{self.logical or ''}]"

    def leaf(self, name: str, numbers: Sequence[int] = NUMBERS, *, bounds: bool = False) -> Leaf:
        raw = [self.stored(number) for number in numbers]
        least = raw[0], raw[-1]
        if self.physical in (Physical.BOOLEAN, Physical.BYTE_ARRAY):
            values = [value[4 if self.physical is Physical.BYTE_ARRAY else 0 :] for value in raw]
            least = min(values), max(values)
        unordered = self.physical is Physical.INT96 or (self.logical or "").startswith("GEO")
        return Leaf(
            name,
            self.physical,
            raw,
            self.converted,
            LOGICAL[self.logical] if self.logical else None,
            self.length,
            least if bounds and not unordered else None,
        )

    def stored(self, number: int) -> bytes:
        match self.physical:
            case Physical.BOOLEAN:
                return bytes([number % 2])
            case Physical.INT32:
                return struct.pack("<i", number)
            case Physical.INT64:
                return struct.pack("<q", number)
            case Physical.INT96:
                return struct.pack("<qi", number * 1000, 2_440_588 + number)
            case Physical.FLOAT:
                return struct.pack("<f", number)
            case Physical.DOUBLE:
                return struct.pack("<d", number)
            case Physical.FIXED:
                assert self.length is not None
                return number.to_bytes(self.length, "big", signed=True)
        text = str(number)[0].encode()
        if self.logical is not None and self.logical.startswith("GEO"):
            text = struct.pack("<BIdd", 1, 1, float(number), 2.0)
        return struct.pack("<I", len(text)) + text


def annotated() -> Iterator[Annotated]:
    """Yields all combinations of one annotation at most, and some of two."""
    both = 0
    for physical in Physical:
        for length in LENGTHS if physical is Physical.FIXED else (None,):
            for converted in (None, *Converted):
                for logical in (None, *LOGICAL):
                    if converted is not None and logical is not None:
                        both += 1
                        if both % STRIDE:
                            continue
                    yield Annotated(physical, length, converted, logical)


ALL = list(annotated())

Accepted = dict[Annotated, tuple[str, str]]
"""What is not refused, with the types that Arrow and the engine read."""


def described(con: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[str, str]] | None:
    """Returns the columns of a file as the engine alone reads them; None if it cannot."""
    try:
        found = con.execute(f"DESCRIBE FROM read_parquet('{path}')").fetchall()
        return [(name, kind.strip('"')) for name, kind, *_ in found]
    except duckdb.Error:
        return None


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


@pytest.fixture(scope="module")
def accepted(
    engine: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> Accepted:
    """Checks the type of each column alone, and returns those that are not refused."""
    path = tmp_path_factory.mktemp("matrix") / "one.parquet"
    taken = {}
    for one in ALL:
        write_parquet(path, [one.leaf("v")])
        try:
            footer = read_footer(str(path))
            found = as_read(footer, str(path), lambda: engine).columns
        except CatalogError as error:
            assert str(path) in error.message, f"{one}: {error.message}"
            assert error.hint, one
            continue
        assert [(name, str(kind)) for name, kind in found] == described(engine, path), one
        taken[one] = str(footer.columns[0].type), str(found[0][1])
    return taken


def test_the_usual_annotations_are_taken(accepted: Accepted) -> None:
    taken = set(map(str, accepted))
    usual = (
        "BOOLEAN []",
        "INT32 []",
        "INT32 DATE []",
        "INT32 [DATE]",
        "INT32 DATE [DATE]",
        "INT32 DECIMAL []",
        "INT32 [DECIMAL]",
        "INT32 [UINT32]",
        "INT32 TIME_MILLIS []",
        "INT64 TIME_MICROS []",
        "INT64 [TIME NANOS]",
        "INT64 TIMESTAMP_MILLIS []",
        "INT64 [TIMESTAMP NANOS UTC]",
        "INT96 []",
        "BYTE_ARRAY UTF8 []",
        "BYTE_ARRAY [STRING]",
        "BYTE_ARRAY [JSON]",
        "BYTE_ARRAY [GEOMETRY CRS84]",
        "BYTE_ARRAY [GEOGRAPHY]",
        "FIXED(16) [UUID]",
        "FIXED(2) [FLOAT16]",
        "FIXED(12) INTERVAL []",
    )
    possible = {str(one) for one in ALL}
    assert not [name for name in usual if name in possible and name not in taken]
    # a number of bytes that is not a number's, and what the engine itself does not read
    refused = ("INT96 [TIMESTAMP MICROS]", "FLOAT [TIME MICROS]", "BYTE_ARRAY BSON []")
    assert not taken & {*refused, "FIXED(4) [UUID]", "INT32 [TIMESTAMP MICROS]"}


def single(accepted: Accepted) -> list[Annotated]:
    """Returns one of those of one annotation that are stored and read alike."""
    alike = {
        (one.physical, one.length, types, _unit(one)): one
        for one, types in reversed(accepted.items())
        if one.converted is None or one.logical is None
    }
    return list(alike.values())


def _unit(one: Annotated) -> str:
    words = str(one).replace("_", " ")
    return next((unit for unit in ("MILLIS", "MICROS", "NANOS") if unit in words), "")


def texts(relation: Any) -> list[tuple[Any, ...]]:
    return sorted(relation.fetchall())


def check(cat: Catalog, con: duckdb.DuckDBPyConnection, path: Path, names: Sequence[str]) -> None:
    """Checks that a file is in a table as it is, and stays so where other columns change."""
    snap(cat, "t", path)
    truth = described(con, path)
    assert [(c.name, c.type.strip('"')) for c in cat.schema("t")] == [
        (name, "INTEGER" if kind == "NULL" else kind) for name, kind in truth or ()
    ]
    listed = ", ".join(f"{name}::VARCHAR" for name in names)
    alone = texts(con.sql(f"SELECT id, {listed} FROM read_parquet('{path}')"))
    assert texts(cat.sql(f"SELECT id, {listed} FROM t")) == alone
    before = cat.schema("t")
    with cat.transaction("main") as tx:
        assert tx.sql("UPDATE t SET other = other + 1").updated == len(alone)
    assert cat.schema("t") == before
    assert texts(cat.sql(f"SELECT id, {listed} FROM t")) == alone
    kinds = [str(kind) for kind in cat.sql(f"SELECT {', '.join(names)} FROM t").types]
    assert kinds == [c.type for c in before if c.name in names]


def columns(nodes: Sequence[Node], rows: int) -> list[Node]:
    ids = [struct.pack("<q", n) for n in range(rows)]
    return [Leaf("id", Physical.INT64, ids), Leaf("other", Physical.INT64, ids), *nodes]


@pytest.mark.parametrize("numbers", [NUMBERS, (-5, 0, 100)], ids=str)
def test_filters_find_the_rows_that_the_engine_alone_finds(
    cat: Catalog,
    source: Path,
    accepted: Accepted,
    engine: duckdb.DuckDBPyConnection,
    numbers: tuple[int, ...],
) -> None:
    chosen = single(accepted)
    if numbers[0] < 0:  # where every writer has the same order of negative numbers
        chosen = [
            one
            for one in chosen
            if one.physical in (Physical.INT32, Physical.INT64)
            and not any(word in str(one) for word in ("UINT", "TIME "))
            and not (one.converted is not None and one.converted.name.startswith("TIME_"))
        ]
    names = [f"c{n}" for n in range(len(chosen))]
    leaves = [one.leaf(name, numbers, bounds=True) for one, name in zip(chosen, names, strict=True)]
    for start in range(0, len(names), WIDTH):
        some = slice(start, start + WIDTH)
        path = write_parquet(source / "a.parquet", columns(leaves[some], len(numbers)))
        check(cat, engine, path, names[some])
        snap(cat, "t", path)  # the file of the source, with its statistics, again
        shown = ", ".join(f"{name}::VARCHAR" for name in names[some])
        rows = engine.sql(f"SELECT {shown} FROM read_parquet('{path}')").fetchall()
        texts_of = dict(zip(names[some], zip(*rows, strict=True), strict=True))
        finds = [
            f"SELECT '{name}', id FROM t WHERE {name} = '{text}'"
            for name, texts in texts_of.items()
            for text in dict.fromkeys(texts[:2])
            if text is not None
        ]
        expected = [
            (name, row)
            for name, texts in texts_of.items()
            for text in dict.fromkeys(texts[:2])
            for row, other in enumerate(texts)
            if text is not None and other == text
        ]
        found = cat.sql(" UNION ALL ".join(finds)).fetchall()
        assert sorted(found) == sorted(expected), list(map(str, chosen[some]))


def three_levels(leaf: Leaf) -> Node:
    inner = Group("list", [leaf], repetition=REPEATED)
    return Group(leaf.name, [inner], Converted.LIST, LIST)


def two_levels(leaf: Leaf) -> Node:
    repeated = Leaf(**{**vars(leaf), "name": "array", "repetition": REPEATED})
    return Group(leaf.name, [repeated], Converted.LIST)


def lists_of_a_field(leaf: Leaf) -> Node:
    item = Group("array", [leaf], repetition=REPEATED)
    return Group(leaf.name, [item], Converted.LIST)


def structs(leaf: Leaf) -> Node:
    return Group(leaf.name, [Leaf("b", Physical.INT32, [b"\1\0\0\0"] * len(leaf.raw)), leaf])


def maps(leaf: Leaf) -> Node:
    key = Leaf("key", Physical.INT32, [b"\1\0\0\0"] * len(leaf.raw))
    return Group(
        leaf.name, [Group("key_value", [key, leaf], repetition=REPEATED)], Converted.MAP, MAP
    )


def repeated(leaf: Leaf) -> Node:
    return Leaf(**{**vars(leaf), "repetition": REPEATED})


@pytest.mark.parametrize(
    "nested",
    [three_levels, two_levels, lists_of_a_field, structs, maps, repeated],
    ids=lambda made: made.__name__,
)
def test_nested_values_are_what_the_engine_alone_reads(
    cat: Catalog,
    source: Path,
    accepted: Accepted,
    engine: duckdb.DuckDBPyConnection,
    nested: Any,
) -> None:
    chosen = [one for one in single(accepted) if one.logical != "UNKNOWN"]
    names = [f"c{n}" for n in range(len(chosen))]
    nodes = [nested(one.leaf(name)) for one, name in zip(chosen, names, strict=True)]
    path = write_parquet(source / "a.parquet", columns(nodes, len(NUMBERS)))
    check(cat, engine, path, names)
