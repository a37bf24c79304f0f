"""All hostile pairs of table versions."""

from tests.diff import (
    cases_hive,
    cases_keys,
    cases_layout,
    cases_names,
    cases_types,
    cases_values,
)
from tests.diff.cases_pair import Pair

CASES: list[Pair] = [
    *cases_values.CASES,
    *cases_types.CASES,
    *cases_keys.CASES,
    *cases_names.CASES,
    *cases_layout.CASES,
    *cases_hive.CASES,
]
