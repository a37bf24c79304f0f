"""What the changed rows of a table have in common, of small files."""

from collections.abc import Callable

from catalog.diff.cell_counts import Tally
from catalog.diff.compare.elsewhere import Elsewhere
from catalog.diff.findings import Segment
from catalog.diff.plan import TablePlan
from catalog.diff.segments.changed_rows import Located
from catalog.diff.segments.column_files import ColumnFiles
from catalog.diff.segments.search import Search, changed_groups, groups_of_sides
from catalog.formats.footer import ParquetSource
from catalog.model.datafile import DataFile


def segments_of_small(
    plan: TablePlan,
    source: Callable[[DataFile], ParquetSource],
    located: Located,
    *,
    counts: Tally,
    elsewhere: Elsewhere,
) -> tuple[tuple[Segment, ...], int | None]:
    """Returns the segments of changed rows of small files, without the engine; see ``segments_of``.

    Args:
        plan: Says how the table is compared.
        source: Opens a file.
        located: The changed rows.
        counts: What was counted of them.
        elsewhere: The files that do not differ.

    Raises:
        CorruptData: A file cannot be read.
    """
    groups = changed_groups(plan, counts)
    found: list[Segment] = []
    looked_at = 0
    for side, own in groups_of_sides(groups):
        if own:
            search = Search(
                plan, ColumnFiles(plan, side, source), own, counts=counts, elsewhere=elsewhere
            )
            some, count = search.run(located.files(side))
            found, looked_at = [*found, *some], max(looked_at, count)
    return tuple(found), (looked_at or None) if found else None
