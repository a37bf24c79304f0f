"""Processes that commit to one branch at once: nothing that was acknowledged is lost."""

import itertools
import subprocess
import sys
from pathlib import Path

from catalog.catalog import Catalog

from .conftest import snap, write

REPOSITORY = Path(__file__).parents[2]

WRITER = """
import sys
from catalog.catalog import Catalog
from catalog.errors import Conflict
root, source, tables = sys.argv[1], sys.argv[2], sys.argv[3:]
cat = Catalog.open(root)
print("ready", flush=True)
sys.stdin.readline()
for table, number in (pair.split(":") for pair in tables):
    while True:
        try:
            with cat.transaction("main", message=f"{table}:{number}") as tx:
                tx.snapshot(table, f"{source}/{number}.parquet", scope="append")
        except Conflict as error:
            assert table in error.message, error.message
            continue
        print(table, number, tx.commit.id, flush=True)
        break
"""


def run(root: Path, source: Path, shares: list[list[str]]) -> list[tuple[str, str, str]]:
    """Runs one writer per share at once and returns what they were told has landed."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), str(source), *share],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    landed: list[tuple[str, str, str]] = []
    for writer in writers:
        output, _ = writer.communicate()
        assert writer.returncode == 0
        lines = [line.split() for line in output.splitlines()]
        landed.extend((table, number, commit) for table, number, commit in lines)
    return landed


def check(cat: Catalog, landed: list[tuple[str, str, str]], expected: dict[str, int]) -> None:
    """Checks that the branch is one line of exactly the commits that were acknowledged."""
    log = cat.log()
    made = {commit: f"{table}:{number}" for table, number, commit in landed}
    assert {c.id: c.message for c in log if ":" in c.message} == made
    assert all(c.parents == (older.id,) for c, older in itertools.pairwise(log))
    assert len(cat.reflog()) == len(log)
    assert {t.name: t.rows for t in cat.tables()} == expected


def test_processes_on_disjoint_tables_both_land(cat: Catalog, root: Path, source: Path) -> None:
    for n in range(12):
        write(source / f"{n}.parquet", {"id": [n]})
    shares = [[f"{table}:{n}" for n in range(12)] for table in ("a", "b")]
    check(cat, run(root, source, shares), {"a": 12, "b": 12})


def test_processes_on_one_table_lose_nothing(cat: Catalog, root: Path, source: Path) -> None:
    for n in range(24):
        write(source / f"{n}.parquet", {"id": [n]})
    write(source / "first.parquet", {"id": [-1]})
    snap(cat, "a", source / "first.parquet")
    shares = [[f"a:{n}" for n in range(k, 24, 2)] for k in range(2)]
    check(cat, run(root, source, shares), {"a": 25})
    ids = cat.sql("SELECT id FROM a ORDER BY id").fetchall()
    assert ids == [(n,) for n in range(-1, 24)]
