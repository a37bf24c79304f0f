"""Checks at the gate: whose they are, which run, and what may fail."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import ErrorKind
from catalog.model.checks import Check, CheckKind, Severity
from catalog.model.judgement import Judgement, judgement_from_json
from catalog.operations.gate.known import recorded_results
from tests.operations.gate.conftest import Open, add, drop, head, run

NULLS = "UPDATE orders SET amount = NULL WHERE id = 2"


def refused(cat: Catalog, change: Callable[[], object], branch: str = "main") -> Judgement:
    """Returns why a change is refused, and sees that nothing moved."""
    before, moves = head(cat, branch), len(cat.branches.reflog(branch))
    with pytest.raises(catalog.GateRefused) as error:
        change()
    assert (head(cat, branch), len(cat.branches.reflog(branch))) == (before, moves)
    assert error.value.kind is ErrorKind.GATE_REFUSED
    found: Judgement = error.value.judgement
    assert not found.passed
    return found


def failing(found: Judgement) -> list[str]:
    return [one.name for one in found.checks if one.refuses]


@pytest.mark.invariant("A merge that breaks a check of its target moves nothing")
def test_a_merge_that_breaks_a_check_is_refused(opened: Open) -> None:
    cat = opened()
    run(cat, "fix", NULLS)
    found = refused(cat, lambda: cat.merge("fix"))
    assert failing(found) == ["orders.amount_there"]
    (one,) = [check for check in found.checks if check.refuses]
    assert (one.failures, [dict(example.key) for example in one.examples]) == (1, [{"id": "2"}])
    with cat.diff("main", found.candidate) as diff:
        assert diff["orders"].columns["amount"].cleared == 1


def test_what_passes_is_recorded_with_the_commit(opened: Open) -> None:
    cat = opened()
    run(cat, "fix", "UPDATE orders SET amount = 21 WHERE id = 2")
    report = cat.merge("fix")
    assert report.commit is not None and report.gate is not None and report.gate.passed
    stored = cat.show("main").gate
    assert stored is not None
    assert judgement_from_json(stored) == report.gate
    names = {check.name for check in report.gate.checks}
    assert names == {"orders.amount_there", "orders.id_once", "orders.customer_known"}


@pytest.mark.invariant("A gate is its target's: what the source says of checks does not count")
@pytest.mark.parametrize("trick", ["drop", "weaken", "warn", "rename"])
def test_a_source_does_not_change_the_gate_that_it_goes_through(opened: Open, trick: str) -> None:
    cat = opened()
    check = Check("amount_there", CheckKind.NOT_NULL, ("amount",), where="id > 100")
    match trick:
        case "drop":
            drop(cat, "fix", "orders", "amount_there")
        case "weaken":
            add(cat, "fix", ("orders", check), replace=True)
        case "warn":
            mild = Check("amount_there", CheckKind.NOT_NULL, ("amount",), severity=Severity.WARN)
            add(cat, "fix", ("orders", mild), replace=True)
        case "rename":
            run(cat, "fix", "ALTER TABLE orders RENAME COLUMN amount TO old_amount")
    if trick == "rename":
        assert "orders.amount_there" in failing(refused(cat, lambda: cat.merge("fix")))
        return
    run(cat, "fix", NULLS)
    assert failing(refused(cat, lambda: cat.merge("fix"))) == ["orders.amount_there"]


def test_what_becomes_of_checks_is_said(opened: Open) -> None:
    cat = opened()
    drop(cat, "fix", "orders", "amount_there")
    report = cat.merge("fix")
    assert report.gate is not None
    assert report.gate.notes == ("check orders.amount_there is dropped",)


def test_a_contract_of_the_branch_alone_lets_a_checked_table_go(opened: Open) -> None:
    cat = opened()
    contract = {"contract": {"clear": {"may_drop": ["orders"]}}}
    run(cat, "fix", "DROP TABLE orders")
    assert len(failing(refused(cat, lambda: cat.merge("fix", contracts=contract)))) == 3
    cat.branches.add_contract("main", contract)
    assert cat.merge("fix").commit is not None


def test_a_forged_record_of_a_gate_is_no_answer(opened: Open) -> None:
    """Whoever writes a catalog may write anything there; it is shown as unreadable, or run anew."""
    cat = opened()
    commits, parent = cat.repository.commits, head(cat)
    good = Judgement("main", parent, parent).to_json()
    for forged in ({}, {**good, "checks": [{}]}, {**good, "checks": 7}, {**good, "version": 2}):
        with pytest.raises(catalog.CorruptData):
            judgement_from_json(forged)
        about = replace(cat.context.describe("forged"), gate=forged)
        commit_id = cat.repository.writer().write([parent], [], about)
        assert recorded_results(commits, commit_id) == []


def test_checks_that_a_source_brings_run_too(opened: Open) -> None:
    cat = opened()
    positive = Check("small", CheckKind.RANGE, ("amount",), parameters={"max": "25"})
    add(cat, "fix", ("orders", positive))
    assert failing(refused(cat, lambda: cat.merge("fix"))) == ["orders.small"]


def test_a_check_runs_where_a_table_changes_that_it_reads(opened: Open) -> None:
    cat = opened()
    run(cat, "fix", "DELETE FROM customers WHERE id = 2")
    found = refused(cat, lambda: cat.merge("fix"))
    assert failing(found) == ["orders.customer_known"]
    assert {check.name for check in found.checks} == {"orders.customer_known", "customers.some"}


def test_checks_of_tables_that_stay_do_not_run(opened: Open) -> None:
    cat = opened()
    run(cat, "fix", "INSERT INTO other VALUES (2)")
    report = cat.merge("fix")
    assert report.gate is None
    assert report.commit is not None and report.commit.gate is None


@pytest.mark.parametrize("anew", [False, True])
def test_a_table_takes_its_checks_with_it_nowhere(opened: Open, anew: bool) -> None:
    cat = opened()
    run(cat, "fix", "DROP TABLE orders")
    if anew:
        run(cat, "fix", "CREATE TABLE orders (id INTEGER, customer INTEGER, amount INTEGER)")
        run(cat, "fix", "INSERT INTO orders VALUES (1, 9, NULL), (1, 9, NULL)")
    found = refused(cat, lambda: cat.merge("fix"))
    assert failing(found) == ["orders.amount_there", "orders.customer_known", "orders.id_once"]


def test_a_warning_is_no_refusal(opened: Open) -> None:
    cat = opened()
    mild = Check("amount_there", CheckKind.NOT_NULL, ("amount",), severity=Severity.WARN)
    add(cat, "main", ("orders", mild), replace=True)
    cat.branches.create("late")
    run(cat, "late", NULLS)
    report = cat.merge("late")
    assert report.gate is not None
    assert {c.name: c.status for c in report.gate.checks}["orders.amount_there"] == "warned"


def test_a_check_that_cannot_run_refuses(opened: Open) -> None:
    cat = opened()
    run(cat, "fix", "ALTER TABLE orders DROP COLUMN amount")
    found = refused(cat, lambda: cat.merge("fix"))
    assert [c.status for c in found.checks if c.refuses] == ["broken"]


def test_a_check_that_is_required_must_be_there_and_stay_as_it_is(opened: Open) -> None:
    cat = opened()
    cat.branches.protect("main", require=["ORDERS.amount_there"])
    assert cat.branches.rules("main").required == ("orders.amount_there",)
    drop(cat, "fix", "orders", "amount_there")
    assert failing(refused(cat, lambda: cat.merge("fix"))) == ["orders.amount_there"]
    cat.branches.create("weak")
    weak = Check("amount_there", CheckKind.NOT_NULL, ("amount",), where="id > 100")
    add(cat, "weak", ("orders", weak), replace=True)
    assert failing(refused(cat, lambda: cat.merge("weak"))) == ["orders.amount_there"]


def test_a_check_that_is_required_runs_though_its_table_stays(opened: Open) -> None:
    cat = opened()
    cat.branches.protect("main", require=["orders.amount_there"])
    run(cat, "main", NULLS)  # direct commits are not judged here
    run(cat, "fix", "INSERT INTO other VALUES (2)")
    assert failing(refused(cat, lambda: cat.merge("fix"))) == ["orders.amount_there"]


def test_a_check_may_fail_for_a_reason_where_the_branch_lets_it(opened: Open) -> None:
    cat = opened()
    run(cat, "fix", NULLS)
    allowed = {"orders.amount_there": "late by a day"}
    with pytest.raises(catalog.GateRefused, match="may not fail on branch 'main'"):
        cat.merge("fix", allow_failing=allowed)
    cat.branches.protect("main", may_fail=["orders.amount_there"])
    with pytest.raises(catalog.InvalidInput, match="no reason"):
        cat.merge("fix", allow_failing={"orders.amount_there": " "})
    refused(cat, lambda: cat.merge("fix"))
    assert cat.merge("fix", allow_failing=allowed).commit is not None
    stored = cat.show("main").gate
    assert stored is not None
    (one,) = [c for c in judgement_from_json(stored).checks if c.status == "failed"]
    assert (one.name, one.allowed) == ("orders.amount_there", "late by a day")


@pytest.mark.parametrize("way", ["merge", "squash", "revert", "cherry-pick", "continue", "into"])
def test_every_way_in_is_judged(opened: Open, way: str) -> None:
    cat = opened()
    if way == "revert":
        drop(cat, "main", "orders", "amount_there")
        run(cat, "main", "UPDATE orders SET amount = NULL WHERE id = 1")
        run(cat, "main", "UPDATE orders SET amount = 1 WHERE id = 1")
        add(cat, "main", ("orders", Check("amount_there", CheckKind.NOT_NULL, ("amount",))))
        found = refused(cat, lambda: cat.revert("main~1"))
    elif way == "continue":
        run(cat, "main", "UPDATE orders SET amount = 22 WHERE id = 2")
        run(cat, "fix", NULLS)
        with pytest.raises(catalog.MergeConflict):
            cat.merge("fix")
        found = refused(cat, lambda: cat.continue_merge("fix", resolve="theirs"))
        assert [one.source for one in cat.open_merges()] == ["fix"]
    elif way == "into":
        drop(cat, "main", "orders", "amount_there")
        run(cat, "main", NULLS)
        found = refused(cat, lambda: cat.merge("main", into="fix"), "fix")
    else:
        run(cat, "fix", NULLS)
        ways = {
            "merge": lambda: cat.merge("fix"),
            "squash": lambda: cat.merge("fix", squash=True),
            "cherry-pick": lambda: cat.cherry_pick("fix"),
        }
        found = refused(cat, ways[way])
    assert failing(found) == ["orders.amount_there"]


@pytest.mark.parametrize("way", ["sql", "write", "check"])
def test_direct_commits_are_judged_where_the_branch_says_so(opened: Open, way: str) -> None:
    cat = opened()
    rows = [{"id": 4, "customer": 1, "amount": None}]

    def write() -> None:
        with cat.transaction("main") as tx:
            tx.write("orders", rows, mode="append")

    def change_check() -> None:
        cat_check = Check("small", CheckKind.RANGE, ("amount",), parameters={"max": "25"})
        from catalog.model.checks import TableCheck
        from catalog.operations.checks.change import change_checks
        from catalog.operations.gate.gate import Gate

        judge = Gate(cat.context, "this change of checks", direct=True).judge
        add = [TableCheck("orders", "small", cat_check)]
        change_checks(cat.context, "main", add=add, judge=judge)

    ways = {"sql": lambda: run(cat, "main", NULLS), "write": write, "check": change_check}
    cat.branches.protect("main", judge_direct=True)
    expected = "orders.small" if way == "check" else "orders.amount_there"
    assert failing(refused(cat, ways[way])) == [expected]
    run(cat, "main", "UPDATE orders SET amount = 11 WHERE id = 1")
    assert cat.show("main").gate is not None
    cat.branches.protect("main", judge_direct=False)
    ways[way]()


def test_derived_tables_are_refreshed_before_they_are_checked(opened: Open) -> None:
    cat = opened()
    cat.derive("totals", "SELECT customer, sum(amount) AS total FROM orders GROUP BY customer")
    high = Check("low", CheckKind.RANGE, ("total",), parameters={"max": "100"})
    add(cat, "main", ("totals", high))
    cat.branches.create("much")
    run(cat, "much", "UPDATE orders SET amount = 1000 WHERE id = 3")
    for dry_run in (True, False):
        if dry_run:
            found = cat.merge("much", dry_run=True).gate
            assert found is not None
        else:
            found = refused(cat, lambda: cat.merge("much"))
        assert failing(found) == ["totals.low"]


def test_a_dry_run_judges_and_leaves_nothing(opened: Open) -> None:
    cat = opened()
    run(cat, "fix", NULLS)
    before = sorted(str(path) for path in _files(cat))
    report = cat.merge("fix", dry_run=True)
    assert report.commit is None and report.gate is not None
    assert failing(report.gate) == ["orders.amount_there"]
    assert sorted(str(path) for path in _files(cat)) == before


def _files(cat: Catalog) -> list[str]:
    return [info.path for info in cat.repository.store.list("")]


def test_rules_that_cannot_be_read_let_nothing_through(opened: Open) -> None:
    cat = opened()
    held = cat.repository.branches.held("main")
    assert held is not None
    stamp = cat.context.stamp("rules of a later release")
    cat.repository.branches.protect(held, stamp, protected=False, rules={"version": 2})
    run(cat, "fix", "INSERT INTO other VALUES (2)")
    before = head(cat)
    for change in (
        lambda: cat.merge("fix"),
        lambda: cat.cherry_pick("fix"),
        lambda: run(cat, "main", "INSERT INTO other VALUES (3)"),
    ):
        with pytest.raises(catalog.CorruptData, match="newer release"):
            change()
    assert head(cat) == before


def test_a_merge_that_nothing_judges_writes_one_pack(opened: Open) -> None:
    cat = opened()
    run(cat, "fix", "INSERT INTO other VALUES (2)")
    before = set(_files(cat))
    cat.merge("fix")
    assert len({path for path in _files(cat) if path.startswith("objects/")} - before) == 1
