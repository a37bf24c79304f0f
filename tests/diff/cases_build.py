"""Short ways to write down a pair of table versions."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from tests.diff.cases_pair import Content, Pair, Side

Files: TypeAlias = Content | Mapping[str, Content]


def side(files: Files, key: str | Sequence[str] = ()) -> Side:
    """Builds a side from one file's rows, or from paths and their rows."""
    named = files if isinstance(files, Mapping) else {"data.parquet": files}
    return Side(named, (key,) if isinstance(key, str) else tuple(key))


def pair(
    name: str, before: Files, after: Files, *, declared: str | Sequence[str] = "id", **rest: Any
) -> Pair:
    """Builds a pair in which both sides declare the same key, ``id`` by default."""
    return Pair(name, side(before, declared), side(after, declared), **rest)


def cells(
    name: str,
    type_: pa.DataType,
    before: Sequence[object],
    after: Sequence[object],
    counts: tuple[int, int, int],
    *,
    to_type: pa.DataType | None = None,
    **rest: Any,
) -> Pair:
    """Builds a pair of keyed one-column tables.

    Args:
        name: Names the case.
        type_: The type of the column ``v``; also of the later side without ``to_type``.
        before: The earlier values, of the keys 1, 2, 3, …
        after: The later values of the same keys.
        counts: Filled, cleared, corrected.
        to_type: The type of the column on the later side.
        rest: Further fields of the pair.
    """
    ids = pa.array(range(1, len(before) + 1), pa.int64())
    old = pa.table({"id": ids, "v": pa.array(before, type_)})
    new = pa.table({"id": ids, "v": pa.array(after, to_type or type_)})
    rest = {"rows": (0, 0, sum(counts), 0), "cells": {"v": counts} if any(counts) else {}} | rest
    return pair(name, old, new, **rest)


def rows(columns: str | Mapping[str, pa.DataType], *values: tuple[object, ...]) -> pa.Table:
    """Builds a table from rows.

    Args:
        columns: Types by name; or names parted by blanks, of 64-bit integers.
        values: One tuple for each row.
    """
    if isinstance(columns, str):
        columns = {name: pa.int64() for name in columns.split(" ")}
    arrays = [
        pa.array([row[i] for row in values], type_) for i, type_ in enumerate(columns.values())
    ]
    return pa.Table.from_arrays(arrays, names=list(columns))
