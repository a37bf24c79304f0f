"""Keys that do not identify a row: NULL, or shared by several rows of a side."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from catalog.diff.compare.align import Numbers
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.by_digest.code_tables import repeated_among, repeated_codes
from catalog.diff.compare.by_digest.key_codes import KeyReader
from catalog.diff.compare.by_digest.obstacles import inner_keys
from catalog.diff.compare.by_digest.stored_columns import StoredColumns
from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.counts import KeyProblems
from catalog.diff.plan import SIDES, SideName
from catalog.diff.route import known_keys
from catalog.engine.connection import single_row
from catalog.model.datafile import DataFile
from catalog.model.types import is_float

KEY_BYTES = 32
"""Memory that the search for repeated keys takes for every key."""


FEW_SHARE = 0.2
"""Share of rows without a partner up to which looking for their keys alone is faster."""


class KeyChecks:
    """Looks for bad keys among the rows of files that differ, or all.

    Where nobody asks before the files are compared, the search uses what that learned of the keys.

    Attributes:
        keys: Reads the keys of files, and remembers for the search what it must know of them.
    """

    def __init__(self, reader: TableReader, *, check_all: bool = False) -> None:
        self._reader = reader
        self._check_all = check_all
        plan = reader.plan
        one_sided = plan.before is None or plan.after is None
        self._nothing = not plan.key or (one_sided and not check_all)
        self._files: dict[SideName, tuple[DataFile, ...]] = {"f": (), "t": ()}
        self._known: dict[SideName, tuple[int, int] | None] = {"f": (0, 0), "t": (0, 0)}
        for side in SIDES:
            if not self._nothing and plan.snapshot(side) is not None:
                self._files[side] = tuple(reader.covered(side, everything=check_all))
                self._known[side] = known_keys(self._files[side], reader.prints)
        self.keys = KeyReader(
            inner_keys(plan),
            remember=[side for side in SIDES if self._known[side] is None and self._fits(side)],
            remember_bytes=reader.align_bytes // 4,
        )

    @cached_property
    def problems(self) -> KeyProblems:
        """Returns the number of bad keys of each side.

        Raises:
            CorruptData: A file cannot be read.
        """
        if self._nothing:
            return KeyProblems(all_rows=self._check_all)
        before = self._of_side("f")
        after = self._of_side("t", others_unique=before == (0, 0))
        self.keys.forget()
        pa.default_memory_pool().release_unused()
        return KeyProblems((before[0], after[0]), (before[1], after[1]), all_rows=self._check_all)

    @property
    def unique(self) -> bool:
        """Returns whether the rows of each side have different keys."""
        return bool(self._reader.plan.key) and self.problems.duplicate == (0, 0)

    def _fits(self, side: SideName) -> bool:
        """Returns whether codes of all keys of a side may be held."""
        rows = sum(file.rows for file in self._files[side])
        return KEY_BYTES * rows <= self._reader.align_bytes

    def _of_side(self, side: SideName, *, others_unique: bool = False) -> tuple[int, int]:
        """Returns how many rows of a side have NULL in their key, and a key held twice.

        ``others_unique`` says that on the other side none has.
        """
        known = self._known[side]
        if known is not None:
            return known
        if self._fits(side):
            repeated = self._repeated(side, others_unique=others_unique)
            if repeated is not None:
                return 0, repeated
        plan, files = self._reader.plan, self._files[side]
        keys = [pair.on(side) for pair in plan.key_pairs]
        columns = SqlColumns(plan)
        forms = [f"{columns.expression(side, p)} AS k{n}" for n, p in enumerate(plan.key_pairs)]
        missing = " OR ".join(f"c{key.id} IS NULL" for key in keys)
        null, duplicate = single_row(
            self._reader.con,
            "SELECT coalesce(sum(n) FILTER (has_null), 0), coalesce(sum(n) FILTER (n > 1), 0) FROM "
            f"(SELECT {', '.join(forms)}, {missing} AS has_null, count(*) AS n "
            f"FROM {self._reader.relation(side, files, [key.id for key in keys])} GROUP BY ALL)",
        )
        return int(null), int(duplicate)

    def _repeated(self, side: SideName, *, others_unique: bool) -> int | None:
        """Counts the rows of a side that share their key with others.

        Returns:
            The count; None if the engine must count, or a key has NULL.

        Raises:
            CorruptData: A file cannot be read.
        """
        plan, pairs = self._reader.plan, self.keys.pairs
        by_partition = plan.side(side).partition_by
        outer = [pair.on(side).id for pair in plan.key_pairs if pair not in pairs]
        if not pairs or any(is_float(pair.on(side).type) for pair in pairs):
            return None
        if any(pair.on(side).id in by_partition for pair in pairs):
            return None
        stored = StoredColumns(self._reader, side, self._files[side])
        groups: defaultdict[tuple[bytes | None, ...], list[Numbers]] = defaultdict(list)
        unpaired = []
        for file in self._files[side]:
            values = tuple(file.partition[by_partition.index(i)] for i in outer)
            try:
                found = self.keys.codes(stored, file)
            except Unreadable:
                return None
            if found.has_null or None in values:
                return None
            groups[values].append(found.codes)
            left = self.keys.unpaired(stored, file)
            unpaired.append(found.codes if left is None else left)
        few = others_unique and len(groups) == 1 and self._are_few(side, unpaired)
        total = 0
        for parts in groups.values():
            if few:  # partners of rows with different keys have different keys
                repeated = repeated_among(np.concatenate(unpaired), parts)
            else:
                repeated = repeated_codes(parts)
            if len(repeated) and not self.keys.exact:
                return None  # different keys may have one hash
            total += sum(int(np.isin(codes, repeated).sum()) for codes in parts)
        return total

    def _are_few(self, side: SideName, unpaired: Sequence[Numbers]) -> bool:
        """Returns whether few rows of a side have no partner, each file of which is there once."""
        files = self._files[side]
        once = len({(file.path, file.file_schema) for file in files}) == len(files)
        return once and sum(map(len, unpaired)) <= FEW_SHARE * sum(file.rows for file in files)
