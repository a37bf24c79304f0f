"""The rows that a file set has before a snapshot, in columns."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass
from catalog.formats.file_sets.rows import no_rows, read_rows
from catalog.model.datafile import DataFile
from catalog.repository.blobs import Blob, read_list
from catalog.repository.columnar import integers
from catalog.repository.datafiles import readable
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.threads import Threads
from catalog.write.context import WriteContext
from catalog.write.snapshot.ingest import REQUESTS
from catalog.write.working_table import WorkingTable


@dataclass(frozen=True, slots=True)
class KnownRows:
    """The rows of a file set, in no order that matters.

    Attributes:
        files: Its data files.
        rows: Their rows, with the columns of ``ROWS``, each column in one piece.
        owner: For each row, the position of its data file.
    """

    files: Sequence[DataFile]
    rows: pa.Table
    owner: pa.Int64Array

    @staticmethod
    def read(context: WriteContext, table: WorkingTable) -> "KnownRows":
        """Reads the rows of a table, none if it is new.

        Raises:
            CorruptData: A data file is not what was committed, or holds what no file set has.
        """
        files = list(table.files(context.commits)) if table.snapshot is not None else []
        context.verified(table.name, files)

        def rows(file: DataFile) -> pa.Table:
            return read_rows(readable(context.store, file), file.path)

        if not is_remote(context.store.location):
            return KnownRows.joined(files, list(map(rows, files)))
        with Threads(REQUESTS) as pool:
            return KnownRows.joined(files, list(pool.map(rows, files)))

    @staticmethod
    def joined(files: Sequence[DataFile], parts: Sequence[pa.Table]) -> "KnownRows":
        """Returns the rows of data files, one table for each."""
        rows = pa.concat_tables([no_rows(), *parts]).combine_chunks()
        owner = [n for n, part in enumerate(parts) for _ in range(len(part))]
        return KnownRows(files, rows, integers(owner))

    def column(self, name: str) -> pa.Array:
        """Returns a column, in one piece."""
        return whole(self.rows[name])

    def elsewhere(self, store: ObjectStore) -> list[dict[str, Blob]]:
        """Returns, per data file, its contents that are not the catalog's own, by hash.

        Lists without such contents are not read.
        """
        found = []
        for file in self.files:
            listed = file.blobs
            blobs = read_list(store, listed) if listed is not None and listed.elsewhere else ()
            found.append({blob.sha256: blob for blob in blobs if blob.place})
        return found


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Returns a column in one piece."""
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else joined.chunk(0)


def equal(left: pa.Array, right: pa.Array) -> pa.BooleanArray:
    """Returns where two columns have the same value; not where one of them has none."""
    return known_true(pc.equal(left, right))


def known_true(column: pa.BooleanArray) -> pa.BooleanArray:
    """Returns a column with what is NULL being false.

    Constants are not given to Arrow's functions as Python's: it would import pandas for them.
    """
    return pc.and_kleene(pc.is_valid(column), column)
