"""Whether a command that a catalog names may run: only if the user says so.

Definitions come with a catalog, and a catalog from anybody. So a command runs if the user's own
configuration names it, word for word, or if they allow all commands for this once. A merge, a
rebase and the like never run one.
"""

import shlex
from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.hints import Option, hint
from catalog.messages import masked, shortened

LONGEST_SHOWN = 200
"""Characters of a command that a message shows."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a user lets run.

    A Python entry point counts as a command of one word: ``package.module:function``.

    Attributes:
        everything: Whether any command may run.
        commands: The commands that may run, as their words.
        reservation: Why commands of a configuration do not count, for messages; may be empty.
    """

    everything: bool = False
    commands: frozenset[tuple[str, ...]] = frozenset()
    reservation: str = ""

    def allows(self, command: Sequence[str]) -> bool:
        """Returns whether a command may run."""
        return self.everything or tuple(command) in self.commands


NOTHING = Permission()
"""Lets nothing run: what holds unless the user says otherwise, and always in a merge."""


def check_permitted(command: Sequence[str], permission: Permission, *, what: str) -> None:
    """Checks that a command may run.

    Args:
        command: Its words.
        permission: What the user lets run.
        what: What the command is for, for messages: ``derived table 'daily'``.

    Raises:
        InvalidInput: It may not.
    """
    if permission.allows(command):
        return
    reservation = f" ({permission.reservation})" if permission.reservation else ""
    raise InvalidInput(
        f"{what} runs a command, which nobody has allowed{reservation}: {command_text(command)}",
        kind=ErrorKind.COMMAND_REFUSED,
        hint=hint(
            "look at what it does; then name it in your own parquetry.toml, "
            '[steps.TABLE] command = ["…"], or allow it for once: {}',
            Option("allow_commands"),
        ),
    )


def command_text(command: Sequence[str]) -> str:
    """Returns a command as one would type it, for messages: shortened, and without secrets."""
    return shortened(masked(shlex.join(command)), LONGEST_SHOWN)
