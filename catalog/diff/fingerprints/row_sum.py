"""Sums over rows: equal for files that hold the same rows, in whatever order and files.

Every value becomes 128 bits, salted by its column; those of a row are added and mixed once more,
and the results of all rows are added modulo 2**128. The sum of two files is the sum of their sums.
NULL adds nothing, so a column that a file does not have counts as a column of NULLs.
"""

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import xxhash

from catalog.diff.fingerprints.canonical import Block, Fixed, TextBytes, text_bytes

Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
Salts: TypeAlias = tuple[np.uint64, np.uint64]

CHUNK_ROWS = 8_192
"""Rows processed at a time: few enough to stay in the processor's caches through all steps."""

MODULUS = 1 << 128

_A, _B, _C = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_HALF, _THIRD = np.uint64(32), np.uint64(29)
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)


class RowSum:
    """The sum over the rows of a block, computed column by column."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._upper, self._lower = (np.zeros(rows, dtype=np.uint64) for _ in range(2))

    def add(self, field_id: int, column: pa.Array, block: Block) -> bool:
        """Adds a column.

        Returns:
            False if its values are not text, bytes or of fixed width: there is no sum then.
        """
        if block.nulls == self._rows:
            return True
        if block.fixed is not None:
            self._add_fixed(block.fixed, field_id)
            return True
        text = text_bytes(column)
        if text is None:
            return False
        self._add_text(text, _salts(text.tag, field_id))
        return True

    def total(self) -> int:
        """Returns the sum over the rows."""
        total = 0
        for start in range(0, self._rows, CHUNK_ROWS):
            one, other = (part[start : start + CHUNK_ROWS] for part in (self._upper, self._lower))
            high, low = _mixed(one ^ (other >> _HALF), _A), _mixed(other + one * _B, _C)
            total += (_exact(high) << 64) + _exact(low)
        return total % MODULUS

    def _add_words(self, words: Words, valid: Words | None, salts: Salts) -> None:
        for start in range(0, len(words), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            one = _mixed(words[part] ^ salts[0], _A)
            other = _mixed(one ^ (words[part] + salts[1]), _C)
            self._add_hashed(part, one, other, valid=valid)

    def _add_hashed(self, part: slice, one: Words, other: Words, *, valid: Words | None) -> None:
        if valid is not None:
            one *= valid[part]
            other *= valid[part]
        self._upper[part] += one
        self._lower[part] += other

    def _add_fixed(self, fixed: Fixed, field_id: int) -> None:
        values, salts = fixed.values, _salts(fixed.tag, field_id)
        valid = None if fixed.valid is None else fixed.valid.astype(np.uint64)
        if values.ndim == 2:
            wide = values[:, 1] != values[:, 0] >> 63
            if wide.any():
                here = wide if fixed.valid is None else wide & fixed.valid
                above = np.ascontiguousarray(values[:, 1]).view(np.uint64)
                more = _salts(f"{fixed.tag}, upper", field_id)
                self._add_words(above, here.astype(np.uint64), more)
            values = np.ascontiguousarray(values[:, 0])
        if values.dtype == np.float64:
            words = values.view(np.uint64)
        else:
            kind = np.int64 if values.dtype != np.uint64 else np.uint64
            words = values.astype(kind).view(np.uint64)
        self._add_words(words, valid, salts)

    def _add_text(self, text: TextBytes, salts: Salts) -> None:
        """Adds text, eight bytes of each value at a time."""
        padded = np.zeros(len(text.data) + 8, dtype=np.uint8)
        padded[: len(text.data)] = text.data
        view = np.lib.stride_tricks.as_strided(
            padded[:8].view(np.uint64), shape=(len(text.data) + 1,), strides=(1,)
        )
        starts, lengths = text.marks[:-1], np.diff(text.marks)
        valid = None if text.valid is None else text.valid.astype(np.uint64)
        for start in range(0, len(lengths), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            one, other = _hashed(view, starts[part], lengths[part], salts=salts)
            self._add_hashed(part, one, other, valid=valid)


def _exact(words: Words) -> int:
    """Returns the sum of up to 2**32 words."""
    upper = int((words >> _HALF).sum())
    return (upper << 32) + int((words & np.uint64(0xFFFFFFFF)).sum())


def _salts(kind: str, field_id: int) -> Salts:
    digest = xxhash.xxh3_128(f"{kind}\0{field_id}".encode()).intdigest()
    return np.uint64(digest >> 64), np.uint64(digest % (1 << 64))


def _mixed(words: Words, factor: np.uint64) -> Words:
    """Returns words in which every bit depends on all bits of the given ones."""
    words = words * factor
    words ^= words >> _HALF
    words *= _B
    words ^= words >> _THIRD
    words *= _C
    words ^= words >> _HALF
    return words


def _hashed(
    view: Words,
    starts: np.ndarray[Any, Any],
    left: np.ndarray[Any, Any],
    *,
    salts: Salts,
) -> tuple[Words, Words]:
    """Returns two words for each text, from the eight bytes at every place and their lengths."""
    one, other = left.astype(np.uint64) ^ salts[0], left.astype(np.uint64) + salts[1]
    rows: np.ndarray[Any, Any] | None = None
    while len(left) and (most := int(left.max())) > 0:
        if int(left.min()) <= 0:
            here = np.flatnonzero(left > 0)
            rows = here if rows is None else rows[here]
            left, starts = left[here], starts[here]
        words = view[starts] & _MASKS[np.minimum(left, 8)]
        mine, theirs = (one, other) if rows is None else (one[rows], other[rows])
        mine = (mine ^ words) * _A
        mine ^= mine >> _HALF
        theirs = (theirs + words) * _B
        theirs ^= (theirs >> _THIRD) ^ mine
        if rows is None:
            one, other = mine, theirs
        else:
            one[rows], other[rows] = mine, theirs
        if most <= 8:
            break
        left, starts = left - 8, starts + 8
    return _mixed(one, _A), _mixed(other, _C)
