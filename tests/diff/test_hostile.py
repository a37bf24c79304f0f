"""Hostile pairs of table versions: the product's diff against the oracle's."""

import pytest

from tests.diff.cases_check import Answer, ask, count_differences
from tests.diff.cases_hostile import CASES
from tests.diff.cases_pair import Pair
from tests.diff.cases_rows import row_differences


@pytest.fixture(scope="module", params=CASES, ids=lambda pair: pair.name)
def answer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    pair: Pair = request.param
    return ask(pair, tmp_path_factory.mktemp("pair"))


@pytest.mark.invariant("A diff counts what an oracle in plain Python counts")
def test_counts_are_those_of_the_oracle(answer: Answer) -> None:
    assert count_differences(answer) == []


def test_rows_are_those_of_the_oracle(answer: Answer) -> None:
    assert row_differences(answer) == []
