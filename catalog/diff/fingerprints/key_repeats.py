"""Whether keys repeat in several files whose bounds overlap, by words that stand for them.

Equal keys have equal hashes, so where no hash occurs twice, no key does: that takes eight bytes a
row and a sort, a table of all keys several times the memory and the time. Integers alone stand
for themselves, as those close together need not be sorted.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import xxhash

from catalog.diff.fingerprints.canonical import repeated
from catalog.diff.fingerprints.column_reader import opened
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.mixing import Words
from catalog.diff.fingerprints.row_digest import CellHasher, hash_kind
from catalog.engine.arrow_arrays import to_numpy, zeros
from catalog.errors import CorruptData
from catalog.model.fingerprint import BLOCK_ROWS

MOST_KEYS = 1 << 25
"""Keys up to which hashes are held in memory, a quarter of a gigabyte of them."""

_WORD = 1 << 64


def no_key_repeats(files: Sequence[tuple[str, KeyedFile]]) -> bool:
    """Returns whether no key occurs twice in some files, as far as their hashes show.

    Args:
        files: Local paths, and what the files are, of one table and by one key.

    Returns:
        Whether that is certain; if not, hashes are equal, or cannot be had.
    """
    rows = sum(keyed.file.rows for _, keyed in files)
    if rows > MOST_KEYS:
        return False
    codes = np.empty(rows, np.uint64)
    kinds: dict[int, str] = {}
    start = 0
    for path, keyed in files:
        end = start + keyed.file.rows
        try:
            if not _add_keys(codes[start:end], path, keyed, kinds=kinds):
                return False
        except CorruptData:  # the engine says what is wrong with it
            return False
        start = end
    return repeated(codes) == 0


def _add_keys(codes: Words, path: str, keyed: KeyedFile, *, kinds: dict[int, str]) -> bool:
    """Fills in the words of a file's keys; False if one of its columns has none.

    Kinds of values, by field id, must be those of the files before: a number as text, or with
    other digits after the point, has another hash.
    """
    table, file = keyed.table, keyed.file
    inner = [field_id for field_id in keyed.key if field_id not in table.partition_by]
    places = {column.field_id: place for place, column in enumerate(keyed.columns)}
    if not inner or not places.keys() >= set(inner):
        return False
    alone = len(keyed.key) == 1
    codes[:] = _partition_word(keyed)
    wanted = [places[field_id] for field_id in inner]
    hashers = [CellHasher(f"key {n}") for n in range(len(inner))]
    with opened(path, keyed, plain=wanted) as found:
        if found.rows != file.rows or not found.digestible.issuperset(inner):
            return False
        start = 0
        for batch in found.batches(wanted, rows=BLOCK_ROWS):
            sums = zeros(batch.num_rows)
            for field_id, hasher, column in zip(inner, hashers, batch.columns, strict=True):
                kind = hash_kind(column.type)
                if kind is None or kinds.setdefault(field_id, kind) != kind:
                    return False
                own = _integers(column) if alone and kind == "int" else hasher.hashes(column)
                if own is None:
                    return False
                sums += own
            codes[start : start + len(sums)] += sums
            start += len(sums)
    return True


def _integers(column: pa.ChunkedArray) -> Words | None:
    """Returns the values of a column of integers; None if one is NULL."""
    return None if column.null_count else to_numpy(column.cast(pa.int64())).view(np.uint64)


def _partition_word(keyed: KeyedFile) -> np.uint64:
    """Returns what the partition adds to the hashes of keys that it belongs to."""
    total = 0
    for number, (field_id, value) in enumerate(
        zip(keyed.table.partition_by, keyed.file.partition, strict=True)
    ):
        if field_id in keyed.key and value is not None:
            total += xxhash.xxh3_64_intdigest(value, seed=number + 1)
    return np.uint64(total % _WORD)
