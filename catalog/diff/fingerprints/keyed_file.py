"""What a fingerprint is of: a data file, as its table reads it, and a key."""

from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass, field
from catalog.formats.bounds import Claims
from catalog.formats.footer import (
    Label,
    ParquetSource,
    committed_label,
    source_label,
    source_name,
)
from catalog.model.datafile import DataFile
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot


@dataclass(frozen=True, slots=True)
class KeyedFile:
    """A data file of a table, and the field ids of the key that its rows are compared by.

    The key may have columns that the file does not hold.

    Attributes:
        name: What errors call the file if it is about to be taken in; empty if the table has it.
        claims: What its footer claims of columns, by field id, to be compared with their values.
    """

    table: TableSnapshot
    file: DataFile
    key: Sequence[int]
    name: str = ""
    claims: Mapping[int, Claims] = field(default_factory=dict)

    @property
    def columns(self) -> Sequence[PhysicalColumn]:
        """Returns the columns that the file holds, in order."""
        return self.table.file_schemas[self.file.file_schema].columns

    def label(self, source: ParquetSource) -> Label:
        """Returns what errors call the file where it is read from a source."""
        return source_label(self.name) if self.name else committed_label(source_name(source))
