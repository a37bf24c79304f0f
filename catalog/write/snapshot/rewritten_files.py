"""Files of a table of another format that cannot be taken as they are, written again."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain

import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.engine.quoting import identifier, type_sql
from catalog.engine.workspace import Workspace
from catalog.formats.table_state import LiveFile, SourceTable, TableState
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.model.table import TableSnapshot
from catalog.write.context import FreshPrints, WriteContext
from catalog.write.files.writer import DataWriter, stored_fields, with_own_schema
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
        batches = self.table.rows(self.state, file)
        first = next(iter(batches), None)
        if first is None:
            return []
        landed = _landed(context.work, first, batches)
        have = set(first.schema.names)
        columns = ", ".join(
            f"CAST({identifier(one.name) if one.name in have else 'NULL'} AS {type_sql(one.type)}) "
            f"AS c{one.id}"
            for one in stored_fields(writer.table)
        )
        try:
            return writer.ordered(f"SELECT {columns}, rowid AS place FROM {landed}", partition)
        finally:
            context.con.execute(f"DROP TABLE {landed}")


def _landed(work: Workspace, first: pa.RecordBatch, batches: Iterator[pa.RecordBatch]) -> str:
    """Takes the rows of a file into a table of the engine, in their order."""
    source, table = work.name("source"), work.name("landed")
    with closing(
        pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
    ) as reader:
        work.con.register(source, reader)
        try:
            work.con.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM {source}")
        finally:
            work.con.unregister(source)
    return table
