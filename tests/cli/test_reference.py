"""The reference pages are what the commands and the kinds of errors say of themselves."""

import pytest

from catalog.errors import ErrorKind
from tests.docs.pages import REPOSITORY, load


@pytest.mark.parametrize("page", ["cli", "errors"])
def test_the_reference_is_current(page: str) -> None:
    text = (REPOSITORY / f"docs/reference/{page}.md").read_text(encoding="utf-8")
    assert text == load(f"generate_{page}").reference(), f"run: python docs/generate_{page}.py"


def test_every_kind_of_error_is_raised_somewhere() -> None:
    generator = load("generate_errors")
    raised = generator._raised(generator._categories())
    assert [kind for kind in ErrorKind if kind.name not in raised] == []
