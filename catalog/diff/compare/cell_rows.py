"""Cells of many columns as rows of one, so that SQL does not grow with the columns.

What a query costs to plan grows faster than its expressions. Columns of one kind compare by the
same SQL, but for names, so their cells are put below each other first.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.plan import ColumnPair

CELL_COLUMNS = 512
"""Columns whose cells one query puts below each other."""


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


def cell_rows(
    columns: SqlColumns, part: Part, pairs: Sequence[ColumnPair], *, carried: Mapping[str, str]
) -> str:
    """Returns SQL of the cells of updated rows in columns of one kind, to follow FROM.

    They have the names of the first column's cells; ``c`` is the place of their own among
    ``pairs``, of which those that are equal throughout the part are left out. With columns 5 and
    7, and the key column ``t_c1`` carried as ``k0``::

        f_c1  f_c5  f_c7  t_c1  t_c5  t_c7             k0   c  f_c5  t_c5
         118   9.5     0   118  10.5     1   becomes   118  0   9.5  10.5
                                                       118  1     0     1

    Args:
        columns: The columns of the table.
        part: Rows of it.
        pairs: The columns, of one kind.
        carried: Other columns of the rows by the names that they get.
    """
    differing = {pair.number for pair in part.pairs}
    own = [(n, pair) for n, pair in enumerate(pairs) if pair.number in differing]
    names = [columns.cell_names([pair]) for _, pair in own]
    lists = [", ".join(cells) for cells in zip(*names, strict=True)]
    inner = [f"{column} AS {name}" for name, column in carried.items()]
    inner.append(f"unnest(CAST([{', '.join(str(n) for n, _ in own)}] AS USMALLINT[])) AS c")
    inner += [f"unnest([{cells}]) AS v{n}" for n, cells in enumerate(lists)]
    outer = [*carried, "c"]
    outer += [f"v{n} AS {name}" for n, name in enumerate(columns.cell_names(pairs[:1]))]
    rows = part.only([*carried.values(), *(name for cells in names for name in cells)])
    return (
        f"(SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {rows} WHERE kind = 'u'))"
    )
