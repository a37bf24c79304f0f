"""Which tables a diff compares, and by which options each: where the columns that they name are."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.diff.scoped_options import ScopedOptions, TableColumns, table_columns
from catalog.diff.view import LeftOut
from catalog.errors import ErrorKind, NotFound
from catalog.operations.diff_planning import DiffPlanner, PlannedTable, StoredPair


@dataclass(frozen=True, slots=True)
class DiffScope:
    """The tables of a diff.

    Attributes:
        planned: How each is compared.
        unchanged: How many others both ends have alike; None if nobody counted.
        left_out: Those that are not compared since no column that is asked for is theirs.
    """

    planner: DiffPlanner
    options: ScopedOptions
    planned: tuple[PlannedTable, ...]
    unchanged: int | None
    left_out: tuple[LeftOut, ...] = ()

    def lookup(self, name: str) -> PlannedTable:
        """Plans another table.

        Raises:
            NotFound: Neither end has it, or it is left out.
        """
        stored = self.planner.stored(name)
        columns = _columns(self.planner, stored)
        for one in self.left_out:
            if columns.is_called(one.table):
                raise NotFound(
                    f"table {one.table} was not compared: {one.reason}",
                    kind=ErrorKind.TABLE_NOT_FOUND,
                )
        options = self.options.of(columns)
        return self.planner.pair(stored.name, stored.before, stored.after, options=options)


def diff_scope(planner: DiffPlanner, names: Sequence[str] | None) -> DiffScope:
    """Plans the tables that were asked for, or all that changed.

    Raises:
        NotFound: A table does not exist.
        InvalidInput: A column that the options name is in none of them, or cannot serve.
    """
    changed, same = (names, None) if names is not None else planner.changed()
    stored = [planner.stored(name) for name in {n.casefold(): n for n in changed}.values()]
    columns = [_columns(planner, one) for one in stored]

    def others() -> list[TableColumns]:
        return [_columns(planner, planner.stored(name)) for name in same or ()]

    options = ScopedOptions(planner.options, columns, others)
    planned, left_out = [], []
    for one, known in zip(stored, columns, strict=True):
        if options.is_left_out(known):
            left_out.append(LeftOut(one.name, _none_of(planner.options.columns or ())))
            continue
        own = options.of(known)
        planned.append(planner.pair(one.name, one.before, one.after, options=own))
    unchanged = None if same is None else len(same)
    return DiffScope(planner, options, tuple(planned), unchanged, tuple(left_out))


def _columns(planner: DiffPlanner, stored: StoredPair) -> TableColumns:
    before, after = (None if one is None else one.snapshot for one in (stored.before, stored.after))
    shared = planner.shared_ids(stored.before, stored.after)
    return table_columns(stored.name, before, after, shared)


def _none_of(names: Sequence[str]) -> str:
    what = "no column" if len(names) == 1 else "none of the columns"
    return f"it has {what} {', '.join(names)}"
