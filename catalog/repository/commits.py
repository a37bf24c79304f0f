"""Commits as stored: reading them, their tables and what they changed."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Literal

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, NotFound
from catalog.model import commit as commit_model
from catalog.model.commit import Commit, TableEntry
from catalog.model.ids import parse_json
from catalog.repository.kept import Kept
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import Place
from catalog.repository.table_entries import InlineEntries, PlacedEntry

if TYPE_CHECKING:
    from catalog.model.datafile import DataFile
    from catalog.model.table import TableSnapshot
    from catalog.repository.entries import TreeEntries

CHANGES_KIND = "changes"

Mark = Literal["derived", "checked"]
"""Kinds of tables that commits list, so that not all table snapshots need be read for them."""


def marks() -> Mapping[Mark, Callable[[Mapping[str, str]], bool]]:
    """Returns what says by the properties of a table whether it is of a kind."""
    from catalog.model.checks import has_checks
    from catalog.model.derived import is_derived

    return {"derived": is_derived, "checked": has_checks}


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table snapshot as stored, and the place of its manifest's root; None without files."""

    name: str
    id: str
    place: Place
    snapshot: "TableSnapshot"
    manifest_place: Place | None


class Commits:
    """Reads commits and the table snapshots below them.

    Attributes:
        visited: The commits whose tables were looked at, the latest last: one of them needs a data
            file that somebody did not find.
    """

    def __init__(self, nodes: NodeReader) -> None:
        self.nodes = nodes
        self.visited: dict[str, None] = {}
        self._commits: Kept[Commit] = Kept(CACHED_COMMITS_BYTES)
        self._entries: dict[str, InlineEntries | TreeEntries] = {}
        self._marks: dict[tuple[Mark, str], tuple[str, ...]] = {}

    def read(self, commit_id: str) -> Commit:
        """Returns a commit.

        Raises:
            CorruptData: It is damaged or gone.
        """
        cached = self._commits.get(commit_id)
        if cached is None:
            what = f"commit {commit_id}"
            cached = commit_model.from_json(parse_json(self.nodes.head(commit_id).commit, what))
            tables = 0 if cached.tables is None else len(cached.tables)
            self._commits.keep(commit_id, cached, COMMIT_BYTES + TABLE_BYTES * tables)
        return cached

    def exists(self, commit_id: str) -> bool:
        """Returns whether there is a commit, by reading it."""
        try:
            self.nodes.head(commit_id)
        except CorruptData as error:
            if isinstance(error.__cause__, NotFound):
                return False
            raise
        return True

    def entries(self, commit_id: str) -> Mapping[str, PlacedEntry]:
        """Returns the table entries of a commit by name; nobody may change them.

        Of a commit with many tables, those that are asked for are read, by and by.
        """
        return self._found(commit_id)

    def tree(self, commit_id: str) -> "TreeEntries | None":
        """Returns the table entries of a commit if it keeps them in a tree."""
        found = self._found(commit_id)
        return None if isinstance(found, InlineEntries) else found

    def _found(self, commit_id: str) -> "InlineEntries | TreeEntries":
        self.visited.pop(commit_id, None)
        self.visited[commit_id] = None
        if len(self.visited) > 2 * VISITED_COMMITS:
            for one in list(self.visited)[:-VISITED_COMMITS]:
                self.visited.pop(one, None)
        cached = self._entries.get(commit_id)
        if cached is not None:
            return cached
        commit = self.read(commit_id)
        found = (
            self._from_tree(commit, commit_id)
            if commit.tables is None
            else self._inline(commit.tables, commit_id)
        )
        held = sum(one.held for one in self._entries.values())
        if len(self._entries) >= CACHED_LISTS or held >= CACHED_ENTRIES:
            self._entries.clear()
        self._entries[commit_id] = found
        return found

    def entry(self, commit_id: str, name: str) -> PlacedEntry | None:
        """Returns a table entry of a commit by name without regard to case, None if it has none."""
        entries = self._found(commit_id)
        exact = entries.get(name)
        return entries.folded(name) if exact is None else exact

    def changed_entries(
        self, before: str, after: str
    ) -> dict[str, tuple[PlacedEntry | None, PlacedEntry | None]]:
        """Returns the table entries in which two commits differ, in order of their names.

        Where both keep trees, only those nodes are read that they do not share.
        """
        old, new = self.entries(before), self.entries(after)
        trees = self.tree(before), self.tree(after)
        if trees[0] is not None and trees[1] is not None:
            from catalog.repository.tree_diff import differences

            found = differences(trees[0].reader, trees[0].root, trees[1].root)
            old = {row.name: row for row in found.removed}
            new = {row.name: row for row in found.added}
        names = sorted(old.keys() | new.keys())
        pairs = {name: (old.get(name), new.get(name)) for name in names}
        return {name: one for name, one in pairs.items() if one[0] != one[1]}

    def derived(self, commit_id: str) -> tuple[str, ...]:
        """Returns the names of a commit's derived tables, in order.

        Where the commit does not say it, the snapshots of all its tables are read.
        """
        return self._marked(commit_id, "derived")

    def checked(self, commit_id: str) -> tuple[str, ...]:
        """Returns the names of a commit's tables that have checks, in order; see ``derived``."""
        return self._marked(commit_id, "checked")

    def _marked(self, commit_id: str, mark: Mark) -> tuple[str, ...]:
        known = self.known_marked(commit_id, mark)
        if known is None:
            has_mark, entries = marks()[mark], self.entries(commit_id).items()
            known = tuple(
                name for name, entry in entries if has_mark(self.table(entry).snapshot.properties)
            )
            if len(self._marks) >= CACHED_MARKS:
                self._marks.clear()
            self._marks[mark, commit_id] = known
        return known

    def known_marked(self, commit_id: str, mark: Mark) -> tuple[str, ...] | None:
        """Returns the names of a commit's tables of some kind if no table need be read for it."""
        commit = self.read(commit_id)
        said = commit.derived if mark == "derived" else commit.checked
        if said is None and (mark, commit_id) in self._marks:
            return self._marks[mark, commit_id]
        entries = self.entries(commit_id)
        if said is None:
            return None if entries else ()
        return tuple(name for name in said if name in entries)

    def _inline(self, tables: Mapping[str, TableEntry], commit_id: str) -> InlineEntries:
        places = self.nodes.places(commit_id)
        return InlineEntries(
            (name, PlacedEntry(name, entry, _place(places, entry.snapshot)))
            for name, entry in sorted(tables.items())
        )

    def _from_tree(self, commit: Commit, commit_id: str) -> "TreeEntries":
        from catalog.repository.entries import TreeEntries
        from catalog.repository.tree import Root

        root_id = commit.tables_tree
        if root_id is None:
            raise CorruptData(f"commit {commit_id} has neither tables nor a tree of them")
        place = _place(self.nodes.places(commit_id), root_id)
        return TreeEntries(self.nodes, Root(root_id, commit.tables_levels, place))

    def table(self, entry: PlacedEntry) -> StoredTable:
        """Returns the table snapshot of an entry."""
        from catalog.model.table import from_json as table_from_json

        assert entry.place is not None, "a snapshot was read before it was written"
        node = self.nodes.json(entry.entry.snapshot, entry.place)
        what = f"snapshot of table {entry.name}"
        snapshot = table_from_json(parse_json(node.content, what))
        root = snapshot.manifest
        place = None if root is None else _place(node.places, root)
        return StoredTable(entry.name, entry.entry.snapshot, entry.place, snapshot, place)

    def change_list(
        self,
        commit_id: str,
        table: str,
        partition_columns: int,
        *,
        fields: Collection[int] | None = None,
    ) -> "tuple[list[DataFile], list[DataFile]] | None":
        """Returns the files a commit removed from and added to a table, against its first parent.

        They come with the statistics of some fields, of all if None. None means that the commit
        keeps no such list.
        """
        from catalog.repository.manifest import DataFileRows

        change = self.read(commit_id).changes.get(table)
        if change is None or change.change_list is None:
            return None
        place = _place(self.nodes.places(commit_id), change.change_list)
        columns = self.nodes.columns(change.change_list, CHANGES_KIND, place)
        files = DataFileRows(partition_columns, fields).from_columns(columns)
        added = columns["added"].to_pylist()
        pairs = list(zip(files, added, strict=True))
        return [f for f, new in pairs if not new], [f for f, new in pairs if new]


CACHED_COMMITS_BYTES = 32 << 20
"""Commits kept read in a process: some ten thousand, or a thousand with hundreds of tables."""

COMMIT_BYTES = 3 << 10
"""What a commit takes, with what it changed."""

TABLE_BYTES = 100
"""What a table in a commit takes: a name, and an entry that it mostly shares with others."""

CACHED_LISTS = 256
"""Lists of tables kept in a process."""

CACHED_ENTRIES = 100_000
"""Entries of tables kept read in a process: at about 400 bytes each, 40 MB."""

CACHED_MARKS = 512
"""Lists of derived tables, or of those with checks, kept in a process where commits have none."""

VISITED_COMMITS = 1_000
"""Commits of which it is known that they were looked at: more than any statement reads."""


def _place(places: Mapping[str, Place], node_id: str) -> Place:
    try:
        return places[node_id]
    except KeyError as error:
        raise CorruptData(f"node {node_id[:12]} is pointed to, but its place is missing") from error
