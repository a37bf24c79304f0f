"""Tables written out for other tools: plain Parquet, CSV, and DuckDB views."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Literal

import duckdb

from catalog.engine.connection import connect
from catalog.engine.failures import file_error
from catalog.engine.quoting import literal
from catalog.engine.relation import prepare, relation_sql
from catalog.engine.views import View, write_database
from catalog.errors import AlreadyExists, ErrorKind, InvalidInput, StorageFailure
from catalog.formats.hive_path import partition_path
from catalog.model.datafile import DataFile
from catalog.model.ids import random_id
from catalog.model.partition import partition_values
from catalog.model.scan_plan import scan_plan
from catalog.model.texts import path_text
from catalog.operations.context import OperationContext
from catalog.operations.tables import stored_table
from catalog.repository import datafiles
from catalog.repository.commits import StoredTable
from catalog.repository.tables import data_files
from catalog.write.files.writer import stored_fields


def export_table(
    context: OperationContext,
    table: str,
    destination: str,
    *,
    ref: str,
    format: Literal["parquet", "csv"],
) -> int:
    """Writes a table at a ref as plain files; see ``Catalog.export``."""
    if format not in ("parquet", "csv"):
        raise InvalidInput(f"unknown export format {format!r}", hint="use parquet or csv")
    resolved = context.resolve(ref)
    stored = stored_table(context.repository, table, resolved)
    files = _files(context, stored, resolved.commit_id)
    with _whole_or_not(destination, folder=format == "parquet") as temporary:
        if format == "csv":
            _write_csv(context, stored, files, temporary)
        elif _reads_as_written(stored, files):
            _copy_files(context, stored, files, temporary)
        else:
            _rewrite_files(context, stored, files, temporary)
    return stored.snapshot.rows


@contextlib.contextmanager
def _whole_or_not(destination: str, *, folder: bool) -> Iterator[str]:
    """Yields a name to write to, which becomes the destination once all is written."""
    destination = os.path.abspath(path_text(destination, "the destination"))
    _check_free(destination, folder=folder)
    temporary = f"{destination}.{random_id()}.partial"
    try:
        yield temporary
        os.replace(temporary, destination)
    except (OSError, duckdb.Error) as error:
        own = file_error(error) if isinstance(error, duckdb.Error) else None
        if own is not None:
            raise own from error
        reason = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
        raise StorageFailure(
            f"cannot write {destination}: {reason}",
            hint="check the directory and the space there is; nothing was left behind",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _files(context: OperationContext, stored: StoredTable, commit_id: str) -> list[DataFile]:
    files = list(data_files(context.repository.commits, stored))
    what = f"table {stored.name} in commit {commit_id[:8]}"
    datafiles.verify(context.repository.store, files, what=what)
    return files


def _check_free(destination: str, *, folder: bool = False) -> None:
    empty = folder and os.path.isdir(destination) and not os.listdir(destination)
    if os.path.lexists(destination) and not empty:
        raise AlreadyExists(
            f"{destination} exists", kind=ErrorKind.DESTINATION_EXISTS, hint="choose another name"
        )


def _reads_as_written(stored: StoredTable, files: Sequence[DataFile]) -> bool:
    """Tells whether the files by themselves, under their paths, are the table."""
    wanted = [(f.name, f.type) for f in stored.snapshot.schema.fields]
    partition = set(stored.snapshot.partition_fields)
    for schema_id in {file.file_schema for file in files}:
        columns = stored.snapshot.file_schemas[schema_id].columns
        names = {f.id: f.name for f in stored.snapshot.schema.fields}
        have = [(c.name, c.type) for c in columns if names.get(c.field_id) == c.name]
        missing = [pair for pair in wanted if pair not in have and pair not in partition]
        if missing or len(have) < len(columns):
            return False
    return True


def _locator(context: OperationContext, file: DataFile) -> str:
    return datafiles.place(context.repository.store, file)


def _copy_files(
    context: OperationContext, stored: StoredTable, files: Sequence[DataFile], destination: str
) -> None:
    os.makedirs(destination, exist_ok=True)
    for number, file in enumerate(files):
        folder = os.path.join(destination, _folder(stored, file))
        os.makedirs(folder, exist_ok=True)
        datafiles.copy(
            context.repository.store, file, os.path.join(folder, f"{number:05d}.parquet")
        )


def _rewrite_files(
    context: OperationContext, stored: StoredTable, files: Sequence[DataFile], destination: str
) -> None:
    """Writes one file per partition in the table's own schema."""
    os.makedirs(destination, exist_ok=True)
    inner = [f.id for f in stored_fields(stored.snapshot)]
    partitions: dict[str, list[DataFile]] = {}
    for file in files:
        partitions.setdefault(_folder(stored, file), []).append(file)
    with connect(store=context.repository.store) as con:
        con.execute("SET preserve_insertion_order = true")
        for folder, members in partitions.items():
            os.makedirs(os.path.join(destination, folder), exist_ok=True)
            target = os.path.join(destination, folder, "00000.parquet")
            plan = scan_plan(
                stored.snapshot,
                members,
                locate=lambda file: _locator(context, file),
                columns=inner,
            )
            relation = prepare(con, relation_sql(plan))
            con.execute(f"COPY (FROM {relation}) TO {literal(target)} (FORMAT parquet)")


def _folder(stored: StoredTable, file: DataFile) -> str:
    values = partition_values(stored.snapshot, file)
    return partition_path(list(values), list(values.values()))


def _write_csv(
    context: OperationContext, stored: StoredTable, files: Sequence[DataFile], destination: str
) -> None:
    with connect(store=context.repository.store) as con:
        plan = scan_plan(stored.snapshot, files, locate=lambda file: _locator(context, file))
        relation = prepare(con, relation_sql(plan))
        con.execute(f"COPY (FROM {relation}) TO {literal(destination)} (FORMAT csv, HEADER)")


def write_views(context: OperationContext, path: str, *, ref: str, replace: bool) -> list[str]:
    """Writes a DuckDB database of views; see ``Catalog.write_views``."""
    if os.path.lexists(path) and not replace:
        raise AlreadyExists(
            f"{path} exists",
            kind=ErrorKind.DESTINATION_EXISTS,
            hint="name another file, or --replace",
        )
    resolved = context.resolve(ref)
    views = []
    for name in sorted(context.repository.commits.entries(resolved.commit_id)):
        stored = stored_table(context.repository, name, resolved)
        files = _files(context, stored, resolved.commit_id)
        views.append(View(tuple(name.split(".")), stored.snapshot, tuple(files)))
    try:
        store = context.repository.store
        write_database(path, views, locate=lambda file: datafiles.locate(store, file), store=store)
    except (OSError, duckdb.Error) as error:
        reason = str(error).partition("\n")[0]
        raise StorageFailure(
            f"cannot write {path}: {reason}", hint="check the directory and the space there is"
        ) from error
    return [".".join(view.name) for view in views]
