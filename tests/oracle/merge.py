"""What a three-way merge of rows gives, by the rules of the merge, one key after another.

Tables are lists of rows, rows are mappings from column to value. All three sides have the same
columns: what becomes of columns is no matter of rows.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

MergeRow: TypeAlias = Mapping[str, object]
RowForm: TypeAlias = tuple[Hashable, ...]
Taking: TypeAlias = Literal["ours", "theirs", "base"] | None

MergeConflictKind: TypeAlias = Literal[
    "cell", "inserted-both", "deleted-by-ours", "deleted-by-theirs", "duplicates", "below-zero"
]


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """Is something that both sides changed, in ways that do not go together.

    Attributes:
        kind: ``cell``: one cell of a row was changed to two values. ``inserted-both``: rows
            inserted under one key differ in a cell. ``deleted-by-ours``, ``deleted-by-theirs``:
            one side deleted the row that the other updated. ``duplicates``: several rows have the
            key somewhere.
            ``below-zero``: without a key, both together deleted more rows than there were.
        key: The values of the key; without a key those of the whole row.
        column: The column of the cell; None if the conflict is about rows.
        base: The cell; the rows of the key; without a key how often the row is there.
        ours: The same on our side, which the merged table has.
        theirs: The same on their side.
    """

    kind: MergeConflictKind
    key: tuple[object, ...]
    column: str | None
    base: object
    ours: object
    theirs: object


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """Is a merged table: its rows, in no order, and what is in conflict."""

    columns: tuple[str, ...]
    rows: tuple[MergeRow, ...]
    conflicts: tuple[MergeConflict, ...]

    @property
    def multiset(self) -> Counter[RowForm]:
        """Gives how often each row is there, in the form in which equal rows are the same."""
        return multiset(self.rows, self.columns)


def merge_tables(
    base: Iterable[MergeRow],
    ours: Iterable[MergeRow],
    theirs: Iterable[MergeRow],
    *,
    key: Sequence[str],
    columns: Sequence[str],
    partition: Sequence[str] = (),
    resolve: Taking = None,
    by_cell: bool = True,
) -> MergeOutcome:
    """Merges the rows of two tables that come from one base.

    Args:
        base: The rows before.
        ours: The rows of our side; they win where there is a conflict.
        theirs: The rows of their side.
        key: The columns by which rows match, NULL with NULL; none: the whole row is the key.
        columns: All columns, those of key and partition among them.
        partition: The partition columns. They are cells like any others, and a row that moves
            is a row whose cell changes. Without a key, a partition whose rows are the same on
            both sides is just that.
        resolve: What the merged table has where there is a conflict; None: what ours has.
        by_cell: Whether different cells of one row merge; else a row that both changed is in
            conflict, also if it is the same afterwards, and without a key what both deleted is:
            that is how transactions meet.
    """
    assert {*key, *partition} <= set(columns)
    sides = list(base), list(ours), list(theirs)
    assert all(set(row) == set(columns) for rows in sides for row in rows)
    if key:
        rows, conflicts = _merge_by_key(*sides, _Rules(key, columns, resolve, by_cell))
    else:
        rows, conflicts = _merge_as_multisets(
            *sides, columns, partition if by_cell else None, resolve
        )
    return MergeOutcome(tuple(columns), tuple(rows), tuple(conflicts))


def multiset(rows: Iterable[MergeRow], columns: Sequence[str]) -> Counter[RowForm]:
    """Gives how often each row is there, in the form in which equal rows are the same."""
    return Counter(row_form(row, columns) for row in rows)


def row_form(row: MergeRow, columns: Sequence[str]) -> RowForm:
    """Gives the values of some columns in the form in which equal values are the same."""
    return tuple(_form(row[column]) for column in columns)


def _form(value: object) -> Hashable:
    """NULL is NULL, NaN is NaN, and zero has no sign, however deep in a value."""
    match value:
        case float() if math.isnan(value):
            return ("nan",)
        case float():
            return value + 0.0
        case list() | tuple():
            return ("list", *map(_form, value))
        case dict():
            return ("struct", frozenset((name, _form(inner)) for name, inner in value.items()))
    assert isinstance(value, Hashable)
    return value


_Merged: TypeAlias = tuple[list[MergeRow], list[MergeConflict]]


def _merge_as_multisets(
    base: list[MergeRow],
    ours: list[MergeRow],
    theirs: list[MergeRow],
    columns: Sequence[str],
    partition: Sequence[str] | None,
    resolve: Taking,
) -> _Merged:
    """Adds what both sides added to the base, and takes away what both took away.

    A partition that is the same on both sides is just that, unless ``partition`` is None.
    """
    places = {row_form(row, partition or ()) for row in (*base, *ours, *theirs)}
    alike = {
        place
        for place in places
        if partition is not None
        and multiset((r for r in ours if row_form(r, partition) == place), columns)
        == multiset((r for r in theirs if row_form(r, partition) == place), columns)
    }
    before, mine, yours = (multiset(rows, columns) for rows in (base, ours, theirs))
    shown = {row_form(row, columns): row for row in (*base, *theirs, *ours)}
    rows: list[MergeRow] = []
    conflicts: list[MergeConflict] = []
    for form, row in shown.items():
        counts = before[form], mine[form], yours[form]
        count = counts[0] + (counts[1] - counts[0]) + (counts[2] - counts[0])
        if row_form(row, partition or ()) in alike:
            count = counts[1]
        if count < 0:
            values = tuple(row[column] for column in columns)
            conflicts.append(MergeConflict("below-zero", values, None, *counts))
            count = _taken(resolve, *counts)
        rows += [row] * count
    return rows, conflicts


_T = TypeVar("_T")


def _taken(resolve: Taking, base: _T, ours: _T, theirs: _T) -> _T:
    """Gives what the merged table has where there is a conflict."""
    match resolve:
        case "base":
            return base
        case "theirs":
            return theirs
    return ours


@dataclass(frozen=True, slots=True)
class _Rules:
    key: Sequence[str]
    columns: Sequence[str]
    resolve: Taking
    by_cell: bool


def _merge_by_key(
    base: list[MergeRow], ours: list[MergeRow], theirs: list[MergeRow], rules: _Rules
) -> _Merged:
    groups: dict[RowForm, tuple[list[MergeRow], list[MergeRow], list[MergeRow]]]
    groups = defaultdict(lambda: ([], [], []))
    for side, rows in enumerate((base, ours, theirs)):
        for row in rows:
            groups[row_form(row, rules.key)][side].append(row)
    merged: list[MergeRow] = []
    conflicts: list[MergeConflict] = []
    for group in groups.values():
        kept, found = _merge_group(*group, rules)
        merged += kept
        conflicts += found
    return merged, conflicts


def _merge_group(
    base: list[MergeRow], ours: list[MergeRow], theirs: list[MergeRow], rules: _Rules
) -> _Merged:
    """Merges the rows of one key."""
    columns = rules.columns
    before, mine, yours = (multiset(rows, columns) for rows in (base, ours, theirs))
    if mine == before:
        return theirs, []
    if yours == before:
        return ours, []
    values = tuple((base + ours + theirs)[0][column] for column in rules.key)
    if mine == yours:
        sides = tuple(base), tuple(ours), tuple(theirs)
        clash = MergeConflict("cell", values, None, *sides)
        return ours, [] if rules.by_cell else [clash]
    taken = _taken(rules.resolve, base, ours, theirs)
    match base, ours, theirs:
        case [b], [o], [t]:
            return _merge_cells(values, b, o, t, rules)
        case [_], [], [_]:
            sides = tuple(base), tuple(ours), tuple(theirs)
            return taken, [MergeConflict("deleted-by-ours", values, None, *sides)]
        case [_], [_], []:
            sides = tuple(base), tuple(ours), tuple(theirs)
            return taken, [MergeConflict("deleted-by-theirs", values, None, *sides)]
        case [], [o], [t]:
            return taken, [
                MergeConflict("inserted-both", values, column, None, o[column], t[column])
                for column in columns
                if _form(o[column]) != _form(t[column])
            ]
    sides = tuple(base), tuple(ours), tuple(theirs)
    return taken, [MergeConflict("duplicates", values, None, *sides)]


def _merge_cells(
    key: tuple[object, ...], base: MergeRow, ours: MergeRow, theirs: MergeRow, rules: _Rules
) -> _Merged:
    merged: dict[str, object] = {}
    conflicts: list[MergeConflict] = []
    for column in rules.columns:
        before, mine, yours = base[column], ours[column], theirs[column]
        unlike = _form(mine) != _form(yours)
        both = _form(before) not in (_form(mine), _form(yours))
        if unlike and (both or not rules.by_cell):
            conflicts.append(MergeConflict("cell", key, column, before, mine, yours))
            merged[column] = _taken(rules.resolve, before, mine, yours)
        else:
            merged[column] = yours if _form(mine) == _form(before) else mine
    return [merged], conflicts
