"""What the changed rows of a table have in common, from where they are held."""

from collections.abc import Callable, Sequence

from catalog.diff.cell_counts import Tally
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.findings import Segment
from catalog.diff.segments.column_files import ColumnFiles
from catalog.diff.segments.placed_parts import locate
from catalog.diff.segments.search import Search, changed_groups, groups_of_sides
from catalog.diff.segments.whole_rows import WholeRows


def segments_of(
    reader: TableReader,
    columns: SqlColumns,
    changed_rows: Callable[[], Sequence[Part]],
    *,
    counts: Tally,
) -> tuple[tuple[Segment, ...], int | None]:
    """Returns the segments of changed rows that the engine holds, the strongest first.

    With them comes how many rows that did not change were looked at; None if there are no segments.

    Args:
        reader: Reads the table's files.
        columns: The columns of the table.
        changed_rows: Returns the changed rows.
        counts: What was counted of them.

    Raises:
        CorruptData: A file cannot be read.
    """
    groups = changed_groups(columns.plan, counts)
    if not groups:
        return (), None
    every = counts.updated == sum(file.rows for file in columns.plan.files("t"))
    # if so, there are no others in these files, only those in other partitions
    parts = () if every else changed_rows()
    located = locate(reader.con, columns, parts, groups=groups)
    found: list[Segment] = []
    looked_at = 0
    for side, own in groups_of_sides(groups):
        if own:
            files = ColumnFiles(columns.plan, side, reader.source, held=reader.held)
            whole = WholeRows(reader.con, columns, parts, side=side)
            some, count = Search(
                columns.plan, files, own, counts=counts, elsewhere=reader.elsewhere
            ).run(located.files(side), whole)
            found, looked_at = [*found, *some], max(looked_at, count)
    return tuple(found), (looked_at or None) if found else None
