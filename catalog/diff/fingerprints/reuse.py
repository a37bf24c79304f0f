"""What files have in common as they are stored, so that one of them, or neither, is decoded."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.stored_bytes import encoded_digests, stored_digests
from catalog.formats.footer import checked_metadata, parquet_errors, writer_of
from catalog.model.fingerprint import Fingerprint, StoredColumns, stored_alike
from catalog.model.schema import PhysicalColumn
from catalog.model.types import Scalar, TypeClass

Known: TypeAlias = StoredColumns | Fingerprint


def looked_at(path: str, keyed: KeyedFile) -> StoredColumns:
    """Looks at the stored bytes of a file.

    Raises:
        CorruptData: The file is not readable.
    """
    label = keyed.label(path)
    metadata = checked_metadata(path, label)
    with parquet_errors(label):
        stored = stored_digests(path, keyed.columns, metadata)
    return StoredColumns(stored, writer=writer_of(metadata) if stored else "")


def looked_into(
    path: str, keyed: KeyedFile, known: StoredColumns, *, like: Iterable[Known], keeping: bool
) -> StoredColumns:
    """Adds digests of encoded values to those of stored bytes that other files do not share.

    For ``keeping``, for files to come, those of keys and text are taken. To compare with the others
    of its partition, those that the nearest of them has; if that one was looked at just now, any
    column may match, and then neither file need be decoded. Files of different writers are encoded
    in different ways.

    Raises:
        CorruptData: The file is not readable.
    """
    encoded = dict(known.encoded)
    best: Known | None = None
    same: set[int] = set()
    for one in like:
        shared = {i for i, digest in known.stored.items() if one.stored.get(i) == digest}
        encoded |= {i: one.encoded[i] for i in shared if i in one.encoded}
        if best is None or len(shared) > len(same):
            best, same = one, shared
    if keeping or best is None:
        wanted = {c.field_id for c in keyed.columns if c.field_id in keyed.key or _is_text(c)}
    elif best.writer and best.writer != known.writer:
        wanted = set()
    else:
        wanted = set(best.encoded if isinstance(best, Fingerprint) else known.stored)
    wanted -= same | encoded.keys()
    if known.stored and wanted:
        label = keyed.label(path)
        metadata = checked_metadata(path, label)
        with parquet_errors(label):
            encoded |= encoded_digests(path, keyed.columns, wanted, metadata=metadata)
    return StoredColumns(known.stored, encoded, known.writer)


def _is_text(column: PhysicalColumn) -> bool:
    return isinstance(column.type, Scalar) and column.type.type_class is TypeClass.TEXT


def alike(one: Known, other: Known) -> set[int]:
    """Returns the field ids of columns that two files store alike."""
    return {i for i in one.stored if stored_alike(one, i, other, i)}


def taken_over(
    looked: StoredColumns, key: Sequence[int], like: Iterable[Fingerprint]
) -> Fingerprint | None:
    """Returns what a file shares with the one of some files that stores most columns alike.

    Both must store their keys alike. The sum over rows, which depends on all columns, is lost
    unless they all are alike; so where rows are not in the order of their keys, and digests of
    columns say little without it, nothing is shared.
    """
    best: Fingerprint | None = None
    for one in like:
        same = alike(looked, one) & one.summaries.keys()
        if same and same == looked.stored.keys() == one.stored.keys():
            return with_stored(one, looked)
        inner = [field_id for field_id in key if field_id in looked.stored]
        ordered = one.key is not None and one.key.ordered
        if not inner or not same.issuperset(inner) or not (ordered or one.row_sum is None):
            continue
        if best is None or len(same) > len(best.summaries):
            best = replace(
                with_stored(one, looked),
                columns={i: one.columns[i] for i in same if i in one.columns},
                summaries={i: one.summaries[i] for i in same},
                row_sum=None,
            )
    return best


def with_stored(one: Fingerprint, known: StoredColumns) -> Fingerprint:
    """Returns a fingerprint with what is known of columns as they are stored."""
    return replace(one, stored=known.stored, encoded=known.encoded, writer=known.writer)


class KeyIndex:
    """An index of files by how they store the first column of their key."""

    def __init__(self, files: Iterable[Known], key: Sequence[int]) -> None:
        self._key = key
        self._places: defaultdict[bytes, list[int]] = defaultdict(list)
        for place, one in enumerate(files):
            for digest in self._digests(one):
                self._places[digest].append(place)

    def like(self, one: Known) -> list[int]:
        """Returns the places of files that store the first column of the key, or of all, alike."""
        found = [self._places.get(digest, []) for digest in self._digests(one)]
        return list(dict.fromkeys(place for places in found for place in places))

    def _digests(self, one: Known) -> list[bytes]:
        first = next((i for i in self._key if i in one.stored), min(one.stored, default=None))
        found = [one.stored.get(first), one.encoded.get(first)] if first is not None else []
        return [digest for digest in found if digest is not None]


def needed_columns(
    before: Sequence[Known], after: Sequence[Known], key: Sequence[int]
) -> tuple[list[set[int] | None], list[set[int] | None]]:
    """Returns which columns must be read of older and newer files of one partition and size.

    Columns that two files store alike need not be read of either, where their keys are. They are
    given by field ids; None means all columns.
    """
    older: list[set[int] | None] = [None] * len(before)
    newer: list[set[int] | None] = [None] * len(after)
    index = KeyIndex(before, key)
    for number, theirs in enumerate(after):
        inner = {i for i in key if i in theirs.stored}
        shared = {n: alike(theirs, before[n]) for n in index.like(theirs)}
        shared = {n: same for n, same in shared.items() if inner and same >= inner}
        if not shared:
            continue
        best = max(shared, key=lambda n: len(shared[n]))
        newer[number] = theirs.stored.keys() - shared[best] | inner
        other = before[best].stored.keys() - shared[best] | inner
        older[best] = other | (older[best] or set())
    return older, newer
