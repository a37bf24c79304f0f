"""Scopes: what a transaction depends on in a table, and so what nobody else may change."""

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.partition import Partition


@dataclass(frozen=True, slots=True)
class Scope:
    """What a transaction depends on in one table; nothing if it only appends.

    Attributes:
        whole: Whether it is all of the table: created, dropped, replaced, of another shape.
        partitions: Partitions that are replaced as they are.
        files: Paths of files in which rows change.
        keys: Whether keys come in that no other writer may bring in too.
        shared: Paths of new files that need not be added if another writer already did.
    """

    whole: bool = False
    partitions: frozenset[Partition] = frozenset()
    files: frozenset[str] = frozenset()
    keys: bool = False
    shared: frozenset[str] = frozenset()

    def __or__(self, other: "Scope") -> "Scope":
        return Scope(
            self.whole or other.whole,
            self.partitions | other.partitions,
            self.files | other.files,
            self.keys or other.keys,
            self.shared | other.shared,
        )

    def conflicting(self, changes: FileChanges) -> tuple[DataFile, ...]:
        """Returns the files that another writer removed or added within the scope."""
        files = [
            file
            for file in (*changes.removed, *changes.added)
            if self.whole or file.partition in self.partitions
        ]
        files += [file for file in changes.removed if file.path in self.files]
        return tuple({file.path: file for file in files}.values())
