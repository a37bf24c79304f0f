"""Refreshes while others write: what their inputs are at the end, computed no more than needed."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, Conflict, ErrorKind, InvalidInput
from catalog.flow.refresh.step import Step, StepResult
from catalog.query.session import Session
from catalog.repository import repository as stored
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.storage.faulty import Around, PlannedStore

from .conftest import run
from .refresher import MODELS, change, fill

Racing = Callable[..., Catalog]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often each table was computed."""
    counts: Counter[str] = Counter()
    original = Step.run

    def counting(step: Step) -> StepResult:
        result = original(step)
        counts[result.plan.table] += 1
        return result

    monkeypatch.setattr(Step, "run", counting)
    return counts


@pytest.fixture
def racing(tmp_path: Path) -> Racing:
    """Returns a catalog before whose next swaps of ``main`` others do something, one thing each."""

    def opened(*others: Callable[[], object]) -> Catalog:
        pending = list(others)

        def plan(method: str, path: str) -> Around | None:
            if method != "swap" or not path.startswith("refs/branches/") or not pending:
                return None
            return Around(before=pending.pop(0))

        store = PlannedStore(LocalStore(str(tmp_path / "lake")), plan)
        return Catalog("lake", stored.open_existing(store), author="racer")

    return opened


def rows(of: Catalog | Session, sql: str) -> list[str]:
    query = f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})"
    return sorted(map(str, of.sql(query).fetchall()))


def check_fresh(cat: Catalog, models: dict[str, str]) -> None:
    assert {one.table: one.is_stale for one in cat.stale()} == dict.fromkeys(models, False)
    with cat.connect("main") as session:
        for table, sql in models.items():
            assert rows(session, f"FROM {table}") == rows(session, sql), table


OTHER = "SELECT a + 1 AS b FROM apart"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a catalog with stale tables: ``MODELS``, and one of an input of its own."""
    root = tmp_path_factory.mktemp("template") / "lake"
    cat = Catalog.create(str(root))
    fill(cat)
    run(cat, "CREATE TABLE apart AS SELECT range AS a FROM range(5)")
    run(cat, "CREATE TABLE aside AS SELECT 1 AS x")
    cat.derive("other", OTHER)
    change(cat, 1)
    run(cat, "INSERT INTO apart VALUES (77)")
    return root


@pytest.fixture
def stale(template: Path, tmp_path: Path) -> Catalog:
    """A copy of it."""
    shutil.copytree(template, tmp_path / "lake")
    return Catalog.open(str(tmp_path / "lake"))


@pytest.mark.invariant("After a lost race, a refresh computes again only what others changed")
def test_commits_to_other_tables_make_no_step_run_twice(
    stale: Catalog, racing: Racing, computed: Counter[str]
) -> None:
    aside = [lambda: run(stale, "INSERT INTO aside VALUES (2)")] * 3
    report = racing(*aside).refresh()
    assert report.commit is not None
    assert computed == dict.fromkeys((*MODELS, "other"), 1)
    assert report.commit.parents == (stale.log()[1].id,)
    check_fresh(stale, {**MODELS, "other": OTHER})
    assert len(rows(stale, "FROM aside")) == 4


def test_a_changed_input_makes_only_what_depends_on_it_run_again(
    stale: Catalog, racing: Racing, computed: Counter[str]
) -> None:
    racing(lambda: run(stale, "INSERT INTO apart VALUES (78)"), lambda: change(stale, 2)).refresh()
    assert computed == {**dict.fromkeys(MODELS, 2), "other": 2}
    check_fresh(stale, {**MODELS, "other": OTHER})
    computed.clear()
    change(stale, 3)
    racing(lambda: run(stale, "INSERT INTO apart VALUES (79)")).refresh()
    assert computed == {**dict.fromkeys(MODELS, 1), "other": 1}
    check_fresh(stale, {**MODELS, "other": OTHER})


def test_an_input_rewritten_with_equal_rows_makes_nothing_run_again(
    stale: Catalog, racing: Racing, computed: Counter[str]
) -> None:
    def back_and_forth() -> None:
        run(stale, "INSERT INTO aside VALUES (3)")
        stale.reset("main", to="main~1")

    racing(back_and_forth).refresh()
    assert computed == dict.fromkeys((*MODELS, "other"), 1)
    check_fresh(stale, {**MODELS, "other": OTHER})


def test_another_refresh_meanwhile_leaves_nothing_to_do(
    stale: Catalog, racing: Racing, computed: Counter[str]
) -> None:
    report = racing(lambda: stale.refresh()).refresh()
    assert report.commit is None
    assert computed == dict.fromkeys((*MODELS, "other"), 2)
    check_fresh(stale, {**MODELS, "other": OTHER})


def test_a_definition_that_changes_meanwhile_is_the_one_that_counts(
    stale: Catalog, racing: Racing
) -> None:
    sql = "SELECT a * 2 AS b, 'x' AS c FROM apart"
    racing(lambda: stale.derive("other", sql, refresh=False)).refresh()
    check_fresh(stale, {**MODELS, "other": sql})
    change(stale, 5)
    racing(lambda: stale.derive("daily", "SELECT 1 AS day, 2 AS s", key=[])).refresh()
    check_fresh(stale, {**MODELS, "other": sql, "daily": "SELECT 1 AS day, 2 AS s"})


def test_a_table_that_is_no_longer_derived_is_left_alone(stale: Catalog, racing: Racing) -> None:
    before = rows(stale, "FROM other")
    racing(lambda: stale.drop_definition("other")).refresh()
    assert rows(stale, "FROM other") == before
    assert stale.table("other").computed is None
    check_fresh(stale, MODELS)


def test_a_table_that_is_dropped_meanwhile_stays_dropped(stale: Catalog, racing: Racing) -> None:
    def drop() -> None:
        with stale.transaction() as tx:
            tx.drop("other")

    racing(drop).refresh()
    assert "other" not in [one.name for one in stale.tables()]
    check_fresh(stale, MODELS)


def test_an_input_that_is_dropped_meanwhile_is_an_error(stale: Catalog, racing: Racing) -> None:
    def drop() -> None:
        with stale.transaction() as tx:
            tx.drop("apart")

    with pytest.raises(InvalidInput, match="'other' reads 'apart', which is not there"):
        racing(drop).refresh()
    assert stale.log()[0].tables == ("apart",)


@pytest.mark.parametrize("how", ["deleted", "protected"])
def test_a_branch_may_be_deleted_or_protected_meanwhile(
    stale: Catalog, racing: Racing, how: str
) -> None:
    stale.branches.create("work", at="main")

    def meanwhile() -> None:
        if how == "deleted":
            stale.branches.delete("work")
        else:
            stale.branches.protect("work")

    with pytest.raises(Conflict) as caught:
        racing(meanwhile).refresh(branch="work")
    assert caught.value.kind in (ErrorKind.BRANCH_DELETED, ErrorKind.BRANCH_PROTECTED)
    if how == "protected":
        assert stale.resolve("work").commit_id == stale.resolve("main").commit_id


@pytest.mark.invariant("Nobody who reads a branch ever sees derived tables that disagree")
def test_readers_never_see_tables_disagree(stale: Catalog, tmp_path: Path) -> None:
    stale.refresh()
    over, failures, looks = threading.Event(), list[object](), Counter[bool]()
    query = (
        "SELECT (SELECT sum(v) FROM joined) = (SELECT sum(s) FROM daily) "
        "AND (SELECT sum(s) FROM daily, joined) = (SELECT s FROM total) "
        "AND (SELECT count(name) FROM daily, joined) = (SELECT named FROM total)"
    )

    def read() -> None:
        try:
            with Catalog.open(str(tmp_path / "lake")).connect("main") as session:
                while not over.is_set():
                    ((agree,),) = session.sql(query).fetchall()
                    looks[agree] += 1
                    over.wait(0.1)
        except CatalogError as error:
            failures.append(error)

    def write() -> None:
        try:
            other = Catalog.open(str(tmp_path / "lake"))
            while not over.is_set():
                run(other, "INSERT INTO aside VALUES (2)")
                over.wait(0.1)
        except CatalogError as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for one in (read, write)]
    for thread in threads:
        thread.start()
    try:
        for number in range(effort(3, 60)):
            change(stale, number)
            stale.refresh()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert looks[False] == 0
    assert looks[True] > 0


def test_two_that_refresh_at_once_end_with_one_truth(stale: Catalog, tmp_path: Path) -> None:
    failures: list[CatalogError] = []

    def refresh() -> None:
        try:
            Catalog.open(str(tmp_path / "lake")).refresh()
        except CatalogError as error:
            failures.append(error)

    threads = [threading.Thread(target=refresh) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    check_fresh(stale, {**MODELS, "other": OTHER})
    assert len([one for one in stale.log() if one.message.startswith("refresh")]) == 1


@pytest.mark.invariant("A refresh lands although others change what it reads all the while")
def test_inputs_that_never_rest_do_not_keep_a_refresh_from_landing(tmp_path: Path) -> None:
    cat = Catalog.create(str(tmp_path / "lake"))
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE orders AS SELECT 1 AS id, 10 AS amount")
    cat.derive("totals", "SELECT sum(amount) AS total FROM orders")
    changes = 0

    def change(*_: object) -> None:
        nonlocal changes
        changes += 1
        with cat.transaction("main") as tx:
            tx.sql(f"INSERT INTO orders VALUES ({changes + 1}, 10)")

    change()
    report = cat.refresh(progress=change)
    assert report.commit is not None and report.as_of is not None
    total = cat.sql("SELECT total FROM totals").fetchall()
    assert total == cat.sql(f"SELECT sum(amount) FROM orders@{report.as_of}").fetchall()
    assert [one.table for one in cat.stale() if one.is_stale] == ["totals"]
    assert cat.refresh().as_of is None
    assert not any(one.is_stale for one in cat.stale())
