"""Versioned tables as SQL: exact lists of data files, read through their file schemas."""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

import duckdb

from catalog.engine.connection import make_readable
from catalog.engine.quoting import identifier, literal, type_sql
from catalog.model.datafile import DataFile
from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot
from catalog.model.types import (
    NULL_TYPE,
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    TypeClass,
    is_float,
)
from catalog.model.values import decode, text

INLINE_FILES = 16
"""Up to so many paths are written into the SQL; more go through a variable, which binds
several times as fast."""

FILE_ROW_NUMBER = "file_row_number"
"""DuckDB's name of the rows' places in a file; a file may have a column of that name."""

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"

Locate = Callable[[DataFile], str]


@dataclass(frozen=True, slots=True)
class _Reading:
    """Says how a relation is to be read; see ``relation_sql``."""

    con: duckdb.DuckDBPyConnection
    table: TableSnapshot
    fields: Sequence[Field]
    names: Mapping[int, str]
    nan_free: Collection[int]
    inline: bool
    numbered: bool = False


def relation_sql(
    con: duckdb.DuckDBPyConnection,
    table: TableSnapshot,
    files: Sequence[DataFile],
    *,
    locate: Locate,
    columns: Sequence[int] | None = None,
    naming: Literal["name", "id"] = "name",
    nan_free: Collection[int] = (),
    inline: bool = False,
    numbered: bool = False,
) -> str:
    """Returns a parenthesised SELECT that yields rows of a table from exactly these files.

    Float columns that may hold NaN are read through ``TRY``, which keeps DuckDB from
    pushing filters into Parquet's statistics: those leave NaN out, and it would answer
    wrongly.

    Args:
        con: Takes the variables that hold long file lists.
        table: The table.
        files: Its files.
        locate: Says where the engine reads a file.
        columns: Field ids, in the order wanted; None means all.
        naming: Columns are called by their ``name``, or ``c<field id>`` (``id``), which is
            immune to names that differ only in case.
        nan_free: Field ids of float columns that may be read without that protection,
            because the statement never filters, joins or orders by them.
        inline: Whether everything must stand in the SQL itself, and no variable be used.
        numbered: Whether a column ``place`` tells the rows of one file apart: counted from 0.
    """
    assert not numbered or len(files) < 2, "places are those of one file"
    wanted = None if columns is None else [table.schema.by_id(i) for i in columns]
    fields = table.schema.fields if wanted is None else [f for f in wanted if f is not None]
    names = {f.id: f.name if naming == "name" else f"c{f.id}" for f in fields}
    reading = _Reading(con, table, fields, names, nan_free, inline, numbered)
    groups: dict[str, list[DataFile]] = {}
    for file in files:
        groups.setdefault(file.file_schema, []).append(file)
    if not groups:
        return _empty(reading)
    parts = [_group(reading, schema, members, locate) for schema, members in groups.items()]
    return "(" + " UNION ALL ".join(parts) + ")"


def _empty(reading: _Reading) -> str:
    columns = ", ".join(
        f"CAST(NULL AS {type_sql(f.type)}) AS {identifier(reading.names[f.id])}"
        for f in reading.fields
    )
    return f"(SELECT {columns} WHERE false)"


def _group(reading: _Reading, schema_id: str, files: Sequence[DataFile], locate: Locate) -> str:
    """Returns the SELECT over files of one file schema."""
    file_schema = reading.table.file_schemas[schema_id]
    uris = [locate(file) for file in files]
    make_readable(reading.con, uris)
    alias = _free_prefix(reading.table)
    positions = {c.field_id: n for n, c in enumerate(file_schema.columns)}
    several = len({file.partition for file in files}) > 1
    needed = several and any(f.id in reading.table.partition_by for f in reading.fields)
    hive = needed and _paths_tell(reading.table, file_schema, files, uris)
    columns = []
    for field in reading.fields:
        if field.id in reading.table.partition_by:
            source = _partition_value(reading, field, files, hive)
        elif field.id in positions:
            column = file_schema.columns[positions[field.id]]
            source = f"{alias}{positions[field.id]}"
            if column.type == NULL_TYPE:
                source = f"CAST(NULL AS {type_sql(field.type)})"
            elif column.type != field.type:
                source = f"CAST({source} AS {type_sql(field.type)})"
            if _may_hold_nan(column.type, field, files, reading.nan_free):
                source = f"TRY({source})"
        else:
            source = f"CAST(NULL AS {type_sql(field.type)})"
        columns.append(f"{source} AS {identifier(reading.names[field.id])}")
    names = [f"{alias}{n}" for n in range(len(file_schema.columns))]
    options = _hive_options(reading.table) if hive else "hive_partitioning = false"
    if reading.numbered:
        taken = any(c.name.casefold() == FILE_ROW_NUMBER for c in file_schema.columns)
        columns.append(f"{'row_number() OVER () - 1' if taken else f'{alias}place'} AS place")
        names += [] if taken else [f"{alias}place"]
        options += "" if taken else f", {FILE_ROW_NUMBER} = true"
    aliases = ", ".join(names)
    listed = _file_list(reading, uris)
    return (
        f"SELECT {', '.join(columns)} FROM read_parquet({listed}, {options}) "
        f"AS {alias}file({aliases})"
    )


def _free_prefix(table: TableSnapshot) -> str:
    """Returns a prefix that no partition column starts with."""
    prefix = "q"
    while any(name.casefold().startswith(prefix) for name, _ in table.partition_fields):
        prefix += "q"
    return prefix


def _may_hold_nan(
    physical: DataType, field: Field, files: Sequence[DataFile], nan_free: Collection[int]
) -> bool:
    if not isinstance(physical, Scalar):
        return _has_float(physical)
    if not is_float(physical) or field.id in nan_free:
        return False
    stats = (file.stats.get(field.id) for file in files)
    return any(one is None or one.nans != 0 for one in stats)


def _has_float(kind: DataType) -> bool:
    """Tells whether values of a type may have NaN inside; DuckDB's filters look that deep."""
    match kind:
        case StructType(fields):
            return any(_has_float(inner) for _, inner in fields)
        case ListType(element):
            return _has_float(element)
        case MapType(key, value):
            return _has_float(key) or _has_float(value)
        case _:
            return is_float(kind)


def _partition_value(reading: _Reading, field: Field, files: Sequence[DataFile], hive: bool) -> str:
    if hive:
        return f"CAST({identifier(field.name)} AS {type_sql(field.type)})"
    assert isinstance(field.type, Scalar)
    number = reading.table.partition_by.index(field.id)
    values = [_value_text(file.partition[number], field.type) for file in files]
    if len(set(values)) == 1:
        return _constant(values[0], field.type)
    if reading.inline:
        listed = f"CAST({_list(values)} AS VARCHAR[])"
    else:
        listed = f"getvariable({literal(_variable(reading.con, values))})"
    value = f"{listed}[CAST(file_index AS BIGINT) + 1]"
    return f"CAST({value} AS {type_sql(field.type)})"


def _constant(value: str | None, kind: Scalar) -> str:
    return f"CAST({'NULL' if value is None else literal(value)} AS {type_sql(kind)})"


def _value_text(encoded: bytes | None, kind: Scalar) -> str | None:
    return None if encoded is None else text(decode(encoded, kind), kind)


def _paths_tell(
    table: TableSnapshot,
    file_schema: FileSchema,
    files: Sequence[DataFile],
    uris: Sequence[str],
) -> bool:
    """Tells whether DuckDB's hive partitioning reads the entries' values, and nothing else."""
    kinds = dict(table.partition_fields)
    if any(kind.type_class not in _PATH_CLASSES for kind in kinds.values()):
        return False
    in_files = {column.name.casefold() for column in file_schema.columns}
    if in_files & {name.casefold() for name in kinds}:
        return False
    seen: dict[str, bool] = {}
    for file, uri in zip(files, uris, strict=True):
        folder = os.path.dirname(uri)
        if folder not in seen:
            found = _hive_values(folder)
            values = {
                name: _value_text(value, kind)
                for (name, kind), value in zip(kinds.items(), file.partition, strict=True)
            }
            seen[folder] = found == values
        if not seen[folder]:
            return False
    return True


_PATH_CLASSES = (TypeClass.INTEGER, TypeClass.TEXT, TypeClass.DATE, TypeClass.BOOLEAN)
"""Partition types whose values DuckDB surely reads from paths as they are."""


def _hive_values(folder: str) -> dict[str, str | None] | None:
    """Returns what DuckDB reads from the directories of a path; None if it is not certain."""
    values: dict[str, str | None] = {}
    for segment in folder.split("/"):
        name, equals, value = segment.partition("=")
        if equals:
            if name in values or not name.isidentifier() or "=" in value or "+" in value:
                return None
            values[name] = None if value == HIVE_NULL else unquote(value)
    return values


def _hive_options(table: TableSnapshot) -> str:
    types = ", ".join(
        f"{identifier(name)}: {type_sql(kind)}" for name, kind in table.partition_fields
    )
    return f"hive_partitioning = true, hive_types_autocast = false, hive_types = {{{types}}}"


def _file_list(reading: _Reading, uris: Sequence[str]) -> str:
    paths = [_as_path(uri) for uri in uris]
    if reading.inline or len(paths) <= INLINE_FILES:
        return _list(paths)
    return f"getvariable({literal(_variable(reading.con, paths))})"


def _list(values: Sequence[str | None]) -> str:
    return "[" + ", ".join("NULL" if v is None else literal(v) for v in values) + "]"


def _as_path(uri: str) -> str:
    """Returns a path that DuckDB takes as it is: characters of its globs are bracketed."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in uri)


def _variable(con: duckdb.DuckDBPyConnection, values: Sequence[str | None]) -> str:
    """Sets a variable to a list of text and returns its name, which comes from the content."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(b"\0-" if value is None else b"\0+" + os.fsencode(value))
    name = f"parquetry_{digest.hexdigest()[:32]}"
    con.execute(f"SET VARIABLE {name} = CAST(? AS VARCHAR[])", [list(values)])
    return name
