"""Databases of views: files that show the tables of a commit to any DuckDB client."""

import os
from collections.abc import Mapping, Sequence

import duckdb

from catalog.engine.failures import engine_failure
from catalog.engine.verification import verified
from catalog.engine.views import View, write_database
from catalog.errors import AlreadyExists, CatalogError, ErrorKind, StorageFailure
from catalog.hints import Option, hint
from catalog.model.datafile import DataFile
from catalog.model.texts import path_text
from catalog.operations.context import OperationContext
from catalog.operations.tables import stored_table
from catalog.repository import datafiles
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import Watch
from catalog.repository.resolve import ResolvedRef
from catalog.repository.tables import data_files
from catalog.storage.failures import machine_failure


def unwritable(destination: str, error: "OSError | duckdb.Error") -> CatalogError:
    """Returns the error for an output of which nothing is left."""
    if isinstance(error, duckdb.Error):
        own = engine_failure(error)
        reason = str(error).partition("\n")[0]
    else:
        own = machine_failure(error, f"cannot write {destination}")
        reason = error.strerror or str(error)
    return own or StorageFailure(
        f"cannot write {destination}: {reason}",
        hint="check the directory and the space there is; nothing was left behind",
    )


def files_of(
    context: OperationContext, stored: StoredTable, commit_id: str
) -> tuple[list[DataFile], Watch]:
    """Returns the files of a table, and what checks them again once they were read."""
    files = list(data_files(context.repository.commits, stored))
    what = f"table {stored.name} in commit {commit_id[:8]}"
    context.repository.expiry.check_there(commit_id, files)
    return files, verified(context.repository, files, what=what)


def write_views(context: OperationContext, path: str, *, ref: str, replace: bool) -> list[str]:
    """Writes a DuckDB database of views; see ``Catalog.write_views``."""
    path = path_text(path, "the database file")
    if os.path.lexists(path) and not replace:
        raise AlreadyExists(
            f"{path} exists",
            kind=ErrorKind.DESTINATION_EXISTS,
            hint=hint("name another file, or {}", Option("replace")),
        )
    return write_views_at(context, path, context.resolve(ref))


def write_views_at(
    context: OperationContext,
    path: str,
    at: ResolvedRef,
    *,
    tables: Sequence[str] | None = None,
    about: Mapping[str, str] | None = None,
) -> list[str]:
    """Writes a DuckDB database of views of tables at a commit, in the place of what is there.

    Args:
        context: The catalog.
        path: The database file.
        at: The commit.
        tables: The names of the tables as the commit has them; None means all.
        about: What the database says of itself; see ``engine.views.write_database``.

    Returns:
        The tables, by name.
    """
    views = []
    names = context.repository.commits.entries(at.commit_id) if tables is None else tables
    for name in sorted(names):
        stored = stored_table(context.repository, name, at)
        files, _ = files_of(context, stored, at.commit_id)
        views.append(View(tuple(name.split(".")), stored.snapshot, tuple(files)))
    store = context.repository.store
    try:
        write_database(
            path,
            views,
            locate=lambda file: datafiles.locate(store, file),
            store=store,
            about=about,
        )
    except (OSError, duckdb.Error) as error:
        raise unwritable(path, error) from error
    return [".".join(view.name) for view in views]
