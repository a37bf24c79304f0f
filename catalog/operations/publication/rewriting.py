"""Data files written anew for readers that would not read them rightly as they are."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import duckdb

from catalog.engine.connection import borrowed
from catalog.engine.copying import copy_sql
from catalog.engine.failures import engine_errors
from catalog.engine.quoting import identifier, literal, type_sql
from catalog.engine.relation import prepare, relation_sql
from catalog.errors import ErrorKind, NotFound, Unsupported
from catalog.formats.delta.log_types import NANOSECONDS
from catalog.model.datafile import DataFile
from catalog.model.scan_plan import scan_plan
from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType
from catalog.repository import datafiles
from catalog.storage.store import ObjectStore

_INEXACT = "nanoseconds:"
"""Begins what the engine says of a value that would be rounded."""


def rewritten(
    store: ObjectStore,
    target: ObjectStore,
    *,
    table: TableSnapshot,
    files: Sequence[tuple[DataFile, str]],
    held: Callable[[FileSchema], Sequence[Field]],
    options: str = "",
) -> dict[str, int]:
    """Writes files with columns of a table as it is today, their rows in the same order.

    A file that is there already is left: names stand for one content.

    Args:
        store: The store of the catalog.
        target: The store of the target.
        table: The table.
        files: Each file, with its path in the target.
        held: Returns the columns to write for files of a schema, by their ids, with the types
            that they are written in, which hold all values of those of the table.
        options: Further options of COPY, each after a comma.

    Returns:
        The sizes of the files by path.
    """
    if not files:
        return {}
    sizes: dict[str, int] = {}
    with borrowed(store=store) as con, engine_errors():
        con.execute("SET preserve_insertion_order = true")
        for file, path in files:
            known = target.info(path)
            if known is None:
                fields = held(table.file_schemas[file.file_schema])
                _write(
                    con,
                    store=store,
                    target=target,
                    table=table,
                    file=file,
                    fields=fields,
                    path=path,
                    options=options,
                )
                known = target.info(path)
            if known is None:
                raise NotFound(f"{target.uri(path)} was removed while it was published")
            sizes[path] = known.size_bytes
    return sizes


def _write(
    con: duckdb.DuckDBPyConnection,
    *,
    store: ObjectStore,
    target: ObjectStore,
    table: TableSnapshot,
    file: DataFile,
    fields: Sequence[Field],
    path: str,
    options: str,
) -> None:
    place = partial(datafiles.place, store)
    plan = scan_plan(table, [file], locate=place, columns=[field.id for field in fields])
    kinds_here = {field.id: field.type for field in table.schema.fields}
    columns = ", ".join(
        f"{_value(field, kinds_here[field.id])} AS {identifier(field.name)}" for field in fields
    )
    rows = f"SELECT {columns} FROM {prepare(con, relation_sql(plan))}"
    temporary = target.scratch()
    try:
        kinds = [field.type for field in fields]
        with _exact():
            con.execute(copy_sql(rows, temporary, kinds, options=f", COMPRESSION zstd{options}"))
        target.publish([(target.take_over(temporary), path)])
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


@contextmanager
def _exact() -> Iterator[None]:
    """Raises the catalog's error for a value that would be rounded.

    Raises:
        Unsupported: There is one.
    """
    try:
        yield
    except duckdb.InvalidInputException as error:
        _, found, column = str(error).partition(_INEXACT)
        if not found:
            raise
        raise Unsupported(
            f"a timestamp is not in whole microseconds, and the format has none of less: {column}",
            kind=ErrorKind.FORMAT_LIMIT,
            hint="store the column as another type, or round it",
        ) from error


def _value(field: Field, kind: DataType) -> str:
    """Returns the expression of a column of some type in the type that it is written in."""
    name = identifier(field.name)
    cast = f"CAST({name} AS {type_sql(field.type)})"
    if kind != NANOSECONDS or field.type == kind:
        return cast
    inexact = f"error({literal(f'{_INEXACT}column {field.name!r}')})"
    return f"CASE WHEN epoch_ns({name}) % 1000 <> 0 THEN {inexact} ELSE {cast} END"
