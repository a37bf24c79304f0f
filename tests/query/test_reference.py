"""The statements of the SQL reference run."""

import re
from pathlib import Path

import pytest

from catalog.query.session import Session

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "sql.md"

STATEMENTS = re.findall(r"```sql\n(.*?)```", REFERENCE.read_text(), re.DOTALL)

READING = REFERENCE.read_text().partition("\n## Writing\n")[0]

SOURCES = re.findall(r"^\| `([^`]+)` \|", READING, re.MULTILINE)


@pytest.mark.parametrize("text", STATEMENTS)
def test_an_example_runs(session: Session, text: str) -> None:
    session.execute(text).fetchall()


@pytest.mark.parametrize("source", SOURCES)
def test_a_form_is_understood(session: Session, source: str) -> None:
    known = source.replace("a1b2c3d4", "main").replace("2024-05-01", "2024-05-02")
    assert session.execute(f"FROM {known}").fetchall() != []


def test_the_reference_has_examples() -> None:
    assert len(STATEMENTS) > 3
    assert len(SOURCES) > 8
