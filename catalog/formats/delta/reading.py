"""Rows of a file of a table of Delta, without those that are deleted."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.formats.delta.schema import DeltaColumn
from catalog.formats.footer import parquet_errors, source_label
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.store import ObjectStore

BATCH_ROWS = 65_536
"""Rows that are in memory at a time."""

ZONED = Scalar("TIMESTAMP WITH TIME ZONE")


def live_batches(
    store: ObjectStore | None,
    path: str,
    columns: Sequence[DeltaColumn],
    vector: pa.Array | None,
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a file, under the names that columns have in the table.

    Args:
        store: What reads files in buckets.
        path: The file.
        columns: The columns of the table; those that the file lacks are left out.
        vector: Whether each row is live, as far as it goes; None if all are.

    Raises:
        CorruptData: The file is damaged.
    """
    opened = remote_files(store, path).open(path) if is_remote(path) else path
    with (
        parquet_errors(source_label(path)),
        pq.ParquetFile(opened, coerce_int96_timestamp_unit="us") as file,
    ):
        known = set(file.schema_arrow.names)
        present = [one for one in columns if one.physical in known]
        start = 0
        for batch in file.iter_batches(BATCH_ROWS, columns=[one.physical for one in present]):
            if vector is not None:
                kept = vector[start : start + batch.num_rows]
                rest = batch.num_rows - len(kept)
                start += batch.num_rows
                if rest:
                    kept = pa.concat_arrays([kept, pa.array([True] * rest, pa.bool_())])
                batch = batch.filter(kept)
            if batch.num_rows:
                yield _named(batch, present)


def _named(batch: pa.RecordBatch, columns: Sequence[DeltaColumn]) -> pa.RecordBatch:
    arrays = [
        _as_table_has_it(batch.column(one.physical), one.stored, one.column.type) for one in columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[one.column.name for one in columns])


def _as_table_has_it(values: pa.Array, stored: DataType, kind: DataType) -> pa.Array:
    """Returns values under the names of the table's fields, and moments with their zone."""
    match stored, kind:
        case StructType(inside), StructType(fields):
            index = {field.name: n for n, field in enumerate(values.type)}
            parts = []
            for (physical, inner), (_, wanted) in zip(inside, fields, strict=True):
                n = index.get(physical)
                parts.append(
                    pa.nulls(len(values))
                    if n is None
                    else _as_table_has_it(values.field(n), inner, wanted)
                )
            named = [
                pa.field(name, part.type) for (name, _), part in zip(fields, parts, strict=True)
            ]
            return pa.StructArray.from_arrays(parts, fields=named, mask=values.is_null())
        case ListType(inner), ListType(wanted):
            parts_of = _as_table_has_it(values.values, inner, wanted)
            made = pa.ListArray if pa.types.is_list(values.type) else pa.LargeListArray
            return made.from_arrays(values.offsets, parts_of, mask=values.is_null())
        case MapType(key, value), MapType(wanted_key, wanted_value):
            keys = _as_table_has_it(values.keys, key, wanted_key)
            items = _as_table_has_it(values.items, value, wanted_value)
            return pa.MapArray.from_arrays(values.offsets, keys, items, mask=values.is_null())
        case _ if kind == ZONED and pa.types.is_timestamp(values.type) and values.type.tz is None:
            return values.cast(pa.timestamp(values.type.unit, "UTC"))
    return values
