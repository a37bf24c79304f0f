"""Sums over rows: the same for the same rows, however they lie, and for no others."""

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.diff.fingerprints.row_digest import cell_hashes, row_sum
from tests.diff.cases_check import TABLE
from tests.diff.cases_pair import Side
from tests.diff.test_aligned import VALUES
from tests.diff.test_paths import lake_of


def total(*tables: pa.Table) -> int | None:
    found = 0
    for table in tables:
        words = np.zeros(table.num_rows, np.uint64)
        for name, column in zip(table.column_names, table.columns, strict=True):
            hashes = cell_hashes(column, name)
            if hashes is None:
                return None
            words += hashes
        found += row_sum(words)
    return found % (1 << 128)


def canonical(value: Any) -> Any:
    """Returns what is equal for values that are equal to a diff."""
    if isinstance(value, float):
        return "nan" if value != value else value + 0.0
    return value


NAMES = sorted(VALUES)
ROWS = st.tuples(*(st.sampled_from(VALUES[name][1]) for name in NAMES))


def table_of(rows: list[tuple[Any, ...]]) -> pa.Table:
    return pa.table(
        {name: pa.array([row[n] for row in rows], VALUES[name][0]) for n, name in enumerate(NAMES)}
    )


@given(st.lists(ROWS, max_size=6), st.lists(ROWS, max_size=6), st.randoms(use_true_random=False))
def test_sums_are_equal_where_rows_are(
    rows: list[tuple[Any, ...]], others: list[tuple[Any, ...]], rnd: random.Random
) -> None:
    shuffled = rnd.sample(rows, len(rows))
    cut = len(rows) // 2
    assert total(table_of(rows)) == total(table_of(shuffled[:cut]), table_of(shuffled[cut:]))
    kept = [row for row in others if row[NAMES.index("half")] is None]
    changed = [*rows[1:], *kept]
    same = counted(rows) == counted(changed)
    assert (total(table_of(rows)), len(rows)) != (total(table_of(changed)), len(changed)) or same


def counted(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(repr([canonical(value) for value in row]) for row in rows)


TEXTS = ["", "\0", "\0\0", "a", "a\0", "12345678", "12345678\0", "123456789", "1" * 16, "1" * 17]


def test_texts_are_told_apart_by_every_byte_and_their_length() -> None:
    long = ["x" * 1000 + end for end in ("", "a", "b", "\0")]
    texts = [*TEXTS, *long, None]
    sums = [total(pa.table({"v": pa.array([text], pa.string())})) for text in texts]
    assert len(set(sums)) == len(texts)
    whole = pa.table({"v": pa.array(texts, pa.string())})
    assert total(whole) == sum(one or 0 for one in sums) % (1 << 128)
    assert total(whole.slice(3)) == sum(one or 0 for one in sums[3:]) % (1 << 128)


def test_values_of_other_rows_and_columns_are_not_exchanged_unseen() -> None:
    base = pa.table({"a": [1, 2, 3], "b": [4, 5, 6]})
    assert total(base) != total(pa.table({"a": [1, 2, 3], "b": [5, 4, 6]}))
    assert total(base) != total(pa.table({"a": [4, 5, 6], "b": [1, 2, 3]}))
    assert total(base) != total(pa.table({"a": [1, 2, 4], "b": [4, 5, 5]}))


def test_wide_decimals_are_told_apart() -> None:
    kind = pa.decimal128(38, 0)
    sums = {total(pa.table({"v": pa.array([n], kind)})) for n in (1, 2**64 + 1, -1, 2**64 - 1)}
    assert len(sums) == 4


def test_nested_columns_have_no_sum() -> None:
    assert total(pa.table({"v": [[1]]})) is None


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    order = list(range(table.num_rows))
    random.Random(seed).shuffle(order)
    return table.take(order)


@pytest.mark.parametrize("key", [(), ("id",)])
def test_the_same_rows_in_other_files_and_order_are_never_opened(
    tmp_path: Path, key: tuple[str, ...]
) -> None:
    rows = pa.table({"id": range(100), "v": [f"text {n % 7}" for n in range(100)]})
    one, other = shuffled(rows, 1), shuffled(rows, 2)
    lake = lake_of(
        tmp_path,
        Side({"p=1/a.parquet": one.slice(0, 30), "p=1/b.parquet": one.slice(30)}, key),
        Side({"p=1/c.parquet": other}, key),
    )
    (step,) = lake.explain_diff("main~1", "main")[TABLE]
    assert (step.path, step.bytes_to_read) == ("identical", 0)
    if not key:
        shutil.rmtree(tmp_path / "lake/data")
    found = lake.diff("main~1", "main")[TABLE]
    assert (found.rows.inserted, found.rows.deleted, found.rows.updated) == (0, 0, 0)


def test_one_other_value_among_shuffled_rows_is_found(tmp_path: Path) -> None:
    rows = pa.table({"id": range(100), "v": [f"text {n % 7}" for n in range(100)]})
    changed = rows.set_column(1, "v", pa.array([f"text {n % 7 + (n == 50)}" for n in range(100)]))
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": shuffled(rows, 1)}, ("id",)),
        Side({"a.parquet": shuffled(changed, 2)}, ("id",)),
    )
    assert lake.diff("main~1", "main")[TABLE].rows.updated == 1
