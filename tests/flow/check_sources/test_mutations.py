"""Files with values that nobody thought of: checks, or errors that are ours."""

import copy
import datetime
import random
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from catalog.errors import CatalogError
from catalog.flow.check_sources.findings import named
from tests.effort import effort
from tests.flow.check_sources.reading import found_in
from tests.flow.check_sources.test_dbt import WHOLE
from tests.flow.check_sources.test_odcs import CONTRACT

VALUES: list[object] = [
    *(None, True, False, 0, -1, 5, 1.5, float("inf"), float("nan"), 10**30),
    *("", "x", "orders", "order_id", "ref('x')", "{{ x }}", "a b\x07", "a'b\"c", b"x"),
    *([], [None], ["a"], [1, 2], [[1]], [{}], {}, {"name": None}, {"name": "x"}, {"a": {"b": 1}}),
    datetime.date(2024, 1, 1),
]

KEYS = (
    *("quality", "tests", "columns", "required", "enum", "items", "map", "properties", "unit"),
    *("relationships", "logicalTypeOptions", "arguments", "config", "freshness", "constraints"),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields the path of each value in a document."""
    if path:
        yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, one in value.items() if isinstance(value, dict) else ():
        yield from places(one, (*path, key))


def mutated(document: Any, rng: random.Random) -> Any:
    changed = copy.deepcopy(document)
    for _ in range(rng.choice([1, 1, 2, 3])):
        *path, last = rng.choice(list(places(changed)))
        owner = changed
        for key in path:
            owner = owner[key]
        value = copy.deepcopy(rng.choice(VALUES))
        chance = rng.random()
        if chance < 0.15 and isinstance(owner, dict):
            del owner[last]
        elif chance < 0.3 and isinstance(owner, dict):
            owner[rng.choice(KEYS)] = value
        else:
            owner[last] = value
    return changed


@pytest.mark.parametrize(
    ("kind", "text"), [("dbt", WHOLE.replace("x: &", "anchors: &")), ("odcs", CONTRACT)]
)
def test_whatever_a_file_says_is_told_in_our_words(kind: str, text: str) -> None:
    pytest.importorskip("open_data_contract_standard", reason="the extra odcs is not installed")
    document, rng = yaml.safe_load(text), random.Random(16)
    for _ in range(effort(25, 5_000)):
        file = yaml.safe_dump(mutated(document, rng))
        try:
            found = found_in(file, kind)
        except CatalogError:
            continue
        named(found.checks, {}, {})
