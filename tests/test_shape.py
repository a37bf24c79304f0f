"""The shape of the code: short modules, functions that fit on a screen, few positional parameters.

Every test lists all offenders at once.
"""

import ast
from collections.abc import Iterator
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


def functions() -> Iterator[tuple[str, Function, list[str]]]:
    """Yields the place of each function, the function, and the lines of its module."""
    for path in modules():
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function):
                place = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                yield place, node, text.splitlines()


def test_no_module_is_too_long() -> None:
    long = [f"{p.relative_to(ROOT)}" for p in modules() if line_count(p) > MODULE_LINES]
    assert not long, "\n" + "\n".join(long)


def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_function_is_too_long_without_a_reason() -> None:
    long = [
        f"{place}: {size} lines"
        for place, function, lines in functions()
        if (size := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
        and not lines[first_line(function) - 2].lstrip().startswith(REASON)
    ]
    assert not long, "\n" + "\n".join(long)


def first_line(function: Function) -> int:
    return min([function.lineno, *(one.lineno for one in function.decorator_list)])


def test_more_than_three_positional_parameters_are_the_exception() -> None:
    every = list(functions())
    many = [place for place, function, _ in every if positional(function) > POSITIONAL]
    share = 1000 * len(many) / len(every)
    assert share <= MOST_PER_THOUSAND, f"{share:.0f} in a thousand:\n" + "\n".join(many)


def positional(function: Function) -> int:
    """Counts the parameters that can be given without a name; ``self`` is none."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))
