"""Scopes: what of a table a transaction depends on, and so what nobody else may change."""

from dataclasses import dataclass

from catalog.model.change import FileChanges
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition


@dataclass(frozen=True, slots=True)
class Scope:
    """Says what a transaction depends on in one table; nothing if it only appends.

    Attributes:
        whole: Whether it is all of the table: made, dropped, replaced, of another shape.
        partitions: Partitions that are replaced as they are.
        files: Paths of files of which rows are changed.
        keys: Whether keys are brought in that must not come in otherwise.
        shared: Paths of new files that need not be added where somebody else did already.
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

    def in_the_way(self, changes: FileChanges) -> tuple[DataFile, ...]:
        """Returns the files that somebody else removed or added within the scope."""
        found = [
            file
            for file in (*changes.removed, *changes.added)
            if self.whole or file.partition in self.partitions
        ]
        found += [file for file in changes.removed if file.path in self.files]
        return tuple({file.path: file for file in found}.values())
