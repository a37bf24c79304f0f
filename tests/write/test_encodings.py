"""Encodings of files: dictionaries where values repeat, and nowhere else.

Results have differences where numbers ascend.
"""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from cli.output.results import write_parquet

from .test_write_types import EXACT
from .writing import only_file, put

ROWS = 20_000


def with_dictionary(cat: Catalog) -> set[str]:
    """Returns the paths of the columns that have a dictionary."""
    group = pq.ParquetFile(only_file(cat, "t")).metadata.row_group(0)
    columns = (group.column(n) for n in range(group.num_columns))
    return {column.path_in_schema for column in columns if column.has_dictionary_page}


def test_columns_whose_values_repeat_have_one(cat: Catalog) -> None:
    columns: dict[str, Any] = {
        "unique": range(ROWS),
        "unique text": [f"text {n}" for n in range(ROWS)],
        "few": [n % 10 for n in range(ROWS)],
        "few.text": [f"text {n % 100}" for n in range(ROWS)],
        "in order": [n // 100 for n in range(ROWS)],
        "hardly any, unique": [n if n % 100 == 0 else None for n in range(ROWS)],
        "half": [n // 2 for n in range(ROWS)],
        "nothing": pa.nulls(ROWS, pa.int32()),
    }
    put(cat, "t", pa.table(columns))
    assert with_dictionary(cat) == {"few", "few.text", "in order", "half", "nothing"}


def test_all_plain_columns_within_nested_ones_have_one(cat: Catalog) -> None:
    nested = [{"a": [n], "m": [("k", n)], "s.t": {"x": n}} for n in range(ROWS)]
    kind = pa.struct(
        [
            ("a", pa.list_(pa.int32())),
            ("m", pa.map_(pa.string(), pa.int32())),
            ("s.t", pa.struct([("x", pa.int32())])),
        ]
    )
    put(cat, "t", pa.table({"n": pa.array(nested, kind), "id": range(ROWS)}))
    assert with_dictionary(cat) == {
        "n.a.list.element",
        "n.m.key_value.key",
        "n.m.key_value.value",
        "n.s.t.x",
    }


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("repeated", [1, 5000])
def test_values_are_the_same_with_and_without(cat: Catalog, name: str, repeated: int) -> None:
    values = pa.concat_arrays([EXACT[name]] * repeated)
    put(cat, "t", pa.table({"v": values}))
    there = pq.ParquetFile(only_file(cat, "t")).read()["v"]
    assert repr(there.to_pylist()) == repr(values.to_pylist())


def changed_rows() -> pa.Table:
    """Returns rows that hold others in structs, in which some columns repeat."""
    unique = pa.array(range(ROWS), pa.int64())
    few = pa.array([f"t{n % 7}" for n in range(ROWS)])
    inner = pa.StructArray.from_arrays([unique, few], ["unique", "few"])
    row = pa.StructArray.from_arrays([unique, few, inner], ["unique", "few", "inner"])
    lists = pa.array([[f"x{n % 3}"] for n in range(ROWS)])
    return pa.table({"unique": unique, "row": row, "lists": lists})


def test_in_results_members_of_structs_have_one_if_they_repeat() -> None:
    rows, stream = changed_rows(), io.BytesIO()
    nothing = pa.RecordBatch.from_pylist([], schema=rows.schema)
    batches = [nothing, *rows.to_batches(max_chunksize=ROWS // 2)]
    assert write_parquet(pa.RecordBatchReader.from_batches(rows.schema, batches), stream) == ROWS
    group = pq.ParquetFile(stream).metadata.row_group(0)
    columns = (group.column(n) for n in range(group.num_columns))
    coded = {column.path_in_schema for column in columns if column.has_dictionary_page}
    assert coded == {"row.few", "row.inner.few", "lists.list.element"}
    assert pq.read_table(stream).equals(rows)


def test_results_without_rows_have_columns() -> None:
    schema, stream = changed_rows().schema, io.BytesIO()
    assert write_parquet(pa.RecordBatchReader.from_batches(schema, []), stream) == 0
    assert pq.read_table(stream).schema.equals(schema)


def encodings(rows: pa.Table) -> dict[str, tuple[str, ...]]:
    """Returns the encodings of each column of rows that were written, and reads them back."""
    stream = io.BytesIO()
    write_parquet(rows.to_reader(), stream)
    back = pq.read_table(stream)
    assert back.cast(rows.schema).equals(rows)
    group = pq.ParquetFile(stream).metadata.row_group(0)
    columns = (group.column(n) for n in range(group.num_columns))
    return {column.path_in_schema: column.encodings for column in columns}


DELTA = "DELTA_BINARY_PACKED"

ASCENDING = {
    "bigint": pa.array(range(ROWS), pa.int64()),
    "with NULL": pa.array([n if n % 3 else None for n in range(ROWS)], pa.int32()),
    "far apart": pa.array([-(2**63), 2**63 - 1]),
    "unsigned": pa.array([0, 2**64 - 1], pa.uint64()),
    "date": pa.array(range(ROWS), pa.int32()).cast(pa.date32()),
    "time": pa.array(range(ROWS), pa.int64()).cast(pa.time64("us")),
    "moment": pa.array(range(ROWS), pa.int64()).cast(pa.timestamp("us", "UTC")),
}

OTHERS = {
    "falling": pa.array(range(ROWS, 0, -1), pa.int64()),
    "float": pa.array(range(ROWS), pa.float64()),
    "text": pa.array([f"{n:05}" for n in range(ROWS)]),
    "repeated": pa.array([n // 100 for n in range(ROWS)], pa.int64()),
    "NULL": pa.nulls(ROWS, pa.int64()),
}


@pytest.mark.parametrize("name", ASCENDING)
def test_numbers_that_ascend_in_results_are_differences(name: str) -> None:
    values = ASCENDING[name]
    rows = pa.table({"v": values, "_to": pa.StructArray.from_arrays([values], ["v"])})
    found = encodings(rows)
    assert DELTA in found["v"]
    assert DELTA in found["_to.v"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_columns_of_results_are_not(name: str) -> None:
    assert DELTA not in encodings(pa.table({"v": OTHERS[name]}))["v"]
