"""Routes: by which path the files of a task are compared, decided from fingerprints alone.

Two files whose keys are equal in order are compared by position, only in the columns whose digests
differ; if none does, neither file is opened. The rows of all other files of the task are matched by
their key.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from catalog.dataclasses import dataclass
from catalog.diff.forms import common_forms
from catalog.diff.plan import ColumnPair, DiffTask, SideName, TablePlan
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import BLOCK_ROWS, Fingerprint, stored_alike

Prints = Mapping[Identity, Fingerprint]

SKIPPED_SHARE = 0.5
"""Share of a file's blocks that must be equal for the others to be looked up: below that, reading
all of them is as quick."""

MOST_ALIKE = 64
"""Files of equal numbers of rows, or keys, up to which each is looked at for each of the others."""


@dataclass(frozen=True, slots=True)
class FilePair:
    """Two files that hold the same keys.

    Attributes:
        changed: The columns in which they may differ; none: no row differs.
        places: Ranges of rows in which they may differ, without their ends; None: anywhere.
    """

    before: DataFile
    after: DataFile
    changed: tuple[ColumnPair, ...]
    places: tuple[tuple[int, int], ...] | None = None

    def on(self, side: SideName) -> DataFile:
        """Returns the file of a side."""
        return self.before if side == "f" else self.after


@dataclass(frozen=True, slots=True)
class Route:
    """How the files of a task are compared.

    Attributes:
        rest: The files that are joined; None if there are none.
        same: Files whose rows are the same on both sides, in other files or another order, so that
            none is opened; None if there are none.
    """

    task: DiffTask
    pairs: tuple[FilePair, ...]
    rest: DiffTask | None
    same: DiffTask | None = None


def routes(plan: TablePlan, prints: Prints) -> Iterator[Route]:
    """Yields the paths of all tasks of a plan, in their order."""
    pairing = _Pairing(plan, prints)
    return (_route(task, pairing) for task in plan.tasks)


def route(plan: TablePlan, task: DiffTask, prints: Prints) -> Route:
    """Chooses the paths of a task, from the known fingerprints of its files."""
    return _route(task, _Pairing(plan, prints))


def _route(task: DiffTask, pairing: "_Pairing") -> Route:
    plan, prints = pairing.plan, pairing.prints
    if task.partition is None or not prints or (not plan.key and plan.added):
        return Route(task, (), task)
    waiting, left = dict(enumerate(task.before)), dict(enumerate(task.after))
    pairs: list[FilePair] = []
    like: defaultdict[object, dict[int, DataFile]] = defaultdict(dict)
    shares: dict[object, dict[object, list[int]]] = {}
    for number, before in waiting.items():
        like[pairing.mark("f", before)][number] = before
    for number, after in tuple(left.items()):
        mark = pairing.mark("t", after)
        candidates = like[mark]
        if len(candidates) > MOST_ALIKE:
            if mark not in shares:
                shares[mark] = pairing.by_share(candidates)
            alike = pairing.sharing(shares[mark], after)
            candidates = {n: one for n in sorted(alike) if (one := candidates.get(n)) is not None}
        pair = pairing.best(candidates.values(), after)
        if pair is not None:
            partner = next(n for n, one in candidates.items() if one is pair.before)
            del waiting[partner], like[mark][partner], left[number]
            pairs.append(pair)
    some = tuple(waiting.values()), tuple(left.values())
    rest = DiffTask(task.partition, *some) if waiting or left else None
    if rest is not None and _same_rows(plan, rest, prints):
        return Route(task, tuple(pairs), None, rest)
    return Route(task, tuple(pairs), rest)


def _same_rows(plan: TablePlan, rest: DiffTask, prints: Prints) -> bool:
    """Returns whether files hold the same rows as others of their partition, by sums over rows.

    Sums depend on the names that files give their columns, so both sides must have the same columns
    by the same names.
    """
    if not rest.before or not rest.after or plan.before is None or plan.after is None:
        return False
    fields = {(f.id, str(f.type)) for f in plan.before.schema.fields}
    paired = {(pair.before.id, pair.after.id) for pair in plan.pairs}
    if fields != {(f.id, str(f.type)) for f in plan.after.schema.fields} or paired != {
        (field_id, field_id) for field_id, _ in fields
    }:
        return False
    if not _same_names(plan, rest):
        return False
    sums = [_row_sum(files, prints) for files in (rest.before, rest.after)]
    return sums[0] is not None and sums[0] == sums[1]


def _same_names(plan: TablePlan, rest: DiffTask) -> bool:
    """Returns whether no two files use one name for different columns."""
    ids: dict[str, int] = {}
    sides: tuple[SideName, ...] = ("f", "t")
    schemas = {(side, file.file_schema) for side in sides for file in rest.files(side)}
    return all(
        ids.setdefault(column.name, column.field_id) == column.field_id
        for side, schema in schemas
        for column in plan.side(side).file_schemas[schema].columns
        if column.field_id not in plan.side(side).partition_by
    )


def _row_sum(files: Sequence[DataFile], prints: Prints) -> tuple[int, int] | None:
    """Returns the number of rows of some files and the sum over them; None if it is unknown."""
    rows = total = 0
    for file in files:
        known = prints.get(file.identity)
        if known is None or known.row_sum is None:
            return None
        rows, total = rows + known.rows, (total + known.row_sum) % (1 << 128)
    return rows, total


class _Pairing:
    """How files are paired: those of equal keys in order.

    Columns that are constant in a partition are left out of ``keys`` and ``values``. Without a key,
    ``whole_rows`` are compared.
    """

    def __init__(self, plan: TablePlan, prints: Prints) -> None:
        self.plan = plan
        self.prints = prints
        constant = constants(plan)
        self.keys = [pair for pair in plan.key_pairs if pair.number not in constant]
        self.values = [pair for pair in plan.value_pairs if pair.number not in constant]
        self.whole_rows = not plan.key
        self._as_they_are: dict[int, bool] = {}

    def mark(self, side: SideName, file: DataFile) -> object:
        """Returns what a file must have in common with those that it may be paired with."""
        known = self.prints.get(file.identity)
        if known is None or not self.keys:
            return None if known is None else known.rows
        return tuple(known.columns.get(pair.on(side).id) for pair in self.keys)

    def by_share(self, files: Mapping[int, DataFile]) -> dict[object, list[int]]:
        """Returns the numbers of files of the older side by what they hold in a column.

        What more than ``MOST_ALIKE`` of them hold is left out, such as NULLs alone: it does not
        tell which file became which.
        """
        found: defaultdict[object, list[int]] = defaultdict(list)
        for number, file in files.items():
            for share in self._shares("f", file):
                found[share].append(number)
        return {share: numbers for share, numbers in found.items() if len(numbers) <= MOST_ALIKE}

    def sharing(self, known: Mapping[object, Sequence[int]], after: DataFile) -> set[int]:
        """Returns the numbers of files that hold the same as one of the newer side in a column."""
        return {n for share in self._shares("t", after) for n in known.get(share, ())}

    def _shares(self, side: SideName, file: DataFile) -> Iterator[object]:
        found = self.prints.get(file.identity)
        if found is None:
            return
        for pair in self.values:
            field_id = pair.on(side).id
            for kind, held in enumerate((found.columns, found.stored, found.encoded)):
                value = held.get(field_id)
                if value is not None:
                    yield pair.number, kind, value

    def best(self, candidates: Iterable[DataFile], after: DataFile) -> FilePair | None:
        """Returns the pair of a file with that of the same keys from which it differs least."""
        theirs = self.prints.get(after.identity)
        if theirs is None:
            return None
        best: FilePair | None = None
        for before in candidates:
            mine = self.prints.get(before.identity)
            if mine is None or mine.rows != theirs.rows:
                continue
            if not all(self._same(mine, theirs, pair) for pair in self.keys):
                continue
            changed = tuple(pair for pair in self.values if not self._same(mine, theirs, pair))
            if self.whole_rows and len(changed) == len(self.values):
                continue
            if best is None or len(changed) < len(best.changed):
                best = FilePair(before, after, changed, _places(changed, mine, theirs))
        return best

    def _same(self, mine: Fingerprint, theirs: Fingerprint, pair: ColumnPair) -> bool:
        """Returns whether a column holds the same in two files, in order."""
        before = mine.columns.get(pair.before.id)
        if before is not None and before == theirs.columns.get(pair.after.id):
            return True
        if pair.key or not self._compares_as_it_is(pair):
            return False  # without digests, such columns are never passed over
        return stored_alike(mine, pair.before.id, theirs, pair.after.id)

    def _compares_as_it_is(self, pair: ColumnPair) -> bool:
        if pair.number not in self._as_they_are:
            forms = common_forms(pair.before.type, pair.after.type)
            self._as_they_are[pair.number] = forms is not None and forms.as_they_are
        return self._as_they_are[pair.number]


def _places(
    changed: Sequence[ColumnPair], mine: Fingerprint, theirs: Fingerprint
) -> tuple[tuple[int, int], ...] | None:
    """Returns the ranges of rows in which two files may differ; None if they are most of them."""
    blocks: set[int] = set()
    for pair in changed:
        before, after = mine.columns.get(pair.before.id), theirs.columns.get(pair.after.id)
        if before is None or after is None or len(before) != len(after):
            return None
        blocks.update(n for n, digest in enumerate(before) if digest != after[n])
    if len(blocks) * BLOCK_ROWS > mine.rows * (1 - SKIPPED_SHARE):
        return None
    ranges: list[tuple[int, int]] = []
    for n in sorted(blocks):
        start = n * BLOCK_ROWS
        if ranges and ranges[-1][1] == start:
            start = ranges.pop()[0]
        ranges.append((start, (n + 1) * BLOCK_ROWS))
    return tuple(ranges)


def constants(plan: TablePlan) -> set[int]:
    """Returns the numbers of the columns with one value throughout a partition of both sides."""
    before, after = plan.side("f").partition_by, plan.side("t").partition_by
    if not before or not after:
        return set()
    return {p.number for p in plan.pairs if p.before.id in before and p.after.id in after}


def constant(plan: TablePlan, pair: ColumnPair) -> bool:
    """Returns whether a column has one value throughout a partition of both sides."""
    return pair.before.id in plan.side("f").partition_by and pair.after.id in (
        plan.side("t").partition_by
    )


def known_keys(files: Sequence[DataFile], prints: Prints) -> tuple[int, int] | None:
    """Counts rows with NULL and duplicate keys in some files of a side, from fingerprints.

    None if a fingerprint is missing, or the key ranges of two files overlap.
    """
    records = []
    for file in files:
        found = prints.get(file.identity)
        if found is None or found.key is None:
            return None
        if file.rows:
            records.append(found.key)
    total = sum(r.nulls for r in records), sum(r.duplicates for r in records)
    if len(records) < 2:
        return total
    ranges = [(r.low, r.high) for r in records]
    known = sorted((low, high) for low, high in ranges if low is not None and high is not None)
    if len(known) < len(ranges):
        return None
    apart = all(one[1] < other[0] for one, other in pairwise(known))
    return total if apart else None


def key_ids(plan: TablePlan, side: SideName) -> tuple[int, ...]:
    """Returns the field ids of a side's key columns, as fingerprints are kept by."""
    return tuple(pair.on(side).id for pair in plan.key_pairs)
