"""Ctrl-C at any moment of any long command: it ends soon, and leaves nothing half-done."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import catalog
from tests.cli.conftest import REPOSITORY
from tests.effort import effort

ROWS = effort(150_000, 3_000_000)
MOMENTS = effort((0.3,), (0.0, 0.3, 0.6, 1.0, 1.5, 2.0, 2.6, 3.2, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0))
"""Seconds after the program is loaded at which it is interrupted."""

PROGRAM = """
from parquetry.__main__ import main
print("loaded", flush=True)
main()
"""

PACKAGES = f"{REPOSITORY}:{REPOSITORY / 'cli' / 'install'}"

ENDS_WITHIN_S = effort(30.0, 5.0)
"""It takes a second on a machine that does nothing else; the tests are not alone on theirs."""

COMMANDS = {
    "diff": ("diff", "main~1"),
    "rows": ("diff", "main~1", "--rows", "--format", "csv", "-o", "rows.csv"),
    "query": ("diff", "main~1", "--query", "SELECT * FROM orders", "--key", "id"),
    "compare": ("compare", "old", "new", "--key", "id"),
    "snapshot": ("snapshot", "copied=new"),
    "merge": ("merge", "fix", "--into", "main"),
    "sql": ("sql", "SELECT * FROM orders a JOIN orders@main~1 b USING (note)", "-o", "out.txt"),
    "csv": ("sql", "FROM orders", "--format", "csv", "-o", "out.csv"),
    "branch-sql": ("sql", "--branch", "fix", "UPDATE orders SET note = 'x' WHERE id % 3 = 0"),
    "export": ("export", "orders", "exported.csv", "--format", "csv"),
    "publish": ("publish", "main", "published", "--format", "delta"),
    "derive": (
        "derive",
        "d",
        "--sql",
        "SELECT kind, count(DISTINCT note) AS n FROM orders GROUP BY 1",
    ),
}
FEW = ("diff", "merge", "snapshot")
"""Those that are interrupted by default too."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Is a catalog with two states of a table, in other orders, and a branch that changed it."""
    root = tmp_path_factory.mktemp("interrupts")
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE old AS SELECT range AS id, hash(range) % 7 AS kind, "
            f"(hash(range * 3) % 100000) / 100 AS amount, 'note ' || hash(range) AS note "
            f"FROM range({ROWS})"
        )
        for name, changed, order in (("old", "amount", "id"), ("new", "amount * 1.19", "hash(id)")):
            (root / name).mkdir()
            con.execute(
                "COPY (SELECT * REPLACE (CASE WHEN id % 3 = 0 THEN "
                f"{changed} ELSE amount END AS amount) FROM old ORDER BY {order}) "
                f"TO '{root / name / 'a.parquet'}'"
            )
    cat = catalog.create(str(root / "lake"))
    for name in ("old", "new"):
        with cat.transaction("main") as tx:
            tx.snapshot("orders", str(root / name), key=["id"])
    cat.branches.create("fix", at="main~1")
    with cat.transaction("fix") as tx:
        tx.sql("UPDATE orders SET kind = 9 WHERE id % 4 = 0")
    return root


def left_over(root: Path) -> list[str]:
    """Returns what was left behind: in the catalog's own folder, and where files were wanted."""
    found = [str(path) for path in (root / "lake" / "tmp").iterdir()]
    wanted = ("rows.csv", "out.txt", "out.csv", "exported.csv")
    return found + [p.name for p in root.iterdir() if p.name in wanted or p.name.startswith(".")]


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """Is where the process has its temporary files, all of which it takes away."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def states(root: Path) -> list[tuple[str, str]]:
    return [(b.name, b.commit_id) for b in catalog.open(str(root / "lake")).branches.list()]


@pytest.mark.invariant("Ctrl-C ends any command soon, with 130, and leaves nothing half-done")
@pytest.mark.parametrize("name", effort(FEW, tuple(COMMANDS)))
def test_a_command_that_is_interrupted_leaves_nothing(
    lake: Path, temporary: Path, name: str
) -> None:
    before = states(lake)
    for moment in MOMENTS:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "-C", "lake", *COMMANDS[name]],
            cwd=lake,
            env={**os.environ, "PYTHONPATH": PACKAGES, "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "loaded\n"
        try:
            process.wait(moment)
            return  # it is done before
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        _, errors = process.communicate(timeout=60)
        if process.returncode == 0:  # it was just about to end
            return
        assert (process.returncode, errors) == (130, "")
        assert time.monotonic() - asked < ENDS_WITHIN_S
        assert states(lake) == before
        assert left_over(lake) == []
