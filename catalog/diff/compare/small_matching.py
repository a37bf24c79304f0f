"""Rows of small files matched by their keys, in Python.

Each side's rows are looked up by the values of their keys, which must be those of one row.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import take
from catalog.dataclasses import dataclass
from catalog.diff.compare.differing import unlike
from catalog.diff.compare.python_values import ORDERED, values_of
from catalog.diff.compare.small_pairs import SmallPairs
from catalog.diff.plan import SIDES, ColumnPair, DiffTask, SideName
from catalog.diff.route import constant
from catalog.engine.arrow_arrays import Numbers, from_numpy
from catalog.model.types import Scalar
from catalog.model.values import Value

KeyValues: TypeAlias = tuple[Value | bytes, ...]

Columns: TypeAlias = Mapping[int, pa.Array]
"""Columns by the number of their pair."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The rows of a task that differ; columns are called ``f_c<field id>`` and ``t_c<field id>``.

    Attributes:
        updated: Pairs of rows of one key.
        alone: By side, rows without a partner.
        keys: By side, the keys of those.
        places: By side, where updated rows are among all rows of the task's files.
        alone_places: The same for rows without a partner.
    """

    updated: pa.Table
    alone: Mapping[SideName, pa.Table]
    keys: Mapping[SideName, Sequence[KeyValues]]
    places: Mapping[SideName, Numbers]
    alone_places: Mapping[SideName, Numbers]


def matched(small: SmallPairs, task: DiffTask) -> Matched | None:
    """Matches the rows of a task within one partition; None if the engine must.

    Raises:
        CorruptData: A file cannot be read.
    """
    plan = small.plan
    pairs = [p for p in plan.pairs if (p.compared or p.key) and not constant(plan, p)]
    if not small.can_compare(pairs) or not _can_match(plan.key_pairs):
        return None
    columns: dict[SideName, Columns] = {}
    places: dict[SideName, dict[KeyValues, int]] = {}
    for side in SIDES:
        read = _read(small, task, pairs, side=side)
        if read is None:
            return None
        columns[side] = read
        keys = _keys(small, task, read, side=side)
        places[side] = {key: n for n, key in enumerate(keys)}
        if len(places[side]) < sum(file.rows for file in task.files(side)):
            return None
    older, newer = places["f"], places["t"]
    both = [(n, newer[key]) for key, n in older.items() if key in newer]
    at = np.array(both, dtype=np.int64).reshape(-1, 2)
    differs = np.zeros(len(at), dtype=bool)
    taken = {side: _taken(columns[side], at[:, n]) for n, side in enumerate(SIDES)}
    for pair in pairs:
        if pair.compared and not pair.key:
            differs |= unlike(taken["f"][pair.number], taken["t"][pair.number])
    rows = np.flatnonzero(differs)
    updated: dict[str, pa.Array] = {}
    alone: dict[SideName, pa.Table] = {}
    left: dict[SideName, list[KeyValues]] = {}
    alone_places: dict[SideName, Numbers] = {}
    for side, other in zip(SIDES, (newer, older), strict=True):
        updated |= _named(_taken(taken[side], rows), pairs, side=side)
        left[side] = [key for key in places[side] if key not in other]
        own = np.array([places[side][key] for key in left[side]], dtype=np.int64)
        alone_places[side] = own
        alone[side] = pa.table(_named(_taken(columns[side], own), pairs, side=side))
    updated_places = {side: at[rows, n] for n, side in enumerate(SIDES)}
    return Matched(pa.table(updated), alone, left, updated_places, alone_places)


def _can_match(keys: Sequence[ColumnPair]) -> bool:
    """Returns whether keys that are equal in Python are those that the engine would match."""
    kinds = [(pair.before.type, pair.after.type) for pair in keys]
    return all(
        one == other and isinstance(one, Scalar) and one.type_class in ORDERED
        for one, other in kinds
    )


def _read(
    small: SmallPairs, task: DiffTask, pairs: Sequence[ColumnPair], *, side: SideName
) -> Columns | None:
    """Reads columns of all files of a side; None if the engine must read one."""
    columns = small.joined_columns(side, task.files(side), [pair.on(side) for pair in pairs])
    if columns is None:
        return None
    return {pair.number: column for pair, column in zip(pairs, columns, strict=True)}


def _keys(
    small: SmallPairs, task: DiffTask, columns: Columns, *, side: SideName
) -> list[KeyValues]:
    """Returns the keys of a side's rows, those left out that are NULL."""
    rows = sum(file.rows for file in task.files(side))
    table, values = small.plan.side(side), []
    for pair in small.plan.key_pairs:
        field = pair.on(side)
        assert isinstance(field.type, Scalar), "keys can be matched"
        if constant(small.plan, pair):
            assert task.partition is not None, "a task is of one partition"
            own: Sequence[Value | bytes | None]
            own = [task.partition[table.partition_by.index(field.id)]] * rows
        else:
            own = values_of(columns[pair.number], field.type)
        values.append(own)
    return [
        known
        for key in zip(*values, strict=True)
        if len(known := tuple(value for value in key if value is not None)) == len(key)
    ]


def _taken(columns: Columns, places: Numbers) -> Columns:
    at = from_numpy(np.ascontiguousarray(places))
    return {number: take(column, at) for number, column in columns.items()}


def _named(columns: Columns, pairs: Sequence[ColumnPair], *, side: SideName) -> dict[str, pa.Array]:
    return {f"{side}_c{pair.on(side).id}": columns[pair.number] for pair in pairs}
