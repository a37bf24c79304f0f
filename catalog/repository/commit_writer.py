"""New commits: from table updates to a pack in the store."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from weakref import WeakKeyDictionary

from catalog.dataclasses import dataclass, field, replace
from catalog.model import table as table_model
from catalog.model.commit import (
    INLINE_TABLES,
    LISTED,
    Commit,
    TableChange,
    TableEntry,
)
from catalog.model.datafile import DataFile
from catalog.model.ids import canonical_json, content_id, random_id
from catalog.model.lineage import StoredLineage
from catalog.model.table import TableSnapshot
from catalog.model.texts import check_text, check_texts
from catalog.repository import columnar
from catalog.repository.commits import CHANGES_KIND, Commits, Mark, StoredTable, marks
from catalog.repository.creation import create_named
from catalog.repository.manifest import DataFileRows
from catalog.repository.nodes import PackBuilder
from catalog.repository.pack import pack_path
from catalog.repository.table_entries import PlacedEntry, TableRows
from catalog.repository.tables import files_in_partition, root_of
from catalog.repository.tree import Root, TreeReader, TreeWriter
from catalog.repository.tree_edit import edit
from catalog.storage.store import ObjectStore

MAX_CHANGE_LIST = 1000
"""Changed files per table up to which a commit lists them: such a list takes about 60 kB
for 8 columns; walking the trees costs as much beyond."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class TableUpdate:
    """What a commit does to one table; only the same object is the same update.

    Attributes:
        name: The table.
        base: The table in the parent commit; None if it is new.
        snapshot: Schema, key, spec and properties to come; totals and manifest are
            filled in. None drops the table; one of another table id than that of ``base`` is
            another table in its place.
        removed: Files of ``base`` that go; those of another table go in any case.
        added: Files that come.
        stored: The table as another commit has it already, if it is to be just that; the
            snapshot is that one's then, and nothing of it is written again.
        moved: The table under another name in the parent commit, if this is that one renamed:
            files go and come relative to it, and its manifest is edited, not rebuilt.
        same_rows: Whether the files that come have just the rows of those that go.
    """

    name: str
    base: StoredTable | None
    snapshot: TableSnapshot | None
    removed: Sequence[DataFile] = ()
    added: Sequence[DataFile] = ()
    stored: PlacedEntry | None = None
    moved: StoredTable | None = None
    same_rows: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """Who commits, when and why, and what a gate found; see ``Commit``."""

    author: str
    time: datetime.datetime
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    lineage: Mapping[str, StoredLineage] = field(default_factory=dict)
    gate: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        check_text(self.author, "the author")
        check_text(self.message, "the message")
        check_texts(self.metadata, "metadata")


def _add_lineage(
    lineage: Mapping[str, StoredLineage], pack: PackBuilder
) -> tuple[dict[str, object], list[str]]:
    """Adds what is long in a commit's lineage to its pack; returns the lineage and those nodes."""
    entries: dict[str, object] = {}
    details: list[str] = []
    for table, stored in lineage.items():
        entry = {name: value for name, value in stored.entry.items() if name != "detail"}
        if stored.detail is not None:
            node = pack.add_json(canonical_json(stored.detail), {}, ())
            entry["detail"] = node
            details.append(node)
        entries[table] = entry
    return entries, details


def _with_same_rows(update: TableUpdate, table: TableSnapshot) -> TableSnapshot:
    """Returns a table that says which rows it has, if they are those of its base."""
    own, base = table.content, None if update.base is None else update.base.snapshot
    if (
        update.same_rows
        and base is not None
        and (base.schema, base.partition_by)
        == (
            table.schema,
            table.partition_by,
        )
    ):
        earlier = base.rows_id
        return replace(table, same_rows=None if earlier == own else (own, earlier))
    if table.same_rows is not None and table.same_rows[0] != own:
        return replace(table, same_rows=None)
    return table


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What a commit says of an updated table, whatever its parents are."""

    entry: PlacedEntry
    snapshot: TableSnapshot
    change: TableChange
    nodes: PackBuilder


class CommitWriter:
    """Writes commits into a store.

    What it makes of an update it keeps for as long as the update lives: a commit that is
    written again on another parent, after a lost race, encodes no tree again.
    """

    def __init__(
        self,
        store: ObjectStore,
        commits: Commits,
        new_id: Callable[[], str] = random_id,
        *,
        note: Callable[[str, Iterable[str]], None] = lambda commit_id, paths: None,
    ) -> None:
        self._store = store
        self._commits = commits
        self._new_id = new_id
        self._note = note
        self._known: WeakKeyDictionary[TableUpdate, _Encoded] = WeakKeyDictionary()

    def _encoded(self, update: TableUpdate, snapshot: TableSnapshot) -> _Encoded:
        known = self._known.get(update)
        if known is None:
            nodes = PackBuilder()
            entry, complete = (
                (update.stored, snapshot)
                if update.stored is not None
                else self._write_table(update, snapshot, nodes)
            )
            change = self._write_changes(update, snapshot, nodes)
            known = self._known[update] = _Encoded(entry, complete, change, nodes)
        return known

    def table_to_come(self, update: TableUpdate) -> tuple[str, TableSnapshot]:
        """Returns the table snapshot, and its id, that a commit with an update will have.

        The table is not dropped by it.
        """
        assert update.snapshot is not None, "the table is not dropped"
        encoded = self._encoded(update, update.snapshot)
        return encoded.entry.entry.snapshot, encoded.snapshot

    def write(
        self, parents: Sequence[str], updates: Sequence[TableUpdate], about: Description
    ) -> str:
        """Writes the pack of a commit and returns the commit id; no ref moves.

        The updates, at most one per table, are relative to the first parent. The time is moved
        after the parents' where it is not.
        """
        pack = PackBuilder()
        edits: dict[str, PlacedEntry | None] = {}
        changes: dict[str, TableChange] = {}
        for update in updates:
            if update.snapshot is None:
                edits[update.name] = None
                gone = 0 if update.base is None else update.base.snapshot.files
                changes[update.name] = TableChange(0, gone, None)
                continue
            encoded = self._encoded(update, update.snapshot)
            pack.take(encoded.nodes)
            edits[update.name], changes[update.name] = encoded.entry, encoded.change
        inline, root = self._write_entries(edits, parents, pack)
        listed = () if inline is None else inline.values()
        known = {e.entry.snapshot: e.place for e in listed if e.place is not None}
        pointed = [e.entry.snapshot for e in listed]
        pointed += [c.change_list for c in changes.values() if c.change_list is not None]
        if root is not None:
            pointed.append(root.id)
            known |= {root.id: root.place} if root.place is not None else {}
        lineage, details = _add_lineage(about.lineage, pack)
        pointed += details
        commit = self._commit(
            parents,
            about,
            lineage=lineage,
            changes=changes,
            inline=None if inline is None else {name: e.entry for name, e in inline.items()},
            root=root,
            marked={mark: self._marked(parents, updates, mark) for mark in marks()},
        )
        content = commit.to_bytes()
        data = pack.build(content, known, pointed)
        commit_id = content_id(content)
        self._note(commit_id, (file.path for update in updates for file in update.added))
        if create_named(self._store, pack_path(commit_id), data):
            self._commits.nodes.know(commit_id, data)
        else:
            self._commits.nodes.head(commit_id)
        return commit_id

    def _commit(
        self,
        parents: Sequence[str],
        about: Description,
        *,
        lineage: Mapping[str, object],
        changes: Mapping[str, TableChange],
        inline: Mapping[str, TableEntry] | None,
        root: Root | None,
        marked: Mapping[Mark, tuple[str, ...] | None],
    ) -> Commit:
        before = [self._commits.read(parent) for parent in parents]
        return Commit(
            parents=tuple(parents),
            generation=max((p.generation for p in before), default=-1) + 1,
            tables=inline,
            tables_tree=None if root is None else root.id,
            changes=changes,
            author=about.author,
            time=max([about.time, *(p.time for p in before)]),
            message=about.message,
            metadata=about.metadata,
            lineage=lineage,
            tables_levels=0 if root is None else root.levels,
            derived=marked["derived"],
            checked=marked["checked"],
            gate=about.gate,
        )

    def _marked(
        self, parents: Sequence[str], updates: Sequence[TableUpdate], mark: Mark
    ) -> tuple[str, ...] | None:
        """Returns the names of the tables of a kind to come; None if those before are unknown."""
        before = self._commits.known_marked(parents[0], mark) if parents else ()
        if before is None:
            return None
        names = set(before).difference(update.name for update in updates)
        for update in updates:
            if update.snapshot is not None and marks()[mark](update.snapshot.properties):
                names.add(update.name)
        return tuple(sorted(names)) if len(names) <= LISTED else None

    def _write_entries(
        self,
        edits: Mapping[str, PlacedEntry | None],
        parents: Sequence[str],
        pack: PackBuilder,
    ) -> tuple[Mapping[str, PlacedEntry] | None, Root | None]:
        """Returns the entries to come if they are few; else it writes their tree."""
        old = self._commits.entries(parents[0]) if parents else {}
        tree = self._commits.tree(parents[0]) if parents else None
        gone = sum(entry is None for entry in edits.values())
        rows = TableRows()
        if tree is None or not tree.has_more_than(INLINE_TABLES + gone):
            entries = {n: e for n, e in {**old, **edits}.items() if e is not None}
            if len(entries) <= INLINE_TABLES:
                return entries, None
            if tree is None:
                return None, TreeWriter(rows, pack).build(sorted(entries.values(), key=rows.key))
        changed = {name.encode(): entry for name, entry in edits.items() if old.get(name) != entry}
        return None, edit(tree.reader, tree.root, changed, pack)

    def _write_table(
        self, update: TableUpdate, snapshot: TableSnapshot, pack: PackBuilder
    ) -> tuple[PlacedEntry, TableSnapshot]:
        base = update.moved or update.base
        if base is not None and (
            update.removed or update.added or base.snapshot.schema != snapshot.schema
        ):
            snapshot = snapshot.no_longer_of(base.snapshot)
        if base is not None and (
            base.snapshot.partition_by != snapshot.partition_by
            or base.snapshot.table_id != snapshot.table_id
        ):
            base = None
        rows = DataFileRows(len(snapshot.partition_by))
        if base is None:
            root = TreeWriter(rows, pack).build(sorted(update.added, key=rows.key))
        else:
            edits: dict[bytes, DataFile | None] = {rows.key(f): None for f in update.removed}
            edits.update((rows.key(f), f) for f in update.added)
            root = edit(TreeReader(rows, self._commits.nodes), root_of(base), edits, pack)
        old = TableSnapshot(snapshot.schema, 0) if base is None else base.snapshot
        removed = [] if base is None else update.removed
        complete = replace(
            snapshot,
            rows=old.rows + sum(f.rows for f in update.added) - sum(f.rows for f in removed),
            size_bytes=old.size_bytes
            + sum(f.size_bytes for f in update.added)
            - sum(f.size_bytes for f in removed),
            files=old.files + len(update.added) - len(removed),
            partitions=self._partitions(base, removed, update.added),
            manifest=None if root is None else root.id,
            levels=0 if root is None else root.levels,
            table_id=snapshot.table_id or self._new_id(),
        )
        complete = _with_same_rows(update, complete)
        content = canonical_json(table_model.to_json(complete))
        places = {} if root is None or root.place is None else {root.id: root.place}
        node = pack.add_json(content, places, [] if root is None else [root.id])
        entry = TableEntry(node, complete.rows, complete.size_bytes, complete.files)
        return PlacedEntry(update.name, entry, None), complete

    def _partitions(
        self, base: StoredTable | None, removed: Sequence[DataFile], added: Sequence[DataFile]
    ) -> int:
        come = {f.partition for f in added}
        if base is None:
            return len(come)
        if not base.snapshot.partition_by:
            return int(base.snapshot.files + len(added) > len(removed))
        gone = {f.path for f in removed}
        count = base.snapshot.partitions
        for partition in come | {f.partition for f in removed}:
            before = left = False
            for file in files_in_partition(self._commits, base, partition):
                before = True
                if file.path not in gone:
                    left = True
                    break
            count += (left or partition in come) - before
        return count

    def _write_changes(
        self, update: TableUpdate, snapshot: TableSnapshot, pack: PackBuilder
    ) -> TableChange:
        base, counts = update.base, (len(update.added), len(update.removed))
        if update.moved is not None:
            come = update.moved.snapshot.files + counts[0] - counts[1]
            return TableChange(come, 0 if base is None else base.snapshot.files, None)
        if base is not None and base.snapshot.table_id != snapshot.table_id and not update.stored:
            return TableChange(counts[0], base.snapshot.files, None)
        respecified = base is not None and base.snapshot.partition_by != snapshot.partition_by
        if respecified or not 0 < sum(counts) <= MAX_CHANGE_LIST:
            return TableChange(*counts, None)
        rows = DataFileRows(len(snapshot.partition_by))
        removed, added = sorted(update.removed, key=rows.key), sorted(update.added, key=rows.key)
        columns = {
            **rows.to_columns([*removed, *added]),
            "added": columnar.integers([0] * len(removed) + [1] * len(added)),
        }
        node = columnar.node_id(CHANGES_KIND, columns)
        frame = columnar.encode(columns)
        pack.add_columns(node, lambda _: frame)
        return TableChange(*counts, node)
