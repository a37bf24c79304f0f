"""A backfill that ends at any moment, or runs twice at once: each step is done once."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError
from catalog.model.fix import Fix, SqlText
from catalog.model.for_each import for_each
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.storage.killing import WRITES, Killed, KillingStore, opened

FIX = Fix(
    sql=(SqlText("fix.sql", "UPDATE orders SET amount = amount + 1 WHERE month = $month"),),
    variables=(for_each("month=1,2"),),
)
"""Done twice, it would give other rows."""

ONCE = [1, 11, 21, None, None, 51, 61, 71, 80]


def run(cat: Catalog) -> str:
    return cat.backfill("up", fix=FIX, from_ref="main~1", merge=True).state


def check(cat: Catalog) -> None:
    """Checks that all was done, and done once: two steps, one merge, nothing else."""
    rows = cat.sql("SELECT amount FROM orders ORDER BY id").fetchall()
    assert [row[0] for row in rows] == ONCE
    assert cat.sql("FROM totals ORDER BY month").fetchall() == [(1, 4, 163), (2, 3, 133)]
    assert not any(one.is_stale for one in cat.stale("main"))
    counts = [commit.message for commit in cat.log("main")]
    for message in ("backfill up: month=1", "backfill up: month=2", "backfill up of main"):
        assert counts.count(message) == 1, counts
    assert counts.count("merge backfill/up into main") == 1
    assert [one.state for one in cat.backfills()] == ["merged"]


@pytest.fixture
def moved(copy: Callable[[], Path], tmp_path: Path) -> Callable[[], Path]:
    """Makes copies of a catalog whose main has moved after the commit that is begun from."""
    root = copy()
    cat = opened(LocalStore(str(root)))
    with cat.transaction("main", message="later") as tx:
        tx.sql("INSERT INTO orders VALUES (8, 1, 80)")
        tx.sql("UPDATE notes SET note = 'b'")
    shutil.move(root, tmp_path / "moved")

    def made() -> Path:
        shutil.rmtree(root, ignore_errors=True)
        return Path(shutil.copytree(tmp_path / "moved", root))

    return made


@pytest.mark.invariant(
    "A backfill killed at any moment is completed by the same call, and no step is done twice"
)
def test_ended_at_any_operation_it_is_completed_by_the_same_call(
    moved: Callable[[], Path],
) -> None:
    probe = KillingStore(LocalStore(str(moved())))
    cat = opened(probe)
    before = len(probe.calls)
    assert run(cat) == "merged"
    check(cat)
    calls = probe.calls
    kinds = effort(frozenset({"swap", "create"}), WRITES)
    chosen = [n for n in range(before + 1, len(calls) + 1) if calls[n - 1] in kinds]
    for number in chosen[:: -effort(7, 1)]:
        for after in effort((True,), (True, False)):
            root = moved()
            with pytest.raises(Killed):
                run(opened(KillingStore(LocalStore(str(root)), at=number, after=after)))
            cat = opened(LocalStore(str(root)))
            assert run(cat) == "merged"
            check(cat)


def test_two_that_run_at_once_both_end_well(moved: Callable[[], Path]) -> None:
    for _ in range(effort(1, 20)):
        root = moved()
        ends: list[object] = []

        def one(root: Path = root, ends: list[object] = ends) -> None:
            try:
                ends.append(run(opened(LocalStore(str(root)))))
            except CatalogError as error:
                ends.append(error)

        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ends == ["merged", "merged"]
        check(opened(LocalStore(str(root))))
