"""Rows of a task as matching leaves them: matched, without a partner, or left to their values."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field

import numpy as np
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.diff.compare.align import Numbers
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.by_digest.key_codes import Keys, Matches
from catalog.diff.compare.by_digest.stored_columns import Places, within_arrays
from catalog.diff.compare.by_digest.verification import Candidates
from catalog.diff.plan import SIDES, SideName
from catalog.model.datafile import DataFile


@dataclass(frozen=True, slots=True)
class Odd:
    """Rows that only their values can match: of keys that are NULL, or that several rows have."""

    before: Places
    after: Places

    def on(self, side: SideName) -> Places:
        """Returns the rows of a side."""
        return self.before if side == "f" else self.after


@dataclass(frozen=True, slots=True)
class Lone:
    """The rows of a side that have no partner in their partition.

    Attributes:
        columns: Those that will be asked for, by their names in the remainder.
    """

    places: Places
    keys: Keys
    columns: Mapping[str, pa.Array] = field(default_factory=dict)


def common_columns(parts: Sequence[Lone]) -> dict[str, pa.Array]:
    """Returns the columns that all parts have, one part after another.

    Those are left out that are too large for an array.
    """
    found = {}
    for name in parts[0].columns if parts else {}:
        if all(name in part.columns for part in parts):
            with suppress(Unreadable), within_arrays():
                found[name] = pa.concat_arrays([part.columns[name] for part in parts])
    return found


class FileRows:
    """The rows of some files, one file after another."""

    def __init__(self, files: Sequence[DataFile], numbers: Mapping[object, int]) -> None:
        self._files = np.array([numbers[f.identity, f.path] for f in files], np.int64)
        self._ends = np.cumsum(np.array([file.rows for file in files], np.int64))

    def places(self, which: Numbers) -> Places:
        """Returns where rows lie."""
        own = np.searchsorted(self._ends, which, side="right")
        starts = np.append(0, self._ends)
        if not len(self._files):
            return Places(which, which)
        return Places(self._files[own], which - starts[own])


@dataclass(frozen=True, slots=True)
class Matched:
    """Rows of one key, of which one needs to know few where they lie.

    Attributes:
        change: Of each pair, the newer digest less the older one.
        row_bytes: About how much memory a pair takes, if it is held whole.
    """

    found: Matches
    rows: Mapping[SideName, FileRows]
    change: Numbers
    row_bytes: float

    def at(self, which: Numbers) -> Candidates:
        """Returns some of the pairs, with their places."""
        numbers: dict[SideName, Numbers] = {
            "f": self.found.before[which],
            "t": self.found.after[which],
        }
        places = {side: self.rows[side].places(numbers[side]) for side in SIDES}
        return Candidates(places["f"], places["t"], self.change[which], numbers)
