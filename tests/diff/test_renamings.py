"""Columns that look renamed, of tables whose rows have the same keys on both sides."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.findings import Renaming

ROWS = 400

BASE: dict[str, list[Any]] = {
    "id": list(range(ROWS)),
    "name": [None if n % 9 == 0 else f"name {n}" for n in range(ROWS)],
    "size": [n % 7 for n in range(ROWS)],
    "same": ["EUR"] * ROWS,
    "empty": [None] * (ROWS - 3) + ["a", "b", "c"],
}


def renamings(
    folder: Path, newer: dict[str, list[Any]], *, key: tuple[str, ...] = ("id",), **options: Any
) -> tuple[Renaming, ...]:
    """Returns what looks renamed in the newer state."""
    lake = catalog.create(folder / "lake")
    for name, columns in (("older", BASE), ("newer", newer)):
        path = folder / name / "part.parquet"
        path.parent.mkdir()
        pq.write_table(pa.table(columns), path, row_group_size=150)
        with lake.transaction() as tx:
            tx.snapshot("t", str(path.parent), key=list(key))
    with lake.diff("main~1", "main", **options) as found:
        return found["t"].view.renamings


def renamed(**names: str) -> dict[str, list[Any]]:
    """Returns the rows with some columns called otherwise."""
    return {names.get(name, name): values for name, values in BASE.items()}


@pytest.mark.parametrize("method", ["auto", "join"])
@pytest.mark.parametrize("backwards", [False, True])
def test_columns_with_the_same_values_look_renamed(
    tmp_path: Path, method: str, backwards: bool
) -> None:
    newer = renamed(name="title", size="length")
    newer["title"] = [f"{value}!" if n < 8 else value for n, value in enumerate(newer["title"])]
    if backwards:
        newer = {name: values[::-1] for name, values in newer.items()}
    assert renamings(tmp_path, newer, method=method) == (
        Renaming("name", "title", ROWS - 8, ROWS),
        Renaming("size", "length", ROWS, ROWS),
    )


def test_numbers_of_unlike_types_look_renamed(tmp_path: Path) -> None:
    lake = catalog.create(tmp_path / "lake")
    prices = [Decimal(n) / 8 for n in range(ROWS)]
    with lake.transaction() as tx:
        tx.write("t", pa.table({"id": BASE["id"], "price": prices}), mode="overwrite", key=["id"])
    newer = pa.table({"id": BASE["id"], "cost": [float(price) for price in prices]})
    with lake.transaction() as tx:
        tx.write("t", newer, mode="overwrite", key=["id"])
    with lake.diff("main~1", "main") as found:
        assert found["t"].view.renamings == (Renaming("price", "cost", ROWS, ROWS),)


@pytest.mark.parametrize("gone", ["same", "empty"])
def test_columns_of_one_value_or_hardly_any_do_not_look_renamed(tmp_path: Path, gone: str) -> None:
    assert renamings(tmp_path, renamed(**{gone: "new"})) == ()


def test_columns_of_other_values_do_not_look_renamed(tmp_path: Path) -> None:
    newer = renamed(name="title", size="other")
    newer["title"] = newer["title"][::-1]
    newer["other"] = [n % 5 for n in range(ROWS)]
    assert renamings(tmp_path, newer) == ()


def test_without_explanations_or_a_key_nothing_looks_renamed(tmp_path: Path) -> None:
    newer = renamed(name="title")
    for number, options in enumerate(({"explain": False}, {"key": ()})):
        (tmp_path / f"{number}").mkdir()
        assert renamings(tmp_path / f"{number}", newer, **options) == ()
