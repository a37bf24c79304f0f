"""Digests of Arrow columns over canonical values, the same on every machine.

Arrow buffers of equal columns differ: in offsets, in the bytes under a NULL, in dictionaries. Here
they are brought into one form first, so that equal digests mean equal values in equal order, by
the rules of the diff: -0.0 as 0.0, one NaN, integers and floats of any width by value. A digest
is the XXH3-128 hash of a tag of the kind of values, the number of rows, the validity, and the
values; nested columns hash their children one after another.
"""

import struct
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import xxhash

from catalog.arrow_functions import call, cast, pc
from catalog.dataclasses import dataclass
from catalog.engine.arrow_arrays import constant, to_numpy, zeros

Update = Callable[[Any], None]
ArrowColumn = TypeVar("ArrowColumn", pa.Array, pa.ChunkedArray)
Numbers: TypeAlias = np.ndarray[Any, Any]

KNOWN_TYPES = 1024
"""Types of which is remembered how they are brought into one form."""

CHUNK_ROWS = 8_192
"""Rows whose lengths are computed at a time: memory for more would be mapped anew each time."""

MARKED_SHARE = 32
"""Marks per value, a byte each, up to which integers that repeat are found by them."""

MARGIN_SHARE = 32
"""Of a sample in order, this part at both ends is taken to lie apart."""

FEW_VALUES = 1_024
"""Integers that are sorted at once, and how many a sample has."""

_NAN = np.float64("nan")
_NEGATIVE_ZERO = np.int64(-(1 << 63))
"""The bits of -0.0, below those of all other numbers."""
_WIDEST = {
    b"bool": pa.uint8(),
    b"float": pa.float64(),
    b"date": pa.date32(),
    b"time": pa.time64("ns"),
}


@dataclass(frozen=True, slots=True)
class Fixed:
    """The canonical values of a column of fixed width.

    Attributes:
        tag: The kind of values: ``int``, ``float``, ``decimal2``, ….
        valid: Which rows are not NULL; None: all.
        values: The values, 0 where NULL; of decimals pairs of words, the lower first.
        negative_zeros: Whether a value was -0.0, which is 0.0 here.
        edges: The least and the greatest of the values, those under NULL among them; both are NaN
            if one of them is. None of decimals, and if there are no values or nobody looked.
    """

    tag: str
    valid: Numbers | None
    values: Numbers
    negative_zeros: bool = False
    edges: tuple[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class TextBytes:
    """A column of text or bytes in parts.

    Attributes:
        marks: Where each value begins in the data, and the end of the last; of 32 or 64 bits.
        data: Bytes, some before the first value at times.
        valid: Which values are not NULL; None: all.
    """

    tag: str
    marks: Numbers
    data: Numbers
    valid: Numbers | None


@dataclass(frozen=True, slots=True)
class Block:
    """What a fingerprint needs of a column of up to a block's rows.

    Attributes:
        digest: 16 bytes; None for types without a canonical form here, such as maps, and for
            values beyond it.
        nulls: Rows that are NULL.
        fixed: The values, if they are of fixed width.
        text: The values, if they are text or bytes.
    """

    digest: bytes | None
    nulls: int
    fixed: Fixed | None = None
    text: TextBytes | None = None


def digest(column: pa.Array) -> bytes | None:
    """Returns the digest of a column of up to a block's rows; see ``Block``."""
    return block(column).digest


def block(column: pa.Array) -> Block:
    """Returns what a fingerprint needs of a column of up to a block's rows."""
    state = xxhash.xxh3_128()
    column = unwrapped(column)
    try:
        found = _add(column, state.update)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Arrow has no kernel for the type, or doubts its own array; the engine compares it
        return Block(None, column.null_count)
    if not found:
        return Block(None, column.null_count)
    match found:
        case Fixed():
            return Block(state.digest(), column.null_count, found)
        case TextBytes():
            return Block(state.digest(), column.null_count, text=found)
    return Block(state.digest(), column.null_count)


def fixed(column: pa.Array) -> Fixed | None:
    """Returns the canonical values of a column of fixed width; None for others."""
    tag = kind_tag(column.type)
    if tag is None or tag in (b"null", b"text", b"blob", b"list", b"struct"):
        return None
    return _fixed(column, tag, _valid(column))


def _valid(column: pa.Array) -> Numbers | None:
    """Returns which values are not NULL; None: all."""
    return to_numpy(call("is_valid", column)) if column.null_count else None


def repeated(values: Numbers) -> int:
    """Counts the integers that occur several times.

    Most may lie close together: each of those gets a mark, and where as many are marked, none
    repeats. That takes a tenth of sorting them.
    """
    if len(values) < FEW_VALUES:
        return _repeated_of_few(values)
    if values.dtype.itemsize < 8:  # in which differences may not fit
        values = values.astype(np.int64)
    sample = np.sort(values[:: len(values) // FEW_VALUES + 1])
    margin = len(sample) // MARGIN_SHARE
    least, most = sample[margin], sample[-1 - margin]
    if int(most) - int(least) >= MARKED_SHARE * len(values):
        return _repeated_of_few(values)
    inside = values >= least
    inside &= values <= most
    middle = values[inside] - least
    marks = zeros((int(most) - int(least)) // 8 + 1).view(np.bool_)
    marks[middle.astype(np.int64, copy=False)] = True
    if int(np.count_nonzero(marks)) < len(middle):
        return _repeated_of_few(values)
    return _repeated_of_few(values[~inside])


def _repeated_of_few(values: Numbers) -> int:
    values = np.sort(values)
    same = values[1:] == values[:-1]
    runs = same & ~np.append(False, same[:-1]) if len(same) else same
    return int(same.sum()) + int(runs.sum())


def unwrapped(column: ArrowColumn) -> ArrowColumn:
    """Returns a column without what Arrow may wrap its values in.

    Types of which Arrow knows little become those of the same values of which it knows all. Files
    have them where their writer stored Arrow's schema, too.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column, kind = cast(column, kind.storage_type), kind.storage_type
    if pa.types.is_dictionary(kind):
        column, kind = cast(column, kind.value_type), kind.value_type
    plain = _plain(kind)
    return column if plain is None else cast(column, plain)


def unwrapped_type(kind: pa.DataType) -> pa.DataType:
    """Returns the type that ``unwrapped`` gives columns of a type."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return _plain(kind) or kind


@lru_cache(maxsize=KNOWN_TYPES)
def _plain(kind: pa.DataType) -> pa.DataType | None:
    """Returns the type that values of a rarer one are brought into; None for others."""
    types = pa.types
    if types.is_string_view(kind):
        return pa.large_string()
    if types.is_binary_view(kind):
        return pa.large_binary()
    if types.is_float16(kind):
        return pa.float32()
    if types.is_duration(kind):
        return pa.int64()
    if types.is_decimal(kind) and kind.bit_width != 128 and kind.precision <= 38:
        return pa.decimal128(kind.precision, kind.scale)
    return pa.list_(kind.value_type) if types.is_fixed_size_list(kind) else None


def _add(column: pa.Array, update: Update) -> bool | Fixed | TextBytes:
    """Feeds an unwrapped column to a hash; False if it has no canonical form."""
    kind = column.type
    tag = kind_tag(kind)
    if tag is None or sys.byteorder != "little":
        return False
    update(tag + struct.pack("<Q", len(column)))
    if pa.types.is_null(kind):
        return True
    valid = _valid(column)
    update(b"v" if valid is None else b"n" + np.packbits(valid).tobytes())
    if tag in (b"list", b"struct"):
        return _add_nested(column, update)
    if tag in (b"text", b"blob"):
        text = TextBytes(tag.decode(), *_marks_and_bytes(column), valid)
        for start in range(0, len(column), CHUNK_ROWS):  # large temporary arrays cost page faults
            lengths = np.diff(text.marks[start : start + CHUNK_ROWS + 1])
            update(lengths.astype(np.int64, copy=False))
        update(text.data[int(text.marks[0]) :])
        return text
    fixed = _fixed(column, tag, valid)
    update(fixed.values)
    return fixed


@lru_cache(maxsize=KNOWN_TYPES)
def kind_tag(kind: pa.DataType) -> bytes | None:
    """Returns the tag of the kind of values of an unwrapped type; None for those of no kind."""
    checks: list[tuple[bytes, bool]] = [
        (b"null", pa.types.is_null(kind)),
        (b"bool", pa.types.is_boolean(kind)),
        (b"uint64", pa.types.is_uint64(kind)),
        (b"int", pa.types.is_integer(kind)),
        (b"float", pa.types.is_floating(kind)),
        (b"date", pa.types.is_date(kind)),
        (b"time", pa.types.is_time(kind)),
        (b"text", is_text(kind)),
        (b"blob", is_binary(kind) or pa.types.is_fixed_size_binary(kind)),
        (b"struct", pa.types.is_struct(kind)),
        (b"list", pa.types.is_list(kind) or pa.types.is_large_list(kind)),
    ]
    found = next((tag for tag, holds in checks if holds), None)
    if found is not None:
        return found
    if pa.types.is_decimal(kind) and kind.bit_width <= 128:
        return f"decimal{kind.scale}".encode()
    if pa.types.is_timestamp(kind):
        return b"timestamp_ns" if kind.unit == "ns" else b"timestamp"
    return None


def is_text(kind: pa.DataType) -> bool:
    """Returns whether values of an Arrow type are text, in any layout."""
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_binary(kind: pa.DataType) -> bool:
    """Returns whether values of an Arrow type are bytes of any length, in any layout."""
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _add_nested(column: pa.Array, update: Update) -> bool:
    if pa.types.is_struct(column.type):
        for number, child in enumerate(column.flatten()):
            update(column.type[number].name.encode() + b"\0")
            if not _add(unwrapped(child), update):
                return False
        return True
    lengths = pc.fill_null(pc.cast(pc.list_value_length(column), pa.int64()), constant(0))
    update(np.ascontiguousarray(to_numpy(lengths)))
    return bool(_add(unwrapped(column.flatten()), update))


def _marks_and_bytes(column: pa.Array) -> tuple[Numbers, Numbers]:
    """Returns where values begin, the end of the last, and bytes up to that; NULL is empty."""
    values = as_bytes(column)
    if values.null_count:
        marks, missing = offsets(values), np.flatnonzero(~to_numpy(call("is_valid", values)))
        if (marks[missing] != marks[missing + 1]).any():
            values = pc.fill_null(values, cast(constant(b""), values.type))
    marks, data = offsets(values), values.buffers()[2]
    return marks, np.frombuffer(data or b"", np.uint8)[: int(marks[-1])]


def as_bytes(column: pa.Array) -> pa.Array:
    """Returns a column of text or bytes as one of bytes, with offsets of 32 or 64 bits."""
    kind = column.type
    if pa.types.is_string(kind):
        return column.view(pa.binary())  # copies nothing, and takes a tenth of a cast
    if pa.types.is_large_string(kind):
        return column.view(pa.large_binary())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column
    return cast(column, pa.large_binary())


def offsets(column: pa.Array) -> Numbers:
    """Returns where the values of a column of text or bytes begin, and the end of the last."""
    column = as_bytes(column)
    if not len(column):  # which may have no offsets
        return np.zeros(1, np.int64)
    size = 8 if pa.types.is_large_binary(column.type) else 4
    buffer, count = column.buffers()[1], len(column) + 1
    return np.frombuffer(buffer, f"i{size}", count, column.offset * size)


def bytes_within(column: pa.Array) -> Numbers:
    """Returns the bytes of a column of text or bytes, those under NULL among them."""
    values = as_bytes(column)
    marks, data = offsets(values), values.buffers()[2]
    return np.frombuffer(data or b"", np.uint8)[int(marks[0]) : int(marks[-1])]


def text_bytes(column: pa.Array) -> TextBytes | None:
    """Returns a column of text or bytes in parts; None for other columns."""
    column = unwrapped(column)
    tag = kind_tag(column.type)
    if tag not in (b"text", b"blob"):
        return None
    return TextBytes(tag.decode(), *_marks_and_bytes(column), _valid(column))


def _fixed(column: pa.Array, tag: bytes, valid: Numbers | None) -> Fixed:
    """Returns the canonical values of a column of fixed width."""
    negative_zeros = False
    if tag.startswith(b"decimal"):
        words = np.frombuffer(column.buffers()[1], np.int64, 2 * len(column), column.offset * 16)
        pairs = words.reshape(-1, 2)
        return Fixed(tag.decode(), valid, pairs if valid is None else _filled(pairs, valid))
    values: Numbers = _numbers(column, tag)
    if valid is not None:
        values = _filled(values, valid)
    edges = None
    if len(values):
        edges = values.min(), values.max()
    if tag == b"float" and edges is not None:
        unordered = bool(edges[1] != edges[1])
        if unordered:
            values = np.where(np.isnan(values), _NAN, values)
        if unordered or edges[0] <= 0.0 <= edges[1]:
            negative_zeros = bool(values.view(np.int64).min() == _NEGATIVE_ZERO)
        if negative_zeros:
            values = values + 0.0
    values = np.ascontiguousarray(values)
    return Fixed(tag.decode(), valid, values, negative_zeros, edges)


def _filled(values: Numbers, valid: Numbers) -> Numbers:
    """Returns a copy of values of 8 bytes or less, or of pairs of them, 0 where not valid."""
    found = zeros(values.nbytes // 8 + 1).view(values.dtype)[: values.size].reshape(values.shape)
    np.copyto(found, values)
    found[~valid] = 0
    return found


def _numbers(column: pa.Array, tag: bytes) -> Numbers:
    if tag in (b"uint64", b"timestamp_ns"):
        return to_numpy(column)
    if tag == b"timestamp":
        return to_numpy(cast(column, pa.timestamp("us", column.type.tz)))
    wide = _WIDEST.get(tag, pa.int64())
    return to_numpy(column if column.type == wide else cast(column, wide))
