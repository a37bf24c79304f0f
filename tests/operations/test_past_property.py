"""Blame and history of random histories, against all rows of every commit."""

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog import CatalogError
from catalog.catalog import Catalog
from tests.effort import effort
from tests.operations.past_oracle import Everything, Row, author, expected_history

KEYS = 5
STEPS = effort(18, 24)


class History:
    """Makes a random history of one table, on main and a branch."""

    def __init__(self, root: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.cat: Catalog = catalog.create(root / "lake")
        self.keyed = self.random.random() < 0.8
        self.parts = self.random.random() < 0.5
        self.made = 0
        self.create()
        self.cat.branches.create("side", at="main")

    def create(self) -> None:
        self.made += 1
        ids = list(range(KEYS - 1))
        columns = {
            "k": pa.array(ids, pa.int32()),
            "p": pa.array([i % 2 for i in ids], pa.int32()),
            "v": pa.array([i * 10 for i in ids], pa.int64()),
            "w": pa.array([f"w{self.made}"] * len(ids)),
        }
        with self.cat.transaction("main", message="made") as tx:
            tx.write(
                "t",
                pa.table(columns),
                mode="append",
                key=["k"] if self.keyed else None,
                partition_by=["p"] if self.parts else None,
            )

    def sql(self, text: str) -> None:
        with self.cat.transaction(self.branch, message=text) as tx:
            tx.sql(text)

    def step(self) -> None:
        self.branch = self.random.choice(["main", "main", "side"])
        steps: list[Callable[[], None]] = [
            *[self.update] * 6,
            *[self.insert] * 3,
            *[self.delete] * 2,
            *[self.merge] * 5,
            *[self.replay, self.rewrite] * 2,
            self.rename,
            self.widen,
            self.add_column,
        ]
        if self.random.random() < 0.03:
            steps = [self.recreate]
        try:
            self.random.choice(steps)()
        except CatalogError:
            self.refused()

    def refused(self) -> None:
        """Drops a merge that ended in conflict."""
        for merge in self.cat.open_merges():
            self.cat.abort_merge(merge.source, into=merge.into)

    def columns(self) -> list[str]:
        return [c.name for c in self.cat.schema("t", self.branch)]

    def update(self) -> None:
        name = self.random.choice(self.columns()[1:])
        value = self.random.choice(["NULL", "1", "2", "3"]) if name != "p" else "1 - p"
        keys = self.random.sample(range(KEYS), 2)
        self.sql(f"UPDATE t SET {name} = {value} WHERE k IN ({keys[0]}, {keys[1]})")

    def insert(self) -> None:
        key, value = self.random.randrange(KEYS), self.random.randrange(3)
        rest = ", NULL" * (len(self.columns()) - 4)
        there = "" if self.random.random() < 0.1 else f" WHERE NOT EXISTS (FROM t WHERE k = {key})"
        self.sql(f"INSERT INTO t SELECT {key}, {key % 2}, {value}, 'i'{rest}{there}")

    def delete(self) -> None:
        self.sql(f"DELETE FROM t WHERE k = {self.random.randrange(KEYS)}")

    def rewrite(self) -> None:
        """Writes equal rows into other files."""
        rows = self.cat.sql(f"FROM t@{self.branch} ORDER BY v DESC").to_arrow_table()
        with self.cat.transaction(self.branch, message="rewritten") as tx:
            tx.write("t", rows, mode="overwrite")

    def rename(self) -> None:
        name = self.random.choice(self.columns()[2:])
        self.sql(f"ALTER TABLE t RENAME COLUMN {name} TO {name}_{self.random.randrange(100)}")

    def widen(self) -> None:
        self.sql("ALTER TABLE t ALTER COLUMN k TYPE BIGINT")

    def add_column(self) -> None:
        self.branch = "main"
        self.sql(f"ALTER TABLE t ADD COLUMN x{self.random.randrange(100)} VARCHAR")

    def merge(self) -> None:
        source, into = self.random.choice([("side", "main"), ("main", "side")])
        self.cat.merge(source, into=into, resolve="theirs")

    def replay(self) -> None:
        if self.random.random() < 0.5:
            self.cat.revert(self.cat.resolve(self.branch).commit_id, branch=self.branch)
        else:
            self.cat.cherry_pick("side", branch="main", resolve="theirs")

    def recreate(self) -> None:
        self.branch = "main"
        self.sql("DROP TABLE t")
        if self.random.random() < 0.9:
            self.create()


@pytest.mark.invariant("Blame and history of a row are what all rows of all commits say")
@pytest.mark.parametrize("seed", range(effort(3, 200)))
def test_the_past_is_what_all_rows_of_all_commits_say(seed: int, tmp_path: Path) -> None:
    made = History(tmp_path, seed)
    for _ in range(STEPS):
        made.step()
    everything = Everything(made.cat, "t")
    for branch in ("main", "side"):
        for number in range(KEYS):
            check(everything, branch, {"k": number})


def check(everything: Everything, branch: str, key: Row) -> None:
    cat = everything.cat
    head = cat.resolve(branch).commit_id
    rows = everything.rows(head, key)
    unlike = any(row != rows[0] for row in rows)
    if unlike and not cat.table("t", branch).key:
        for ask in (cat.history, cat.blame):
            with pytest.raises(catalog.InvalidInput):
                ask("t", branch, key=key)
        return
    history = cat.history("t", branch, key=key)
    found = sorted(
        (
            state.commit.id,
            state.change.removeprefix("re")
            + (f" {sorted(state.changed_columns)}" if state.change == "updated" else ""),
        )
        for state in history.states
    )
    assert found == expected_history(everything, head, key)
    if not rows:
        if everything.at(head) is not None:
            with pytest.raises(catalog.NotFound):
                cat.blame("t", branch, key=key)
        return
    blame = cat.blame("t", branch, key=key)
    if everything.had_duplicates(key):  # nothing tells which of two equal rows came first
        assert sorted(map(str, (dict(one.values) for one in blame.rows))) == sorted(map(str, rows))
        return
    expected = sorted(
        (
            sorted(map(str, row.items())),
            author(everything, head, key, n, None),
            [author(everything, head, key, n, name) for name in row],
        )
        for n, row in enumerate(rows)
    )
    told = sorted(
        (
            sorted(map(str, one.values.items())),
            one.commit.id,
            [cell.commit.id for cell in one.cells],
        )
        for one in blame.rows
    )
    assert told == expected
