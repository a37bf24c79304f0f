"""Deltas of columns from their changed cells, and what of a cell they are made of."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call, pc
from catalog.dataclasses import replace
from catalog.diff.deltas.measures import measure
from catalog.diff.deltas.numbers import Measures, number_delta
from catalog.diff.deltas.texts import KINDS, affix_sql, kind_sql, text_delta
from catalog.diff.findings import Delta, NumberDelta, TextDelta, TextKind
from catalog.diff.plan import ColumnPair
from catalog.engine.arrow_arrays import Numbers, from_numpy, to_numpy
from catalog.model.types import DataType, Scalar, TypeClass


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
    texts the way in which they changed is listed, and what was added or removed::

        way  affix
          2  Mrs
    """
    form = delta_form(pair)
    if form is str:
        return [f"{kind_sql(before, after)} AS way", f"{affix_sql(before, after)} AS affix"]
    if not isinstance(form, Measures):
        return []
    measured = zip(("da", "db"), form, (before, after), strict=True)
    return [f"{own.sql.format(cell)} AS {name}" for name, own, cell in measured if own.sql]


def deltas(
    pairs: Sequence[ColumnPair], cells: pa.Table, places: Mapping[int, Numbers]
) -> dict[int, Delta]:
    """Returns the deltas of columns of one kind, by their place among ``pairs``.

    Args:
        pairs: The columns.
        cells: Their changed cells; see ``delta_columns``.
        places: Where the cells of each column are.
    """
    form = delta_form(pairs[0])
    if form is None:
        return {}
    names = ["way", "affix"]
    if isinstance(form, Measures):
        names = [f"d{name}" if own.sql else name for own, name in zip(form, "ab", strict=True)]
    columns = [cells.column(name).combine_chunks() for name in names]
    found: dict[int, Delta] = {}
    for place, own in places.items():
        at = from_numpy(own)
        first, second = (_taken(column, at) for column in columns)
        delta: Delta | None
        if isinstance(form, Measures):
            values = [cells.column(name) for name in "ab"] if names != ["a", "b"] else columns
            looked_at = both_known(*(_taken(column, at) for column in values))
            delta = number_delta(first, second, form, looked_at=looked_at)
        else:
            delta = _of_texts(first, second)
        if delta is not None:
            found[place] = delta
    return found


def both_known(before: pa.Array, after: pa.Array) -> int:
    """Returns how many cells have a value on both sides."""
    there = to_numpy(call("is_valid", before)) & to_numpy(call("is_valid", after))
    return int(np.count_nonzero(there))


def _of_texts(ways: pa.Array, affixes: pa.Array) -> TextDelta | None:
    known = np.where(to_numpy(call("is_valid", ways)), to_numpy(ways), len(KINDS))
    counts = np.bincount(known, minlength=len(KINDS)).tolist()
    kinds: dict[TextKind, int] = dict(zip(KINDS, counts, strict=False))

    def own(kind: TextKind) -> list[str | None]:
        at = np.flatnonzero(known == KINDS.index(kind))
        return list(pc.unique(_taken(affixes, from_numpy(at))).to_pylist())

    return text_delta(kinds, own)


def _taken(column: pa.Array | pa.ChunkedArray, at: pa.Array) -> pa.Array:
    found = column.take(at)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def of_a_sample(delta: Delta) -> Delta:
    """Returns the delta of some of the cells of a column, of which a sum says nothing."""
    return replace(delta, total=None) if isinstance(delta, NumberDelta) else delta
