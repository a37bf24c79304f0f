"""``contract``: judging changes, and the contracts that a branch keeps."""

import json
from pathlib import Path

import pytest

import catalog
from catalog.errors import AlreadyExists, ErrorKind, InvalidInput, NotFound
from tests.cli.conftest import Runner

GOOD = """
[contract.backfill]
description = "the first of January again"
tables = ["orders"]

[contract.backfill.table.orders]
partitions = ["day=2024-01-01"]
deleted = "20%"
updated = 2
unique_key = true

[contract.backfill.table.orders.column.amount]
nulls = "may-fall"

[contract.strict.table.orders]
columns = ["amount"]
inserted = 1
deleted = 1
"""


@pytest.fixture
def contracts(lake: Path) -> Path:
    path = lake.parent / "contracts.toml"
    path.write_text(GOOD)
    return path


def test_a_change_is_judged_and_the_cell_is_named(contracts: Path, parquetry: Runner) -> None:
    done = parquetry("contract", "contracts.toml", "main~1", "--name", "backfill")
    assert (done.code, done.out) == (0, "kept: contract backfill\n")
    done = parquetry("contract", "contracts.toml", "main~1", "main")
    assert done.code == 1
    assert done.out.splitlines() == [
        "contract strict: 1 cell of column note changed in table orders, which may not, "
        "in day=2024-01-01 (allowed: only amount)",
        "  order_id=3: note c → C",
        "kept: contract backfill",
    ]


def test_the_json_form_names_rule_count_partition_and_key(
    contracts: Path, parquetry: Runner
) -> None:
    done = parquetry("contract", "contracts.toml", "main~1..main", "--json")
    found = json.loads(done.out)
    assert (done.code, found["format_version"], found["kept"]) == (1, 1, False)
    assert found["contracts"] == ["backfill", "strict"]
    assert [found[side]["ref"] for side in ("from", "to")] == ["main~1", "main"]
    assert found["violations"] == [
        {
            "contract": "strict",
            "rule": "table.orders.columns",
            "message": "1 cell of column note changed in table orders, which may not, "
            "in day=2024-01-01",
            "table": "orders",
            "partition": {"day": "2024-01-01"},
            "column": "note",
            "count": 1,
            "allowed": "only amount",
            "examples": [{"key": {"order_id": "3"}, "column": "note", "from": "c", "to": "C"}],
        }
    ]


def test_a_branch_keeps_contracts(contracts: Path, parquetry: Runner) -> None:
    assert parquetry("contract", "list").out == "branch main has no contracts\n"
    done = parquetry("contract", "add", "contracts.toml", "--name", "backfill")
    assert done.out == "branch main keeps contract backfill\n"
    assert parquetry("contract", "add", "contracts.toml", "--name", "backfill").code == 0
    listed = json.loads(parquetry("contract", "list", "--json").out)
    assert [one["contract"] for one in listed["contracts"]] == ["backfill"]
    shown = parquetry("contract", "show", "BACKFILL").out
    again = contracts.with_name("again.toml")
    again.write_text(shown)
    assert catalog.read_contracts(again) == [catalog.read_contracts(contracts)[0]]
    again.write_text(shown.replace("updated = 2", "updated = 3"))
    done = parquetry("contract", "add", "again.toml")
    assert done.code == 3 and "--replace" in done.err
    assert parquetry("contract", "add", "again.toml", "--replace").code == 0
    assert "updated = 3" in parquetry("contract", "show", "backfill").out
    assert parquetry("contract", "drop", "nothing").code == 3
    assert parquetry("contract", "drop", "backfill").code == 0
    why = [m["reason"] for m in json.loads(parquetry("reflog", "--json").out)["moves"]]
    assert why[:3] == [
        "contract: dropped backfill",
        "contract: added backfill",
        "contract: added backfill",
    ]


MISTAKES = [
    ("[contract.x.table.order]\nupdated = 1", "order", "orders"),
    ("[contract.x]\ntables = ['order']", "contract.x.tables", "orders"),
    ("[contract.x.table.orders]\ncolumns = ['amont']", "amont", "amount"),
    ("[contract.x.table.orders.column.amont]\nfilled = 1", "amont", "amount"),
    ("[contract.x.table.orders]\npartitions = ['amount=1']", "contract.x.table.orders", ""),
    ("[contract.x.table.orders]\npartitions = ['day=yesterday']", "yesterday", ""),
    ("[contract.x.table.orders]\nwhere = 'amont > 1'", "contract.x.table.orders.where", ""),
    ("[contract.x.table.orders]\nwhere = 'amount >'", "contract.x.table.orders.where", ""),
    ("[contract.x.table.orders]\nwhere = 'random() < 1'", "random", ""),
    ("[contract.x.table.orders]\nwhere = 'note'", "contract.x.table.orders.where", ""),
    ("[contract.x.table.orders.column.note]\nsum = 1", "contract.x.table.orders.column.note", ""),
    ("[contract.x.table.orders.column.amount]\nmin = 'a'", "column.amount", ""),
    ("[contract.x.table.orders.column.order_id]\ntolerance = 1", "column.order_id", ""),
    ("[contract.x.table.orders]\nupdatd = 1", "contract.x.table.orders.updatd", "updated"),
    ("[contract.x\n", "TOML", ""),
]


@pytest.mark.parametrize(("text", "place", "advice"), MISTAKES)
def test_a_contract_that_does_not_fit_is_not_kept(
    lake: Path, parquetry: Runner, text: str, place: str, advice: str
) -> None:
    (lake.parent / "x.toml").write_text(text)
    done = parquetry("contract", "add", "x.toml")
    assert done.code == 3
    assert place in done.err and advice in done.err
    assert parquetry("contract", "list").out == "branch main has no contracts\n"


def test_files_contracts_and_refs_that_are_not_there(contracts: Path, parquetry: Runner) -> None:
    for words in (
        ("contract", "nothing.toml", "main"),
        ("contract", "contracts.toml", "nothing"),
        ("contract", "contracts.toml", "main~1", "--name", "nothing"),
        ("contract", "add", "contracts.toml", "--branch", "nothing"),
        ("contract", "show", "nothing"),
        ("contract", "list", "--branch", "nothing"),
    ):
        assert parquetry(*words).code == 3, words
    assert parquetry("contract", "contracts.toml").code == 2


def test_contracts_in_python(contracts: Path) -> None:
    cat = catalog.open("lake")
    report = cat.judge(contracts, "main~1", names=["strict"])
    assert not report.kept
    assert [one.rule for one in report.violations] == ["table.orders.columns"]
    assert cat.judge({"contract": {"x": {"tables": ["orders"]}}}, "main~1").kept
    given = catalog.read_contracts(contracts)
    cat.branches.add_contract("main", given)
    assert [one.name for one in cat.branches.contracts("main")] == ["backfill", "strict"]
    with pytest.raises(AlreadyExists):
        cat.branches.add_contract("main", {"contract": {"STRICT": {}}})
    cat.branches.drop_contract("main", "strict")
    with pytest.raises(NotFound) as missing:
        cat.branches.contract("main", "strict")
    assert missing.value.kind is ErrorKind.CONTRACT_NOT_FOUND
    with pytest.raises(InvalidInput):
        cat.judge([{"contract": {}}], "main~1")  # type: ignore[list-item]


def test_a_key_of_another_file_is_passed_over_in_parquetry_toml(
    lake: Path, parquetry: Runner
) -> None:
    path = lake.parent / "parquetry.toml"
    path.write_text(path.read_text() + '\n[contract.x]\ntables = ["orders"]\n')
    assert parquetry("contract", "parquetry.toml", "main~1").out == "kept: contract x\n"


@pytest.mark.invariant(
    "A merge that breaks a contract of the branch is refused, and names the cell"
)
def test_a_merge_is_judged_by_the_contracts_of_the_branch(
    contracts: Path, parquetry: Runner
) -> None:
    assert parquetry("contract", "add", "contracts.toml", "--name", "strict").code == 0
    parquetry("branch", "create", "fix")
    change = "UPDATE orders SET note = 'z', amount = 2 WHERE order_id = 5"
    assert parquetry("sql", "--branch", "fix", "-m", "too much", change).code == 0
    before = parquetry("log", "main", "--json").out
    done = parquetry("merge", "fix")
    assert done.code == 1
    assert "order_id=5: note e → z" in done.err + done.out
    assert parquetry("log", "main", "--json").out == before
    again = "UPDATE orders SET note = 'e' WHERE order_id = 5"
    assert parquetry("sql", "--branch", "fix", "-m", "only that", again).code == 0
    assert parquetry("merge", "fix").code == 0
