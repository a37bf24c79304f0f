"""Partitions as people read them: the typed values of a data file in text form."""

from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.model.values import decode, text


def partition_values(table: TableSnapshot, file: DataFile) -> dict[str, str | None]:
    """Returns the partition values of a file by column in text form, None for NULL."""
    return {
        name: None if value is None else text(decode(value, kind), kind)
        for (name, kind), value in zip(table.partition_fields, file.partition, strict=True)
    }
