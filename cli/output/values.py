"""Values as text: one text form for CSV, tables and Markdown, and JSON that loses nothing."""

import datetime
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def text(value: object) -> str | None:
    """Returns a value as DuckDB writes it; None for NULL."""
    match value:
        case None:
            return None
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value)
        case bytes():
            return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02X}" for b in value)
        case Decimal():
            return f"{value:f}"
        case datetime.datetime():
            return _datetime(value)
        case Mapping():
            inner = (f"{_inner(k)}: {_inner(v)}" for k, v in value.items())
            return f"{{{', '.join(inner)}}}"
        case list() | tuple():
            return f"[{', '.join(_inner(one) for one in value)}]"
    return str(value)


def csv_line(cells: Sequence[str | None]) -> str:
    """Returns one line of CSV by RFC 4180, with NULL apart from every text.

    A NULL is ``NULL`` without quotes; the text ``NULL`` and the empty text stand in quotes.
    """
    return ",".join(_csv_cell(cell) for cell in cells) + "\n"


def _csv_cell(cell: str | None) -> str:
    if cell is None:
        return "NULL"
    if not cell or cell == "NULL" or cell != cell.strip() or any(c in cell for c in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def json_text(value: object) -> str:
    """Returns a value as JSON.

    Decimals are numbers with all their digits; what JSON has no number for (NaN, infinities)
    and dates, times, binary are texts.
    """
    match value:
        case None | bool() | int() | str():
            return dumped(value)
        case float():
            return repr(value) if math.isfinite(value) else f'"{value!r}"'
        case Decimal():
            return f"{value:f}"
        case Mapping():
            inner = (f"{json_text(str(k))}: {json_text(v)}" for k, v in value.items())
            return f"{{{', '.join(inner)}}}"
        case list() | tuple():
            return f"[{', '.join(json_text(one) for one in value)}]"
    return dumped(text(value))


_STEERING = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]"
)
"""What could steer a terminal, and JSON need not escape: controls, marks of direction, halves."""


def dumped(value: object, *, indent: int | None = None) -> str:
    """Returns a value as JSON in which every character that could steer a terminal is an escape."""
    found = json.dumps(value, indent=indent, ensure_ascii=False)
    return found if found.isascii() and "\x7f" not in found else _STEERING.sub(_escape, found)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def rows(batches: "Iterable[pa.RecordBatch]") -> Iterator[tuple[object, ...]]:
    """Yields the rows of batches as Python values."""
    for batch in batches:
        yield from zip(*(_column_values(column) for column in batch.columns), strict=True)


def _column_values(column: "pa.Array") -> Sequence[object]:
    """Returns the values of a column; maps as dictionaries, times finer than Python's as text."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return _as_text(column.cast(pa.timestamp("ns")))
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return _as_text(column)
    if pa.types.is_map(kind):
        return [None if one is None else _map(one) for one in column.to_pylist()]
    if pa.types.is_struct(kind):
        return _struct_values(column)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _list_values(column)
    if pa.types.is_interval(kind):
        return [None if one is None else _interval(*one) for one in column.to_pylist()]
    try:
        found: Sequence[object] = column.to_pylist()
    except (ValueError, OverflowError):
        return _as_text(column)
    return found


def _struct_values(column: "pa.Array") -> Sequence[object]:
    names = [field.name for field in column.type]
    fields = [_column_values(field) for field in column.flatten()]
    whole = zip(*fields, strict=True) if fields else iter([()] * len(column))
    present = column.is_valid().to_pylist()
    return [
        dict(zip(names, values, strict=True)) if there else None
        for values, there in zip(whole, present, strict=True)
    ]


def _list_values(column: "pa.Array") -> Sequence[object]:
    lengths = column.value_lengths().to_pylist()
    values = iter(_column_values(column.flatten()))
    return [None if one is None else list(islice(values, one)) for one in lengths]


def _as_text(column: "pa.Array") -> Sequence[object]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: Sequence[object] = pc.cast(column, pa.string()).to_pylist()
    return found


def unique_names(names: Sequence[str]) -> list[str]:
    """Returns column names made unique: ``a``, ``a_1``."""
    taken: set[str] = set()
    found = []
    for name in names:
        free, n = name, 0
        while free in taken or (n and free in names):
            n += 1
            free = f"{name}_{n}"
        taken.add(free)
        found.append(free)
    return found


def _map(entries: Sequence[tuple[object, object]]) -> dict[object, object]:
    return {key if isinstance(key, str) else (text(key) or "NULL"): v for key, v in entries}


def _interval(months: int, days: int, nanoseconds: int) -> str:
    """Returns an interval as DuckDB writes it: ``1 year 2 months 3 days 04:05:06``."""
    years, months = int(months / 12), months - 12 * int(months / 12)
    named = ((years, "year"), (months, "month"), (days, "day"))
    parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in named if n]
    if nanoseconds or not parts:
        seconds, rest = divmod(abs(nanoseconds) // 1000, 1_000_000)
        fraction = f".{rest:06}".rstrip("0") if rest else ""
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
        parts.append(("-" if nanoseconds < 0 else "") + clock)
    return " ".join(parts)


def _datetime(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(" ")
    return value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(" ") + "+00"


def _inner(value: object) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    found = text(value)
    return "NULL" if found is None else found
