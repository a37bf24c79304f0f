"""What fingerprints record of the keys of a file: NULLs, duplicates, and their bounds."""

from collections.abc import Mapping, Sequence
from functools import partial, reduce

import pyarrow as pa

from catalog.arrow_functions import call, cast
from catalog.diff.fingerprints.canonical import repeated, unwrapped
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.engine.arrow_arrays import constant, to_numpy
from catalog.errors import CatalogError
from catalog.model.fingerprint import KeyRecord
from catalog.model.schema import Field
from catalog.model.types import Scalar, is_float
from catalog.model.values import encode, has_order, sort_key

ABOVE = b"\xff" * 16
"""Ends the upper bound of keys where only the first column has bounds: above all that can
follow."""


def key_record(keys: Sequence[pa.Table], keyed: KeyedFile) -> KeyRecord | None:
    """Describes the keys of a file; None if their types do not allow it.

    They come in parts: the key columns that the file holds, in the order of the key.
    """
    table, file, key = keyed.table, keyed.file, keyed.key
    if not file.rows:
        return KeyRecord(0, 0, ordered=True)
    constant = {
        field_id: file.partition[table.partition_by.index(field_id)]
        for field_id in key
        if field_id in table.partition_by
    }
    columns = pa.concat_tables(keys) if keys else pa.table({})
    held = {column.field_id for column in keyed.columns}
    ids = [field_id for field_id in key if field_id in held]
    inner = [  # where a file holds a partition column as well, the value of the entry counts
        unwrapped(column)
        for field_id, column in zip(ids, columns.columns, strict=True)
        if field_id not in constant
    ]
    absent = len(key) - len(constant) - len(inner)
    if absent or any(value is None for value in constant.values()):
        nulls = file.rows
    else:
        nulls = _null_rows(inner)
    ordered = bool(inner) and _strictly_increasing(inner)
    try:
        duplicates = 0 if ordered else _duplicates(inner, file.rows)
    except pa.ArrowException:
        return None
    low, high = _bounds(inner, keyed, constant) if not nulls else (None, None)
    return KeyRecord(nulls, duplicates, low, high, ordered and not nulls)


def _null_rows(columns: Sequence[pa.ChunkedArray]) -> int:
    missing = [call("is_null", column) for column in columns if column.null_count]
    return int(call("sum", reduce(partial(call, "or"), missing)).as_py() or 0) if missing else 0


def _duplicates(columns: Sequence[pa.ChunkedArray], rows: int) -> int:
    """Counts the rows whose key occurs several times."""
    if not columns:
        return rows if rows > 1 else 0
    if len(columns) == 1 and pa.types.is_integer(columns[0].type) and not columns[0].null_count:
        return repeated(to_numpy(columns[0]))
    named = pa.table([_normal(c) for c in columns], [f"k{n}" for n in range(len(columns))])
    counts = named.group_by(named.column_names).aggregate([([], "count_all")])["count_all"]
    several = call("filter", counts, call("greater", counts, constant(1)))
    return int(call("sum", several).as_py() or 0)


def _normal(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns a column in which equal values are alike: Arrow groups -0.0 apart from 0.0."""
    if not pa.types.is_floating(column.type):
        return column
    wide = call("add", cast(column, pa.float64()), constant(0.0))
    return call("if_else", call("is_nan", wide), constant(float("nan")), wide)


def _strictly_increasing(columns: Sequence[pa.ChunkedArray]) -> bool:
    """Returns whether every key is above the one before; NULL and NaN are not."""
    if any(column.null_count for column in columns):
        return False
    count = len(columns[0])
    tied = None
    for number, column in enumerate(columns, 1):
        before, after = column.slice(0, count - 1), column.slice(1)
        try:
            above = call("less", before, after)
            if number == len(columns):
                rising = above if tied is None else call("or", call("invert", tied), above)
                return count < 2 or bool(call("all", rising).as_py())
            same = call("equal", before, after)
        except pa.ArrowException:
            return False
        fits = call("or", above, same)
        if tied is not None:
            fits, same = call("or", call("invert", tied), fits), call("and", tied, same)
        tied = same
        if count > 1 and not call("all", fits).as_py():
            return False
    return True


def _bounds(
    columns: Sequence[pa.ChunkedArray], keyed: KeyedFile, constant: Mapping[int, bytes | None]
) -> tuple[bytes | None, bytes | None]:
    """Bounds the keys of a file: partition values first, then the first column in the file."""
    lead = [constant[field_id] for field_id in keyed.key if field_id in constant]
    inner = [field_id for field_id in keyed.key if field_id not in constant]
    if not inner:
        whole = sort_key(lead, "")
        return whole, whole
    field = keyed.table.schema.by_id(inner[0])
    assert field is not None, "key columns exist"
    if not isinstance(field.type, Scalar) or not has_order(field.type):
        return None, None
    edges = call("min_max", columns[0])
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


def in_order(keys: pa.Table) -> bool:
    """Returns whether keys increase from row to row."""
    return _strictly_increasing([unwrapped(column) for column in keys.columns])
