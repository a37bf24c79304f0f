"""The files of a compared table that both sides have."""

from collections.abc import Sequence
from functools import cache

from catalog.diff.compare.elsewhere import NO_FILES, Elsewhere
from catalog.diff.plan import SideName
from catalog.errors import CatalogError
from catalog.model.datafile import DataFile
from catalog.operations.diff_planning import PlannedTable, Planner

PLACED_FILES = 10_000
"""Files of a table up to which all its partitions are listed, from metadata: some 30 ms."""


def files_elsewhere(planner: Planner, planned: PlannedTable) -> Elsewhere:
    """Returns the files that both sides of a table have, listed once they are asked for."""
    plan = planned.plan
    if planner.held:
        return NO_FILES

    @cache
    def files(side: SideName) -> Sequence[DataFile]:
        shape = plan.snapshot(side)
        if shape is None or shape.files > PLACED_FILES:
            return ()
        own = {(file.identity, file.path) for file in plan.files(side)}
        every = planner.all_files(planned, side, statistics=False)
        return tuple(file for file in every if (file.identity, file.path) not in own)

    def is_as_committed(side: SideName, file: DataFile) -> bool:
        try:
            planner.verify(planned, side, (file,))
        except CatalogError:
            return False
        return True

    return Elsewhere(files, is_as_committed)
