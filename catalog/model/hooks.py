"""Hooks of gates: programs and functions of the user's own that are asked about a change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


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
        environment: Their environment, to which the catalog and the change are added.
    """

    hooks: Mapping[str, Hook] = field(default_factory=dict)
    reservation: str = ""
    folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


NO_HOOKS = Hooks()


def no_hooks() -> Hooks:
    """Returns no hooks."""
    return NO_HOOKS
