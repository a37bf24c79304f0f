"""The three-way merge of the shape of a table: columns, key, partition spec and properties.

It looks at snapshots only and opens nothing. Where the sides contradict each other the merged
shape takes the value of ours and lists a conflict, so that the result can always be used.

- **Columns** are matched by ``columns``. What one side added, dropped, renamed or retyped
  is taken; what both did alike too. A column that both added under one name is one column.
- **Types** that both sides changed, or gave to a column that both added, become the narrowest
  type that holds the values of both: a widening, no conflict. Without such a type it is one. A
  column without any value so far has no type to contradict.
- **A dropped column** is in conflict if the other side renamed or retyped it, or if the merged
  key or partition spec names it. Whether the other side changed cells of it is for the merge of
  rows to find out: see ``MergedShape.dropped``.
- **Names**: two columns that would get one name are in conflict, even if only one side moved each.
- **Partition spec**: any difference is a conflict, also one of types that are encoded otherwise,
  since partition values of both sides could not be compared.
- **Order** is decided by ``column_order``. It is never in conflict.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TypeVar

from catalog.model.schema import Field, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, DataType, Scalar, TypeClass, common_type
from catalog.write.merge.column_order import merged_order
from catalog.write.merge.columns import (
    MatchedColumn,
    SharedIds,
    SideTexts,
    Snapshots,
    base_ids,
    last_id,
    match_columns,
    new_ids,
)
from catalog.write.merge.merged_schema import (
    DroppedColumn,
    MergedColumn,
    MergedShape,
    Renumbering,
    ShapeConflict,
    ShapeConflictKind,
    Side,
    renumbering,
)


def merge_shapes(tables: Snapshots) -> MergedShape:
    """Merges the shapes of two snapshots; files of theirs belong to the result by ``renumber``."""
    return _ShapeMerge(tables).run()


class _ShapeMerge:
    """Goes through the parts of a shape; a column is its place in ``columns``."""

    def __init__(self, tables: Snapshots) -> None:
        self.tables = tables
        base = tables.base
        self.base, self.ours, self.theirs = base, tables.ours, tables.theirs
        self.columns = match_columns(tables)
        self.ids = new_ids(self.columns, tables)
        places = _places(c.base for c in self.columns)
        self.old_key = _pick(base.key, places) if base is not None else ()
        self.old_order = _pick((f.id for f in base.schema.fields), places) if base else ()
        self.of_ours = _places(c.ours for c in self.columns)
        self.of_theirs = _places(c.theirs for c in self.columns)
        self.conflicts: list[ShapeConflict] = []
        self.dropped: list[DroppedColumn] = []

    def run(self) -> MergedShape:
        partitioned, in_use = self.merge_partitioning()
        key, needed = self.merge_key()
        claims = self.merge_presence(in_use | needed)
        contested = self.find_taken_names(claims)
        names = {
            n: name
            for n in range(len(self.columns))
            if (name := self.name(n, claims, contested)) is not None
        }
        if any(n in contested and self.is_new_on_one_side(n) for n in key):
            self.contradict_key()
            key = tuple(n for n in _pick(self.ours.key, self.of_ours) if n in names)
        fields = {n: self.field(n, name, n in partitioned) for n, name in names.items()}
        order = merged_order(
            self.old_order,
            _pick((f.id for f in self.ours.schema.fields), self.of_ours),
            _pick((f.id for f in self.theirs.schema.fields), self.of_theirs),
            present=fields.keys(),
        )
        of_theirs = renumbering(self.ids, self.theirs.file_schemas)
        snapshot = replace(
            self.ours,
            schema=Schema(tuple(fields[n] for n in order)),
            last_field_id=last_id(self.tables, self.ids),
            key=tuple(fields[n].id for n in key),
            file_schemas={**self.ours.file_schemas, **of_theirs.schemas},
            properties=self.merge_properties(),
            computed=None,
        )
        return MergedShape(
            snapshot=snapshot,
            renumbered=of_theirs.renumbered,
            file_schemas=of_theirs.file_schemas,
            conflicts=tuple(self.conflicts),
            dropped=tuple(self.dropped),
            of_base=self.of_base(),
            columns=tuple(
                MergedColumn(c.base, c.ours, c.theirs, fields[n])
                for n, c in ((n, self.columns[n]) for n in order)
            ),
        )

    def of_base(self) -> Renumbering:
        """Returns how files of the base fit into the merged shape."""
        shared = self.tables.shared
        if self.base is None or shared == SharedIds(*[self.base.last_field_id] * 2):
            return Renumbering()
        return renumbering(base_ids(self.columns, self.tables, self.ids), self.base.file_schemas)

    def contradict(
        self,
        kind: ShapeConflictKind,
        texts: SideTexts,
        *,
        column: str | None = None,
        property_name: str | None = None,
    ) -> None:
        self.conflicts.append(ShapeConflict(kind, column, *texts, property_name))

    def merge_partitioning(self) -> tuple[Set[int], Set[int]]:
        """Compares the specs; ours stays.

        Returns:
            The columns that any side is partitioned by; of these, those that must not go.
        """
        ours = _pick(self.ours.partition_by, self.of_ours)
        theirs = _pick(self.theirs.partition_by, self.of_theirs)
        either = {*ours, *theirs}
        if ours == theirs:
            return either, set()
        texts = self.texts(lambda table: [name for name, _ in table.partition_fields])
        self.contradict(ShapeConflictKind.PARTITIONING_CHANGED, texts)
        return either, set(filter(self.is_dropped_on_one_side, either))

    def merge_key(self) -> tuple[tuple[int, ...], Set[int]]:
        """Merges the keys.

        Returns:
            The columns of the merged key; those of either key that one side dropped, if the
            merged key cannot do without.
        """
        ours = _pick(self.ours.key, self.of_ours)
        theirs = _pick(self.theirs.key, self.of_theirs)
        both = _three_way(self.old_key, ours, theirs)
        if both is None:
            self.contradict_key()
        elif not any(map(self.is_dropped_on_one_side, both)):
            return both, set()
        in_use = set(filter(self.is_dropped_on_one_side, (*ours, *theirs)))
        return ours, in_use

    def contradict_key(self) -> None:
        if any(c.kind is ShapeConflictKind.KEY_CHANGED for c in self.conflicts):
            return
        texts = self.texts(lambda table: table.key_names)
        self.contradict(ShapeConflictKind.KEY_CHANGED, texts)

    def texts(self, names: Callable[[TableSnapshot], Sequence[str]]) -> SideTexts:
        """Returns names that each snapshot has, as text."""
        base = None if self.base is None else _joined(names(self.base))
        return base, _joined(names(self.ours)), _joined(names(self.theirs))

    def is_dropped_on_one_side(self, n: int) -> bool:
        column = self.columns[n]
        return column.base is not None and (column.ours is None) != (column.theirs is None)

    def is_new_on_one_side(self, n: int) -> bool:
        column = self.columns[n]
        return column.base is None and (column.ours is None) != (column.theirs is None)

    def merge_presence(self, in_use: Set[int]) -> dict[int, set[str]]:
        """Finds the columns that stay, or would if a conflict was settled the other way.

        Returns:
            For each such column the names it may get.
        """
        claims: dict[int, set[str]] = {}
        for n, column in enumerate(self.columns):
            base, ours, theirs = column.base, column.ours, column.theirs
            kept = ours or theirs
            if kept is None:
                continue
            if ours is not None and theirs is not None:
                name = _three_way(base.name if base else None, ours.name, theirs.name)
                claims[n] = {name} if name is not None else {ours.name, theirs.name}
                if name is None:
                    texts = column.texts(lambda field: field.name)
                    self.contradict(ShapeConflictKind.COLUMN_RENAMED, texts, column=column.name)
            elif base is None:
                claims[n] = {kept.name}
            elif n not in in_use and (base.name, base.type) == (kept.name, kept.type):
                side: Side = "ours" if ours is None else "theirs"
                self.dropped.append(DroppedColumn(base.name, base.id, kept.id, side))
            else:
                claims[n] = {kept.name}
                kind = ShapeConflictKind.COLUMN_REMOVED
                if n in in_use:
                    kind = ShapeConflictKind.COLUMN_IN_USE
                named = column.texts(lambda field: f"{field.name} {field.type}")
                self.contradict(kind, named, column=base.name)
        return claims

    def find_taken_names(self, claims: dict[int, set[str]]) -> Set[int]:
        """Finds columns whose names collide, whichever way other conflicts are settled.

        They fall back to the names of ours. That may collide in turn, hence the rounds; the
        claims grow on the way.
        """
        ours = {f.name: n for n, c in enumerate(self.columns) if (f := c.ours) is not None}
        theirs = {f.name: n for n, c in enumerate(self.columns) if (f := c.theirs) is not None}
        taken: dict[str, None] = {}
        contested: set[int] = set()
        while True:
            found = [
                name
                for name, n in ours.items()
                if name in theirs
                and n != theirs[name]
                and name not in taken
                and all(name in claims.get(m, ()) for m in (n, theirs[name]))
            ]
            if not found:
                break
            for name in found:
                taken[name] = None
                for n in (ours[name], theirs[name]):
                    contested.add(n)
                    sides = (self.columns[n].ours, self.columns[n].theirs)
                    claims[n] |= {f.name for f in sides if f is not None}
        for name in taken:
            before = self.base.schema.find(name) if self.base is not None else None
            texts = (
                str(before.type) if before is not None else None,
                _origin(self.columns[ours[name]], self.columns[ours[name]].ours),
                _origin(self.columns[theirs[name]], self.columns[theirs[name]].theirs),
            )
            self.contradict(ShapeConflictKind.NAME_TAKEN, texts, column=name)
        return contested

    def name(self, n: int, claims: Mapping[int, set[str]], contested: Set[int]) -> str | None:
        """Returns the name that a column gets; None if the merged table has no such column."""
        ours, theirs = self.columns[n].ours, self.columns[n].theirs
        if n not in claims:
            return None
        if n in contested or len(claims[n]) > 1 or theirs is None:
            return ours.name if ours is not None else None
        if ours is None and self.columns[n].base is not None:
            return None  # in conflict: theirs needs it, ours dropped it
        return next(iter(claims[n]))

    def field(self, n: int, name: str, partitioned: bool) -> Field:
        """Returns a column of the merged table."""
        column = self.columns[n]
        ours, theirs = column.ours, column.theirs
        if ours is None:
            assert theirs is not None, "a merged column is on one side at least"
            return Field(self.ids[theirs.id], name, theirs.type)
        if theirs is None or theirs.type == ours.type:
            return Field(ours.id, name, ours.type)
        if partitioned and not _encoded_alike(ours.type, theirs.type):
            self.contradict_types(ShapeConflictKind.PARTITIONING_CHANGED, column)
            return Field(ours.id, name, ours.type)
        return Field(ours.id, name, self.merge_types(column))

    def merge_types(self, column: MatchedColumn) -> DataType:
        """Returns the type of a column that has unlike types on the sides."""
        ours, theirs = column.ours, column.theirs
        assert ours is not None and theirs is not None, "both sides have the column"
        our_types = ours.type, self.ours.held_type(ours)
        their_types = theirs.type, self.theirs.held_type(theirs)
        if column.base is not None and self.base is not None:
            before = column.base.type, self.base.held_type(column.base)
            # whether values fit is for ``types`` to find out
            if before in (our_types, their_types):
                return theirs.type if our_types == before else ours.type
        common = common_type((our_types[1], their_types[1]))
        if common == NULL_TYPE:
            common = common_type((ours.type, theirs.type))
        if common is None:
            kind = ShapeConflictKind.TYPE_CHANGED if column.base else ShapeConflictKind.COLUMN_ADDED
            self.contradict_types(kind, column)
        return common or ours.type

    def contradict_types(self, kind: ShapeConflictKind, column: MatchedColumn) -> None:
        self.contradict(kind, column.texts(lambda field: str(field.type)), column=column.name)

    def merge_properties(self) -> dict[str, str]:
        before = self.base.properties if self.base is not None else {}
        merged: dict[str, str] = {}
        for name in {**self.ours.properties, **self.theirs.properties}:
            values = (t.get(name) for t in (before, self.ours.properties, self.theirs.properties))
            base, ours, theirs = values
            if ours != theirs and base not in (ours, theirs):
                kind = ShapeConflictKind.PROPERTY_CHANGED
                self.contradict(kind, (base, ours, theirs), property_name=name)
            value = theirs if ours == base else ours
            if value is not None:
                merged[name] = value
        return merged


def _places(fields: Iterable[Field | None]) -> dict[int, int]:
    return {f.id: n for n, f in enumerate(fields) if f is not None}


def _pick(ids: Iterable[int], places: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(places[i] for i in ids if i in places)


_T = TypeVar("_T")


def _three_way(base: _T | None, ours: _T, theirs: _T) -> _T | None:
    """Returns what only one side changed, or both alike; None if they contradict."""
    if ours == theirs or theirs == base:
        return ours
    return theirs if ours == base else None


def _joined(names: Iterable[str]) -> str | None:
    return ", ".join(names) or None


def _origin(column: MatchedColumn, field: Field | None) -> str | None:
    if field is None:
        return None
    if column.base is None:
        return f"{field.type}, added"
    renamed = f", renamed from {column.base.name}" if column.base.name != field.name else ""
    return f"{field.type}{renamed}"


def _encoded_alike(one: DataType, other: DataType) -> bool:
    """Returns whether equal partition values of both types have the same encoding."""
    if not (isinstance(one, Scalar) and isinstance(other, Scalar)):
        return False
    if one.type_class is not other.type_class:
        return False
    if one.decimal is not None and other.decimal is not None:
        return one.decimal[1] == other.decimal[1]
    return one.type_class in (TypeClass.INTEGER, TypeClass.WIDE_INTEGER, TypeClass.FLOAT)
