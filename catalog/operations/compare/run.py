"""Comparisons: both sides read, equal files found, and the rows of the others compared."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass
from catalog.diff.result import Diff
from catalog.diff.view import End
from catalog.errors import ErrorKind, NotFound
from catalog.hints import Blank, Option, hint
from catalog.model.table import TableSnapshot
from catalog.model.texts import path_text
from catalog.operations.compare.comparison import Comparison
from catalog.operations.compare.places import is_table_at, read_place
from catalog.operations.compare.same_bytes import with_shared_content
from catalog.operations.compare.sides import NAME, Side, SidesPlanner, TwoTables, check_matches
from catalog.operations.context import OperationContext
from catalog.operations.diff import end_at
from catalog.operations.diff_planning import DiffPlanner, Planner
from catalog.operations.diff_request import DiffRequest
from catalog.operations.diff_run import run_diff, stat_diff
from catalog.operations.tables import stored_table
from catalog.repository.clock import utc_now
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import local_path
from catalog.repository.repository import CatalogInfo, Repository
from catalog.repository.tables import data_files
from catalog.storage.failures import machine_errors
from catalog.storage.memory import MemoryStore
from catalog.storage.store import RemoteFiles

if TYPE_CHECKING:
    from catalog.diff.explain import Step
    from catalog.engine.workspace import Workspace


SIDE_NAMES = ("old", "new")
"""What rows that were handed over are called, beside their type."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the sides of a comparison come from.

    Attributes:
        find_catalog: Finds the catalog that ``table@ref`` are of, when it is needed.
        external_files: What reads files in buckets; None is the catalog's, or the default.
    """

    find_catalog: Callable[[], OperationContext] | None = None
    external_files: RemoteFiles | None = None


def run_comparison(
    old: object, new: object, request: DiffRequest, sources: Sources, *, query: str | None = None
) -> Comparison:
    """Compares two places, frames or tables; see ``catalog.compare``."""
    with machine_errors(), ExitStack() as stack:
        reading = Reading(sources, stack)
        if query is not None:
            result = stack.enter_context(_compare_query(reading, (old, new), request, query))
        else:
            planner = _planner(reading, (old, new), request)
            planned = [planner.table(NAME)]
            if request.where is not None:
                from catalog.diff.row_condition import check_condition

                check_condition(request.where, planned[0].plan)
            if request.level == "stat":
                result = stat_diff(planner, planned)
            else:
                result = stack.enter_context(run_diff(planner, planned, request))
            if isinstance(planner, SidesPlanner):
                planner.check_places()
            check_matches(planner, planned[0].plan, result.tables[0])
        return Comparison(result, stack.pop_all())


def explain_comparison(
    old: object, new: object, request: DiffRequest, sources: Sources
) -> "tuple[tuple[End, End], list[Step]]":
    """Returns how two places would be compared, and how they were named."""
    from catalog.diff.explain import explain

    with machine_errors(), ExitStack() as stack:
        planner = _planner(Reading(sources, stack), (old, new), request)
        plan = planner.table(NAME).plan
        return (planner.before, planner.after), explain(planner.repository, plan)


def _planner(reading: "Reading", sources: tuple[object, object], request: DiffRequest) -> Planner:
    """Reads both sides, and returns what plans their comparison."""
    before, after = reading.tables(sources)
    repository = reading.repository
    if before is not None and after is not None:
        planner = DiffPlanner(repository, before.end, after.end, request.options)
        return TwoTables(planner, (before.stored, after.stored))
    sides = reading.sides(sources, (before, after))
    shared = with_shared_content(sides, partial(local_path, repository.store))
    return SidesPlanner(repository, shared, request.options)


def _compare_query(
    reading: "Reading", sources: tuple[object, object], request: DiffRequest, query: str
) -> Diff:
    from catalog.operations.compare.queries import open_side
    from catalog.operations.diff_query import compare_results

    sides = reading.sides(sources, reading.tables(sources), in_files=True)
    before, after = (partial(open_side, reading.repository, side) for side in sides)
    ends = sides[0].end, sides[1].end
    return compare_results(query, ends, (before, after), request, store=reading.repository.store)


@dataclass(frozen=True, slots=True)
class StoredSide:
    """A table of a catalog, as it was named."""

    end: End
    stored: StoredTable

    def side(self, repository: Repository) -> Side:
        """Returns it as a side that is compared with something else."""
        files = tuple(data_files(repository.commits, self.stored))
        return Side(self.end, self.stored.snapshot, files)


class Reading:
    """Reads the sides of a comparison; the ``stack`` closes what that takes."""

    def __init__(self, sources: Sources, stack: ExitStack) -> None:
        self._sources = sources
        self._stack = stack
        self._catalog: OperationContext | None = None
        self._work: Workspace | None = None

    @cached_property
    def repository(self) -> Repository:
        """Where files are read: over the catalog if a side is of one. What is written is lost."""
        if self._catalog is not None:
            over = self._catalog.repository.store
            return self._catalog.over(MemoryStore(over, self._sources.external_files)).repository
        store = MemoryStore(None, self._sources.external_files)
        return Repository(store, CatalogInfo("", utc_now()))

    def tables(self, sources: tuple[object, object]) -> tuple[StoredSide | None, StoredSide | None]:
        """Returns the tables of the catalog among the sides."""
        return self._table(sources[0]), self._table(sources[1])

    def _table(self, source: object) -> StoredSide | None:
        """Returns a table of the catalog, None if something else is named.

        Raises:
            NotFound: There is no such table, or no catalog.
        """
        if not isinstance(source, str) or not is_table_at(source):
            return None
        if self._catalog is None:
            self._catalog = self._found(source)
        name, _, ref = source.partition("@")
        resolved = self._catalog.resolve(f"main@{ref}" if ref.startswith("{") else ref)
        stored = stored_table(self._catalog.repository, name, resolved)
        return StoredSide(end_at(self._catalog, source, resolved.commit_id), stored)

    def _found(self, source: str) -> OperationContext:
        """Returns the catalog that a table is of."""
        find = self._sources.find_catalog
        what = f"{source} is neither a file nor a directory"
        if find is None:
            raise NotFound(
                f"{what}, and no catalog was given",
                kind=ErrorKind.CATALOG_NOT_FOUND,
                hint=hint(
                    "check the path, or give the catalog: {}", Option("catalog", Blank("cat"))
                ),
            )
        try:
            return find()
        except NotFound as error:
            if error.kind != ErrorKind.CATALOG_NOT_FOUND:
                raise
            message = f"{what}, and {error.message}"
            raise NotFound(message, kind=error.kind, hint=error.advice) from error

    def sides(
        self,
        sources: tuple[object, object],
        tables: tuple[StoredSide | None, StoredSide | None],
        *,
        in_files: bool = False,
    ) -> tuple[Side, Side]:
        """Returns both sides: a table of a catalog gives the columns their ids, else the older.

        All rows are ``in_files`` if they must be.
        """
        first = 1 if tables[0] is None and tables[1] is not None else 0
        last = 1 - first
        read = partial(self._side, in_files=in_files)
        one = read(sources[first], tables[first], name=SIDE_NAMES[first])
        other = read(sources[last], tables[last], one.table, name=SIDE_NAMES[last])
        return (one, other) if first == 0 else (other, one)

    def _side(
        self,
        source: object,
        stored: StoredSide | None,
        like: TableSnapshot | None = None,
        *,
        name: str,
        in_files: bool,
    ) -> Side:
        if stored is not None:
            return stored.side(self.repository)
        if isinstance(source, str | os.PathLike):
            place = path_text(source, "the place")
            return read_place(self.repository, place, like, aside=lambda: self._opened().folder)
        from catalog.operations.compare.frames import Frame, read_frame

        return read_frame(
            self.repository,
            self._opened(),
            Frame(source, name, in_file=in_files),
            like,
        )

    def _opened(self) -> "Workspace":
        """Returns the workspace for rows and files that are not where they could be read."""
        from catalog.engine.workspace import Workspace

        if self._work is None:
            self._work = Workspace(store=self.repository.store)
            self._stack.callback(self._work.close)
        return self._work
