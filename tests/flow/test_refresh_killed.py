"""A refresh that ends at any moment: nothing half-published, and the same command completes it."""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from catalog.catalog import Catalog
from catalog.errors import StorageFailure
from catalog.query.session import Session
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.storage.faulty import FAULTS, Fault, PlannedStore, scripted
from tests.storage.killing import WRITES, Killed, KillingStore, opened

from .refresher import MODELS, change, fill

REPOSITORY = Path(__file__).parents[2]


def rows(session: Session, sql: str) -> list[str]:
    query = f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})"
    return sorted(map(str, session.sql(query).fetchall()))


def check_agree(cat: Catalog, *, stale: bool) -> None:
    """Checks that what is not stale is what its definition gives, at the branch as it is."""
    head = cat.resolve("main").commit_id
    marked = {one.table: one.is_stale for one in cat.stale(head)}
    assert marked == dict.fromkeys(MODELS, stale)
    if not stale:
        with cat.connect(head) as session:
            for table, sql in MODELS.items():
                assert rows(session, f"FROM {table}") == rows(session, sql), table


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a catalog with stale tables."""
    root = tmp_path_factory.mktemp("template") / "lake"
    cat = Catalog.create(str(root))
    fill(cat)
    change(cat, 1)
    return root


@pytest.fixture
def copies(template: Path, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Makes copies of it."""

    def copy() -> Path:
        shutil.rmtree(tmp_path / "lake", ignore_errors=True)
        return Path(shutil.copytree(template, tmp_path / "lake"))

    yield copy


@pytest.mark.invariant(
    "A refresh killed at any moment publishes nothing or all, and the same command completes it"
)
def test_a_refresh_that_ends_at_any_operation_is_completed_by_the_next(
    copies: Callable[[], Path],
) -> None:
    probe = KillingStore(LocalStore(str(copies())))
    cat = opened(probe)
    before = len(probe.calls)
    cat.refresh()
    calls = probe.calls
    among = range(before + 1, len(calls) + 1)
    kinds = effort(WRITES, frozenset(calls))
    chosen = [n for n in among if calls[n - 1] in kinds]
    for number in chosen[:: -effort(6, 1)]:
        for after in effort((True,), (True, False)):
            root = copies()
            killing = KillingStore(LocalStore(str(root)), at=number, after=after)
            was = opened(LocalStore(str(root))).resolve("main").commit_id
            with pytest.raises(Killed):
                opened(killing).refresh()
            cat = opened(LocalStore(str(root)))
            landed = cat.resolve("main").commit_id != was
            assert landed <= ("swap" in killing.calls)
            check_agree(cat, stale=not landed)
            made = cat.refresh().commit
            assert (made is None) is landed
            check_agree(cat, stale=False)
            assert cat.refresh().commit is None
            assert len([one for one in cat.log() if one.message.startswith("refresh")]) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refresh_whose_answer_is_lost_is_made_once_or_said_not_to_be(
    copies: Callable[[], Path], fault: Fault
) -> None:
    root = copies()
    planned = PlannedStore(LocalStore(str(root)))
    cat = opened(planned)
    planned.plan = scripted(fault, method="swap", prefix="refs/branches/")
    try:
        assert cat.refresh().commit is not None
    except StorageFailure:  # the next command completes it
        assert fault not in ("twice", "lost-after")
    assert [one[2] for one in planned.happened] == [fault]
    cat = opened(LocalStore(str(root)))
    cat.refresh()
    check_agree(cat, stale=False)
    assert len([one for one in cat.log() if one.message.startswith("refresh")]) == 1


def test_refreshes_killed_at_any_moment_are_completed(copies: Callable[[], Path]) -> None:
    root, draw = copies(), random.Random(7)
    for number in range(effort(2, 60)):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.flow.refresher", str(root)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0, 1.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        cat = Catalog.open(str(root), cache="")
        for commit in cat.log(limit=3):
            known = {one.table: one.is_stale for one in cat.stale(commit.id)}
            assert len(set(known.values())) == 1
            with cat.connect(commit.id) as session:
                for table in [one for one, is_stale in known.items() if not is_stale]:
                    assert rows(session, f"FROM {table}") == rows(session, MODELS[table])
        cat.refresh()
        check_agree(cat, stale=False)
        change(cat, 100 + number)


def test_the_oracle_is_plain_duckdb(template: Path) -> None:
    """The catalog's own SQL over derived tables says what DuckDB says over exported rows."""
    cat = opened(LocalStore(str(template)))
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    with cat.connect("main") as session:
        for table in ("orders", "customers"):
            con.register("given", session.sql(f"FROM {table}").to_arrow_table())
            con.execute(f"CREATE TABLE {table} AS FROM given")
        for table, sql in MODELS.items():
            con.execute(f"CREATE TABLE {table} AS {sql}")
            found = con.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {table}").fetchall()
            assert sorted(map(str, found)) == rows(session, sql_over_inputs(table))


def sql_over_inputs(table: str) -> str:
    """Returns the definition of a table with those of the tables that it reads in place of them."""
    inner = ", ".join(f"{name} AS ({sql})" for name, sql in MODELS.items())
    return f"WITH {inner} FROM {table}"
