"""Verification of commits, and of the tables in them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from catalog.care.fsck.files import Files
from catalog.care.fsck.findings import Findings
from catalog.care.fsck.places import Misplaced, Places
from catalog.care.fsck.present import Present
from catalog.care.fsck.trees import NOTHING, Known, Nodes, TreeChecker, place_key
from catalog.errors import CatalogError, CorruptData
from catalog.interruption import check
from catalog.model.commit import EMPTY_ID, Commit
from catalog.model.ids import parse_json
from catalog.repository import tree_diff
from catalog.repository.commits import Commits, StoredTable, marks
from catalog.repository.expired import Expired
from catalog.repository.index import Summary
from catalog.repository.manifest import DataFileRows
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import Place, pack_path
from catalog.repository.reachability import AHEAD_BYTES
from catalog.repository.table_entries import PlacedEntry, TableRows
from catalog.repository.tables import root_of
from catalog.repository.tree import TreeReader
from catalog.storage.store import ObjectStore

DATA, METADATA = b"d", b"m"
"""What nodes are looked at for: with the files that leaves name, or, of what expired, without."""

LISTED = 64
"""Files up to which a change list is compared with the manifests in any case."""


class CommitsCheck:
    """Verifies commits and all that they need, each once.

    Args:
        store: The objects.
        present: Which are there.
        findings: Takes what is wrong.
        files: Verifies what leaves name.
        expired: The commits whose data may be gone.
        deep: Whether to compare long change lists with the manifests, too.

    Attributes:
        count: How many commits were verified.
    """

    def __init__(
        self,
        store: ObjectStore,
        present: Present,
        findings: Findings,
        *,
        files: Files,
        expired: Expired,
        deep: bool,
    ) -> None:
        reader = NodeReader(store, ahead=AHEAD_BYTES)
        self.nodes = Nodes(reader, findings, Places(store, present.has))
        self._present = present
        self._commits = Commits(reader)
        self._cached = Commits(NodeReader(store))
        self._findings = findings
        self._files = files
        self._expired = expired
        self._deep = deep
        self._known: dict[bytes, Known] = {}
        self._tables: dict[bytes, frozenset[int]] = {}
        self._marked: dict[bytes, frozenset[str]] = {}
        self._walked: set[bytes] = set()
        self.count = 0

    def walk(
        self,
        starts: Iterable[str],
        refs: Mapping[str, Sequence[str]],
        *,
        loose: bool,
        progress: Callable[[int], None] = lambda count: None,
    ) -> None:
        """Verifies commits and their ancestors.

        Args:
            starts: The ids of the commits.
            refs: Names of the branches and tags at commits.
            loose: Whether nothing but old moves of branches leads to them.
            progress: Takes how many were verified.
        """
        self.nodes.is_loose = self._files.is_loose = loose
        waiting = [one for one in starts if one != EMPTY_ID]
        while waiting:
            commit_id = waiting.pop()
            key = bytes.fromhex(commit_id)
            if key in self._walked:
                continue
            self._walked.add(key)
            check()
            waiting += [one for one in self._commit(commit_id, refs) if one != EMPTY_ID]
            progress(self.count)

    def _commit(self, commit_id: str, refs: Mapping[str, Sequence[str]]) -> Sequence[str]:
        self.count += 1
        self._present.need(pack_path(commit_id))
        at = refs.get(commit_id, ())
        try:
            commit = self._commits.read(commit_id)
        except CatalogError as error:
            found = self.nodes.tell(commit_id, error)
            self._findings.commit(found, commit_id, None, refs=at)
            return ()
        found = self._places(commit_id)
        found |= self._said(commit_id, commit)
        tables = self._tables_of(commit_id, commit)
        for name, one in tables.items():
            self._findings.table(one, name)
            found |= one
        if found:
            self._findings.commit(found, commit_id, commit, refs=at)
        return commit.parents

    def _places(self, commit_id: str) -> frozenset[int]:
        """Verifies that the nodes which the commit's own pack names are what it names them."""
        try:
            head = self._commits.nodes.head(commit_id)
            places = head.places
        except CatalogError as error:
            return self.nodes.tell(commit_id, error)
        found = NOTHING
        for node_id, place in places.items():
            key = place_key(node_id, place, b"any")
            if place.pack != commit_id:
                self.nodes.points(place)
            known = self._tables.get(key)
            if node_id.encode() not in head.commit:  # nobody wants it, so its name is wrong
                self.nodes.misplaced[node_id, place] = Misplaced(None)
            if (node_id, place) in self.nodes.misplaced:
                known = self.nodes.place_wrong((node_id, place), commit_id)
            elif known is None:
                known = self.nodes.generic(node_id, place, holder=commit_id)
                self._tables[key] = known
            found |= known
        return found

    def _placed(self, commit_id: str) -> Mapping[str, Place]:
        """Returns the places that a pack names; none if they cannot be read."""
        try:
            return self._commits.nodes.places(commit_id)
        except CatalogError:
            return {}  # that is found where they are verified

    def _said(self, commit_id: str, commit: Commit) -> frozenset[int]:
        """Compares a commit with its parents."""
        generation, time = 0, None
        for parent in commit.parents:
            if parent == EMPTY_ID:
                continue
            try:
                before = self._commits.read(parent)
            except CatalogError:
                return NOTHING  # it is found as a commit of its own
            generation = max(generation, before.generation + 1)
            time = before.time if time is None else max(time, before.time)
        if commit.parents and generation and commit.generation != generation:
            return self._wrong(commit_id, f"it is of generation {generation}")
        if not commit.parents and commit.generation:
            return self._wrong(commit_id, "it has no parents, and is of generation 0")
        if time is not None and commit.time < time:
            return self._wrong(commit_id, "it is older than a parent")
        return self._changes(commit_id, commit)

    def _wrong(self, commit_id: str, message: str) -> frozenset[int]:
        return self.nodes.wrong(
            "commit-wrong", commit_id, f"commit {commit_id[:12]} says otherwise, but {message}"
        )

    def _tables_of(self, commit_id: str, commit: Commit) -> Mapping[str, frozenset[int]]:
        if commit.tables is not None:
            try:
                entries = self._commits.entries(commit_id)
            except CatalogError as error:
                return {"": self.nodes.tell(commit_id, error)}
            found = {
                name: self._table(commit_id, one, holder=commit_id) for name, one in entries.items()
            }
            return {**found, "": self._listed(commit_id, commit, entries)}
        root = commit.tables_tree
        assert root is not None, "a commit has tables or a tree of them"
        place = self._placed(commit_id).get(root)
        if place is None:
            return {"": self.nodes.tell(commit_id, CorruptData("the tree of tables has no place"))}
        lacking = self._expired.commits.get(commit_id, frozenset())
        extra = (
            METADATA + repr(lacking and sorted(lacking)).encode()
            if lacking != frozenset()
            else DATA
        )
        rows = TableRows()

        def leaf(columns: "object", pack: str) -> frozenset[int]:
            found = NOTHING
            for entry in rows.from_columns(columns):  # type: ignore[arg-type]
                one = self._table(commit_id, entry, holder=pack)
                self._findings.table(one, entry.name)
                found |= one
            return found

        trees = TreeChecker(self.nodes, self._known, extra=extra, kind=rows)
        return {
            "": trees.check(root, place, commit.tables_levels, holder=commit_id, leaf=leaf).findings
        }

    def _listed(
        self, commit_id: str, commit: Commit, entries: Mapping[str, PlacedEntry]
    ) -> frozenset[int]:
        """Compares what a commit says of its derived and checked tables with their snapshots."""
        for mark, said in (("derived", commit.derived), ("checked", commit.checked)):
            if said is None:
                continue
            known = {name: self._marked.get(_entry_key(one)) for name, one in entries.items()}
            if None in known.values():
                continue
            have = [name for name, one in known.items() if one is not None and mark in one]
            if have != sorted(name for name in said if name in entries):
                return self._wrong(commit_id, f"other tables are {mark}")
        return NOTHING

    def _table(self, commit_id: str, entry: PlacedEntry, *, holder: str) -> frozenset[int]:
        data = self._expired.has_data(commit_id, entry.name)
        assert entry.place is not None, "a stored snapshot has a place"
        self.nodes.points(entry.place)
        key = place_key(entry.entry.snapshot, entry.place, DATA if data else METADATA)
        found = self._tables.get(key)
        node = entry.entry.snapshot, entry.place
        if node in self.nodes.misplaced:
            return self.nodes.place_wrong(node, holder)
        if found is None:
            found = self._snapshot(entry, DATA if data else METADATA, holder=holder)
            self._tables[key] = found
        return found

    def _snapshot(self, entry: PlacedEntry, extra: bytes, *, holder: str) -> frozenset[int]:
        assert entry.place is not None, "a stored snapshot has a place"
        pack = entry.place.pack
        try:
            table = self._commits.table(entry)
        except CatalogError as error:
            node = entry.entry.snapshot, entry.place
            return self.nodes.tell(pack, error, node=node, holder=holder)
        snapshot = table.snapshot
        self._marked[_entry_key(entry)] = frozenset(
            mark for mark, has in marks().items() if has(snapshot.properties)
        )
        found = NOTHING
        totals = snapshot.rows, snapshot.size_bytes, snapshot.files
        if totals != (entry.entry.rows, entry.entry.size_bytes, entry.entry.files):
            found |= self.nodes.wrong(
                "table-wrong", pack, f"commits say other totals of table {entry.name} than itself"
            )
        below = Known(Summary(0, 0, 0))
        if snapshot.manifest is not None:
            assert table.manifest_place is not None, "a manifest has a place"
            below = self._manifest(table, table.manifest_place, extra, holder=pack)
        found |= below.findings
        if below.summary is not None:
            sums = below.summary
            known = sums.rows, sums.size_bytes, sums.files, below.partitions
            if known != (*totals, snapshot.partitions):
                found |= self.nodes.wrong(
                    "table-wrong",
                    pack,
                    f"the totals of table {entry.name} are not those of its files",
                )
        return found

    def _manifest(self, table: StoredTable, place: Place, extra: bytes, *, holder: str) -> Known:
        rows = DataFileRows(len(table.snapshot.partition_by))

        def leaf(columns: "object", pack: str) -> frozenset[int]:
            files = rows.from_columns(columns)  # type: ignore[arg-type]
            found = NOTHING
            for file in files:
                if file.file_schema not in table.snapshot.file_schemas:
                    found |= self.nodes.wrong(
                        "table-wrong", pack, f"the file schema of {file.path} is missing"
                    )
            return found if found or extra == METADATA else self._files.check(table, files)

        assert table.snapshot.manifest is not None, "the table has files"
        width = f"{len(table.snapshot.partition_by)}".encode()
        trees = TreeChecker(self.nodes, self._known, extra=extra + width, kind=rows)
        return trees.check(
            table.snapshot.manifest, place, table.snapshot.levels, holder=holder, leaf=leaf
        )

    def _changes(self, commit_id: str, commit: Commit) -> frozenset[int]:
        """Verifies change lists and details of lineage, and compares lists with manifests."""
        found = NOTHING
        for name, change in commit.changes.items():
            if change.change_list is None:
                continue
            try:
                entry = self._commits.entry(commit_id, name)
                if entry is None:
                    continue
                table = self._commits.table(entry)
                width = len(table.snapshot.partition_by)
                listed = self._commits.change_list(commit_id, name, width)
            except CatalogError:
                continue  # the nodes are verified by themselves
            assert listed is not None, "there is a list"
            removed, added = listed
            if (len(added), len(removed)) != (change.files_added, change.files_removed):
                found |= self._unlike(commit_id, name)
            elif self._deep or len(removed) + len(added) <= LISTED:
                found |= self._compared(commit_id, commit, name, listed=listed)
        for entry_of in commit.lineage.values():
            detail = entry_of.get("detail") if isinstance(entry_of, Mapping) else None
            place = self._placed(commit_id).get(str(detail))
            if place is not None:
                try:
                    node = self._commits.nodes.json(str(detail), place)
                    parse_json(node.content, "lineage")
                except CatalogError as error:
                    one = str(detail), place
                    found |= self.nodes.tell(place.pack, error, node=one, holder=commit_id)
        return found

    def _compared(
        self,
        commit_id: str,
        commit: Commit,
        name: str,
        *,
        listed: object,
    ) -> frozenset[int]:
        parent = commit.parents[0] if commit.parents else EMPTY_ID
        try:
            new = self._cached.entry(commit_id, name)
            old = None if parent == EMPTY_ID else self._cached.entry(parent, name)
            after = None if new is None else self._cached.table(new)
            before = None if old is None else self._cached.table(old)
            if after is None or (
                before is not None and before.snapshot.table_id != after.snapshot.table_id
            ):
                return NOTHING
            rows = DataFileRows(len(after.snapshot.partition_by))
            reader = TreeReader(rows, self._cached.nodes)
            found = tree_diff.differences(reader, root_of(before), root_of(after))
        except CatalogError:
            return NOTHING  # the nodes are verified by themselves
        if (found.removed, found.added) == listed:
            return NOTHING
        return self._unlike(commit_id, name)

    def _unlike(self, commit_id: str, name: str) -> frozenset[int]:
        return self.nodes.wrong(
            "changes-wrong",
            commit_id,
            f"the list of what commit {commit_id[:12]} changed in {name} is not what it changed",
        )

    def rest(self) -> None:
        """Verifies the packs that are pointed into, and whose own commits were not met."""
        wrong = {place.pack for _, place in self.nodes.misplaced}
        for pack in sorted(self.nodes.packs - self._walked):
            commit_id = pack.hex()
            if commit_id in wrong and not self._present.has(pack_path(commit_id)):
                continue
            self._present.need(pack_path(commit_id))
            try:
                places = self._commits.nodes.head(commit_id).places
            except CatalogError as error:
                self.nodes.tell(commit_id, error)
                continue
            for node_id, place in places.items():
                if place.pack == commit_id:
                    self.nodes.generic(node_id, place, holder=commit_id)


def _entry_key(entry: PlacedEntry) -> bytes:
    assert entry.place is not None, "a stored snapshot has a place"
    return place_key(entry.entry.snapshot, entry.place, b"marks")
