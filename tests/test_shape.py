"""The shape of the code: short modules, functions that fit on a screen, few positional parameters.

Every test lists all offenders at once.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent

MODULE_LINES = 500
FUNCTION_LINES = 60
REASON = "# long: "
"""Begins the comment above a function that may be longer, and says why."""

POSITIONAL = 3
MOST_PER_THOUSAND = 20
"""How many functions in a thousand may take more positional parameters than that."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    found = [*(ROOT / "catalog").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]
    return sorted(path for path in found if "sample_data" not in path.parts)


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a function is, its lines and positional parameters, and the line above it."""

    place: str
    lines: int
    positional: int
    above: str


@cache
def functions() -> Sequence[Shape]:
    """Returns the shapes of all functions."""
    return [shape for path in modules() for shape in shapes(path)]


def shapes(path: Path) -> Iterator[Shape]:
    text = path.read_text()
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            yield Shape(
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
                (node.end_lineno or 0) - node.lineno + 1,
                positional(node),
                lines[first_line(node) - 2].lstrip(),
            )


def test_no_module_is_too_long() -> None:
    long = [f"{p.relative_to(ROOT)}" for p in modules() if line_count(p) > MODULE_LINES]
    assert not long, "\n" + "\n".join(long)


def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_function_is_too_long_without_a_reason() -> None:
    long = [
        f"{one.place}: {one.lines} lines"
        for one in functions()
        if one.lines > FUNCTION_LINES and not one.above.startswith(REASON)
    ]
    assert not long, "\n" + "\n".join(long)


def first_line(function: Function) -> int:
    return min([function.lineno, *(one.lineno for one in function.decorator_list)])


def test_more_than_three_positional_parameters_are_the_exception() -> None:
    every = functions()
    many = [one.place for one in every if one.positional > POSITIONAL]
    share = 1000 * len(many) / len(every)
    assert share <= MOST_PER_THOUSAND, f"{share:.0f} in a thousand:\n" + "\n".join(many)


def positional(function: Function) -> int:
    """Counts the parameters that can be given without a name; ``self`` is none."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))
