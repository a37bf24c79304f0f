"""Random histories of branches: a derived table is right at every commit, or marked stale there.

The oracle is DuckDB alone: what a definition yields on the rows that the commit's inputs have.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from catalog import Catalog
from catalog.errors import CatalogError, MergeConflict
from tests.effort import effort

STEPS = effort(8, 15)
KEYS, PARTS, VALUES = range(6), ("x", "y", "z"), range(3)

SOURCES = ("a", "b")
DEFINITIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "per_part": (
        (
            "SELECT p, sum(v) AS s, count(*) AS n FROM a GROUP BY p",
            "SELECT p, sum(v) * 0.1 AS s, count(v) AS n FROM a WHERE id > 0 GROUP BY p",
        ),
        {"partition_by": ["p"]},
    ),
    "joined": (
        (
            "SELECT a.id, a.p, a.v, b.v AS w FROM a JOIN b ON a.id = b.id",
            "SELECT a.id, a.p, a.v, b.v AS w FROM a LEFT JOIN b ON a.id = b.id AND a.p = b.p",
        ),
        {"key": ["id"]},
    ),
    "unioned": (
        ("SELECT p, id, v FROM a UNION ALL SELECT p, id, v FROM b",),
        {"partition_by": ["p"]},
    ),
    "chain": (
        (
            "SELECT p, max(s) AS m, sum(n) AS n FROM per_part GROUP BY p",
            "SELECT p, min(s) AS m, sum(n) AS n FROM per_part WHERE p <> 'x' GROUP BY p",
        ),
        {"partition_by": ["p"]},
    ),
    "diamond": (
        ("SELECT j.id, j.w, c.m FROM joined j JOIN per_part q USING (p) JOIN chain c USING (p)",),
        {},
    ),
    "total": (("SELECT count(*) AS n, sum(m) AS m, avg(w) AS w FROM diamond",), {}),
}
"""Definitions by table, with others that may take their place; each after what it reads."""


def rows_of(rows: list[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    """Returns rows as a multiset in which floats count to 12 digits."""
    return Counter(
        tuple(f"{v:.11e}" if isinstance(v, float) else repr(v) for _, v in sorted(row.items()))
        for row in rows
    )


@dataclass
class History:
    """Does random things to branches of a catalog, and checks every commit that comes of it."""

    cat: Catalog
    rng: random.Random
    branches: list[str] = field(default_factory=lambda: ["main"])
    checked: set[str] = field(default_factory=set)
    right: set[tuple[str, ...]] = field(default_factory=set)
    read: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    oracle: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        self.session = self.cat.connect("main")

    def begin(self) -> None:
        for name in SOURCES:
            self.write("main", name, append=True)
        for name in DEFINITIONS:
            if self.rng.random() < 0.8 or name in ("per_part", "joined"):
                self.derive("main", name)
        self.check()

    def derive(self, branch: str, name: str) -> None:
        sqls, options = DEFINITIONS[name]
        compute = self.rng.random() < 0.8
        try:
            self.cat.derive(name, self.rng.choice(sqls), branch=branch, refresh=compute, **options)
        except CatalogError as error:
            assert error.kind in ("step-failed", "table-not-found", "table-exists"), error

    def write(self, branch: str, table: str, *, append: bool = False) -> None:
        ids = self.rng.sample(KEYS, self.rng.randint(2, 5) if append else 1)
        data = [{"id": n, "p": PARTS[n % 3], "v": self.rng.choice(VALUES)} for n in ids]
        with self.cat.transaction(branch, message=f"write {table}") as tx:
            if not append and self.rng.random() < 0.3:
                tx.sql(f"DELETE FROM {table} WHERE id = {ids[0]}")
            elif not append and self.rng.random() < 0.1:
                tx.sql(f"UPDATE {table} SET v = v + 1")
            else:
                mode = "append" if append else "upsert"
                tx.write(
                    table, pa.Table.from_pylist(data), mode=mode, key=["id"], partition_by=["p"]
                )

    def step(self) -> None:
        """Does one thing; what fails must have moved nothing."""
        rng = self.rng
        branch, other = rng.choice(self.branches), rng.choice(self.branches)
        what = rng.choices(
            ["write", "refresh", "branch", "merge", "rebase", "pick", "revert", "derive", "plain"],
            [6, 3, 2, 6, 2, 2, 2, 1.5, 0.3],
        )[0]
        self.done.append(f"{what} {branch} {other}")
        before = {name: self.cat.resolve(name).commit_id for name in self.branches}
        try:
            getattr(self, f"_{what}")(branch, other)
        except CatalogError as error:
            self.done[-1] += f": {type(error).__name__} {error.message}"
            assert before == {name: self.cat.resolve(name).commit_id for name in self.branches}
            assert isinstance(error, MergeConflict) or error.kind in (
                "step-failed",
                "table-not-found",
                "derivation-cycle",
                "shape-conflict",
            ), error
        self.check()

    def _write(self, branch: str, other: str) -> None:
        self.write(branch, self.rng.choice(SOURCES))

    def _refresh(self, branch: str, other: str) -> None:
        names = [one.table for one in self.cat.stale(branch)]
        some = self.rng.sample(names, 1) if names and self.rng.random() < 0.3 else []
        self.cat.refresh(*some, branch=branch)

    def _branch(self, branch: str, other: str) -> None:
        if len(self.branches) < 4:
            name = f"side-{len(self.branches)}"
            self.cat.branches.create(name, at=branch)
            self.branches.append(name)

    def _merge(self, branch: str, other: str) -> None:
        fresh = not self._stale(branch)
        refresh = self.rng.random() < 0.85
        resolve = self.rng.choice([None, "ours", "theirs"])
        squash = self.rng.random() < 0.2
        try:
            report = self.cat.merge(
                other, into=branch, resolve=resolve, refresh=refresh, squash=squash
            )
        except MergeConflict as conflict:
            if not conflict.branch:
                raise
            self.check(conflict.branch)
            side = self.rng.choice(["ours", "theirs"])
            try:
                report = self.cat.continue_merge(other, into=branch, resolve=side, refresh=refresh)
            except CatalogError:
                self.cat.abort_merge(other, into=branch)
                raise
        said = {one.table for one in report.derived if one.what == "stale"}
        if report.commit is not None:
            now = self._stale(branch)
            assert said == now, report.derived
            assert not (fresh and refresh and now), report.derived

    def _rebase(self, branch: str, other: str) -> None:
        if branch != "main":
            fresh = not self._stale(other)
            report = self.cat.rebase(branch, onto=other, resolve=self._side())
            assert report.after is None or not (fresh and self._stale(branch)), report.derived

    def _pick(self, branch: str, other: str) -> None:
        commit = self.rng.choice(self.cat.log(other)[:6])
        if commit.parents:
            fresh = not self._stale(branch)
            self.cat.cherry_pick(commit.id, branch=branch, resolve=self._side())
            assert not (fresh and self._stale(branch))

    def _revert(self, branch: str, other: str) -> None:
        log = [one for one in self.cat.log(branch) if one.parents][:-3][:6]
        if log:
            fresh = not self._stale(branch)
            self.cat.revert(self.rng.choice(log).id, branch=branch, resolve=self._side())
            assert not (fresh and self._stale(branch))

    def _derive(self, branch: str, other: str) -> None:
        self.derive(branch, self.rng.choice(list(DEFINITIONS)))

    def _plain(self, branch: str, other: str) -> None:
        names = [one.table for one in self.cat.stale(branch)]
        if names:
            self.cat.drop_definition(self.rng.choice(names), branch=branch)

    def _side(self) -> Any:
        return self.rng.choice(["ours", "theirs", None])

    def _stale(self, ref: str) -> set[str]:
        return {one.table for one in self.cat.stale(ref) if one.is_stale}

    def check(self, *refs: str) -> None:
        """Checks all commits of the branches that have not been checked yet."""
        for ref in refs or self.branches:
            for commit in self.cat.log(ref):
                if commit.id in self.checked:
                    break
                self.checked.add(commit.id)
                self.check_commit(commit.id)

    def check_commit(self, commit_id: str) -> None:
        entries = self.cat.repository.commits.entries(commit_id)
        for one in self.cat.stale(commit_id):
            if one.is_stale:
                continue
            table = self.cat.table(one.table, commit_id)
            sql = table.properties["derive.sql"]
            assert table.computed is not None
            inputs = sorted(table.computed.inputs)
            ids = tuple(entries[name].entry.snapshot for name in (one.table, *inputs))
            if ids in self.right:
                continue
            wanted = self.expected(commit_id, sql, inputs)
            found = rows_of(self.rows(commit_id, one.table))
            assert found == wanted, (commit_id, one.table, sql, found, wanted, self.done)
            self.right.add(ids)

    def expected(self, commit_id: str, sql: str, inputs: list[str]) -> Counter[tuple[str, ...]]:
        con = self.oracle
        for name in inputs:
            shape = self.cat.schema(name, commit_id)
            columns = ", ".join(f'"{one.name}" {one.type}' for one in shape)
            con.execute(f"CREATE TABLE {name} ({columns})")
            rows = self.rows(commit_id, name)
            if rows:
                places = ", ".join("?" for _ in shape)
                values = [[row[one.name] for one in shape] for row in rows]
                con.executemany(f"INSERT INTO {name} VALUES ({places})", values)
        try:
            return rows_of(con.sql(sql).to_arrow_table().to_pylist())
        finally:  # so that a definition sees no table but its inputs
            for name in inputs:
                con.execute(f"DROP TABLE {name}")

    def rows(self, commit_id: str, table: str) -> list[dict[str, Any]]:
        snapshot = self.cat.repository.commits.entries(commit_id)[table].entry.snapshot
        if snapshot not in self.read:
            found = self.session.sql(f"SELECT * FROM {table}@{commit_id}").to_arrow_table()
            self.read[snapshot] = found.to_pylist()
        return self.read[snapshot]


@pytest.mark.parametrize("seed", range(effort(5, 300)))
@pytest.mark.invariant(
    "At every commit, a derived table equals its definition on that commit's inputs, or is stale"
)
def test_a_derived_table_is_right_at_every_commit_or_marked_stale(
    tmp_path: Path, seed: int
) -> None:
    history = History(Catalog.create(tmp_path / "c", author="tester"), random.Random(seed))
    history.begin()
    for _ in range(STEPS):
        history.step()
