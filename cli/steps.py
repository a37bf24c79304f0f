"""Which commands of derived tables may run: those that the user's own configuration names."""

import os
from typing import TYPE_CHECKING

from cli.location import config_distrust, find_config

if TYPE_CHECKING:
    from catalog.flow.refresh.external import CommandRuns


def command_runs(*, allow: bool) -> "CommandRuns":
    """Returns which commands may run, where, and for how long.

    Args:
        allow: Whether all may, since the user says so.

    Raises:
        InvalidInput: The configuration is not valid.
    """
    from catalog.flow.refresh.external import CommandRuns

    config = find_config()
    steps = () if config is None else config.steps
    reason = "" if config is None or not steps else config_distrust(config.path)
    if config is None or reason:
        why = f"[steps] of {config.path} is not used: {reason}" if config is not None else ""
        return CommandRuns(everything=allow, reservation=why, environment=os.environ)
    return CommandRuns(
        everything=allow,
        commands={one.table.casefold(): one.command for one in steps},
        timeouts_s={one.table.casefold(): one.timeout_s for one in steps if one.timeout_s},
        folder=str(config.path.parent),
        environment=os.environ,
    )
