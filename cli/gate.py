"""What commands say about gates: contracts from files, checks that may fail, hooks that may run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.model.hooks import Hook, Hooks
from cli.location import config_distrust, find_config
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog.model.contracts import Contract


def contracts_in(paths: Sequence[Path]) -> "list[Contract]":
    """Returns the contracts in TOML files.

    Raises:
        NotFound: There is no such file.
        InvalidInput: One is not valid.
    """
    from catalog.operations.contracts.given import given_contracts

    return [contract for path in paths for contract in given_contracts(path)]


def allowed_failures(checks: Sequence[str], reasons: Sequence[str]) -> Mapping[str, str]:
    """Returns why checks may fail: one reason for all of them, or one for each in order.

    Raises:
        UsageError: There is no reason, or no check for one.
    """
    if reasons and not checks:
        raise UsageError("--reason goes with --allow-failing")
    if checks and not reasons:
        raise UsageError(
            "no reason why a check may fail",
            hint=f'say why: --allow-failing {checks[0]} --reason "…"; the commit records it',
        )
    if len(reasons) not in (1, len(checks)) and checks:
        raise UsageError(f"{len(checks)} checks may fail, and {len(reasons)} reasons are given")
    each = reasons if len(reasons) == len(checks) else [*reasons] * len(checks)
    return dict(zip(checks, each, strict=True))


def configured_hooks() -> Hooks:
    """Returns the hooks of the user's own configuration.

    Raises:
        InvalidInput: The configuration is not valid.
    """
    config = find_config()
    if config is None or not config.hooks:
        return Hooks()
    reason = config_distrust(config.path)
    if reason:
        return Hooks(reservation=f"[hooks] of {config.path} is not used: {reason}")
    return Hooks(
        {
            one.name: Hook(one.command, one.function, timeout_s=one.timeout_s)
            for one in config.hooks
        },
        folder=str(config.path.parent),
    )
