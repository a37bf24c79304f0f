"""Fingerprints computed from rows, block by block, as they are read or written."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Literal

import pyarrow as pa

from catalog.dataclasses import dataclass, replace
from catalog.diff.fingerprints.claims import unproved
from catalog.diff.fingerprints.column_facts import ColumnFacts
from catalog.diff.fingerprints.column_reader import FileColumns, in_one, opened
from catalog.diff.fingerprints.key_record import in_order, key_record
from catalog.diff.fingerprints.key_repeats import KeyWords, words_of_rows
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.mixing import Words
from catalog.diff.fingerprints.reuse import looked_at, looked_into, taken_over, with_stored
from catalog.diff.fingerprints.row_digest import row_sum
from catalog.diff.fingerprints.row_digester import RowDigester, RowWords
from catalog.diff.fingerprints.row_rule import has_row_digests
from catalog.diff.fingerprints.undecodable import opaque
from catalog.engine.arrow_arrays import zeros
from catalog.errors import CorruptData
from catalog.formats.footer import ParquetSource, damaged
from catalog.interruption import check
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS, Fingerprint, KeyRecord, StoredColumns
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot


class Fingerprinter:
    """A fingerprint in the making, of rows that are added piece by piece.

    The key may have columns that no row holds. Rows come from the engine, or by Arrow from the
    columns of a ``file``, on some of which it agrees with the engine.

    Args:
        columns: The columns, in the order in which rows have them.
        key: The field ids of the key.
        partition_by: Those of partition columns.
        file: The file that is read, if one is.
        digests: What becomes of the digests of rows: they are kept, or only summed up where rows
            are not in the order of their keys, or not formed.

    Attributes:
        rows: Rows that are in it so far.
        starts_in_order: Whether those of the first block are in the order of their keys.
    """

    def __init__(
        self,
        columns: Sequence[PhysicalColumn],
        key: Sequence[int],
        *,
        partition_by: Collection[int] = (),
        file: FileColumns | None = None,
        digests: Literal["kept", "summed", "none"] = "kept",
    ) -> None:
        self.rows = 0
        self.starts_in_order = False
        self._key = key
        self._columns = _made(columns, file)
        ids = list(self._columns)
        self._places = [ids.index(field_id) for field_id in key if field_id in ids]
        self._keys: list[pa.Table] = []
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._kept = digests == "kept"
        self._digester: RowDigester | None = None
        self._new_digester: Callable[[], RowDigester] | None = None
        if digests != "none":
            self._new_digester = partial(RowDigester, columns, partition_by=partition_by, file=file)
        self._words: list[Words] = []
        self._total = 0

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Adds rows, in the order of the file."""
        check()
        self._waiting.append(rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows]))
        self._waiting_rows += rows.num_rows
        while self._waiting_rows >= BLOCK_ROWS:
            self._add_waiting()

    def finish(self, table: TableSnapshot, file: DataFile) -> Fingerprint:
        """Returns the fingerprint of all rows that were added, which the file holds."""
        self._add_last()
        keyed = KeyedFile(table, file, self._key)
        known = all(one.agreed for i, one in self._columns.items() if i in self._key)
        record = key_record(self._keys, keyed) if self._key and known else None
        total = None
        if self._digester is not None and self._digester.is_whole:
            total = self._total
        return _fingerprint(self.rows, self._columns, record=record, total=total)

    def nans(self, field_id: int) -> int:
        """Returns how many values of a column are NaN; it comes after all rows were added."""
        self._add_last()
        return self._columns[field_id].sum.nans

    def row_words(self) -> RowWords | None:
        """Returns the digests of the rows, in order, if they were to be kept.

        There are none if a value cannot be in them. It comes after ``finish``.
        """
        if self._digester is None or not self._kept:
            return None
        return self._digester.finish(self._words)

    def key_words(self, table: TableSnapshot, file: DataFile) -> KeyWords | None:
        """Returns what stands for the keys of the rows, in order; None if nothing can.

        It comes after ``finish``.
        """
        held = [field_id for field_id in self._key if field_id in self._columns]
        parts = (dict(zip(held, part.columns, strict=True)) for part in self._keys)
        return words_of_rows(KeyedFile(table, file, self._key), parts)

    def _add_last(self) -> None:
        """Adds the rows that still wait."""
        if self._waiting_rows:
            self._add_waiting()
        elif not self._keys:
            self._start_digests()

    def _start_digests(self) -> None:
        if self._new_digester is not None and (self._kept or not self.starts_in_order):
            self._digester = self._new_digester()

    def _add_waiting(self) -> None:
        """Adds up to a block of the rows that wait."""
        whole = pa.concat_tables(self._waiting)
        self._waiting_rows = max(0, self._waiting_rows - BLOCK_ROWS)
        self._waiting = [whole.slice(BLOCK_ROWS)] if self._waiting_rows else []
        self._add_block([_block(column, 0) for column in whole.columns])

    def _add_block(self, columns: Sequence[pa.Array]) -> None:
        rows = len(columns[0])
        self.rows += rows
        self._keys.append(key_table([columns[n] for n in self._places]))
        if len(self._keys) == 1:
            self.starts_in_order = bool(self._places) and in_order(self._keys[0])
            self._start_digests()
        sums = zeros(rows)
        for made, column in zip(self._columns.values(), columns, strict=True):
            found = made.look(column)
            made.add(found)
            if self._digester is not None:
                self._digester.add(sums, made.field_id, column, found.canonical)
        if self._digester is not None:
            self._digester.settle(sums)
            self._total = (self._total + row_sum(sums)) % (1 << 128)
            if self._kept:
                self._words.append(sums)


def _fingerprint(
    rows: int, columns: Mapping[int, ColumnFacts], *, record: KeyRecord | None, total: int | None
) -> Fingerprint:
    return Fingerprint(
        rows,
        {i: tuple(one.digests) for i, one in columns.items() if one.digests is not None},
        record,
        {field_id: one.sum.summary() for field_id, one in columns.items()},
        total,
        verdicts={i: one.check.verdict() for i, one in columns.items() if one.check is not None},
    )


def _made(columns: Sequence[PhysicalColumn], file: FileColumns | None) -> dict[int, ColumnFacts]:
    """Returns the beginnings of what is recorded of columns, by field id."""
    if file is None:
        return {column.field_id: ColumnFacts(column) for column in columns}
    places = {column.field_id: place for place, column in enumerate(file.columns)}
    found = {}
    for column in columns:
        place = places[column.field_id]
        found[column.field_id] = ColumnFacts(
            column,
            agreed=file.agreed[place],
            int96=place in file.int96,
            claims=file.keyed.claims.get(column.field_id),
        )
    return found


def key_table(columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Table:
    """Returns the columns of a key, in its order, as a table."""
    return pa.table(list(columns), [f"k{n}" for n in range(len(columns))])


def _block(column: pa.ChunkedArray, start: int) -> pa.Array:
    found = in_one(column.slice(start, BLOCK_ROWS))
    assert found is not None, "a block fits an array"
    return found


@dataclass(frozen=True, slots=True)
class _Computed:
    """The fingerprint of a file, and the digests of its rows if they came with it."""

    prints: Fingerprint
    rows: RowWords | None = None


def compute(
    source: ParquetSource,
    keyed: KeyedFile,
    like: Iterable[Fingerprint] = (),
    *,
    known: StoredColumns | None = None,
    needed: Collection[int] | None = None,
    digests: Literal["kept", "summed"] | None = None,
    take_rows: Callable[[RowWords], None] | None = None,
    watch: Callable[[pa.Table], None] | None = None,
) -> Fingerprint:
    """Computes the fingerprint of a data file.

    Columns that are stored byte for byte as in one of the files ``like`` it, of its partition and
    with fingerprints by the same key, are not decoded. Of columns that are neither ``needed`` nor
    in the key, only how they are stored is recorded; None means that all are needed.

    Args:
        source: The file.
        keyed: What it is.
        like: Fingerprints of other files.
        known: How its columns are stored, if that is known.
        needed: Field ids of columns.
        digests: What becomes of the digests of rows, as for ``Fingerprinter``; None means that
            they are kept where that pays.
        take_rows: Takes them. There are none if some column was not decoded.
        watch: Takes the rows as they are decoded: those columns that are not taken over, in their
            order, text mostly as indices into dictionaries.

    Raises:
        CorruptData: The file is not readable, or holds other rows than its entry says.
    """
    if digests is None:
        digests = "kept" if has_row_digests(keyed.table, keyed.file) else "summed"
    try:
        made = _computed(source, keyed, _How(tuple(like), known, needed, digests, watch))
    except CorruptData as error:
        found = opaque(source, keyed, error)
        if found is None:
            raise
        made = _Computed(found)
    rows = made.prints.rows
    if rows != keyed.file.rows:
        raise damaged(
            keyed.label(source), f"it holds {rows} rows, its footer says {keyed.file.rows}"
        )
    if made.rows is not None and take_rows is not None:
        take_rows(made.rows)
    return made.prints


@dataclass(frozen=True, slots=True)
class _How:
    """How a fingerprint is computed; see ``compute`` and ``Fingerprinter``."""

    like: Sequence[Fingerprint]
    known: StoredColumns | None
    needed: Collection[int] | None
    digests: Literal["kept", "summed"]
    watch: Callable[[pa.Table], None] | None = None


def _computed(source: ParquetSource, keyed: KeyedFile, how: _How) -> _Computed:
    columns, known = keyed.columns, how.known
    if not isinstance(source, str):
        known = StoredColumns()
    elif known is None:
        stored = looked_at(source, keyed)
        known = looked_into(source, keyed, stored, like=how.like, keeping=True)
    shared = taken_over(known, keyed.key, how.like)
    skipped = set() if how.needed is None else known.stored.keys() - {*how.needed, *keyed.key}
    have = skipped
    if shared is not None:
        have = skipped | (shared.summaries.keys() - unproved(shared, keyed.claims))
    places = [n for n, column in enumerate(columns) if column.field_id not in have]
    if shared is not None and not places:
        return _Computed(shared)
    whole = shared is None and not skipped
    plain = [n for n in places if columns[n].field_id in keyed.key]
    with opened(source, keyed, plain=plain) as open_file:
        digests = how.digests if whole else "none"
        found = _decoded(open_file, places, shared=shared, digests=digests, watch=how.watch)
    return replace(found, prints=with_stored(found.prints, known))


def _decoded(
    open_file: FileColumns,
    places: Sequence[int],
    *,
    shared: Fingerprint | None,
    digests: Literal["kept", "summed", "none"],
    watch: Callable[[pa.Table], None] | None,
) -> _Computed:
    """Computes a fingerprint from some columns, and what is shared with another file."""
    keyed = open_file.keyed
    columns = [keyed.columns[n] for n in places]
    key = keyed.key if shared is None else ()
    by = keyed.table.partition_by
    maker = Fingerprinter(columns, key, partition_by=by, file=open_file, digests=digests)
    for batch in open_file.batches(places, rows=BLOCK_ROWS):
        maker.add(batch)
        if watch is not None:
            watch(batch)
    made = maker.finish(keyed.table, keyed.file)  # decodes what is left, which may fail, too
    if shared is not None:
        made = replace(
            made,
            columns={**shared.columns, **made.columns},
            key=shared.key,
            summaries={**shared.summaries, **made.summaries},
            row_sum=shared.row_sum,
            verdicts={**shared.verdicts, **made.verdicts},
        )
    return _Computed(made, maker.row_words())


def column_facts(open_file: FileColumns) -> dict[int, ColumnFacts]:
    """Returns the beginnings of what is recorded of a file's columns, by field id."""
    return _made(open_file.columns, open_file)


def whole_fingerprint(
    rows: int, columns: Mapping[int, ColumnFacts], record: KeyRecord | None
) -> Fingerprint:
    """Returns the fingerprint of a file whose first rows lie in the order of their keys."""
    return _fingerprint(rows, columns, record=record, total=None)
