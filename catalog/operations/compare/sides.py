"""The two sides of a comparison, and planning it: columns pair up by name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa

from catalog.dataclasses import dataclass, replace
from catalog.diff.forms import common_forms
from catalog.diff.options import DiffOptions
from catalog.diff.plan import ColumnPair, SideName, TablePlan, near, plan_table
from catalog.diff.result import TableDiff
from catalog.diff.view import End
from catalog.engine.verification import verified
from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar, TypeClass
from catalog.operations.diff_planning import DiffPlanner, PlannedTable, Planner
from catalog.operations.tables import unknown_table
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import Watch
from catalog.repository.repository import Repository
from catalog.storage.external_files import is_remote

NAME = "data"
"""What the rows of each side are called where a table's name would stand."""

LAYOUT = ("key_changed", "partitioning_changed", "definition_changed")
"""Changes of a schema that say nothing about rows: a directory has no key, and its partitions are
how it is stored. So is the type of a partition column: the texts of paths have none."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        end: How it was named.
        table: Its columns and totals.
        files: Its data files.
        warnings: What the user should know about it.
        held: Its rows, if they are in memory, its only file then being none; see ``TableReader``.
    """

    end: End
    table: TableSnapshot
    files: tuple[DataFile, ...]
    warnings: tuple[str, ...] = ()
    held: pa.Table | None = None

    @property
    def is_table(self) -> bool:
        """Returns whether it is a table of a catalog."""
        return bool(self.end.commit_id)


@dataclass(frozen=True, slots=True)
class SidesPlanner:
    """Plans the comparison of two sides, as ``DiffPlanner`` does for tables of two commits."""

    repository: Repository
    sides: tuple[Side, Side]
    options: DiffOptions

    @property
    def before(self) -> End:
        """Returns how the older side was named."""
        return self.sides[0].end

    @property
    def after(self) -> End:
        """Returns how the newer side was named."""
        return self.sides[1].end

    @property
    def held(self) -> Mapping[str, pa.Table]:
        """Returns the rows that are in memory, by the path of what would be their file."""
        return {side.files[0].path: side.held for side in self.sides if side.held is not None}

    def table(self, name: str) -> PlannedTable:
        """Plans the comparison; there is one table only.

        Raises:
            NotFound: It is asked for by another name.
            InvalidInput: The sides have no column in common, or not those of the options.
        """
        _check_name(name, self.before, self.after)
        old, new = self.sides
        _check_columns(old, new, self.options)
        _check_key_types(old, new, self.options.key or ())
        plan = plan_table(
            NAME,
            old.table,
            new.table,
            changes=FileChanges(old.files, new.files, files_kept=0, partitions_kept=0),
            options=self.options,
        )
        if not plan.pairs:
            raise _nothing_common(old, new, plan)
        return PlannedTable(self._of_rows(plan), None, None)

    def _of_rows(self, plan: TablePlan) -> TablePlan:
        """Returns a plan without what tells of the layout of files only, and with warnings."""
        from_paths = {
            field.name
            for side in self.sides
            if not side.is_table
            for field in side.table.fields(side.table.partition_by)
        }
        changes = tuple(
            one
            for one in plan.schema_changes
            if one.change not in LAYOUT
            and not (one.change == "type_changed" and one.column in from_paths)
        )
        return replace(
            plan,
            status="modified" if plan.tasks or changes else "unchanged",
            schema_changes=changes,
            warnings=(
                *self.sides[0].warnings,
                *self.sides[1].warnings,
                *plan.warnings,
                *(
                    f"key column {pair.name!r} is {pair.before.type} in {self.before.ref} and "
                    f"{pair.after.type} in {self.after.ref}: keys are compared as text"
                    for pair in unlike_keys(plan)
                ),
            ),
        )

    def check_places(self) -> None:
        """Checks that no local file of a place changed, those that were not read too.

        Raises:
            CorruptData: One did.
        """
        for side in self.sides:
            if not side.is_table:
                local = [file for file in side.files if not is_remote(file.path)]
                verify_side(self.repository, side, local)

    def all_files(
        self, planned: PlannedTable, side: SideName, *, statistics: bool = True
    ) -> Sequence[DataFile]:
        """Returns all files of a side."""
        return self.sides[0 if side == "f" else 1].files

    def verify(self, planned: PlannedTable, side: SideName, files: Sequence[DataFile]) -> Watch:
        """Checks that data files are still what was found; see ``DiffPlanner.verify``."""
        return verify_side(self.repository, self.sides[0 if side == "f" else 1], files)


@dataclass(frozen=True, slots=True)
class TwoTables:
    """Plans the comparison of two tables of a catalog, which may be one at two commits."""

    planner: DiffPlanner
    tables: tuple[StoredTable, StoredTable]

    @property
    def repository(self) -> Repository:
        """Returns where the files are read."""
        return self.planner.repository

    @property
    def before(self) -> End:
        """Returns how the older table was named."""
        return self.planner.before

    @property
    def after(self) -> End:
        """Returns how the newer table was named."""
        return self.planner.after

    @property
    def options(self) -> DiffOptions:
        """Returns how they are compared."""
        return self.planner.options

    @property
    def held(self) -> Mapping[str, pa.Table]:
        """Returns nothing: all rows are in files."""
        return {}

    def table(self, name: str) -> PlannedTable:
        """Plans the comparison; there is one table only.

        Raises:
            NotFound: It is asked for by another name.
            InvalidInput: The tables have no column in common, or not those of the options.
        """
        _check_name(name, self.before, self.after)
        old, new = (
            Side(end, stored.snapshot, ())
            for end, stored in zip((self.before, self.after), self.tables, strict=True)
        )
        _check_columns(old, new, self.options)
        planned = self.planner.pair(NAME, *self.tables)
        if not planned.plan.pairs:
            raise _nothing_common(old, new, planned.plan)
        return planned

    def all_files(
        self, planned: PlannedTable, side: SideName, *, statistics: bool = True
    ) -> Sequence[DataFile]:
        """Returns all files of a side."""
        return self.planner.all_files(planned, side, statistics=statistics)

    def verify(self, planned: PlannedTable, side: SideName, files: Sequence[DataFile]) -> Watch:
        """Checks that data files are still what was committed."""
        return self.planner.verify(planned, side, files)


def _check_name(name: str, before: End, after: End) -> None:
    if name.casefold() != NAME:
        raise unknown_table(name, f"{before.ref} or {after.ref}", [NAME])


def verify_side(repository: Repository, side: Side, files: Sequence[DataFile]) -> Watch:
    """Checks that files of a side are still what was found; they may not all be read.

    Raises:
        CorruptData: One is not.
    """
    if side.held is not None:
        return Watch(side.end.ref)
    try:
        watch = verified(repository, files, what=side.end.ref, all_needed=False)
    except CorruptData as error:
        if side.is_table or error.kind != ErrorKind.FILE_CHANGED:
            raise
        raise changed(side.end.ref) from error
    return watch if side.is_table else PlaceWatch(watch.what, watch.found)


class PlaceWatch(Watch):
    """Local files of a place as they were before they were read."""

    __slots__ = ()

    def check(self) -> None:
        """Checks, after the last row was read, that it is the files of before that were read.

        Raises:
            CorruptData: A file was changed, replaced or removed.
        """
        try:
            Watch.check(self)
        except CorruptData as error:
            raise changed(self.what) from error


def changed(place: str) -> CorruptData:
    """Returns the error for a place that changes while it is compared."""
    return CorruptData(
        f"{place} was changed while it was compared",
        kind=ErrorKind.SOURCE_CHANGED,
        hint="try again once the writer has finished",
    )


def _check_columns(old: Side, new: Side, options: DiffOptions) -> None:
    """Checks that the columns that are named are on both sides."""
    names = [{field.name for field in side.table.schema.fields} for side in (old, new)]
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for name in options.key or ():
        wanted[name].append("key column")
    for name in (*(options.columns or ()), *options.tolerance):
        wanted[name].append("column")
    for name, words in wanted.items():
        missing = [side for side, known in zip((old, new), names, strict=True) if name not in known]
        if not missing:
            continue
        key = words[0] == "key column"
        where = " and ".join(dict.fromkeys(side.end.ref for side in missing))
        have = sorted(names[0] & names[1]) or sorted(names[0] | names[1])
        raise InvalidInput(
            f"{words[0]} {name!r} is missing in {where}",
            kind=ErrorKind.BAD_KEY if key else ErrorKind.COLUMN_NOT_FOUND,
            hint=near(name, have),
        )


def _check_key_types(old: Side, new: Side, key: Sequence[str]) -> None:
    for name in key:
        before, after = (side.table.schema.find(name) for side in (old, new))
        if before is None or after is None:
            continue
        kinds = old.table.held_type(before), new.table.held_type(after)
        if common_forms(*kinds) is None:
            raise InvalidInput(
                f"key column {name!r} is {kinds[0]} in {old.end.ref} and {kinds[1]} in "
                f"{new.end.ref}: such values cannot be compared",
                kind=ErrorKind.BAD_KEY,
                hint="write one of them again with the type of the other, or match by other "
                "columns",
            )


def unlike_keys(plan: TablePlan) -> tuple[ColumnPair, ...]:
    """Returns the key columns that are text on one side and something else on the other.

    Their values are compared as text, so that 7 matches ``7`` but not ``07``.
    """
    return tuple(pair for pair in plan.key_pairs if _is_text(pair.before) != _is_text(pair.after))


def _is_text(field: Field) -> bool:
    kind = field.type
    return isinstance(kind, Scalar) and kind.type_class is TypeClass.TEXT


def check_matches(planner: Planner, plan: TablePlan, diff: TableDiff) -> None:
    """Checks that keys of unlike types match at all.

    Raises:
        InvalidInput: None does.
    """
    rows, unlike = diff.rows, unlike_keys(plan)
    nothing = (rows.inserted, rows.deleted) == (rows.after, rows.before)
    if unlike and nothing and rows.before and rows.after:
        pair = unlike[0]
        raise InvalidInput(
            f"key column {pair.name!r} is {pair.before.type} in {planner.before.ref} and "
            f"{pair.after.type} in {planner.after.ref}, and no key is on both sides",
            kind=ErrorKind.BAD_KEY,
            hint="write one of them again with the type of the other, or match by other columns",
        )


def _nothing_common(old: Side, new: Side, plan: TablePlan) -> InvalidInput:
    if plan.warnings:
        return InvalidInput(
            f"{old.end.ref} and {new.end.ref} have no column that can be compared",
            kind=ErrorKind.SCHEMA_MISMATCH,
            hint=f"{plan.warnings[0]}; write one of them with another type",
        )
    columns = "; ".join(
        f"{side.end.ref} has {', '.join(side.table.schema.names[:10])}" for side in (old, new)
    )
    return InvalidInput(
        f"{old.end.ref} and {new.end.ref} have no column in common",
        kind=ErrorKind.SCHEMA_MISMATCH,
        hint=f"columns pair up by name: {columns}",
    )
