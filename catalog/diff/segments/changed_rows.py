"""Where changed rows lie, and which of their cells changed, file by file."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from catalog.dataclasses import dataclass, field
from catalog.diff.plan import ColumnPair, SideName
from catalog.engine.arrow_arrays import Numbers
from catalog.model.datafile import DataFile

Change: TypeAlias = Literal["inserted", "deleted", "updated"]


@dataclass(frozen=True, slots=True)
class Group:
    """Changed rows that may have something in common.

    Attributes:
        change: How they changed.
        pair: Of updated rows, the column that changed in them; None means any.
    """

    change: Change
    pair: ColumnPair | None = None


Flags: TypeAlias = Mapping[Group, Numbers]
"""Which of some changed rows are in each group."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """The changed rows of a file.

    Attributes:
        rows: Their numbers in the file, in order.
        flags: Which of them are in each group; those in groups that are left out are in none.
        known: Rows of the file, from its first on, of which it is known whether they changed.
    """

    file: DataFile
    rows: Numbers
    flags: Flags
    known: int


@dataclass(slots=True)
class Located:
    """The changed rows of both sides, by file."""

    _found: dict[SideName, dict[tuple[object, str], list[FileRows]]] = field(
        default_factory=lambda: {"f": {}, "t": {}}
    )

    def add(
        self,
        side: SideName,
        files: Sequence[DataFile],
        *,
        places: tuple[Numbers, Numbers],
        flags: Flags,
        known: int | None = None,
    ) -> None:
        """Adds rows of some files.

        Args:
            side: The side that they are of.
            files: The files.
            places: Of each row the number of its file among these, and its number in it.
            flags: Which rows are in each group.
            known: Rows of each file of which it is known whether they changed; None means all.
        """
        numbers, rows = places
        for number, which in _by_number(numbers):
            file = files[number]
            own = {group: flag[which] for group, flag in flags.items()}
            count = file.rows if known is None else min(known, file.rows)
            several = self._found[side].setdefault((file.identity, file.path), [])
            several.append(FileRows(file, rows[which], own, count))

    def files(self, side: SideName) -> list[FileRows]:
        """Returns the changed rows of a side's files."""
        return [_joined(several) for several in self._found[side].values()]


def _by_number(numbers: Numbers) -> Iterator[tuple[int, Numbers | slice]]:
    """Yields each number that occurs, and where."""
    if not len(numbers):
        return
    if (numbers[0] == numbers).all():
        yield int(numbers[0]), slice(None)
        return
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    for start, stop in pairwise([0, *edges.tolist(), len(ordered)]):
        yield int(ordered[start]), order[start:stop]


def _joined(several: Sequence[FileRows]) -> FileRows:
    """Returns rows of one file in order."""
    rows = np.concatenate([one.rows for one in several])
    groups = dict.fromkeys(group for one in several for group in one.flags)
    order = np.argsort(rows, kind="stable")
    flags = {
        group: np.concatenate(
            [one.flags.get(group, np.zeros(len(one.rows), bool)) for one in several]
        )[order]
        for group in groups
    }
    return FileRows(several[0].file, rows[order], flags, min(one.known for one in several))
