"""Rows of Arrow batches as lines of CSV and JSON, formed a column at a time.

What the lines look like is said by ``values.csv_line`` and ``values.json_text``, which also form
the few rows that are too long for a column of Arrow.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass
from catalog.report.column_text import (
    bytes_of,
    edge_bytes,
    has_form,
    is_nested,
    is_number,
    is_printable_ascii,
    joined,
    nested,
    over_dictionary,
    texts,
)
from catalog.report.values import column_values, rows, text
from cli.output.csv_style import FORMULA_STARTS, NULL, PLAIN, CsvStyle
from cli.output.values import STEERING, csv_line, dumped, json_text

SLICE_ROWS, SLICE_BYTES = 32_768, 2**23
"""Rows, and bytes, that are formed at once: few enough for the caches of a processor."""

_SPACE = "\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Python strips off a text."""

_CSV_SPECIAL = (b",", b'"', b"\r", b"\n")
_CSV_QUOTED = rf'[,"\r\n]|\A[{_SPACE}]|[{_SPACE}]\z|\A\z'
"""Text that CSV has in quotes, besides what stands for NULL."""

_FORMULA = rf"\A[{re.escape(FORMULA_STARTS)}]"

_JSON_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
"""Escapes of the characters that many texts have; the backslash first, since the others add one."""

_JSON_ESCAPED = rf'[\x00-\x1f"\\{STEERING}]'
_JSON_RARE = rf"[\x00-\x08\x0b\x0c\x0e-\x1f{STEERING}]"

Write: TypeAlias = "Callable[[bytes | pa.Buffer], object]"


@dataclass(frozen=True, slots=True)
class RowForm:
    """How rows become text.

    Attributes:
        lines: Makes a column of text, never null, of the columns of rows.
        line: Makes the same text of the Python values of one row.
        between: Stands between rows.
    """

    lines: Callable[[Sequence[pa.Array]], pa.Array]
    line: Callable[[Sequence[object]], str]
    between: str


def csv_form(style: CsvStyle = PLAIN) -> RowForm:
    """Returns how rows become lines of CSV."""

    def lines(columns: Sequence[pa.Array]) -> pa.Array:
        cells = (_csv_cells(column, style) for column in columns)
        return pc.binary_join_element_wise(
            *cells, ",", null_handling="replace", null_replacement=style.null
        )

    def line(row: Sequence[object]) -> str:
        cells = (text(value) for value in row)
        safe = [
            style.safe(cell) if cell is not None and isinstance(value, str | bytes) else cell
            for cell, value in zip(cells, row, strict=True)
        ]
        return csv_line(safe, style).removesuffix("\n")

    return RowForm(lines, line, "\n")


def json_form(names: Sequence[str], between: str = ",\n") -> RowForm:
    """Returns how rows become JSON objects, from the names of their columns."""
    keys = [dumped(name) for name in names]

    def lines(columns: Sequence[pa.Array]) -> pa.Array:
        parts: list[pa.Array | str] = []
        before = "{"
        for key, column in zip(keys, columns, strict=True):
            formed, mark = _json_parts(column)
            parts += [f"{before}{key}: {mark}", formed]
            before = f"{mark}, "
        return joined(*parts, f"{before.removesuffix(', ')}}}")

    def line(row: Sequence[object]) -> str:
        return json_text(dict(zip(names, row, strict=True)))

    return RowForm(lines, line, between)


def write_rows(batches: Iterable[pa.RecordBatch], form: RowForm, write: Write) -> int:
    """Writes rows as text, with what stands between them, and returns how many there were."""
    between = b""
    count = 0
    for batch in batches:
        if not batch.num_columns:
            continue
        for part in _slices(batch):
            for found in _text_of(part, form):
                write(between)
                write(found)
                between = form.between.encode()
            count += part.num_rows
    return count


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    row_bytes = max(batch.nbytes // max(batch.num_rows, 1), 1)
    step = max(min(SLICE_ROWS, SLICE_BYTES // row_bytes), 1)
    return (batch.slice(start, step) for start in range(0, batch.num_rows, step))


def _text_of(batch: pa.RecordBatch, form: RowForm) -> Iterator[bytes | pa.Buffer]:
    """Yields the text of rows: of all, or where that is too long for Arrow, of fewer."""
    size = batch.num_rows
    try:
        lines = form.lines(batch.columns)
        whole = pa.ListArray.from_arrays(pa.array([0, size], pa.int32()), lines)
        found = pc.binary_join(whole, form.between)[0].as_buffer()
    except (pa.ArrowCapacityError, pa.ArrowInvalid):
        if size == 1:
            yield form.line(next(rows([batch]))).encode()
            return
        for half in (batch.slice(0, size // 2), batch.slice(size // 2)):
            yield from _text_of(half, form)
    else:
        yield found


def _csv_cells(column: pa.Array, style: CsvStyle) -> pa.Array:
    """Returns values as cells of CSV; null for NULL."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return over_dictionary(column, lambda own: _csv_cells(own, style))
    formed = texts(column)
    if is_number(kind) or pa.types.is_boolean(kind) or pa.types.is_temporal(kind):
        if style.null in ("", NULL):
            return formed
        return _in_quotes(formed, pc.equal(formed, style.null).fill_null(False))
    if style.escape_formulas:
        formed = _without_formulas(formed)
    if _is_plain(formed, style):
        return formed
    where = pc.match_substring_regex(formed, _CSV_QUOTED).fill_null(False)
    if style.null:
        where = pc.or_(where, pc.equal(formed, style.null).fill_null(False))
    return _in_quotes(formed, where)


def _in_quotes(formed: pa.Array, where: pa.Array) -> pa.Array:
    """Returns texts, some of them in quotes."""
    if not where.true_count:
        return formed
    quoted = joined('"', pc.replace_substring(formed.filter(where), '"', '""'), '"')
    return pc.replace_with_mask(formed, where, quoted)


def _without_formulas(formed: pa.Array) -> pa.Array:
    """Returns texts with a ``'`` before those that a spreadsheet takes for formulas."""
    where = pc.match_substring_regex(formed, _FORMULA).fill_null(False)
    if not where.true_count:
        return formed
    return pc.replace_with_mask(formed, where, joined("'", formed.filter(where)))


def _is_plain(formed: pa.Array, style: CsvStyle) -> bool:
    """Returns whether a glance tells that no text needs quotes in CSV."""
    has_empty = pc.any(pc.equal(pc.binary_length(formed), 0)).as_py()
    data = bytes_of(formed)
    if has_empty or not data or any(one in data for one in _CSV_SPECIAL):
        return False
    first, last = edge_bytes(formed)
    is_inside = all((edge > 0x20).all() and (edge < 0x7F).all() for edge in (first, last))
    return is_inside and not (style.null and (first == style.null.encode()[0]).any())


def _json_texts(column: pa.Array) -> pa.Array:
    """Returns values as JSON; ``null`` for NULL."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return over_dictionary(column, _json_texts).fill_null("null")
    if not has_form(kind):
        return pa.array(map(json_text, column_values(column)), pa.string())
    if is_nested(kind):
        found = nested(column, value=_json_texts, key=_json_strings, name=dumped)
    elif pa.types.is_floating(kind):
        found = _json_floats(column)
    elif is_number(kind) or pa.types.is_boolean(kind):
        found = texts(column)
    else:
        found = _json_strings(column)
    return found.fill_null("null")


def _json_parts(column: pa.Array) -> tuple[pa.Array, str]:
    """Returns values as JSON, but for a mark around each: a quote where all are strings."""
    kind = column.type
    is_other = is_number(kind) or pa.types.is_boolean(kind) or is_nested(kind) or not has_form(kind)
    if column.null_count or is_other or pa.types.is_dictionary(kind):
        return _json_texts(column), ""
    return _json_escaped(column), '"'


def _json_floats(column: pa.Array) -> pa.Array:
    """Returns floats as numbers, and those that JSON has no number for as text."""
    formed, is_number = texts(column), pc.is_finite(column)
    if pc.all(is_number).as_py() is not False:
        return formed
    return pc.if_else(is_number, formed, joined('"', formed, '"'))


def _json_strings(column: pa.Array) -> pa.Array:
    """Returns the texts of values as strings of JSON; null for NULL."""
    return joined('"', _json_escaped(column), '"')


def _json_escaped(column: pa.Array) -> pa.Array:
    """Returns the texts of values as they stand in strings of JSON; null for NULL."""
    formed = texts(column)
    if pa.types.is_temporal(column.type):
        return formed
    data = bytes_of(formed)
    if is_printable_ascii(data) and b'"' not in data and b"\\" not in data:
        return formed
    where = pc.match_substring_regex(formed, _JSON_ESCAPED).fill_null(False)
    if not where.true_count:
        return formed
    return pc.replace_with_mask(formed, where, _escaped(formed.filter(where)))


def _escaped(found: pa.Array) -> pa.Array:
    """Returns texts without characters that JSON does not have, or that could steer a terminal."""
    escaped = found
    for character, escape in _JSON_ESCAPES.items():
        escaped = pc.replace_substring(escaped, character, escape)
    rare = pc.match_substring_regex(found, _JSON_RARE)
    if not rare.true_count:
        return escaped
    others = [dumped(one)[1:-1] for one in found.filter(rare).to_pylist()]
    return pc.replace_with_mask(escaped, rare, pa.array(others, pa.string()))
