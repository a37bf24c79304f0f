"""The three-way merge of what makes a table a derived one; its rows are not merged but computed.

A derivation is a whole: the definition, the key and the partition columns. Both sides may have
refreshed the table; that alone is no change.
"""

from collections.abc import Mapping

from catalog.dataclasses import dataclass
from catalog.model.derived import PROPERTIES, is_derived, without_definition
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.write.merge.conflicts import ConflictRow, conflict_row
from catalog.write.merge.merged_schema import ShapeConflictKind, Side
from catalog.write.merge.rows import Taking


@dataclass(frozen=True, slots=True)
class Derivation:
    """What makes a table a derived one.

    Attributes:
        definition: The properties that define it.
        key: Names of the key columns.
        partition_by: Names and types of the partition columns.
    """

    definition: Mapping[str, str]
    key: tuple[str, ...]
    partition_by: tuple[tuple[str, Scalar], ...]


@dataclass(frozen=True, slots=True)
class MergedDerivation:
    """What both sides made of a derived table.

    Attributes:
        side: Whose table it is, whole; None if the sides contradict each other.
        properties: The merged properties.
        conflicts: Where the sides clash.
    """

    side: Side | None
    properties: Mapping[str, str]
    conflicts: tuple[ConflictRow, ...] = ()


def derivation(table: TableSnapshot | None) -> Derivation | None:
    """Returns what makes a table a derived one; None if it is plain, or not there."""
    if table is None or not is_derived(table.properties):
        return None
    definition = {name: table.properties[name] for name in PROPERTIES if name in table.properties}
    return Derivation(definition, table.key_names, table.partition_fields)


def is_only_refreshed(base: TableSnapshot | None, now: TableSnapshot) -> bool:
    """Returns whether nothing was done to a derived table but computing it again."""
    if base is None or not is_derived(base.properties):
        return False
    return derivation(base) == derivation(now) and base.properties == now.properties


def merge_derivations(
    name: str,
    base: TableSnapshot | None,
    ours: TableSnapshot,
    theirs: TableSnapshot,
    *,
    resolve: Taking | None,
) -> MergedDerivation:
    """Merges a table that is derived on one side at least, and that both sides changed.

    Args:
        name: The table.
        base: The table where the sides parted; None if it was not there.
        ours: The table as ours has it.
        theirs: The table as theirs has it.
        resolve: The side whose properties count where both changed them differently.
    """
    side = _chosen_side(base, ours, theirs)
    properties, clashes = _other_properties(name, (base, ours, theirs), resolve)
    if side is None:
        return MergedDerivation(None, ours.properties, (*_described(name, base, ours, theirs),))
    chosen = ours if side == "ours" else theirs
    own = {one: chosen.properties[one] for one in PROPERTIES if one in chosen.properties}
    return MergedDerivation(side, {**properties, **own}, clashes)


def _chosen_side(
    base: TableSnapshot | None, ours: TableSnapshot, theirs: TableSnapshot
) -> Side | None:
    """Returns the side that alone changed the derivation; ours if none did, or both alike.

    A table whose rows somebody wrote does not become a derived one just so: they would be lost.
    """
    before, here, there = derivation(base), derivation(ours), derivation(theirs)
    if here == there or before == there:
        return None if here is not None and there is None else "ours"
    if before == here:
        return None if here is None else "theirs"
    return None


def _other_properties(
    name: str,
    tables: tuple[TableSnapshot | None, TableSnapshot, TableSnapshot],
    resolve: Taking | None,
) -> tuple[dict[str, str], tuple[ConflictRow, ...]]:
    """Merges the properties that do not define a table; returns them, and where they clash."""
    base, ours, theirs = ({} if t is None else without_definition(t.properties) for t in tables)
    merged: dict[str, str] = {}
    clashes = []
    for one in {**ours, **theirs}:
        texts = base.get(one), ours.get(one), theirs.get(one)
        before, here, there = texts
        value = there if here == before else here
        if here != there and before not in (here, there):
            kind = ShapeConflictKind.PROPERTY_CHANGED
            clashes.append(conflict_row(name, kind, texts, column=one))
            value = there if resolve == "theirs" else here
        if value is not None:
            merged[one] = value
    return merged, () if resolve is not None else tuple(clashes)


def _described(
    name: str, base: TableSnapshot | None, ours: TableSnapshot, theirs: TableSnapshot
) -> list[ConflictRow]:
    """Returns how two derivations contradict each other."""
    before, here, there = derivation(base), derivation(ours), derivation(theirs)
    if here is None or there is None:
        old = None if base is None else _kind(before)
        return [conflict_row(name, "table-derived", (old, _kind(here), _kind(there)))]
    old_definition = {} if before is None else before.definition
    found = []
    for one in PROPERTIES:
        texts = old_definition.get(one), here.definition.get(one), there.definition.get(one)
        if texts[1] != texts[2]:
            kind = ShapeConflictKind.PROPERTY_CHANGED
            found.append(conflict_row(name, kind, texts, column=one))
    if here.key != there.key:
        keys = _key(before), _key(here), _key(there)
        found.append(conflict_row(name, ShapeConflictKind.KEY_CHANGED, keys))
    if here.partition_by != there.partition_by:
        specs = _spec(before), _spec(here), _spec(there)
        found.append(conflict_row(name, ShapeConflictKind.PARTITIONING_CHANGED, specs))
    return found


def _key(one: Derivation | None) -> str | None:
    return None if one is None else ", ".join(one.key) or None


def _spec(one: Derivation | None) -> str | None:
    return None if one is None else ", ".join(f"{c} {kind}" for c, kind in one.partition_by) or None


def _kind(one: Derivation | None) -> str:
    return "plain" if one is None else "derived"
