"""Frames, tables in memory and relations as sides of a comparison."""

import os

from catalog.dataclasses import replace
from catalog.diff.view import End
from catalog.engine.copying import copy_sql
from catalog.engine.quoting import identifier
from catalog.engine.workspace import Workspace
from catalog.model.table import TableSnapshot
from catalog.operations.compare.places import read_place
from catalog.operations.compare.sides import Side
from catalog.repository.repository import Repository
from catalog.write.rows.landing import land


def read_frame(
    repository: Repository, work: Workspace, data: object, like: TableSnapshot | None = None
) -> Side:
    """Reads rows that are handed over, as ``tx.write`` does.

    They are written to a file of the workspace, in types that tables keep.

    Raises:
        InvalidInput: They are no rows, or their columns are missing, repeated or not named.
        Unsupported: A column has a type or a value that tables cannot keep.
    """
    landed = land(work, data)
    names = [name for name, _ in landed.columns]
    columns = ", ".join(f"s{n} AS {identifier(name)}" for n, name in enumerate(names))
    path = os.path.join(work.folder, f"{work.name('frame')}.parquet")
    kinds = [kind for _, kind in landed.columns]
    query = f"SELECT {columns} FROM {landed.table}"
    work.con.execute(copy_sql(query, path, kinds, options=", COMPRESSION uncompressed"))
    work.con.execute(f"DROP TABLE {landed.table}")
    side = read_place(repository, path, like)
    return replace(side, end=End(_label(data)))


def _label(data: object) -> str:
    kind = type(data)
    return f"{kind.__module__.partition('.')[0].lstrip('_')}.{kind.__name__}"
