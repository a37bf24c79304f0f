"""Structs are put together as pyarrow does, without importing its functions."""

import pyarrow as pa
import pytest

from catalog.engine.arrow_arrays import structs

PRESENT = pa.array([True, False, True, True, False, True, True, True, True, False])


@pytest.mark.parametrize("start", [0, 3])
def test_structs_are_those_of_pyarrow(start: int) -> None:
    numbers = pa.array([None, *range(9)])
    texts = pa.array([*"abcdefghi", None])
    storage = pa.array([bytes([n] * 16) for n in range(10)], pa.binary(16))
    ids = pa.ExtensionArray.from_storage(pa.uuid(), storage)
    nested = pa.array([[n] * n for n in range(10)])
    columns = [column[start:] for column in (numbers, texts, ids, nested)]
    present = PRESENT[start:]
    kind = pa.struct([(f"c{n}", column.type) for n, column in enumerate(columns)])
    found = structs(columns, kind, present)
    found.validate(full=True)
    absent = pa.array([not one for one in present.to_pylist()])
    assert found.equals(pa.StructArray.from_arrays(columns, fields=list(kind), mask=absent))
    assert found.null_count == absent.true_count
    assert structs(columns, kind).null_count == 0
