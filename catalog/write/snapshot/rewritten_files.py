"""Files of a table of another format that cannot be taken as they are, written again."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.engine.copying import copy_sql
from catalog.engine.quoting import identifier, type_sql
from catalog.engine.workspace import Workspace
from catalog.errors import ErrorKind, Unsupported
from catalog.formats.parquet import read_footer
from catalog.formats.table_state import LiveFile, SourceTable, TableState
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.model.table import TableSnapshot
from catalog.repository.datafiles import guard_of
from catalog.write.context import FreshPrints, WriteContext
from catalog.write.files.writer import (
    DataWriter,
    own_file_schema,
    stored_fields,
    with_own_schema,
)
from catalog.write.snapshot.file_plan import KnownFiles
from catalog.write.snapshot.table_plan import SnapshotTask


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of files that were written again.

    Attributes:
        added: The files that come, which are in the store.
        staying: Paths of files that the table has already with the same content.
        tokens: The content of the only file that each became, by its path.
        prints: Fingerprints of those that come.
    """

    added: tuple[DataFile, ...]
    staying: tuple[str, ...]
    tokens: dict[str, str]
    prints: FreshPrints


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Files that are to be written again.

    Attributes:
        table: The table that they are of.
        files: The files, each with its partition.
        shape: The table that gets them.
        known: The files that it has.
    """

    table: SourceTable
    state: TableState
    files: Sequence[tuple[LiveFile, Partition]]
    shape: TableSnapshot
    known: KnownFiles

    def run(self, task: SnapshotTask) -> Rewritten:
        """Writes them.

        Raises:
            CorruptData: One cannot be read.
        """
        shape = with_own_schema(self.shape)
        prints: FreshPrints | None = {} if task.request.fingerprints_now else None
        context = WriteContext(Workspace(store=task.store), task.repository, prints)
        taken = {file.path for file in self.known.files}
        added: list[DataFile] = []
        staying: list[str] = []
        tokens: dict[str, str] = {}
        try:
            holds = self.known.rest
            with DataWriter(context, task.name, shape, taken=taken, holds=holds) as writer:
                for file, partition in self.files:
                    made = self._written(context, writer, file, partition)
                    if len(made) == 1:
                        tokens[file.path] = made[0].token
                    for one in made:
                        same = self.known.take(one.token, partition, "", own=True)
                        if same is not None and same.file_schema == one.file_schema:
                            staying.append(same.path)
                            writer.forget(one)
                        else:
                            added.append(one)
        finally:
            context.work.close()
        return Rewritten(tuple(added), tuple(staying), tokens, prints or {})

    def run_aside(self, task: SnapshotTask, folder: str) -> Rewritten:
        """Writes them into a directory, to be read there and nowhere else."""
        shape = with_own_schema(self.shape)
        schema = own_file_schema(shape)
        added: list[DataFile] = []
        with closing(Workspace(store=task.store)) as work:
            for n, (file, partition) in enumerate(self.files):
                landed = self._landed(work, file, shape)
                if landed is None:
                    continue
                path = os.path.join(folder, f"{secrets.token_hex(8)}-{n}.parquet")
                named = ", ".join(f"c{c.field_id} AS {identifier(c.name)}" for c in schema.columns)
                kinds = [column.type for column in schema.columns]
                query = f"SELECT {named} FROM ({landed}) ORDER BY place"
                with _values_of(file):
                    work.con.execute(copy_sql(query, path, kinds))
                found = os.stat(path)
                rows = read_footer(path).rows
                guard = guard_of(found)
                added.append(
                    DataFile(
                        path, f"stat:{guard}", found.st_size, rows, partition, schema.id, guard
                    )
                )
        return Rewritten(tuple(added), (), {}, {})

    def rows(self) -> list[DataFile]:
        """Returns what would come, by counting the rows only: nothing is written."""
        return [
            DataFile(
                file.path,
                "",
                file.size_bytes,
                sum(batch.num_rows for batch in self.table.rows(self.state, file)),
                partition,
                "",
            )
            for file, partition in self.files
        ]

    def _written(
        self, context: WriteContext, writer: DataWriter, file: LiveFile, partition: Partition
    ) -> list[DataFile]:
        landed = self._landed(context.work, file, writer.table)
        with _values_of(file):
            return [] if landed is None else writer.ordered(landed, partition)

    def _landed(self, work: Workspace, file: LiveFile, shape: TableSnapshot) -> str | None:
        """Returns a query of the live rows of a file; None if there are none."""
        batches = self.table.rows(self.state, file)
        first = next(iter(batches), None)
        if first is None:
            return None
        landed = _landed(work, first, batches)
        have = set(first.schema.names)
        columns = ", ".join(
            f"CAST({identifier(one.name) if one.name in have else 'NULL'} AS {type_sql(one.type)}) "
            f"AS c{one.id}"
            for one in stored_fields(shape)
        )
        return f"SELECT {columns}, rowid AS place FROM {landed}"


@contextmanager
def _values_of(file: LiveFile) -> Iterator[None]:
    """Raises the catalog's error if the table's types have not all values of a file.

    Raises:
        Unsupported: They have not.
    """
    try:
        yield
    except duckdb.ConversionException as error:
        reason = str(error).partition("\n")[0].removeprefix("Conversion Error: ")
        raise Unsupported(
            f"{file.path} has values that are none of the table's type: {reason}",
            kind=ErrorKind.UNSUPPORTED_FEATURE,
            hint="write the file again with the types of the table",
        ) from error


def _landed(work: Workspace, first: pa.RecordBatch, batches: Iterator[pa.RecordBatch]) -> str:
    """Takes the rows of a file into a table of the engine, in their order."""
    source, table = work.name("source"), "landed"
    with closing(
        pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
    ) as reader:
        work.con.register(source, reader)
        try:
            work.con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM {source}")
        finally:
            work.con.unregister(source)
    return table
