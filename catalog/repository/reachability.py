"""What commits need: packs, data files, contents of file sets, and lists of these.

A walk goes by places, not by ids of nodes. The same node may lie in two packs, and whoever points
to it names one of them: that pack must stay. So must one whose own commit no ref reaches any more,
as after a squashed merge whose branch was deleted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.errors import CatalogError, CorruptData, NotFound
from catalog.model.commit import EMPTY_ID, Commit
from catalog.model.datafile import BlobList, DataFile
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.expired import Expired
from catalog.repository.history import LoggedCommit
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import Place, pack_path
from catalog.repository.table_entries import PlacedEntry, TableRows
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    from catalog.repository.columnar import Columns

AHEAD_BYTES = 1 << 20
"""Bytes read at a time: nodes of one commit lie side by side in its pack."""

NOTHING_EXPIRED = Expired()
"""What is walked if all data is needed."""

NeededKind: TypeAlias = Literal["pack", "data", "list", "blob"]
"""Kinds of objects that a commit needs."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that something points into, or whose commit is one of the history."""

    commit_id: str

    @property
    def path(self) -> str:
        """Returns where it is."""
        return pack_path(self.commit_id)


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A leaf of a manifest.

    Attributes:
        table: The table, as the commit calls it through which the leaf was found.
        columns: The leaf's columns.
    """

    table: StoredTable
    columns: "Columns"

    def paths(self) -> list[str]:
        """Returns the paths of its data files, also of those that are not the catalog's own."""
        from catalog.repository import columnar

        return columnar.texts(self.columns, "path")

    def files(self) -> list[DataFile]:
        """Returns its data files, without statistics."""
        from catalog.repository.manifest import DataFileRows

        return DataFileRows(len(self.table.snapshot.partition_by), ()).from_columns(self.columns)

    def lists(self) -> list[BlobList]:
        """Returns the lists of contents that it names, each as often as it does."""
        if "blobs" not in self.columns:
            return []
        return [file.blobs for file in self.files() if file.blobs is not None]


@dataclass(frozen=True, slots=True)
class Needed:
    """An object that a commit needs.

    Attributes:
        path: Where it is within the store; absolute, or a URI, where it is not the catalog's own.
        kind: What it is.
        size_bytes: Its size; None if nothing says it.
        table: The table that needs it; empty for packs.
        file: The entry of the data file, or of the one that names the list or the content.
    """

    path: str
    kind: NeededKind
    size_bytes: int | None = None
    table: str = ""
    file: DataFile | None = None


OnDamage: TypeAlias = Callable[[CatalogError, str], None]
"""Takes an error, and the path of the object at which it came up; the walk goes on behind it."""


def is_gone(error: CatalogError) -> bool:
    """Returns whether an error of a walk says that an object is not there."""
    return isinstance(error.__cause__ or error, NotFound)


@dataclass(slots=True)
class WalkState:
    """What a walk has visited: another one that begins with it goes on where it ended.

    Attributes:
        walked: The ids of commits whose parents were followed.
        packs: The ids of the commits whose packs are needed.
        lists: The ids of lists of contents.
        seen: Copies of nodes: the first half of the pack's id, eight bytes of where in it, and
            ``d`` if data was looked for below.
    """

    walked: set[bytes] = field(default_factory=set)
    packs: set[bytes] = field(default_factory=set)
    lists: set[bytes] = field(default_factory=set)
    seen: set[bytes] = field(default_factory=set)


class HasStore(Protocol):
    """What a walk needs of a repository."""

    @property
    def store(self) -> ObjectStore:
        """Returns where the objects are."""


class Walk:
    """Visits what commits need, each node once, in bounded memory.

    Args:
        repository: The stored objects.
        expired: The commits of which only metadata is needed, as far as their tables go.
        on_damage: Takes what cannot be read, which is passed over; None raises it.
    """

    def __init__(
        self,
        repository: HasStore,
        *,
        expired: Expired = NOTHING_EXPIRED,
        on_damage: OnDamage | None = None,
    ) -> None:
        self._store = repository.store
        self._nodes = NodeReader(repository.store, ahead=AHEAD_BYTES)
        self._commits = Commits(self._nodes)
        self._expired = expired
        self._on_damage = on_damage
        self.state = WalkState()

    def read(self, commit_id: str) -> Commit:
        """Returns a commit."""
        return self._commits.read(commit_id)

    def know(self, commit_id: str) -> None:
        """Takes it that a commit, and so all before it, was walked already."""
        self.state.walked.add(bytes.fromhex(commit_id))

    def commits(self, *starts: str) -> Iterator[LoggedCommit]:
        """Yields commits and all their ancestors, in no order, each once in the life of a walk."""
        waiting = [one for one in reversed(starts) if one != EMPTY_ID]
        while waiting:
            commit_id = waiting.pop()
            key = bytes.fromhex(commit_id)
            if key in self.state.walked:
                continue
            self.state.walked.add(key)
            with self._passing(pack_path(commit_id)):
                commit = self._commits.read(commit_id)
                yield LoggedCommit(commit_id, commit)
                waiting += reversed(commit.parents)

    def parts(self, commit_id: str) -> Iterator[Pack | Leaf]:
        """Yields the packs and leaves that a commit needs and that were not yielded before.

        Of commits without data there are only packs.
        """
        yield from self._pack(commit_id)
        with self._passing(pack_path(commit_id)):
            for place in self._nodes.head(commit_id).places.values():
                yield from self._pack(place.pack)
            yield from self._tables(commit_id)

    def objects(self, commit_id: str) -> Iterator[Needed]:
        """Yields the objects that a commit needs and that were not yielded before.

        A data file that several leaves name comes several times, as does a content that several
        lists name.
        """
        for part in self.parts(commit_id):
            if isinstance(part, Pack):
                yield Needed(part.path, "pack")
                continue
            with self._passing(""):
                for file in part.files():
                    yield Needed(file.path, "data", file.size_bytes, part.table.name, file)
                    if file.blobs is not None:
                        yield from self._contents(part.table.name, file, file.blobs)

    def contents(self, leaf: Leaf) -> Iterator[Needed]:
        """Yields the lists that a leaf names, and what is on them, as ``objects`` does."""
        if "blobs" in leaf.columns:
            for file in leaf.files():
                if file.blobs is not None:
                    yield from self._contents(leaf.table.name, file, file.blobs)

    def _contents(self, table: str, file: DataFile, listed: BlobList) -> Iterator[Needed]:
        from catalog.repository.blobs import list_path, read_list

        key = bytes.fromhex(listed.id)
        if key in self.state.lists:
            return
        self.state.lists.add(key)
        path = list_path(listed.id)
        yield Needed(path, "list", None, table, file)
        with self._passing(path):
            for blob in read_list(self._store, listed):
                yield Needed(blob.path or blob.place, "blob", blob.size_bytes, table, file)

    def _tables(self, commit_id: str) -> Iterator[Pack | Leaf]:
        commit = self._commits.read(commit_id)
        has_data = self._expired.has_data
        if commit.tables is not None:
            for entry in self._commits.entries(commit_id).values():
                yield from self._table(entry, has_data(commit_id, entry.name))
            return
        from catalog.repository import columnar, index

        rows, root = TableRows(), commit.tables_tree
        place = None if root is None else self._nodes.head(commit_id).places.get(root)
        if root is None or place is None:
            raise CorruptData(f"commit {commit_id} has neither tables nor a tree of them")
        waiting = [(root, place, commit.tables_levels)]
        while waiting:
            node, place, levels = waiting.pop()
            yield from self._pack(place.pack)
            if commit_id not in self._expired.commits and not self._is_new(place, data=True):
                continue
            with self._passing(pack_path(place.pack)):
                kind = rows.name if levels == 1 else index.index_kind(rows.name)
                columns = self._nodes.columns(node, kind, place)
                if levels == 1:
                    for entry in rows.from_columns(columns):
                        yield from self._table(entry, has_data(commit_id, entry.name))
                    continue
                ids = columnar.node_ids(columns, "child")
                below = zip(ids, index.stored_places(columns), strict=True)
                waiting += [(*one, levels - 1) for one in reversed(list(below))]

    def _table(self, entry: PlacedEntry, data: bool) -> Iterator[Pack | Leaf]:
        assert entry.place is not None, "a stored snapshot has a place"
        yield from self._pack(entry.place.pack)
        if not self._is_new(entry.place, data):
            return
        with self._passing(pack_path(entry.place.pack)):
            table = self._commits.table(entry)
            if table.snapshot.manifest is None:
                return
            assert table.manifest_place is not None, "a manifest has a place"
            yield from self._manifest(table, table.manifest_place, data)

    def _manifest(self, table: StoredTable, place: Place, data: bool) -> Iterator[Pack | Leaf]:
        from catalog.repository import columnar, index, manifest

        assert table.snapshot.manifest is not None, "the table has files"
        waiting = [(table.snapshot.manifest, place, table.snapshot.levels)]
        while waiting:
            node, place, levels = waiting.pop()
            yield from self._pack(place.pack)
            if not self._is_new(place, data) or (levels == 1 and not data):
                continue
            with self._passing(pack_path(place.pack)):
                kind = manifest.KIND if levels == 1 else index.index_kind(manifest.KIND)
                columns = self._nodes.columns(node, kind, place)
                if levels == 1:
                    yield Leaf(table, columns)
                    continue
                ids = columnar.node_ids(columns, "child")
                below = zip(ids, index.stored_places(columns), strict=True)
                waiting += [(*one, levels - 1) for one in reversed(list(below))]

    def _pack(self, commit_id: str) -> Iterator[Pack]:
        key = bytes.fromhex(commit_id)
        if key not in self.state.packs:
            self.state.packs.add(key)
            yield Pack(commit_id)

    def _is_new(self, place: Place, data: bool) -> bool:
        """Returns whether a copy of a node was not visited yet, for data or for metadata."""
        key = bytes.fromhex(place.pack)[:16] + place.offset.to_bytes(8, "big")
        if key + b"d" in self.state.seen or (not data and key in self.state.seen):
            return False
        self.state.seen.add(key + b"d" if data else key)
        return True

    @contextmanager
    def _passing(self, path: str) -> Iterator[None]:
        try:
            yield
        except CatalogError as error:
            if self._on_damage is None:
                raise
            self._on_damage(error, path)
