"""What a change did to the files of one table."""

from dataclasses import dataclass

from catalog.model.datafile import DataFile


@dataclass(frozen=True, slots=True)
class FileChanges:
    """Lists the data files in which two snapshots of a table differ.

    Attributes:
        removed: Files of the older snapshot that the newer lacks, in tree order.
        added: Files of the newer snapshot that the older lacks, in tree order.
        files_kept: Files both snapshots hold.
        partitions_kept: Partitions whose files are the same in both snapshots.
    """

    removed: tuple[DataFile, ...]
    added: tuple[DataFile, ...]
    files_kept: int
    partitions_kept: int
