"""Hashes of text and bytes, for digests of rows; see ``row_digest``."""

import numpy as np
import pyarrow as pa
import xxhash

from catalog.arrow_functions import cast
from catalog.diff.fingerprints.canonical import TextBytes
from catalog.diff.fingerprints.mixing import (
    CHUNK_WORDS,
    LONG_BYTES,
    Numbers,
    Salts,
    Words,
    add_mixed,
    mix,
    parts,
    scratch,
)

VIEW_BYTES = (1 << 31) - 1
"""Bytes that views of Arrow can be over."""

VIEWED_ROWS = 65_536
"""Rows of which Arrow makes views at a time: calling it takes as long as some thousands do."""

_START = 4
"""Bytes of a text in its first word, above its length."""

_INLINE = 12
"""Bytes up to which a view holds a text itself."""

_SIZES = ((1, 4), (4, 8), (8, 16), (16, 32))
"""Numbers of words after the first, those above the former up to the latter, of texts processed
together."""

_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)


def add_text(sums: Words, text: TextBytes, salts: Salts) -> None:
    """Adds the hashes of text to sums, one for each, but what all values add."""
    for whole in parts(len(sums), VIEWED_ROWS):
        views = _views(text.data, text.marks[whole.start : whole.stop + 1])
        for part in parts(len(views), CHUNK_WORDS // 2):
            start, stop = whole.start + part.start, whole.start + part.stop
            marks = text.marks[start : stop + 1]
            _add_some(sums[start:stop], text.data, marks, views=views[part], salts=salts)


def _add_some(sums: Words, data: Numbers, marks: Numbers, *, views: Words, salts: Salts) -> None:
    """Adds the hashes of up to half of ``CHUNK_WORDS`` texts to sums.

    They are those between marks in some data; ``views`` are as of ``_views``.
    """
    lengths = marks[1:] - marks[:-1]
    most = int(lengths.max())
    if most <= _INLINE:
        _add_inline(sums, views, 2 if most > _START else 1, salts)
        return
    add_mixed(sums, np.ascontiguousarray(views[:, 0]), salts)
    starts, lengths = marks[:-1].astype(np.int64), lengths.astype(np.int64, copy=False)
    if most > LONG_BYTES:
        rows = np.flatnonzero(lengths > LONG_BYTES)
        sums[rows] += _long_hashes(data, starts[rows], lengths[rows], seed=salts.long)
        lengths[rows] = 0
        most = int(lengths.max())
    starts += _START
    lengths -= _START
    most -= _START
    if most <= 0:
        return
    if most <= max(8 * _SIZES[0][1], min(2 * int(lengths.min()), LONG_BYTES)):
        _add_words(sums, data, starts, lengths=lengths, count=-(-most // 8), salts=salts)
        return
    counts = (lengths + 7) >> 3
    rows = np.flatnonzero(counts == 1)
    if len(rows):
        some = np.zeros(len(rows), np.uint64)
        add_mixed(some, views[rows, 1], salts, place=1)
        sums[rows] += some
    for low, high in _SIZES:
        if 8 * low < most:
            rows = np.flatnonzero((counts > low) & (counts <= high))
            if len(rows):
                some = np.zeros(len(rows), np.uint64)
                place, size = starts[rows], lengths[rows]
                _add_words(some, data, place, lengths=size, count=high, salts=salts)
                sums[rows] += some


def _add_inline(sums: Words, views: Words, count: int, salts: Salts) -> None:
    """Adds the hashes of texts that views hold themselves."""
    words = scratch.words[: count * len(views)].reshape(count, len(views))
    np.copyto(words, views[:, :count].T)
    mix(words, salts, place=0)
    for row in words:
        sums += row


def _views(data: Numbers, marks: Numbers) -> Words:
    """Returns the views of texts between marks: pairs of words.

    The first is the length of a text, and its first four bytes above that. The second is its next
    eight bytes, if there are no more; else it says nothing. Bytes beyond the text are 0.
    """
    first, last = int(marks[0]), int(marks[-1])
    if last > VIEW_BYTES:
        marks, data = marks - first, data[first:last]
        if last - first > VIEW_BYTES:
            return _views_of_much(data, marks)
    kind = pa.binary() if marks.itemsize == 4 else pa.large_binary()
    buffers = [None, pa.py_buffer(marks), pa.py_buffer(data)]
    views = cast(pa.Array.from_buffers(kind, len(marks) - 1, buffers), pa.binary_view())
    content = np.frombuffer(views.buffers()[1], np.uint64)
    pairs: Words = content[2 * views.offset : 2 * (views.offset + len(views))].reshape(-1, 2)
    return pairs


def _views_of_much(data: Numbers, marks: Numbers) -> Words:
    """Returns what ``_views`` does, of more bytes than Arrow's views can be over."""
    found = np.zeros((len(marks) - 1, 2), np.uint64)
    content = data.data
    for n, (start, end) in enumerate(zip(marks[:-1].tolist(), marks[1:].tolist(), strict=True)):
        head = bytes(content[start : min(end, start + _INLINE)])
        found[n, 0] = (end - start) % (1 << 32) | int.from_bytes(head[:_START], "little") << 32
        found[n, 1] = int.from_bytes(head[_START:], "little")
    return found


def _long_hashes(data: Numbers, starts: Numbers, lengths: Numbers, *, seed: int) -> Words:
    """Returns the hashes of texts that are long."""
    content = data.data
    ends = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
    hashes = [xxhash.xxh3_64_intdigest(content[start:end], seed=seed) for start, end in ends]
    return np.array(hashes, dtype=np.uint64)


def _add_words(
    sums: Words, data: Numbers, starts: Numbers, *, lengths: Numbers, count: int, salts: Salts
) -> None:
    """Adds the mixed words of texts, without their first ones, to sums.

    Args:
        sums: What is added to.
        data: The bytes of all texts.
        starts: Where the second word of each starts, in ascending order.
        lengths: How many bytes follow; there are none below 1.
        count: How many words at most.
        salts: The salts of the column.
    """
    width = 8 * count
    step = CHUNK_WORDS // count
    inner = int(np.searchsorted(starts, len(data) - width, side="right"))
    ending = data[:0]
    if inner < len(starts):  # where less follows than is read at once
        ending = np.append(data[int(starts[inner]) :], np.zeros(width + _START, np.uint8))
    for first, last in ((0, inner), (inner, len(starts))):
        for start in range(first, last, step):
            part = slice(start, min(start + step, last))
            if first < inner:
                words = _words(data, starts[part], width)
            else:
                words = _words(ending, starts[part] - starts[inner], width)
            _mask(words, lengths[part])
            mix(words, salts, place=1)
            few = sums[part]
            for row in words:
                few += row


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


def _mask(words: Words, lengths: Numbers) -> None:
    """Makes the bytes of words that are beyond a text 0."""
    ended = max(0, int(lengths.min())) // 8  # the first place at which a text may have no word
    if ended < len(words):
        left = lengths - 8 * np.arange(ended, len(words))[:, None]
        words[ended:] &= _MASKS.take(left, mode="clip")
