"""Gates while others commit: a slow one lands, and what is published is what was judged."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.operations.gate import gate as gate_module
from tests.operations.gate.conftest import Open, head, run


@contextmanager
def busy(cat: Catalog, made: list[int]) -> Iterator[None]:
    """Commits to another table for as long as it is entered, and counts how often."""
    ended = threading.Event()

    def commit() -> None:
        while not ended.is_set():
            run(cat, "main", f"INSERT INTO other VALUES ({made[0]})")
            made[0] += 1

    thread = threading.Thread(target=commit)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.invariant("A slow gate lands on a branch that others commit to all the while")
def test_a_slow_gate_lands_on_a_busy_branch(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer commits with no pause at all: it has every advantage in the race."""
    asked: list[float] = []
    made = [0]

    def audit(delta: Mapping[str, Any]) -> None:
        asked.append(time.monotonic())
        until = made[0] + 5
        while made[0] < until:  # five commits of somebody else
            time.sleep(0.01)

    ran: list[int] = []
    checking = gate_module.run_checks

    def counted(context: Any, commit_id: str, wanted: Any, **named: Any) -> Any:
        results = checking(context, commit_id, wanted, **named)
        ran.append(sum(one.elapsed_ms >= 0 for one in results))
        return results

    monkeypatch.setattr(gate_module, "run_checks", counted)
    cat = opened(hooks={"audit": audit})
    cat.branches.protect("main", hook=["audit"])
    run(cat, "fix", "UPDATE orders SET amount = 21 WHERE id = 2")
    with busy(opened(), made):
        report = cat.merge("fix")
    assert report.commit is not None and report.gate is not None
    assert len(asked) == 1
    judged, published = (
        cat.repository.commits.read(one) for one in (report.gate.candidate, report.commit.id)
    )
    assert judged.tables == published.tables
    assert report.gate.before == published.parents[0]
    assert cat.sql("SELECT amount FROM orders WHERE id = 2").fetchall() == [(21,)]


def test_a_slow_gate_of_direct_commits_lands_too(opened: Open) -> None:
    asked: list[int] = []
    made = [0]

    def audit(delta: Mapping[str, Any]) -> None:
        until = made[0] + 3
        if "orders" in [table["table"] for table in delta["tables"]]:
            asked.append(until)
            while made[0] < until:
                time.sleep(0.01)

    hooks = {"audit": audit}
    cat = opened(hooks=hooks)
    cat.branches.protect("main", hook=["audit"], judge_direct=True)
    with busy(opened(hooks=hooks), made):
        run(cat, "main", "INSERT INTO orders VALUES (4, 3, 40)")
    assert len(asked) == 1
    assert cat.sql("SELECT count(*) FROM orders").fetchall() == [(4,)]


def test_a_branch_that_was_moved_hundreds_of_times_takes_what_was_judged_meanwhile(
    opened: Open,
) -> None:
    """The branch object itself keeps fewer moves than come in ten minutes, one each second."""

    def audit(delta: Mapping[str, Any]) -> None:
        branches = other.repository.branches
        for _ in range(250 if not asked else 0):
            held = branches.held("main")
            assert held is not None
            branches.move(held, held.branch.commit_id, other.context.stamp("somebody else"))
        asked.append(True)

    asked: list[bool] = []
    other = opened()
    cat = opened(hooks={"audit": audit})
    cat.branches.protect("main", hook=["audit"])
    run(cat, "fix", "INSERT INTO orders VALUES (4, 3, 40)")
    assert cat.merge("fix").commit is not None
    assert asked == [True]


def test_what_others_change_that_a_check_reads_is_judged_again(opened: Open) -> None:
    """The customer of a new order is deleted while the gate is open."""

    def audit(delta: Mapping[str, Any]) -> None:
        if not moved:
            moved.append(head(other))
            run(other, "main", "DELETE FROM customers WHERE id = 3")

    moved: list[str] = []
    other = opened()
    cat = opened(hooks={"audit": audit})
    cat.branches.protect("main", hook=["audit"])
    run(cat, "fix", "INSERT INTO orders VALUES (4, 3, 40)")
    with pytest.raises(catalog.GateRefused) as error:
        cat.merge("fix")
    assert [one.name for one in error.value.judgement.checks if one.refuses] == [
        "orders.customer_known"
    ]
    assert moved and head(cat) != moved[0]


def test_rules_that_come_while_a_gate_is_open_count(opened: Open) -> None:
    def audit(delta: Mapping[str, Any]) -> None:
        if not moved:
            moved.append(True)
            other.branches.protect("main", hook=["second"])

    moved: list[bool] = []
    other = opened()
    cat = opened(hooks={"audit": audit})
    cat.branches.protect("main", hook=["audit"])
    run(cat, "fix", "INSERT INTO orders VALUES (4, 3, 40)")
    before = head(cat)
    with pytest.raises(catalog.GateRefused) as error:
        cat.merge("fix")
    assert [one.hook for one in error.value.judgement.hooks if not one.passed] == ["second"]
    assert head(cat) == before


def test_a_branch_that_is_deleted_while_a_gate_is_open_is_not_revived(opened: Open) -> None:
    other = opened()

    def audit(delta: Mapping[str, Any]) -> None:
        other.branches.protect("target", rules=False)
        other.branches.delete("target")

    cat = opened(hooks={"audit": audit})
    cat.branches.create("target")
    cat.branches.protect("target", hook=["audit"])
    run(cat, "fix", "INSERT INTO orders VALUES (4, 3, 40)")
    with pytest.raises(catalog.Conflict):
        cat.merge("fix", into="target")
    assert cat.repository.branches.find("target") is None
