"""Derived tables in merges while others commit: nothing is computed twice that need not be."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog import Catalog
from catalog.flow.refresh.step import Step, StepResult
from catalog.repository.branches import Branches
from catalog.write.merge import commits

JOINED = "SELECT o.id, c.name, o.note FROM orders o JOIN customers c ON c.id = o.customer"
RACES = 4


def put(cat: Catalog, branch: str, table: str, *rows: dict[str, object]) -> None:
    with cat.transaction(branch, message=f"rows of {table}") as tx:
        mode = "upsert" if table in [one.name for one in cat.tables(branch)] else "append"
        tx.write(table, pa.Table.from_pylist(list(rows)), mode=mode, key=["id"])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a catalog in which a merge has to merge rows, and to compute two tables."""
    root = tmp_path_factory.mktemp("template") / "c"
    cat = Catalog.create(root, author="tester")
    put(cat, "main", "customers", {"id": 1, "name": "Ada"})
    put(cat, "main", "orders", *({"id": n, "customer": 1, "note": "-"} for n in range(3)))
    cat.derive("joined", JOINED, key=["id"])
    cat.derive("counted", "SELECT name, count(*) AS n FROM joined GROUP BY name")
    cat.branches.create("fix")
    put(cat, "fix", "customers", {"id": 2, "name": "Bob"})
    put(cat, "fix", "orders", {"id": 0, "customer": 1, "note": "theirs"})
    put(cat, "main", "orders", {"id": 1, "customer": 2, "note": "ours"})
    return root


@pytest.fixture
def cat(template: Path, tmp_path: Path) -> Catalog:
    """Is a copy of it."""
    shutil.copytree(template, tmp_path / "c")
    return Catalog.open(tmp_path / "c", author="tester")


def losing(
    monkeypatch: pytest.MonkeyPatch, cat: Catalog, path: Path, write: Callable[[Catalog, int], None]
) -> None:
    """Makes a catalog lose races: somebody else commits just before each of its first swaps."""
    other, move, lost = Catalog.open(path / "c", author="other"), Branches.move, []

    def moving(self: Branches, *given: Any, **named: Any) -> Any:
        if self is cat.repository.branches and len(lost) < RACES:
            lost.append(None)
            write(other, len(lost))
        return move(self, *given, **named)

    monkeypatch.setattr(Branches, "move", moving)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often tables are computed."""
    found: Counter[str] = Counter()
    run = Step.run

    def running(self: Step) -> StepResult:
        found[self._name] += 1
        return run(self)

    monkeypatch.setattr(Step, "run", running)
    return found


@pytest.mark.invariant("A merge that loses a race computes and merges again only what has changed")
def test_commits_to_other_tables_do_not_make_a_merge_compute_again(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, computed: Counter[str]
) -> None:
    merged: list[str] = []
    merge_rows = commits.merge_rows

    def merging(*given: Any, **named: Any) -> Any:
        merged.append("rows")
        return merge_rows(*given, **named)

    monkeypatch.setattr(commits, "merge_rows", merging)
    losing(monkeypatch, cat, tmp_path, lambda c, n: put(c, "main", "other", {"id": n}))
    report = cat.merge("fix")
    assert [(one.table, one.what) for one in report.derived] == [
        ("joined", "refreshed"),
        ("counted", "refreshed"),
    ]
    assert computed == {"joined": 1, "counted": 1}
    assert merged == ["rows"]
    assert not any(one.is_stale for one in cat.stale())
    assert cat.sql("FROM joined ORDER BY id").fetchall() == [
        (0, "Ada", "theirs"),
        (1, "Bob", "ours"),
        (2, "Ada", "-"),
    ]
    assert cat.sql("SELECT count(*) FROM other").fetchall() == [(RACES,)]


def test_commits_to_an_input_make_a_merge_compute_again(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, computed: Counter[str]
) -> None:
    def write(other: Catalog, n: int) -> None:
        put(other, "main", "customers", {"id": 10 + n, "name": f"name {n}"})
        put(other, "main", "orders", {"id": 10 + n, "customer": 10 + n, "note": "late"})

    losing(monkeypatch, cat, tmp_path, write)
    cat.merge("fix")
    assert computed == {"joined": 1 + RACES, "counted": 1 + RACES}
    assert not any(one.is_stale for one in cat.stale())
    assert cat.sql("SELECT count(*) FROM joined").fetchall() == [(3 + RACES,)]


def test_readers_never_see_derived_tables_and_inputs_disagree(cat: Catalog, tmp_path: Path) -> None:
    differing = (
        f"SELECT count(*) FROM ((FROM joined EXCEPT ALL ({JOINED})) UNION ALL "
        f"(({JOINED}) EXCEPT ALL FROM joined))"
    )
    cat.refresh()
    found: list[int] = []
    ended = threading.Event()

    def poll() -> None:
        with Catalog.open(tmp_path / "c", author="reader").connect("main") as session:
            while not ended.is_set() or not found:
                found.append(session.sql(differing).fetchall()[0][0])
                ended.wait(0.05)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        cat.merge("fix")
        for n in range(3):
            cat.branches.create(f"more-{n}")
            put(cat, f"more-{n}", "customers", {"id": 2 + n, "name": f"name {n}"})
            put(cat, f"more-{n}", "orders", {"id": n, "customer": 2 + n, "note": "more"})
            cat.merge(f"more-{n}")
    finally:
        ended.set()
        thread.join()
    assert found
    assert set(found) == {0}
