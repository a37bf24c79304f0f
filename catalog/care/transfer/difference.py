"""What a commit needs that its first parent does not: the price is that of what changed.

Trees are compared by the places of their nodes, not by their ids: the same node may lie in two
packs, and what points to it names one of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from catalog.dataclasses import dataclass
from catalog.model.commit import EMPTY_ID
from catalog.model.datafile import DataFile
from catalog.repository.commits import CHANGES_KIND, Commits, StoredTable
from catalog.repository.new_nodes import Node, below, new_nodes
from catalog.repository.nodes import NodeReader
from catalog.repository.table_entries import PlacedEntry
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    from catalog.repository.columnar import Columns

AHEAD_BYTES = 256 << 10
"""Bytes of a parent's pack read at a time: nodes of one commit lie side by side."""


class DataOfCommits(Protocol):
    """What says which data of commits matters, or is there."""

    def is_needed(self, commit_id: str, table: str) -> bool:
        """Returns whether the data of a table must come with a new commit."""

    def is_whole(self, commit_id: str, table: str) -> bool:
        """Returns whether the data of a table is there, of a commit that is there."""


class ReadsRanges(Protocol):
    """What reads parts of packs."""

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""


@dataclass(frozen=True, slots=True, eq=False)
class NewFiles:
    """Data files that a commit needs."""

    table: str
    files: Sequence[DataFile]


@dataclass(frozen=True, slots=True)
class NeededPack:
    """A pack that a commit needs, its own or one that it points into."""

    commit_id: str


class Differences:
    """Compares commits with their parents.

    Args:
        packs: What reads the packs of the source.
        data: Which data is needed, and which is there.
    """

    def __init__(self, packs: ReadsRanges, data: DataOfCommits) -> None:
        self._nodes = NodeReader(cast(ObjectStore, packs), ahead=AHEAD_BYTES)
        self.commits = Commits(self._nodes)
        self._data = data

    def parts(self, commit_id: str, base: str | None) -> Iterator[NeededPack | NewFiles]:
        """Yields what a commit needs, and another one does not.

        What is yielded of data files is at most what leaves of their trees hold that changed.

        Args:
            commit_id: The commit.
            base: A commit of which all is there, but data that is not needed; None for nothing.

        Raises:
            CorruptData: Something is missing or damaged.
        """
        yield NeededPack(commit_id)
        for place in self._nodes.head(commit_id).places.values():
            yield NeededPack(place.pack)
        yield from self._own_nodes(commit_id)
        before, after = self._entries(base), self._entries(commit_id)
        if base is not None and not (before or after):
            return
        by_snapshot = {entry.entry.snapshot: entry for entry in before.values()}
        for name, entry in after.items():
            old = before.get(name) or by_snapshot.get(entry.entry.snapshot)
            needed = self._data.is_needed(commit_id, name)
            known = base is not None and old is not None and self._data.is_whole(base, old.name)
            if old is not None and _is_same(entry, old) and (known or not needed):
                continue
            yield from self._table(entry, old, needed=needed, known=known)

    def _entries(self, commit_id: str | None) -> Mapping[str, PlacedEntry]:
        if commit_id is None or commit_id == EMPTY_ID:
            return {}
        return self.commits.entries(commit_id)

    def _own_nodes(self, commit_id: str) -> Iterator[NeededPack]:
        """Reads the nodes of a commit that are not below its tables, so that they are verified."""
        commit, places = self.commits.read(commit_id), self._nodes.head(commit_id).places
        for change in commit.changes.values():
            if change.change_list is not None and change.change_list in places:
                place = places[change.change_list]
                self._nodes.columns(change.change_list, CHANGES_KIND, place)
                yield NeededPack(place.pack)
        for entry in commit.lineage.values():
            detail = entry.get("detail") if isinstance(entry, Mapping) else None
            if isinstance(detail, str) and detail in places:
                self._nodes.json(detail, places[detail])
        if commit.tables_tree is not None and commit.tables_tree in places:
            root = (commit.tables_tree, places[commit.tables_tree])
            yield from self._table_tree(root, commit.tables_levels)

    def _table_tree(self, root: Node, levels: int) -> Iterator[NeededPack]:
        """Yields the packs in which the tree of tables lies."""
        nodes = [root]
        while levels > 1:
            nodes, levels = below(self._nodes, nodes, "tables-index"), levels - 1
            yield from map(NeededPack, {place.pack for _, place in nodes})

    def _table(
        self, entry: PlacedEntry, old: PlacedEntry | None, *, needed: bool, known: bool
    ) -> Iterator[NeededPack | NewFiles]:
        assert entry.place is not None, "a stored snapshot has a place"
        yield NeededPack(entry.place.pack)
        table = self.commits.table(entry)
        base = None if old is None or not (known or not needed) else self.commits.table(old)
        new = new_nodes(self._nodes, table, base)
        yield from map(NeededPack, new.packs)
        if new.leaves and needed:
            known_paths = {path for node in new.replaced for path in self._paths(node)}
            for node in new.leaves:
                files = self._files(table, node)
                yield NewFiles(table.name, [one for one in files if one.path not in known_paths])

    def _leaf(self, node: Node) -> "Columns":
        return self._nodes.columns(node[0], "files", node[1])

    def _paths(self, node: Node) -> list[str]:
        from catalog.repository import columnar

        return columnar.texts(self._leaf(node), "path")

    def _files(self, table: StoredTable, node: Node) -> list[DataFile]:
        from catalog.repository.manifest import DataFileRows

        width = len(table.snapshot.partition_by)
        return DataFileRows(width, ()).from_columns(self._leaf(node))


def _is_same(entry: PlacedEntry, old: PlacedEntry) -> bool:
    return (entry.entry.snapshot, entry.place) == (old.entry.snapshot, old.place)
