"""What merging needs besides the tables."""

from collections.abc import Callable
from dataclasses import dataclass

from catalog.repository.commits import Commits
from catalog.write.context import WriteContext

MergeProgress = Callable[[str, int, int], None]
"""Receives a table, the rows of differing files compared so far, and how many there are."""


@dataclass(frozen=True, slots=True)
class MergeContext:
    """What merging needs besides the tables.

    Attributes:
        write: Reads and writes data files.
        progress: Called for each table that both sides changed; it may stop the merge by an
            exception.
    """

    write: WriteContext
    progress: MergeProgress = lambda table, done, total: None

    @property
    def commits(self) -> Commits:
        """What reads the tables as committed."""
        return self.write.commits
