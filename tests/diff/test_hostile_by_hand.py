"""The oracle against the numbers worked out by hand beside each hostile pair."""

from dataclasses import astuple
from pathlib import Path

import pytest

from tests.diff.cases_hostile import CASES
from tests.diff.cases_pair import Pair, expected, oracle_tables, write

pytestmark = pytest.mark.oracle


def test_every_pair_has_its_own_name() -> None:
    names = [pair.name for pair in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("pair", CASES, ids=lambda pair: pair.name)
def test_the_oracle_agrees_with_the_numbers_by_hand(pair: Pair, tmp_path: Path) -> None:
    before, after = write(pair.before, tmp_path / "before"), write(pair.after, tmp_path / "after")
    result = expected(pair, *oracle_tables(pair, before, after))
    counts = result.rows
    assert pair.rows == (counts.inserted, counts.deleted, counts.updated, counts.moved)
    got = {name: result.columns[name] for name in pair.cells}
    assert {n: (c.filled, c.cleared, c.corrected) for n, c in got.items()} == pair.cells
    if pair.added is not None:
        assert result.added == pair.added
    if pair.problems is not None:
        assert astuple(result.key_problems) == pair.problems
