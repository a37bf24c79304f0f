"""Which Python checks may run: those that the user's own configuration names."""

from typing import TYPE_CHECKING

from cli.location import config_distrust, find_config

if TYPE_CHECKING:
    from catalog.model.check_functions import CheckFunctions


def configured_functions(*, allow: bool = False) -> "CheckFunctions":
    """Returns which Python checks may run.

    Args:
        allow: Whether all may that an installed package offers, since the user says so.

    Raises:
        InvalidInput: The configuration is not valid.
    """
    from catalog.model.check_functions import CheckFunctions

    config = find_config()
    names = () if config is None else config.python_checks
    reason = "" if config is None or not names else config_distrust(config.path)
    if config is None or reason:
        why = f"python_checks of {config.path} is not used: {reason}" if config is not None else ""
        return CheckFunctions(everything=allow, reservation=why)
    return CheckFunctions(allowed=frozenset(names), everything=allow)
