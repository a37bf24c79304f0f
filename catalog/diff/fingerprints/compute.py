"""Fingerprints computed from rows, block by block, as they are read or written."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from catalog.diff.fingerprints.claims import unproved
from catalog.diff.fingerprints.column_facts import ColumnBlock, ColumnFacts
from catalog.diff.fingerprints.column_reader import FileColumns, in_one, opened
from catalog.diff.fingerprints.key_order import (
    KEYED_ROWS,
    key_order,
    keyed_digests,
    ordered_digests,
)
from catalog.diff.fingerprints.key_record import in_order, key_record
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.reuse import looked_at, looked_into, taken_over, with_stored
from catalog.diff.fingerprints.row_sum import MODULUS, RowSum
from catalog.diff.fingerprints.undecodable import opaque
from catalog.errors import CorruptData
from catalog.formats.footer import ParquetSource, damaged
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS, Fingerprint, KeyRecord, StoredColumns
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot


class Fingerprinter:
    """A fingerprint in the making, of rows that are added piece by piece.

    Rows that are not in the order of their keys are summed up, if ``row_sum``. The key may have
    columns that no row holds. Rows come from the engine, or by Arrow from the columns of a
    ``file``, on some of which it agrees with the engine.

    Attributes:
        rows: Rows that are in it so far.
    """

    def __init__(
        self,
        columns: Sequence[PhysicalColumn],
        key: Sequence[int],
        *,
        file: FileColumns | None = None,
        row_sum: bool = True,
    ) -> None:
        self.rows = 0
        self._key = key
        self._columns = _made(columns, file)
        ids = list(self._columns)
        self._places = [ids.index(field_id) for field_id in key if field_id in ids]
        self._keys: list[pa.Table] = []
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._total = 0 if row_sum else None

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Adds rows, in the order of the file."""
        self._waiting.append(rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows]))
        self._waiting_rows += rows.num_rows
        while self._waiting_rows >= BLOCK_ROWS:
            self._add_waiting()

    def finish(self, table: TableSnapshot, file: DataFile) -> Fingerprint:
        """Returns the fingerprint of all rows that were added, which the file holds.

        Digests in the order of keys are not in it, for which all rows of a column are needed.
        """
        if self._waiting_rows:
            self._add_waiting()
        keyed = KeyedFile(table, file, self._key)
        known = all(one.agreed for i, one in self._columns.items() if i in self._key)
        record = key_record(self._keys, keyed) if self._key and known else None
        return _fingerprint(self.rows, self._columns, record=record, total=self._total)

    def _add_waiting(self) -> None:
        """Adds up to a block of the rows that wait."""
        whole = pa.concat_tables(self._waiting)
        self._waiting_rows = max(0, self._waiting_rows - BLOCK_ROWS)
        self._waiting = [whole.slice(BLOCK_ROWS)] if self._waiting_rows else []
        self._add_block([_block(column, 0) for column in whole.columns])

    def _add_block(self, columns: Sequence[pa.Array]) -> None:
        rows = len(columns[0])
        self.rows += rows
        self._keys.append(_key_table([columns[n] for n in self._places]))
        if len(self._keys) == 1 and self._places and in_order(self._keys[0]):
            self._total = None
        row_sum = None if self._total is None else RowSum(rows)
        for made, column in zip(self._columns.values(), columns, strict=True):
            found = made.look(column)
            made.add(found)
            if row_sum is not None and not _summed(row_sum, made, found):
                row_sum = self._total = None
        if row_sum is not None and self._total is not None:
            self._total = (self._total + row_sum.total()) % MODULUS


def _summed(row_sum: RowSum, column: ColumnFacts, found: ColumnBlock) -> bool:
    """Adds a block of a column to a sum over its rows; False if that is not possible."""
    return found.agreed and row_sum.add(column.field_id, found.rows, found.canonical)


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


def _key_table(columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Table:
    return pa.table(list(columns), [f"k{n}" for n in range(len(columns))])


def _block(column: pa.ChunkedArray, start: int) -> pa.Array:
    found = in_one(column.slice(start, BLOCK_ROWS))
    assert found is not None, "a block fits an array"
    return found


def compute(
    source: ParquetSource,
    keyed: KeyedFile,
    like: Iterable[Fingerprint] = (),
    *,
    known: StoredColumns | None = None,
    needed: Collection[int] | None = None,
) -> Fingerprint:
    """Computes the fingerprint of a data file.

    Columns that are stored byte for byte as in one of the files ``like`` it, of its partition and
    with fingerprints by the same key, are not decoded. Of columns that are neither ``needed`` nor
    in the key, only how they are stored is recorded; None means that all are needed.

    Raises:
        CorruptData: The file is not readable, or holds other rows than its entry says.
    """
    try:
        made = _computed(source, keyed, tuple(like), known=known, needed=needed)
    except CorruptData as error:
        found = opaque(source, keyed, error)
        if found is None:
            raise
        made = found
    if made.rows != keyed.file.rows:
        raise damaged(
            keyed.label(source), f"it holds {made.rows} rows, its footer says {keyed.file.rows}"
        )
    return made


def _computed(
    source: ParquetSource,
    keyed: KeyedFile,
    like: Sequence[Fingerprint],
    *,
    known: StoredColumns | None,
    needed: Collection[int] | None,
) -> Fingerprint:
    columns = keyed.columns
    if not isinstance(source, str):
        known = StoredColumns()
    elif known is None:
        stored = looked_at(source, keyed)
        known = looked_into(source, keyed, stored, like=like, keeping=True)
    shared = taken_over(known, keyed.key, like)
    skipped = set() if needed is None else known.stored.keys() - {*needed, *keyed.key}
    have = skipped
    if shared is not None:
        have = skipped | (shared.summaries.keys() - unproved(shared, keyed.claims))
    places = [n for n, column in enumerate(columns) if column.field_id not in have]
    if shared is not None and not places:
        return shared
    whole = shared is None and not skipped
    plain = [n for n in places if columns[n].field_id in keyed.key]
    with opened(source, keyed, plain=plain) as open_file:
        made = _unordered(open_file) if whole and isinstance(source, str) else None
        if made is not None:
            return with_stored(made, known)
        made = _decoded(open_file, places, shared=shared, row_sum=whole)
    if isinstance(source, str):
        ids = [columns[n].field_id for n in places]
        ordered = keyed_digests(source, keyed, made.key, wanted=ids)
        made = replace(made, keyed={**made.keyed, **ordered})
    return with_stored(made, known)


def _decoded(
    open_file: FileColumns,
    places: Sequence[int],
    *,
    shared: Fingerprint | None,
    row_sum: bool,
) -> Fingerprint:
    """Computes a fingerprint from some columns, and what is shared with another file."""
    keyed = open_file.keyed
    columns = [keyed.columns[n] for n in places]
    key = keyed.key if shared is None else ()
    maker = Fingerprinter(columns, key, file=open_file, row_sum=row_sum)
    for batch in open_file.batches(places, rows=BLOCK_ROWS):
        maker.add(batch)
    made = maker.finish(keyed.table, keyed.file)  # decodes what is left, which may fail, too
    if shared is not None:
        made = replace(
            made,
            columns={**shared.columns, **made.columns},
            key=shared.key,
            summaries={**shared.summaries, **made.summaries},
            keyed=shared.keyed,
            row_sum=shared.row_sum,
            verdicts={**shared.verdicts, **made.verdicts},
        )
    return made


def _unordered(open_file: FileColumns) -> Fingerprint | None:
    """Computes the fingerprint of a file whose first rows are not in the order of their keys.

    Each column is read once, and digested in the order of rows and in that of their keys.

    Returns:
        The fingerprint; None if rows may lie in the order of their keys, or have none.
    """
    keyed = open_file.keyed
    columns, file = keyed.columns, keyed.file
    places = [n for i in keyed.key for n, column in enumerate(columns) if column.field_id == i]
    if not places or not 0 < file.rows <= KEYED_ROWS:
        return None
    if not all(open_file.agreed[n] and n not in open_file.int96 for n in places):
        return None
    first = open_file.first(places, rows=BLOCK_ROWS)
    if open_file.rows != file.rows or not first.num_rows or in_order(first):
        return None
    keys = [open_file.column(place) for place in places]
    record = key_record([_key_table(keys)], keyed)
    order = key_order([in_one(column) for column in keys], record)
    if order is None:
        return None
    starts = range(0, file.rows, BLOCK_ROWS)
    sums = [RowSum(min(BLOCK_ROWS, file.rows - start)) for start in starts]
    made = _made(columns, open_file)
    ordered = {}
    summed = True
    for place, (field_id, one) in enumerate(made.items()):
        column = open_file.column(place)
        for start, row_sum in zip(starts, sums, strict=True):
            found = one.look(_block(column, start))
            one.add(found)
            summed = summed and _summed(row_sum, one, found)
        digests = ordered_digests(column, order) if one.agreed else None
        if digests is not None:
            ordered[field_id] = digests
    total = sum(one.total() for one in sums) % MODULUS if summed else None
    return replace(_fingerprint(file.rows, made, record=record, total=total), keyed=ordered)
