"""Columns of Arrow as columns of text: values as ``values.text`` writes them, all at once."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.report.moment_text import Numbers, dates, intervals, times, timestamps
from catalog.report.values import as_lists, column_values, inner_text, text

ToText: TypeAlias = Callable[[pa.Array], pa.Array]
"""Makes a column of text of a column."""

PLAIN_FLOATS = (1e-4, 1e10)
"""From the first to below the second, Arrow writes floats as Python does, without ``.0``."""

PLAIN_SCALE = 6
"""Arrow writes small decimals with an exponent if they have more digits after the point."""

_BYTES = np.arange(256, dtype=np.uint8)
_IS_SHOWN = (_BYTES >= 32) & (_BYTES < 127) & ~np.isin(_BYTES, ord("\\"))
_WIDTHS = np.where(_IS_SHOWN, 1, 4)
_ESCAPES = np.array([list(b"\\x%02X" % n) for n in range(256)], dtype=np.uint8)
_ESCAPES[_IS_SHOWN, 0] = _BYTES[_IS_SHOWN]
_IS_USED = np.arange(4) < _WIDTHS[:, None]
"""For each byte of a binary value, the up to four characters that stand for it."""


def texts(column: pa.Array) -> pa.Array:
    """Returns the values of a column as text; null for NULL.

    Text that is longer than a column of Arrow can hold is an error of Arrow's.
    """
    form = _form(column.type)
    if form is None:
        return pa.array(map(text, column_values(column)), pa.string())
    return form(column)


def has_form(kind: pa.DataType) -> bool:
    """Returns whether text of a type is made a column at a time, not a value at a time."""
    return _form(kind) is not None


def _form(kind: pa.DataType) -> ToText | None:
    """Returns what makes text of a column; None if only Python can tell its values."""
    if pa.types.is_dictionary(kind):
        return _by_dictionary if _form(kind.value_type) else None
    if pa.types.is_floating(kind):
        return _floats
    if pa.types.is_decimal128(kind) and kind.scale > PLAIN_SCALE:
        return _long_decimals
    forms: tuple[tuple[Callable[[pa.DataType], bool], ToText], ...] = (
        (is_text, _cast),
        (is_number, _cast),
        (pa.types.is_boolean, _cast),
        (pa.types.is_null, _cast),
        (pa.types.is_timestamp, timestamps),
        (pa.types.is_date32, dates),
        (pa.types.is_time, times),
        (pa.types.is_interval, intervals),
        (pa.types.is_binary, _binaries),
        (is_nested, _nested),
    )
    return next((form for fits, form in forms if fits(kind)), None)


def is_text(kind: pa.DataType) -> bool:
    """Returns whether the values of a type are text."""
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_number(kind: pa.DataType) -> bool:
    """Returns whether the values of a type are numbers."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal128(kind))


def is_nested(kind: pa.DataType) -> bool:
    """Returns whether the values of a type are lists, structs or maps."""
    types = pa.types
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_list or types.is_struct(kind) or types.is_map(kind))


def _by_dictionary(column: pa.Array) -> pa.Array:
    return over_dictionary(column, texts)


def over_dictionary(column: pa.Array, form: ToText) -> pa.Array:
    """Returns the text of a column that is a dictionary, each value of which is formed once."""
    if len(column.dictionary) > len(column):
        return form(column.dictionary_decode())
    return form(column.dictionary).take(column.indices)


def joined(*parts: pa.Array | str) -> pa.Array:
    """Returns columns of text, and texts, one behind the other; null where a column is."""
    return pc.binary_join_element_wise(*parts, "")


def nested(column: pa.Array, *, value: ToText, key: ToText, name: Callable[[str], str]) -> pa.Array:
    """Returns lists as ``[a, b]``, structs and maps as ``{a: b}``; null for NULL.

    Args:
        column: A column of lists, structs or maps.
        value: Makes the text of the values within, never null.
        key: Makes the text of the keys of a map.
        name: Makes the text of a name of a struct.
    """
    if pa.types.is_struct(column.type):
        names = [name(field.name) for field in column.type]
        fields = column.flatten()
        found = struct_texts(fields, names, value=value) if names else pa.repeat("{}", len(column))
        return _masked(found, column)
    lists = as_lists(column)
    within, lengths = lists.flatten(), lists.value_lengths().fill_null(0)
    if pa.types.is_map(column.type):
        keys, values = within.flatten()
        entries, (left, right) = joined(key(keys), ": ", value(values)), "{}"
    else:
        entries, (left, right) = value(within), "[]"
    ends = np.concatenate(([0], np.cumsum(lengths.to_numpy())))
    each = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), entries)
    return _masked(joined(left, pc.binary_join(each, ", "), right), column)


def struct_texts(columns: Sequence[pa.Array], names: Sequence[str], *, value: ToText) -> pa.Array:
    """Returns columns, at least one, as ``{name: value, …}``, from the texts of their names."""
    parts: list[pa.Array | str] = []
    for n, (column, name) in enumerate(zip(columns, names, strict=True)):
        parts += [f"{', ' if n else '{'}{name}: ", value(column)]
    return joined(*parts, "}")


def _masked(formed: pa.Array, column: pa.Array) -> pa.Array:
    """Returns texts with null where a column is NULL."""
    if not column.null_count:
        return formed
    return pc.if_else(column.is_valid(), formed, pa.scalar(None, pa.string()))


def _nested(column: pa.Array) -> pa.Array:
    return nested(column, value=_inner_texts, key=_quoted, name=inner_text)


def _inner_texts(column: pa.Array) -> pa.Array:
    """Returns values as they stand within others: text in quotes, and ``NULL``."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return over_dictionary(column, _inner_texts).fill_null("NULL")
    if _form(kind) is None:
        return pa.array(map(inner_text, column_values(column)), pa.string())
    is_nanosecond = kind in (pa.time64("ns"),) or (
        pa.types.is_timestamp(kind) and kind.unit == "ns"
    )
    if is_text(kind) or is_nanosecond or pa.types.is_interval(kind):
        return _quoted(column).fill_null("NULL")
    return texts(column).fill_null("NULL")


def _quoted(column: pa.Array) -> pa.Array:
    return joined("'", pc.replace_substring(texts(column), "'", "''"), "'")


def _cast(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _floats(column: pa.Array) -> pa.Array:
    """Returns floats as Python writes them: the shortest text that is the same double."""
    column = column.cast(pa.float64())
    values = column.fill_null(0.0).to_numpy()
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        is_plain = ((size >= PLAIN_FLOATS[0]) & (size < PLAIN_FLOATS[1])) | (size == 0)
        is_whole = is_plain & (values == np.floor(values))
    formed = _cast(column)
    if is_whole.all():
        formed = joined(formed, ".0")
    elif is_whole.any():
        formed = pc.if_else(pa.array(is_whole), joined(formed, ".0"), formed)
    is_other = ~is_plain & np.isfinite(values)
    if is_other.any():
        others = pa.array(map(repr, values[is_other].tolist()), pa.string())
        formed = pc.replace_with_mask(formed, pa.array(is_other), others)
    return formed


def _long_decimals(column: pa.Array) -> pa.Array:
    """Returns decimals with all digits, also those that Arrow writes with an exponent: below 1."""
    formed = _cast(column)
    is_small = pc.match_substring(formed, "E")
    if not pc.any(is_small).as_py():
        return formed
    scale = column.type.scale
    small = column.filter(is_small)
    whole = pa.decimal128(column.type.precision, 0)
    digits = _cast(pa.Array.from_buffers(whole, len(small), small.buffers(), offset=small.offset))
    sign = pc.if_else(pc.starts_with(digits, "-"), "-", "")
    filled = pc.utf8_lpad(pc.utf8_ltrim(digits, "-"), scale, "0")
    return pc.replace_with_mask(formed, is_small, joined(sign, "0.", filled))


def bytes_of(formed: pa.Array) -> bytes:
    """Returns the bytes of all values of text or binary, one behind the other."""
    starts, ends = _places(formed)
    stored = formed.buffers()[2]
    return b"" if stored is None or not len(ends) else bytes(stored[starts[0] : ends[-1]])


def edge_bytes(formed: pa.Array) -> tuple[Numbers, Numbers]:
    """Returns the first bytes, and the last bytes, of texts that are not empty."""
    starts, ends = _places(formed)
    is_filled = ends > starts
    stored = np.frombuffer(formed.buffers()[2] or b"", np.uint8)
    return stored[starts[is_filled]], stored[ends[is_filled] - 1]


def is_printable_ascii(data: bytes) -> bool:
    """Returns whether all bytes stand for characters that can be seen, or for blanks."""
    found = np.frombuffer(data, np.uint8)
    return not len(found) or bool(found.min() >= 0x20 and found.max() < 0x7F)


def _places(formed: pa.Array) -> tuple[Numbers, Numbers]:
    """Returns where values of text or binary start and end in their buffer."""
    _, places, stored = formed.buffers()
    if stored is None or not len(formed):
        nowhere = np.zeros(len(formed), np.int32)
        return nowhere, nowhere
    found = np.frombuffer(places, np.int32)[formed.offset : formed.offset + len(formed) + 1]
    return found[:-1], found[1:]


def _binaries(column: pa.Array) -> pa.Array:
    r"""Returns bytes as characters of ASCII, or as ``\xNN``."""
    starts, ends = _places(column)
    data = np.frombuffer(bytes_of(column), np.uint8)
    lengths = np.concatenate(([0], np.cumsum(_WIDTHS[data], dtype=np.int64)))
    if lengths[-1] > np.iinfo(np.int32).max:
        raise pa.ArrowCapacityError("text of binary values is too long for a column")
    places = np.concatenate((starts, ends[-1:])) - starts[:1].sum()
    shown = _ESCAPES[data][_IS_USED[data]]
    formed = pa.StringArray.from_buffers(
        len(column), pa.py_buffer(lengths[places].astype(np.int32)), pa.py_buffer(shown)
    )
    return _masked(formed, column)
