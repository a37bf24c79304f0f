"""Whether two Arrow arrays hold the same values, bit for bit: compared, not digested."""

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call, pc
from catalog.diff.fingerprints.canonical import (
    CHUNK_ROWS,
    bytes_within,
    is_binary,
    is_text,
    offsets,
)
from catalog.engine.arrow_arrays import to_numpy

_INTEGERS = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}


def same_values(one: pa.Array, other: pa.Array) -> bool:
    """Returns whether two arrays of as many rows are known to hold the same values in order.

    Whatever follows from the values alone, digests and -0.0 among them, is the same for both then.
    If it is not known, they may be the same all the same.
    """
    if len(one) != len(other) or one.null_count != other.null_count:
        return False
    if pa.types.is_dictionary(one.type) and pa.types.is_dictionary(other.type):
        return _same_entries(one, other)
    one, other = _plain(one), _plain(other)
    if any(fits(one.type) and fits(other.type) for fits in (is_text, is_binary)):
        return _is_same_text(one, other)
    if one.type != other.type:
        return False
    if pa.types.is_floating(one.type):  # to Arrow, 0.0 equals -0.0, and NaN not even itself
        kind = _INTEGERS[one.type.bit_width]
        one, other = one.view(kind), other.view(kind)
    return bool(one.equals(other))


def _plain(column: pa.Array) -> pa.Array:
    """Returns an array by value, in the type in which its values are stored."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _is_same_text(one: pa.Array, other: pa.Array) -> bool:
    """Compares text, or bytes, in any layouts, without copying it from one into the other."""
    if one.null_count and not call("is_valid", one).equals(call("is_valid", other)):
        return False
    mine, theirs = offsets(one), offsets(other)
    for start in range(0, len(one), CHUNK_ROWS):  # large temporary arrays cost page faults
        part = slice(start, start + CHUNK_ROWS + 1)
        if not np.array_equal(mine[part] - mine[0], theirs[part] - theirs[0]):
            return False
    return bool(pa.py_buffer(bytes_within(one)).equals(pa.py_buffer(bytes_within(other))))


def _in_one_layout(one: pa.Array, other: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Returns text, or bytes, with offsets of the same width; others as they are."""
    if one.type == other.type:
        return one, other
    for fits, kind in ((is_text, pa.large_string()), (is_binary, pa.large_binary())):
        if fits(one.type) and fits(other.type):
            return one.cast(kind), other.cast(kind)
    return one, other


def _same_entries(one: pa.DictionaryArray, other: pa.DictionaryArray) -> bool:
    """Compares text by the numbers of its entries in one of both dictionaries."""
    mine, theirs = _in_one_layout(one.dictionary, other.dictionary)
    text = is_text(mine.type) or is_binary(mine.type)
    if not text or mine.type != theirs.type or mine.null_count or theirs.null_count:
        return False
    places = pc.index_in(theirs, mine)
    translated = np.append(np.where(to_numpy(call("is_valid", places)), to_numpy(places), -2), -1)
    translated = translated.astype(np.int32)
    for start in range(0, len(one), CHUNK_ROWS):  # large temporary arrays cost page faults
        parts = (_numbers(column.slice(start, CHUNK_ROWS)) for column in (one, other))
        numbers, others = parts
        if not np.array_equal(numbers, translated.take(others)):
            return False
    return True


def _numbers(column: pa.Array) -> np.ndarray:
    """Returns the numbers of the entries; that of NULL is -1."""
    found = to_numpy(column.indices)
    return np.where(to_numpy(call("is_valid", column)), found, -1) if column.null_count else found
