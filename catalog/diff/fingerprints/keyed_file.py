"""What a fingerprint is of: a data file, as its table reads it, and a key."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.model.datafile import DataFile
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot


@dataclass(frozen=True, slots=True)
class KeyedFile:
    """A data file of a table, and the field ids of the key that its rows are compared by.

    The key may have columns that the file does not hold.
    """

    table: TableSnapshot
    file: DataFile
    key: Sequence[int]

    @property
    def columns(self) -> Sequence[PhysicalColumn]:
        """Returns the columns that the file holds, in order."""
        return self.table.file_schemas[self.file.file_schema].columns
