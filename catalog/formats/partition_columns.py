"""Partition columns that are in the files too: they must agree with the path."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.formats.footer import ParquetSource
from catalog.formats.moments import clock_text, date_text, interval_text, moment_text, time_ns
from catalog.formats.parquet import ParquetFooter
from catalog.hints import Option, hint
from catalog.model.types import INTEGER_BITS, DataType, Scalar, TypeClass
from catalog.model.values import decode, encode, encoded_ticks, parse, text
from catalog.storage.failures import machine_failure

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""How writers write numbers; ``01`` is the text of none."""

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def check_partition_column(
    path: str,
    footer: ParquetFooter,
    *,
    name: str,
    kind: Scalar,
    value: bytes | None,
    stated: str | None,
    types: Mapping[str, Scalar],
    opened: Callable[[], ParquetSource],
) -> None:
    """Checks that a column of a file holds nothing but the partition's value.

    Args:
        path: The file, for messages.
        footer: Its footer.
        name: The column's name in the file.
        kind: The type of the partition column.
        value: The partition's value, encoded.
        stated: Its text in the path.
        types: The types of all partition columns, for hints.
        opened: Opens the file; called only if the footer is not enough.

    Raises:
        CorruptData: The file cannot be read, or was changed.
        InvalidInput: A row holds another value; the message names both.
    """
    if footer.rows == 0:
        return
    physical = dict(footer.columns)[name]
    stats = footer.stats.get(name)
    exact = stats is not None and physical == kind and stats.exact and stats.nulls == 0
    if exact and stats is not None and stats.low == stats.high == value:
        return
    if not isinstance(physical, Scalar) or not _is_comparable(physical):
        raise _incomparable(path, name, physical)
    for held, shown in _distinct(path, opened(), name=name, kind=physical):
        if _agree(held, shown, physical, kind=kind, value=value, stated=stated):
            continue
        advice = hint("a partition column that is also in the file must agree with the path")
        declared = None if stated is None else _encoded(stated, physical)
        if _agree(held, shown, physical, kind=physical, value=declared, stated=stated):
            names = {column: str(one) for column, one in types.items()}
            option = Option("partition_by", {**names, name: str(physical)})
            advice = hint("declare the column's type, in which both are the same: {}", option)
        raise InvalidInput(
            f"{path}: column {name!r} holds {'NULL' if held is None else shown}, but its path "
            f"says {'NULL' if stated is None else stated}",
            kind=ErrorKind.PARTITION_COLUMN_MISMATCH,
            hint=advice,
        )


def _is_comparable(kind: Scalar) -> bool:
    return (
        kind.type_class is not TypeClass.OTHER
        or kind.name.startswith("TIME")
        or kind.name in ("INTERVAL", "JSON", "NULL")
    )


def _incomparable(path: str, name: str, kind: DataType) -> InvalidInput:
    return InvalidInput(
        f"{path}: column {name!r} cannot be a partition column: it is {kind}",
        kind=ErrorKind.PARTITION_COLUMN_MISMATCH,
        hint="write the files without the column: its values are in the paths",
    )


def _encoded(stated: str, kind: Scalar) -> bytes | None:
    try:
        return encode(parse(stated, kind), kind)
    except InvalidInput:
        return None


Held = bool | int | float | Decimal | str | bytes | uuid.UUID
"""A value in a file: days for dates, and nanoseconds for times and timestamps."""


def _distinct(
    path: str, source: ParquetSource, *, name: str, kind: Scalar
) -> Iterator[tuple[Held | None, str]]:
    """Yields the different values of a column, with their texts."""
    try:
        table = pq.read_table(
            source,
            columns=[name],
            partitioning=None,
            coerce_int96_timestamp_unit="us",
            page_checksum_verification=True,
        )
        column = _plain(table.column(name))
        values = pc.unique(column)
        texts = values.cast(pa.string()) if pa.types.is_floating(values.type) else values
    except (pa.ArrowException, OSError, KeyError) as error:
        failure = machine_failure(error, f"cannot read {path}")
        if failure is not None:
            raise failure from error
        reason = str(error).partition("\n")[0]
        raise CorruptData(
            f"{path}: column {name!r} is not readable: {reason}",
            kind=ErrorKind.DAMAGED_PARQUET,
            hint="write the file again, or remove it from the source",
        ) from error
    unit = _NANOSECONDS.get(getattr(table.column(name).type, "unit", ""), 1)
    for found, shown in zip(values.to_pylist(), texts.to_pylist(), strict=True):
        held = _held(found, kind, unit)
        if held is None and found is not None:
            raise _incomparable(path, name, kind)
        yield held, (str(shown) if isinstance(found, float) else _text(held, kind))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns a column with values of a type that Arrow can tell apart and Python has."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        return _plain(pa.chunked_array(chunks, kind.storage_type))
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return column.cast(
            pa.large_string() if pa.types.is_string_view(kind) else pa.large_binary()
        )
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return column.cast(pa.decimal128(kind.precision, kind.scale))
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_temporal(kind):
        return column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    return column


def _held(found: object, kind: Scalar, unit: int) -> Held | None:
    """Returns a value that Arrow read as the engine reads it, None if there is no such form."""
    match found:
        case bytes() if kind.type_class is TypeClass.UUID:
            return uuid.UUID(bytes=found)
        case str() if kind.type_class is TypeClass.BINARY:
            return found.encode()
        case bytes() if kind.type_class is TypeClass.BINARY or kind.name == "INTERVAL":
            return found
        case str() if kind.type_class is TypeClass.TEXT or kind.name == "JSON":
            return found
        case bool():
            return found if kind.type_class is TypeClass.BOOLEAN else None
        case int() if kind.name.startswith("TIME"):
            return found * unit
        case int() if kind.name in INTEGER_BITS or kind.type_class is TypeClass.DATE:
            return found
        case float() if kind.type_class is TypeClass.FLOAT:
            return found
        case Decimal() if kind.type_class is TypeClass.DECIMAL:
            return found
    return None


def _text(held: Held | None, kind: Scalar) -> str:
    """Returns a value as DuckDB writes it into a path."""
    match held:
        case bool():
            return str(held).lower()
        case int() if kind.type_class is TypeClass.DATE:
            return date_text(held)
        case int() if kind.name.startswith("TIMESTAMP"):
            return moment_text(held, kind)
        case int() if kind.name.startswith("TIME"):
            return clock_text(held) + ("+00" if kind.name == "TIME WITH TIME ZONE" else "")
        case bytes() if kind.name == "INTERVAL":
            return interval_text(held)
    return str(text(held, kind))


def _agree(
    held: Held | None,
    shown: str,
    physical: Scalar,
    *,
    kind: Scalar,
    value: bytes | None,
    stated: str | None,
) -> bool:
    """Returns whether a value in a file and one in a path are the same, nothing being rounded.

    They are if the path has the text of the file's value, as any writer writes it, or if both
    values are the same number, moment, time or text.
    """
    if held is None or value is None or stated is None:
        return held is None and value is None
    if stated == shown or _is_written(stated, held, shown, kind=physical):
        return True
    if isinstance(held, str):
        return held == text(decode(value, kind), kind)
    theirs = _comparable(held, physical)
    ours = _comparable(_own(value, kind), kind)
    return ours[0] == theirs[0] and ours[1] == theirs[1]


def _is_written(stated: str, held: Held, shown: str, *, kind: Scalar) -> bool:
    """Returns whether a text in a path is one of a value, in a form other than DuckDB's."""
    match held:
        case bool():
            return stated.lower() == shown  # Python's True
        case float() | Decimal() if _NUMBER.fullmatch(stated) and _NUMBER.fullmatch(shown):
            if Decimal(stated) == Decimal(shown):  # 1 or 1.0, and not what 0.1 is in binary
                return True
            # DuckDB stores HUGEINT as DOUBLE, while the path has all digits.
            beyond = stated.lstrip("-").isdigit() and abs(int(stated)) >= 1 << 63
            return beyond and isinstance(held, float) and float(int(stated)) == held
        case float():
            return stated.lower().replace("infinity", "inf") == shown.lower()  # as Java, or NaN
        case bytes() if kind.name != "INTERVAL":
            return stated.encode(errors="surrogateescape") == held  # pyarrow and Polars
        case uuid.UUID():
            return stated.lower() == shown
        case int() if kind.name.startswith("TIMESTAMP"):
            return _parsed_moment(stated) == held
        case int() if kind.name.startswith("TIME"):
            return time_ns(stated, utc=kind.name == "TIME WITH TIME ZONE") == held
    return False


def _parsed_moment(stated: str) -> object:
    try:
        return parse(stated, Scalar("TIMESTAMP_NS"))
    except InvalidInput:
        return None


def _own(value: bytes, kind: Scalar) -> Held:
    """Returns a partition's value in the form of values in files."""
    if kind.type_class in (TypeClass.DATE, TypeClass.TIME, TypeClass.TIMESTAMP):
        factor = 1 if kind.type_class is TypeClass.DATE or kind.name.endswith("_NS") else 1000
        return encoded_ticks(value) * factor
    found = decode(value, kind)
    assert isinstance(found, Held)
    return found


def _comparable(held: Held, kind: Scalar) -> tuple[str, Held]:
    """Returns what a value is compared as: a family, in which Python compares exactly."""
    match held:
        case int() if kind.type_class is TypeClass.DATE:
            return "moment", held * 86_400 * 10**9
        case int() if kind.name.startswith("TIMESTAMP"):
            return "moment", held
        case int() if kind.name.startswith("TIME"):
            return kind.name.removesuffix("_NS"), held
        case bool() | int() | float() | Decimal():
            return "number", held
    return type(held).__name__, held
