"""Columns of text or bytes: whether text is UTF-8, and the least and the greatest value."""

import pyarrow as pa

from catalog.arrow_functions import call, take
from catalog.diff.fingerprints.canonical import as_bytes, bytes_within, is_binary, is_text


def is_utf8(column: pa.Array | pa.ChunkedArray) -> bool:
    """Returns whether all text is UTF-8, also that within other values."""
    kind = column.type
    if pa.types.is_primitive(kind):
        return True
    if isinstance(column, pa.ChunkedArray):
        return all(map(is_utf8, column.chunks))
    if isinstance(kind, pa.BaseExtensionType):
        return is_utf8(column.storage)
    if pa.types.is_dictionary(kind):
        return is_utf8(column.dictionary)
    if is_text(kind):
        return _is_utf8(column)
    if pa.types.is_struct(kind):
        return all(map(is_utf8, column.flatten()))
    if pa.types.is_map(kind):
        return is_utf8(column.keys) and is_utf8(column.items)
    if pa.types.is_nested(kind) and hasattr(kind, "value_type"):
        return is_utf8(column.flatten())
    return True


def _is_utf8(column: pa.Array) -> bool:
    if not pa.types.is_string_view(column.type):
        data = bytes_within(column)
        if not len(data) or int(data.max()) < 128:
            return True
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def byte_edges(column: pa.Array, *, used: bool) -> tuple[bytes, bytes] | None:
    """Returns the least and the greatest value of a column of text or bytes; None if unknown.

    Entries of a dictionary count that no row has unless ``used``, which takes longer.
    """
    if pa.types.is_dictionary(column.type):
        entries = column.dictionary
        in_use = call("unique", call("drop_null", column.indices)) if used else None
        column = entries if in_use is None else take(entries, in_use)
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    if is_text(column.type) or is_binary(column.type):
        column = as_bytes(column)
    elif not pa.types.is_fixed_size_binary(column.type):
        return None
    found = call("min_max", column)
    low, high = found["min"].as_py(), found["max"].as_py()
    return None if low is None else (low, high)
