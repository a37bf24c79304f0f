"""From which files ``check sync`` takes checks: those that are named, else the configured ones."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import ErrorKind, InvalidInput
from cli.config import CONFIG_NAME
from cli.location import config_distrust, find_config
from cli.usage import UsageError


def check_files(named: Sequence[Path]) -> tuple[list[Path], str]:
    """Returns the files, and the directory from which they are known by their paths.

    Args:
        named: The files that the user names; none means those of the configuration.

    Raises:
        InvalidInput: The configuration states none, is not valid, or is somebody else's.
    """
    config = find_config()
    root = os.getcwd() if config is None else str(config.path.parent)
    if named:
        return list(named), root
    found = [] if config is None else [p for one in config.check_files for p in _matching(one)]
    if config is not None and config.has_checks:
        found.insert(0, config.path)
    if config is None or not found:
        raise UsageError(
            "no FILE, and no checks are configured",
            hint=f"name a file, or write [checks.TABLE.NAME] into {CONFIG_NAME}",
        )
    reason = config_distrust(config.path)
    if reason:
        raise InvalidInput(
            f"the checks of {config.path} are not taken over: {reason}",
            kind=ErrorKind.INVALID_CONFIG,
            hint=f"name it: parquetry check sync {config.path}",
        )
    return found, root


def _matching(pattern: str) -> list[Path]:
    """Returns the files that a pattern such as ``models/**/*.yml`` means, in order.

    Raises:
        InvalidInput: It means none.
    """
    if glob.escape(pattern) == pattern:
        return [Path(pattern)]
    found = sorted(Path(one) for one in glob.iglob(pattern, recursive=True))
    if not found:
        raise InvalidInput(f"no file matches {pattern}", kind=ErrorKind.INVALID_CONFIG)
    return found
