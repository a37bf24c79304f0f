"""Cells of many columns as rows of one, so that SQL does not grow with the columns.

What a query costs to plan grows faster than its expressions. Columns of one kind compare by the
same SQL, but for names, so their cells are put below each other first.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa

from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.plan import ColumnPair
from catalog.engine.arrow_arrays import from_numpy

CELL_COLUMNS = 512
"""Columns whose cells one query puts below each other."""

ARROW_COLUMNS = 1 << 14
"""Columns whose cells are put below each other in Arrow at once."""


def of_one_kind(
    columns: SqlColumns, pairs: Iterable[ColumnPair], *, most: int = CELL_COLUMNS
) -> list[tuple[ColumnPair, ...]]:
    """Returns columns in groups of one kind, each of at most some columns."""
    kinds: defaultdict[Hashable, list[ColumnPair]] = defaultdict(list)
    for pair in pairs:
        kinds[columns.cell_kind(pair)].append(pair)
    return [
        tuple(kind[start : start + most])
        for kind in kinds.values()
        for start in range(0, len(kind), most)
    ]


@contextmanager
def cell_rows(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    part: Part,
    pairs: Sequence[ColumnPair],
    *,
    carried: Mapping[str, str],
    only: str = "true",
) -> Iterator[str]:
    """Yields SQL of the cells of updated rows in columns of one kind, to follow FROM.

    They have the names of the first column's cells; ``c`` is the place of their own among
    ``pairs``, of which those that are equal throughout the part are left out. With columns 5 and
    7, and the key column ``t_c1`` carried as ``k0``::

        f_c1  f_c5  f_c7  t_c1  t_c5  t_c7             k0   c  f_c5  t_c5
         118   9.5     0   118  10.5     1   becomes   118  0   9.5  10.5
                                                       118  1     0     1

    Args:
        con: The connection that will run it.
        columns: The columns of the table.
        part: Rows of it.
        pairs: The columns, of one kind.
        carried: Other columns of the rows by the names that they get.
        only: A condition that rows may be chosen by beforehand, where that saves work.
    """
    differing = {pair.number for pair in part.pairs}
    own = [(n, pair) for n, pair in enumerate(pairs) if pair.number in differing]
    first = columns.cell_names(pairs[:1])
    lists = list(zip(*(columns.cell_names([pair]) for _, pair in own), strict=True))
    numbers = [n for n, _ in own]
    if part.arrays is None:
        yield _as_sql(part, numbers, dict(zip(first, lists, strict=True)), carried, only=only)
        return
    name = f"{part.table}_cells"
    cells = _in_arrow(part, part.arrays, numbers, dict(zip(first, lists, strict=True)), carried)
    con.register(name, cells)
    try:
        yield name
    finally:
        con.unregister(name)


def _as_sql(
    part: Part,
    numbers: Sequence[int],
    lists: Mapping[str, Sequence[str]],
    carried: Mapping[str, str],
    *,
    only: str,
) -> str:
    """Returns SQL that puts lists of columns below each other, each under its name."""
    inner = [f"{column} AS {name}" for name, column in carried.items()]
    rows = part.only([*carried.values(), *(name for cells in lists.values() for name in cells)])
    if len(numbers) == 1:  # what is nested and unnested takes several times as long
        inner.append(f"CAST({numbers[0]} AS USMALLINT) AS c")
        inner += [f"{cells[0]} AS {name}" for name, cells in lists.items()]
        return f"(SELECT {', '.join(inner)} FROM {rows} WHERE kind = 'u')"
    inner.append(f"unnest(CAST([{', '.join(map(str, numbers))}] AS USMALLINT[])) AS c")
    inner += [f"unnest([{', '.join(cells)}]) AS v{n}" for n, cells in enumerate(lists.values())]
    outer = [*carried, "c", *(f"v{n} AS {name}" for n, name in enumerate(lists))]
    chosen = f"{rows} WHERE kind = 'u' AND ({only})"
    return f"(SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {chosen}))"


def _in_arrow(
    part: Part,
    arrays: Mapping[str, pa.Array],
    numbers: Sequence[int],
    lists: Mapping[str, Sequence[str]],
    carried: Mapping[str, str],
) -> pa.Table:
    """Puts lists of columns below each other, each under its name."""
    below = {name: [column] * len(numbers) for name, column in carried.items()} | dict(lists)
    cells = {
        name: pa.concat_arrays([arrays[part.derived.get(column, column)] for column in columns])
        for name, columns in below.items()
    }
    rows = len(next(iter(arrays.values())))
    places = np.repeat(np.array(numbers, dtype=np.uint16), rows)
    return pa.table({**cells, "c": from_numpy(places)})
