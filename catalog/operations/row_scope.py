"""Which tables of a diff a condition on rows can be asked of, found before they are compared."""

from catalog.dataclasses import replace
from catalog.diff.row_condition import known_columns, no_column, unknown_column
from catalog.diff.view import LeftOut
from catalog.errors import ErrorKind, InvalidInput
from catalog.operations.diff_planning import PlannedTable
from catalog.operations.diff_scope import DiffScope


def with_rows_asked_for(scope: DiffScope, where: str) -> DiffScope:
    """Returns a diff without the tables that have not the columns of a condition.

    Raises:
        InvalidInput: None of the tables has, or it is not a valid condition.
    """
    asked: list[PlannedTable] = []
    missing: list[tuple[str, str]] = []
    for one in scope.planned:
        name = unknown_column(where, one.plan)
        if name is None:
            asked.append(one)
        else:
            missing.append((one.plan.table, name))
    if missing and not asked:
        known = {name for one in scope.planned for name in known_columns(one.plan)}
        nowhere = next((name for _, name in missing if name not in known), None)
        if nowhere is None and len(missing) > 1:
            raise InvalidInput(
                f"no table has all the columns of the condition {where!r}",
                kind=ErrorKind.BAD_WHERE,
                hint=f"{missing[0][0]} has no column {missing[0][1]!r}",
            )
        raise no_column(where, nowhere or missing[0][1], known)
    left_out = (LeftOut(table, f"it has no column {name}") for table, name in missing)
    return replace(scope, planned=tuple(asked), left_out=(*scope.left_out, *left_out))
