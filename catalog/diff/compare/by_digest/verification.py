"""Rows whose digests differ: read in the columns that changed, until nothing is unexplained.

Which columns changed is a guess, learned from a few rows. It is verified for every row: the hashes
of all cells that were read, taken out of the difference of both digests, must leave nothing. Rows
of which something is left are read in further columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import take
from catalog.dataclasses import dataclass
from catalog.diff.compare.align import Numbers
from catalog.diff.compare.arrays import is_plain
from catalog.diff.compare.by_digest.salting import Salting
from catalog.diff.compare.by_digest.stored_columns import (
    Piece,
    Places,
    StoredColumns,
    hashes,
    values,
)
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.diff.route import Prints
from catalog.engine.arrow_arrays import from_numpy

SAMPLE_ROWS = 2_000
"""Rows from which is learned which columns changed."""

FIRST_READ = 4
"""Columns that are read of them first, where statistics do not say which changed."""


class WrongDigest(Exception):
    """The digests of two rows differ by something that no cell explains."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of rows of one key that may differ, and by how much their digests do.

    Attributes:
        change: The newer digest less the older one, modulo 2**64; None if there are no digests.
        numbers: By side, where the rows stand among those whose keys were read.
    """

    before: Places
    after: Places
    change: Numbers | None
    numbers: Mapping[SideName, Numbers]

    def __len__(self) -> int:
        return len(self.before)

    def on(self, side: SideName) -> Places:
        """Returns the rows of a side."""
        return self.before if side == "f" else self.after

    def at(self, which: Numbers) -> "Candidates":
        """Returns some of the pairs."""
        change = None if self.change is None else self.change[which]
        numbers = {side: self.numbers[side][which] for side in SIDES}
        return Candidates(self.before.at(which), self.after.at(which), change, numbers)


@dataclass(frozen=True, slots=True)
class Verified:
    """Pairs of rows that differ in no other columns than some.

    Attributes:
        pairs: Those columns.
        columns: Values by their names in the remainder, such as ``f_c5``, of those columns that
            Arrow reads; the engine must read the others.
        whole: Whether no other column differs, also such as are not compared.
    """

    rows: Candidates
    pairs: tuple[ColumnPair, ...]
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    whole: bool = False


class Verification:
    """Verifies candidates, and remembers which columns changed in those before.

    Attributes:
        stored: What reads the columns of both sides.
        learned: The numbers of pairs in which rows were found to have changed.
    """

    def __init__(
        self, plan: TablePlan, stored: Mapping[SideName, StoredColumns], prints: Prints
    ) -> None:
        self._plan = plan
        self._prints = prints
        self.learned: set[int] = set()
        self.stored = stored

    def verify(
        self, rows: Candidates, salting: Salting, *, moved: Sequence[ColumnPair] = ()
    ) -> list[Verified]:
        """Returns the candidates by the columns in which they may differ.

        Those of ``moved`` are among them: they follow from the partitions of files.

        Raises:
            CorruptData: A file cannot be read.
            Unreadable: The engine must read a column that digests hold.
            WrongDigest: Some digest is not that of its row.
        """
        found = []
        certain = [*moved, *salting.outside]
        if rows.change is not None:
            same = np.flatnonzero(rows.change == 0)
            if len(same):
                found.append(Verified(rows.at(same), tuple(certain), whole=True))
                rows = rows.at(np.flatnonzero(rows.change != 0))
            if not len(rows):
                return found
        first = [*certain, *_unlike(self._plan, salting)]
        values_of = [p for p in salting.alike if p.compared and not p.key]
        if rows.change is None or self._is_partial(salting):
            everything = self._read_all(rows, [*first, *values_of], outside=salting.outside)
            return [*found, everything]
        first += [p for p in values_of if p.tolerance is not None]
        numbers = {pair.number for pair in first}
        first += [p for p in values_of if p.number in self.learned and p.number not in numbers]
        return [*found, *self._explained(rows, salting, first)]

    def _is_partial(self, salting: Salting) -> bool:
        """Returns whether some columns do not count, so that no one looks for changes in them."""
        return any(not pair.compared for pair in salting.alike)

    def _read_all(
        self, rows: Candidates, pairs: Sequence[ColumnPair], *, outside: Sequence[ColumnPair]
    ) -> Verified:
        shown = _arrow_pairs(self._plan, pairs, outside)
        columns = {}
        for side in SIDES:
            ids = [pair.on(side).id for pair in shown]
            found = self.stored[side].some(rows.on(side), ids)
            for one in self._plan.side(side).fields(tuple(ids)):
                columns[f"{side}_c{one.id}"] = values(found[one.id], len(rows), one)
        return Verified(rows, tuple(pairs), columns)

    def _explained(
        self, rows: Candidates, salting: Salting, first: Sequence[ColumnPair]
    ) -> list[Verified]:
        reading = _Reading(self._plan, self.stored, rows, salting)
        for side in SIDES:
            reading.read(side, salting.unlike[side])
        pairs = list(first)
        alike = {pair.number for pair in salting.alike}
        reading.read_pairs([pair for pair in pairs if pair.number in alike])
        found = []
        while True:
            left = reading.unexplained()
            done = np.flatnonzero(~left)
            if len(done):
                found.append(reading.verified(pairs, done))
            if not left.any():
                return found
            reading = reading.at(np.flatnonzero(left))
            known = {pair.number for pair in pairs}
            rest = [p for p in salting.alike if p.number not in known and not p.key]
            more = self._learn(reading, rest)
            pairs += more
            reading.read_pairs(more)

    def _learn(self, reading: "_Reading", rest: Sequence[ColumnPair]) -> list[ColumnPair]:
        """Returns the columns in which a few rows differ.

        Those that have other statistics on the other side are read first, then twice as many each
        time, until nothing of the rows is unexplained.
        """
        few = reading.at(_nearby(reading.rows, self.stored))
        likely = [pair for pair in rest if self._is_likely(pair, few.rows)]
        numbers = {pair.number for pair in likely}
        ordered = [*likely, *(pair for pair in rest if pair.number not in numbers)]
        start, end = 0, len(likely) if 0 < len(likely) < len(rest) else FIRST_READ
        while start < len(ordered) and few.unexplained().any():
            few.read_pairs(ordered[start:end])
            start, end = end, 2 * end
        tried = {pair.number for pair in ordered[:start]}
        changed = [pair for pair in rest if pair.number in tried and few.differ(pair)]
        if few.unexplained().any() or not changed:
            raise WrongDigest
        self.learned |= {pair.number for pair in changed}
        return changed

    def _is_likely(self, pair: ColumnPair, rows: Candidates) -> bool:
        """Returns whether the files in which rows are have unlike statistics of a column."""
        found = []
        for side in SIDES:
            file = self.stored[side].files[int(rows.on(side).file[0])]
            known = self._prints.get(file.identity)
            found.append(None if known is None else known.summaries.get(pair.on(side).id))
        return found[0] != found[1]


class _Reading:
    """Candidates with the columns that have been read of them."""

    def __init__(
        self,
        plan: TablePlan,
        stored: Mapping[SideName, StoredColumns],
        rows: Candidates,
        salting: Salting,
    ) -> None:
        self.rows = rows
        self._plan = plan
        self._stored = stored
        self._salting = salting
        self._left: Numbers = np.array(rows.change, np.uint64)
        self._hashes: dict[tuple[SideName, int], Numbers] = {}
        self._values: dict[str, pa.Array] = {}

    def at(self, which: Numbers) -> "_Reading":
        """Returns some of the candidates."""
        some = _Reading(self._plan, self._stored, self.rows.at(which), self._salting)
        some._left = self._left[which]
        some._hashes = {key: words[which] for key, words in self._hashes.items()}
        indices = from_numpy(which)
        some._values = {name: take(column, indices) for name, column in self._values.items()}
        return some

    def read_pairs(self, pairs: Sequence[ColumnPair]) -> None:
        """Reads columns of both sides."""
        for side in SIDES:
            self.read(side, [pair.on(side).id for pair in pairs])

    def read(self, side: SideName, ids: Sequence[int]) -> None:
        """Reads columns of one side, and takes their hashes out of what is left to explain."""
        wanted = [i for i in ids if (side, i) not in self._hashes]
        if not wanted:
            return
        rows = self.rows.on(side)
        found = self._stored[side].some(rows, wanted)
        for field_id in wanted:
            own = hashes(found[field_id], len(rows))
            self._hashes[side, field_id] = own
            if side == "t":
                self._left = self._left - own
            else:
                self._left = self._left + own
            self._keep(side, field_id, found[field_id])

    def _keep(self, side: SideName, field_id: int, pieces: Sequence[Piece]) -> None:
        """Keeps the values of a column of the table, if Arrow reads them as the engine does."""
        table = self._plan.side(side)
        one = table.schema.by_id(field_id)
        if one is not None and is_plain(table, field_id):
            self._values[f"{side}_c{field_id}"] = values(pieces, len(self.rows), one)

    def differ(self, pair: ColumnPair) -> bool:
        """Returns whether some row has unlike hashes in a column."""
        before, after = self._hashes["f", pair.before.id], self._hashes["t", pair.after.id]
        return bool((before != after).any())

    def unexplained(self) -> Numbers:
        """Returns of which rows digests differ by more than what has been read."""
        return np.asarray(self._left != 0)

    def verified(self, pairs: Sequence[ColumnPair], which: Numbers) -> Verified:
        """Returns some of the rows, which differ in no other columns."""
        some = self.at(which)
        compared = tuple(pair for pair in pairs if pair.compared)
        return Verified(some.rows, compared, some._values, whole=True)


def _unlike(plan: TablePlan, salting: Salting) -> list[ColumnPair]:
    """Returns the pairs that are compared but salted unlike."""
    known = {pair.number for pair in (*salting.alike, *salting.outside)}
    return [
        pair
        for pair in plan.pairs
        if pair.compared
        and not pair.key
        and pair.number not in known
        and not all(pair.on(side).id in plan.side(side).partition_by for side in SIDES)
    ]


def _arrow_pairs(
    plan: TablePlan, pairs: Sequence[ColumnPair], outside: Sequence[ColumnPair]
) -> list[ColumnPair]:
    """Returns the pairs that Arrow reads on both sides."""
    apart = {pair.number for pair in outside}
    return [
        pair
        for pair in pairs
        if pair.number not in apart
        and all(is_plain(plan.side(side), pair.on(side).id) for side in SIDES)
    ]


def _nearby(rows: Candidates, stored: Mapping[SideName, StoredColumns]) -> Numbers:
    """Returns some rows that lie in the same row group as the first, on both sides."""
    chosen = np.arange(len(rows))
    for side in SIDES:
        places = rows.on(side)
        chosen = chosen[places.file[chosen] == places.file[chosen[0]]]
        number = int(places.file[chosen[0]])
        groups = stored[side].groups_of(number, places.row[chosen])
        chosen = chosen[groups == groups[0]]
    return chosen[:SAMPLE_ROWS]
