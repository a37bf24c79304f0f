"""Values as a Delta log states them: those of partitions, as text, and bounds, as JSON.

Source: Delta Transaction Log Protocol, "Partition Value Serialization", "Per-file Statistics".
"""

import datetime
import math
from collections.abc import Sequence

from catalog.errors import CorruptData, ErrorKind, Unsupported
from catalog.formats.delta.log_types import NANOSECONDS
from catalog.formats.hive_path import NULL_SEGMENT
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.schema import Field
from catalog.model.types import Scalar, TypeClass, is_integer
from catalog.model.values import decode, text


def partition_text(encoded: bytes | None, kind: Scalar, column: str) -> str | None:
    """Returns an encoded partition value as the log has it, which is None for NULL.

    Raises:
        Unsupported: Delta or its readers take it for NULL, or do not read such values.
    """
    if encoded is None:
        return None
    value = decode(encoded, kind)
    if isinstance(value, bytes):
        raise _refused(column, f"is {kind}, which not all readers read as a partition column")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'' if value > 0 else '-'}Infinity"
    if isinstance(value, datetime.datetime) and kind.name == "TIMESTAMP WITH TIME ZONE":
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if kind == NANOSECONDS and isinstance(value, int) and value % 1000:
        raise _refused(column, "has a partition in nanoseconds, which Delta has no type for")
    shown = text(value, kind)
    if shown in ("", NULL_SEGMENT):
        raise _refused(column, f"has a partition of the value {shown!r}, which Delta has for NULL")
    return shown


def _refused(column: str, what: str) -> Unsupported:
    return Unsupported(
        f"column {column!r} {what}",
        kind=ErrorKind.FORMAT_LIMIT,
        hint="partition the table by another column",
    )


def stats_json(file: DataFile, fields: Sequence[Field], held: set[int]) -> dict[str, object]:
    """Returns what the log says of the rows of a file: how many, NULLs, and exact bounds.

    Bounds are those of integers and dates: readers disagree about the others, which may be cut.

    Args:
        file: The file.
        fields: The columns whose values are in files.
        held: The ids of those that this one holds; it has only NULLs of the others.
    """
    nulls: dict[str, int] = {}
    low: dict[str, object] = {}
    high: dict[str, object] = {}
    for field in fields:
        if not isinstance(field.type, Scalar):  # of a struct, deltalake wants counts of its fields
            continue
        if field.id not in held:
            nulls[field.name] = file.rows
            continue
        known = file.stats.get(field.id)
        if known is None:
            continue
        if known.nulls is not None:
            nulls[field.name] = known.nulls
        bounds = _bounds(known, field.type)
        if bounds is not None:
            low[field.name], high[field.name] = bounds
    return {"numRecords": file.rows, "minValues": low, "maxValues": high, "nullCount": nulls}


def _bounds(known: ColumnStats, kind: Scalar) -> tuple[object, object] | None:
    """Returns least and greatest value of a column, if they are known and all readers agree."""
    plain = is_integer(kind) and kind.type_class is TypeClass.INTEGER
    if not (plain or kind.type_class is TypeClass.DATE) or not known.exact:
        return None
    if known.low is None or known.high is None:
        return None
    try:
        low, high = decode(known.low, kind), decode(known.high, kind)
    except CorruptData:  # dates that Python does not have
        return None
    return (low, high) if plain else (str(low), str(high))
