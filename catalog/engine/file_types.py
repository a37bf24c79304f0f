"""The types of the columns of Parquet files: what the engine reads them as."""

import re
import tempfile
from collections.abc import Callable

import duckdb

from catalog.engine.connection import cursor, make_readable
from catalog.engine.copying import is_geometry
from catalog.engine.data_types import data_type
from catalog.engine.failures import file_error
from catalog.engine.quoting import literal, pattern
from catalog.errors import CatalogError, CorruptData, ErrorKind, InvalidInput, StorageFailure
from catalog.formats.annotations import misplaced_annotation
from catalog.formats.footer import file_of
from catalog.formats.parquet import ParquetFooter, StoredFooter
from catalog.formats.structure import Structure
from catalog.model.ids import EXCERPT
from catalog.model.types import (
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    from_json,
    is_column_name,
    to_json,
    unusable_name,
)
from catalog.storage.external_files import is_remote

MAX_KNOWN = 4096
"""Structures whose types a process remembers: a table rarely has more than a few."""

_known: dict[Structure, tuple[DataType, ...]] = {}
"""The types of structures that were asked for: they depend on nothing but the structure."""

_UNWRITABLE = re.compile(r"Can't convert VARIANT of type '(\w+)'")
"""How the engine says that a VARIANT has no counterpart in Parquet, or is not known to it."""


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
        CorruptData: The engine cannot read the file, so that no query could, or not as it is meant.
        InvalidInput: It cannot read a column exactly.
    """
    types = _known.get(footer.structure)
    if types is None:
        types = _asked(footer, uri, engine())
        _check(footer, types, uri)
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[footer.structure] = types
    return footer.read_as(types)


def _asked(footer: StoredFooter, uri: str, con: duckdb.DuckDBPyConnection) -> tuple[DataType, ...]:
    """Asks the engine for the types of a file; of a remote one it reads the footer that is here."""
    if not is_remote(uri):
        return column_types(con, uri)
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(file_of(footer.raw))
        file.flush()
        return column_types(con, file.name, name=uri)


def column_types(
    con: duckdb.DuckDBPyConnection, uri: str, *, name: str | None = None
) -> tuple[DataType, ...]:
    """Returns the types that the engine reads the columns of a file as, in order.

    Errors call the file by ``name``, else by its URI.

    Raises:
        CorruptData: The engine cannot read the file.
    """
    make_readable(con, [uri])
    source = f"read_parquet({literal(pattern(uri))}, hive_partitioning = false)"
    try:
        with cursor(con) as own:  # the connection may be in the middle of a result
            found = own.sql(f"SELECT * FROM {source}").types
    except duckdb.Error as error:
        raise _refusal(name or uri, error) from error
    return tuple(map(data_type, found))


def check_values(
    footer: ParquetFooter, uri: str, engine: Callable[[], duckdb.DuckDBPyConnection]
) -> None:
    """Checks that the engine can read the columns of a file of which that is doubtful.

    Values of VARIANT must be such that they can be written again, too: a change of any other
    column would fail, and so would handing them over.

    Raises:
        CorruptData: It cannot read one.
        InvalidInput: It can read, but not write one.
    """
    if not footer.doubtful or not footer.rows:
        return
    names = ", ".join(f"c{place}" for place in range(len(footer.columns)))
    source = f"read_parquet({literal(pattern(uri))}, hive_partitioning = false) AS f({names})"
    with cursor(engine()) as con:
        make_readable(con, [uri])
        for place in footer.doubtful:
            name, kind = footer.columns[place]
            is_variant = isinstance(kind, Scalar) and kind.name == "VARIANT"
            value = f"variant_to_parquet_variant(c{place})" if is_variant else f"c{place}"
            try:
                con.execute(f"SELECT max(hash({value})) FROM {source}")
            except duckdb.Error as error:
                unwritable = _UNWRITABLE.search(str(error))
                where = f"{uri}: column {name!r}"
                if unwritable is None:
                    raise _refusal(where, error) from error
                raise InvalidInput(
                    f"{where} has VARIANT values that cannot be written again: {unwritable[1]}",
                    kind=ErrorKind.UNREADABLE_TYPE,
                    hint="write the column with another type, or leave it out",
                ) from error


def _refusal(where: str, error: duckdb.Error) -> CatalogError:
    """Returns the error for a file or column that the engine did not read."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return StorageFailure(f"out of memory while {where} is read", kind=ErrorKind.OUT_OF_MEMORY)
    raised = file_error(error) if "Traceback" in str(error) else None  # by our own reading
    reason = str(error).partition("\n")[0]
    return raised or _unreadable(where, reason.partition(" Error: ")[2] or reason)


def _unreadable(where: str, reason: str) -> CorruptData:
    return CorruptData(
        f"{where} cannot be read by any query: {reason}",
        kind=ErrorKind.DAMAGED_PARQUET,
        hint="write the file again, or remove it from the source",
    )


def _check(footer: StoredFooter, types: tuple[DataType, ...], uri: str) -> None:
    wrong = misplaced_annotation(footer.structure)
    if wrong is not None:
        raise CorruptData(
            f"{uri}: {wrong}",
            kind=ErrorKind.DAMAGED_PARQUET,
            hint="write the column with another type, or leave it out",
        )
    if not types or len(types) != len(footer.columns):
        raise _unreadable(uri, "it has no columns" if not types else "its columns are unclear")
    for column, kind in zip(footer.columns, types, strict=True):
        problem = _problem(column.type, kind)
        try:
            from_json(to_json(kind))
        except CorruptData:
            problem = _unusable(column.type) or f"is {str(kind)[:EXCERPT]}, not a type of tables"
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
    if is_geometry(kind) and isinstance(stored, Scalar) and stored != Scalar("BLOB"):
        return f"is GEOMETRY by the key geo of the file, which {stored} is not"
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


def _unusable(stored: DataType) -> str:
    """Returns what in a column has no name that SQL can write, or nothing in it; empty if none."""
    match stored:
        case ListType(element):
            return _unusable(element)
        case MapType(key, value):
            return _unusable(key) or _unusable(value)
        case StructType(()):
            return "has a struct without fields"
        case StructType(fields):
            for name, inner in fields:
                if not is_column_name(name):
                    return f"has {unusable_name('field', name)}"
                if why := _unusable(inner):
                    return why
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
