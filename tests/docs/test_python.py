"""The Python reference is current, and what docstrings promise exists."""

import ast
import builtins
import inspect
from collections.abc import Iterator

import pytest

import catalog
from tests.docs.pages import REPOSITORY, load

generator = load("generate_python")

SOURCES = sorted([*(REPOSITORY / "catalog").rglob("*.py"), *(REPOSITORY / "cli").rglob("*.py")])
SCOPES = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def test_the_reference_is_current() -> None:
    page = (REPOSITORY / "docs/reference/python.md").read_text(encoding="utf-8")
    assert page == generator.reference(), "run: python docs/generate_python.py"


def test_every_public_name_of_the_package_is_described() -> None:
    described = {name.rpartition(".")[2] for name, _ in generator.listed()}
    assert set(catalog.__all__) <= described


LISTED = dict(generator.listed())


@pytest.mark.parametrize("name", LISTED)
def test_every_public_name_is_described(name: str) -> None:
    assert (inspect.getdoc(LISTED[name]) or "").strip()


def raises() -> Iterator[tuple[str, str]]:
    """Yields every place that promises an error, and the error's name."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, SCOPES) and (text := ast.get_docstring(node)):
                for name, _ in generator.parse(text).sections.get("Raises", ()):
                    yield f"{path.relative_to(REPOSITORY)}: {node.name}", name


def test_every_error_that_a_docstring_names_exists() -> None:
    own = {
        node.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    missing = [(where, e) for where, e in raises() if e not in own and not hasattr(builtins, e)]
    assert missing == []
