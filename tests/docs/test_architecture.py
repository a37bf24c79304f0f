"""The map of the code is short, and the invariants beside it are those of the tests."""

import re

from tests.docs.pages import REPOSITORY, load

PAGE = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")


def test_the_invariants_are_those_of_the_tests() -> None:
    page = (REPOSITORY / "docs/invariants.md").read_text(encoding="utf-8")
    assert page == load("generate_invariants").reference(), "run docs/generate_invariants.py"


def test_the_modules_it_names_exist() -> None:
    roots = [REPOSITORY, REPOSITORY / "catalog"]
    named = re.findall(r"`([\w/]+\.py)`", PAGE)
    assert [n for n in named if not any((root / n).exists() for root in roots)] == []
