"""The contract of a backfill holds for its merge, whoever merges it and by whatever branch."""

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CorruptData
from tests.backfill.conftest import FIX

ONLY_NULLS = {
    "contract": {
        "only-nulls": {
            "tables": ["orders"],
            "table": {"orders": {"columns": ["amount"], "column": {"amount": {"corrected": 0}}}},
        }
    }
}
"""NULLs of amount may be filled, and nothing else may change."""

CARELESS = f"{FIX}; UPDATE orders SET amount = 11 WHERE id = 1"
"""Corrects a cell, too."""


def refused_cell(error: catalog.GateRefused) -> tuple[str, str, dict[str, str | None], str | None]:
    """Returns the column, and of the example the key and the values."""
    (violation,) = error.judgement.violations
    (example,) = violation.examples
    assert (violation.contract, violation.table, violation.count) == ("only-nulls", "orders", 1)
    return violation.column, example.before, dict(example.key), example.after


def test_a_careless_fix_is_refused_with_the_cell_and_a_corrected_one_is_merged(
    cat: Catalog,
) -> None:
    head = cat.resolve("main").commit_id
    report = cat.backfill("nulls", fix=CARELESS, contract=ONLY_NULLS)
    assert report.state == "refused" and report.effect is not None
    assert report.effect.judgement is not None and not report.effect.judgement.passed
    with pytest.raises(catalog.GateRefused) as refused:
        cat.backfill("nulls", fix=CARELESS, contract=ONLY_NULLS, merge=True)
    assert refused_cell(refused.value) == ("amount", "10", {"id": "1"}, "11")
    assert cat.resolve("main").commit_id == head
    assert [one.state for one in cat.backfills()] == ["refused"]
    merged = cat.backfill("nulls", fix=FIX, contract=ONLY_NULLS, merge=True, restart=True)
    assert merged.state == "merged" and merged.effect is not None
    judgement = merged.effect.judgement
    assert judgement is not None and judgement.passed and judgement.contracts == ("only-nulls",)


@pytest.mark.invariant("The contract of a backfill holds for every merge that brings it")
def test_merged_by_hand_it_is_judged_by_its_contract(cat: Catalog) -> None:
    cat.backfill("nulls", fix=CARELESS, contract=ONLY_NULLS)
    cat.branches.create("other", at="backfill/nulls")
    cat.branches.create("aside")
    with cat.transaction("aside") as tx:
        tx.sql("UPDATE notes SET note = 'b'")
    head = cat.resolve("main").commit_id
    for source, squash in (("backfill/nulls", True), ("other", False), ("backfill/nulls~0", False)):
        with pytest.raises(catalog.GateRefused) as refused:
            cat.merge(source, squash=squash)
        assert refused_cell(refused.value)[0] == "amount"
    cat.merge("other", into="aside")  # it is not for this branch; on the way to main it counts
    with pytest.raises(catalog.GateRefused):
        cat.merge("aside")
    cat.branches.create("staged")
    with pytest.raises(catalog.GateRefused):
        cat.merge("backfill/nulls", into="staged")
    assert cat.resolve("main").commit_id == head


def test_a_step_that_is_picked_is_judged_by_its_contract(cat: Catalog) -> None:
    cat.backfill("nulls", fix=CARELESS, contract=ONLY_NULLS)
    step = cat.backfills()[0].steps[0].commit
    assert step is not None
    head = cat.resolve("main").commit_id
    with pytest.raises(catalog.GateRefused) as refused:
        cat.cherry_pick(step, branch="main")
    assert refused_cell(refused.value) == ("amount", "10", {"id": "1"}, "11")
    assert cat.resolve("main").commit_id == head
    corrected = cat.backfill("nulls", fix=FIX, contract=ONLY_NULLS, restart=True).steps[0].commit
    assert corrected is not None
    assert cat.cherry_pick(corrected, branch="main").commit is not None


def test_a_branch_without_its_description_is_not_merged(cat: Catalog) -> None:
    cat.backfill("nulls", fix=CARELESS, contract=ONLY_NULLS)
    head = cat.resolve("main").commit_id
    cat.reset("backfill/nulls", to="main")
    with cat.transaction("backfill/nulls") as tx:
        tx.sql("UPDATE orders SET amount = 11 WHERE id = 1")
    with pytest.raises(catalog.Conflict, match="its description is no longer on it"):
        cat.merge("backfill/nulls")
    assert cat.resolve("main").commit_id == head


def test_a_weaker_description_on_top_does_not_take_its_place(cat: Catalog) -> None:
    report = cat.backfill("nulls", fix=CARELESS, contract=ONLY_NULLS)
    weaker = {**report.backfill.metadata(), "backfill.contract": ""}
    with cat.transaction("backfill/nulls", metadata=weaker, allow_empty=True) as tx:
        assert not tx.is_repeated
    with pytest.raises((catalog.GateRefused, catalog.Conflict)):
        cat.merge("backfill/nulls")
    with pytest.raises((catalog.GateRefused, catalog.Conflict)):
        cat.backfill("nulls", merge=True)


def test_a_description_that_cannot_be_read_is_not_merged(cat: Catalog) -> None:
    cat.branches.create("odd")
    odd = {"backfill.version": "7", "backfill.name": "odd"}
    with cat.transaction("odd", metadata=odd) as tx:
        tx.sql("UPDATE notes SET note = 'b'")
    with pytest.raises(CorruptData, match="is not readable"):
        cat.merge("odd")


def test_a_contract_does_not_hold_for_the_undo(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX, contract=ONLY_NULLS, merge=True)
    assert cat.undo_backfill("nulls").state == "undone"


def test_checks_of_the_target_judge_a_backfill(cat: Catalog) -> None:
    cat.add_check("orders", "range", "amount", name="positive", min=0)
    bad = "UPDATE orders SET amount = -1 WHERE id = 3"
    report = cat.backfill("nulls", fix=bad)
    assert report.state == "refused" and report.effect is not None
    assert report.effect.judgement is not None
    (check,) = report.effect.judgement.checks
    assert (check.table, check.check, check.status) == ("orders", "positive", "failed")
    late = {"orders.positive": "known"}
    with pytest.raises(catalog.GateRefused):
        cat.backfill("nulls", merge=True, allow_failing=late)
    cat.branches.protect("main", may_fail=["orders.positive"])
    merged = cat.backfill("nulls", merge=True, allow_failing=late)
    assert merged.state == "merged" and merged.effect is not None
    assert merged.effect.judgement is not None
    assert [one.allowed for one in merged.effect.judgement.checks] == ["known"]


def test_the_same_contract_in_other_words_is_the_same(cat: Catalog) -> None:
    cat.backfill("nulls", fix=FIX, contract=ONLY_NULLS)
    contract = {**ONLY_NULLS["contract"]["only-nulls"], "description": "no gaps"}
    assert cat.backfill("nulls", contract={"contract": {"only-nulls": contract}}).state == "ready"
    contract["tables"] = ["orders", "notes"]
    with pytest.raises(catalog.AlreadyExists, match="another contract"):
        cat.backfill("nulls", contract={"contract": {"only-nulls": contract}})


def test_a_contract_that_is_not_valid_begins_nothing(cat: Catalog) -> None:
    with pytest.raises(catalog.InvalidInput, match="tabels"):
        cat.backfill("nulls", fix=FIX, contract={"contract": {"c": {"tabels": ["orders"]}}})
    with pytest.raises(catalog.InvalidInput, match="has no contract"):
        cat.backfill("nulls", fix=FIX, contract={})
    assert cat.backfills() == []
