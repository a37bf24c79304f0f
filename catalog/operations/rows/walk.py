"""From a commit to its parents, with the rows of a key: only files that may hold it are opened."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass, field, replace
from catalog.diff.column_matching import ColumnMatch, match_columns
from catalog.errors import CatalogError, CorruptData, NotFound
from catalog.model.datafile import DataFile
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.values import sort_key
from catalog.operations.diff_planning import shared_ids
from catalog.operations.rows.comparison import Pairing, all_new, compared, unchanged
from catalog.operations.rows.found import FoundRow, FoundRows, GoneData, Wanted
from catalog.operations.rows.key import RowKey, comparing_class, has_conditions, key_pruner
from catalog.repository.commits import StoredTable
from catalog.repository.repository import Repository
from catalog.repository.tables import changed_files, data_files

MOST_AHEAD = 64
"""Commits that changed the table whose files are opened at once."""

QUIET_COMMITS = 8
"""Commits that are looked at, at most, for each that changed the table."""


@dataclass(frozen=True, slots=True)
class State:
    """The rows of a key at a commit.

    Attributes:
        commit_id: The commit.
        name: The table's name there, or where it was last if there is none.
        table: The table; None if the commit has none of that name.
        fields: The key's columns in the table; in a newer one, if it has none or lacks some.
        rows: The rows.
        lacks: A key column that the table does not have; empty if it has all.
    """

    commit_id: str
    name: str
    table: StoredTable | None
    fields: tuple[Field, ...]
    rows: tuple[FoundRow, ...] = ()
    lacks: str = ""

    @property
    def node(self) -> tuple[object, ...]:
        """Returns what states have in common that are the same, reached on several ways."""
        return self.commit_id, self.name, tuple(f.id for f in self.fields)

    @property
    def snapshot(self) -> TableSnapshot:
        """Returns the snapshot of the table, which there must be."""
        assert self.table is not None, "rows are of a table"
        return self.table.snapshot


@dataclass(frozen=True, slots=True)
class Step:
    """A parent of a commit, seen from there.

    Attributes:
        state: The rows in the parent.
        pairing: Which of the commit's rows are which of the parent's.
        match: The columns of both; None if one has no table.
    """

    state: State
    pairing: Pairing
    match: ColumnMatch | None = None


@dataclass(frozen=True, slots=True)
class _Link:
    """A table in a commit and in a parent, as far as metadata tell.

    Attributes:
        table: The table in the parent; None if there is none.
        fields: The key's columns there; those of the commit, if some are missing.
        lacks: A key column that is missing there.
        match: The columns of both.
        whole: Whether all files must be looked at in the parent: they may mean other rows.
        went: Otherwise, files of the parent that the commit does not have and may hold the key.
        come: The places of the files that the parent does not have.
    """

    table: StoredTable | None
    fields: tuple[Field, ...]
    lacks: str = ""
    match: ColumnMatch | None = None
    whole: bool = True
    went: tuple[DataFile, ...] = ()
    come: frozenset[object] = frozenset()


class UnreadableError(Exception):
    """A commit cannot be read any more.

    Attributes:
        reason: Why, for people.
    """

    def __init__(self, commit_id: str, reason: str) -> None:
        super().__init__(reason)
        self.commit_id = commit_id
        self.reason = reason


@dataclass(slots=True)
class RowWalk:
    """Walks from commits to their parents."""

    repository: Repository
    found: FoundRows
    key: RowKey
    _states: dict[tuple[object, ...], State] = field(default_factory=dict)
    _links: dict[tuple[object, ...], _Link] = field(default_factory=dict)
    _ahead: int = 1

    def at(self, commit_id: str, table: StoredTable, fields: tuple[Field, ...]) -> State:
        """Returns the rows at a commit, of whose files all may hold them."""
        state = State(commit_id, table.name, table, fields)
        return replace(state, rows=self._rows(state, self._all_files(state)))

    def count(self, commit_id: str, table: StoredTable, fields: tuple[Field, ...]) -> int:
        """Returns how many rows a commit has of the key, however many they are."""
        files = self._all_files(State(commit_id, table.name, table, fields))
        return self.found.count(table.snapshot, files, key=self.key, fields=fields)

    def changes_table(self, state: State) -> bool:
        """Returns whether a commit did anything to the table, compared with its first parent."""
        changes = self.repository.commits.read(state.commit_id).changes
        return state.name in changes or state.name.casefold() in map(str.casefold, changes)

    def step(self, state: State, parent_id: str) -> Step:
        """Returns a parent.

        Raises:
            CorruptData: A file is not what was committed, or damaged.
            UnreadableError: The commit, or a file that is needed of it, is gone.
        """
        try:
            return self._step(state, parent_id)
        except CorruptData as error:
            gone = isinstance(error.__cause__, NotFound)
            if gone or isinstance(error, GoneData):
                raise UnreadableError(parent_id, error.message) from error
            raise

    def _step(self, state: State, parent_id: str) -> Step:
        commits = self.repository.commits
        commits.read(parent_id)
        first = commits.read(state.commit_id).parents[0] == parent_id
        if first and not self.changes_table(state):
            return Step(replace(state, commit_id=parent_id), unchanged(len(state.rows)))
        link = self._link(state, parent_id)
        self._links.pop((state.node, parent_id), None)
        old, new = (None if t is None else t.id for t in (link.table, state.table))
        if old == new and (link.table is None or link.table.name == state.name):
            return Step(replace(state, commit_id=parent_id), unchanged(len(state.rows)))
        before = self._parent_state(state, parent_id, link)
        if link.match is None or before.lacks or state.lacks:
            return Step(before, all_new(len(state.rows), len(before.rows)), link.match)
        pairing = compared(self.found, link.match, before.rows, state.rows)
        return Step(before, pairing, link.match)

    def _link(self, state: State, parent_id: str) -> _Link:
        """Returns what lies between a commit and a parent; its rows do not matter."""
        known = self._links.get((state.node, parent_id))
        if known is None:
            table = self._parent_table(state, parent_id)
            known = _Link(table, state.fields)
            if table is not None:
                known = self._linked(state, parent_id, table)
            self._links[state.node, parent_id] = known
        return known

    def _linked(self, state: State, parent_id: str, table: StoredTable) -> _Link:
        match = None
        if state.table is not None:
            ends = parent_id, state.commit_id
            shared = shared_ids(self.repository, table, state.table, ends=ends)
            match = match_columns(table.snapshot, state.table.snapshot, shared)
        fields, lacks = self._key_fields(state, table.snapshot, match)
        link = _Link(table, fields, lacks, match)
        if lacks or match is None or not _files_mean_the_same(state, link, match):
            return link
        pruner = key_pruner(table.snapshot, self.key, fields)
        removed, added = changed_files(
            self.repository.commits,
            table,
            state.table,
            old_commit=parent_id,
            new_commit=state.commit_id,
            fields=pruner.fields,
        )
        come = frozenset((f.partition, f.path) for f in added)
        return replace(link, whole=False, went=tuple(filter(pruner.wants_file, removed)), come=come)

    def _parent_table(self, state: State, parent_id: str) -> StoredTable | None:
        """Returns the table in a parent: of the same id, else of the same name."""
        commits = self.repository.commits
        entry = commits.entry(parent_id, state.name)
        if state.table is None or (entry and entry.entry.snapshot == state.table.id):
            return None if entry is None else commits.table(entry)
        named = None if entry is None else commits.table(entry)
        table_id = state.table.snapshot.table_id
        if named is not None and named.snapshot.table_id == table_id:
            return named
        here, there = commits.entries(state.commit_id), commits.entries(parent_id)
        changed = commits.read(state.commit_id).changes
        for name, other in there.items():
            if name != state.name and (name in changed or name not in here):
                renamed = commits.table(other)
                if renamed.snapshot.table_id == table_id:
                    return renamed
        return named

    def _parent_state(self, state: State, parent_id: str, link: _Link) -> State:
        if link.table is None:
            return State(parent_id, state.name, None, state.fields)
        found = State(parent_id, link.table.name, link.table, link.fields, lacks=link.lacks)
        known = self._states.get(found.node)
        if known is None:
            known = found
            if not link.lacks:
                files = self._all_files(found) if link.whole else _candidates(state, link)
                known = replace(found, rows=self._rows(found, files))
            self._states[found.node] = known
        return known

    def _look_ahead(self, state: State, files: Sequence[DataFile]) -> None:
        """Opens files together with those that the next commits down will probably need.

        One query for many files costs a fraction of many queries. How far it looks doubles, so
        that few files are opened in vain where the walk ends soon.
        """
        wanted = [Wanted(state.snapshot, state.fields, file) for file in files]
        if not self._ahead or self.found.knows(wanted, self.key):
            return
        looked = 0
        try:
            for _ in range(self._ahead * QUIET_COMMITS):
                if looked == self._ahead:
                    break
                parents = self.repository.commits.read(state.commit_id).parents
                if len(parents) != 1:
                    break
                if not self.changes_table(state):
                    state = replace(state, commit_id=parents[0], rows=())
                    continue
                link = self._link(state, parents[0])
                if link.table is None or link.whole:
                    break
                wanted += [Wanted(link.table.snapshot, link.fields, file) for file in link.went]
                state = State(parents[0], link.table.name, link.table, link.fields)
                looked += 1
            self.found.open(wanted, key=self.key, what=f"table {state.name}")
            self._ahead = min(self._ahead * 2, MOST_AHEAD)
        except CatalogError:  # it matters only if the walk comes there, and is raised then
            self._ahead = 0

    def forget(self, state: State) -> None:
        """Forgets a state that no commit will ask for again."""
        self._states.pop(state.node, None)

    def _key_fields(
        self, state: State, table: TableSnapshot, match: ColumnMatch | None
    ) -> tuple[tuple[Field, ...], str]:
        """Returns the columns of the key in a parent, and one that is missing there."""
        partners = {} if match is None or state.lacks else {b.id: a.id for a, b in match.pairs}
        fields = []
        for column in state.fields:
            by_id = table.schema.by_id(partners.get(column.id, 0))
            known = by_id if partners else table.schema.find(column.name)
            if known is None:
                return state.fields, column.name
            fields.append(known)
        return tuple(fields), ""

    def _all_files(self, state: State) -> Sequence[DataFile]:
        pruner = key_pruner(state.snapshot, self.key, state.fields)
        assert state.table is not None, "files are of a table"
        files = data_files(
            self.repository.commits,
            state.table,
            wanted=lambda summary: pruner.wants_ranges(summary.ranges),
            fields=pruner.fields,
        )
        return [file for file in files if pruner.wants_file(file)]

    def _rows(self, state: State, files: Sequence[DataFile]) -> tuple[FoundRow, ...]:
        """Returns the rows of the key in files of a state's table."""
        self._look_ahead(state, files)
        rows = self.found.rows(
            state.snapshot,
            sorted(files, key=lambda file: sort_key(file.partition, file.path)),
            key=self.key,
            fields=state.fields,
            what=f"table {state.name} in commit {state.commit_id[:8]}",
        )
        pruner = key_pruner(state.snapshot, self.key, state.fields)
        if not rows or has_conditions(state.snapshot, pruner, state.fields):
            return rows
        pairs = zip(self.key.columns, state.fields, strict=True)
        condition = " AND ".join(column.matches(f"c{f.id}", f.type) for column, f in pairs)
        selected = self.found.select(state.snapshot, rows)
        places = self.found.query(f"SELECT i FROM {selected} WHERE {condition} ORDER BY i")
        return tuple(rows[n] for (n,) in places if isinstance(n, int))


def _candidates(state: State, link: _Link) -> Sequence[DataFile]:
    """Returns the files of a parent that may hold the key.

    Those that a commit left as they are hold what they hold in it, so only files that it took
    away are new there.
    """
    held = {(row.file.partition, row.file.path): row.file for row in state.rows}
    return [*(file for place, file in held.items() if place not in link.come), *link.went]


def _files_mean_the_same(state: State, link: _Link, match: ColumnMatch) -> bool:
    """Returns whether a file holds the same rows of the key in a commit and in its parent."""
    assert link.table is not None, "the parent has the table"
    if link.table.snapshot.table_id != state.snapshot.table_id or not match.shared_files_agree:
        return False
    return not state.lacks and all(
        a.id == b.id and comparing_class(a.type) == comparing_class(b.type)
        for a, b in zip(link.fields, state.fields, strict=True)
    )
