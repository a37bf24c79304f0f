"""A runner for commands, and small catalogs made by real snapshots."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.main import run

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Is what a command did: its exit code and both streams."""

    code: int
    out: str
    err: str


Runner = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PARQUETRY_CATALOG", "PARQUETRY_DEBUG", "PARQUETRY_PAGER", "PAGER", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def parquetry(capsys: pytest.CaptureFixture[str]) -> Runner:
    """Runs one command in this process; it reads what is given as stdin."""

    def runner(*words: str, stdin: str = "") -> Outcome:
        capsys.readouterr()
        with mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()))):
            code = run(words)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return runner


def in_process(
    *words: str,
    cwd: Path,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Runs one command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **(env or {})},
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def write_parquet(path: Path, columns: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)), path)


@pytest.fixture(scope="session")
def two_commits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a catalog with two commits to orders and one to customers, in ./lake."""
    folder = tmp_path_factory.mktemp("two-commits")
    write_parquet(
        folder / "v1/orders/day=2024-01-01/a.parquet",
        {
            "order_id": [1, 2, 3, 4],
            "amount": [10.0, None, None, 4.5],
            "note": ["a", None, "c", "d"],
        },
    )
    write_parquet(
        folder / "v1/orders/day=2024-01-02/a.parquet",
        {"order_id": [5], "amount": [1.0], "note": ["e"]},
    )
    write_parquet(folder / "v1/customers/a.parquet", {"customer_id": [1, 2], "name": ["x", None]})
    write_parquet(
        folder / "v2/orders/day=2024-01-01/a.parquet",
        {
            "order_id": [1, 2, 3, 6],
            "amount": [10.0, 12.5, 12.5, 7.0],
            "note": ["a", None, "C", "f"],
        },
    )
    (folder / "parquetry.toml").write_text('catalog = "lake"\n')
    first = [
        *("snapshot", "orders=v1/orders", "customers=v1/customers", "-m", "first load"),
        *("--key", "orders=order_id", "--key", "customers=customer_id"),
        *("--partition-by", "orders=day:DATE"),
    ]
    second = ["snapshot", "orders=v2/orders", "--partitions", "-m", "backfill"]
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        for words in (["-C", "lake", "init"], first, second):
            assert run(words) == 0
    return folder


DAILY = "SELECT day, count(*) AS n, sum(amount) AS total FROM orders GROUP BY day"
MONTHLY = "SELECT date_trunc('month', day) AS month, sum(total) AS total FROM daily GROUP BY 1"


@pytest.fixture(scope="session")
def with_derived(two_commits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a copy of that catalog with the derived tables daily and monthly."""
    folder = tmp_path_factory.mktemp("with-derived")
    shutil.copytree(two_commits, folder, dirs_exist_ok=True)
    daily = ["derive", "daily", "--sql", DAILY, "--partition-by", "day"]
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        for words in (daily, ["derive", "monthly", "--sql", MONTHLY]):
            assert run(words) == 0
    return folder


@pytest.fixture
def derived(with_derived: Path, tmp_path: Path) -> Path:
    """A copy of the catalog with derived tables, and of its sources: the test's own."""
    shutil.copytree(with_derived, tmp_path, dirs_exist_ok=True)
    return tmp_path / "lake"


@pytest.fixture
def lake(two_commits: Path, tmp_path: Path) -> Path:
    """A copy of the catalog with two commits, and of its sources: the test's own."""
    shutil.copytree(two_commits, tmp_path, dirs_exist_ok=True)
    return tmp_path / "lake"
