"""Cells that are equal and not the same: each side of a changed row shows what it stores."""

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog

ORDERS = [[0, 1, 2, 3], [3, 1, 0, 2]]


def sign(value: Any) -> float:
    while isinstance(value, list | dict):
        value = value[0] if isinstance(value, list) else next(iter(value.values()))
    return math.copysign(1, value)


@pytest.mark.parametrize("method", ["auto", "join"])
@pytest.mark.parametrize("order", ORDERS, ids=["in order", "in another order"])
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (pa.float64(), lambda x: x),
        (pa.float32(), lambda x: x),
        (pa.list_(pa.float64()), lambda x: [x]),
        (pa.struct([("x", pa.float32())]), lambda x: {"x": x}),
    ],
    ids=["double", "float", "list", "struct"],
)
def test_both_sides_of_a_changed_row_show_the_sign_of_their_zeros(
    kind: pa.DataType, make: Any, order: list[int], method: str, tmp_path: Path
) -> None:
    cat = catalog.create(tmp_path / "lake")
    for zero, changed, places in ((-0.0, "before", ORDERS[0]), (0.0, "after", order)):
        table = pa.table(
            {
                "id": [0, 1, 2, 3],
                "w": pa.array([make(zero), make(1.0), make(zero), make(2.0)], kind),
                "v": [changed, "x", "x", "x"],
            }
        )
        pq.write_table(table.take(places), tmp_path / "t.parquet")
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(tmp_path / "t.parquet"), key=["id"])
    with cat.diff("main~1", "main", level="rows", method=method) as result:
        (row,) = result["t"].changes().read_all().to_pylist()
    assert (sign(row["_from"]["w"]), sign(row["_to"]["w"])) == (-1, 1)
    assert row["_changed_columns"] == ["v"]


@pytest.mark.parametrize("method", ["auto", "join"])
def test_a_key_that_is_zero_shows_its_sign(method: str, tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    for zero, changed in ((-0.0, "before"), (0.0, "after")):
        pq.write_table(pa.table({"id": [zero, 1.0], "v": [changed, "x"]}), tmp_path / "t.parquet")
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(tmp_path / "t.parquet"), key=["id"])
    with cat.diff("main~1", "main", level="rows", method=method) as result:
        (row,) = result["t"].changes().read_all().to_pylist()
    assert [sign(row["_from"]["id"]), sign(row["_to"]["id"]), sign(row["id"])] == [-1, 1, 1]
