"""Asks the hooks that the rules of a branch name about a change."""

import copy
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.errors import InvalidInput
from catalog.flow.command import run_command
from catalog.flow.permission import command_text
from catalog.messages import shown
from catalog.model.hooks import Hook, Hooks
from catalog.model.judgement import HookResult

PROCESS = "catalog.flow.hook_process"
"""The module that calls a function with what it reads."""


def ask_hooks(
    names: Sequence[str], hooks: Hooks, delta: Mapping[str, Any], environment: Mapping[str, str]
) -> list[HookResult]:
    """Asks hooks about a change; one that may not run here does not let it through.

    Args:
        names: The hooks.
        hooks: Those that may run.
        delta: The change, as JSON values.
        environment: What is added to the environment of their processes.
    """
    return [_ask(name, hooks, delta, environment) for name in names]


def _ask(
    name: str, hooks: Hooks, delta: Mapping[str, Any], environment: Mapping[str, str]
) -> HookResult:
    hook = hooks.hooks.get(name)
    if hook is None:
        reservation = f" ({hooks.reservation})" if hooks.reservation else ""
        known = ", ".join(sorted(hooks.hooks))
        there = f"; there are: {known}" if known else ""
        return HookResult(
            name,
            False,
            f"nothing here says what it runs{reservation}, so that nothing passes it; name it in "
            f"your own parquetry.toml, [hooks.{name}]{there}",
        )
    if hook.call is not None:
        return _called(name, hook, delta)
    command = hook.command or (sys.executable, "-m", PROCESS, hook.function)
    added = {**environment, "PARQUETRY_HOOK": name}
    try:
        with tempfile.TemporaryFile(prefix="parquetry-") as file:
            file.write(json.dumps(delta).encode())
            file.seek(0)
            run_command(
                command,
                env={**(os.environ if hooks.environment is None else hooks.environment), **added},
                cwd=os.path.abspath(hooks.folder or os.curdir),
                stdin=file,
                timeout_s=hook.timeout_s,
            )
    except InvalidInput as error:
        return HookResult(name, False, error.message.replace(command_text(command), "it"))
    return HookResult(name, True)


def _called(name: str, hook: Hook, delta: Mapping[str, Any]) -> HookResult:
    """Calls a function of this process, on a copy: what it changes there changes nothing here."""
    assert hook.call is not None, "the hook is a function"
    try:
        answer = hook.call(copy.deepcopy(dict(delta)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - what it raises is a no, sys.exit(0) too
        return HookResult(name, False, shown(f"{type(error).__name__}: {error}"))
    if answer is None or answer is True:
        return HookResult(name, True)
    return HookResult(name, False, "it says no" if answer is False else shown(str(answer)))
