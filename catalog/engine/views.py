"""Databases of views: plain DuckDB files that show tables without the catalog."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence

import duckdb

from catalog.dataclasses import dataclass, replace
from catalog.engine.connection import connect, single_row
from catalog.engine.copying import is_geometry
from catalog.engine.quoting import identifier, literal
from catalog.engine.relation import prepare, relation_sql
from catalog.errors import InvalidInput
from catalog.model.datafile import DataFile
from catalog.model.names import RESERVED_NAMESPACE
from catalog.model.scan_plan import Locate, scan_plan
from catalog.model.schema import Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType
from catalog.storage.store import ObjectStore

STORAGE_VERSION = "v1.4.0"
"""Oldest DuckDB whose files every client from then on reads; 2.0's own are not."""


@dataclass(frozen=True, slots=True)
class View:
    """A view: the parts of its name, and the table and files that it shows."""

    name: tuple[str, ...]
    table: TableSnapshot
    files: tuple[DataFile, ...]


def write_database(
    path: str,
    views: Sequence[View],
    *,
    locate: Locate,
    store: ObjectStore | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Writes a database file of views, completely or not at all, in the place of any older one.

    Two-part names become schema and view; three-part names have their first two parts joined by a
    dot as the schema.

    Args:
        path: The file.
        views: The views.
        locate: Returns where the engine reads a file.
        store: The store of the files.
        about: What a view ``parquetry.publication`` says in its one row, by column.

    Raises:
        InvalidInput: Two tables would have the same view.
    """
    temporary = f"{path}.{secrets.token_hex(8)}.partial"
    con = connect(store=store)
    folder = tempfile.mkdtemp()  # DuckDB cannot write a database to every path: ? and \ mean more
    made_at = os.path.join(folder, "views.duckdb")
    try:
        con.execute(
            f"ATTACH {literal(made_at)} AS target (STORAGE_VERSION {literal(STORAGE_VERSION)})"
        )
        made: set[tuple[str, str]] = set()
        for view in views:
            schema, name = ".".join(view.name[:-1]) or "main", view.name[-1]
            if (schema.lower(), name.lower()) in made:
                raise InvalidInput(f"two tables would have the same view {schema}.{name}")
            made.add((schema.lower(), name.lower()))
            con.execute(f"CREATE SCHEMA IF NOT EXISTS target.{identifier(schema)}")
            plan = scan_plan(_keepable(view.table), view.files, locate=locate, self_contained=True)
            relation = prepare(con, relation_sql(plan))
            con.execute(
                f"CREATE VIEW target.{identifier(schema)}.{identifier(name)} AS FROM {relation}"
            )
        if about is not None:
            own = identifier(RESERVED_NAMESPACE)
            said = ", ".join(
                f"{literal(said)} AS {identifier(what)}" for what, said in about.items()
            )
            con.execute(f"CREATE SCHEMA IF NOT EXISTS target.{own}")
            con.execute(f"CREATE VIEW target.{own}.publication AS SELECT {said}")
        con.execute("DETACH target")
        shutil.copyfile(made_at, temporary)
        with open(temporary, "rb") as whole:
            os.fsync(whole.fileno())
        os.replace(temporary, path)
    finally:
        con.close()
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _keepable(table: TableSnapshot) -> TableSnapshot:
    """Returns a table with types that a view can have: none with a coordinate system."""
    fields = table.schema.fields
    return replace(
        table, schema=Schema(tuple(replace(f, type=_without_system(f.type)) for f in fields))
    )


def _without_system(kind: DataType) -> DataType:
    """Returns a type whose geometries do not say in which coordinate system they are."""
    match kind:
        case ListType(element):
            return ListType(_without_system(element))
        case MapType(key, value):
            return MapType(_without_system(key), _without_system(value))
        case StructType(fields):
            return StructType(tuple((name, _without_system(inner)) for name, inner in fields))
    return Scalar("GEOMETRY") if is_geometry(kind) else kind


def are_views_only(path: str, *, over: str) -> bool:
    """Returns whether a file is a database of views over files in a place, and nothing else.

    Args:
        path: The file.
        over: Where the files are that views may read.
    """
    try:
        with contextlib.closing(connect()) as con:
            con.execute(f"ATTACH {literal(path)} AS other (READ_ONLY)")
            views = con.execute(
                "SELECT sql FROM duckdb_views() WHERE database_name = 'other' AND NOT internal"
            ).fetchall()
            (tables,) = single_row(
                con, "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'other'"
            )
    except duckdb.Error:
        return False
    return bool(views) and not tables and all(over in sql for (sql,) in views)
