"""Digests of rows: 64 bits for each row, the sum modulo 2**64 of a hash of each of its cells.

The hash of a cell depends on the name that the file gives its column, on the kind of its values,
and on its canonical value (``canonical``); that of NULL is 0, so a column that a file does not
have counts as a column of NULLs. Names survive a table that is made anew, field ids do not. Since
cells are added, the hash of a value that changed can be taken out of a digest, and the new one
put in: what remains of the difference of two digests is that of the columns not looked at.

Every word of eight bytes is mixed with a salt of its own before words are added up, and text once
more with its length. Words that are mixed less cancel: BLOBs that differ in the highest bit of one
word and in two of the next had equal sums. Values of more than ``LONG_BYTES`` are hashed by XXH3.
"""

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import xxhash

from catalog.diff.fingerprints.canonical import (
    Fixed,
    TextBytes,
    fixed,
    kind_tag,
    text_bytes,
    unwrapped,
    unwrapped_type,
)
from catalog.engine.arrow_arrays import to_numpy

Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
Numbers: TypeAlias = np.ndarray[Any, Any]

CHUNK_ROWS = 8_192
"""Rows processed at a time: few enough to stay in the processor's caches through all steps."""

LONG_BYTES = 256
"""Length of text from which a call per value costs less than a step per eight bytes."""

KNOWN_COLUMNS = 8_192
"""Columns whose salts are remembered."""

_POSITIONS = LONG_BYTES // 8

_FIRST, _SECOND = np.uint64(0x3C79AC492BA7B653), np.uint64(0x1C69B3F74AC4AE35)
"""The factors of a mixing step in which every bit depends on all others, and which can be undone.

Source: Pelle Evensen, "Better, stronger mixer and a test procedure" (moremur).
"""
_OUTER, _MIDDLE = np.uint64(27), np.uint64(33)
_LENGTH = np.uint64(0x9E3779B97F4A7C15)
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)


def hash_kind(kind: pa.DataType) -> str | None:
    """Returns the kind of the values of an Arrow type; None if digests of rows cannot hold them.

    Equal values of two columns hash alike if the columns have the same name and kind. Integers of
    all widths are of one kind, but those beyond 63 bits; so are floats; decimals have one for each
    scale, and timestamps in nanoseconds one of their own.
    """
    plain = unwrapped_type(kind)
    tag = kind_tag(plain)
    if tag is None or tag in (b"list", b"struct") or sys.byteorder != "little":
        return None
    return tag.decode()


def cell_hashes(column: pa.Array | pa.ChunkedArray, name: str) -> Words | None:
    """Returns a hash of 64 bits for each value of a column, 0 for NULL.

    Args:
        column: The values, in any layout: dictionaries, views, slices, chunks.
        name: What the file calls the column.

    Returns:
        The hashes; None if digests of rows cannot hold the type, or one of the values.
    """
    return CellHasher(name).hashes(column)


class CellHasher:
    """Hashes the values of a column of a file, piece by piece.

    The entries of a dictionary are hashed once, as long as pieces share it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._dictionary: pa.Array | None = None
        self._entries: Words | None = None

    def hashes(
        self, column: pa.Array | pa.ChunkedArray, values: Fixed | None = None
    ) -> Words | None:
        """Returns the hashes of some values; see ``cell_hashes``.

        Args:
            column: The values.
            values: The same in their canonical form, where it is known.
        """
        if isinstance(column, pa.ChunkedArray):
            parts = [self.hashes(chunk) for chunk in column.chunks]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts) or hash_kind(column.type) is None:
                return None
            return np.concatenate(known) if known else np.zeros(0, np.uint64)
        tag = hash_kind(column.type)
        if tag is None:
            return None
        if column.null_count == len(column):
            return np.zeros(len(column), np.uint64)
        try:
            if values is not None:
                return _hashed_numbers(values, self._name)
            if isinstance(column.type, pa.BaseExtensionType):
                column = column.storage
            if pa.types.is_dictionary(column.type) and len(column.dictionary) <= len(column):
                return self._by_entries(column)
            return _hashed(column, self._name)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # a value is beyond the canonical form, as a timestamp far away
            return None

    def _by_entries(self, column: pa.DictionaryArray) -> Words | None:
        """Returns hashes of values that are given by their places in a dictionary."""
        entries = column.dictionary
        if self._dictionary is None or not _same_buffers(self._dictionary, entries):
            self._dictionary, self._entries = entries, _hashed(entries, self._name)
        if self._entries is None:
            return None
        places = to_numpy(column.indices)
        if not column.indices.null_count:
            return self._entries[places]
        valid = to_numpy(column.indices.is_valid())
        found = self._entries[np.where(valid, places, 0)]
        found *= valid
        return found


def _same_buffers(one: pa.Array, other: pa.Array) -> bool:
    """Returns whether arrays are the same part of the same memory."""
    if len(one) != len(other) or one.offset != other.offset or one.type != other.type:
        return False
    mine, theirs = one.buffers(), other.buffers()
    return len(mine) == len(theirs) and all(
        (a is None) == (b is None)
        and (a is None or b is None or (a.address, a.size) == (b.address, b.size))
        for a, b in zip(mine, theirs, strict=True)
    )


def _hashed(column: pa.Array, name: str) -> Words | None:
    """Returns the hashes of values that are no longer wrapped in anything but types."""
    column = unwrapped(column)
    if column.null_count == len(column):
        return np.zeros(len(column), np.uint64)
    text = text_bytes(column)
    if text is not None:
        return _hashed_text(text, name)
    numbers = fixed(column)
    return None if numbers is None else _hashed_numbers(numbers, name)


def _hashed_numbers(numbers: Fixed, name: str) -> Words:
    """Returns the hashes of canonical values of fixed width."""
    salts, values = _salts(numbers.tag, name), numbers.values
    if values.ndim == 2:
        found = _mixed_words(np.ascontiguousarray(values[:, 0]).view(np.uint64), salts.words[0])
        # those that fit 64 bits are hashed as if they had no upper word, which is quicker
        wide = np.flatnonzero(values[:, 1] != values[:, 0] >> 63)
        if len(wide):
            upper = np.ascontiguousarray(values[wide, 1]).view(np.uint64)
            found[wide] += _mixed_words(upper, salts.words[1])
    elif values.dtype in (np.float64, np.uint64, np.int64):
        found = _mixed_words(values.view(np.uint64), salts.words[0])
    else:
        found = _mixed_words(values.astype(np.int64).view(np.uint64), salts.words[0])
    if numbers.valid is not None:
        found *= numbers.valid
    return found


def _mixed_words(words: Words, salt: np.uint64) -> Words:
    found = np.empty(len(words), np.uint64)
    for start in range(0, len(words), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        np.bitwise_xor(words[part], salt, out=found[part])
        _mix(found[part])
    return found


def _mix(words: Words) -> None:
    """Mixes words in place."""
    shifted = words >> _OUTER
    words ^= shifted
    words *= _FIRST
    np.right_shift(words, _MIDDLE, out=shifted)
    words ^= shifted
    words *= _SECOND
    np.right_shift(words, _OUTER, out=shifted)
    words ^= shifted


def _hashed_text(text: TextBytes, name: str) -> Words:
    """Returns the hashes of text or bytes."""
    salts = _salts(text.tag, name)
    starts, lengths = text.marks[:-1], np.diff(text.marks)
    data = text.data if len(text.data) >= 8 else np.append(text.data, np.zeros(8, np.uint8))
    view = np.lib.stride_tricks.as_strided(
        data[:8].view(np.uint64), shape=(len(data) - 7,), strides=(1,)
    )
    found = np.zeros(len(lengths), np.uint64)
    for start in range(0, len(lengths), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        sums, sizes = found[part], lengths[part]
        left = sizes
        if int(sizes.max()) > LONG_BYTES:
            long = sizes > LONG_BYTES
            left = np.where(long, 0, sizes)
            for row in np.flatnonzero(long):
                first = int(starts[start + row])
                value = data.data[first : first + int(sizes[row])]
                sums[row] = xxhash.xxh3_64_intdigest(value, seed=salts.long)
        _add_words(sums, view, starts[part], left=left, salts=salts.words)
        sums += sizes.astype(np.uint64) * _LENGTH + salts.length
        _mix(sums)
    if text.valid is not None:
        found *= text.valid
    return found


def _add_words(sums: Words, view: Words, starts: Numbers, *, left: Numbers, salts: Words) -> None:
    """Adds the mixed words of texts to sums, one for each.

    Args:
        sums: What is added to.
        view: The eight bytes at every place of the text.
        starts: Where each text starts.
        left: How many bytes it has.
        salts: The salts of words, by their position.
    """
    rows: Numbers | None = None
    for salt in salts:
        if int(left.min(initial=1)) <= 0:
            here = np.flatnonzero(left > 0)
            rows = here if rows is None else rows[here]
            left, starts = left[here], starts[here]
        if not len(left):
            return
        words = _words_at(view, starts)
        if int(left.min()) < 8:
            words &= _MASKS[np.minimum(left, 8)]
        words ^= salt
        _mix(words)
        if rows is None:
            sums += words
        else:
            sums[rows] += words
        left, starts = left - 8, starts + 8


def _words_at(view: Words, starts: Numbers) -> Words:
    """Returns the eight bytes at some places, of which those behind the end are 0."""
    last = len(view) - 1
    if int(starts[-1]) <= last:  # places ascend
        words: Words = view[starts]
        return words
    places = np.minimum(starts, last)
    beyond = np.minimum(starts - places, 7).astype(np.uint64)
    found: Words = view[places]
    found >>= beyond * np.uint64(8)
    return found


@dataclass(frozen=True, slots=True)
class _Salts:
    """The salts of a column.

    Attributes:
        words: By position of a word within a value.
        length: That of lengths.
        long: The seed for long values.
    """

    words: Words
    length: np.uint64
    long: int


@lru_cache(maxsize=KNOWN_COLUMNS)
def _salts(tag: str, name: str) -> _Salts:
    about = f"{tag}\0{name}".encode(errors="surrogatepass")
    digest = xxhash.xxh3_128_intdigest(about)
    first, second = np.uint64(digest >> 64), np.uint64(digest % (1 << 64))
    positions = np.arange(_POSITIONS, dtype=np.uint64)
    positions *= _LENGTH
    words = positions + first
    _mix(words)
    return _Salts(words, second, int(second ^ first))
