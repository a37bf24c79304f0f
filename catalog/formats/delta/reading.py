"""Rows of a file of a table of Delta, without those that are deleted."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import ErrorKind, Unsupported
from catalog.formats.delta.schema import DeltaColumn
from catalog.formats.footer import parquet_errors, source_label
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.store import ObjectStore

BATCH_ROWS = 65_536
"""Rows that are in memory at a time."""

ZONED = Scalar("TIMESTAMP WITH TIME ZONE")

_Is = Callable[[pa.DataType], bool]

_is = pa.types
_TEXTS: tuple[_Is, ...] = (_is.is_string, _is.is_large_string, _is.is_string_view)
_BYTES: tuple[_Is, ...] = (_is.is_binary, _is.is_large_binary, _is.is_fixed_size_binary)
_WHOLE: tuple[_Is, ...] = (_is.is_integer, _is.is_boolean)
_REAL: tuple[_Is, ...] = (_is.is_floating, _is.is_integer)
_TIMES: tuple[_Is, ...] = (_is.is_timestamp, _is.is_date)

_READ_AS: Mapping[str, tuple[tuple[_Is, ...], pa.DataType | None]] = {
    "VARCHAR": ((*_TEXTS, *_BYTES), pa.large_string()),
    "BLOB": ((*_TEXTS, *_BYTES), pa.large_binary()),
    "BOOLEAN": ((_is.is_boolean,), None),
    "TINYINT": (_WHOLE, pa.int8()),
    "SMALLINT": (_WHOLE, pa.int16()),
    "INTEGER": (_WHOLE, pa.int32()),
    "BIGINT": (_WHOLE, pa.int64()),
    "FLOAT": (_REAL, None),
    "DOUBLE": (_REAL, None),
    "DATE": ((_is.is_date,), None),
    "TIMESTAMP": (_TIMES, None),
    str(ZONED): (_TIMES, None),
}
"""Types in files whose values are those of a table's type, and what makes them so; whatever else is
in a file is text to one engine and a number to another."""


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
                yield _named(batch, present, path)


def _named(batch: pa.RecordBatch, columns: Sequence[DeltaColumn], path: str) -> pa.RecordBatch:
    arrays = []
    for one in columns:
        values, kind = batch.column(one.physical), one.column.type
        try:
            arrays.append(_as_table_has_it(values, one.stored, kind))
        except (pa.ArrowException, TypeError) as error:
            raise Unsupported(
                f"column {one.column.name!r} is {values.type} in {path}, and {kind} in the table, "
                f"which has not all of its values: {error}",
                kind=ErrorKind.UNSUPPORTED_FEATURE,
                hint="write the file again with the type of the table",
            ) from error
    return pa.RecordBatch.from_arrays(arrays, names=[one.column.name for one in columns])


def _as_table_has_it(values: pa.Array, stored: DataType, kind: DataType) -> pa.Array:
    """Returns values under the names of the table's fields, and moments with their zone.

    Raises:
        TypeError: A file has values of a type that is not read as that of the table.
        pa.ArrowException: The table's type has not all of the values.
    """
    match stored, kind:
        case StructType(inside), StructType(fields) if _is.is_struct(values.type):
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
        case ListType(inner), ListType(wanted) if _is.is_list(values.type) or _is.is_large_list(
            values.type
        ):
            parts_of = _as_table_has_it(values.values, inner, wanted)
            made = pa.ListArray if pa.types.is_list(values.type) else pa.LargeListArray
            return made.from_arrays(values.offsets, parts_of, mask=values.is_null())
        case MapType(key, value), MapType(wanted_key, wanted_value) if _is.is_map(values.type):
            keys = _as_table_has_it(values.keys, key, wanted_key)
            items = _as_table_has_it(values.items, value, wanted_value)
            return pa.MapArray.from_arrays(values.offsets, keys, items, mask=values.is_null())
        case _, Scalar():
            return _as_scalar(values, kind)
    raise TypeError("it is nested otherwise")


def _as_scalar(values: pa.Array, kind: Scalar) -> pa.Array:
    found = values.type
    if _is.is_dictionary(found):
        values = values.dictionary_decode()
        found = values.type
    if _is.is_null(found):
        return values
    if _is.is_decimal(found) and kind.name.startswith("DECIMAL("):
        digits, _, scale = kind.name[len("DECIMAL(") : -1].partition(",")
        return values.cast(pa.decimal128(int(digits), int(scale)))
    allowed, target = _READ_AS.get(kind.name, ((), None))
    if not any(is_one(found) for is_one in allowed):
        raise TypeError("nobody converts the one to the other alike")
    if _is.is_date(found) and allowed is _TIMES:
        values = values.cast(pa.timestamp("ms"))
    if _is.is_timestamp(values.type):
        # parts of a microsecond are cut off, as the library does; the engine would round
        moment = pa.timestamp("us", "UTC" if kind == ZONED else None)
        return values.cast(moment, safe=values.type.unit != "ns")
    return values if target is None else values.cast(target)
