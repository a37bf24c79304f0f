"""Whether keys repeat in several files whose bounds overlap, by words that stand for them.

Equal keys have equal hashes, so where no hash occurs twice, no key does: that takes eight bytes a
row and a sort, a table of all keys several times the memory and the time. Integers alone stand
for themselves, as those close together need not be sorted.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import xxhash

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.canonical import repeated
from catalog.diff.fingerprints.column_reader import opened
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.mixing import Words
from catalog.diff.fingerprints.row_digest import CellHasher, hash_kind
from catalog.engine.arrow_arrays import to_numpy
from catalog.errors import CorruptData
from catalog.model.datafile import Identity
from catalog.model.fingerprint import BLOCK_ROWS

MOST_KEYS = 1 << 25
"""Keys up to which hashes are held in memory, a quarter of a gigabyte of them."""

_WORD = 1 << 64


@dataclass(frozen=True, slots=True)
class KeyWords:
    """What stands for the keys of a file.

    Attributes:
        words: A word for each row; those of equal keys are equal.
        kinds: The kinds of the values, by field id; only words of keys of the same kinds compare.
    """

    words: Words
    kinds: Mapping[int, str]


def no_key_repeats(
    files: Sequence[tuple[str, KeyedFile]],
    known: Mapping[tuple[Identity, tuple[int, ...]], KeyWords] = MappingProxyType({}),
) -> bool:
    """Returns whether no key occurs twice in some files, as far as their hashes show.

    Args:
        files: Local paths, and what the files are, of one table and by one key.
        known: What stands for the keys of files, by file and key; others are read.

    Returns:
        Whether that is certain; if not, hashes are equal, or cannot be had.
    """
    rows = sum(keyed.file.rows for _, keyed in files)
    if rows > MOST_KEYS:
        return False
    codes = np.empty(rows, np.uint64)
    kinds: Mapping[int, str] | None = None
    start = 0
    for path, keyed in files:
        end = start + keyed.file.rows
        found = known.get((keyed.file.identity, tuple(keyed.key)))
        try:
            found = found or _read_words(path, keyed)
        except CorruptData:  # the engine says what is wrong with it
            return False
        # a number as text, or with other digits after the point, has another hash
        if found is None or len(found.words) != end - start or kinds not in (None, found.kinds):
            return False
        codes[start:end], kinds = found.words, found.kinds
        start = end
    return repeated(codes) == 0


def words_of_rows(
    keyed: KeyedFile, parts: Iterable[Mapping[int, pa.Array | pa.ChunkedArray]]
) -> KeyWords | None:
    """Returns what stands for the keys of a file; None if a column or value of them has none.

    Args:
        keyed: The file.
        parts: Its rows, in parts: columns by field id, those of the key among them.
    """
    inner = _inner(keyed)
    alone = len(keyed.key) == 1
    codes = np.full(keyed.file.rows, _partition_word(keyed), np.uint64)
    hashers = {field_id: CellHasher(f"key {n}") for n, field_id in enumerate(inner)}
    kinds: dict[int, str] = {}
    start = 0
    for part in parts if inner else ():
        end = start + len(part[inner[0]])
        for field_id in inner:
            column = part[field_id]
            kind = hash_kind(column.type)
            if kind is None or kinds.setdefault(field_id, kind) != kind:
                return None
            own = _integers(column) if alone and kind == "int" else hashers[field_id].hashes(column)
            if own is None:
                return None
            codes[start:end] += own
        start = end
    return KeyWords(codes, kinds) if inner and start == len(codes) else None


def _inner(keyed: KeyedFile) -> list[int]:
    """Returns the field ids of the key's columns that are not given by the partition."""
    return [field_id for field_id in keyed.key if field_id not in keyed.table.partition_by]


def _read_words(path: str, keyed: KeyedFile) -> KeyWords | None:
    """Returns what stands for the keys in a file, which is read."""
    inner = _inner(keyed)
    places = {column.field_id: place for place, column in enumerate(keyed.columns)}
    if not places.keys() >= set(inner):
        return None
    wanted = [places[field_id] for field_id in inner]
    with opened(path, keyed, plain=wanted) as found:
        if found.rows != keyed.file.rows or not found.digestible.issuperset(inner):
            return None
        batches = found.batches(wanted, rows=BLOCK_ROWS) if inner else ()
        return words_of_rows(
            keyed, (dict(zip(inner, batch.columns, strict=True)) for batch in batches)
        )


def _integers(column: pa.Array | pa.ChunkedArray) -> Words | None:
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
