"""Diffs of an open catalog: refs and tables resolved, planned, and run on an engine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from catalog.diff.column_matching import ids_contradict, match_columns, shared_files_say_the_same
from catalog.diff.execute import Reading, compare_table, stat_table, unchanged_table
from catalog.diff.explain import Step, explain
from catalog.diff.fingerprints.loading import Loaded, load_prints
from catalog.diff.plan import DiffOptions, SideName, TablePlan, plan_table
from catalog.diff.result import Diff, End, TableDiff
from catalog.engine.failures import engine_errors
from catalog.engine.resources import default_memory_limit
from catalog.engine.workspace import Workspace
from catalog.errors import InvalidInput
from catalog.formats.parquet import column_sizes
from catalog.model.change import FileChanges
from catalog.model.datafile import DataFile
from catalog.model.ref_expressions import split_range
from catalog.model.texts import listed
from catalog.operations.tables import find_table, unknown_table
from catalog.repository import datafiles
from catalog.repository.commits import StoredTable
from catalog.repository.history import fork
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.repository.resolve import ResolvedRef
from catalog.repository.tables import data_files, file_changes

if TYPE_CHECKING:
    from catalog.reader import CatalogReader

Level = Literal["stat", "cells", "rows"]
Method = Literal["auto", "join"]
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class PlannedTable:
    """Holds a table's plan, and the two stored tables that it compares."""

    plan: TablePlan
    before: StoredTable | None
    after: StoredTable | None


def compare_refs(
    owner: "CatalogReader",
    from_ref: str,
    to_ref: str,
    *,
    tables: Sequence[str] | None,
    key: Sequence[str] | None,
    columns: Sequence[str] | None,
    tolerance: Mapping[str, str] | None,
    level: Level,
    method: Method,
    check_keys: bool,
    full_stats: bool,
    threads: int | None,
    memory_limit_bytes: int | None,
    progress: Progress | None,
) -> Diff:
    """Tells what changed between two refs; see ``Catalog.diff``."""
    if method not in ("auto", "join"):
        raise InvalidInput(f"unknown method {method!r} of a diff", hint="auto or join")
    if level not in ("stat", "cells", "rows"):
        raise InvalidInput(f"unknown level {level!r} of a diff", hint="stat, cells or rows")
    before, after = resolve_ends(owner, from_ref, to_ref)
    options = DiffOptions(
        key=None if key is None else listed(key, "key"),
        columns=None if columns is None else listed(columns, "columns"),
        tolerance=dict(tolerance or {}),
        check_keys=check_keys,
        full_stats=full_stats,
    )
    comparison = _Comparison(owner, before, after, options)
    planned = comparison.plan(tables if tables is None else listed(tables, "tables"))
    limits = Limits(threads, memory_limit_bytes, fingerprints=method == "auto")
    return comparison.run(planned, level, limits, progress)


def explain_refs(
    owner: "CatalogReader",
    from_ref: str,
    to_ref: str,
    *,
    tables: Sequence[str] | None,
    key: Sequence[str] | None,
    columns: Sequence[str] | None,
) -> dict[str, list[Step]]:
    """Tells how a diff would go; see ``Catalog.explain_diff``."""
    before, after = resolve_ends(owner, from_ref, to_ref)
    options = DiffOptions(
        key=None if key is None else listed(key, "key"),
        columns=None if columns is None else listed(columns, "columns"),
    )
    repository = owner.repository
    found = {}
    wanted = tables if tables is None else listed(tables, "tables")
    for one in _Comparison(owner, before, after, options).plan(wanted):
        prints = load_prints(repository, one.plan, None, only_kept=True).prints

        def sizes(side: SideName, file: DataFile, plan: TablePlan = one.plan) -> dict[int, int]:
            schema = plan.side(side).file_schemas[file.file_schema]
            return column_sizes(datafiles.readable(repository.store, file), schema)

        found[one.plan.table] = explain(one.plan, prints, sizes)
    return found


def resolve_ends(owner: "CatalogReader", from_ref: str, to_ref: str) -> tuple[End, End]:
    """Returns both ends of a diff; a range in ``from_ref`` names both."""
    found = split_range(from_ref)
    if found is not None:
        left, right, from_base = found
        from_ref, to_ref = left or DEFAULT_BRANCH, right or DEFAULT_BRANCH
        if from_base:
            from_ref = owner.merge_base(from_ref, to_ref)
    return (
        End(from_ref, owner.resolve(from_ref).commit_id),
        End(to_ref, owner.resolve(to_ref).commit_id),
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits what a comparison takes, and what it trusts.

    Attributes:
        threads: Threads; None means all.
        memory_limit_bytes: Memory; None means a quarter of the machine's.
        fingerprints: Whether fingerprints choose the paths; else all files are joined.
    """

    threads: int | None = None
    memory_limit_bytes: int | None = None
    fingerprints: bool = True

    @property
    def memory_bytes(self) -> int:
        """Returns the memory that may be taken."""
        known = self.memory_limit_bytes
        return default_memory_limit() if known is None else known


class _Comparison:
    """Plans and runs the diff of two commits."""

    def __init__(
        self, owner: "CatalogReader", before: End, after: End, options: DiffOptions
    ) -> None:
        self._repository = owner.repository
        self._before = before
        self._after = after
        self._options = options

    def plan(self, tables: Sequence[str] | None) -> list[PlannedTable]:
        """Plans the tables that were asked for, or all that changed."""
        if tables is not None:
            named = {name.casefold(): name for name in tables}
            return [self._planned(name) for name in named.values()]
        commits = self._repository.commits
        before = commits.entries(self._before.commit_id)
        after = commits.entries(self._after.commit_id)
        changed = {
            name.casefold(): name
            for name in sorted(before.keys() | after.keys())
            if name not in before
            or name not in after
            or before[name].entry.snapshot != after[name].entry.snapshot
        }
        return [self._planned(name) for name in changed.values()]

    def _planned(self, name: str) -> PlannedTable:
        before, after = (
            find_table(self._repository, name, ResolvedRef(end.ref, end.commit_id))
            for end in (self._before, self._after)
        )
        found = after or before
        if found is None:
            commits = self._repository.commits
            names = {
                known
                for end in (self._before, self._after)
                for known in commits.entries(end.commit_id)
            }
            where = f"{self._before.ref} or {self._after.ref}"
            raise unknown_table(name, where, names)
        shared_ids = self._shared_ids(before, after)
        plan = plan_table(
            found.name,
            None if before is None else before.snapshot,
            None if after is None else after.snapshot,
            self._changes(before, after, shared_ids),
            self._options,
            shared_ids=shared_ids,
        )
        return PlannedTable(plan, before, after)

    def _changes(
        self, before: StoredTable | None, after: StoredTable | None, shared_ids: int | None
    ) -> FileChanges:
        commits = self._repository.commits
        if before is not None and after is not None:
            old, new = before.snapshot, after.snapshot
            if not shared_files_say_the_same(old, new, match_columns(old, new, shared_ids)):
                removed, added = (tuple(data_files(commits, one)) for one in (before, after))
                return FileChanges(removed, added, files_kept=0, partitions_kept=0)
        return file_changes(
            commits,
            before,
            after,
            old_commit=self._before.commit_id,
            new_commit=self._after.commit_id,
        )

    def _shared_ids(self, before: StoredTable | None, after: StoredTable | None) -> int | None:
        """Returns up to which field id the two sides mean the same columns; None is all.

        Branches give the columns that they add the same ids: those since they parted say nothing.
        """
        if before is None or after is None or not ids_contradict(before.snapshot, after.snapshot):
            return None
        read = self._repository.commits.read
        parted = fork(read, self._before.commit_id, self._after.commit_id)
        if parted in (self._before.commit_id, self._after.commit_id):
            return None
        if parted is None:
            return 0
        old = find_table(self._repository, after.name, ResolvedRef(parted, parted))
        if old is None or old.snapshot.table_id != after.snapshot.table_id:
            return 0
        return old.snapshot.last_field_id

    def run(
        self,
        planned: Sequence[PlannedTable],
        level: Level,
        limits: Limits,
        progress: Progress | None,
    ) -> Diff:
        """Runs plans at a level."""
        if level == "stat":
            return self._result([stat_table(one.plan) for one in planned], None)
        work = None
        results: list[TableDiff] = []
        total = sum(max(len(one.plan.tasks), 1) for one in planned)
        done = rows_done = 0
        try:
            for number, one in enumerate(planned):
                if not self._needs_reading(one.plan):
                    results.append(unchanged_table(one.plan))
                    done += 1
                    continue
                work = work or Workspace(
                    store=self._repository.store,
                    threads=limits.threads,
                    memory_limit_bytes=limits.memory_bytes,
                )
                self._verify(one)

                def told(rows: int) -> None:
                    nonlocal done, rows_done
                    done, rows_done = done + 1, rows_done + rows
                    if progress is not None:
                        progress(done, total, rows_done)

                with engine_errors():
                    compared = compare_table(
                        self._reading(work, one, limits),
                        self._options,
                        name=f"remainder_{number}",
                        keep_rows=level == "rows",
                        progress=told,
                    )
                results.append(compared)
        except BaseException:
            if work is not None:
                work.close()
            raise
        if work is not None and level != "rows":
            work.close()
            work = None
        return self._result(results, work)

    def _needs_reading(self, plan: TablePlan) -> bool:
        return bool(plan.tasks) or (
            plan.before is not None
            and plan.after is not None
            and (self._options.check_keys or self._options.full_stats)
        )

    def _result(self, tables: Sequence[TableDiff], work: Workspace | None) -> Diff:
        return Diff(
            self._before,
            self._after,
            tables,
            lookup=self._unlisted,
            close=work.close if work is not None else lambda: None,
        )

    def _unlisted(self, table: str) -> TableDiff:
        return unchanged_table(self._planned(table).plan)

    def _reading(self, work: Workspace, one: PlannedTable, limits: Limits) -> Reading:
        store, commits = self._repository.store, self._repository.commits

        def all_files(side: SideName) -> Sequence[DataFile]:
            stored = one.before if side == "f" else one.after
            files = [] if stored is None else list(data_files(commits, stored))
            self._verify_files(one.plan.table, side, files)
            return files

        loaded = Loaded({}, {})
        if limits.fingerprints:
            loaded = load_prints(self._repository, one.plan, limits.threads)
        return Reading(
            work.con,
            one.plan,
            lambda file: datafiles.place(store, file),
            all_files,
            loaded.prints,
            dict(loaded.read),
            align_bytes=limits.memory_bytes // 2 if limits.fingerprints else 0,
            readable=lambda file: datafiles.readable(store, file),
        )

    def _verify(self, one: PlannedTable) -> None:
        for side in ("f", "t"):
            own: SideName = "f" if side == "f" else "t"
            self._verify_files(one.plan.table, own, one.plan.files(own))

    def _verify_files(self, table: str, side: SideName, files: Sequence[DataFile]) -> None:
        end = self._before if side == "f" else self._after
        what = f"table {table} in commit {end.commit_id[:8]}"
        datafiles.verify(self._repository.store, files, what=what)
