"""Columnar nodes: ids that depend on content alone, and bytes that read back."""

import hashlib
import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import CorruptData
from catalog.repository.columnar import (
    BYTE_COLUMNS,
    INTEGER_COLUMNS,
    byte_strings,
    decode,
    encode,
    integers,
    node_id,
)

whole = st.none() | st.integers(-(2**63), 2**63 - 1)
binary = st.none() | st.binary(max_size=6)
names = st.text(
    st.characters(codec="utf-8", exclude_characters="@"), min_size=1, max_size=5
).filter(lambda name: name.partition(".")[0] not in INTEGER_COLUMNS | BYTE_COLUMNS)


@st.composite
def nodes(draw: st.DrawFn) -> dict[str, pa.Array]:
    count = draw(st.integers(1, 8))
    columns: dict[str, pa.Array] = {}
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        kind, make = draw(st.sampled_from([(whole, integers), (binary, byte_strings)]))
        columns[name] = make(draw(st.lists(kind, min_size=count, max_size=count)))
    columns["x"] = integers(range(count))
    return columns


@given(columns=nodes())
def test_nodes_read_back(columns: dict[str, pa.Array]) -> None:
    back = decode(encode(columns), "node")
    assert {n: c.to_pylist() for n, c in back.items()} == {
        n: c.to_pylist() for n, c in columns.items() if c.null_count < len(c)
    }
    assert node_id("k", back) == node_id("k", columns)


@pytest.mark.invariant("Ids do not depend on how a library lays out bytes")
@given(columns=nodes(), before=st.integers(0, 5), after=st.integers(0, 5))
def test_ids_do_not_see_how_arrow_lays_columns_out(
    columns: dict[str, pa.Array], before: int, after: int
) -> None:
    laid_out = {}
    for name, column in reversed(columns.items()):
        filler = column.take(pa.array([0]))
        parts = [filler] * before + [column] + [filler] * after
        laid_out[name] = pa.concat_arrays(parts).slice(before, len(column))
    laid_out["@offset"] = integers([7] * len(columns["x"]))
    laid_out["nothing"] = pa.nulls(len(columns["x"]), pa.int64())
    assert node_id("k", laid_out) == node_id("k", columns)


@given(one=nodes(), other=nodes())
def test_ids_tell_contents_apart(one: dict[str, pa.Array], other: dict[str, pa.Array]) -> None:
    def content(columns: dict[str, pa.Array]) -> object:
        kept = {n: c for n, c in columns.items() if c.null_count < len(c)}
        return {n: (str(c.type), c.to_pylist()) for n, c in kept.items()}

    assert (node_id("k", one) == node_id("k", other)) == (content(one) == content(other))
    assert node_id("k", one) != node_id("l", one)


def test_the_id_is_the_one_that_the_format_says() -> None:
    columns = {"b": byte_strings([b"xy", None]), "a": integers([-1, None])}
    content = (
        b"parquetry/files/1\n"
        + struct.pack("<Q", 2)
        + (b"\x01\x00ai\x01\x00" + struct.pack("<qq", -1, 0))
        + (b"\x01\x00bb\x01\x00" + struct.pack("<II", 2, 0) + b"xy")
    )
    assert node_id("files", columns) == hashlib.sha256(content).hexdigest()


@given(stored=st.binary(max_size=60))
def test_other_bytes_are_corrupt(stored: bytes) -> None:
    with pytest.raises(CorruptData):
        decode(stored, "node")


def test_columns_of_other_types_are_corrupt() -> None:
    with pytest.raises(CorruptData):
        decode(encode({"a": pa.array(["text"])}), "node")
