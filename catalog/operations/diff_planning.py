"""Planning the diff of two commits: which tables, which files, which columns mean the same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from catalog.dataclasses import dataclass
from catalog.diff.column_matching import ids_contradict, match_columns
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SideName, TablePlan, plan_table
from catalog.diff.view import End
from catalog.engine.verification import verified
from catalog.model.datafile import DataFile, FileChanges
from catalog.operations.tables import find_table, unknown_table
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import Watch
from catalog.repository.history import first_parents, fork
from catalog.repository.repository import Repository
from catalog.repository.resolve import ResolvedRef
from catalog.repository.table_entries import PlacedEntry
from catalog.repository.tables import data_files, file_changes

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class PlannedTable:
    """A table's plan, and the two stored tables that it compares."""

    plan: TablePlan
    before: StoredTable | None
    after: StoredTable | None

    def stored(self, side: SideName) -> StoredTable | None:
        """Returns the table of a side; None if it is missing there."""
        return self.before if side == "f" else self.after


@dataclass(frozen=True, slots=True)
class StoredPair:
    """Both sides of a table; None where it is missing."""

    name: str
    before: StoredTable | None
    after: StoredTable | None


class Planner(Protocol):
    """What a diff is run from: the plans of its tables, and what reads their files."""

    @property
    def repository(self) -> Repository:
        """Returns where the files are read, and what is known of them."""

    @property
    def before(self) -> End:
        """Returns the older end."""

    @property
    def after(self) -> End:
        """Returns the newer end."""

    @property
    def options(self) -> DiffOptions:
        """Returns how tables are compared."""

    @property
    def held(self) -> "Mapping[str, pa.Table]":
        """Returns the rows of files that are in memory instead; see ``TableReader``."""

    def table(self, name: str) -> PlannedTable:
        """Plans one table.

        Raises:
            NotFound: Neither end has it.
        """

    def all_files(
        self, planned: PlannedTable, side: SideName, *, statistics: bool = True
    ) -> Sequence[DataFile]:
        """Returns all files of a side of a table, those that do not differ too.

        Without ``statistics`` of their columns they are read more quickly.
        """

    def verify(self, planned: PlannedTable, side: SideName, files: Sequence[DataFile]) -> Watch:
        """Checks that data files are still what was committed; they may not all be read.

        Returns:
            What checks them again once they were read.

        Raises:
            CorruptData: One is not.
        """


@dataclass(frozen=True, slots=True)
class DiffPlanner:
    """Plans the diffs of the tables of two commits; see ``Planner``."""

    repository: Repository
    before: End
    after: End
    options: DiffOptions

    @property
    def held(self) -> "Mapping[str, pa.Table]":
        """Returns nothing: all rows are in files."""
        return {}

    def changed(self) -> tuple[list[str], list[str]]:
        """Returns the names of all tables that changed, and of those that did not."""
        commits = self.repository.commits
        ends = self.before.commit_id, self.after.commit_id
        changed = [
            name
            for name, (was, now) in commits.changed_entries(*ends).items()
            if was is None or now is None or was.entry.snapshot != now.entry.snapshot
        ]
        return changed, sorted(commits.entries(ends[1]).keys() - {*changed})

    def table(self, name: str) -> PlannedTable:
        """Plans one table.

        Raises:
            NotFound: Neither commit has it.
        """
        stored = self.stored(name)
        return self.pair(stored.name, stored.before, stored.after)

    def stored(self, name: str) -> StoredPair:
        """Returns both sides of a table.

        Raises:
            NotFound: Neither commit has it.
        """
        before, after = (
            find_table(self.repository, name, ResolvedRef(end.ref, end.commit_id))
            for end in (self.before, self.after)
        )
        stored = after or before
        if stored is None:
            entries = self.repository.commits.entries
            names = {n for end in (self.before, self.after) for n in entries(end.commit_id)}
            raise unknown_table(name, f"{self.before.ref} or {self.after.ref}", names)
        return StoredPair(stored.name, before, after)

    def pair(
        self,
        name: str,
        before: StoredTable | None,
        after: StoredTable | None,
        *,
        options: DiffOptions | None = None,
    ) -> PlannedTable:
        """Plans two tables as if they were one of that name; one may be None.

        ``options`` are those of this table; None means those of the planner.
        """
        shared = self.shared_ids(before, after)
        plan = plan_table(
            name,
            None if before is None else before.snapshot,
            None if after is None else after.snapshot,
            changes=self._changes(before, after, shared),
            options=options or self.options,
            shared_ids=shared,
        )
        return PlannedTable(plan, before, after)

    def shared_ids(self, before: StoredTable | None, after: StoredTable | None) -> int | None:
        """Returns the greatest field id that means the same column on both sides."""
        ends = self.before.commit_id, self.after.commit_id
        return shared_ids(self.repository, before, after, ends=ends)

    def _changes(
        self, before: StoredTable | None, after: StoredTable | None, shared: int | None
    ) -> FileChanges:
        commits = self.repository.commits
        if before is not None and after is not None:
            old, new = before.snapshot, after.snapshot
            if not match_columns(old, new, shared).shared_files_agree:
                removed, added = (tuple(data_files(commits, one)) for one in (before, after))
                return FileChanges(removed, added, files_kept=0, partitions_kept=0)
        return file_changes(
            commits,
            before,
            after,
            old_commit=self.before.commit_id,
            new_commit=self.after.commit_id,
        )

    def all_files(
        self, planned: PlannedTable, side: SideName, *, statistics: bool = True
    ) -> Sequence[DataFile]:
        """Returns all files of a side of a table; see ``Planner``."""
        stored, fields = planned.stored(side), None if statistics else ()
        if stored is None:
            return ()
        return tuple(data_files(self.repository.commits, stored, fields=fields))

    def verify(self, planned: PlannedTable, side: SideName, files: Sequence[DataFile]) -> Watch:
        """Checks that data files are still what was committed; see ``Planner``."""
        end = self.before if side == "f" else self.after
        what = f"table {planned.plan.table} in commit {end.commit_id[:8]}"
        return verified(self.repository, files, what=what, all_needed=False)


def shared_ids(
    repository: Repository,
    before: StoredTable | None,
    after: StoredTable | None,
    *,
    ends: tuple[str, str],
) -> int | None:
    """Returns the greatest field id that means the same column on both sides; None if all do.

    Branches give the columns they add the same ids, so ids given since they parted prove nothing:
    since the last snapshot of the table that both lines of first parents have. ``ends`` are the
    commits of both sides.
    """
    if before is None or after is None or not ids_contradict(before.snapshot, after.snapshot):
        return None
    if fork(repository.commits.read, *ends) in ends:
        return None
    known = {entry.entry.snapshot for entry in _first_line(repository, after.name, ends[0])}
    for entry in _first_line(repository, after.name, ends[1]):
        if entry.entry.snapshot in known:
            old = repository.commits.table(entry).snapshot
            return old.last_field_id if old.table_id == after.snapshot.table_id else 0
    return 0


def _first_line(repository: Repository, name: str, commit_id: str) -> Iterator[PlacedEntry]:
    """Yields the entries of a table along first parents, as long as they have it."""
    for logged in first_parents(repository.commits.read, commit_id):
        entry = repository.commits.entry(logged.id, name)
        if entry is None:
            return
        yield entry
