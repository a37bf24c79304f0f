"""The past of rows in plain Python, from all rows of a table at every commit.

It shares no code with the product: it reads each commit in full and compares dictionaries.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from catalog.catalog import Catalog

Row = dict[str, object]


@dataclass(frozen=True)
class TableState:
    """A table at a commit: its id, its columns with their ids, all rows; None without a table."""

    table_id: str
    columns: dict[str, int]
    rows: list[Row]


@dataclass
class Everything:
    """All rows of a table at every commit that is reachable."""

    cat: Catalog
    table: str
    states: dict[str, TableState | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session = self.cat.connect("main")

    def at(self, commit_id: str) -> TableState | None:
        if commit_id not in self.states:
            self.states[commit_id] = self._read(commit_id)
        return self.states[commit_id]

    def _read(self, commit_id: str) -> TableState | None:
        if self.table not in {one.name for one in self.cat.tables(commit_id)}:
            return None
        found = self.cat.table(self.table, commit_id)
        columns = {f.name: f.id for f in found.schema.fields}
        read = self.session.sql(f"FROM {self.table}@{commit_id}").to_arrow_table()
        return TableState(found.table_id, columns, read.to_pylist())

    def had_duplicates(self, key: Row) -> bool:
        return any(len(self.rows(commit_id, key)) > 1 for commit_id in self.states)

    def parents(self, commit_id: str) -> Sequence[str]:
        return self.cat.show(commit_id).parents

    def rows(self, commit_id: str, key: Row) -> list[Row]:
        state = self.at(commit_id)
        if state is None or not key.keys() <= state.columns.keys():
            return []
        return [row for row in state.rows if all(row[c] == v for c, v in key.items())]


@dataclass(frozen=True)
class Pair:
    """How the rows of a key in a commit stand to those of a parent."""

    before: list[Row]
    after: list[Row]
    partners: dict[int, int]
    names: dict[str, str]

    @property
    def same(self) -> bool:
        whole = len(self.partners) == len(self.before) == len(self.after)
        return whole and not any(self.differing(n) for n in self.partners)

    def differing(self, row: int) -> set[str]:
        """Returns the columns of a row that differ; a new one if it has a value."""
        old = self.before[self.partners[row]]
        return {
            name
            for name, value in self.after[row].items()
            if (value != old[self.names[name]] if name in self.names else value is not None)
        }


def pair(everything: Everything, parent: str | None, commit: str, key: Row) -> Pair:
    old = None if parent is None else everything.at(parent)
    new = everything.at(commit)
    after = everything.rows(commit, key)
    if old is None or new is None:
        before = [] if parent is None else everything.rows(parent, key)
        return Pair(before, after, {}, {})
    names = matched(old, new)
    old_key = {names.get(name, name): value for name, value in key.items()}
    before = everything.rows(parent or "", old_key)
    found = Pair(before, after, {}, names)
    for n in range(len(after)):
        for m in range(len(before)):
            if m not in found.partners.values() and n not in found.partners:
                found.partners[n] = m
                if found.differing(n):
                    del found.partners[n]
    left = [m for m in range(len(before)) if m not in found.partners.values()]
    right = [n for n in range(len(after)) if n not in found.partners]
    if len(left) == len(right) == 1:
        found.partners[right[0]] = left[0]
    return found


def matched(old: TableState, new: TableState) -> dict[str, str]:
    """Returns the older name of each column that both have."""
    if old.table_id != new.table_id:
        return {name: name for name in new.columns if name in old.columns}
    by_id = {i: name for name, i in old.columns.items()}
    names = {name: by_id[i] for name, i in new.columns.items() if i in by_id}
    rest = set(old.columns) - set(names.values())
    return names | {name: name for name in new.columns if name not in names and name in rest}


def older_key(everything: Everything, parent: str, commit: str, key: Row) -> Row:
    old, new = everything.at(parent), everything.at(commit)
    if old is None or new is None:
        return key
    names = matched(old, new)
    return {names.get(name, name): value for name, value in key.items()}


def expected_history(everything: Everything, head: str, key: Row) -> list[tuple[str, str]]:
    """Returns what commits did to the rows of a key, unordered among unrelated ones."""
    found: list[tuple[str, str]] = []
    seen: set[tuple[str, str]] = set()
    pending = [(head, key)]
    while pending:
        commit, key = pending.pop()
        if (commit, repr(key)) in seen:
            continue
        seen.add((commit, repr(key)))
        pairs = []
        for parent in everything.parents(commit):
            pairs.append((parent, pair(everything, parent, commit, key)))
            if pairs[-1][1].same:
                break
        if pairs and pairs[-1][1].same:
            pending.append((pairs[-1][0], older_key(everything, pairs[-1][0], commit, key)))
            continue
        first = pairs[0][1] if pairs else pair(everything, None, commit, key)
        for n in range(len(first.after)):
            if n not in first.partners:
                found.append((commit, "inserted"))
            elif first.differing(n):
                found.append((commit, f"updated {sorted(first.differing(n))}"))
        gone = len(first.before) - len(first.partners)
        found += [(commit, "deleted")] * gone
        pending += [(p, older_key(everything, p, commit, key)) for p, _ in pairs]
    return sorted(found)


def author(everything: Everything, commit: str, key: Row, row: int, column: str | None) -> str:
    """Returns the commit that made a cell what it is, or a row (None)."""
    while True:
        for parent in everything.parents(commit):
            found = pair(everything, parent, commit, key)
            if row not in found.partners:
                continue
            differing = found.differing(row)
            if column is None:
                if not differing:
                    step = (parent, found.partners[row], None)
                    break
            elif column in found.names and column not in differing:
                step = (parent, found.partners[row], found.names[column])
                break
        else:
            return commit
        key = older_key(everything, step[0], commit, key)
        commit, row, column = step
