"""What commits bring that is not in a history already: the objects that a move of a ref needs.

Subtrees that a table shares with what it was in the first parent are not read: the price is that
of what the commits changed.
"""

from collections.abc import Iterator, Sequence

from catalog.model.commit import EMPTY_ID
from catalog.model.datafile import is_outside
from catalog.repository.blobs import list_path, read_list
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.expired import expired
from catalog.repository.history import missing_commits, walk
from catalog.repository.new_nodes import new_nodes
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import pack_path
from catalog.repository.reachability import AHEAD_BYTES, Leaf
from catalog.storage.store import ObjectStore

PACKS = "objects/"


class Brought:
    """Finds what commits bring.

    Args:
        store: The stored objects.

    Attributes:
        given_up: Paths of data that only expired commits name: it need not be there.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.given_up: set[str] = set()
        self._store = store
        self._nodes = NodeReader(store, ahead=AHEAD_BYTES)
        self._commits = Commits(self._nodes)

    def paths(self, commit_id: str, known: Sequence[str]) -> Iterator[str]:
        """Yields the paths of objects that a commit and those before it need.

        Some come several times, and some that the known histories need come too.

        Args:
            commit_id: The commit.
            known: Commits that stay, with all before them.
        """
        gone = expired(self._store)
        needed: set[str] = set()
        for new in self._new(commit_id, known):
            yield pack_path(new)
            for place in self._nodes.head(new).places.values():
                yield pack_path(place.pack)
            commit = self._commits.read(new)
            parent = commit.parents[0] if commit.parents else EMPTY_ID
            before = self._commits.entries(parent)
            for name, entry in self._commits.entries(new).items():
                is_kept, had_data = gone.has_data(new, name), gone.has_data(parent, name)
                same = before.get(name) == entry and name not in commit.changes
                if same and (had_data or not is_kept):
                    continue
                assert entry.place is not None, "a stored snapshot has a place"
                yield pack_path(entry.place.pack)
                old = before.get(name) if had_data else None
                base = None if old is None else self._commits.table(old)
                found = list(self._files(self._commits.table(entry), base))
                (needed if is_kept else self.given_up).update(
                    path for path in found if not path.startswith(PACKS)
                )
                yield from found
        self.given_up -= needed

    def _new(self, commit_id: str, known: Sequence[str]) -> list[str]:
        read = self._commits.read
        sets = [set(missing_commits(read, commit_id, one)) for one in known if one != EMPTY_ID]
        if sets:
            return list(set.intersection(*sets) - {EMPTY_ID})
        return [one.id for one in walk(read, commit_id) if one.id != EMPTY_ID]

    def _files(self, table: StoredTable, base: StoredTable | None) -> Iterator[str]:
        new = new_nodes(self._nodes, table, base)
        yield from map(pack_path, new.packs)
        for node_id, place in new.leaves:
            leaf = Leaf(table, self._nodes.columns(node_id, "files", place))
            yield from (path for path in leaf.paths() if not is_outside(path))
            for listed in leaf.lists():
                yield list_path(listed.id)
                yield from filter(None, (blob.path for blob in read_list(self._store, listed)))
