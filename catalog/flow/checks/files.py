"""Which data files have to be read for a check."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass, field
from catalog.errors import CatalogError
from catalog.flow.checks.binding import BoundCheck, bind
from catalog.model.check_rules import ROW_LEVEL
from catalog.model.checks import CheckKind
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.schema import Field
from catalog.model.types import Scalar, TypeClass, is_float
from catalog.model.values import decode, has_order
from catalog.query.parse.predicates import Predicate
from catalog.query.pruning import Pruner, known_bounds, pruner
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import changed_files, data_files

MOST_PAIRS = 1_000_000
"""Pairs of files whose bounds are compared to leave files out; where there are more, all are read:
that takes a second."""

BY_FILES = ROW_LEVEL | {CheckKind.UNIQUE, CheckKind.RELATIONSHIPS}
"""Kinds that can be judged by the files that are new, if all was well before."""

_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
"""Types whose bounds tell which file has the newest moment."""

_UNORDERED = (TypeClass.FLOAT, TypeClass.BINARY, TypeClass.OTHER)
"""Types whose bounds do not tell which values files may share."""


@dataclass(slots=True)
class FileChoice:
    """Chooses the files of checks; what was listed once is kept.

    Attributes:
        commits: What reads tables.
        empty: Whether no file is read at all, to learn whether a check can be run.
    """

    commits: Commits
    empty: bool = False
    _pruned: dict[object, tuple[DataFile, ...]] = field(default_factory=dict)

    def files(self, bound: BoundCheck, before: StoredTable | None = None) -> Sequence[DataFile]:
        """Returns the files that have to be read to find all failures of a check.

        Args:
            bound: The check.
            before: Its table as it was when the same check found no failure in it, and tables that
                it leads to were the same; None if that is not known.
        """
        predicates = () if bound.condition is None else bound.condition.predicates
        if before is not None and self._is_the_same(bound, before):
            added = self._added(bound, before)
            wants = self._pruner(bound.table, predicates).wants_file
            added = [file for file in added if wants(file)]
            if bound.kind is not CheckKind.UNIQUE:
                return added
            named = frozenset(column.field.id for column in bound.columns)
            rest = self.pruned(bound.table, predicates, known=named)
            if len(added) * len(rest) <= MOST_PAIRS:
                return _with_partners(bound, added, rest)
        if bound.kind is CheckKind.FRESHNESS and bound.condition is None:
            named = frozenset(column.field.id for column in bound.columns)
            return _with_newest(bound, self.pruned(bound.table, known=named))
        return self.pruned(bound.table, predicates)

    def pruned(
        self,
        table: StoredTable,
        predicates: Sequence[Predicate] = (),
        *,
        known: frozenset[int] = frozenset(),
    ) -> Sequence[DataFile]:
        """Returns the files that may hold rows that meet some predicates.

        They come with the statistics of what the predicates look at, of floats, and of the columns
        that are to be ``known``.
        """
        if self.empty:
            return ()
        key = table.id, tuple(predicates), known
        if key not in self._pruned:
            chosen = self._pruner(table, predicates)
            floats = {one.id for one in table.snapshot.schema.fields if is_float(one.type)}
            found = data_files(
                self.commits,
                table,
                wanted=lambda summary: chosen.wants_ranges(summary.ranges),
                fields=chosen.fields | floats | known,
            )
            self._pruned[key] = tuple(file for file in found if chosen.wants_file(file))
        return self._pruned[key]

    def _pruner(self, table: StoredTable, predicates: Sequence[Predicate]) -> Pruner:
        return pruner(table.snapshot, predicates)

    def _is_the_same(self, bound: BoundCheck, before: StoredTable) -> bool:
        """Returns whether a check would find in files that stayed what it found in them before.

        It looks at the same columns, by the same ids and types, so that every value is the same.
        """
        if bound.kind not in BY_FILES:
            return False
        now, then = bound.snapshot, before.snapshot
        if bound.parent is not None and bound.parent.table.id == bound.table.id:
            return False  # rows that went may have been what others need
        if now.table_id != then.table_id or now.partition_by != then.partition_by:
            return False
        parent = bound.parent

        def find(name: str) -> StoredTable | None:
            if name.casefold() == before.name.casefold():
                return before
            return None if parent is None else parent.table

        try:
            old = bind(bound.one, find)
        except CatalogError:
            return False
        return (old.fields, old.columns) == (bound.fields, bound.columns)

    def _added(self, bound: BoundCheck, before: StoredTable) -> list[DataFile]:
        return changed_files(self.commits, before, bound.table)[1]


def _with_partners(
    bound: BoundCheck, added: Sequence[DataFile], rest: Sequence[DataFile]
) -> list[DataFile]:
    """Returns files that are new, and those that may share a value with one of them.

    No two rows of the others have the same values, since none had before.
    """
    fields = [
        column.field
        for column in bound.columns
        if not column.path and isinstance(column.type, Scalar) and _is_told_apart(column.type)
    ]
    paths = {file.path for file in added}
    others = [_bounds(bound, file, fields) for file in added]
    found = []
    for file in rest:
        own = _bounds(bound, file, fields)
        if file.path in paths or any(_may_share(own, other) for other in others):
            found.append(file)
    return found


def _is_told_apart(kind: Scalar) -> bool:
    return has_order(kind) and kind.type_class not in _UNORDERED and not is_float(kind)


def _bounds(
    bound: BoundCheck, file: DataFile, fields: Sequence[Field]
) -> list[tuple[bytes | None, bytes | None, bool]]:
    """Returns, for each column, its bounds in a file, and whether it has no value there."""
    return [known_bounds(bound.snapshot, file, one) for one in fields]


def _may_share(
    left: Sequence[tuple[bytes | None, bytes | None, bool]],
    right: Sequence[tuple[bytes | None, bytes | None, bool]],
) -> bool:
    """Returns whether two files may have a row each that agree in all columns, without NULL."""
    for (low, high, empty), (other_low, other_high, other_empty) in zip(left, right, strict=True):
        if empty or other_empty:
            return False
        if low is not None and other_high is not None and low > other_high:
            return False
        if high is not None and other_low is not None and other_low > high:
            return False
    return True


def _with_newest(bound: BoundCheck, files: Sequence[DataFile]) -> Sequence[DataFile]:
    """Returns one of the files that have the newest moment, and those of which that is not known.

    An infinite moment is none: where it is the greatest, nothing is known of the others.
    """
    (column,) = bound.columns
    kind = column.type
    if column.path or not isinstance(kind, Scalar) or kind.name not in _MOMENTS:
        return files
    unknown, best, newest = [], None, None
    for file in files:
        _, high, empty = known_bounds(bound.snapshot, file, column.field)
        if empty:
            continue
        stats = file.stats.get(column.field.id, ColumnStats())
        exact = stats.exact or column.field.id in bound.snapshot.partition_by
        if high is None or not exact or not _is_finite(high, kind):
            unknown.append(file)
        elif best is None or high > best:
            best, newest = high, file
    return unknown if newest is None else [newest, *unknown]


def _is_finite(encoded: bytes, kind: Scalar) -> bool:
    try:
        decode(encoded, kind)
    except (CatalogError, ValueError, OverflowError):
        return False
    return True
