"""Hints of errors in the words of the command line."""

import shlex
from collections.abc import Mapping

from catalog.hints import Blank, Hint, Operation, Option, Part, Value

COMMANDS: Mapping[Operation, tuple[str, str]] = {
    "abandon_backfill": ("backfill abandon", ""),
    "abort_merge": ("merge", "--abort"),
    "backfills": ("backfill list", ""),
    "branches.create": ("branch create", ""),
    "branches.delete": ("branch delete", ""),
    "branches.list": ("branch list", ""),
    "branches.protect": ("branch protect", ""),
    "branches.unprotect": ("branch protect", "--off"),
    "continue_merge": ("merge", "--continue"),
    "create": ("init", ""),
    "drop_definition": ("derive --drop", ""),
    "show_backfill": ("backfill show", ""),
    "tags.list": ("tag list", ""),
    "transaction": ("sql --branch", ""),
    "undo_backfill": ("backfill undo", ""),
}
"""Operations whose command is not their name: the command, and an option that completes it."""

OPTIONS: Mapping[str, str] = {"from_version": "--from", "to_version": "--to", "tables": "-t"}
"""Arguments whose option is not their name."""

WITH_REF: frozenset[Operation] = frozenset({"reproduce"})
"""Operations whose first argument has the ref on the command line: ``orders@main``."""


ASSIGNED: frozenset[Operation] = frozenset({"snapshot"})
"""Operations whose arguments are one on the command line: ``orders=exports/orders``."""


def worded(hint: Hint) -> str:
    """Returns a hint as somebody at a terminal reads it.

    >>> from catalog.hints import Call, hint
    >>> worded(hint("first: {}", Call("branches.unprotect", ("main",))))
    'first: parquetry branch protect main --off'
    """
    return hint.worded(_part)


def _part(part: Part) -> str:
    if isinstance(part, Option):
        return _option(part.name, part.value)
    command, flag = COMMANDS.get(part.operation, (part.operation, ""))
    options = dict(part.options)
    arguments = [_value(one) for one in part.arguments]
    if part.operation in ASSIGNED:
        arguments = ["=".join(arguments)]
    ref = options.pop("ref", None) if part.operation in WITH_REF else None
    if ref is not None:
        arguments[0] += f"@{_value(ref)}"
    words = ["parquetry", command, *arguments]
    into = options.pop("into", None)  # names what is merged, so it stands before the flag
    if into is not None:
        words.append(_option("into", into))
    words += [flag] if flag else []
    words += [_option(name, value) for name, value in options.items()]
    return " ".join(words)


def _option(name: str, value: Value) -> str:
    option = OPTIONS.get(name, f"--{name.replace('_', '-')}")
    if name == "partition_by" and isinstance(value, Mapping):
        return f"{option} {shlex.quote(','.join(f'{k}:{v}' for k, v in value.items()))}"
    if name == "guard" and isinstance(value, Mapping):
        return " ".join(_option(setting, text) for setting, text in value.items())
    if isinstance(value, Mapping):
        return " ".join(f"{option} {shlex.quote(k)}={_value(v)}" for k, v in value.items())
    if isinstance(value, tuple):
        return " ".join(f"{option} {shlex.quote(one)}" for one in value)
    if name == "scope":
        return f"--{value}"
    if value is False:
        return f"--no-{name.replace('_', '-')}"
    return option if value is True else f"{option} {_value(value)}"


def _value(value: Value) -> str:
    return value.name if isinstance(value, Blank) else shlex.quote(str(value))
