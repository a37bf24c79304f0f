"""Histories of any operations against a model: commits as rows, merged by the oracle.

Of the table without a key the model knows files, too: one that both sides added counts once.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

import catalog
from catalog.model.listings import CommitInfo
from catalog.operations.tables import stored_table
from catalog.repository.datafiles import readable
from catalog.repository.tables import data_files
from tests.oracle.merge import MergeRow, Taking, merge_tables, multiset

from .merges import check_totals

Rows = Sequence[MergeRow]
Tables = Mapping[str, Rows]
Files = Mapping[str, Rows]
"""The rows of the files of the table without a key, by their names."""

Home = Callable[[], AbstractContextManager[str]]
"""Gives a directory, or a prefix of a bucket, in which nothing is yet."""

COLUMNS = ("k", "v", "w", "p")
KEYS: dict[str, tuple[str, ...]] = {"keyed": ("k",), "keyless": ()}
PARTITIONS: dict[str, tuple[str, ...]] = {"keyed": ("p",), "keyless": ()}
SCHEMA = pa.schema([("k", pa.int64()), ("v", pa.int64()), ("w", pa.string()), ("p", pa.string())])

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "k": st.integers(0, 4),
            "v": st.none() | st.integers(0, 2),
            "w": st.sampled_from(["x", "y"]),
            "p": st.sampled_from(["a", "b"]),
        }
    ),
    max_size=4,
    unique_by=lambda row: row["k"],
)
EDITS = ROWS.filter(lambda rows: len(rows) > 1)
RESOLVE = st.sampled_from([None, None, "ours", "theirs"])


@dataclass(frozen=True)
class Node:
    """A commit of the model; files may be unknown if the model made it up on the way."""

    parents: tuple[str, ...]
    tables: Tables
    files: Files | None


class ClashError(Exception):
    """The model finds a conflict."""


class Model:
    """Commits by their ids, merged by the oracle."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.virtual = 0

    def ancestors(self, commit: str) -> set[str]:
        found, pending = set(), [commit]
        while pending:
            if (one := pending.pop()) not in found:
                found.add(one)
                pending += self.nodes[one].parents
        return found

    def generation(self, commit: str) -> int:
        return 1 + max((self.generation(p) for p in self.nodes[commit].parents), default=-1)

    def bases(self, left: str, right: str) -> list[str]:
        common = self.ancestors(left) & self.ancestors(right)
        below = {a for c in common for a in self.ancestors(c) - {c}}
        return sorted(common - below, key=lambda c: (-self.generation(c), c))

    def base(self, left: str, right: str) -> str:
        base, *others = self.bases(left, right)
        for other in others:
            merged = self.merged(self.base(base, other), base, other, "base")
            base = self.made((base, other), merged, None)
        return base

    def made(self, parents: tuple[str, ...], tables: Tables, files: Files | None) -> str:
        self.virtual += 1
        name = f"model {self.virtual}"
        self.nodes[name] = Node(parents, tables, files)
        return name

    def added_by_both(self, base: str, ours: str, theirs: str) -> Rows:
        """Gives the rows of files that both sides added where nobody took any away."""
        before, mine, yours = (self.nodes[c].files for c in (base, ours, theirs))
        if before is None or mine is None or yours is None:
            return ()
        common = mine.keys() & yours.keys()
        if not before.keys() <= common:
            return ()
        return [row for name in common - before.keys() for row in mine[name]]

    def merged_files(self, base: str, ours: str, theirs: str) -> Files | None:
        """Gives the files after a merge of which one side changed none; else they are unknown."""
        before, mine, yours = (self.nodes[c].files for c in (base, ours, theirs))
        if before is not None and mine == before:
            return yours
        return mine if before is not None and yours == before else None

    def merged(self, base: str, ours: str, theirs: str, resolve: Taking) -> Tables:
        merged: dict[str, Rows] = {}
        for table, key in KEYS.items():
            before, mine, yours = (self.nodes[c].tables[table] for c in (base, ours, theirs))
            if not key:
                before = [*before, *self.added_by_both(base, ours, theirs)]
            outcome = merge_tables(
                before,
                mine,
                yours,
                key=key,
                columns=COLUMNS,
                partition=PARTITIONS[table],
                resolve=resolve,
            )
            if outcome.conflicts and resolve is None:
                raise ClashError
            merged[table] = outcome.rows
        return merged

    def rebased(self, head: str, target: str, resolve: Taking) -> Tables:
        """Gives what a branch has after it was rebased."""
        own, known = [], self.ancestors(target)
        while head not in known:
            own.append(head)
            head = self.nodes[head].parents[0]
        at = target
        for commit in reversed(own):
            before, *others = self.nodes[commit].parents
            for other in others:
                had = self.bases(other, target)[0]
                if had not in self.ancestors(before):
                    known_base = self.base(before, had)
                    merged = self.merged(known_base, before, had, "base")
                    files = self.merged_files(known_base, before, had)
                    before = self.made((before, had), merged, files)
            merged = self.merged(before, at, commit, resolve)
            at = self.made((at,), merged, self.merged_files(before, at, commit))
        return self.nodes[at].tables


class Histories(RuleBasedStateMachine):
    branches = Bundle("branches")

    def __init__(self, home: AbstractContextManager[str]) -> None:
        super().__init__()
        self.held = ExitStack()
        self.cat = catalog.create(f"{self.held.enter_context(home)}/lake")
        self.model = Model()
        self.heads: dict[str, str] = {}
        self.checked: set[str] = set()

    def teardown(self) -> None:
        self.held.close()

    @initialize(target=branches, keyed=ROWS, keyless=ROWS)
    def start(self, keyed: Rows, keyless: Rows) -> MultipleResults[str]:
        first = self.cat.resolve("main").commit_id
        self.model.nodes[first] = Node((), {"keyed": (), "keyless": ()}, {})
        with self.cat.transaction("main") as tx:
            for name, rows in (("keyed", keyed), ("keyless", keyless)):
                tx.write(
                    name,
                    pa.Table.from_pylist(list(rows), schema=SCHEMA),
                    mode="overwrite",
                    key=KEYS[name],
                    partition_by=PARTITIONS[name],
                )
        names = ("main", "b0", "b1")
        for name in names:
            if name != "main":
                self.cat.branches.create(name, at="main")
            self.follow(name, {"keyed": keyed, "keyless": keyless})
        return multiple(*names)

    def follow(self, branch: str, tables: Tables) -> None:
        """Notes where a branch is now, and what it must have there."""
        head = self.cat.resolve(branch).commit_id
        self.heads[branch] = head
        if head not in self.model.nodes:
            for info in reversed(self.cat.log(branch)):
                if info.id not in self.model.nodes:
                    there = tables if info.id == head else self.actual(info.id)
                    self.model.nodes[info.id] = self.node(info, there)
            if head not in self.model.nodes:
                self.model.nodes[head] = self.node(self.cat.show(head), tables)
        had = self.model.nodes[head].tables
        for table in KEYS:
            assert multiset(had[table], COLUMNS) == multiset(tables[table], COLUMNS)

    def node(self, info: CommitInfo, tables: Tables) -> Node:
        repository = self.cat.repository
        stored = stored_table(repository, "keyless", self.cat.resolve(info.id))
        files = {}
        for file in data_files(repository.commits, stored):
            with pq.ParquetFile(readable(repository.store, file)) as parquet:
                files[file.path] = parquet.read().to_pylist()
        return Node(tuple(info.parents), tables, files)

    def actual(self, commit: str) -> dict[str, Rows]:
        found = {}
        for table in KEYS:
            rows = self.cat.sql(f"SELECT k, v, w, p FROM {table}", ref=commit).fetchall()
            found[table] = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        return found

    def tables(self, branch: str) -> Tables:
        return self.model.nodes[self.heads[branch]].tables

    @rule(target=branches, at=branches, number=st.integers(0, 3))
    def create_branch(self, at: str, number: int) -> str:
        name = f"b{number}"
        if name not in self.heads:
            self.cat.branches.create(name, at=at)
            self.follow(name, self.tables(at))
        return name

    @rule(branch=branches, table=st.sampled_from(list(KEYS)), rows=ROWS)
    def overwrite(self, branch: str, table: str, rows: Rows) -> None:
        data = pa.Table.from_pylist(list(rows), schema=SCHEMA)
        with self.cat.transaction(branch) as tx:
            tx.write(table, data, mode="overwrite", partition_by=PARTITIONS[table])
        self.follow(branch, {**self.tables(branch), table: rows})

    @rule(branch=branches, rows=ROWS)
    def upsert(self, branch: str, rows: Rows) -> None:
        with self.cat.transaction(branch) as tx:
            tx.write("keyed", pa.Table.from_pylist(list(rows), schema=SCHEMA), mode="upsert")
        old = {row["k"]: row for row in self.tables(branch)["keyed"]}
        new = {**old, **{row["k"]: row for row in rows}}
        self.follow(branch, {**self.tables(branch), "keyed": list(new.values())})

    @rule(branch=branches, rows=ROWS)
    def append(self, branch: str, rows: Rows) -> None:
        with self.cat.transaction(branch) as tx:
            tx.write("keyless", pa.Table.from_pylist(list(rows), schema=SCHEMA), mode="append")
        both = [*self.tables(branch)["keyless"], *rows]
        self.follow(branch, {**self.tables(branch), "keyless": both})

    @rule(source=branches, into=branches, resolve=RESOLVE, squash=st.booleans())
    def merge(self, source: str, into: str, resolve: Taking, squash: bool) -> None:
        ours, theirs = self.heads[into], self.heads[source]
        base = self.model.base(ours, theirs)
        try:
            expected = self.model.merged(base, ours, theirs, resolve)
        except ClashError:
            self.settle(source, into, base, squash)
            return
        self.cat.merge(source, into=into, resolve=resolve, squash=squash)  # type: ignore[arg-type]
        self.follow(into, expected)

    @rule(source=branches, into=branches, mine=EDITS, yours=EDITS, resolve=RESOLVE)
    def part_and_merge(
        self, source: str, into: str, mine: Rows, yours: Rows, resolve: Taking
    ) -> None:
        """Changes the same few keys on two branches, and merges them."""
        for branch, rows in ((into, mine), (source, yours)):
            self.upsert(branch, rows)
            self.overwrite(branch, "keyless", [*rows, *self.tables(branch)["keyless"][1:]])
        self.merge(source, into, resolve, squash=False)

    def settle(self, source: str, into: str, base: str, squash: bool) -> None:
        """Merges what clashes, and takes a side afterwards, or none."""
        try:
            self.cat.merge(source, into=into, squash=squash)
            raise AssertionError("the model clashes")
        except catalog.MergeConflict:
            pass
        if len(self.model.nodes) % 3 == 0:
            self.cat.abort_merge(source, into=into)
            return
        side: Taking = "ours" if len(self.model.nodes) % 3 == 1 else "theirs"
        expected = self.model.merged(base, self.heads[into], self.heads[source], side)
        self.cat.continue_merge(source, into=into, resolve=side)  # type: ignore[arg-type]
        self.follow(into, expected)

    def parent(self, commit: str) -> str | None:
        parents = self.model.nodes[commit].parents
        return parents[0] if parents and self.model.nodes[parents[0]].parents else None

    @rule(source=branches, branch=branches, back=st.booleans(), resolve=RESOLVE)
    def replay(self, source: str, branch: str, back: bool, resolve: Taking) -> None:
        """Picks the newest commit of a branch, or takes it back."""
        commit, ours = self.heads[source], self.heads[branch]
        parent = self.parent(commit)
        if parent is None:
            return
        ends = (commit, ours, parent) if back else (parent, ours, commit)
        do = self.cat.revert if back else self.cat.cherry_pick
        try:
            expected = self.model.merged(*ends, resolve)
        except ClashError:
            try:
                do(commit, branch=branch)
                raise AssertionError("the model clashes")
            except catalog.MergeConflict:
                return
        do(commit, branch=branch, resolve=resolve)  # type: ignore[arg-type]
        self.follow(branch, expected)

    @rule(branch=branches, onto=branches, resolve=RESOLVE)
    def rebase(self, branch: str, onto: str, resolve: Taking) -> None:
        head, target = self.heads[branch], self.heads[onto]
        if target in self.model.ancestors(head):
            self.cat.rebase(branch, onto=onto)
            return
        try:
            expected = self.model.rebased(head, target, resolve)
        except ClashError:
            try:
                self.cat.rebase(branch, onto=onto)
                raise AssertionError("the model clashes")
            except catalog.MergeConflict:
                return
        self.cat.rebase(branch, onto=onto, resolve=resolve)  # type: ignore[arg-type]
        self.follow(branch, expected)

    @rule(branch=branches, to=branches, back=st.integers(0, 2))
    def reset(self, branch: str, to: str, back: int) -> None:
        commit = self.heads[to]
        for _ in range(back):
            commit = self.parent(commit) or commit
        self.cat.reset(branch, to=commit)
        self.follow(branch, self.model.nodes[commit].tables)

    @precondition(lambda self: bool(self.heads))
    @rule(branch=branches, number=st.integers(0, 3))
    def tag(self, branch: str, number: int) -> None:
        name = f"v{number}"
        if name not in self.heads:
            self.cat.tags.create(name, at=branch)
            self.heads[name] = self.heads[branch]

    @invariant()
    def refs_have_what_the_model_has(self) -> None:
        for name, head in self.heads.items():
            assert self.cat.resolve(name).commit_id == head
            if head in self.checked:
                continue
            actual = self.actual(head)
            for table in KEYS:
                wanted = multiset(self.model.nodes[head].tables[table], COLUMNS)
                assert multiset(actual[table], COLUMNS) == wanted, (name, table)
            check_totals(self.cat, head)
            self.checked.add(head)
        names = {branch.name for branch in self.cat.branches.list()}
        assert names == {name for name in self.heads if not name.startswith("v")} | (
            set() if self.heads else {"main"}
        )


def run_histories(home: Home, *, histories: int, steps: int) -> None:
    """Runs histories of random operations, each in a home of its own."""
    run_state_machine_as_test(
        lambda: Histories(home()),
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )
