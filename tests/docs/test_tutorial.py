"""The sessions that the pages show are what the program answers."""

import re

import pytest

from tests.docs.pages import REPOSITORY, load
from tests.effort import effort

sessions = load("generate_sessions")

OUT_OF_DATE = "run: python docs/generate_sessions.py"

WITNESS = "README.md"
"""The page whose commands are processes; those of the others run in this one, sooner."""

TUTORIAL = "docs/tutorial/validate-a-backfill.md"
"""Begins in an empty directory; with ``--thorough``, its commands are processes, too."""


@pytest.mark.invariant("The docs show what the program prints")
@pytest.mark.parametrize("name", sessions.PAGES)
def test_every_command_answers_what_the_page_shows(name: str) -> None:
    page = (REPOSITORY / name).read_text(encoding="utf-8")
    assert (
        sessions.differences(page, by_shell=name in effort((WITNESS,), (WITNESS, TUTORIAL))) == []
    ), OUT_OF_DATE


def test_what_the_readme_begins_with_is_an_answer_of_the_tutorial() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    tutorial = (REPOSITORY / TUTORIAL).read_text(encoding="utf-8")
    answers = re.findall(r"^```text\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    commands = re.findall(r"^parquetry backfill .*$", readme, re.MULTILINE)
    assert len(answers) == len(commands) == 1
    assert answers[0] in tutorial
    assert f"\n$ {commands[0]}\n" in tutorial


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("parquetry diff main~1 main --rows\n", ["diff", "main~1", "main", "--rows"]),
        (
            "parquetry sql 'SELECT *\nFROM t' -m \"a (b)\"\n",
            ["sql", "SELECT *\nFROM t", "-m", "a (b)"],
        ),
        ("parquetry show main \\\n  --json\n", ["show", "main", "--json"]),
        ("parquetry log > log.txt\n", None),
        ("parquetry log $REF\n", None),
        ('parquetry log "$REF"\n', None),
        ("A=1 parquetry log\n", None),
        ("ls *\n", None),
    ],
)
def test_what_needs_a_shell_gets_one(command: str, arguments: list[str] | None) -> None:
    assert sessions.call(command) == arguments


def test_answers_are_compared_without_commit_ids() -> None:
    page = "```console\n$ echo at 0123abcd\nat 4567cdef\n$ echo 12\n13\n```\n"
    assert sessions.differences(page) == ["line 4: $ echo 12\n12\n"]


def test_answers_are_written_into_the_page() -> None:
    page = "Before\n\n```console\n$ echo '1\n> 2'\nold\n```\n\nAfter\n"
    assert sessions.renewed(page) == "Before\n\n```console\n$ echo '1\n> 2'\n1\n2\n```\n\nAfter\n"


def test_a_page_that_differs_in_ids_only_is_left_alone() -> None:
    page = "```console\n$ echo 0123abcd\n4567cdef\n```\n"
    assert sessions.renewed(page) == page
