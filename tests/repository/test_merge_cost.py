"""The cost of merges: it follows the files that changed, and data is read only for rows."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import catalog
from catalog.repository.commit_writer import Description
from catalog.repository.repository import open_existing
from catalog.write.merge.commits import merge_commits
from catalog.write.merge.ends import Ends
from tests.storage.memory import MemoryStore
from tests.storage.wrappers import CountingStore
from tests.write.merges import put

from .conftest import at, stamp
from .test_cost import Table, entry

FILES = 100_000
CHANGED = 10


@pytest.fixture(scope="module")
def large() -> tuple[CountingStore, Table, list[str]]:
    """Is a table of many files, and commits of two branches that changed some."""
    store = CountingStore(MemoryStore())
    table = Table(store, FILES)
    base = table.commits[-1]
    step = FILES // CHANGED
    for n in range(CHANGED):
        table.commit([entry(n * step, 1)], [entry(n * step)])
    theirs = table.commits[-1]
    table.commits.append(base)
    table.commit([entry(n, 2) for n in (55, 63)], [entry(n) for n in (55, 63)])
    return store, table, [base, table.commits[-1], theirs]


@pytest.mark.parametrize("ours", [0, 1], ids=["one side", "both sides"])
def test_a_merge_of_few_files_of_many_reads_no_data_and_few_objects(
    large: tuple[CountingStore, Table, list[str]], ours: int
) -> None:
    store, _, commits = large
    ends = Ends(commits[0], commits[ours], commits[2])
    repository = open_existing(store)
    nothing: Any = SimpleNamespace(commits=repository.commits)
    store.calls.clear()
    found = merge_commits(nothing, ends)
    (update,) = found.updates
    assert (len(update.removed), len(update.added)) == (CHANGED, CHANGED)
    objects = set(store.of("read", "read_range"))
    assert not [path for path in objects if path.startswith("data/")]
    assert len(objects) <= 30
    about = Description("tester", at(1), "merge")
    made = repository.writer().write([ends.ours, ends.theirs], [update], about)
    assert repository.commits.entries(made)["t"].entry.files == FILES
    assert len(store.of("read", "read_range")) <= 90


def test_partitions_apart_are_merged_without_their_files(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    put(cat, "main", [{"k": n, "p": n % 4, "v": n} for n in range(8)], partition_by=["p"])
    with cat.transaction() as tx:
        tx.write("t", cat.sql("FROM t").to_arrow_table(), mode="overwrite", key=["k", "p"])
    cat.branches.create("work")
    put(cat, "main", [{"k": 1, "p": 1, "v": -1}, {"k": 9, "p": 5, "v": 9}], mode="upsert")
    put(cat, "work", [{"k": 2, "p": 2, "v": -2}, {"k": 8, "p": 6, "v": 8}], mode="upsert")
    data = tmp_path / "lake" / "data"
    data.rename(tmp_path / "away")
    report = cat.merge("work")
    (tmp_path / "away").rename(data)
    assert [one.how for one in report.tables] == ["merged"]
    assert dict(cat.sql("SELECT k, v FROM t").fetchall()) == {
        **{n: n for n in range(8)},
        1: -1,
        9: 9,
        2: -2,
        8: 8,
    }


def test_a_new_branch_is_one_object() -> None:
    store = CountingStore(MemoryStore())
    table = Table(store, 1000)
    repository = open_existing(store)
    store.calls.clear()
    repository.branches.create("work", table.commits[-1], stamp())
    assert store.of("create", "swap") == ["refs/branches/work.json"]
