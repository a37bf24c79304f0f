"""``kill -9`` at any moment leaves the old or the new state, and nothing acknowledged is lost.

``PARQUETRY_KILLS`` says how often a writer is killed; 20 by default.
"""

import hashlib
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from catalog.catalog import Catalog

from .kill_merger import ON_MAIN

REPOSITORY = Path(__file__).parents[2]
KILLS = int(os.environ.get("PARQUETRY_KILLS", "20"))
SEED = 20240501


class Writer:
    """Is a process that commits until it is killed."""

    def __init__(self, module: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"tests.write.{module}", *map(str, arguments)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.out = self.process.stdout
        assert self.out.readline() == "ready\n"

    def kill_after(self, commits: int, seconds: float) -> list[tuple[str, str]]:
        """Kills it and returns number and id of the commits it said had landed.

        Args:
            commits: How many commits it is let do in any case.
            seconds: How long it is let go on after that.
        """
        told = "".join(self.out.readline() for _ in range(commits))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            select.select([], [], [], left)
        self.process.send_signal(signal.SIGKILL)
        told += self.out.read()
        assert self.process.wait() == -signal.SIGKILL
        self.out.close()
        lines = told.splitlines(keepends=True)
        return [(w[0], w[1]) for w in map(str.split, lines) if len(w) == 2 and len(w[1]) == 64]


class Auditor:
    """Reads everything that a catalog holds; files that were verified once are not again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._verified: set[tuple[str, int]] = set()
        self._read: set[str] = set()

    def audit(self, acknowledged: dict[str, str]) -> int:
        """Checks the catalog and returns how many commits it has."""
        cat = Catalog.open(str(self._root))
        log = cat.log()
        landed = {c.message: c.id for c in log}
        assert {n: landed.get(n) for n in acknowledged} == acknowledged
        numbers = [int(c.message) for c in log[:-1]]
        assert numbers == sorted(set(numbers), reverse=True)
        assert [m.after for m in cat.reflog()] == [c.id for c in log]
        for commit in log:
            if commit.id not in self._read:
                self._audit_commit(cat, commit.id, commit.message)
                self._read.add(commit.id)
        return len(log)

    def _audit_commit(self, cat: Catalog, commit_id: str, message: str) -> None:
        for table in cat.tables(commit_id):
            files = cat.files(table.name, commit_id)
            assert sum(f.rows for f in files) == table.rows
            newest = 0
            for file in files:
                if (file.uri, file.size_bytes) not in self._verified:
                    data = Path(file.uri).read_bytes()
                    assert len(data) == file.size_bytes
                    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == file.token
                    self._verified.add((file.uri, file.size_bytes))
                newest = max(newest, *pq.read_table(file.uri, partitioning=None)["id"].to_pylist())
            assert newest == int(message)


def test_a_writer_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    root, source = tmp_path / "lake", tmp_path / "source"
    Catalog.create(str(root))
    draw = random.Random(SEED)
    auditor = Auditor(root)
    acknowledged: dict[str, str] = {}
    first = 1
    for _ in range(KILLS):
        writer = Writer("kill_writer", root, source, first)
        in_any_case = draw.choice([0, 0, 1, 2])
        told = writer.kill_after(in_any_case, draw.uniform(0, 0.08))
        assert len(told) >= in_any_case
        acknowledged.update(told)
        commits = auditor.audit(acknowledged)
        log = Catalog.open(str(root)).log(limit=1)
        first = 1 + max(int(log[0].message) if commits > 1 else 0, first)
    leftovers = list((root / "tmp").iterdir())
    shutil.rmtree(root / "tmp")
    shutil.rmtree(root / "locks")
    assert auditor.audit(acknowledged) >= len(acknowledged)
    writer = Writer("kill_writer", root, source, first)
    assert writer.kill_after(1, 0), "nothing is in the way of the next writer"
    print(f"{KILLS} kills, {len(acknowledged)} commits, {len(leftovers)} files left in tmp/")


def audit_merges(root: Path, told: dict[str, str], audited: set[str]) -> int:
    """Checks that both tables agree in every commit, and that what was told is there.

    Returns:
        The greatest number of a round so far.
    """
    cat = Catalog.open(str(root))
    for branch in cat.branches.list():
        for commit in cat.log(branch.name):
            if commit.id in audited:
                continue
            audited.add(commit.id)
            names = [table.name for table in cat.tables(commit.id)]
            assert names in ([], ["a", "b"]), commit.message
            if names:
                both = [
                    cat.sql(f"SELECT id, day, n FROM {name} ORDER BY id", ref=commit.id).fetchall()
                    for name in names
                ]
                assert both[0] == both[1], commit.message
                assert len({row[0] for row in both[0]}) == len(both[0]), commit.message
    landed = {commit.id for commit in cat.log()}
    assert set(told.values()) <= landed
    begun = [int(b.name.removeprefix("round-")) for b in cat.branches.list() if b.name != "main"]
    if not cat.tables():
        return max(begun, default=0)
    there = {row[0] for row in cat.sql("SELECT id FROM a").fetchall()}
    merged = {int(number) for number in told if int(number) > 0}
    reverted = {-int(number) for number in told if int(number) < 0}
    assert {n for n in merged if n % 3} <= there
    assert not reverted & there
    return max([*(key % ON_MAIN for key in there), *begun])


def test_merges_killed_at_any_moment_leave_both_tables_alike(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    Catalog.create(str(root))
    draw = random.Random(SEED)
    told: dict[str, str] = {}
    audited: set[str] = set()
    first = 1
    for _ in range(max(KILLS // 4, 1)):
        writer = Writer("kill_merger", root, first)
        told.update(writer.kill_after(draw.choice([0, 0, 1, 2]), draw.uniform(0, 1.5)))
        first = 1 + max(audit_merges(root, told, audited), first)
    writer = Writer("kill_merger", root, first)
    assert writer.kill_after(1, 0), "nothing is in the way of the next writer"
    print(f"{KILLS // 4} kills, {len(told)} merges and reverts told, {len(audited)} commits")
