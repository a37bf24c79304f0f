"""Deltas of columns from their changed cells, and what of a cell they are made of."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call, take
from catalog.dataclasses import replace
from catalog.diff.counts import TEXT_LENGTH
from catalog.diff.deltas.commonest import count_cells
from catalog.diff.deltas.measures import measure
from catalog.diff.deltas.numbers import Measures, number_delta
from catalog.diff.deltas.texts import KINDS, affix_sql, kind_sql, text_delta
from catalog.diff.findings import Delta, NumberDelta, TextDelta, TextKind
from catalog.diff.plan import ColumnPair
from catalog.engine.arrow_arrays import Numbers, from_numpy, to_numpy
from catalog.model.types import DataType, Scalar, TypeClass

if TYPE_CHECKING:  # for the types alone: small tables are counted without the engine
    import duckdb


def delta_form(pair: ColumnPair) -> Measures | type[str] | None:
    """Returns what is measured of a column's values, ``str`` for texts.

    None if they have no delta: they are of different kinds, or of one that has no differences.
    """
    kinds = pair.before.type, pair.after.type
    if all(map(_is_text, kinds)):
        return str
    before, after = map(measure, kinds)
    if before is None or after is None or before.family != after.family:
        return None
    return Measures(before, after)


def _is_text(kind: DataType) -> bool:
    return isinstance(kind, Scalar) and kind.type_class == TypeClass.TEXT


def delta_columns(pair: ColumnPair, before: str, after: str) -> list[str]:
    """Returns what SQL lists of each changed cell besides its value before and after, a and b.

    Numbers and times that Arrow does not have as they are, are measured: ``da`` and ``db``. Of
    texts that may be longer than what is shown of them, the way in which they changed is listed,
    and what was added or removed::

        way  affix
          2  Mrs
    """
    form = delta_form(pair)
    if form is str:
        long = f"strlen({before}) >= {TEXT_LENGTH} OR strlen({after}) >= {TEXT_LENGTH}"
        return [
            f"CASE WHEN {long} THEN {kind_sql(before, after)} END AS way",
            f"CASE WHEN {long} THEN {affix_sql(before, after)} END AS affix",
        ]
    if not isinstance(form, Measures):
        return []
    measured = zip(("da", "db"), form, (before, after), strict=True)
    return [f"{own.sql.format(cell)} AS {name}" for name, own, cell in measured if own.sql]


class Group(NamedTuple):
    """The changed cells of a column.

    Attributes:
        places: Where they are, or one of each change of value.
        counts: How many cells are as each of these; None: these are all.
    """

    places: Numbers
    counts: Numbers | None


def deltas(
    con: "duckdb.DuckDBPyConnection",
    pairs: Sequence[ColumnPair],
    cells: pa.Table,
    groups: Mapping[int, Group],
) -> dict[int, Delta]:
    """Returns the deltas of columns of one kind, by their place among ``pairs``.

    Args:
        con: A connection that nobody else uses.
        pairs: The columns.
        cells: Their changed cells; see ``delta_columns``.
        groups: The cells of each column.
    """
    form = delta_form(pairs[0])
    if form is None:
        return {}
    if not isinstance(form, Measures):
        return _of_texts(con, cells, groups)
    names = [f"d{name}" if own.sql else name for own, name in zip(form, "ab", strict=True)]
    columns = [cells.column(name) for name in names]
    values = [cells.column(name) for name in "ab"]
    found: dict[int, Delta] = {}
    for place, group in groups.items():
        at = None if len(groups) == 1 and group.counts is None else from_numpy(group.places)
        before, after = (_taken(column, at) for column in columns)
        known = [before, after] if names == ["a", "b"] else [_taken(one, at) for one in values]
        looked_at = both_known(known[0], known[1], group.counts)
        delta = number_delta(before, after, form, looked_at=looked_at, counts=group.counts)
        if delta is not None:
            found[place] = delta
    return found


def both_known(before: pa.Array, after: pa.Array, counts: Numbers | None = None) -> int:
    """Returns how many cells have a value on both sides."""
    if before.null_count or after.null_count:
        there = to_numpy(call("is_valid", before)) & to_numpy(call("is_valid", after))
        return count_cells(there, counts)
    return len(before) if counts is None else int(counts.sum())


def _of_texts(
    con: "duckdb.DuckDBPyConnection", cells: pa.Table, groups: Mapping[int, Group]
) -> dict[int, Delta]:
    """Returns the deltas of columns of texts, of which one query looks at each change once."""
    at = np.concatenate([group.places for group in groups.values()])
    con.register("cells", take(cells.select(["a", "b", "way", "affix"]), from_numpy(at)))
    changes = con.sql(
        f"SELECT coalesce(way, {kind_sql('a', 'b')}) AS way, "
        f"coalesce(affix, {affix_sql('a', 'b')}) AS affix FROM cells"
    ).to_arrow_table()
    con.unregister("cells")
    ways, affixes = (changes.column(name).combine_chunks() for name in ("way", "affix"))
    known = np.where(to_numpy(call("is_valid", ways)), to_numpy(ways), len(KINDS))
    found: dict[int, Delta] = {}
    start = 0
    for place, group in groups.items():
        stop = start + len(group.places)
        delta = _text_delta(known[start:stop], affixes.slice(start, stop - start), group.counts)
        start = stop
        if delta is not None:
            found[place] = delta
    return found


def _text_delta(ways: Numbers, affixes: pa.Array, counts: Numbers | None) -> TextDelta | None:
    cells = np.bincount(ways, counts, minlength=len(KINDS)).astype(np.int64).tolist()
    kinds: dict[TextKind, int] = dict(zip(KINDS, cells, strict=False))

    def own(kind: TextKind) -> list[str | None]:
        at = np.flatnonzero(ways == KINDS.index(kind))
        return list(call("unique", take(affixes, from_numpy(at))).to_pylist())

    return text_delta(kinds, own)


def _taken(column: pa.ChunkedArray, at: pa.Array | None) -> pa.Array:
    found = column if at is None else take(column, at)
    return found.combine_chunks()


def of_a_sample(delta: Delta) -> Delta:
    """Returns the delta of some of the cells of a column, of which a sum says nothing."""
    return replace(delta, total=None) if isinstance(delta, NumberDelta) else delta
