"""Runs the commands of external steps: without a shell, in a process group that ends with them."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.permission import command_text
from catalog.messages import MASK, masked

KEPT_BYTES = 64 << 10
"""How much of a command's output is kept: the end of it."""

GRACE_S = 5.0
"""How long processes may take to end after they were asked to."""

DRAIN_S = 0.2
"""How long output is waited for after a command has ended: something else may hold the pipe."""

SHOWN_LINES = 20
"""Lines of output that an error shows."""

_POLL_S = 0.05

_SECRET_WORDS = ("SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "KEY", "SIGNATURE", "SAS")
"""Parts of the names of variables whose values no message shows."""

_SHORTEST_SECRET = 6
"""Characters; a shorter value may be part of any word."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended.

    Attributes:
        output: The end of what it wrote on stdout and stderr, in the order in which it came.
        elapsed_s: How long it took.
    """

    output: str
    elapsed_s: float


def run_command(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str,
    stdin: IO[bytes] | None = None,
    timeout_s: float | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> CommandResult:
    """Runs a command and waits for it; when this returns or raises, its processes have ended.

    It has no terminal. It runs in a session of its own, so that an interrupt
    reaches it through this function alone. What it started and left behind is killed, unless that
    has left its process group.

    Args:
        command: The program and its arguments.
        env: Its whole environment.
        cwd: Where it runs.
        stdin: A file with its input; None means that it has none.
        timeout_s: After how many seconds it is stopped; None means never.
        is_cancelled: Returns whether to stop it; asked again and again while it runs.

    Raises:
        InvalidInput: It cannot be started, fails, is stopped, or does not end in time.
    """
    started = time.monotonic()
    shown = command_text(command)
    process = _started(command, env, cwd, stdin=stdin)
    assert process.stdout is not None, "it is a pipe"
    tail = _Tail(process.stdout)
    try:
        deadline = None if timeout_s is None else started + timeout_s
        ended = _wait(process, tail, deadline, is_cancelled=is_cancelled)
    except BaseException:
        _end(process, signal.SIGINT)
        raise
    finally:
        if not _has_ended(process):
            _end(process, signal.SIGTERM)
        _kill_group(process)
        tail.read_until(time.monotonic() + DRAIN_S)
        process.stdout.close()
        process.wait()
    output = _without_secrets(tail.text(), env)
    if not ended and is_cancelled():
        raise _failure(f"{shown} was stopped", output)
    if not ended:
        raise _failure(f"{shown} did not end within {timeout_s:g} seconds", output)
    if process.returncode != 0:
        raise _failure(f"{shown} {_ending(process.returncode)}", output)
    return CommandResult(output, time.monotonic() - started)


def _started(
    command: Sequence[str], env: Mapping[str, str], cwd: str, *, stdin: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError, IndexError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput(
            f"cannot start {command_text(command)} in {cwd}: {why}", kind=ErrorKind.COMMAND_FAILED
        ) from error


class _Tail:
    """Reads a pipe without waiting, and keeps the end of what came."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._descriptor = pipe.fileno()
        os.set_blocking(self._descriptor, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)
        self._kept = bytearray()
        self._cut = False
        self.open = True

    def read_for(self, seconds: float) -> None:
        """Waits for output so long, and reads what there is."""
        if not self.open:
            time.sleep(seconds)
        elif self._selector.select(seconds):
            with contextlib.suppress(BlockingIOError):
                data = os.read(self._descriptor, KEPT_BYTES)
                self.open = bool(data)
                self._kept += data
                self._cut = self._cut or len(self._kept) > KEPT_BYTES
                del self._kept[:-KEPT_BYTES]

    def read_until(self, deadline: float) -> None:
        """Reads what still comes, up to a time."""
        while self.open and (left := deadline - time.monotonic()) > 0:
            self.read_for(left)
        self._selector.close()

    def text(self) -> str:
        """Returns what was kept."""
        text = self._kept.decode(errors="replace")
        return f"…{text.partition(chr(10))[2] or text}" if self._cut else text


def _wait(
    process: subprocess.Popen[bytes],
    tail: _Tail,
    deadline: float | None,
    *,
    is_cancelled: Callable[[], bool],
) -> bool:
    """Waits until a command has ended; returns False if it has not, and is to be stopped."""
    while not _has_ended(process):
        if is_cancelled() or (deadline is not None and time.monotonic() > deadline):
            return False
        tail.read_for(_POLL_S)
    return True


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Returns whether a process has ended; its id stays taken, so that its group can be killed."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _end(process: subprocess.Popen[bytes], first: signal.Signals) -> None:
    """Asks the processes of a command to end, and waits for it; who does not is killed later."""
    for asked in dict.fromkeys((first, signal.SIGTERM)):
        _signal_group(process, asked)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline:
            if _has_ended(process):
                return
            time.sleep(_POLL_S)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has just ended
        os.killpg(process.pid, number)


def _ending(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _without_secrets(text: str, env: Mapping[str, str]) -> str:
    """Returns a text without secrets of URIs and values of variables named like secrets."""
    for name, value in env.items():
        if len(value) >= _SHORTEST_SECRET and any(word in name.upper() for word in _SECRET_WORDS):
            text = text.replace(value, MASK)
    return masked(text)


def _failure(message: str, output: str) -> InvalidInput:
    lines = output.strip().splitlines()[-SHOWN_LINES:]
    end = "\n".join(f"  {line}" for line in lines)
    return InvalidInput(f"{message}\n{end}" if end else message, kind=ErrorKind.COMMAND_FAILED)
