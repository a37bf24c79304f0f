"""Rows of both sides as multisets, in Arrow and numpy.

Equal rows are brought together by digests, and then compared value by value: digests only propose
which rows are equal.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call, take
from catalog.dataclasses import dataclass
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.differing import unlike
from catalog.diff.fingerprints.mixing import Words
from catalog.diff.fingerprints.row_digest import cell_hashes
from catalog.engine.arrow_arrays import Numbers, from_numpy, to_numpy

Sides: TypeAlias = tuple[pa.Array, pa.Array]
"""A column of both sides."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
"""By what a digest is multiplied before the next column is added: columns change places else."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Which rows of two sides cancel as multisets.

    Attributes:
        older: Whether each row of the older side has a partner.
        newer: The same of the newer side.
        classes: The class of each row of the newer side: equal rows share one.
        counts: The rows of each class that have a partner.
    """

    older: Numbers
    newer: Numbers
    classes: Numbers
    counts: Numbers


def cancelled(
    columns: Sequence[Sides], rows: tuple[int, int], *, first: Numbers | None = None
) -> Cancelled:
    """Returns which rows of two sides are equal in some columns, each with one partner.

    Args:
        columns: The columns of both sides, of one type each.
        rows: How many rows each side has.
        first: By row of the newer side, how much sooner than rows equal to it it gets a partner.

    Raises:
        Unreadable: The engine must compare a column, or two different rows have the same digest.
    """
    before, after = rows
    digests = np.concatenate([_digests([one[n] for one in columns], rows[n]) for n in (0, 1)])
    _, classes = np.unique(digests, return_inverse=True)
    mine, theirs = classes[:before], classes[before:]
    counts = [np.bincount(own, minlength=len(digests)) for own in (mine, theirs)]
    late = np.zeros(after, np.int64) if first is None else -first
    orders = [np.argsort(mine, kind="stable"), np.lexsort((late, theirs))]
    copies = [_copies(*one) for one in zip((mine, theirs), orders, counts, strict=True)]
    here, there = copies[0] < counts[1][mine], copies[1] < counts[0][theirs]
    partners = [order[has[order]] for order, has in zip(orders, (here, there), strict=True)]
    for pair in columns:
        if unlike(*(_taken(one, at) for one, at in zip(pair, partners, strict=True))).any():
            raise Unreadable("rows of one digest")
    return Cancelled(here, there, theirs, np.minimum(*counts))


def filled(rows: Cancelled, column: pa.Array) -> int:
    """Returns how many rows that cancel can have a value in a column of the newer side alone."""
    values = np.bincount(rows.classes[_valid(column)], minlength=len(rows.counts))
    return int(np.minimum(rows.counts, values).sum())


def values_in(columns: Iterable[pa.Array], rows: int) -> Numbers:
    """Returns in how many of some columns each row has a value."""
    return sum((_valid(column).astype(np.int64) for column in columns), np.zeros(rows, np.int64))


def _digests(columns: Iterable[pa.Array], rows: int) -> Words:
    digests = np.zeros(rows, np.uint64)
    for column in columns:
        found = cell_hashes(column, "")
        if found is None:
            raise Unreadable(str(column.type))
        digests *= _STEP
        digests += found
    return digests


def _copies(classes: Numbers, order: Numbers, counts: Numbers) -> Numbers:
    """Numbers the rows of each class from 0, in an order in which those of a class are together."""
    copies = np.empty(len(classes), np.int64)
    copies[order] = np.arange(len(classes)) - (np.cumsum(counts) - counts)[classes[order]]
    return copies


def _taken(column: pa.Array, places: Numbers) -> pa.Array:
    """Returns the values of a column at some places, copying nothing if they are all in order."""
    if len(places) == len(column) and (places == np.arange(len(places))).all():
        return column
    return take(column, from_numpy(places))


def _valid(column: pa.Array) -> Numbers:
    return to_numpy(call("is_valid", column))
