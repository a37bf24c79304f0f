"""Processes that are killed while they write, and auditors of what they leave.

``kill -9`` at any moment leaves the old or the new state, and nothing acknowledged is lost.
"""

import hashlib
import io
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from catalog.catalog import Catalog

from .kill_merger import ON_MAIN

REPOSITORY = Path(__file__).parents[2]
SEED = 20240501


class Writer:
    """A process that commits until it is killed."""

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
    """Reads everything in a catalog of snapshots; files that were verified once are not again.

    Args:
        lake: The catalog's URI.

    Attributes:
        acknowledged: Ids of the commits that a writer told of, by number.
    """

    def __init__(self, lake: str) -> None:
        self.lake = lake
        self.acknowledged: dict[str, str] = {}
        self._newest: dict[tuple[str, int], int] = {}
        self._read: set[str] = set()

    def audit(self) -> int:
        """Checks the catalog and returns the number of its newest commit."""
        cat = Catalog.open(self.lake, cache="")
        log = cat.log()
        landed = {c.message: c.id for c in log}
        assert {n: landed.get(n) for n in self.acknowledged} == self.acknowledged
        numbers = [int(c.message) for c in log[:-1]]
        assert numbers == sorted(set(numbers), reverse=True)
        assert [m.after for m in cat.reflog()] == [c.id for c in log]
        for commit in log:
            if commit.id not in self._read:
                self._audit_commit(cat, commit.id, commit.message)
                self._read.add(commit.id)
        return max(numbers, default=0)

    def _audit_commit(self, cat: Catalog, commit_id: str, message: str) -> None:
        for table in cat.tables(commit_id):
            files = cat.files(table.name, commit_id)
            assert sum(f.rows for f in files) == table.rows
            for file in files:
                if (file.uri, file.size_bytes) not in self._newest:
                    data = cat.repository.store.read(file.path).data
                    assert len(data) == file.size_bytes
                    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == file.token
                    ids = pq.read_table(io.BytesIO(data))["id"].to_pylist()
                    self._newest[file.uri, file.size_bytes] = max(ids)
            assert max(self._newest[f.uri, f.size_bytes] for f in files) == int(message)


def kill_writers(auditor: Auditor, source: Path, *, kills: int, within_s: float) -> None:
    """Kills writers of snapshots, audits after each, and lets a last one commit.

    Args:
        auditor: Audits the catalog.
        source: A directory to snapshot from.
        kills: How many writers are killed at any moment.
        within_s: How long a writer is let go on at most, after what it does in any case.
    """
    draw = random.Random(SEED)
    first = 1 + auditor.audit()
    for _ in range(kills):
        writer = Writer("kill_writer", auditor.lake, source, first)
        in_any_case = draw.choice([0, 0, 1, 2])
        told = writer.kill_after(in_any_case, draw.uniform(0, within_s))
        assert len(told) >= in_any_case
        auditor.acknowledged.update(told)
        first = 1 + max(auditor.audit(), first)
    told = Writer("kill_writer", auditor.lake, source, first).kill_after(1, 0)
    assert told, "nothing is in the way of the next writer"
    auditor.acknowledged.update(told)
    assert auditor.audit() >= first
    print(f"{kills} kills, {len(auditor.acknowledged)} commits told")


class MergeAuditor:
    """Checks that both tables agree in every commit, and that what was told is there.

    Args:
        lake: The catalog's URI.

    Attributes:
        told: Ids of the merges, and with negative numbers of the reverts, that a merger told of.
    """

    def __init__(self, lake: str) -> None:
        self.lake = lake
        self.told: dict[str, str] = {}
        self.audited: set[str] = set()

    def audit(self) -> int:
        """Checks the catalog and returns the greatest number of a round so far."""
        cat = Catalog.open(self.lake, cache="")
        branches = [branch.name for branch in cat.branches.list()]
        for branch in branches:
            for commit in cat.log(branch):
                if commit.id not in self.audited:
                    self._audit_commit(cat, commit.id, commit.message)
                    self.audited.add(commit.id)
        landed = {commit.id for commit in cat.log()}
        assert set(self.told.values()) <= landed
        begun = [int(name.removeprefix("round-")) for name in branches if name != "main"]
        if not cat.tables():
            return max(begun, default=0)
        there = {row[0] for row in cat.sql("SELECT id FROM a").fetchall()}
        merged = {int(number) for number in self.told if int(number) > 0}
        reverted = {-int(number) for number in self.told if int(number) < 0}
        assert {n for n in merged if n % 3} <= there
        assert not reverted & there
        return max([*(key % ON_MAIN for key in there), *begun])

    def _audit_commit(self, cat: Catalog, commit_id: str, message: str) -> None:
        names = [table.name for table in cat.tables(commit_id)]
        assert names in ([], ["a", "b"]), message
        if names:
            both = [
                cat.sql(f"SELECT id, day, n FROM {name} ORDER BY id", ref=commit_id).fetchall()
                for name in names
            ]
            assert both[0] == both[1], message
            assert len({row[0] for row in both[0]}) == len(both[0]), message


def kill_mergers(auditor: MergeAuditor, *, kills: int, within_s: float) -> None:
    """Kills processes that write, merge, rebase and revert; audits after each.

    Args:
        auditor: Audits the catalog.
        kills: How many are killed at any moment.
        within_s: How long one is let go on at most, after the merges it does in any case.
    """
    draw = random.Random(SEED)
    first = 1 + auditor.audit()
    for _ in range(kills):
        merger = Writer("kill_merger", auditor.lake, first)
        in_any_case = draw.choice([0, 0, 1, 2])
        told = merger.kill_after(in_any_case, draw.uniform(0, within_s))
        assert len(told) >= in_any_case
        auditor.told.update(told)
        first = 1 + max(auditor.audit(), first)
    told = Writer("kill_merger", auditor.lake, first).kill_after(1, 0)
    assert told, "nothing is in the way of the next writer"
    auditor.told.update(told)
    assert auditor.audit() >= first
    print(f"{kills} kills, {len(auditor.told)} merges and reverts, {len(auditor.audited)} commits")
