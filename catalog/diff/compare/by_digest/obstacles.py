"""What keeps the files of a task from being compared by the digests of their rows."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.diff.compare.arrays import arrow_type
from catalog.diff.compare.by_digest.salting import Held, Salting, salting
from catalog.diff.fingerprints.row_digest import hash_kind
from catalog.diff.plan import SIDES, ColumnPair, DiffTask, SideName, TablePlan
from catalog.diff.route import constant
from catalog.model.datafile import DataFile
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, DataType, Scalar, TypeClass, is_float
from catalog.repository.row_digests import KeptDigests

ReadDigests = Callable[[SideName, DataFile], KeptDigests | None]
"""Returns what is kept of the rows of a side's file."""


MISSING_SHARE = 0.6
"""Share of rows up to which missing digests are computed: to read both sides for them takes longer
than to compare their values."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why digests cannot serve.

    Attributes:
        reason: For people, such as ``2 files have no digests of their rows``.
        missing: How many files have none.
        few: Whether those hold so few rows that their digests are computed first.
    """

    reason: str
    missing: int = 0
    few: bool = False


def inner_keys(plan: TablePlan) -> tuple[ColumnPair, ...]:
    """Returns the columns of the key that files hold."""
    return tuple(pair for pair in plan.key_pairs if not constant(plan, pair))


def of_key(plan: TablePlan) -> Obstacle | None:
    """Returns what is wrong with the key of a plan."""
    if not plan.key:
        return Obstacle("there is no key")
    if not inner_keys(plan):
        return Obstacle("the key follows from the partition")
    if any(is_float(pair.on(side).type) for pair in plan.key_pairs for side in SIDES):
        return Obstacle("the key has a column of floats")
    return None


def of_task(plan: TablePlan, task: DiffTask) -> Obstacle | None:
    """Returns what is wrong with a task, digests aside."""
    if task.partition is None and any(pair.partition for pair in plan.key_pairs):
        return Obstacle("the key has a column by which only one side is partitioned")
    for pair in inner_keys(plan):
        kinds = set()
        for side in SIDES:
            for file in task.files(side):
                column = _stored(plan.side(side), file, pair.on(side).id)
                if column is None:
                    return Obstacle(f"a file does not hold {pair.name}, which is in the key")
                kinds.add(_kind(column.type))
        kinds.discard(None)
        if len(kinds) > 1:
            return Obstacle(f"files hold {pair.name}, which is in the key, in unlike types")
    return None


def _stored(table: TableSnapshot, file: DataFile, field_id: int) -> PhysicalColumn | None:
    """Returns the column of a file that holds a field; None if it has no values of it."""
    columns = table.file_schemas[file.file_schema].columns
    return next((c for c in columns if c.field_id == field_id and c.type != NULL_TYPE), None)


def _kind(kind: DataType) -> str | None:
    """Returns the kind of the values of a type, as digests have it; None if it is not known."""
    is_uuid = isinstance(kind, Scalar) and kind.type_class is TypeClass.UUID
    known = pa.binary(16) if is_uuid else arrow_type(kind)
    return None if known is None else hash_kind(known)


def salted(
    plan: TablePlan, files: Mapping[SideName, Sequence[DataFile]], read: ReadDigests
) -> Salting | Obstacle:
    """Returns how the columns of files stand to their digests, or why those cannot serve."""
    held: dict[SideName, list[Held]] = {"f": [], "t": []}
    for side in SIDES:
        for file in files[side]:
            kept = read(side, file)
            if kept is not None:
                held[side].append((file.file_schema, kept.held))
    missing, few = without_digests(files, read)
    if missing:
        owners = "1 file has" if len(missing) == 1 else f"{len(missing):,} files have"
        return Obstacle(f"{owners} no digests of their rows", len(missing), few)
    found = salting(plan, {side: dict.fromkeys(held[side]) for side in SIDES})
    if found is None:
        return Obstacle("a name in the files means one column before, and another one after")
    return found


def without_digests(
    files: Mapping[SideName, Sequence[DataFile]], read: ReadDigests
) -> tuple[list[tuple[SideName, DataFile]], bool]:
    """Returns the files that have no digests, and whether they hold few enough of the rows."""
    missing = [(side, file) for side in SIDES for file in files[side] if read(side, file) is None]
    rows = sum(file.rows for side in SIDES for file in files[side])
    return missing, sum(file.rows for _, file in missing) <= MISSING_SHARE * rows
