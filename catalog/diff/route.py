"""Routes: by which path the files of a task are compared, decided from fingerprints alone.

Two files whose keys are equal in order are compared by position, two that hold the same keys in
another order are matched by key, both only in the columns whose digests differ; if none does,
neither file is opened. All other files of the task are joined whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from catalog.diff.forms import form, identity
from catalog.diff.plan import ColumnPair, DiffTask, SideName, TablePlan
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import BLOCK_ROWS, Fingerprint, stored_alike

Prints = Mapping[Identity, Fingerprint]

SKIPPED_SHARE = 0.5
"""Share of a file's blocks that must be equal for the others to be looked up: below that, reading
all is as quick."""


@dataclass(frozen=True, slots=True)
class FilePair:
    """Pairs two files that hold the same keys.

    Attributes:
        before: The older file.
        after: The newer file.
        changed: The columns in which they may differ; none: no row differs.
        places: Ranges of rows in which they may differ, ends excluded; None: anywhere.
        permuted: Whether their rows lie in different orders, so that keys must be matched.
    """

    before: DataFile
    after: DataFile
    changed: tuple[ColumnPair, ...]
    places: tuple[tuple[int, int], ...] | None = None
    permuted: bool = False

    def on(self, side: SideName) -> DataFile:
        """Returns the file of a side."""
        return self.before if side == "f" else self.after


@dataclass(frozen=True, slots=True)
class Route:
    """Says how the files of a task are compared.

    Attributes:
        task: The task.
        pairs: Files that are compared row by row.
        rest: The files that are joined; None if there are none.
        same: Files whose rows are the same on both sides, in other files or another order; None
            if there are none. They need not be opened.
    """

    task: DiffTask
    pairs: tuple[FilePair, ...]
    rest: DiffTask | None
    same: DiffTask | None = None


def route(plan: TablePlan, task: DiffTask, prints: Prints) -> Route:
    """Chooses the paths of a task.

    Args:
        plan: The table's plan.
        task: The task.
        prints: Fingerprints of the files, as far as they are known.
    """
    if task.partition is None or not prints or (not plan.key and plan.added):
        return Route(task, (), task)
    waiting, left = dict(enumerate(task.before)), dict(enumerate(task.after))
    pairs: list[FilePair] = []
    for permuted in (False, True) if plan.key else (False,):
        like: defaultdict[object, dict[int, DataFile]] = defaultdict(dict)
        for number, before in waiting.items():
            like[_mark(plan, "f", before, prints, permuted=permuted)][number] = before
        for number, after in tuple(left.items()):
            candidates = like[_mark(plan, "t", after, prints, permuted=permuted)]
            found = _partner(plan, candidates.values(), after, prints, permuted=permuted)
            if found is not None:
                partner = next(n for n, one in candidates.items() if one is found.before)
                del waiting[partner], candidates[partner], left[number]
                pairs.append(found)
    some = tuple(waiting.values()), tuple(left.values())
    rest = DiffTask(task.partition, *some) if waiting or left else None
    if rest is not None and _same_rows(plan, rest, prints):
        return Route(task, tuple(pairs), None, rest)
    return Route(task, tuple(pairs), rest)


def _same_rows(plan: TablePlan, rest: DiffTask, prints: Prints) -> bool:
    """Tells whether files hold the same rows as others of their partition, by sums over rows.

    Sums tell columns apart by their field ids, so both sides must have the same columns.
    """
    if not rest.before or not rest.after or plan.before is None or plan.after is None:
        return False
    fields = {(f.id, str(f.type)) for f in plan.before.schema.fields}
    paired = {(pair.before.id, pair.after.id) for pair in plan.pairs}
    if fields != {(f.id, str(f.type)) for f in plan.after.schema.fields} or paired != {
        (field_id, field_id) for field_id, _ in fields
    }:
        return False
    sums = [_row_sum(files, prints) for files in (rest.before, rest.after)]
    return sums[0] is not None and sums[0] == sums[1]


def _row_sum(files: Sequence[DataFile], prints: Prints) -> tuple[int, int] | None:
    """Returns the number of rows of some files and the sum over them; None if it is unknown."""
    rows = total = 0
    for file in files:
        known = prints.get(file.identity)
        if known is None or known.row_sum is None:
            return None
        rows, total = rows + known.rows, (total + known.row_sum) % (1 << 128)
    return rows, total


def _mark(
    plan: TablePlan, side: SideName, file: DataFile, prints: Prints, *, permuted: bool
) -> object:
    """Returns what a file must have in common with those that it may be paired with."""
    known = prints.get(file.identity)
    first = next((pair for pair in plan.key_pairs if not constant(plan, pair)), None)
    if known is None or first is None:
        return None if known is None else known.rows
    digests = known.by_key if permuted else known.columns
    return digests.get(first.on(side).id)


def _partner(
    plan: TablePlan,
    candidates: Iterable[DataFile],
    after: DataFile,
    prints: Prints,
    *,
    permuted: bool,
) -> FilePair | None:
    """Returns the pair of a file with that of the same keys from which it differs least."""
    theirs = prints.get(after.identity)
    if theirs is None:
        return None
    best: FilePair | None = None
    for before in candidates:
        mine = prints.get(before.identity)
        if mine is None or mine.rows != theirs.rows:
            continue
        same = partial(_same, plan, mine, theirs, permuted)
        if not all(map(same, plan.key_pairs)):
            continue
        values = [pair for pair in plan.value_pairs if not constant(plan, pair)]
        changed = tuple(pair for pair in values if not same(pair))
        if not plan.key and len(changed) == len(values):
            continue
        if best is None or len(changed) < len(best.changed):
            places = None if permuted else _places(changed, mine, theirs)
            best = FilePair(before, after, changed, places, permuted)
    return best


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


def constant(plan: TablePlan, pair: ColumnPair) -> bool:
    """Tells whether a column is the same throughout a partition of both sides."""
    return pair.before.id in plan.side("f").partition_by and pair.after.id in (
        plan.side("t").partition_by
    )


def _same(
    plan: TablePlan, mine: Fingerprint, theirs: Fingerprint, permuted: bool, pair: ColumnPair
) -> bool:
    """Tells whether a column holds the same in two files, in order or in that of their keys."""
    if constant(plan, pair):
        return True
    sides = (mine.by_key, theirs.by_key) if permuted else (mine.columns, theirs.columns)
    before, after = sides[0].get(pair.before.id), sides[1].get(pair.after.id)
    if before is not None and before == after:
        return True
    if permuted or pair.key or not _compares_as_it_is(pair):
        return False  # without digests, such columns are never passed over
    return stored_alike(mine, pair.before.id, theirs, pair.after.id)


def _compares_as_it_is(pair: ColumnPair) -> bool:
    mine, theirs = pair.before.type, pair.after.type
    return form(mine, theirs) is identity and form(theirs, mine) is identity


def known_keys(files: Sequence[DataFile], prints: Prints) -> tuple[int, int] | None:
    """Counts rows with NULL and duplicate keys in some files of a side, from fingerprints.

    Returns:
        Both counts; None if the fingerprints do not tell: one is missing, or the ranges of
        keys of two files overlap.
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
