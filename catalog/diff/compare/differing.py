"""Which values of two arrays differ, by the rules of a diff: NULL and NaN equal themselves."""

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call, pc, take
from catalog.diff.fingerprints.canonical import Fixed, fixed, unwrapped
from catalog.engine.arrow_arrays import Numbers, constant, from_numpy, to_numpy


def unlike(before: pa.Array, after: pa.Array) -> Numbers:
    """Returns which values of two arrays, of the same type and length, differ at their place.

    Most have the same bits, and need not be brought into one form.
    """
    mine, theirs = _bits(before), _bits(after)
    if mine is None or theirs is None:
        return differing(before, after, None)
    found: Numbers = mine != theirs
    if before.null_count or after.null_count:
        found |= to_numpy(call("is_valid", before)) != to_numpy(call("is_valid", after))
    places = np.flatnonzero(found)
    if 0 < len(places) < len(found):
        taken = from_numpy(places)
        found[places] = differing(take(before, taken), take(after, taken), None)
    return differing(before, after, None) if len(places) == len(found) else found


def _bits(column: pa.Array) -> Numbers | None:
    """Returns values of fixed width as whole numbers of their bits; None for others."""
    kind, values = column.type, column.buffers()[1] if len(column) else None
    if values is None or not pa.types.is_primitive(kind) or kind.bit_width not in (8, 16, 32, 64):
        return None
    size = kind.bit_width // 8
    bits: Numbers = np.frombuffer(values, f"u{size}", len(column), column.offset * size)
    return bits


def differing(before: pa.Array, after: pa.Array, at: Numbers | None) -> Numbers:
    """Returns which values differ from those of the other side's rows ``at`` some places."""
    mine, theirs = fixed(before), fixed(after)
    if mine is not None and theirs is not None:
        return _numbers_differ(mine, theirs, at)
    if pa.types.is_dictionary(before.type) and pa.types.is_dictionary(after.type):
        return _entries_differ(before, after, at)
    before, after = unwrapped(before), unwrapped(after)
    other = after if at is None else take(after, from_numpy(at))
    unequal = call("not_equal", before, other)
    if unequal.null_count:
        absent = call("not_equal", call("is_valid", before), call("is_valid", other))
        unequal = call("or", call("coalesce", unequal, constant(False)), absent)
    return to_numpy(unequal)


def _numbers_differ(mine: Fixed, theirs: Fixed, at: Numbers | None) -> Numbers:
    """Compares canonical values: equal ones have equal bits, NULL is 0."""
    left, right = mine.values, theirs.values
    if mine.tag == "float":
        left, right = left.view(np.int64), right.view(np.int64)
    if left.ndim == 1:
        differs = left != (right if at is None else right[at])
    else:
        words = [left[:, n] != (right[:, n] if at is None else right[at, n]) for n in (0, 1)]
        differs = words[0] | words[1]
    if mine.valid is not None or theirs.valid is not None:
        here = np.ones(len(left), bool) if mine.valid is None else mine.valid
        there = np.ones(len(right), bool) if theirs.valid is None else theirs.valid
        differs = differs | (here != (there if at is None else there[at]))
    return np.asarray(differs)


def _entries_differ(before: pa.Array, after: pa.Array, at: Numbers | None) -> Numbers:
    """Compares text by the numbers of its entries in the older side's dictionary; NULL is -1."""
    known = pc.index_in(after.dictionary, before.dictionary)
    translated = np.append(_filled(known, len(before.dictionary)), -1)
    mine, theirs = (_filled(one.indices, -1) for one in (before, after))
    return np.asarray(mine != translated[theirs if at is None else theirs[at]])


def _filled(column: pa.Array, value: int) -> Numbers:
    """Returns integers with a value in place of NULL."""
    values = to_numpy(column)
    if not column.null_count:
        return values
    return np.where(to_numpy(call("is_valid", column)), values, value)
