"""Arrow arrays from numbers, and back, without the imports that pyarrow would do.

``pa.array``, ``pa.scalar`` and ``to_numpy`` import pandas if it is installed, which takes
several times longer than a small diff.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

Numbers: TypeAlias = np.ndarray[Any, Any]

KNOWN_TYPES = 64
"""Types of which is remembered what numpy calls them."""


def from_numpy(values: Numbers) -> pa.Array:
    """Returns numbers as an Arrow array that shares them, or booleans as one of bits.

    They must be one-dimensional.
    """
    if values.dtype == np.bool_:
        bits = np.packbits(values, bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(
        kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))]
    )


def to_numpy(column: pa.Array | pa.ChunkedArray) -> Numbers:
    """Returns the values of a column of numbers or booleans; values at NULLs are arbitrary."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunk, or more than one array can hold
        parts = [to_numpy(chunk) for chunk in column.chunks]
        return np.concatenate(parts or [to_numpy(pa.nulls(0, column.type))])
    values = column.buffers()[1]
    if pa.types.is_boolean(column.type):
        bits = np.frombuffer(values or b"", np.uint8)
        end = column.offset + len(column)
        return np.unpackbits(bits, count=end, bitorder="little")[column.offset :].view(bool)
    kind = _numpy_type(column.type)
    return np.frombuffer(values or b"", kind, len(column), column.offset * kind.itemsize)


def structs(
    columns: Sequence[pa.Array], kind: pa.StructType, present: pa.Array | None = None
) -> pa.Array:
    """Returns structs of columns, of which there is at least one.

    Args:
        columns: The values of the fields.
        kind: Their type.
        present: Says which of them are not NULL, an array of booleans; None if all are.
    """
    if present is None:
        return pa.StructArray.from_arrays(columns, fields=list(kind))
    bits = np.packbits(to_numpy(present), bitorder="little")
    return pa.Array.from_buffers(kind, len(present), [pa.py_buffer(bits)], children=list(columns))


@lru_cache(maxsize=KNOWN_TYPES)
def _numpy_type(kind: pa.DataType) -> "np.dtype[Any]":
    family = (
        "f" if pa.types.is_floating(kind) else "u" if pa.types.is_unsigned_integer(kind) else "i"
    )
    return np.dtype(f"{family}{kind.bit_width // 8}")


def zeros(count: int) -> "np.ndarray[Any, np.dtype[np.uint64]]":
    """Returns so many words of 64 bits that are 0, in memory of Arrow's pool.

    It keeps what is freed, where numpy's goes back to the system: to get as many pages again may
    take longer than to compute what is in them.
    """
    found = np.frombuffer(pa.allocate_buffer(8 * count), np.uint64)
    found.fill(0)
    return found


def constant(value: bool | int | float | str | bytes) -> pa.Scalar:
    """Returns a value as a scalar of Arrow: of boolean, int64, double, string or binary type."""
    buffers: list[pa.Buffer | None]
    match value:
        case bool():
            kind, buffers = pa.bool_(), [pa.py_buffer(bytes([value]))]
        case int():
            kind, buffers = pa.int64(), [pa.py_buffer(struct.pack("=q", value))]
        case float():
            kind, buffers = pa.float64(), [pa.py_buffer(struct.pack("=d", value))]
        case _:
            data = value.encode() if isinstance(value, str) else value
            kind = pa.string() if isinstance(value, str) else pa.binary()
            buffers = [pa.py_buffer(struct.pack("=2i", 0, len(data))), pa.py_buffer(data)]
    return pa.Array.from_buffers(kind, 1, [None, *buffers])[0]
