"""Processes that commit to one branch at once: nothing that was acknowledged is lost."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.catalog import Catalog

from .conftest import snap, write
from .writing import check_totals, put

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


ROW_WRITER = """
import sys
from catalog.catalog import Catalog
from catalog.errors import Conflict
root, mode, tables = sys.argv[1], sys.argv[2], sys.argv[3:]
cat = Catalog.open(root)
print("ready", flush=True)
sys.stdin.readline()
for table, number in (pair.split(":") for pair in tables):
    rows = [{"p": int(number) % 4, "id": int(number), "v": 1}, {"p": 9, "id": 1000, "v": 1}]
    with cat.transaction("main", message=f"{table}:{number}") as tx:
        tx.write(table, rows[: 2 if mode == "append" else 1], mode=mode)
    print(table, number, tx.commit.id, flush=True)
"""


def run(
    root: Path, source: Path | str, shares: list[list[str]], writer: str = WRITER
) -> list[tuple[str, str, str]]:
    """Runs one writer per share at once and returns what they were told has landed."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", writer, str(root), str(source), *share],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    for one in writers:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in writers:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    landed: list[tuple[str, str, str]] = []
    for one in writers:
        output, _ = one.communicate()
        assert one.returncode == 0
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


@pytest.mark.invariant(
    "Writers of different rows both succeed; those that overlap get a conflict that says where"
)
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


def test_processes_that_append_to_one_table_all_land_at_once(cat: Catalog, root: Path) -> None:
    put(cat, "a", [{"p": 0, "id": -1, "v": 0}], partition_by=["p"])
    shares = [[f"a:{n}" for n in range(k, 12, 2)] for k in range(2)]
    check(cat, run(root, "append", shares, ROW_WRITER), {"a": 1 + 2 * 12})
    check_totals(cat, "a")
    ids = cat.sql("SELECT id FROM a WHERE p < 9 ORDER BY id").fetchall()
    assert ids == [(n,) for n in range(-1, 12)]


@pytest.mark.parametrize("mode", ["upsert", "overwrite_partitions"])
def test_processes_that_change_other_partitions_all_land(
    cat: Catalog, root: Path, mode: str
) -> None:
    data = [{"p": n % 4, "id": n, "v": 0} for n in range(12)]
    put(cat, "a", data, key=["id"], partition_by=["p"])
    shares = [[f"a:{n}" for n in range(12) if n % 2 == k] for k in range(2)]
    left = 12 if mode == "upsert" else 4
    check(cat, run(root, mode, shares, ROW_WRITER), {"a": left})
    check_totals(cat, "a")
    found = cat.sql("SELECT id, v FROM a ORDER BY id").fetchall()
    assert found == [(n, 1) for n in range(12)][-left:]
