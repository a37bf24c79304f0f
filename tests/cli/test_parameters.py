"""Plain values are handed on as typer would hand them on, and nothing else is."""

import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.core import TyperCommand
from typer.main import get_command

from cli.parameters import PlainValues
from tests.cli.conftest import REPOSITORY


class Colour(StrEnum):
    RED = "red"
    DARK = "dark red"


class Plain(PlainValues, TyperCommand):
    """A command of ours."""


TEXTS = ["", "a", "ä", "\udcff", "0", "-0", "+1", "007", "12", "-12", " 3", "1_0", "9" * 12, "1e3"]
TEXTS += ["true", "red", "RED", "Red", "dark red", "auto", "Auto", "nan", "٣", "1.0"]

KINDS = {
    "text": str,
    "number": int,
    "float": float,
    "colour": Colour,
    "choice": Literal["auto", "red"],
    "loosely": Annotated[Colour, typer.Option(case_sensitive=False)],
    "small": Annotated[int, typer.Option(min=-1, max=100)],
    "clamped": Annotated[int, typer.Option(min=-1, max=10, clamp=True)],
    "path": Path,
}


def outcome(kind: Any, default: Any, cls: type[TyperCommand], words: list[str]) -> object:
    """Returns what a command is given for its option, or the class and text of the error."""
    seen: list[Any] = []

    def command(value=default) -> None:  # type: ignore[no-untyped-def]
        seen.append(value)

    command.__annotations__ = {"value": kind, "return": None}
    application = typer.Typer(add_completion=False, rich_markup_mode=None)
    application.command(cls=cls)(command)
    try:
        get_command(application).main(words, "program", standalone_mode=False)
    except typer.TyperException as error:
        return type(error), error.format_message()
    return [(type(value), repr(value)) for value in seen]


@pytest.mark.parametrize("name", KINDS)
def test_a_value_is_what_typer_makes_of_it(name: str) -> None:
    kind = KINDS[name]
    for text in TEXTS:
        words = [f"--value={text}"]
        for each, default, given in [
            (kind, ..., words),
            (kind, ..., []),
            (kind | None, None, words),
            (kind | None, None, []),
        ]:
            expected = outcome(each, default, TyperCommand, given)
            assert outcome(each, default, Plain, given) == expected, (each, given)


@pytest.mark.parametrize("kind", [str, int, Colour])
def test_repeated_values_are_what_typer_makes_of_them(kind: Any) -> None:
    for texts in ([], ["1"], ["red", "dark red"], ["1", "-2"], ["red", "\udcff"]):
        words = [f"--value={text}" for text in texts]
        many = list[kind] | None  # type: ignore[valid-type]
        expected = outcome(many, None, TyperCommand, words)
        assert outcome(many, None, Plain, words) == expected, words


@pytest.mark.parametrize("default", ["a", "", 3, Colour.DARK, False, Path("x")])
def test_a_default_is_handed_on(default: Any) -> None:
    handed = outcome(type(default), default, Plain, [])
    assert handed == outcome(type(default), default, TyperCommand, [])
    assert handed == [(type(default), repr(default))]


def test_plain_values_need_no_pydantic(tmp_path: Path) -> None:
    program = """
import sys
from cli.main import run
run(["log", "-n", "3", "main", "--format", "json"])
run(["diff", "main~1", "main", "-t", "a", "-t", "b", "--limit", "5"])
print(sorted(name for name in sys.modules if name.startswith("pydantic")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == "[]\n"
