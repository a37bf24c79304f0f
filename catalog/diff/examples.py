"""Examples of changes of value: for each column the most frequent, with the least key.

The engine hashes each changed cell before and after, in its whole length; equal hashes are counted
in numpy. Only of changes that may be among the most frequent are the texts looked at, and only of
those that are, in full. A GROUP BY of all texts would take several times as long where most values
differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call
from catalog.dataclasses import dataclass
from catalog.diff.changed_cells import CellSql, cell_queries, changed_cells, text_sql
from catalog.diff.compare.cell_rows import ARROW_COLUMNS, CELL_COLUMNS, of_one_kind
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.counts import EXAMPLES, TEXT_LENGTH, Example
from catalog.diff.excerpts import Excerpts, excerpts
from catalog.diff.findings import Delta
from catalog.diff.phases import Phase, examples_phase, unwatched
from catalog.diff.plan import ColumnPair
from catalog.engine.arrow_arrays import Numbers, from_numpy, to_numpy
from catalog.engine.connection import cursor

if TYPE_CHECKING:  # imported where changes are to be explained
    from catalog.diff.deltas.columns import Group

EXAMPLE_CELLS = 2_000_000
"""Changed cells that one query fetches, about 40 bytes each."""


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """What was found of the changes of value of a column.

    Attributes:
        examples: The most frequent, the first first.
        distinct: How many different ones there are.
        delta: By how much, or in which way, values changed.
    """

    examples: tuple[Example, ...]
    distinct: int
    delta: Delta | None = None


def changes_of_value(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    pairs: Sequence[ColumnPair],
    *,
    parts: Sequence[Part],
    rows: int,
    explained: bool,
    phase: Phase = unwatched,
) -> dict[int, ColumnChanges]:
    """Returns what is found of the changes of value of some columns, by number.

    Changes that are as frequent are in the order of the first ``TEXT_LENGTH`` characters before and
    after, NULL first, then of their least keys. Whole values decide whether two are the same.

    Args:
        con: The connection that holds the rows.
        columns: The columns of the table.
        pairs: The columns wanted.
        parts: The rows.
        rows: About how many rows there are.
        explained: Whether deltas are wanted.
        phase: Is told how many columns are done.
    """
    at_once = CELL_COLUMNS if any(part.arrays is None for part in parts) else ARROW_COLUMNS
    most = max(1, min(at_once, EXAMPLE_CELLS // max(rows, 1)))
    found: dict[int, ColumnChanges] = {}
    done = 0
    for kind in of_one_kind(columns, pairs, most=most):
        phase(examples_phase(done, len(pairs)))
        done += len(kind)
        cells = changed_cells(con, columns, kind, parts=parts, explained=explained)
        if cells.num_rows:
            changes = _grouped(cells)
            with cursor(con) as own:
                chosen = _most_frequent_of(own, columns, cells, changes)
                known = _deltas(own, kind, cells, changes) if explained else {}
            long = _long_texts(con, columns, kind, parts=parts, chosen=chosen)
            found |= _as_examples(kind, chosen, long, known)
    return found


def _deltas(
    con: duckdb.DuckDBPyConnection,
    pairs: Sequence[ColumnPair],
    cells: pa.Table,
    changes: "_Changes",
) -> Mapping[int, Delta]:
    from catalog.diff.deltas.columns import deltas

    return deltas(con, pairs, cells, changes.groups())


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

    def of_columns(self) -> Iterator[tuple[int, int, int]]:
        """Yields each column, and where its changes begin and end."""
        bounds = np.flatnonzero(np.diff(self.columns.astype(np.int64), prepend=-1, append=-1))
        for start, stop in pairwise(bounds.tolist()):
            yield int(self.columns[start]), start, stop

    def groups(self) -> "dict[int, Group]":
        """Returns the cells of each column, or one of each change where many are the same."""
        from catalog.diff.deltas.columns import Group

        found = {}
        for column, start, stop in self.of_columns():
            places = self.order[self.starts[start] : self.starts[stop]]
            found[column] = Group(places, None)
            if 2 * (stop - start) <= len(places):
                counts = np.diff(self.starts[start : stop + 1])
                found[column] = Group(self.one_cell(np.arange(start, stop)), counts)
        return found


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
            least = (
                call("is_null", texts)
                if texts.null_count
                else call("equal", texts, call("min", texts))
            )
            first = to_numpy(least)
            count = int(np.count_nonzero(first))
            if count > self.wanted:
                self.tied = self.tied[first]
                return
            self.certain += self.tied[first].tolist()
            self.wanted -= count
            self.tied, texts = self.tied[~first], call("filter", texts, call("invert", least))
            if not self.wanted:
                self.tied = self.tied[:0]


def _most_frequent(changes: _Changes) -> list[_Best]:
    """Returns the most frequent changes of each column, as far as numbers of cells say."""
    counts = np.diff(changes.starts)
    found = []
    for _, start, stop in changes.of_columns():
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


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A change of value that is among the most frequent of its column.

    Attributes:
        column: The place of its column.
        distinct: How many changes of value that column has.
        hash: The hash of both values.
        before: The first characters of the value before.
        after: The first characters of the value after.
        count: In how many rows it is.
        key: The least key of these.
    """

    column: int
    distinct: int
    hash: int
    before: str | None
    after: str | None
    count: int
    key: Mapping[str, str | None]

    @property
    def is_long(self) -> bool:
        """Returns whether there may be more of a value than its first characters."""
        return any(len(text or "") >= TEXT_LENGTH for text in (self.before, self.after))


def _most_frequent_of(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    cells: pa.Table,
    changes: _Changes,
) -> list[_Chosen]:
    """Returns the most frequent changes of each column of one kind, the first first."""
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
    for one in best:
        if one.is_open:
            keyed = _keys_of(con, columns, cells, [changes.cells(n) for n in one.tied.tolist()])
            one.tied = one.tied[np.argsort([known.place for known in keyed])]
    chosen = [n for one in best for n in (*one.certain, *one.tied[: one.wanted].tolist())]
    at = changes.one_cell(np.array(chosen))
    befores, afters = (_texts(con, cells.column(name), at).to_pylist() for name in ("a", "b"))
    keys = _keys_of(con, columns, cells, [changes.cells(n) for n in chosen])
    distinct = np.bincount(changes.columns)
    hashes = to_numpy(cells.column("h"))[at]
    found = []
    for place, n in enumerate(chosen):
        column = int(changes.columns[n])
        change = _Chosen(
            column,
            int(distinct[column]),
            int(hashes[place]),
            befores[place],
            afters[place],
            len(changes.cells(n)),
            keys[place].texts,
        )
        found.append((_order(change), keys[place].place, change))
    return [change for *_, change in sorted(found, key=itemgetter(0, 1))]


def _order(change: _Chosen) -> tuple[object, ...]:
    texts = ((text is not None, text or "") for text in (change.before, change.after))
    return (-change.count, *texts)


def _long_texts(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    pairs: Sequence[ColumnPair],
    *,
    parts: Sequence[Part],
    chosen: Sequence[_Chosen],
) -> dict[tuple[int, int], Excerpts]:
    """Returns what is shown of long texts, by column and hash.

    They are read once more: to keep all of them until the most frequent are known takes as much
    memory as they are long.
    """
    long = [one for one in chosen if one.is_long]
    if not long:
        return {}
    cells = CellSql.of(columns, pairs[0])
    before, after = cells.values
    hashes = ", ".join(dict.fromkeys(str(one.hash) for one in long))
    with ExitStack() as opened:
        rows = cell_queries(con, columns, pairs, parts=parts, carried={}, opened=opened)
        queries = [
            f"SELECT c, {cells.hash} AS h, {before} AS a, {after} AS b FROM {one} "
            f"AND {cells.hash} IN ({hashes})"
            for one in rows
        ]
        found = con.execute(
            "SELECT c, h, CAST(any_value(a) AS VARCHAR), CAST(any_value(b) AS VARCHAR) "
            f"FROM ({' UNION ALL '.join(queries)}) GROUP BY c, h"
        ).fetchall()
    return {(int(c), int(h)): excerpts(a, b) for c, h, a, b in found}


def _as_examples(
    pairs: Sequence[ColumnPair],
    chosen: Sequence[_Chosen],
    long: Mapping[tuple[int, int], Excerpts],
    known: Mapping[int, Delta],
) -> dict[int, ColumnChanges]:
    """Returns what was found of each column by number, from its most frequent changes in order."""
    found: dict[int, ColumnChanges] = {}
    for column, own in groupby(sorted(chosen, key=_column), key=_column):
        examples, distinct = [], 0
        for one in own:
            shown = long.get((column, one.hash)) or Excerpts(one.before, one.after)
            examples.append(shown.example(pairs[column].name, one.count, one.key))
            distinct = one.distinct
        number = pairs[column].number
        found[number] = ColumnChanges(tuple(examples), distinct, known.get(column))
    return found


def _column(change: _Chosen) -> int:
    return change.column


def _texts(con: duckdb.DuckDBPyConnection, column: pa.ChunkedArray, at: Numbers) -> pa.Array:
    """Returns the texts of some cells, as the engine writes them."""
    values = call("take", column, from_numpy(at))
    if not pa.types.is_string(values.type):
        con.register("cells", pa.table({"value": values}))
        values = con.sql("SELECT CAST(value AS VARCHAR) FROM cells").to_arrow_table().column(0)
        con.unregister("cells")
    return pa.chunked_array(values.chunks, pa.string()).combine_chunks()


class _LeastKey(NamedTuple):
    """The least key of a change: its place among those of others, and texts by column."""

    place: int
    texts: dict[str, str | None]


def _keys_of(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    cells: pa.Table,
    changes: Sequence[Numbers],
) -> list[_LeastKey]:
    """Returns the least key among the cells of each of some changes."""
    pairs = columns.plan.key_pairs
    names = [f"k{n}" for n in range(len(pairs))]
    numbers = np.repeat(np.arange(len(changes)), [len(places) for places in changes])
    rows = cells.select([name for name in cells.column_names if name in (*names, "s")])
    rows = call("take", rows, from_numpy(np.concatenate(changes)))
    con.register("cells", rows.append_column("n", from_numpy(numbers)))
    least, order = f"min(row({', '.join(names)}))", "k"
    if "s" in rows.column_names:
        least, order = f"arg_min(row({', '.join(names)}), s)", "s"
    elif len(names) == 1:
        least = "row(min(k0))"
    texts = ", ".join(text_sql(f"k[{n + 1}]") for n in range(len(names)))
    sort_key = "min(s) AS s, " if order == "s" else ""
    grouped = f"(SELECT n, {sort_key}{least} AS k FROM cells GROUP BY n)"
    place = f"row_number() OVER (ORDER BY {order}, n)"
    found = con.execute(f"SELECT {place}, {texts} FROM {grouped} ORDER BY n").fetchall()
    con.unregister("cells")
    return [
        _LeastKey(at, {pair.name: value for pair, value in zip(pairs, values, strict=True)})
        for at, *values in found
    ]
