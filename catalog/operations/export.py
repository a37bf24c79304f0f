"""Tables written out for other tools: plain Parquet, CSV, Delta, and DuckDB views."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, TypeAlias, get_args

import duckdb

from catalog.dataclasses import dataclass
from catalog.engine.checks import checked
from catalog.engine.connection import borrowed
from catalog.engine.copying import copy_sql
from catalog.engine.quoting import literal
from catalog.engine.relation import prepare, relation_sql
from catalog.errors import AlreadyExists, ErrorKind, InvalidInput
from catalog.formats.hive_path import partition_path
from catalog.model.datafile import DataFile
from catalog.model.ids import random_id
from catalog.model.partition import partition_values
from catalog.model.published import Origin
from catalog.model.scan_plan import scan_plan
from catalog.model.table import TableSnapshot
from catalog.model.texts import path_text
from catalog.operations.context import OperationContext
from catalog.operations.file_sets import file_set, restore
from catalog.operations.publication.delta import DeltaPublication
from catalog.operations.publication.table import Step
from catalog.operations.publication.target import OWN, SCRATCH, check_outside, open_target
from catalog.operations.tables import stored_table
from catalog.operations.views import files_of, unwritable
from catalog.repository import datafiles
from catalog.storage.external_files import is_remote
from catalog.storage.local import LocalStore
from catalog.storage.store import ObjectStore
from catalog.write.files.writer import stored_fields

ExportFormat: TypeAlias = Literal["parquet", "csv", "files", "delta", "iceberg"]
"""Formats in which a table is written out."""

EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
"""All of them."""


@dataclass(frozen=True, slots=True)
class _Export:
    """A table of a commit, with its data files, to be written out."""

    store: ObjectStore
    table: TableSnapshot
    files: Sequence[DataFile]

    def reads_as_written(self) -> bool:
        """Returns whether the files by themselves, under their paths, are the table."""
        fields = self.table.schema.fields
        names = {f.id: f.name for f in fields}
        partition = set(self.table.partition_fields)
        for schema_id in {file.file_schema for file in self.files}:
            columns = self.table.file_schemas[schema_id].columns
            have = [(c.name, c.type) for c in columns if names.get(c.field_id) == c.name]
            missing = {(f.name, f.type) for f in fields} - {*have} - partition
            if missing or len(have) < len(columns):
                return False
        return True

    def copy_to(self, folder: str) -> None:
        """Copies the files, below the directories of their partitions."""
        os.makedirs(folder, exist_ok=True)
        for number, file in enumerate(self.files):
            target = self._target(folder, file, number)
            datafiles.copy(self.store, file, target)

    def rewrite_to(self, folder: str) -> None:
        """Writes one file per partition in the table's own schema."""
        os.makedirs(folder, exist_ok=True)
        inner = [f.id for f in stored_fields(self.table)]
        kinds = [f.type for f in stored_fields(self.table)]
        partitions: dict[str, list[DataFile]] = {}
        for file in self.files:
            partitions.setdefault(self._target(folder, file, 0), []).append(file)
        with borrowed(store=self.store) as con:
            con.execute("SET preserve_insertion_order = true")
            for target, members in partitions.items():
                rows = self._relation(con, members, inner)
                con.execute(copy_sql(f"FROM {rows}", target, kinds))

    def write_csv(self, path: str) -> None:
        """Writes all rows to a CSV file."""
        with borrowed(store=self.store) as con:
            rows = self._relation(con, self.files, None)
            con.execute(f"COPY (FROM {rows}) TO {literal(path)} (FORMAT csv, HEADER)")

    def _relation(
        self,
        con: duckdb.DuckDBPyConnection,
        files: Sequence[DataFile],
        columns: Sequence[int] | None,
    ) -> str:
        place = partial(datafiles.place, self.store)
        plan = scan_plan(self.table, files, locate=place, columns=columns)
        return prepare(con, relation_sql(plan))

    def _target(self, folder: str, file: DataFile, number: int) -> str:
        """Returns where a file goes; its directory is made."""
        values = partition_values(self.table, file)
        inner = partition_path(list(values), list(values.values()))
        os.makedirs(os.path.join(folder, inner), exist_ok=True)
        return os.path.join(folder, inner, f"{number:05d}.parquet")


def export_table(
    context: OperationContext,
    table: str,
    destination: str,
    *,
    ref: str,
    format: ExportFormat,
) -> int:
    """Writes a table at a ref as files for other tools; see ``Catalog.export``."""
    if format not in EXPORT_FORMATS:
        raise InvalidInput(
            f"unknown export format {format!r}", hint=f"use {', '.join(EXPORT_FORMATS)}"
        )
    destination = path_text(destination, "the destination")
    if not is_remote(destination):
        check_outside(context.repository.store, os.path.abspath(destination))
    if format == "files":
        files = file_set(context, table, ref)
        with _whole_or_not(destination, folder=True) as temporary:
            return restore(files, temporary)
    resolved = context.resolve(ref)
    stored = stored_table(context.repository, table, resolved)
    if format in ("delta", "iceberg"):
        commit_id = resolved.commit_id
        step = Step(commit_id, context.repository.commits.read(commit_id), stored)
        origin = Origin(context.repository.info.catalog_id, "", stored.name)
        writer = _delta_writer if format == "delta" else _iceberg_writer
        _export_version(context, destination, writer(context, step, origin))
        return stored.snapshot.rows
    data, watch = files_of(context, stored, resolved.commit_id)
    export = _Export(context.repository.store, stored.snapshot, data)
    whole = _whole_or_not(destination, folder=format == "parquet")
    with whole as temporary, checked([watch.check]):
        if format == "csv":
            export.write_csv(temporary)
        elif export.reads_as_written():
            export.copy_to(temporary)
        else:
            export.rewrite_to(temporary)
    return stored.snapshot.rows


def _export_version(
    context: OperationContext, destination: str, write: Callable[[ObjectStore, str], None]
) -> None:
    """Writes a table of another format with a single version, to a directory or into a bucket.

    Args:
        context: The catalog.
        destination: The directory, or the prefix of a bucket.
        write: Writes it to a store, of which readers will know a place.
    """
    if is_remote(destination):
        target = open_target(context.repository.store, destination).store
        if next(iter(target.list("")), None) is not None:
            raise _in_the_way(destination)
        write(target, target.location)
        return
    place = os.path.abspath(path_text(destination, "the destination"))
    with _whole_or_not(destination, folder=True) as temporary:
        write(LocalStore(temporary, scratch=SCRATCH), place)
        shutil.rmtree(os.path.join(temporary, OWN), ignore_errors=True)


def _delta_writer(
    context: OperationContext, step: Step, origin: Origin
) -> Callable[[ObjectStore, str], None]:
    def write(target: ObjectStore, place: str) -> None:
        DeltaPublication(context, target, "", origin=origin).write(None, step)

    return write


def _iceberg_writer(
    context: OperationContext, step: Step, origin: Origin
) -> Callable[[ObjectStore, str], None]:
    from catalog.operations.publication.iceberg import IcebergPublication

    def write(target: ObjectStore, place: str) -> None:
        table = IcebergPublication(context, target, "", origin=origin, location=place)
        table.check(step)
        table.write(None, step)
        table.flush()

    return write


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
        raise unwritable(destination, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _check_free(destination: str, *, folder: bool = False) -> None:
    empty = folder and os.path.isdir(destination) and not os.listdir(destination)
    if os.path.lexists(destination) and not empty:
        raise _in_the_way(destination)


def _in_the_way(destination: str) -> AlreadyExists:
    return AlreadyExists(
        f"{destination} exists", kind=ErrorKind.DESTINATION_EXISTS, hint="choose another name"
    )
