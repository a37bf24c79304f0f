"""The map of the code and what stands beside it: paths exist, invariants are those of the tests."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY, load

NAMING = [
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "docs/architecture.md",
    REPOSITORY / "docs/benchmarks.md",
    REPOSITORY / "docs/reference/format.md",
    *sorted((REPOSITORY / "docs/decisions").glob("*.md")),
]
"""Pages that name files of the code."""

FOLDERS = r"catalog|cli|tests|docs|benchmarks|sample_data|\.ci"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*|[\w./-]+\.py)`")
ROOTS = (REPOSITORY, REPOSITORY / "catalog")


def test_the_invariants_are_those_of_the_tests() -> None:
    page = (REPOSITORY / "docs/invariants.md").read_text(encoding="utf-8")
    assert page == load("generate_invariants").reference(), "run docs/generate_invariants.py"


def test_the_map_is_short() -> None:
    assert len((REPOSITORY / "docs/architecture.md").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", NAMING, ids=lambda page: page.name)
def test_the_paths_a_page_names_exist(page: Path) -> None:
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert [n for n in named if not any((root / n).exists() for root in ROOTS)] == []
