"""Digests of rows: 64 bits for each row, the sum modulo 2**64 of a hash of each of its cells.

The hash of a cell depends on the name that the file gives its column, on the kind of its values,
and on its canonical value (``canonical``); that of NULL is 0, so a column that a file does not
have counts as a column of NULLs. Names survive a table that is made anew, field ids do not. Since
cells are added, the hash of a value that changed can be taken out of a digest, and the new one
put in: what remains of the difference of two digests is that of the columns not looked at.

Every word of eight bytes, and the length of a text, is mixed with a salt of its own before they
are added up. Words that are mixed less cancel: BLOBs that differ in the highest bit of one word and
in two of the next had equal sums. Text of more than ``LONG_BYTES`` is hashed by XXH3.
"""

import sys
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import xxhash

from catalog.dataclasses import dataclass
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

CHUNK_ROWS = 16_384
"""Rows processed at a time: few enough to stay in the processor's caches through all steps."""

LONG_BYTES = 256
"""Length of text from which a call per value costs less than a step per eight bytes."""

KNOWN_COLUMNS = 8_192
"""Columns whose salts are remembered."""

CHUNK_WORDS = 32_768
"""Words of text processed at a time, for the same reason."""

_POSITIONS = LONG_BYTES // 8
_SIZES = ((-1, 4), (4, 8), (8, 16), (16, 32))
"""Numbers of words, those above the first and up to the second, of texts processed together."""

_FIRST, _SECOND = np.uint64(0x3C79AC492BA7B653), np.uint64(0x1C69B3F74AC4AE35)
"""The factors of a mixing step in which every bit depends on all others, and which can be undone.

Source: Pelle Evensen, "Better, stronger mixer and a test procedure" (moremur).
"""
_OUTER, _MIDDLE = np.uint64(27), np.uint64(33)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_UPPER, _LOWER = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_HALF = np.uint64(32)
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


def row_sum(words: Words) -> int:
    """Returns the sum modulo 2**128 over rows, each of which counts with 128 bits of its digest.

    Files, or sets of files, of equal sums hold the same rows, in whatever order.
    """
    upper = lower = 0
    for part in _parts(len(words)):
        upper += _exact(_mixed(words[part], _UPPER))
        lower += _exact(_mixed(words[part], _LOWER))
    return ((upper << 64) + lower) % (1 << 128)


def _exact(words: Words) -> int:
    """Returns the sum of up to 2**32 words."""
    upper = int((words >> _HALF).sum())
    return (upper << 32) + int((words & np.uint64(0xFFFFFFFF)).sum())


class CellHasher:
    """Hashes the values of a column of a file, piece by piece.

    The entries of a dictionary are hashed once, as long as pieces share it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._dictionary: pa.Array | None = None
        self._entries: Words | None = None

    def hashes(self, column: pa.Array | pa.ChunkedArray) -> Words | None:
        """Returns the hashes of some values; see ``cell_hashes``."""
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        found = np.zeros(len(column), np.uint64)
        start = 0
        for chunk in chunks:
            if not self.add(found[start : start + len(chunk)], chunk):
                return None
            start += len(chunk)
        return found if hash_kind(column.type) is not None else None

    def add(self, sums: Words, column: pa.Array, values: Fixed | TextBytes | None = None) -> bool:
        """Adds the hashes of some values to sums, one for each.

        Args:
            sums: What is added to; after a failure, it is of no use.
            column: The values.
            values: The same in their canonical form, where it is known.

        Returns:
            False if digests of rows cannot hold the type, or one of the values.
        """
        if hash_kind(column.type) is None:
            return False
        if column.null_count == len(column):
            return True
        if isinstance(column.type, pa.BaseExtensionType):
            column = column.storage
        try:
            if pa.types.is_dictionary(column.type) and len(column.dictionary) <= len(column):
                return self._add_by_entries(sums, column)
            return _add(sums, _canonical(column) if values is None else values, self._name)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # a value is beyond the canonical form, as a timestamp far away
            return False

    def _add_by_entries(self, sums: Words, column: pa.DictionaryArray) -> bool:
        """Adds hashes of values that are given by their places in a dictionary."""
        dictionary = column.dictionary
        if self._dictionary is None or not _same_buffers(self._dictionary, dictionary):
            entries = np.zeros(len(dictionary), np.uint64)
            self._dictionary, self._entries = dictionary, entries
            if dictionary.null_count < len(dictionary) and not _add(
                entries, _canonical(dictionary), self._name
            ):
                self._entries = None
        if self._entries is None:
            return False
        places = to_numpy(column.indices)
        valid = to_numpy(column.indices.is_valid()) if column.indices.null_count else None
        for part in _parts(len(places)):
            if valid is None:
                sums[part] += self._entries[places[part]]
            else:
                found = self._entries[np.where(valid[part], places[part], 0)]
                found *= valid[part]
                sums[part] += found
        return True


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


def _canonical(column: pa.Array) -> Fixed | TextBytes | None:
    """Returns the canonical form of values."""
    column = unwrapped(column)
    return text_bytes(column) or fixed(column)


def _parts(rows: int) -> Iterator[slice]:
    for start in range(0, rows, CHUNK_ROWS):
        yield slice(start, min(start + CHUNK_ROWS, rows))


def _add(sums: Words, values: Fixed | TextBytes | None, name: str) -> bool:
    """Adds the hashes of canonical values to sums; False if there are none."""
    if values is None:
        return False
    salts = _salts(values.tag, name)
    for part in _parts(len(sums)):
        if isinstance(values, Fixed):
            found = _hashed_numbers(values.values[part], salts)
        else:
            marks = values.marks[part.start : part.stop + 1].astype(np.int64, copy=False)
            found = _hashed_text(values.data, marks, salts)
        if values.valid is not None:
            found *= values.valid[part]
        sums[part] += found
    return True


def _hashed_numbers(values: Numbers, salts: "_Salts") -> Words:
    """Returns the hashes of canonical values of fixed width."""
    if values.ndim == 2:
        found = _mixed(values[:, 0].view(np.uint64), salts.words[0])
        # those that fit 64 bits are hashed as if they had no upper word, which is quicker
        wide = np.flatnonzero(values[:, 1] != values[:, 0] >> 63)
        if len(wide):
            found[wide] += _mixed(values[wide, 1].view(np.uint64), salts.words[1])
        return found
    if values.dtype not in (np.float64, np.uint64, np.int64):
        values = values.astype(np.int64)
    return _mixed(values.view(np.uint64), salts.words[0])


def _mixed(words: Words, salt: np.uint64) -> Words:
    """Returns words mixed with a salt."""
    found = words ^ salt
    _mix(found)
    return found


class _Scratch(threading.local):
    """Memory of a thread for intermediate steps, which costs more to get than to use."""

    def __init__(self) -> None:
        self.words = np.empty(CHUNK_WORDS, np.uint64)


_scratch = _Scratch()


def _mix(words: Words) -> None:
    """Mixes up to ``CHUNK_WORDS`` words in place."""
    shifted = _scratch.words[: words.size].reshape(words.shape)
    np.right_shift(words, _OUTER, out=shifted)
    words ^= shifted
    words *= _FIRST
    np.right_shift(words, _MIDDLE, out=shifted)
    words ^= shifted
    words *= _SECOND
    np.right_shift(words, _OUTER, out=shifted)
    words ^= shifted


def _hashed_text(data: Numbers, marks: Numbers, salts: "_Salts") -> Words:
    """Returns the hashes of text or bytes between marks."""
    starts, lengths = marks[:-1], marks[1:] - marks[:-1]
    least, most = int(lengths.min()), int(lengths.max())
    if most <= max(8 * _SIZES[0][1], min(2 * least, LONG_BYTES)):
        count = -(-most // 8)
        found = salts.ends(count).take(lengths)
        _add_words(found, data, starts, lengths=lengths, salts=salts.words[:count])
        return found
    found = np.empty(len(lengths), np.uint64)
    counts = (lengths + 7) >> 3
    for low, high in _SIZES:
        if 8 * low < most and 8 * high >= least:
            rows = np.flatnonzero((counts > low) & (counts <= high))
            place, size = starts[rows], lengths[rows]
            some = salts.ends(high).take(size)
            _add_words(some, data, place, lengths=size, salts=salts.words[:high])
            found[rows] = some
    if most > LONG_BYTES:
        rows = np.flatnonzero(lengths > LONG_BYTES)
        found[rows] = _long_hashes(data, starts[rows], lengths[rows], seed=salts.long)
    return found


def _long_hashes(data: Numbers, starts: Numbers, lengths: Numbers, *, seed: int) -> Words:
    """Returns the hashes of texts that are long."""
    content = data.data
    ends = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
    hashes = [xxhash.xxh3_64_intdigest(content[start:end], seed=seed) for start, end in ends]
    return np.array(hashes, dtype=np.uint64)


def _add_words(
    sums: Words, data: Numbers, starts: Numbers, *, lengths: Numbers, salts: Words
) -> None:
    """Adds the mixed words of texts to sums, one for each.

    Args:
        sums: What is added to.
        data: The bytes of all texts.
        starts: Where each text starts, in ascending order.
        lengths: How many bytes each has.
        salts: The salts of words by their position, as many as the longest text has words.
    """
    width = 8 * len(salts)
    if not width:
        return
    step = CHUNK_WORDS // len(salts)
    inner = int(np.searchsorted(starts, len(data) - width, side="right"))
    ending = data[:0]
    if inner < len(starts):  # where less follows than is read at once
        ending = np.append(data[int(starts[inner]) :], np.zeros(width, np.uint8))
    for first, last in ((0, inner), (inner, len(starts))):
        for start in range(first, last, step):
            part = slice(start, min(start + step, last))
            if first < inner:
                words = _words(data, starts[part], width)
            else:
                words = _words(ending, starts[part] - starts[inner], width)
            sums[part] += _summed(words, lengths[part], salts)


def _words(data: Numbers, starts: Numbers, width: int) -> Words:
    """Returns a copy of texts of up to a number of bytes: a row of words for each position."""
    first, step = int(starts[0]), int(starts[-1] - starts[0]) // max(len(starts) - 1, 1)
    if step >= width - 7 and bool((np.diff(starts) == step).all()):
        evenly: Words = np.ndarray(
            (width // 8, len(starts)), np.uint64, data.data, offset=first, strides=(8, step)
        )
        return evenly.copy()  # words are mixed in place, and these are the values' own memory
    windows: Numbers = np.ndarray((len(data) - width + 1,), f"V{width}", data.data, strides=(1,))
    texts = windows[starts].view(np.uint64).reshape(len(starts), width // 8)
    return np.ascontiguousarray(texts.T)


def _summed(words: Words, lengths: Numbers, salts: Words) -> Words:
    """Returns the sums of the mixed words of texts, in which bytes beyond a text are 0."""
    ended = int(lengths.min()) // 8  # the first position at which a text may have no whole word
    if ended < len(salts):
        left = lengths - 8 * np.arange(ended, len(salts))[:, None]
        words[ended:] &= _MASKS.take(left, mode="clip")
    words ^= salts[:, None]
    _mix(words)
    if len(words) == 1:
        first: Words = words[0]
        return first
    total: Words = words[0] + words[1]
    for more in words[2:]:
        total += more
    return total


@dataclass(frozen=True, slots=True)
class _Salts:
    """The salts of a column.

    Attributes:
        words: By position of a word within a value.
        lengths: What the lengths of texts add, by length.
        long: The seed for long texts.
    """

    words: Words
    lengths: Words
    long: int
    _ends: dict[int, Words]

    def ends(self, count: int) -> Words:
        """Returns what the lengths of texts add, less what absent words up to some count do.

        So texts that have fewer words need not be processed apart.
        """
        found = self._ends.get(count)
        if found is None:
            absent = np.zeros(count, np.uint64) ^ self.words[:count]
            _mix(absent)
            found = self.lengths.copy()
            for place in range(count):
                found[: 8 * place + 1] -= absent[place]
            self._ends[count] = found
        return found


@lru_cache(maxsize=KNOWN_COLUMNS)
def _salts(tag: str, name: str) -> _Salts:
    about = f"{tag}\0{name}".encode(errors="surrogatepass")
    digest = xxhash.xxh3_128_intdigest(about)
    first, second = np.uint64(digest >> 64), np.uint64(digest % (1 << 64))
    words = np.arange(_POSITIONS, dtype=np.uint64)
    words *= _STEP
    words += first
    _mix(words)
    lengths = _mixed(np.arange(LONG_BYTES + 1, dtype=np.uint64), second)
    return _Salts(words, lengths, int(second ^ first), {})
