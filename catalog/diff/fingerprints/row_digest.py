"""Digests of rows: 64 bits for each row, the sum modulo 2**64 of a hash of each of its cells.

The hash of a cell depends on the name that the file gives its column, on the kind of its values,
and on its canonical value (``canonical``); that of NULL is 0, so a column that a file does not
have counts as a column of NULLs. Names survive a table that is made anew, field ids do not. Since
cells are added, the hash of a value that changed can be taken out of a digest, and the new one
put in: what remains of the difference of two digests is that of the columns not looked at.

A number is one word of eight bytes, or two. The first word of a text is its length and its first
four bytes, as in the views of Arrow, which makes them far faster than numpy; the others are the
bytes that follow. Every word is mixed fully, with factors of its column and its place, before they
are added up. Words that are mixed less cancel: BLOBs that differ in the highest bit of one word and
in two of the next had equal sums. Words of 0 add nothing; so each value adds a word of its column,
too, which tells it from NULL. Text of more than ``LONG_BYTES`` is hashed by XXH3.
"""

import sys

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call
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
from catalog.diff.fingerprints.mixing import (
    CHUNK_WORDS,
    Numbers,
    Salts,
    Words,
    add_mixed,
    parts,
    salts,
    scratch,
    sum_of_rows,
)
from catalog.diff.fingerprints.text_hashes import add_text
from catalog.engine.arrow_arrays import to_numpy

CHUNK_ROWS = CHUNK_WORDS
"""Rows processed at a time."""

TABLE_WORDS = 4_096
"""Integers that are hashed once each, where no others occur, and looked up: as many as the nearest
cache holds."""

TABLE_SHARE = 8
"""Rows for each of them from which that pays."""

_HIGHEST = np.int64(-(1 << 63))


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
    return sum_of_rows(words)


class CellHasher:
    """Hashes the values of a column of a file, piece by piece.

    The entries of a dictionary are hashed once, as long as pieces share it; so are the integers of
    a small range.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._dictionary: pa.Array | None = None
        self._entries: Words | None = None
        self._table: _Table | None = None

    def hashes(self, column: pa.Array | pa.ChunkedArray) -> Words | None:
        """Returns the hashes of some values; see ``cell_hashes``."""
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        found = np.zeros(len(column), np.uint64)
        start = 0
        for chunk in chunks:
            sums = found[start : start + len(chunk)]
            due = self.add(sums, chunk)
            if due is None:
                return None
            sums += due
            start += len(chunk)
        return found if hash_kind(column.type) is not None else None

    def add(
        self,
        sums: Words,
        column: pa.Array,
        values: Fixed | TextBytes | None = None,
    ) -> np.uint64 | None:
        """Adds the hashes of some values to sums, one for each, but for a word.

        Args:
            sums: What is added to; after a failure, it is of no use.
            column: The values.
            values: The same in their canonical form, where it is known.

        Returns:
            The word, which remains to be added to each; None if digests of rows cannot hold the
            type, or one of the values.
        """
        nothing = np.uint64(0)
        if hash_kind(column.type) is None:
            return None
        if column.null_count == len(column):
            return nothing
        if isinstance(column.type, pa.BaseExtensionType):
            column = column.storage
        try:
            if pa.types.is_dictionary(column.type) and len(column.dictionary) <= len(column):
                return nothing if self._add_by_entries(sums, column) else None
            if values is None:
                values = _canonical(column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # a value is beyond the canonical form, as a timestamp far away
            return None
        return None if values is None else self._add(sums, values)

    def _add(self, sums: Words, values: Fixed | TextBytes) -> np.uint64:
        """Adds the hashes of canonical values to sums, but for the word that is returned."""
        known = salts(values.tag, self._name)
        if isinstance(values, TextBytes):
            add_text(sums, values, known)
        elif values.values.ndim == 2:
            _add_decimals(sums, values.values, known)
        elif values.values.dtype == np.float64:
            add_mixed(sums, values.values.view(np.uint64), known)
        else:
            self._add_integers(sums, values, known)
        if values.valid is not None:
            sums[np.flatnonzero(~values.valid)] -= known.present
        return known.present

    def _add_integers(self, sums: Words, values: Fixed, known: Salts) -> None:
        numbers = values.values
        table = self._table_for(values, known)
        for part in parts(len(sums)):
            few = numbers[part]
            if table is not None:
                places = few
                if table.least or few.dtype != np.int64:
                    places = scratch.shifted[: len(few)].view(np.int64)
                    np.subtract(few, table.least, out=places, dtype=np.int64, casting="unsafe")
                found = scratch.words[: len(few)]
                table.hashes.take(places, out=found, mode="clip")
                sums[part] += found
                continue
            if few.dtype not in (np.uint64, np.int64):
                wide = scratch.shifted[: len(few)].view(np.int64)  # mixed before it is used again
                np.copyto(wide, few)
                few = wide
            add_mixed(sums[part], few.view(np.uint64), known)

    def _table_for(self, values: Fixed, known: Salts) -> "_Table | None":
        """Returns a table of the hashes of all integers between the least and the greatest."""
        numbers = values.values
        if len(numbers) < CHUNK_ROWS or values.edges is None:
            return None
        least, most = map(int, values.edges)
        if most - least >= TABLE_WORDS or least < -(1 << 62) or most >= 1 << 62:
            return None
        if least >= 0 and most < TABLE_WORDS:
            least = 0
        table = self._table
        if table is None or not table.holds(least, most, known):
            if TABLE_SHARE * (most - least) > len(numbers):
                return None
            hashes = np.zeros(most - least + 1, np.uint64)
            integers = np.arange(least, most + 1, dtype=np.int64)
            add_mixed(hashes, integers.view(np.uint64), known)
            self._table = table = _Table(known, least, hashes)
        return table

    def _add_by_entries(self, sums: Words, column: pa.DictionaryArray) -> bool:
        """Adds hashes of values that are given by their places in a dictionary."""
        dictionary = column.dictionary
        if self._dictionary is None or not _same_buffers(self._dictionary, dictionary):
            self._dictionary = dictionary
            self._entries = CellHasher(self._name).hashes(dictionary)
        if self._entries is None:
            return False
        places = to_numpy(column.indices)
        valid = to_numpy(call("is_valid", column.indices)) if column.indices.null_count else None
        for part in parts(len(places)):
            found = scratch.words[: len(sums[part])]
            self._entries.take(places[part], out=found, mode="clip")
            if valid is not None:
                found[~valid[part]] = 0
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


def _add_decimals(sums: Words, pairs: Numbers, known: Salts) -> None:
    """Adds the hashes of pairs of words, the lower first, to sums."""
    add_mixed(sums, np.ascontiguousarray(pairs[:, 0]).view(np.uint64), known)
    # those that fit 64 bits are hashed as if they had no upper word, which is quicker
    wide = np.flatnonzero(pairs[:, 1] != pairs[:, 0] >> 63)
    if len(wide):
        found = np.zeros(len(wide), np.uint64)
        upper = pairs[wide, 1] ^ _HIGHEST  # which no decimal has, so that it is never 0
        add_mixed(found, upper.view(np.uint64), known, place=1)
        sums[wide] += found


@dataclass(frozen=True, slots=True)
class _Table:
    """The hashes of consecutive integers, but for what every value adds.

    Attributes:
        salts: Those of the column.
        least: The first of them.
        hashes: By how far an integer is above it.
    """

    salts: Salts
    least: int
    hashes: Words

    def holds(self, least: int, most: int, known: Salts) -> bool:
        """Returns whether all integers between two are in it, hashed with given salts."""
        end = self.least + len(self.hashes)
        return self.salts is known and self.least <= least and most < end
