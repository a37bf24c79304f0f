"""Conditions offered for pruning never change what a query answers."""

import random

import duckdb
import pytest

from tests.query.pruned import fill, pruned, result
from tests.query.shapes import ATOMS, ONE, OWN, TWO

SEEDS = 20


def condition(chance: random.Random, qualifiers: tuple[str, ...], atoms: tuple[str, ...]) -> str:
    """Joins a few random conditions."""
    parts = [
        chance.choice(atoms).format(q=chance.choice(qualifiers))
        for _ in range(chance.choice([1, 1, 2, 3]))
    ]
    return " AND ".join(f"({part})" if " OR " in part else part for part in parts)


def compared(session: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    """Compares a query over all rows with one over the rows that predicates leave.

    Returns:
        Whether DuckDB could run it, and how many predicates were used.
    """
    text, count = pruned(query)
    expected = result(session, query)
    if expected is None or count == 0:
        return int(expected is not None), 0
    assert result(session, text) == expected, text
    return 1, count


@pytest.mark.parametrize("shape", ONE)
def test_conditions_on_one_table(shape: str) -> None:
    chance = random.Random(shape)
    used = ran = 0
    with duckdb.connect(config={"threads": 1}) as session:
        for seed in range(SEEDS):
            if seed % 5 == 0:
                fill(session, chance.randrange(1 << 30))
            where = condition(chance, ("", "", "t."), ATOMS + OWN)
            one, count = compared(session, shape.replace("{w}", where))
            ran, used = ran + one, used + count
    assert ran > 0, "DuckDB ran none of them"


@pytest.mark.parametrize("shape", TWO)
def test_conditions_on_joined_tables(shape: str) -> None:
    chance = random.Random(shape)
    ran = 0
    with duckdb.connect(config={"threads": 1}) as session:
        for seed in range(SEEDS):
            if seed % 5 == 0:
                fill(session, chance.randrange(1 << 30))
            where = condition(chance, ("x.", "y."), ATOMS)
            ran += compared(session, shape.replace("{w}", where))[0]
    assert ran > 0, "DuckDB ran none of them"


def test_enough_predicates_are_offered() -> None:
    chance = random.Random(7)
    offered = 0
    for _ in range(200):
        offered += pruned(f"SELECT * FROM t WHERE {condition(chance, ('',), ATOMS)}")[1]
    assert offered > 100
