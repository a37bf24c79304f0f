"""Columns that look renamed: one went, one came, and rows of one key have equal values in both."""

from collections.abc import Sequence

from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.compare.sql_functions import register_exact_text
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.findings import Renaming
from catalog.diff.forms import common_forms
from catalog.diff.plan import DiffTask, TablePlan
from catalog.engine.connection import single_row
from catalog.model.schema import Field

SAMPLE_ROWS = 16_384
"""Rows of the newer side that are looked at: from the first on, of one file."""

MATCHED_ROWS = 4_000_000
"""Rows of the older side among which their partners are looked for, at most."""

MOST_COLUMNS = 16
"""Columns that went, and that came, which are looked at."""

LEAST_ROWS = 5
"""Rows with a value below which nothing is said."""

NEARLY_ALL = 0.95
"""Share of the rows with a value in one of the columns that must have the same in the other."""


def renamings(reader: TableReader, columns: SqlColumns) -> tuple[Renaming, ...]:
    """Returns the columns that look renamed, in the order of those that came.

    Rows must be matched by a key, which identifies them. Columns with one value throughout are
    left out: any two of these are alike.

    Raises:
        CorruptData: A file cannot be read.
    """
    plan = reader.plan
    gone, came = _removed(plan)[:MOST_COLUMNS], plan.added[:MOST_COLUMNS]
    pairs = [
        (before, after)
        for before in gone
        for after in came
        if common_forms(before.type, after.type) is not None
    ]
    task = _task(plan)
    if not pairs or task is None:
        return ()
    found = _compared(reader, columns, task, pairs=pairs)
    found.sort(key=lambda one: (-one.equal, one.before, one.after))
    chosen: list[Renaming] = []
    for one in found:
        if not any(one.before == other.before or one.after == other.after for other in chosen):
            chosen.append(one)
    order = [field.name for field in came]
    return tuple(sorted(chosen, key=lambda one: order.index(one.after)))


def _removed(plan: TablePlan) -> list[Field]:
    """Returns the columns that only the older side has."""
    names = {one.column for one in plan.schema_changes if one.change == "column_removed"}
    return [field for field in plan.side("f").schema.fields if field.name in names]


def _task(plan: TablePlan) -> DiffTask | None:
    """Returns the files that are looked at: the fewest rows that have partners; None if none."""
    tasks = [
        task
        for task in plan.tasks
        if task.after and 0 < sum(file.rows for file in task.before) <= MATCHED_ROWS
    ]
    return min(tasks, key=_rows, default=None) if plan.key else None


def _rows(task: DiffTask) -> int:
    """Returns how many rows must be read, such files first that have as many as are looked at."""
    few = min(sum(file.rows for file in task.after), SAMPLE_ROWS)
    return sum(file.rows for file in task.before) + MATCHED_ROWS * (SAMPLE_ROWS - few)


def _compared(
    reader: TableReader,
    columns: SqlColumns,
    task: DiffTask,
    *,
    pairs: Sequence[tuple[Field, Field]],
) -> list[Renaming]:
    """Returns which of some pairs of columns have nearly the same values.

    The engine counts matched rows, and of each pair those that are equal, those of them that are
    not NULL, those with a value in one of both, and the different values::

        rows  e0   n0   v0   d0
         100  99   98   99   97
    """
    keys = columns.plan.key_pairs
    newer = max(task.after, key=lambda file: file.rows)
    before_ids = [*(key.before.id for key in keys), *(before.id for before, _ in pairs)]
    after_ids = [*(key.after.id for key in keys), *(after.id for _, after in pairs)]
    older_rows = reader.relation("f", task.before, before_ids)
    newer_rows = reader.relation("t", (newer,), after_ids, numbered=True)
    on = " AND ".join(
        f"{columns.expression('f', key, of=f'f.c{key.before.id}')} = "
        f"{columns.expression('t', key, of=f't.c{key.after.id}')}"
        for key in keys
    )
    listed = ["count(*)"]
    for before, after in pairs:
        listed += _counts(before, after)
    query = (
        f"SELECT {', '.join(listed)} FROM {older_rows} f JOIN "
        f"(FROM {newer_rows} WHERE place < {SAMPLE_ROWS}) t ON {on}"
    )
    register_exact_text(reader.con, query)
    row = single_row(reader.con, query)
    out_of, counts = int(row[0]), [int(count) for count in row[1:]]
    found = []
    for n, (before, after) in enumerate(pairs):
        equal, same, valued, distinct = counts[4 * n : 4 * n + 4]
        if same >= max(LEAST_ROWS, NEARLY_ALL * valued) and distinct > 1:
            found.append(Renaming(before.name, after.name, equal, out_of))
    return found


def _counts(before: Field, after: Field) -> list[str]:
    """Returns SQL of what is counted of a pair of columns."""
    forms = common_forms(before.type, after.type)
    assert forms is not None, "they compare"
    mine, theirs = forms.before(f"f.c{before.id}"), forms.after(f"t.c{after.id}")
    equal, valued = f"{mine} IS NOT DISTINCT FROM {theirs}", f"t.c{after.id} IS NOT NULL"
    return [
        f"coalesce(count_if({equal}), 0)",
        f"coalesce(count_if({equal} AND {valued}), 0)",
        f"coalesce(count_if(f.c{before.id} IS NOT NULL OR {valued}), 0)",
        f"count(DISTINCT CASE WHEN {equal} THEN {theirs} END)",
    ]
