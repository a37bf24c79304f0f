"""Digests of columns whose rows are brought into the order of their key.

Files that hold the same rows have the same digests of this kind, whatever the order of their
rows. Keys are ordered by value: numbers, dates and times ascending, false before true, text and
bytes byte by byte; the first key column leads.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.diff.fingerprints.canonical import digest, is_binary, is_text, unwrapped
from catalog.diff.fingerprints.column_reader import in_one, opened
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.engine.arrow_arrays import from_numpy, to_numpy
from catalog.model.fingerprint import BLOCK_ROWS, KeyRecord

KEYED_ROWS = 1 << 22
"""Rows of a file up to which its columns are ordered: each column is then held in memory."""


def keyed_digests(
    path: str, keyed: KeyedFile, record: KeyRecord | None, *, wanted: Collection[int]
) -> dict[int, tuple[bytes, ...]]:
    """Returns digests of columns by field id, of blocks of a file's rows in the order of their key.

    There are none where rows are in the order of their key, or have no order that is known, and of
    columns without canonical form.

    Raises:
        CorruptData: The file cannot be read.
    """
    if not wanted or record is None or record.ordered:
        return {}
    places = {column.field_id: n for n, column in enumerate(keyed.columns)}
    keys = [places[field_id] for field_id in keyed.key if field_id in places]
    with opened(path, keyed, plain=keys) as file:
        order = None
        if file.rows <= KEYED_ROWS:
            order = key_order([in_one(file.column(place)) for place in keys], record)
        if order is None:
            return {}
        usable = [i for i in wanted if file.agreed[places[i]] and places[i] not in file.int96]
        found = {i: ordered_digests(file.column(places[i]), order) for i in usable}
    return {field_id: digests for field_id, digests in found.items() if digests is not None}


def key_order(key: Sequence[pa.Array | None], record: KeyRecord | None) -> pa.Array | None:
    """Returns the numbers of rows in the order of their key. Columns too large are None.

    There is no order if keys repeat or are NULL, or are of a type without an order here.
    """
    if record is None or record.nulls or record.duplicates or not key:
        return None
    found = [None if column is None else _sortable(column) for column in key]
    sortable = [column for column in found if column is not None]
    if len(sortable) < len(key):
        return None
    if len(sortable) == 1 and pa.types.is_integer(sortable[0].type):
        return from_numpy(np.argsort(to_numpy(sortable[0])))
    names = [f"k{n}" for n in range(len(sortable))]
    order = [(name, "ascending") for name in names]
    return pc.sort_indices(pa.table(sortable, names), sort_keys=order)


def _sortable(column: pa.Array) -> pa.Array | None:
    """Returns a column in a type whose order is that of its values; None if there is none."""
    column = unwrapped(column)
    kind = column.type
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return column.view(pa.int32())
    if pa.types.is_date64(kind) or pa.types.is_time64(kind) or pa.types.is_timestamp(kind):
        return column.view(pa.int64())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column
    if pa.types.is_decimal(kind) and kind.bit_width <= 128:
        return column.cast(pa.decimal128(38, kind.scale))
    if is_text(kind) or is_binary(kind):
        return column.cast(pa.large_binary())
    return column.cast(pa.binary()) if pa.types.is_fixed_size_binary(kind) else None


def ordered_digests(column: pa.ChunkedArray, order: pa.Array) -> tuple[bytes, ...] | None:
    """Returns the digests of a column in an order, block by block; None if it has none."""
    whole = in_one(column)
    if whole is None:
        return None
    found = []
    whole = unwrapped(whole)
    for start in range(0, len(order), BLOCK_ROWS):
        try:
            one = digest(whole.take(order.slice(start, BLOCK_ROWS)))
        except (
            pa.ArrowNotImplementedError
        ):  # of views within other values: the engine compares them
            return None
        if one is None:
            return None
        found.append(one)
    return tuple(found)
