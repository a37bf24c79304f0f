"""Fingerprints computed from data files: a pass over the columns, block by block."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.diff.canonical import block as canonical_block
from catalog.diff.canonical import repeated
from catalog.diff.rowsum import MODULUS, RowSum
from catalog.diff.summary import Summing
from catalog.errors import CatalogError, CorruptData
from catalog.formats.parquet import ParquetSource, source_name
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS, Fingerprint, KeyRecord
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar, is_float
from catalog.model.values import encode, has_order, sort_key

ABOVE = b"\xff" * 16
"""Closes the upper bound of keys of which the first column only is bounded: above all that
can follow."""


def compute(
    source: ParquetSource, table: TableSnapshot, file: DataFile, key: Sequence[int]
) -> Fingerprint:
    """Computes the fingerprint of a data file.

    Args:
        source: The file, by its path or open.
        table: The table, for the file schema and the key's types.
        file: Its entry.
        key: Field ids of the key columns.

    Raises:
        CorruptData: The file is not readable, or holds other rows than its entry says.
    """
    columns = table.file_schemas[file.file_schema].columns
    ids = [column.field_id for column in columns]
    path = source_name(source)
    digests: dict[int, list[bytes] | None] = {field_id: [] for field_id in ids}
    sums = {column.field_id: Summing(column.type) for column in columns}
    inner = [field_id for field_id in key if field_id in digests]
    keys: list[pa.Table] = []
    rows = 0
    total: int | None = 0
    for block in _blocks(source, path):
        if block.num_columns != len(ids):
            raise CorruptData(f"{path} has other columns than were committed")
        rows += block.num_rows
        places = [ids.index(field_id) for field_id in inner]
        keys.append(pa.table([block.column(n) for n in places], [f"k{n}" for n in inner]))
        if len(keys) == 1 and places and _in_order(keys[0]):
            total = None
        row_sum = None if total is None else RowSum(block.num_rows)
        for field_id, column in zip(ids, block.columns, strict=True):
            found = canonical_block(column)
            sums[field_id].add(found, block.num_rows)
            known = digests[field_id]
            if found.digest is None:
                digests[field_id] = None
            elif known is not None:
                known.append(found.digest)
            if row_sum is not None and not row_sum.add(field_id, column, found):
                row_sum = total = None
        if row_sum is not None and total is not None:
            total = (total + row_sum.total()) % MODULUS
    if rows != file.rows:
        raise CorruptData(f"{path} holds {rows} rows, {file.rows} were committed")
    record = _key_record(keys, table, file, key) if key else None
    return Fingerprint(
        rows,
        {f: tuple(found) for f, found in digests.items() if found is not None},
        record,
        {field_id: one.summary() for field_id, one in sums.items()},
        total,
    )


def _in_order(keys: pa.Table) -> bool:
    """Tells whether the keys of a file's first block increase, so that its rows have one order."""
    return _strictly_increasing([_plain(column) for column in keys.columns])


def _blocks(source: ParquetSource, path: str) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a file in batches of a block's size, whatever its row groups."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    try:
        with pq.ParquetFile(source, pre_buffer=True) as parquet:
            for batch in parquet.iter_batches(batch_size=BLOCK_ROWS):
                waiting.append(batch)
                count += batch.num_rows
                while count >= BLOCK_ROWS:
                    whole = pa.Table.from_batches(waiting)
                    yield _batch(whole.slice(0, BLOCK_ROWS))
                    waiting = whole.slice(BLOCK_ROWS).to_batches()
                    count -= BLOCK_ROWS
            if count:
                yield _batch(pa.Table.from_batches(waiting))
    except (pa.ArrowException, OSError) as error:
        raise CorruptData(f"{path} is not readable: {str(error).splitlines()[0]}") from error


def _batch(table: pa.Table) -> pa.RecordBatch:
    columns = [column.combine_chunks() for column in table.columns]
    plain = [c.chunk(0) if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return pa.RecordBatch.from_arrays(plain, names=[str(n) for n in range(len(plain))])


def _key_record(
    keys: Sequence[pa.Table], table: TableSnapshot, file: DataFile, key: Sequence[int]
) -> KeyRecord | None:
    """Describes the keys of a file; None if their types do not allow it."""
    if not file.rows:
        return KeyRecord(0, 0)
    constant = {
        field_id: file.partition[table.partition_by.index(field_id)]
        for field_id in key
        if field_id in table.partition_by
    }
    columns = pa.concat_tables(keys) if keys else pa.table({})
    inner = [_plain(column) for column in columns.columns]
    absent = len(key) - len(constant) - len(inner)
    if absent or any(value is None for value in constant.values()):
        nulls = file.rows
    else:
        nulls = _null_rows(inner, file.rows)
    try:
        duplicates = _duplicates(inner, file.rows)
    except pa.ArrowException:
        return None
    low, high = _bounds(inner, table, key, constant) if not nulls else (None, None)
    return KeyRecord(nulls, duplicates, low, high)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return pa.chunked_array([c.storage for c in column.chunks], kind.storage_type)
    return column


def _null_rows(columns: Sequence[pa.ChunkedArray], rows: int) -> int:
    lacking = None
    for column in columns:
        if column.null_count:
            own = column.is_null()
            lacking = own if lacking is None else pc.or_(lacking, own)
    return 0 if lacking is None else int(pc.sum(lacking).as_py() or 0)


def _duplicates(columns: Sequence[pa.ChunkedArray], rows: int) -> int:
    """Counts the rows whose key occurs several times."""
    if not columns:
        return rows if rows > 1 else 0
    if _strictly_increasing(columns):
        return 0
    if len(columns) == 1 and pa.types.is_integer(columns[0].type) and not columns[0].null_count:
        return repeated(columns[0].to_numpy())
    named = pa.table([_normal(c) for c in columns], [f"k{n}" for n in range(len(columns))])
    counts = named.group_by(named.column_names).aggregate([([], "count_all")])["count_all"]
    return int(pc.sum(counts.filter(pc.greater(counts, 1))).as_py() or 0)


def _normal(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns a column in which equal values are alike: Arrow groups -0.0 apart from 0.0."""
    if not pa.types.is_floating(column.type):
        return column
    wide = pc.add(column.cast(pa.float64()), 0.0)
    return pc.if_else(pc.is_nan(wide), float("nan"), wide)


def _strictly_increasing(columns: Sequence[pa.ChunkedArray]) -> bool:
    """Tells whether every key is above the one before; NULL and NaN are not."""
    if any(column.null_count for column in columns):
        return False
    count = len(columns[0])
    tied = None
    for column in columns:
        before, after = column.slice(0, count - 1), column.slice(1)
        try:
            above, same = pc.less(before, after), pc.equal(before, after)
        except pa.ArrowException:
            return False
        holds = above if tied is None else pc.or_(pc.invert(tied), above)
        if tied is None:
            fits, tied = pc.or_(above, same), same
        else:
            fits, tied = pc.or_(holds, pc.and_(tied, same)), pc.and_(tied, same)
        if count > 1 and not pc.all(fits).as_py():
            return False
    return tied is None or not pc.any(tied).as_py()


def _bounds(
    columns: Sequence[pa.ChunkedArray],
    table: TableSnapshot,
    key: Sequence[int],
    constant: dict[int, bytes | None],
) -> tuple[bytes | None, bytes | None]:
    """Bounds the keys of a file: partition values first, then the first column in the file."""
    lead = [constant[field_id] for field_id in key if field_id in constant]
    inner = [field_id for field_id in key if field_id not in constant]
    if not inner:
        whole = sort_key(lead, "")
        return whole, whole
    field = table.schema.by_id(inner[0])
    assert field is not None, "key columns exist"
    edges = pc.min_max(columns[0])
    low, high = (_encoded(edges[edge], field) for edge in ("min", "max"))
    if low is None or high is None:
        return None, None
    return sort_key([*lead, low], ""), sort_key([*lead, high], "") + ABOVE


def _encoded(value: pa.Scalar, field: Field) -> bytes | None:
    kind = field.type
    if not isinstance(kind, Scalar) or not has_order(kind) or is_float(kind):
        return None
    try:
        return encode(value.as_py(), kind)
    except (CatalogError, ValueError, OverflowError):
        return None
