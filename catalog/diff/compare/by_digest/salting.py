"""What the digests of two sides say of their columns.

A digest sums up the cells of a row, each salted by the name of its column in the file and the kind
of its values. Where both sides salt a column alike, equal values cancel in the difference of two
digests; other columns have to be read for every row whose digests differ.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.model.schema import PhysicalColumn
from catalog.model.types import NULL_TYPE, Scalar, TypeClass

Held: TypeAlias = tuple[str, frozenset[str] | None]
"""The file schema of some files, and the names of the columns in their digests; None: they have no
digests."""


@dataclass(frozen=True, slots=True)
class Salting:
    """How the columns of some files stand to their digests.

    Columns that both sides have from the partition are in neither.

    Attributes:
        alike: Pairs of columns whose equal values cancel, those of the key included.
        unlike: Field ids by side of further columns in digests, which must be read.
        outside: Pairs that are compared, but are not in the digests of all files.
    """

    alike: tuple[ColumnPair, ...]
    unlike: Mapping[SideName, tuple[int, ...]]
    outside: tuple[ColumnPair, ...]


def salting(
    plan: TablePlan, sides: Mapping[SideName, Iterable[Held]], *, unknown: bool = False
) -> Salting | None:
    """Returns how the columns of files stand to their digests.

    Args:
        plan: How the table is compared.
        sides: The files of both sides, by their schemas and what their digests hold.
        unknown: Whether some have no digests: all columns that are compared are outside then.

    Returns:
        None if digests must not be compared: a name means one column on one side, and another one
        on the other.
    """
    own = {side: _Side(plan, side, sides[side]) for side in SIDES}
    pairs = [p for p in plan.pairs if not _from_partition(plan, p)]
    if unknown:
        nothing: dict[SideName, tuple[int, ...]] = {"f": (), "t": ()}
        return Salting((), nothing, tuple(p for p in pairs if p.compared and not p.key))
    alike = []
    for pair in pairs:
        before, after = own["f"].salts[pair.before.id], own["t"].salts[pair.after.id]
        whole = own["f"].is_held(pair.before.id) and own["t"].is_held(pair.after.id)
        if whole and len(before | after) <= 1:
            alike.append(pair)
    if not _names_agree(plan, own["f"].names, own["t"].names):
        return None
    done = {side: {pair.on(side).id for pair in alike} for side in SIDES}
    unlike = {side: tuple(i for i in own[side].held if i not in done[side]) for side in SIDES}
    numbers = {pair.number for pair in alike}
    outside = []
    for pair in pairs:
        whole = all(own[side].is_held(pair.on(side).id) for side in SIDES)
        if pair.compared and not pair.key and pair.number not in numbers and not whole:
            outside.append(pair)
    return Salting(tuple(alike), unlike, tuple(outside))


class _Side:
    """The columns of a side's files, by field id.

    Attributes:
        salts: Names in files and kinds of values, of columns that hold values.
        held: Columns that are in the digest of some file.
        names: The columns of each name in files.
    """

    def __init__(self, plan: TablePlan, side: SideName, files: Iterable[Held]) -> None:
        table = plan.side(side)
        self.salts: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
        self.held: dict[int, None] = {}
        self.names: defaultdict[str, set[int]] = defaultdict(set)
        self._missing: set[int] = set()
        self._partition_by = table.partition_by
        for schema, held in dict.fromkeys(files):
            for column in table.file_schemas[schema].columns:
                if column.field_id in table.partition_by or column.type == NULL_TYPE:
                    continue
                if held is None or column.name not in held:
                    self._missing.add(column.field_id)
                    continue
                self.held[column.field_id] = None
                self.names[column.name].add(column.field_id)
                self.salts[column.field_id].add((column.name, _kind(column)))

    def is_held(self, field_id: int) -> bool:
        """Returns whether a column is in the digest of every file that has values of it."""
        return field_id not in self._missing and field_id not in self._partition_by


def _kind(column: PhysicalColumn) -> str:
    """Returns a name for the kind of values of a column: those of one name hash alike."""
    kind = column.type
    if isinstance(kind, Scalar) and kind.type_class is TypeClass.INTEGER:
        return "integer"
    return str(kind)


def _from_partition(plan: TablePlan, pair: ColumnPair) -> bool:
    """Returns whether no file holds the values of a pair that count."""
    return all(pair.on(side).id in plan.side(side).partition_by for side in SIDES)


def _names_agree(
    plan: TablePlan, before: Mapping[str, set[int]], after: Mapping[str, set[int]]
) -> bool:
    """Returns whether a name that both sides have means columns that are compared, or neither is.

    Otherwise hashes could cancel of two columns that have nothing to do with each other, and hide
    that the value of one has gone.
    """
    partners = {pair.before.id: pair.after.id for pair in plan.pairs}
    paired = set(partners.values())
    for name in before.keys() & after.keys():
        for mine in before[name]:
            for theirs in after[name]:
                both_alone = mine not in partners and theirs not in paired
                if partners.get(mine) != theirs and not both_alone:
                    return False
    return True
