"""Random histories of a table without a key: appended to, put together, renamed, merged."""

import random
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CatalogError
from tests.effort import effort

BRANCHES = ("main", "work", "late")


class History:
    """A table whose rows are numbers, each of them appended once, and what it must have."""

    def __init__(self, root: Path, seed: int) -> None:
        self.cat: Catalog = catalog.create(str(root / "lake"))
        self.chance = random.Random(seed)
        self.next = 0
        self.told: list[str] = []
        self.names = dict.fromkeys(BRANCHES, "t")
        self.rows: dict[str, set[int]] = {}
        self.rows["main"] = set(self.append("main"))
        for branch in BRANCHES[1:]:
            self.cat.branches.create(branch)
            self.rows[branch] = set(self.rows["main"])

    def append(self, branch: str) -> list[int]:
        new = list(range(self.next, self.next + self.chance.randrange(1, 4)))
        self.next = new[-1] + 1
        days = [str(n % 2) for n in new]
        with self.cat.transaction(branch) as tx:
            tx.write(self.names[branch], pa.table({"n": new, "day": days}), mode="append")
        return new

    def step(self) -> None:
        branch = self.chance.choice(BRANCHES)
        what = self.chance.choice(
            ["append"] * 3 + ["compact"] * 3 + ["merge", "squash", "squash", "pick", "rename"]
        )
        other = self.chance.choice([one for one in BRANCHES if one != branch])
        self.told.append(f"{what} {branch} {other}")
        if what == "append":
            self.rows[branch].update(self.append(branch))
        elif what == "compact":
            self.cat.compact(branch=branch)
        elif what == "rename":
            self.rename(branch)
        elif what == "pick":
            self.pick(other, branch)
        else:
            self.merge(other, branch, squash=what == "squash")

    def rename(self, branch: str) -> None:
        new = {"t": "u", "u": "t"}[self.names[branch]]
        with self.cat.transaction(branch) as tx:
            tx.sql(f"ALTER TABLE {self.names[branch]} RENAME TO {new}")
        self.names[branch] = new

    def merge(self, source: str, into: str, *, squash: bool) -> None:
        self.cat.merge(source, into=into, squash=squash)
        self.rows[into] |= self.rows[source]
        self.names[into] = self.table(into)

    def pick(self, source: str, into: str) -> None:
        commit = self.cat.resolve(source).commit_id
        parents = self.cat.show(commit).parents
        renamed = len(parents) == 1 and self.table(parents[0]) != self.names[source]
        if len(parents) != 1 or renamed or self.names[source] != self.names[into]:
            return  # a rename stands for the table as a whole
        before = self.seen(f"{parents[0]}")
        now = self.seen(commit)
        self.cat.cherry_pick(commit, branch=into)
        self.rows[into] |= set(now) - set(before)

    def table(self, ref: str) -> str:
        return "".join(one.name for one in self.cat.tables(ref))

    def seen(self, ref: str) -> list[int]:
        found: list[int] = []
        for one in self.cat.tables(ref):
            query = f'SELECT n FROM {one.name}@"{ref}" ORDER BY n'
            found += [n for (n,) in self.cat.sql(query).fetchall()]
        return found


@pytest.mark.parametrize("seed", effort(range(6), range(60)))
def test_no_row_is_doubled_or_lost(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed)
    for _ in range(14):
        try:
            history.step()
        except CatalogError as error:
            history.told.append(f"refused: {error}")
        for branch in BRANCHES:
            assert history.seen(branch) == sorted(history.rows[branch]), history.told
