"""Dictionaries in the files that the catalog writes: where values repeat, and nowhere else."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog

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
