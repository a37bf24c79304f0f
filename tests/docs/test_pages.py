"""The pages: links lead somewhere, code is Python, words are the project's."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, REPOSITORY

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SLOPPY = re.compile(r"\b(simply|just|easily|obviously)\b", re.IGNORECASE)


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """Returns the anchors that a page's headings get on GitHub."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(prose(path)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), target


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_python_in_pages_is_python(path: Path) -> None:
    for language, text in FENCE.findall(path.read_text(encoding="utf-8")):
        if language == "python":
            ast.parse(text)


@pytest.mark.parametrize("path", [p for p in PAGES if p.name != "python.md"], ids=name_of)
def test_pages_do_not_belittle_what_they_explain(path: Path) -> None:
    assert SLOPPY.findall(prose(path)) == []


def test_the_readme_names_the_test_command() -> None:
    lines = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.match(r"pip install .*pytest", line)] == [
        "pip install '.[test]' && pytest -n auto"
    ]
