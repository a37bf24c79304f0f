"""The types of the columns of Parquet files: what the engine reads them as."""

from collections.abc import Callable

import duckdb

from catalog.engine.connection import cursor, make_readable
from catalog.engine.data_types import data_type
from catalog.engine.quoting import literal, pattern
from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.formats.parquet import ParquetFooter, StoredFooter
from catalog.formats.structure import Structure
from catalog.model.ids import excerpt
from catalog.model.types import (
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    from_json,
    to_json,
)

MAX_KNOWN = 4096
"""Structures whose types a process remembers: a table rarely has more than a few."""

_known: dict[Structure, tuple[DataType, ...]] = {}
"""The types of structures that were asked for: they depend on nothing but the structure."""


def as_read(
    footer: StoredFooter, uri: str, engine: Callable[[], duckdb.DuckDBPyConnection]
) -> ParquetFooter:
    """Returns the footer of a file with the types that the engine reads its columns as.

    The engine is asked once for all files of one structure.

    Args:
        footer: What the footer says by itself.
        uri: Where the engine reads the file, for which errors call it, too.
        engine: Returns a connection; called only if the engine must be asked.

    Raises:
        CorruptData: The engine cannot read the file, so that no query could.
        InvalidInput: It cannot read a column exactly.
    """
    types = _known.get(footer.structure)
    if types is None:
        types = column_types(engine(), uri)
        _check(footer, types, uri)
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[footer.structure] = types
    return footer.read_as(types)


def column_types(con: duckdb.DuckDBPyConnection, uri: str) -> tuple[DataType, ...]:
    """Returns the types that the engine reads the columns of a file as, in order.

    Raises:
        CorruptData: The engine cannot read the file.
    """
    make_readable(con, [uri])
    source = f"read_parquet({literal(pattern(uri))}, hive_partitioning = false)"
    try:
        with cursor(con) as own:  # the connection may be in the middle of a result
            found = own.sql(f"SELECT * FROM {source}").types
    except duckdb.Error as error:
        raise _unreadable(uri, str(error).partition("\n")[0]) from error
    return tuple(map(data_type, found))


def _unreadable(uri: str, reason: str) -> CorruptData:
    return CorruptData(
        f"{uri} cannot be read by any query: {reason.partition(' Error: ')[2] or reason}",
        kind=ErrorKind.DAMAGED_PARQUET,
        hint="write the file again, or remove it from the source",
    )


def _check(footer: StoredFooter, types: tuple[DataType, ...], uri: str) -> None:
    if not types or len(types) != len(footer.columns):
        raise _unreadable(uri, "it has no columns" if not types else "its columns are unclear")
    for column, kind in zip(footer.columns, types, strict=True):
        problem = _problem(column.type, kind)
        try:
            from_json(to_json(kind))
        except CorruptData:
            problem = f"is {excerpt(kind)}, a type that tables cannot have"
        if problem:
            raise InvalidInput(
                f"{uri}: column {column.name!r} {problem}",
                kind=ErrorKind.UNREADABLE_TYPE,
                hint="write the column with another type, or leave it out",
            )


def _problem(stored: DataType, kind: DataType) -> str:
    """Returns why a column cannot be read exactly, or not be written again; empty if it can."""
    if not isinstance(kind, Scalar) and _has_variant(kind):
        return "has VARIANT values within other values, which cannot be written again"
    match stored, kind:
        case Scalar(), Scalar("DOUBLE") if stored.decimal is not None:
            return f"has {stored.decimal[0]} decimal digits; 38 can be read exactly"
        case ListType(inner), ListType(element):
            return _problem(inner, element)
        case MapType(key, value), MapType(read_key, read_value):
            return _problem(key, read_key) or _problem(value, read_value)
        case StructType(fields), StructType(read) if len(fields) == len(read):
            pairs = zip(fields, read, strict=True)
            return next((why for (_, a), (_, b) in pairs if (why := _problem(a, b))), "")
    return ""


def _has_variant(kind: DataType) -> bool:
    match kind:
        case ListType(element):
            return _has_variant(element)
        case MapType(key, value):
            return _has_variant(key) or _has_variant(value)
        case StructType(fields):
            return any(_has_variant(inner) for _, inner in fields)
    return kind.name == "VARIANT"
