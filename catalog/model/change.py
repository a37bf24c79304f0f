"""What changed in the files of one table."""

from dataclasses import dataclass

from catalog.model.datafile import DataFile


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The data files in which two snapshots of a table differ.

    Attributes:
        removed: Files that are only in the older snapshot, in tree order.
        added: Files that are only in the newer snapshot, in tree order.
        files_kept: Files both snapshots hold.
        partitions_kept: Partitions whose files are the same in both snapshots.
    """

    removed: tuple[DataFile, ...]
    added: tuple[DataFile, ...]
    files_kept: int
    partitions_kept: int
