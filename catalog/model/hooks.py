"""Hooks of gates: programs and functions of the user's own that are asked about a change."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.errors import InvalidInput

Given: TypeAlias = "Callable[[Mapping[str, Any]], object] | Sequence[str] | Hook"
"""A hook as a program gives it: a function, the words of a command, or all that there is to say."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Something that is asked about a change: a command, or a function.

    Attributes:
        command: The program and its arguments.
        function: A function in a module, as ``package.module:function``, which is called in a
            process of its own.
        call: A function of this process.
        timeout_s: After how many seconds a process is stopped; None means never.
    """

    command: tuple[str, ...] = ()
    function: str = ""
    call: Callable[[Mapping[str, Any]], object] | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks that may run, and how.

    Attributes:
        hooks: The hooks by name.
        reservation: Why hooks of a configuration do not count, for messages; may be empty.
        folder: Where their processes run.
        environment: Their environment, to which the catalog and the change are added; None is
            that of this process.
    """

    hooks: Mapping[str, Hook] = field(default_factory=dict)
    reservation: str = ""
    folder: str = ""
    environment: Mapping[str, str] | None = None


NO_HOOKS = Hooks()


def no_hooks() -> Hooks:
    """Returns no hooks."""
    return NO_HOOKS


def given_hooks(
    given: "Mapping[str, Given] | Callable[[], Hooks] | None",
) -> Callable[[], Hooks]:
    """Returns what returns the hooks that a program gives by name.

    Raises:
        InvalidInput: One is neither a function nor a command.
    """
    if given is None:
        return no_hooks
    if not isinstance(given, Mapping):
        return given
    hooks = Hooks({name: _hook(name, one) for name, one in given.items()})
    return lambda: hooks


def _hook(name: str, given: object) -> Hook:
    if isinstance(given, Hook):
        return given
    if callable(given):
        return Hook(call=given)
    words = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    if words and all(isinstance(word, str) for word in words):
        return Hook(command=tuple(words))
    raise InvalidInput(
        f"hook {name!r} must be a function, or a command as a list of words, not {given!r}"
    )
