"""What a commit needs that its first parent does not: the price is that of what changed.

Trees are compared by the places of their nodes, not by their ids: the same node may lie in two
packs, and what points to it names one of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from catalog.dataclasses import dataclass
from catalog.model.commit import EMPTY_ID
from catalog.model.datafile import DataFile
from catalog.repository.commits import CHANGES_KIND, Commits, StoredTable
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import Place
from catalog.repository.table_entries import PlacedEntry
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    from catalog.repository.columnar import Columns

AHEAD_BYTES = 256 << 10
"""Bytes of a parent's pack read at a time: nodes of one commit lie side by side."""

_Node: TypeAlias = tuple[str, Place]


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

    def _table_tree(self, root: _Node, levels: int) -> Iterator[NeededPack]:
        """Yields the packs in which the tree of tables lies."""
        nodes = [root]
        while levels > 1:
            nodes, levels = self._below(nodes, "tables-index"), levels - 1
            yield from _packs(nodes)

    def _table(
        self, entry: PlacedEntry, old: PlacedEntry | None, *, needed: bool, known: bool
    ) -> Iterator[NeededPack | NewFiles]:
        assert entry.place is not None, "a stored snapshot has a place"
        yield NeededPack(entry.place.pack)
        table = self.commits.table(entry)
        base = None if old is None or not (known or not needed) else self.commits.table(old)
        after, levels = _top(table)
        before, base_levels = ([], 0) if base is None else _top(base)
        while levels > 1 or base_levels > 1:
            if levels == base_levels:
                after, before = _apart(after, before)
            yield from _packs(after)
            highest = max(levels, base_levels)
            if base_levels == highest:
                before, base_levels = self._below(before), base_levels - 1
            if levels == highest:
                after, levels = self._below(after), levels - 1
        after, before = _apart(after, before)
        yield from _packs(after)
        if after and needed:
            known_paths = {path for node in before for path in self._paths(node)}
            for node in after:
                files = self._files(table, node)
                yield NewFiles(table.name, [one for one in files if one.path not in known_paths])

    def _below(self, nodes: Sequence[_Node], kind: str = "files-index") -> list[_Node]:
        from catalog.repository import columnar, index

        found: list[_Node] = []
        for node_id, place in nodes:
            columns = self._nodes.columns(node_id, kind, place)
            places = index.stored_places(columns)
            found += zip(columnar.node_ids(columns, "child"), places, strict=True)
        return found

    def _leaf(self, node: _Node) -> "Columns":
        return self._nodes.columns(node[0], "files", node[1])

    def _paths(self, node: _Node) -> list[str]:
        from catalog.repository import columnar

        return columnar.texts(self._leaf(node), "path")

    def _files(self, table: StoredTable, node: _Node) -> list[DataFile]:
        from catalog.repository.manifest import DataFileRows

        width = len(table.snapshot.partition_by)
        return DataFileRows(width, ()).from_columns(self._leaf(node))


def _packs(nodes: Sequence[_Node]) -> Iterator[NeededPack]:
    yield from map(NeededPack, {place.pack for _, place in nodes})


def _is_same(entry: PlacedEntry, old: PlacedEntry) -> bool:
    return (entry.entry.snapshot, entry.place) == (old.entry.snapshot, old.place)


def _top(table: StoredTable) -> tuple[list[_Node], int]:
    root, place = table.snapshot.manifest, table.manifest_place
    if root is None or place is None:
        return [], 0
    return [(root, place)], table.snapshot.levels


def _apart(after: list[_Node], before: list[_Node]) -> tuple[list[_Node], list[_Node]]:
    shared = {place for _, place in after} & {place for _, place in before}
    return (
        [node for node in after if node[1] not in shared],
        [node for node in before if node[1] not in shared],
    )
