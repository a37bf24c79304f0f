"""Frames, tables in memory and relations as sides of a comparison."""

import os

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass, replace
from catalog.diff.compare.arrays import arrow_type, table_type
from catalog.diff.view import End
from catalog.engine.copying import copy_sql
from catalog.engine.quoting import identifier
from catalog.engine.workspace import Workspace
from catalog.formats.source import Layout
from catalog.formats.unify import unify
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.operations.compare.places import read_place, with_totals
from catalog.operations.compare.sides import Side
from catalog.repository.repository import Repository
from catalog.storage.memory import NOWHERE
from catalog.write.rows.arrow_input import arrow_reader, check_names
from catalog.write.rows.landing import data_errors, land

_PLAIN_RELATION = frozenset(
    ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
) | {"UBIGINT", "FLOAT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP_NS", "VARCHAR", "BLOB"}
"""Types of relations whose values Arrow takes over as they are."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows that were handed over.

    Attributes:
        side: ``old`` or ``new``.
        in_file: Whether they must be in a file, since SQL of the user's reads them.
    """

    data: object
    side: str
    in_file: bool = False

    @property
    def end(self) -> End:
        """Returns how a message calls them: ``old (polars.DataFrame)``."""
        kind = type(self.data)
        module = kind.__module__.partition(".")[0].lstrip("_")
        name = kind.__name__ if module == "builtins" else f"{module}.{kind.__name__}"
        return End(f"{self.side} ({name})")


def read_frame(
    repository: Repository, work: Workspace, frame: Frame, like: TableSnapshot | None = None
) -> Side:
    """Reads rows that are handed over, as ``tx.write`` does.

    They stay in memory where Arrow has all their values as the engine would store them. Otherwise
    they are written to a file of the workspace, in types that tables keep.

    Args:
        repository: What reads that file.
        work: The workspace.
        frame: The rows.
        like: The other side, whose columns of the same name have the same ids here.

    Raises:
        InvalidInput: They are no rows, or their columns are missing, repeated or not named.
        Unsupported: A column has a type or a value that tables cannot keep.
    """
    data = frame.data
    if not frame.in_file:
        with data_errors():
            rows, data = _in_memory(data)
        if rows is not None:
            return _held(rows, frame, like)
    landed = land(work, data)
    names = [name for name, _ in landed.columns]
    columns = ", ".join(f"s{n} AS {identifier(name)}" for n, name in enumerate(names))
    path = os.path.join(work.folder, f"{work.name('frame')}.parquet")
    kinds = [kind for _, kind in landed.columns]
    query = f"SELECT {columns} FROM {landed.table}"
    work.con.execute(copy_sql(query, path, kinds, options=", COMPRESSION uncompressed"))
    work.con.execute(f"DROP TABLE {landed.table}")
    side = read_place(repository, path, like)
    return replace(side, end=frame.end)


def _in_memory(data: object) -> tuple[pa.Table | None, object]:
    """Returns rows in memory, None if they must be in a file, and what is left to be read then."""
    if isinstance(data, duckdb.DuckDBPyRelation):
        kinds = [str(kind).partition("(")[0] for kind in data.types]
        if not all(kind in _PLAIN_RELATION or kind == "DECIMAL" for kind in kinds):
            return None, data
        check_names(list(data.columns))
        rows = data.to_arrow_table()
    else:
        reader = arrow_reader(data)
        if any(table_type(kind) is None for kind in reader.schema.types):
            return None, reader
        rows = reader.read_all()
    columns = []
    for column in rows.columns:
        kind = table_type(column.type)
        wanted = None if kind is None else arrow_type(kind)
        try:
            columns.append(column if column.type == wanted else _cast(column, wanted))
        except pa.ArrowInvalid:  # a chunk of text is too large for 32-bit offsets
            return None, rows
    return pa.table(columns, names=rows.column_names), rows


def _cast(column: pa.ChunkedArray, kind: pa.DataType | None) -> pa.ChunkedArray:
    """Returns a column in another form of its type; Arrow does not decode every dictionary."""
    if not pa.types.is_dictionary(column.type):
        return column.cast(kind)
    chunks = [
        pa.DictionaryArray.from_arrays(one.indices, one.dictionary.cast(kind)).dictionary_decode()
        for one in column.chunks
    ]
    return pa.chunked_array(chunks, kind)


def _held(rows: pa.Table, frame: Frame, like: TableSnapshot | None) -> Side:
    """Returns the side of rows in memory: a table whose only file is none."""
    kinds = [(name, table_type(rows.field(n).type)) for n, name in enumerate(rows.column_names)]
    layout: Layout = tuple((name, kind) for name, kind in kinds if kind is not None)
    unified = unify({layout: frame.end.ref}, (), like, keep_columns=False)
    schema = unified.file_schemas[layout]
    path = f"{NOWHERE}/{frame.side}"
    file = DataFile(path, f"frame:{path}", rows.nbytes, rows.num_rows, (), schema.id)
    table = TableSnapshot(
        unified.schema,
        unified.last_field_id,
        file_schemas={schema.id: schema},
        table_id="" if like is None else like.table_id,
    )
    names = [f"c{column.field_id}" for column in schema.columns]
    return Side(frame.end, with_totals(table, (file,)), (file,), held=rows.rename_columns(names))
