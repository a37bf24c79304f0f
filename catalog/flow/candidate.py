"""The tables of a commit to come: those of its parent, and what has changed in them so far."""

from collections.abc import Iterable, Iterator, Sequence

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile
from catalog.model.derived import ComputedInput, is_derived
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits
from catalog.repository.repository import Repository
from catalog.repository.table_entries import PlacedEntry
from catalog.write.working_table import WorkingTable


@dataclass(frozen=True, slots=True)
class CandidateTable:
    """A table of a commit to come.

    Attributes:
        name: The table, as it is spelled.
        id: The id of its table snapshot.
        snapshot: The snapshot, complete.
        working: The same as what was committed and what has changed since.
    """

    name: str
    id: str
    snapshot: TableSnapshot
    working: WorkingTable

    def files(self, commits: Commits) -> Iterator[DataFile]:
        """Yields its data files."""
        return self.working.files(commits)


class Candidate:
    """The tables of a commit to come, which nobody else can see yet.

    Attributes:
        base_id: The commit that the updates are relative to.
        known_in: Commits that tables may be known from, that one first.
    """

    def __init__(
        self,
        repository: Repository,
        base_id: str,
        updates: Iterable[TableUpdate] = (),
        *,
        also: Sequence[str] = (),
    ) -> None:
        """Begins with what a commit has, changed by updates.

        Args:
            repository: The stored objects.
            base_id: The commit.
            updates: What has changed relative to it.
            also: Other commits that tables may be known from, such as the other side of a merge.
        """
        self.base_id = base_id
        self._repository = repository
        self.known_in = tuple(dict.fromkeys((base_id, *also)))
        self._updates = {update.name: update for update in updates}
        self._tables: dict[str, CandidateTable] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self._repository, self.base_id, self.updates(), self.known_in)

    @property
    def commits(self) -> Commits:
        """What reads committed tables."""
        return self._repository.commits

    def names(self) -> list[str]:
        """Returns the names of the tables in order."""
        known = set(self.commits.entries(self.base_id))
        for name, update in self._updates.items():
            (known.discard if update.snapshot is None else known.add)(name)
        return sorted(known)

    def derived(self) -> list[str]:
        """Returns the names of the derived tables in order."""
        found = set(self.commits.derived(self.base_id)) - self._updates.keys()
        for name, update in self._updates.items():
            if update.snapshot is not None and is_derived(update.snapshot.properties):
                found.add(name)
        return sorted(found)

    def spelled(self, name: str) -> str | None:
        """Returns a table's name as it is spelled, found without regard to case; None if none."""
        update = self._updates.get(name)
        if update is not None and update.snapshot is not None:
            return name
        folded = name.casefold()
        come = (n for n, one in self._updates.items() if one.snapshot is not None)
        found = next((one for one in sorted(come) if one.casefold() == folded), None)
        there = None if found else self.commits.entry(self.base_id, name)
        if there is not None and there.name not in self._updates:
            return there.name
        return found

    def table(self, name: str) -> CandidateTable | None:
        """Returns a table by the name that it is spelled with, None if there is none."""
        found = self._tables.get(name)
        if found is None:
            found = self._read(name)
            if found is not None:
                self._tables[name] = found
        return found

    def _read(self, name: str) -> CandidateTable | None:
        update = self._updates.get(name)
        if update is not None:
            if update.snapshot is None:
                return None
            table_id, complete = self._repository.writer().table_to_come(update)
            return CandidateTable(name, table_id, complete, _working(update))
        entry = self._entry(name)
        if entry is None:
            return None
        stored = self.commits.table(entry)
        working = WorkingTable(name, stored, stored.snapshot)
        return CandidateTable(name, stored.id, stored.snapshot, working)

    def working(self, name: str) -> WorkingTable:
        """Returns a table as one can change it; without a snapshot if it does not exist."""
        found = self.table(name)
        if found is not None:
            return found.working
        entry = self._entry(name)
        return WorkingTable(name, None if entry is None else self.commits.table(entry), None)

    def _entry(self, name: str) -> PlacedEntry | None:
        return self.commits.entries(self.base_id).get(name)

    def put(self, update: TableUpdate) -> None:
        """Takes over what a table is to be."""
        self._updates[update.name] = update
        self._tables.pop(update.name, None)

    def is_updated(self, name: str) -> bool:
        """Returns whether a table has changed relative to the base."""
        return name in self._updates

    def restore(self, name: str) -> None:
        """Takes a table back to what the base has."""
        self._updates.pop(name, None)
        self._tables.pop(name, None)

    def updates(self) -> list[TableUpdate]:
        """Returns what has changed relative to the base."""
        return list(self._updates.values())

    def as_input(self, table: CandidateTable) -> ComputedInput:
        """Returns how a derived table records that it was computed from a table."""
        commit = next((c for c in self.known_in if self._holds(c, table)), None)
        return ComputedInput(table.id, table.snapshot.rows_id, commit)

    def _holds(self, commit_id: str, table: CandidateTable) -> bool:
        entry = self.commits.entries(commit_id).get(table.name)
        return entry is not None and entry.entry.snapshot == table.id


def _again(
    repository: Repository, base_id: str, updates: Sequence[TableUpdate], also: Sequence[str]
) -> Candidate:
    """Returns the candidate of a pickle."""
    return Candidate(repository, base_id, updates, also=also)


def _working(update: TableUpdate) -> WorkingTable:
    return WorkingTable(
        update.name,
        update.base,
        update.snapshot,
        removed={file.path: file for file in update.removed},
        added={file.path: file for file in update.added},
        moved=update.moved,
    )
