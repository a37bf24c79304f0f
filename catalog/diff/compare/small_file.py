"""A small file whose columns are read in Arrow, as values are compared there."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.diff.compare.arrays import Unreadable, arrow_type, as_type
from catalog.diff.fingerprints.canonical import unwrapped
from catalog.diff.fingerprints.column_reader import in_one
from catalog.formats.footer import ParquetSource, committed_label, damaged, parquet_errors
from catalog.model.datafile import DataFile
from catalog.model.schema import Field, PhysicalColumn
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of files of one schema that are read here.

    Attributes:
        schema: The schema in the files.
        names: The names of columns in the files by field id; None of those that files of this
            schema do not have, so that all values are NULL.
        places: The places in the files of columns by name.
        kinds: The Arrow types whose values they are, by field id.
    """

    schema: pq.ParquetSchema
    names: Mapping[int, str | None]
    places: Mapping[str, int]
    kinds: Mapping[int, pa.DataType]


def _layout(
    schema: pq.ParquetSchema, columns: Sequence[PhysicalColumn], fields: Sequence[Field]
) -> Layout:
    """Returns which columns of a table are read of files: plain ones, of the table's type."""
    leaves = [schema.column(n) for n in range(len(schema))]
    plain = {leaf.path for leaf in leaves if leaf.name == leaf.path and "." not in leaf.path}
    plain -= {leaf.path for leaf in leaves if leaf.physical_type == "INT96"}
    found = schema.to_arrow_schema().names
    distinct = len(found) == len({*found}) == len(columns)
    places = {column.field_id: n for n, column in enumerate(columns)}
    names: dict[int, str | None] = {}
    kinds = {}
    for field in fields:
        place, kind = places.get(field.id), arrow_type(field.type)
        if kind is None:
            continue
        kinds[field.id] = kind
        if place is None or columns[place].type == NULL_TYPE:
            names[field.id] = None
        elif distinct and found[place] in plain and columns[place].type == field.type:
            names[field.id] = found[place]
    return Layout(schema, names, {leaf.path: n for n, leaf in enumerate(leaves)}, kinds)


class SmallFile:
    """A file whose columns are each read once."""

    def __init__(
        self,
        file: DataFile,
        table: TableSnapshot,
        known: Layout | None,
        *,
        source: ParquetSource,
    ) -> None:
        self._file = file
        self._label = committed_label(file.path)
        self._read: dict[int, pa.Array] = {}
        with parquet_errors(self._label):
            # no method may be called of its metadata, which were not checked; see formats.footer
            self._opened = pa.OSFile(source) if isinstance(source, str) else None
            self._parquet = pq.ParquetReader()  # ParquetFile would list all columns' paths
            self._parquet.open(
                source if self._opened is None else self._opened,
                pre_buffer=False,
                page_checksum_verification=True,
            )
            schema = self._parquet.metadata.schema
            if known is None or not known.schema.equals(schema):
                columns = table.file_schemas[file.file_schema].columns
                known = _layout(schema, columns, table.schema.fields)
        self.layout = known

    def close(self) -> None:
        """Closes the file."""
        if self._opened is not None:
            self._opened.close()

    def column(self, field: Field) -> pa.Array:
        """Returns a column of the file.

        Raises:
            CorruptData: It cannot be read.
            Unreadable: The engine must read it.
        """
        if field.id not in self._read:
            self.read((field,))
        return self._read[field.id]

    def read(self, fields: Sequence[Field]) -> None:
        """Reads columns of the file together, which takes less than one by one.

        Raises:
            CorruptData: They cannot be read.
            Unreadable: The engine must read one of them.
        """
        layout, wanted = self.layout, {}
        for field in fields:
            if field.id not in layout.names:
                raise Unreadable(field.name)
            name = layout.names[field.id]
            if name is None:
                self._read[field.id] = pa.nulls(self._file.rows, layout.kinds[field.id])
            else:
                wanted[name] = field
        if not wanted:
            return
        with parquet_errors(self._label):
            places = [layout.places[name] for name in wanted]
            found = self._parquet.read_all(column_indices=places, use_threads=False)
        if found.num_rows != self._file.rows:
            raise damaged(
                self._label, f"it holds {found.num_rows} rows, {self._file.rows} were committed"
            )
        if {*found.column_names} != wanted.keys():
            raise Unreadable(next(iter(wanted)))
        for name, field in wanted.items():
            self._read[field.id] = as_kept(found.column(name), field)


def as_kept(column: pa.ChunkedArray, field: Field) -> pa.Array:
    """Returns a column of files in the type in which values are compared.

    Raises:
        Unreadable: The engine must read it.
    """
    kind = arrow_type(field.type)
    if column.type != kind:
        column = unwrapped(as_type(column, kind, field.name))
    whole = in_one(column)
    if whole is None:
        raise Unreadable(field.name)
    return whole
