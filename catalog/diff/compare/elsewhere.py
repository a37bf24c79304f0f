"""The files of a table that do not differ, which changed rows are held against."""

from collections.abc import Callable, Sequence

from catalog.dataclasses import dataclass
from catalog.diff.plan import SideName
from catalog.model.datafile import DataFile


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The files of each side that both sides have.

    Attributes:
        files: Returns those of a side, without statistics; none if they are too many to list.
        is_as_committed: Returns whether a file is still what was committed.
    """

    files: Callable[[SideName], Sequence[DataFile]] = lambda side: ()
    is_as_committed: Callable[[SideName, DataFile], bool] = lambda side, file: False


NO_FILES = Elsewhere()
"""No such file is known."""
