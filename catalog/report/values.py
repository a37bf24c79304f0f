"""Values of rows: those of Arrow as Python's, and as DuckDB writes them."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

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
            inner = (f"{inner_text(k)}: {inner_text(v)}" for k, v in value.items())
            return f"{{{', '.join(inner)}}}"
        case list() | tuple():
            return f"[{', '.join(inner_text(one) for one in value)}]"
    return str(value)


def rows(batches: "Iterable[pa.RecordBatch]") -> Iterator[tuple[object, ...]]:
    """Yields the rows of batches as Python values."""
    for batch in batches:
        yield from zip(*(column_values(column) for column in batch.columns), strict=True)


def column_values(column: "pa.Array") -> Sequence[object]:
    """Returns the values of a column; maps as dictionaries, moments Python does not have as text.

    Those are nanoseconds, and columns in which a date, time or timestamp is out of its range.
    """
    import pyarrow as pa

    from catalog.report import moment_text

    kind = column.type
    if pa.types.is_timestamp(kind):
        return _moments(column, moment_text.timestamps)
    if pa.types.is_time(kind):
        return _moments(column, moment_text.times)
    if pa.types.is_date32(kind):
        return _moments(column, moment_text.dates)
    if pa.types.is_map(kind):
        return [None if one is None else _map(one) for one in _list_values(as_lists(column))]
    if pa.types.is_fixed_size_list(kind):
        return _list_values(as_lists(column))
    if pa.types.is_struct(kind):
        return _struct_values(column)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _list_values(column)
    if pa.types.is_interval(kind):
        return list(moment_text.intervals(column).to_pylist())
    found: Sequence[object] = column.to_pylist()
    return found


def as_lists(column: "pa.Array") -> "pa.Array":
    """Returns maps as lists of pairs, and lists of one size as lists of any."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_map(kind):
        return column.cast(pa.list_(kind.field(0).type))
    if not pa.types.is_fixed_size_list(kind):
        return column
    size, count = (
        kind.list_size,
        len(column),
    )  # Arrow's own cast fails if the values are NULL by type
    ends = pa.array([n * size for n in range(count + 1)], pa.int32())
    values = column.values.slice(column.offset * size, count * size)
    return pa.ListArray.from_arrays(ends, values, mask=column.is_null())


def _struct_values(column: "pa.Array") -> Sequence[object]:
    names = [field.name for field in column.type]
    fields = [column_values(field) for field in column.flatten()]
    whole = zip(*fields, strict=True) if fields else iter([()] * len(column))
    present = column.is_valid().to_pylist()
    return [
        dict(zip(names, values, strict=True)) if there else None
        for values, there in zip(whole, present, strict=True)
    ]


def _list_values(column: "pa.Array") -> "list[list[Any] | None]":
    lengths = column.value_lengths().to_pylist()
    values = iter(column_values(column.flatten()))
    return [None if one is None else list(islice(values, one)) for one in lengths]


def _moments(column: "pa.Array", form: "Callable[[pa.Array], pa.Array]") -> Sequence[object]:
    from catalog.report.moment_text import fit_python

    return list(column.to_pylist() if fit_python(column) else form(column).to_pylist())


def _map(entries: "list[dict[str, object]]") -> dict[object, object]:
    pairs = (entry.values() for entry in entries)
    return {key if isinstance(key, str) else text(key): value for key, value in pairs}


def _datetime(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(" ")
    return value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(" ") + "+00"


def inner_text(value: object) -> str:
    """Returns a value as it stands within a list, struct or map: text in quotes."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    found = text(value)
    return "NULL" if found is None else found
