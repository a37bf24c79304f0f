"""Fingerprints of data files: made of their rows, block by block, as they are read or written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.diff.canonical import block as canonical_block
from catalog.diff.key_record import in_order, key_record
from catalog.diff.rowsum import MODULUS, RowSum
from catalog.diff.stored import stored_digests
from catalog.diff.summary import Summing
from catalog.errors import CorruptData
from catalog.formats.parquet import ParquetSource, source_name
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS, Fingerprint
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot


class Fingerprinter:
    """Makes a fingerprint of rows that are added piece by piece.

    Attributes:
        rows: Rows that are in it so far.
    """

    def __init__(
        self, columns: Sequence[PhysicalColumn], key: Sequence[int], *, row_sum: bool = True
    ) -> None:
        """Takes what the rows hold.

        Args:
            columns: The columns of the rows, in order.
            key: Field ids of the key columns, also of those that no row holds.
            row_sum: Whether rows that are in no order are summed up as a whole.
        """
        self.rows = 0
        self._ids = [column.field_id for column in columns]
        self._key = key
        self._digests: dict[int, list[bytes] | None] = {field_id: [] for field_id in self._ids}
        self._sums = {column.field_id: Summing(column.type) for column in columns}
        self._places = [self._ids.index(field_id) for field_id in key if field_id in self._ids]
        self._keys: list[pa.Table] = []
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._total = 0 if row_sum else None

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Adds rows, in the order of the file."""
        self._waiting += rows.to_batches() if isinstance(rows, pa.Table) else [rows]
        self._waiting_rows += rows.num_rows
        while self._waiting_rows >= BLOCK_ROWS:
            self._add_waiting()

    def finish(self, table: TableSnapshot, file: DataFile) -> Fingerprint:
        """Returns the fingerprint of all rows that were added.

        Args:
            table: The table, for its partition columns and the key's types.
            file: The entry of the file that holds the rows.
        """
        if self._waiting_rows:
            self._add_waiting()
        return Fingerprint(
            self.rows,
            {f: tuple(found) for f, found in self._digests.items() if found is not None},
            key_record(self._keys, table, file, self._key) if self._key else None,
            {field_id: one.summary() for field_id, one in self._sums.items()},
            self._total,
        )

    def _add_waiting(self) -> None:
        """Adds up to a block of the rows that wait."""
        whole = pa.Table.from_batches(self._waiting)
        self._waiting = whole.slice(BLOCK_ROWS).to_batches()
        self._waiting_rows = max(0, self._waiting_rows - BLOCK_ROWS)
        self._add_block([_in_one(column) for column in whole.slice(0, BLOCK_ROWS).columns])

    def _add_block(self, columns: Sequence[pa.Array]) -> None:
        rows = len(columns[0])
        self.rows += rows
        self._keys.append(
            pa.table([columns[n] for n in self._places], [f"k{n}" for n in self._places])
        )
        if len(self._keys) == 1 and self._places and in_order(self._keys[0]):
            self._total = None
        row_sum = None if self._total is None else RowSum(rows)
        for field_id, column in zip(self._ids, columns, strict=True):
            found = canonical_block(column)
            self._sums[field_id].add(found, rows)
            known = self._digests[field_id]
            if found.digest is None:
                self._digests[field_id] = None
            elif known is not None:
                known.append(found.digest)
            if row_sum is not None and not row_sum.add(field_id, column, found):
                row_sum = self._total = None
        if row_sum is not None and self._total is not None:
            self._total = (self._total + row_sum.total()) % MODULUS


def _in_one(column: pa.ChunkedArray) -> pa.Array:
    found = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found


def compute(
    source: ParquetSource,
    table: TableSnapshot,
    file: DataFile,
    key: Sequence[int],
    like: Iterable[Fingerprint] = (),
) -> Fingerprint:
    """Computes the fingerprint of a data file.

    Args:
        source: The file, by its path or open.
        table: The table, for the file schema and the key's types.
        file: Its entry.
        key: Field ids of the key columns.
        like: Fingerprints, by the same key, of files of the same partition: columns that are
            stored byte for byte as in one of them are not decoded.

    Raises:
        CorruptData: The file is not readable, or holds other rows than its entry says.
    """
    columns = table.file_schemas[file.file_schema].columns
    path = source_name(source)
    try:
        stored = stored_digests(source, columns) if isinstance(source, str) else {}
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    known = _nearest(stored, key, like)
    same = () if known is None else known.summaries.keys()
    rest = [n for n, column in enumerate(columns) if column.field_id not in same]
    if known is not None and not rest:
        return _checked(known, path, file)
    maker = Fingerprinter(
        [columns[n] for n in rest], key if known is None else (), row_sum=known is None
    )
    for batch in _batches(source, path, rest, len(columns)):
        maker.add(batch)
    made = replace(maker.finish(table, file), stored=stored)
    if known is not None:
        made = replace(
            made,
            columns={**known.columns, **made.columns},
            key=known.key,
            summaries={**known.summaries, **made.summaries},
        )
    return _checked(made, path, file)


def _checked(found: Fingerprint, path: str, file: DataFile) -> Fingerprint:
    if found.rows != file.rows:
        raise CorruptData(f"{path} holds {found.rows} rows, {file.rows} were committed")
    return found


def _nearest(
    stored: Mapping[int, bytes], key: Sequence[int], like: Iterable[Fingerprint]
) -> Fingerprint | None:
    """Returns what a file shares with that of some files that has most columns as it has them.

    Its keys must be stored as there, and what a fingerprint tells of rows as a whole must not
    depend on other columns.
    """
    best: Fingerprint | None = None
    for one in like:
        same = {i for i, digest in stored.items() if one.stored.get(i) == digest}
        if same and same == stored.keys() == one.stored.keys():
            return one
        inner = [field_id for field_id in key if field_id in stored]
        if not inner or not same.issuperset(inner) or one.row_sum is not None:
            continue
        if best is None or len(same) > len(best.summaries):
            best = replace(
                one,
                columns={i: one.columns[i] for i in same if i in one.columns},
                summaries={i: one.summaries[i] for i in same if i in one.summaries},
                stored=stored,
            )
    return best


def _batches(
    source: ParquetSource, path: str, places: Sequence[int], width: int
) -> Iterator[pa.RecordBatch]:
    """Yields some columns of a file, by their places among all."""
    try:
        with pq.ParquetFile(source, pre_buffer=True) as parquet:
            names = parquet.schema_arrow.names
            if len(names) != width:
                raise CorruptData(f"{path} has other columns than were committed")
            wanted = [names[n] for n in places]
            some = None if len(wanted) == width else wanted
            for batch in parquet.iter_batches(batch_size=BLOCK_ROWS, columns=some):
                # a name with a dot can stand for a column inside another one too
                yield batch if batch.schema.names == wanted else batch.select(wanted)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> CorruptData:
    return CorruptData(f"{path} is not readable: {str(error).splitlines()[0]}")
