"""Hints name commands and options that exist."""

import ast
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import pytest
from typer.core import TyperGroup

from catalog.hints import Blank, Call, Operation, Option, hint
from cli.application import command
from cli.hints import COMMANDS, WITH_REF, worded
from tests.cli.conftest import REPOSITORY


def options(path: str) -> set[str]:
    """Returns the options of a command, by its name: ``branch create``."""
    found = command()
    for name in path.split():
        found = found.commands[name]  # type: ignore[assignment]
    within = options_within(found.commands.values()) if isinstance(found, TyperGroup) else set()
    return within | {option for parameter in found.params for option in parameter.opts}


def options_within(commands: Iterable[Any]) -> set[str]:
    """Returns the options of the commands of a group, one of which may be its default."""
    return {option for one in commands for parameter in one.params for option in parameter.opts}


def calls(name: str) -> Iterator[ast.Call]:
    """Yields the calls of a class of hints anywhere in the catalog."""
    for path in (REPOSITORY / "catalog").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if name in text else ():
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if called and node.func.id == name and path.name != "hints.py":
                yield node


def wording(operation: str) -> tuple[str, str]:
    """Returns the command of an operation, and the option that completes it."""
    written, flag = COMMANDS.get(operation, (operation, ""))  # type: ignore[call-overload]
    path, _, inner = written.partition(" --")
    return path, flag or (f"--{inner}" if inner else "")


@pytest.mark.parametrize("operation", get_args(Operation))
def test_every_operation_is_a_command(operation: str) -> None:
    path, flag = wording(operation)
    assert not flag or flag in options(path)


def test_every_recommended_call_has_options_that_exist() -> None:
    recommended = list(calls("Call"))
    assert recommended
    for call in recommended:
        (operation, *_) = call.args
        assert isinstance(operation, ast.Constant)
        path, _ = wording(str(operation.value))
        given = {keyword.arg for keyword in call.keywords if keyword.arg}
        if operation.value in WITH_REF:
            given.discard("ref")
        names = {f"--{name.replace('_', '-')}" for name in given}
        assert names <= options(path), ast.unparse(call)


def test_every_recommended_option_exists() -> None:
    names = list(command().commands)
    for name in command().commands:
        names += [f"{name} {inner}" for inner in getattr(command().commands[name], "commands", ())]
    every = {option for name in names for option in options(name)}
    for call in calls("Option"):
        (name, *_) = call.args
        assert isinstance(name, ast.Constant)
        value = call.args[1] if len(call.args) > 1 else ast.Constant(True)
        known = value.value if isinstance(value, ast.Constant) else "any"
        if name.value == "guard":  # its settings are options
            known = {"schema": "any"}
        option = worded(hint("{}", Option(str(name.value), known))).split()[0]  # type: ignore[arg-type]
        assert option in every, ast.unparse(call)


def test_a_call_is_worded_as_a_command() -> None:
    told = hint(
        "{}; {}; {}",
        Call("continue_merge", ("fix",), into="main", resolve=Blank("ours|theirs")),
        Call("transaction", ("my branch",)),
        Option("allow_empty"),
    )
    assert worded(told) == (
        "parquetry merge fix --into main --continue --resolve ours|theirs; "
        "parquetry sql --branch 'my branch'; --allow-empty"
    )
    types = Option("partition_by", {"day": "DATE", "p": "DECIMAL(5,2)"})
    assert worded(hint("{}", types)) == "--partition-by 'day:DATE,p:DECIMAL(5,2)'"
    guard = Option("guard", {"schema": "any", "max_loss": "any"})
    assert worded(hint("{}", guard)) == "--schema any --max-loss any"
