"""What entries of new files say of their rows, by footers or by the writer that made the files."""

from collections.abc import Callable, Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass, replace
from catalog.engine.file_types import as_read
from catalog.errors import ErrorKind, Unsupported
from catalog.formats.bounds import BoundsReader, written_stats
from catalog.formats.parquet import StoredFooter, read_footer
from catalog.model.datafile import ColumnStats
from catalog.model.schema import PhysicalColumn
from catalog.model.types import Scalar


@dataclass(frozen=True, slots=True)
class Written:
    """A file that Arrow has written.

    Attributes:
        schema: Of the rows that were given to Arrow.
        metadata: What its writer has of the file.
        nans: How many values of each float column are NaN, by field id.
    """

    schema: pa.Schema
    metadata: pq.FileMetaData
    nans: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the entry of a file says of its rows.

    Attributes:
        stats: Statistics of columns, by field id.
    """

    rows: int
    stats: dict[int, ColumnStats]


class OwnFooters:
    """Finds out what the entries of new files of a table say of their rows.

    Footers are read once for each schema, and checked: whether the engine gives back the types that
    were written. The writer's own metadata, which are those that it wrote into the footer, say the
    same of the files that follow.

    Args:
        table: The table's name.
        columns: The columns of the files.
        engine: Returns a connection.
    """

    def __init__(
        self,
        table: str,
        columns: Sequence[PhysicalColumn],
        *,
        engine: Callable[[], duckdb.DuckDBPyConnection],
    ) -> None:
        self.label = f"a new file of table {table}"
        self._table = table
        self._columns = columns
        self._engine = engine
        self._schema: pa.Schema | None = None
        self._readers: Mapping[int, tuple[int, BoundsReader]] = {}

    def facts(self, path: str, written: Written | None) -> FileFacts:
        """Returns what the entry of a new file says of its rows.

        Args:
            path: The file.
            written: What Arrow knows of it, if Arrow wrote it.

        Raises:
            Unsupported: The engine reads a column as another type.
        """
        found = None if written is None else self._known(written)
        if found is None:
            stored = read_footer(path, name=self.label)
            found = self._read(stored, path)
            if written is not None:
                self._learn(stored, written, found)
        for field_id, count in () if written is None else written.nans.items():
            if field_id in found.stats:
                found.stats[field_id] = replace(found.stats[field_id], nans=count)
        return found

    def _read(self, stored: StoredFooter, path: str) -> FileFacts:
        """Returns what a footer says, if its columns have the types that were meant."""
        footer = as_read(stored, path, self._engine)
        wanted = tuple((c.name, c.type) for c in self._columns)
        if footer.columns != wanted:
            differing = next(
                (new, old) for new, old in zip(footer.columns, wanted, strict=True) if new != old
            )
            raise Unsupported(
                f"column {differing[1][0]!r} of table {self._table} has type {differing[1][1]}, "
                f"which Parquet would give back as {differing[0][1]}",
                kind=ErrorKind.UNWRITABLE_TYPE,
                hint="cast the column to another type",
            )
        ids = {c.name: c.field_id for c in self._columns}
        return FileFacts(footer.rows, {ids[name]: one for name, one in footer.stats.items()})

    def _learn(self, stored: StoredFooter, written: Written, found: FileFacts) -> None:
        """Remembers a schema, unless the writer's metadata say something else than the footer."""
        self._schema = None
        if any(a.type != b.type for a, b in zip(stored.columns, self._columns, strict=True)):
            return  # whose bounds are not values of the table
        leaves = written.metadata.schema
        self._readers = {
            own.field_id: (column.leaf, BoundsReader(own.type, leaves.column(column.leaf)))
            for column, own in zip(stored.columns, self._columns, strict=True)
            if isinstance(own.type, Scalar)
        }
        self._schema = written.schema
        if self._known(written) != found:
            self._schema = None

    def _known(self, written: Written) -> FileFacts | None:
        """Returns what the writer's metadata say of a file of the schema that was read last."""
        if self._schema is None or not self._schema.equals(written.schema, check_metadata=True):
            return None
        stats = {}
        metadata = written.metadata
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        for field_id, (leaf, reader) in self._readers.items():
            one = written_stats(groups, leaf, reader)
            if one is None:
                return None
            stats[field_id] = one
        return FileFacts(metadata.num_rows, stats)
