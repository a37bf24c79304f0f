"""Two files that hold mostly the same rows, stored otherwise: read together, block beside block.

Another writer's file has no bytes in common with the one that it replaces, so that all columns of
both are decoded. Yet where a block of a column holds the same values in both, what is found out
about it in one file holds of the other, too: comparing values costs a tenth of digesting them.

Files are read column after column, so that few values are in memory at a time.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import TypeAlias

import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.canonical import digest
from catalog.diff.fingerprints.column_facts import ColumnBlock
from catalog.diff.fingerprints.column_reader import FileColumns, in_one, opened
from catalog.diff.fingerprints.compute import column_facts, key_table, whole_fingerprint
from catalog.diff.fingerprints.key_record import in_order, key_record
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.reuse import with_stored
from catalog.diff.fingerprints.same_values import same_values
from catalog.errors import CorruptData
from catalog.model.fingerprint import BLOCK_ROWS, Fingerprint, StoredColumns

Begun: TypeAlias = frozenset[tuple[int, bytes | None]]
"""How the keys of a file begin: the digests of the first blocks of their columns, by field id."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A local file, and what is known of it without decoding it."""

    path: str
    keyed: KeyedFile
    known: StoredColumns


def compute_both(
    before: LocalFile, after: LocalFile, partners: Mapping[int, int]
) -> tuple[Fingerprint, Fingerprint] | None:
    """Computes the fingerprints of an older and a newer file of as many rows.

    Args:
        before: The older file.
        after: The newer file.
        partners: By field id of the newer side, the field id of the same column of the older.

    Returns:
        What each would have if computed alone. None if their first rows do not have the same keys,
        in order, or if a file cannot be read in this way.
    """
    try:
        with ExitStack() as closing:
            older, newer = (
                _Reading(one, closing.enter_context(_opened(one))) for one in (before, after)
            )
            if not _start_alike(older, newer, partners):
                return None
            pairs = {i: j for i, j in partners.items() if i in newer.facts and j in older.facts}
            for field_id, partner in pairs.items():
                _add_column(older, newer, field_id, partner=partner)
            for one, paired in ((older, {*pairs.values()}), (newer, {*pairs})):
                for field_id in one.facts.keys() - paired:
                    one.add_alone(field_id)
            mine, theirs = older.finish(), newer.finish()
    except CorruptData:  # computed alone, each says what is wrong with it
        return None
    return None if mine is None or theirs is None else (mine, theirs)


def compute_begun(one: LocalFile, begun: Collection[Begun]) -> Fingerprint | None:
    """Computes the fingerprint of a file whose keys begin as those of another do.

    They will be compared row beside row, so that its rows need no digests of their own.

    Args:
        one: The file.
        begun: How the keys of other files begin, which are in order.

    Returns:
        What it would have otherwise, but for the sum over rows. None if its keys begin otherwise,
        or if it cannot be read in this way.
    """
    try:
        with _opened(one) as file:
            reading = _Reading(one, file)
            own = reading.begun()
            if not own or own not in begun:
                return None
            for field_id in reading.facts:
                reading.add_alone(field_id)
            return reading.finish()
    except CorruptData:  # computed otherwise, it says what is wrong with it
        return None


def _opened(one: LocalFile) -> AbstractContextManager[FileColumns]:
    plain = [n for n, c in enumerate(one.keyed.columns) if c.field_id in one.keyed.key]
    return opened(one.path, one.keyed, plain=plain)


def _start_alike(older: "_Reading", newer: "_Reading", partners: Mapping[int, int]) -> bool:
    """Returns whether both files begin with the same keys, in order."""
    mine, theirs = older.first_keys(), newer.first_keys()
    if not theirs or [*mine] != [partners.get(field_id) for field_id in theirs]:
        return False
    rows = min(len(column) for column in (*mine.values(), *theirs.values()))
    pairs = [(mine[partners[i]].slice(0, rows), theirs[i].slice(0, rows)) for i in theirs]
    return (
        rows > 0
        and in_order(key_table([column for column, _ in pairs]))
        and all(same_values(one, other) for one, other in pairs)
    )


def _add_column(older: "_Reading", newer: "_Reading", field_id: int, *, partner: int) -> None:
    """Reads a column of the newer file, and its partner in the older."""
    mine, theirs = older.facts[partner], newer.facts[field_id]
    comparable = mine.like(theirs)
    pairs = zip(older.blocks(partner, checked=False), newer.blocks(field_id), strict=True)
    for rows, other in pairs:
        found = theirs.look(other)
        newer.add(field_id, other, found)
        same = comparable and same_values(rows, other)
        older.add(partner, rows, found if same else older.look(partner, rows))


class _Reading:
    """A file as it is read, column after column.

    Attributes:
        facts: What is recorded of its columns, by field id.
    """

    def __init__(self, about: LocalFile, file: FileColumns) -> None:
        self.facts = column_facts(file)
        self._about = about
        self._file = file
        self._places = {column.field_id: n for n, column in enumerate(file.columns)}
        self._rows = dict.fromkeys(self._places, 0)
        self._key: dict[int, list[pa.Array]] = {
            field_id: [] for field_id in about.keyed.key if field_id in self._places
        }

    def first_keys(self) -> dict[int, pa.Array]:
        """Returns the first rows of the key columns that are in the file, by field id."""
        if not self._key:
            return {}
        found = self._file.first([self._places[i] for i in self._key], rows=BLOCK_ROWS)
        return {i: in_one(column) for i, column in zip(self._key, found.columns, strict=False)}

    def begun(self) -> Begun:
        """Returns how the keys of the file begin."""
        blocks = ((i, next(self.blocks(i), None)) for i in self._key)
        return frozenset((i, digest(rows)) for i, rows in blocks if rows is not None)

    def blocks(self, field_id: int, *, checked: bool = True) -> Iterator[pa.Array]:
        """Returns the rows of a column, block by block; see ``FileColumns.blocks``."""
        return self._file.blocks(self._places[field_id], rows=BLOCK_ROWS, checked=checked)

    def look(self, field_id: int, rows: pa.Array) -> ColumnBlock:
        """Returns what there is to know of a block that was not checked."""
        self._file.check_text(self._places[field_id], rows)
        return self.facts[field_id].look(rows)

    def add(self, field_id: int, rows: pa.Array, found: ColumnBlock) -> None:
        """Adds the next block of a column, and what there is to know of it."""
        self.facts[field_id].add(found)
        self._rows[field_id] += len(rows)
        if field_id in self._key:
            self._key[field_id].append(rows)

    def add_alone(self, field_id: int) -> None:
        """Reads a column that the other file does not have."""
        for rows in self.blocks(field_id):
            self.add(field_id, rows, self.facts[field_id].look(rows))

    def finish(self) -> Fingerprint | None:
        """Returns the fingerprint.

        There is none if the file has other rows than its table says, or if its keys are not in
        order beyond the rows that were looked at first: then its rows have to be summed up.
        """
        about = self._about
        keyed = about.keyed
        if any(rows != keyed.file.rows for rows in self._rows.values()):
            return None
        record = None
        keys = key_table([pa.chunked_array(parts) for parts in self._key.values()])
        if not in_order(keys.slice(0, BLOCK_ROWS)):
            return None
        if all(self.facts[i].agreed for i in self._key):
            record = key_record([keys], keyed)
        made = whole_fingerprint(keyed.file.rows, self.facts, record)
        return with_stored(made, about.known)
