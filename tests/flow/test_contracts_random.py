"""Random changes of random tables, judged by random contracts, against a recount in Python."""

import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from catalog import Catalog
from catalog.diff.view import End
from catalog.errors import InvalidInput
from catalog.model.contract_reading import read_contracts
from catalog.model.contracts import Contract
from catalog.operations.contracts.judge import judge_contracts
from tests.effort import effort
from tests.flow.contract_oracle import Recount, Row, broken

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("part", pa.string()),
        ("a", pa.int32()),
        ("b", pa.decimal128(9, 2)),
        ("c", pa.float64()),
    ]
)

CHANGES = effort(6, 60)
"""Pairs of states, each of which is judged by many contracts."""

CONTRACTS = effort(12, 40)
"""Contracts that one pair of states is judged by: they share its diff."""


def random_row(draw: random.Random, key: int | None) -> Row:
    return (
        key,
        draw.choice(["x", "y", "z", None]),
        draw.choice([None, -1, 0, 1, 2, 100]),
        draw.choice([None, Decimal("0.01"), Decimal("-5.00"), Decimal("7.25")]),
        draw.choice([None, -0.0, 0.1, 1e300, float("nan"), float("inf"), -2.5]),
    )


def random_states(draw: random.Random, *, keyed: bool) -> tuple[list[Row], list[Row]]:
    keys = range(draw.choice([0, 1, 6, 12]))
    before = [random_row(draw, key) for key in keys]
    after = []
    for row in before:
        what = draw.random()
        if what < 0.15:
            continue
        if what < 0.55:
            fresh = random_row(draw, row[0] if isinstance(row[0], int) else None)
            places = draw.sample(range(1, 5), draw.choice([1, 1, 2, 4]))
            row = tuple(fresh[n] if n in places else value for n, value in enumerate(row))
        after.append(row)
        if draw.random() < (0.05 if keyed else 0.2):
            after.append(row)
    fresh_keys = [20, 21, None] if draw.random() < 0.3 else [20]
    after += [random_row(draw, key) for key in fresh_keys if draw.random() < 0.4]
    draw.shuffle(after)
    return before, after


def random_rules(draw: random.Random, *, keyed: bool) -> dict[str, object]:
    def most() -> object:
        return draw.choice([0, 1, 2, 5, "0%", "10%", "33.3%", "50%", "100%"])

    rules: dict[str, object] = {}
    for name in ("inserted", "deleted", "updated"):
        if draw.random() < 0.3:
            rules[name] = most()
    if draw.random() < 0.3 and rules.get("updated") not in (0, "0%"):
        rules["moved"] = most()
    if draw.random() < 0.3:
        rules["columns"] = draw.sample(["part", "a", "b", "c"], draw.randrange(4))
    if draw.random() < 0.3:
        rules["partitions"] = draw.sample(["part=x", "part=y", "part=z", "part=NULL"], 2)
    if keyed:
        rules["unique_key"] = draw.random() < 0.5
    column = {}
    for name in "abc":
        if draw.random() < 0.5:
            own: dict[str, object] = {}
            if draw.random() < 0.5:
                own["nulls"] = draw.choice(["may-fall", "may-rise", "unchanged"])
            if draw.random() < 0.4:
                own["sum"] = draw.choice(["0%", "10%", "200%", 0, "0.005", "12.26", "1000"])
            if draw.random() < 0.3:
                own["min"] = draw.choice(["-1", "0.05", "0.1", "7.25"])
            if draw.random() < 0.3:
                own["max"] = draw.choice(["100.5", "7.25", "99"])
            column[name] = own
    return {**rules, "column": column}


def readable(name: str, rules: dict[str, object]) -> Contract | None:
    try:
        return read_contracts({"contract": {name: {"table": {"t": rules}}}}, source="random")[0]
    except InvalidInput:  # two rules contradict each other
        return None


def written(cat: Catalog, branch: str, rows: Sequence[Row], *, key: list[str]) -> str:
    columns = [pa.array([row[n] for row in rows], SCHEMA.field(n).type) for n in range(5)]
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    with cat.transaction(branch, message="written") as tx:
        tx.write("t", table, mode="overwrite", key=key, partition_by=["part"])
    return cat.context.resolve(branch).commit_id


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("keyed", [True, False])
def test_random_contracts_find_what_a_recount_finds(tmp_path: Path, keyed: bool) -> None:
    draw = random.Random(effort(16 + keyed, random.randrange(1 << 30)))
    cat = Catalog.create(tmp_path / "lake", author="tester")
    found_any = 0
    for number in range(CHANGES):
        before, after = random_states(draw, keyed=keyed)
        cat.branches.create(f"b{number}")
        key = ["id"] if keyed else []
        first = written(cat, f"b{number}", before, key=key)
        second = written(cat, f"b{number}", after, key=key)
        stated = {f"c{n}": random_rules(draw, keyed=keyed) for n in range(CONTRACTS)}
        contracts = [one for name in stated if (one := readable(name, stated[name]))]
        ends = End("before", first), End("after", second)
        judged = judge_contracts(cat.context, contracts, *ends)
        recount = Recount(before, after, keyed=keyed)
        for contract in contracts:
            own = [one for one in judged if one.contract == contract.name]
            rules = {one.rule.removeprefix("table.t.") for one in own}
            assert rules == broken(recount, stated[contract.name]), (before, after, stated)
            found_any += bool(rules)
    assert found_any > CHANGES
