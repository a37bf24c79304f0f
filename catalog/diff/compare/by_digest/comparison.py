"""Files compared by the digests of their rows.

Keys and digests alone tell which rows came, went, or differ; only those that differ are read, in
the columns that changed. Rows whose keys came in one partition and went in another have moved.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import take
from catalog.diff.compare.align import Numbers
from catalog.diff.compare.arrays import Unreadable, is_plain
from catalog.diff.compare.by_digest.key_codes import KeyReader, Keys, Matches, matches
from catalog.diff.compare.by_digest.late_columns import LateColumns
from catalog.diff.compare.by_digest.obstacles import (
    Obstacle,
    of_key,
    of_task,
    salted,
    without_digests,
)
from catalog.diff.compare.by_digest.placed_rows import PlacedRows, staged_rows
from catalog.diff.compare.by_digest.row_sets import (
    FileRows,
    Lone,
    Matched,
    Odd,
    common_columns,
)
from catalog.diff.compare.by_digest.salting import Salting, salting
from catalog.diff.compare.by_digest.stored_columns import (
    Places,
    StoredColumns,
    in_table_type,
    joined,
    values,
    within_arrays,
)
from catalog.diff.compare.by_digest.verification import (
    Candidates,
    Verification,
    Verified,
    WrongDigest,
)
from catalog.diff.compare.part_rows import PartRows, renumbered
from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.fingerprints.row_rule import has_row_digests
from catalog.diff.plan import SIDES, ColumnPair, DiffTask, SideName
from catalog.diff.route import constant
from catalog.engine.arrow_arrays import from_numpy, to_numpy
from catalog.engine.connection import single_row
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.model.types import has_float
from catalog.repository.row_digests import KeptDigests, RowDigests

ROW_BYTES = 96
"""Memory that matching takes for every row of both sides: keys, digests, orders."""

INFLATION = 4
"""Memory of values over their size in files, as it often is."""

ODD_SHARE = 0.2
"""Share of rows that only their values can match, up to which the others are matched by digests."""


class ByDigest:
    """Compares tasks by digests, and holds the changed rows.

    Attributes:
        placed: The changed rows.
        wrong: Files whose digests were not those of their rows.
    """

    def __init__(
        self, reader: TableReader, columns: SqlColumns, name: str, *, keys: KeyReader
    ) -> None:
        plan = reader.plan
        files = {side: plan.files(side) for side in SIDES}
        self._reader = reader
        self._plan = plan
        self._stored = {side: StoredColumns(reader, side, files[side]) for side in SIDES}
        self._numbers = {side: _numbered(files[side]) for side in SIDES}
        self.placed = PlacedRows(reader, columns, name, stored=self._stored)
        self._late = LateColumns(reader, columns, f"{name}_odd", stored=self._stored)
        self._columns = columns
        self._keys = keys
        in_files = bool(reader.align_bytes) and not reader.held
        self._possible = in_files and of_key(plan) is None
        self._verification = Verification(plan, self._stored, reader.prints)
        self._lone: dict[SideName, list[Lone]] = {"f": [], "t": []}
        self._kept = RowDigests(reader.store)
        self._one_value: dict[int, bool] = {}
        self._read: dict[tuple[SideName, int], KeptDigests | None] = {}
        self._added = {one.id: 0 for one in plan.added}
        self._leaving = any(p.partition and not constant(plan, p) for p in plan.pairs)
        self.wrong: list[DataFile] = []

    def run(self, task: DiffTask) -> Odd | None:
        """Compares the files of a task.

        Returns:
            Rows that are left to be compared by their values; None if all files are.

        Raises:
            CorruptData: A file cannot be read.
        """
        rows = sum(file.rows for side in SIDES for file in task.files(side))
        if (
            not self._possible
            or of_task(self._plan, task)
            or rows * ROW_BYTES > self._reader.align_bytes
        ):
            return None
        try:
            return self._run(task)
        except Unreadable:
            return None
        except WrongDigest:
            self._drop({side: task.files(side) for side in SIDES})
            return None

    def finish(self) -> Mapping[int, int]:
        """Matches the rows without a partner across partitions, and holds those that are left.

        Returns:
            Per added column (field id), rows found equal that carry a value.
        """
        lone = self._lone
        self._lone = {"f": [], "t": []}
        places = {side: joined([one.places for one in lone[side]]) for side in SIDES}
        keys: dict[SideName, Keys] = {}
        with suppress(Unreadable):  # rows that moved are then found when keys left over are settled
            keys = {side: self._keys.together([one.keys for one in lone[side]]) for side in SIDES}
        left = {side: np.arange(len(places[side])) for side in SIDES}
        if keys and all(len(places[side]) for side in SIDES) and self._may_move():
            found = matches(keys["f"], keys["t"])
            self._add_moved(places, keys, found)
            left = {
                "f": np.sort(np.append(found.deleted, found.odd_before)),
                "t": np.sort(np.append(found.inserted, found.odd_after)),
            }
        for side in SIDES:
            shown = common_columns([one for one in lone[side] if len(one.places)])
            taken = from_numpy(left[side])
            self.placed.add(
                {side: places[side].at(left[side])},
                "d" if side == "f" else "i",
                carried=[p for p in self._changed() if f"{side}_c{p.on(side).id}" in shown],
                columns={
                    **{name: take(column, taken) for name, column in shown.items()},
                    **self._key_columns(keys, {side: left[side]}),
                },
            )
        return {
            field_id: count - self.placed.count_added(field_id)
            for field_id, count in self._added.items()
        }

    def unpack(self, rows: PartRows, tables: str) -> None:
        """Adds the changed rows that were found elsewhere."""
        if rows.placed:
            self.placed.unpack(rows.placed, tables, renumbered(rows.files, self._numbers))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Returns what to know of digests that were wrong."""
        if not self.wrong:
            return ()
        others = len({file.path for file in self.wrong}) - 1
        also = f" or of {others:,} files compared with it" if others > 1 else " or its partner"
        return (
            f"digests of the rows of {self.wrong[0].path}{also} were wrong: rows were compared by "
            "their values, and the digests removed where they can be",
        )

    @contextmanager
    def whole_rows(self, side: SideName, places: Places) -> Iterator[str]:
        """Yields SQL of rows as a side's table has them; see ``SqlColumns``."""
        staged = staged_rows({side: places}, len(places))
        ids = [one.id for one in self._columns.fields(side)]
        carried = ", ".join(f"{side}_{name} AS {name}" for name in self._columns.carried(side))
        with self._late.columns(staged, {side: ids}) as query:
            yield f"SELECT {carried}, true AS here FROM ({query})"

    def _asked_for(self, side: SideName, places: Places) -> dict[str, pa.Array]:
        """Returns the columns of rows without a partner that will be shown, if rows are.

        They are those that changed in other rows, which have just been read.
        """
        if not self._reader.hands_out or not len(places):
            return {}
        table = self._plan.side(side)
        ids = [p.on(side).id for p in self._changed() if is_plain(table, p.on(side).id)]
        try:
            found = self._stored[side].some(places, ids)
            return {
                f"{side}_c{one.id}": values(found[one.id], len(places), one)
                for one in table.fields(tuple(ids))
            }
        except Unreadable:
            return {}

    def _changed(self) -> list[ColumnPair]:
        """Returns the columns in which rows are known to have changed."""
        return [p for p in self._plan.value_pairs if p.number in self._verification.learned]

    def _drop(self, files: Mapping[SideName, Sequence[DataFile]]) -> None:
        """Removes the digests of files, of which some are wrong."""
        for side in SIDES:
            for file in files[side]:
                self._kept.drop(self._plan.side(side), file)
            self.wrong += files[side]

    def _may_move(self) -> bool:
        """Returns whether a key may lie in another partition on the other side."""
        return len(self._plan.tasks) > 1 and len(self._keys.pairs) == len(self._plan.key)

    def _run(self, task: DiffTask) -> Odd | None:
        files = {side: task.files(side) for side in SIDES}
        both = all(any(file.rows for file in files[side]) for side in SIDES)
        how: Salting | None = None
        words: dict[SideName, Numbers] = {}
        if both:
            self._complete(files)
            how = self._salting(files)
            found_words = {side: self._words(side, files[side]) for side in SIDES}
            if how is None or any(one is None for one in found_words.values()):
                return None
            words = {side: one for side, one in found_words.items() if one is not None}
        keys = {side: self._keys.read(self._stored[side], files[side]) for side in SIDES}
        found = matches(keys["f"], keys["t"], certain=self._certain(words, how))
        odd = len(found.odd_before) + len(found.odd_after)
        if odd > ODD_SHARE * (len(keys["f"]) + len(keys["t"])):
            return None
        rows = {side: FileRows(files[side], self._numbers[side]) for side in SIDES}
        alone = {"f": found.deleted, "t": found.inserted}
        own = {side: keys[side].at(alone[side]) for side in SIDES}  # fails before rows are held
        if how is not None:
            change = words["t"].take(found.after) - words["f"].take(found.before)
            self._add_updated(Matched(found, rows, change, _row_bytes(files)), how, keys)
        for side in SIDES:
            lone = rows[side].places(alone[side])
            columns = self._asked_for(side, lone)
            self._lone[side].append(Lone(lone, own[side], columns))
            self._stored[side].forget()
        unpaired = keys["t"].codes[np.append(found.inserted, found.odd_after)]
        self._keys.note_unpaired(self._stored["t"], files["t"], unpaired)
        return Odd(rows["f"].places(found.odd_before), rows["t"].places(found.odd_after))

    def _certain(
        self, words: Mapping[SideName, Numbers], how: Salting | None
    ) -> Callable[[Numbers, Numbers], Numbers] | None:
        """Returns what tells which pairs of rows have equal keys, since their digests are equal."""
        held = set() if how is None else {pair.number for pair in how.alike}
        if not all(pair.number in held for pair in self._keys.pairs):
            return None
        return lambda mine, theirs: np.asarray(words["f"].take(mine) == words["t"].take(theirs))

    def _add_updated(self, matched: Matched, how: Salting, keys: Mapping[SideName, Keys]) -> None:
        """Holds those of matched rows that differ."""
        differ = matched.change != 0
        if how.outside:
            equal = np.flatnonzero(~differ)
            differ[equal[self._differ_outside(matched.at(equal), how.outside)]] = True
        which = np.flatnonzero(differ)
        if len(which) * matched.row_bytes > self._reader.align_bytes:
            raise Unreadable("rows too wide to be held at once")
        verified = self._verification.verify(matched.at(which), how)
        if self._added:
            self._count_added(matched.at(np.arange(len(differ))))
        for one in verified:
            self._hold(one, how, keys)

    def _add_moved(
        self, places: Mapping[SideName, Places], keys: Mapping[SideName, Keys], found: Matches
    ) -> None:
        """Holds pairs of rows that lie in different partitions."""
        before, after = places["f"].at(found.before), places["t"].at(found.after)
        if not len(before):
            return
        places = {"f": before, "t": after}
        files = {
            side: [self._stored[side].files[n] for n in np.unique(places[side].file)]
            for side in SIDES
        }
        how = self._salting(files)
        change = None if how is None else self._change(before, after)
        unknown = salting(self._plan, {"f": (), "t": ()}, unknown=True)
        assert unknown is not None, "nothing contradicts columns that are all read"
        moved = [p for p in self._plan.value_pairs if p.partition]
        moved = [p for p in moved if all(_is_partition(self._plan.side(s), p, s) for s in SIDES)]
        numbers: Mapping[SideName, Numbers] = {"f": found.before, "t": found.after}
        candidates = Candidates(before, after, change, numbers)
        chosen = how if how is not None and change is not None else unknown
        try:
            verified = self._verification.verify(candidates, chosen, moved=moved)
        except (WrongDigest, Unreadable) as error:
            if isinstance(error, WrongDigest):
                self._drop(files)
            chosen, candidates = unknown, Candidates(before, after, None, numbers)
            verified = self._verification.verify(candidates, chosen, moved=moved)
        self._count_added(candidates)
        for one in verified:
            self._hold(one, chosen, keys, moved=True)

    def _hold(
        self,
        rows: Verified,
        how: Salting,
        keys: Mapping[SideName, Keys],
        *,
        moved: bool = False,
    ) -> None:
        changed = {pair.number for pair in rows.pairs}
        equal: frozenset[int] = frozenset()
        if rows.whole:
            same = (p for p in how.alike if p.number not in changed and self._has_one_value(p))
            equal = frozenset(pair.number for pair in same)
        self.placed.add(
            {"f": rows.rows.before, "t": rows.rows.after},
            "u",
            pairs=rows.pairs,
            columns={**rows.columns, **self._key_columns(keys, rows.rows.numbers)},
            moved=moved or self._leaving,
            equal=equal,
        )

    def _key_columns(
        self, keys: Mapping[SideName, Keys], numbers: Mapping[SideName, Numbers]
    ) -> dict[str, pa.Array]:
        """Returns the key columns of some rows, by their names in the remainder."""
        found = {}
        for side, which in numbers.items() if keys else ():
            for pair, column in zip(self._keys.pairs, keys[side].columns, strict=False):
                one = self._plan.side(side).schema.by_id(pair.on(side).id)
                assert one is not None, "key columns exist"
                with suppress(Unreadable), within_arrays():
                    some = take(column, from_numpy(which))
                    found[f"{side}_c{one.id}"] = in_table_type(some, one)
        return found

    def _has_one_value(self, pair: ColumnPair) -> bool:
        found = self._one_value.get(pair.number)
        if found is None:
            found = self._one_value[pair.number] = self._is_one_value(pair)
        return found

    def _is_one_value(self, pair: ColumnPair) -> bool:
        """Returns whether equal values of a pair are the same, zeros of both signs too."""
        if pair.before.type != pair.after.type or pair.key:
            return False
        if not has_float(pair.after.type):
            return True
        for side in SIDES:
            for file in self._plan.files(side):
                known = self._reader.prints.get(file.identity)
                summary = None if known is None else known.summaries.get(pair.on(side).id)
                if summary is None or summary.negative_zeros is not False:
                    return False
        return True

    def _differ_outside(self, rows: Candidates, pairs: Sequence[ColumnPair]) -> Numbers:
        """Returns which pairs of rows differ in columns that digests do not hold."""
        staged = staged_rows({"f": rows.before, "t": rows.after}, len(rows))
        wanted = {side: [pair.on(side).id for pair in pairs] for side in SIDES}
        with self._late.columns(staged, wanted) as query:
            same = self._columns.same(pairs, "f_", "t_")
            found = self._reader.con.sql(
                f"SELECT n FROM ({query}) WHERE NOT ({same})"
            ).to_arrow_table()
        return to_numpy(found["n"])

    def _count_added(self, rows: Candidates) -> None:
        """Counts the values of added columns in rows that have a partner."""
        ids = list(self._added)
        if not ids or not len(rows):
            return
        with self._late.columns(staged_rows({"t": rows.after}, len(rows)), {"t": ids}) as query:
            listed = ", ".join(f"count(t_c{i})" for i in ids)
            counts = single_row(self._reader.con, f"SELECT {listed} FROM ({query})")
        for field_id, count in zip(ids, counts, strict=True):
            self._added[field_id] += int(count)

    def _salting(self, files: Mapping[SideName, Sequence[DataFile]]) -> Salting | None:
        """Returns how columns stand to the digests of files; None if those cannot serve."""
        found = salted(self._plan, files, self._digests)
        return None if isinstance(found, Obstacle) else found

    def _complete(self, files: Mapping[SideName, Sequence[DataFile]]) -> None:
        """Computes digests that are missing, if those of one side are there.

        Files too small to have them by themselves get them too: a few late rows in a file of their
        own must not cost the other files theirs.
        """
        missing, few = without_digests(files, self._digests)
        if not few:
            return
        from catalog.diff.fingerprints.row_completing import complete_row_digests

        for side, file in missing:
            table = self._plan.side(side)
            if has_row_digests(table, file, "rows"):
                found = complete_row_digests(self._reader.store, table, file)
                self._read[side, self._numbers[side][file.identity, file.path]] = found

    def _digests(self, side: SideName, file: DataFile) -> KeptDigests | None:
        key = side, self._numbers[side][file.identity, file.path]
        if key not in self._read:
            self._read[key] = self._kept.read(self._plan.side(side), file)
        return self._read[key]

    def _words(self, side: SideName, files: Sequence[DataFile]) -> Numbers | None:
        """Returns the digests of the rows of files, one file after another."""
        parts = []
        for file in files:
            kept = self._digests(side, file)
            words = None if kept is None else kept.words()
            if words is None:
                return None
            parts.append(np.frombuffer(words, "<u8"))
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.uint64), *parts])

    def _change(self, before: Places, after: Places) -> Numbers | None:
        """Returns how much the digests of pairs of rows differ; None if some are unknown."""
        found = []
        places = {"f": before, "t": after}
        for side in SIDES:
            own = np.zeros(len(before), np.uint64)
            for number, rows, at in places[side].by_file():
                words = self._words(side, [self._stored[side].files[number]])
                if words is None:
                    return None
                own[at] = words[rows]
            found.append(own)
        return np.asarray(found[1] - found[0])


def _row_bytes(files: Mapping[SideName, Sequence[DataFile]]) -> float:
    """Returns about how much memory a row of each side takes together, if it is held whole."""
    sizes = (
        sum(file.size_bytes for file in files[side])
        / max(1, sum(file.rows for file in files[side]))
        for side in SIDES
    )
    return INFLATION * sum(sizes)


def _numbered(files: Sequence[DataFile]) -> Mapping[object, int]:
    """Returns the number of each file; files that are the same in all share the last."""
    return {(file.identity, file.path): number for number, file in enumerate(files)}


def _is_partition(table: TableSnapshot, pair: ColumnPair, side: SideName) -> bool:
    return pair.on(side).id in table.partition_by
