"""Changed rows that the engine holds, and that know where they lie."""

from collections.abc import Iterator, Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from catalog.diff.compare.differing import unlike
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.plan import SIDES, SideName
from catalog.diff.segments.changed_rows import Change, Group, Located
from catalog.engine.arrow_arrays import from_numpy, to_numpy

KINDS: Mapping[str, Change] = {"u": "updated", "i": "inserted", "d": "deleted"}

_ABSENT: Mapping[str, SideName] = {"i": "f", "d": "t"}
"""The side that does not have rows of a kind."""


def locate(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    parts: Sequence[Part],
    *,
    groups: Sequence[Group],
) -> Located:
    """Returns where the changed rows of parts lie that know it, and those in some groups.

    On the older side, they are of use only to what deleted rows have in common.
    """
    found = Located()
    wanted = {"f" if group.change == "deleted" else "t" for group in groups}
    for part in parts:
        if part.places is None:
            continue
        own = {pair.number for pair in part.pairs}
        marks = [g for g in groups if g.pair is not None and g.pair.number in own]
        known = None if part.streamed is None else part.streamed.sampled
        for kind, rows in _rows_by_kind(con, columns, part, marks=marks):
            flags = {
                group: to_numpy(rows.column(f"x{n}")).astype(bool) for n, group in enumerate(marks)
            }
            flags[Group(KINDS[kind])] = np.ones(rows.num_rows, bool)
            for side in SIDES:
                if side in wanted and side != _ABSENT.get(kind):
                    file, row = (to_numpy(rows.column(n)) for n in part.places.columns[side])
                    files = part.places.files[side]
                    found.add(side, files, places=(file, row), flags=flags, known=known)
    return found


def _rows_by_kind(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    part: Part,
    *,
    marks: Sequence[Group],
) -> Iterator[tuple[str, pa.Table]]:
    """Yields rows by kind: their places, and as ``x<n>`` whether they are in a group.

    Of a part found by position, with one column that may differ::

        pair  place  x0
           0     17  true
           0     40  true
    """
    assert part.places is not None, "the rows know their places"
    names = part.places.names
    pairs = [group.pair for group in marks if group.pair is not None]
    if part.arrays is not None:
        arrays = {name: part.arrays[name] for name in names}
        for n, pair in enumerate(pairs):
            cells = (part.arrays[f"{side}_{columns.original(side, pair)}"] for side in SIDES)
            arrays[f"x{n}"] = from_numpy(unlike(*cells))
        yield "u", pa.table(arrays)
        return
    rows = part.only([*names, *columns.cell_names(part.pairs)])
    if part.streamed is not None:
        rows = part.streamed.sample
    listed = [*names, *(f"{columns.changed(pair)} AS x{n}" for n, pair in enumerate(pairs))]
    for kind in ("u",) if part.all_updated else KINDS:
        also = ""
        if kind == "u" and not columns.always_changed(part.pairs):
            also = f" AND ({columns.any_changed(part.pairs)})"
        query = f"SELECT {', '.join(listed)} FROM {rows} WHERE kind = '{kind}'{also}"
        found = con.sql(query).to_arrow_table()
        if found.num_rows:
            yield kind, found
