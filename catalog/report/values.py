"""Values of rows: those of Arrow as Python's, and as DuckDB writes them."""

import datetime
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
