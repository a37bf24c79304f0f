"""The tests that the architecture page names exist."""

import ast
import re
from functools import cache

from tests.docs.pages import REPOSITORY
from tests.test_floors import FLOORS

PAGE = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))


def test_the_tests_it_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 20
    assert [(path, test) for path, test in named if test not in functions(path)] == []


def test_every_invariant_names_a_test() -> None:
    table = PAGE.partition("## What must always hold")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert [row for row in rows if "::test_" not in row] == []


def test_the_modules_it_names_exist() -> None:
    roots = [REPOSITORY, REPOSITORY / "catalog"]
    named = re.findall(r"`([\w/]+\.py)`", PAGE)
    assert [n for n in named if not any((root / n).exists() for root in roots)] == []


def test_every_floor_is_described_in_its_order() -> None:
    table = PAGE.partition("## Floors")[2].partition("\n## ")[0]
    described = re.findall(r"^\| `([\w/*.]+)`", table, re.MULTILINE)
    names = [
        "catalog" if d == "catalog/*.py" else d.removesuffix(".py").strip("/").replace("/", ".")
        for d in described
    ]
    assert names == FLOORS[::-1]
