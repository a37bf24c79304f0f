"""Trees of lineage: ``cat.lineage(…)``."""

from collections.abc import Iterator, Sequence
from typing import Literal

from catalog.errors import ErrorKind, NotFound
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.staleness import staleness
from catalog.model.ids import excerpt
from catalog.model.lineage import Input
from catalog.model.lineage_tree import (
    Dependent,
    Note,
    TableLineage,
    TableNode,
    TableWrite,
    leaves_rows,
)
from catalog.model.listings import commit_info
from catalog.model.texts import check_choice
from catalog.operations.context import OperationContext
from catalog.operations.lineage.columns import Columns, affected, traced
from catalog.operations.lineage.writers import State, Written, last_write
from catalog.operations.tables import stored_table
from catalog.repository.commits import StoredTable
from catalog.repository.repository import Repository
from catalog.repository.table_entries import PlacedEntry

Direction = Literal["upstream", "downstream"]

MOST_DEEP = 50
"""Tables, one made from another, that a tree has at most."""

MOST_NODES = 5_000
"""Tables that a tree has at most: nobody reads more, and each costs reading history."""

MOST_WRITES = 100
"""Commits that are listed of one table, of which each kept what was there."""


def lineage(
    context: OperationContext,
    table: str,
    ref: str,
    *,
    column: str | None,
    direction: Direction,
) -> TableLineage:
    """Returns what a table was made from, or what was made from it; see ``Catalog.lineage``."""
    check_choice(direction, "direction", ("upstream", "downstream"))
    resolved = context.resolve(ref)
    stored = stored_table(context.repository, table, resolved)
    column = None if column is None else _column(stored, column)
    columns = None if column is None else frozenset({column})
    found = TableLineage(stored.name, ref, resolved.commit_id, column)
    if direction == "upstream":
        tree = _Upstream(context.repository, resolved.commit_id)
        node = tree.node(State(stored.name, resolved.commit_id), columns, path=())
        return TableLineage(found.table, ref, found.commit, column, upstream=node)
    down = _Downstream(context.repository, resolved.commit_id, by_column=columns is not None)
    root = down.dependent(stored.name, columns, path=())
    return TableLineage(found.table, ref, found.commit, column, downstream=root)


def _column(stored: StoredTable, name: str) -> str:
    """Returns a column as the table spells it.

    Raises:
        NotFound: There is none.
    """
    names = [field.name for field in stored.snapshot.schema.fields]
    if name in names:
        return name
    alike = [one for one in names if one.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise NotFound(
        f"table {stored.name} has no column {excerpt(name)}",
        kind=ErrorKind.COLUMN_NOT_FOUND,
        hint=f"its columns are {', '.join(names[:20])}",
    )


class _Now:
    """The tables at the ref that was asked about.

    Attributes:
        entries: Their entries by name.
        derived: Whether a derived table is stale, by name.
    """

    def __init__(self, repository: Repository, at: str) -> None:
        self._commits = repository.commits
        self.entries = self._commits.entries(at)
        candidate = Candidate(repository, at)
        found = staleness(candidate, Graph(candidate)) if candidate.derived() else {}
        self.derived = {name: one.is_stale for name, one in found.items()}

    def differs(self, table: str, then: PlacedEntry | None, snapshot: str | None) -> bool:
        """Returns whether a table has other rows now, or is no longer there."""
        now = self.entries.get(table)
        snapshot = then.entry.snapshot if then is not None else snapshot
        if now is None or snapshot is None:
            return True
        if now.entry.snapshot == snapshot:
            return False
        if then is None:
            return True
        both = (self._commits.table(now).snapshot, self._commits.table(then).snapshot)
        return both[0].table_id != both[1].table_id or both[0].rows_id != both[1].rows_id


class _Upstream:
    """Makes the tree of what tables were made from."""

    def __init__(self, repository: Repository, at: str) -> None:
        self._commits = repository.commits
        self._now = _Now(repository, at)
        self._seen: dict[tuple[State, Columns], bool | None] = {}
        self._count = 0

    def node(
        self,
        state: State,
        columns: Columns,
        *,
        path: tuple[State, ...],
        snapshot: str | None = None,
    ) -> TableNode:
        """Returns the tree below a table, of the columns that are asked about."""
        there = None
        if self._commits.exists(state.commit_id):
            there = self._commits.entries(state.commit_id).get(state.table)
        changed = bool(path) and self._now.differs(state.table, there, snapshot)
        shown = None if columns is None else tuple(sorted(columns))

        def ended(note: Note, *, stale: bool | None = None) -> TableNode:
            return TableNode(
                state.table, state.commit_id, shown, (), changed, note, known_stale=stale
            )

        if there is None:
            return ended("gone")
        write = last_write(self._commits, state)
        if write is None:
            return ended("gone")
        if (write.state, columns) in self._seen:
            return ended("again", stale=self._seen[write.state, columns])
        self._count += 1
        if len(path) >= MOST_DEEP or self._count > MOST_NODES:
            return ended("deep")
        self._seen[write.state, columns] = None
        writes, more = self._writes(state, columns, path=(*path, state))
        node = TableNode(
            state.table,
            state.commit_id,
            shown,
            tuple(writes),
            changed,
            more=more,
            known_stale=None if changed else self._now.derived.get(state.table),
        )
        self._seen[write.state, columns] = node.is_stale
        return node

    def _writes(
        self, state: State, columns: Columns, *, path: tuple[State, ...]
    ) -> tuple[list[TableWrite], bool]:
        """Returns the commits that rows come from, and whether there are more than that."""
        writes: list[TableWrite] = []
        pending: list[tuple[State, Columns]] = [(state, columns)]
        seen: set[tuple[State, Columns]] = set()
        while pending:
            at, wanted = pending.pop(0)
            write = last_write(self._commits, at)
            if write is None or (write.state, wanted) in seen:
                continue
            if len(seen) >= MOST_WRITES:
                return writes, True
            seen.add((write.state, wanted))
            found = traced(write, wanted)
            if found.takes_part and not leaves_rows(write.entry):
                nodes = tuple(self._inputs(write, found.inputs, path))
                commit = commit_info(write.state.commit_id, write.commit)
                writes.append(TableWrite(commit, write.entry, nodes))
            if found.former is None or found.former:
                pending += [(former, found.former) for former in write.formers]
        return writes, False

    def _inputs(
        self, write: Written, inputs: dict[Input, Columns], path: tuple[State, ...]
    ) -> Iterator[TableNode]:
        for one, columns in inputs.items():
            state = State(one.table, one.commit or write.state.commit_id)
            yield self.node(state, columns, path=path, snapshot=one.snapshot)


class _Downstream:
    """Makes the tree of what was made from a table, as all tables are at one commit."""

    def __init__(self, repository: Repository, at: str, *, by_column: bool) -> None:
        self._commits = repository.commits
        self._now = _Now(repository, at)
        self._at = at
        self._by_column = by_column
        self._readers = self._read()
        self._seen: set[tuple[str, Columns]] = set()

    def dependent(
        self,
        table: str,
        columns: Columns,
        *,
        path: tuple[str, ...],
        write: Written | None = None,
        is_stale: bool = False,
    ) -> Dependent:
        """Returns the tree below a table, of what depends on columns of it."""
        shown = None if columns is None else tuple(sorted(columns))
        made = None
        if write is not None:
            made = TableWrite(commit_info(write.state.commit_id, write.commit), write.entry)
        note: Note = "again" if table in path or (table, columns) in self._seen else ""
        if len(path) >= MOST_DEEP or len(self._seen) >= MOST_NODES:
            note = "deep"
        if note:
            return Dependent(table, shown, made, is_stale, (), note)
        self._seen.add((table, columns))
        below = []
        for reader, writes in self._readers.get(table.casefold(), {}).items():
            depends = self._affected(writes, table, columns) if self._by_column else None
            if depends is not None and not depends:
                continue
            behind = self._now.derived.get(reader)
            if behind is None:
                behind = is_stale or any(
                    one.table.casefold() == table.casefold() and self._differs(write, one)
                    for write in writes
                    for one in write.inputs.values()
                )
            below.append(
                self.dependent(
                    reader, depends, path=(*path, table), write=writes[0], is_stale=behind
                )
            )
        return Dependent(table, shown, made, is_stale, tuple(below))

    def _affected(self, writes: Sequence[Written], table: str, columns: Columns) -> Columns:
        """Returns which columns of a table depend on another one, by all that wrote it."""
        found: set[str] = set()
        for write in writes:
            one = None if write.entry is None else affected(write.entry, table, columns)
            if one is None:
                return None
            found |= one
        return frozenset(found)

    def _differs(self, write: Written, one: Input) -> bool:
        commit = one.commit or write.state.commit_id
        there = None
        if self._commits.exists(commit):
            there = self._commits.entries(commit).get(one.table)
        return self._now.differs(one.table, there, one.snapshot)

    def _read(self) -> dict[str, dict[str, list[Written]]]:
        """Returns, by folded name of a table, the tables made from it and what read it for them."""
        readers: dict[str, dict[str, list[Written]]] = {}
        for name in sorted(self._now.entries):
            pending, seen = [State(name, self._at)], set[State]()
            while pending and len(seen) < MOST_WRITES:
                write = last_write(self._commits, pending.pop(0))
                if write is None or write.state in seen:
                    continue
                seen.add(write.state)
                pending += write.formers
                for read in {one.table.casefold() for one in write.inputs.values()}:
                    if read != name.casefold():
                        readers.setdefault(read, {}).setdefault(name, []).append(write)
        return readers
