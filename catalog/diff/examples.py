"""Examples of changes of value: for each column the most frequent, with the least key.

The engine hashes each changed cell before and after; equal hashes are counted in numpy. Only of
changes that may be among the most frequent are the texts looked at. A GROUP BY of all texts would
take several times as long where most values differ.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass
from catalog.diff.compare.cell_rows import ARROW_COLUMNS, CELL_COLUMNS, cell_rows, of_one_kind
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.counts import EXAMPLES, TEXT_LENGTH, Example
from catalog.diff.plan import ColumnPair
from catalog.engine.arrow_arrays import Numbers, from_numpy, to_numpy
from catalog.engine.connection import cursor
from catalog.model.types import DataType, Scalar, TypeClass, is_float

EXAMPLE_CELLS = 2_000_000
"""Changed cells that one query fetches, about 40 bytes each."""

CHOSEN_COLUMNS = 16
"""Columns with a tolerance up to which rows in which none counts as changed are left out first."""

_TYPED = (
    TypeClass.BOOLEAN,
    TypeClass.INTEGER,
    TypeClass.DECIMAL,
    TypeClass.FLOAT,
    TypeClass.DATE,
    TypeClass.TIMESTAMP,
)
"""Types that Arrow hands over and takes back unchanged, and whose texts differ if values do."""


def changes_of_value(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    pairs: Sequence[ColumnPair],
    *,
    parts: Sequence[Part],
    rows: int,
) -> dict[int, list[Example]]:
    """Returns the most frequent changes of value of some columns by number, the first first.

    Changes that are as frequent are in the order of their texts before and after, NULL first.
    Texts are cut to ``TEXT_LENGTH`` characters, and values are the same if those are.

    Args:
        con: The connection that holds the rows.
        columns: The columns of the table.
        pairs: The columns wanted.
        parts: The rows.
        rows: About how many rows there are.
    """
    at_once = CELL_COLUMNS if any(part.arrays is None for part in parts) else ARROW_COLUMNS
    most = max(1, min(at_once, EXAMPLE_CELLS // max(rows, 1)))
    found: dict[int, list[Example]] = {}
    for kind in of_one_kind(columns, pairs, most=most):
        cells = _changed_cells(con, columns, kind, parts=parts)
        if cells.num_rows:
            with cursor(con) as own:
                found |= _examples(own, columns, kind, cells)
    return found


def _changed_cells(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    pairs: Sequence[ColumnPair],
    *,
    parts: Sequence[Part],
) -> pa.Table:
    """Returns the changed cells of columns of one kind: place, hash, before, after and key.

    Of columns 0 and 2, both changed in the row with key 7::

        c  h     a     b     k0
        0  ab..  0.5   1.5   7
        2  3f..  NULL  2.0   7

    Values whose text depends on nothing else come as they are, others as text. So do keys; if one
    comes as text, ``s`` gives their order.
    """
    first = pairs[0]
    cells = [
        (f"f_{columns.original('f', first)}", first.before.type),
        (f"t_{columns.original('t', first)}", first.after.type),
    ]
    before, after = (_value(*cell) for cell in cells)
    signs = [f"signbit({value})" for value, kind in cells if is_float(kind)]
    listed = ["c", f"hash({', '.join([before, after, *signs])}) AS h"]
    listed += [f"{before} AS a", f"{after} AS b"]
    keys = columns.plan.key_pairs
    owned = ", ".join(f"own{n}" for n in range(len(keys)))
    if all(_is_typed(key.after.type) or _is_text(key.after.type) for key in keys):
        listed += [f"own{n} AS k{n}" for n in range(len(keys))]
    else:
        listed += [f"{_text(f'own{n}')} AS k{n}" for n in range(len(keys))]
        listed.append(f"create_sort_key(row({owned}), 'ASC NULLS LAST') AS s")
    carried = {f"own{n}": f"t_{columns.original('t', key)}" for n, key in enumerate(keys)}
    wanted = {pair.number for pair in pairs}
    with ExitStack() as opened:
        queries = []
        for part in parts:
            differing = {pair.number for pair in part.pairs}
            if wanted.isdisjoint(differing):
                continue
            own = [pair for pair in pairs if pair.number in differing]
            few = 0 < len(own) <= CHOSEN_COLUMNS and not columns.always_changed(own)
            only = columns.any_changed(own) if few else "true"
            rows = opened.enter_context(
                cell_rows(con, columns, part, pairs, carried=carried, only=only)
            )
            queries.append(f"SELECT {', '.join(listed)} FROM {rows} WHERE {columns.changed(first)}")
        return con.sql(" UNION ALL ".join(queries)).to_arrow_table()


def _value(column: str, kind: DataType) -> str:
    """Returns SQL of a value, or of its text where that alone can be counted and shown."""
    return column if _is_typed(kind) else _text(column)


def _text(value: str) -> str:
    return f"left(CAST({value} AS VARCHAR), {TEXT_LENGTH})"


def _is_typed(kind: DataType) -> bool:
    return isinstance(kind, Scalar) and kind.type_class in _TYPED


def _is_text(kind: DataType) -> bool:
    return isinstance(kind, Scalar) and kind.type_class == TypeClass.TEXT


@dataclass(frozen=True, slots=True)
class _Changes:
    """Changed cells of some columns by change of value, those of a column together.

    Attributes:
        order: The places of all cells, those of one change together.
        starts: Where each change begins there, and where the last ends.
        columns: The column of each change.
    """

    order: Numbers
    starts: Numbers
    columns: Numbers

    def one_cell(self, changes: Numbers) -> Numbers:
        """Returns the place of a cell of each of some changes."""
        return self.order[self.starts[changes]]

    def cells(self, change: int) -> Numbers:
        """Returns the places of all cells of a change."""
        return self.order[self.starts[change] : self.starts[change + 1]]


def _grouped(cells: pa.Table) -> _Changes:
    """Brings equal changes of value of each column together."""
    column, hashes = to_numpy(cells.column("c")), to_numpy(cells.column("h"))
    order = np.argsort(column, kind="stable")
    bounds = np.searchsorted(column[order], np.arange(int(column.max()) + 2))
    for start, stop in pairwise(bounds):
        own = order[start:stop]
        order[start:stop] = own[np.argsort(hashes[own])]
    column, hashes = column[order], hashes[order]
    differs = (column[1:] != column[:-1]) | (hashes[1:] != hashes[:-1])
    starts = np.concatenate([[0], np.flatnonzero(differs) + 1, [len(order)]])
    return _Changes(order, starts, column[starts[:-1]])


@dataclass(slots=True)
class _Best:
    """The most frequent changes of a column, as numbers of changes.

    Attributes:
        certain: Those that are among them.
        tied: Those of which the first ``wanted`` are among them, by their texts.
    """

    certain: list[int]
    tied: Numbers
    wanted: int

    @property
    def is_open(self) -> bool:
        """Returns whether texts must be looked at."""
        return len(self.tied) > self.wanted

    def narrow(self, texts: pa.Array) -> None:
        """Keeps those that come first by some texts of theirs; those tied then have the same."""
        while self.is_open:
            least = texts.is_null() if texts.null_count else pc.equal(texts, pc.min(texts))
            first = to_numpy(least)
            count = int(np.count_nonzero(first))
            if count > self.wanted:
                self.tied = self.tied[first]
                return
            self.certain += self.tied[first].tolist()
            self.wanted -= count
            self.tied, texts = self.tied[~first], texts.filter(pc.invert(least))
            if not self.wanted:
                self.tied = self.tied[:0]


def _most_frequent(changes: _Changes) -> list[_Best]:
    """Returns the most frequent changes of each column, as far as numbers of cells say."""
    counts = np.diff(changes.starts)
    bounds = np.flatnonzero(np.diff(changes.columns.astype(np.int64), prepend=-1, append=-1))
    found = []
    for start, stop in pairwise(bounds):
        own = counts[start:stop]
        level, least = own.max(), own.min()
        best = _Best([], start + np.flatnonzero(own == level), EXAMPLES)
        while len(best.tied) < best.wanted and level > least:
            best.certain += best.tied.tolist()
            best.wanted -= len(best.tied)
            level = own[own < level].max()
            best.tied = start + np.flatnonzero(own == level)
        found.append(best)
    return found


def _examples(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    pairs: Sequence[ColumnPair],
    cells: pa.Table,
) -> dict[int, list[Example]]:
    """Returns the examples of columns of one kind by number, from their changed cells."""
    changes = _grouped(cells)
    best = _most_frequent(changes)
    for name in ("a", "b"):
        tied = [one for one in best if one.is_open]
        if tied:
            numbers = np.concatenate([one.tied for one in tied])
            texts, start = _texts(con, cells.column(name), changes.one_cell(numbers)), 0
            for one in tied:
                count = len(one.tied)
                one.narrow(texts.slice(start, count))
                start += count
    chosen = [n for one in best for n in (*one.certain, *one.tied[: one.wanted].tolist())]
    at = changes.one_cell(np.array(chosen))
    befores, afters = (_texts(con, cells.column(name), at).to_pylist() for name in ("a", "b"))
    keys = _least_keys(con, columns, cells, [changes.cells(n) for n in chosen])
    found: dict[int, list[Example]] = {}
    for n, before, after, key in zip(chosen, befores, afters, keys, strict=True):
        pair, count = pairs[changes.columns[n]], len(changes.cells(n))
        found.setdefault(pair.number, []).append(Example(pair.name, before, after, count, key))
    for examples in found.values():
        examples.sort(key=_order)
    return found


def _order(example: Example) -> tuple[object, ...]:
    texts = ((text is not None, text or "") for text in (example.before, example.after))
    return (-(example.count or 0), *texts)


def _texts(con: duckdb.DuckDBPyConnection, column: pa.ChunkedArray, at: Numbers) -> pa.Array:
    """Returns the texts of some cells, as the engine writes them."""
    values = column.take(from_numpy(at))
    if not pa.types.is_string(values.type):
        con.register("cells", pa.table({"value": values}))
        values = con.sql("SELECT CAST(value AS VARCHAR) FROM cells").to_arrow_table().column(0)
        con.unregister("cells")
    return pa.chunked_array(values.chunks, pa.string()).combine_chunks()


def _least_keys(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    cells: pa.Table,
    changes: Sequence[Numbers],
) -> list[dict[str, str | None]]:
    """Returns the least key among the cells of each of some changes, as texts."""
    pairs = columns.plan.key_pairs
    names = [f"k{n}" for n in range(len(pairs))]
    numbers = np.repeat(np.arange(len(changes)), [len(places) for places in changes])
    rows = cells.select([name for name in cells.column_names if name not in ("c", "h", "a", "b")])
    rows = rows.take(from_numpy(np.concatenate(changes)))
    con.register("cells", rows.append_column("n", from_numpy(numbers)))
    least = f"min(row({', '.join(names)}))"
    if "s" in rows.column_names:
        least = f"arg_min(row({', '.join(names)}), s)"
    elif len(names) == 1:
        least = "row(min(k0))"
    texts = ", ".join(_text(f"k[{n + 1}]") for n in range(len(names)))
    grouped = f"(SELECT n, {least} AS k FROM cells GROUP BY n)"
    found = con.execute(f"SELECT {texts} FROM {grouped} ORDER BY n").fetchall()
    con.unregister("cells")
    return [
        {pair.name: value for pair, value in zip(pairs, values, strict=True)} for values in found
    ]
