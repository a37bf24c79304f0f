"""What changed in the tables of two commits, found out as far as contracts ask for it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction

from catalog.diff.compare.table_reader import TableReader
from catalog.diff.exact_sums import exact_sum
from catalog.diff.execute import compare_rows
from catalog.diff.plan import ColumnPair, SideName, TablePlan
from catalog.diff.view import End
from catalog.engine.checks import Check, checked
from catalog.engine.workspace import Workspace
from catalog.flow.contracts.change import Compared, Offenders
from catalog.flow.contracts.unique_keys import bad_keys
from catalog.model.contracts import Comparison
from catalog.model.datafile import DataFile
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.operations.context import OperationContext
from catalog.operations.diff_planning import DiffPlanner, PlannedTable
from catalog.operations.diff_request import DiffRequest, Method
from catalog.operations.diff_tables import table_reader
from catalog.query.pruning import Pruner
from catalog.repository.commits import StoredTable
from catalog.repository.tables import data_files


class TableChanges:
    """The tables of two commits; closing it gives up what was found out."""

    def __init__(self, context: OperationContext, before: End, after: End) -> None:
        self.repository = context.repository
        self.before = before
        self.after = after
        self.work = Workspace(store=context.repository.store)
        self._tables: dict[tuple[str, Comparison], TableChange] = {}

    def __enter__(self) -> "TableChanges":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.work.close()

    def table(self, name: str, compare: Comparison = "digests") -> "TableChange":
        """Returns what changed in a table, compared by digests or by values."""
        known = self._tables.get((name, compare))
        if known is None:
            known = self._tables[name, compare] = TableChange(self, name, compare)
        return known


class TableChange:
    """What changed in a table; see ``flow.contracts.change.TableChange``."""

    def __init__(self, changes: TableChanges, name: str, compare: Comparison) -> None:
        self._changes = changes
        self._compare = compare
        self._planned = self._plan(name, {})
        self._reader: TableReader | None = None
        self._compared: dict[tuple[tuple[str, str], ...], Compared] = {}
        self._sums: dict[int, Fraction] = {}

    def _plan(self, name: str, tolerance: Mapping[str, str]) -> PlannedTable:
        return self._planner(tolerance).table(name)

    def _request(self, tolerance: Mapping[str, str]) -> DiffRequest:
        method: Method = "join" if self._compare == "values" else "auto"
        return DiffRequest(
            from_ref="", tolerance=dict(tolerance) or None, level="rows", method=method
        )

    def _planner(self, tolerance: Mapping[str, str]) -> DiffPlanner:
        changes, request = self._changes, self._request(tolerance)
        return DiffPlanner(changes.repository, changes.before, changes.after, request.options)

    @property
    def table(self) -> str:
        """Returns the table's name."""
        return self.plan.table

    @property
    def before(self) -> TableSnapshot | None:
        """Returns the table before; None if there was none."""
        return self.plan.before

    @property
    def after(self) -> TableSnapshot | None:
        """Returns the table after; None if there is none."""
        return self.plan.after

    @property
    def plan(self) -> TablePlan:
        """Returns how its rows are compared, without tolerances."""
        return self._planned.plan

    def compared(self, tolerance: Mapping[str, str]) -> Compared:
        """Compares its rows; again only if other tolerances are asked for."""
        asked = tuple(sorted(tolerance.items()))
        known = self._compared.get(asked)
        if known is None:
            planner, request = self._planner(tolerance), self._request(tolerance)
            planned = planner.table(self.table) if tolerance else self._planned
            name = self._changes.work.name("judged")
            reader = table_reader(planner, planned, request=request, work=self._changes.work)
            with checked(reader.checks):
                counts, held = compare_rows(reader, planner.options, name=name)
            known = Compared(planned.plan, counts, held)
            self._compared[asked] = known
            self._reader = reader
        return known

    def sum_before(self, pair: ColumnPair) -> Fraction:
        """Returns the sum of the finite values of a column before, exactly."""
        field = pair.before
        if field.id not in self._sums:
            files, reader = self._files("f"), self._opened()
            with self._watching("f", files):
                relation = reader.relation("f", files, [field.id])
                query = f"SELECT c{field.id} AS value FROM {relation}"
                self._sums[field.id] = exact_sum(reader.con, query, field.type)
        return self._sums[field.id]

    def bad_keys(self, compared: Compared, fields: Sequence[Field]) -> tuple[Offenders, Offenders]:
        """Returns rows that came with NULL in some columns, and those that share their values."""
        checks: list[Check] = []

        def files(pruner: Pruner) -> Sequence[DataFile]:
            found = self._files("t", pruner)
            watch = self._planner({}).verify(self._planned, "t", found)
            checks.append(watch.check)
            return found

        name = self._changes.work.name("keys")
        with checked(checks):
            return bad_keys(compared.held, fields, reader=self._opened(), files=files, name=name)

    def unmet(self, compared: Compared, where: str) -> Offenders:
        """Returns changed rows that do not meet a condition, before or after."""
        from catalog.flow.contracts.where import unmet  # loads what analyses SQL

        return unmet(compared, where, table=self.table, limits=self._changes.repository.limits)

    def _files(self, side: SideName, pruner: Pruner | None = None) -> list[DataFile]:
        stored: StoredTable | None = self._planned.stored(side)
        if stored is None:
            return []
        commits = self._changes.repository.commits
        if pruner is None:
            return list(data_files(commits, stored, fields=()))
        listed: Iterable[DataFile] = data_files(
            commits,
            stored,
            wanted=lambda node: pruner.wants_ranges(node.ranges),
            fields=pruner.fields,
        )
        return [file for file in listed if pruner.wants_file(file)]

    def _watching(self, side: SideName, files: Sequence[DataFile]) -> AbstractContextManager[None]:
        watch = self._planner({}).verify(self._planned, side, files)
        return checked([watch.check] if watch.found else [])

    def _opened(self) -> TableReader:
        assert self._reader is not None, "rows are compared first"
        return self._reader
