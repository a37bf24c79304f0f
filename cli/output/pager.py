"""A pager, as git uses one: for text on a terminal that is longer than the screen."""

import contextlib
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator

from catalog.report.figures import columns_of

VARIABLES = ("PARQUETRY_PAGER", "PAGER")
"""Where the pager is looked for; the first that is set counts, and empty means none."""

_DEFAULTS = {"LESS": "FRX", "LV": "-c"}
"""What pagers are told if the user tells them nothing: to keep colours and what was shown."""

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def pager() -> str | None:
    """Returns the command of the pager, for a shell; None if none is wanted, or it is missing."""
    stated = (os.environ[name] for name in VARIABLES if name in os.environ)
    command = next(stated, "less").strip()
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if not words or words == ["cat"] or os.environ.get("TERM") == "dumb":
        return None
    return command if shutil.which(words[0]) else None


class Screen:
    """Keeps text back until it is longer than the screen, then hands it to a pager.

    Args:
        command: The pager, for a shell.
        write: Writes text to the terminal.
    """

    def __init__(self, command: str, write: Callable[[str], object]) -> None:
        self._command = command
        self._write = write
        self._columns, self._lines = shutil.get_terminal_size()
        self._kept: list[str] = []
        self._used = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def is_paging(self) -> bool:
        """Returns whether the pager has the terminal."""
        return self._process is not None

    def write(self, text: str) -> None:
        """Takes text.

        Raises:
            BrokenPipeError: The pager was left.
        """
        if self._process is not None:
            self._feed(text)
            return
        self._kept.append(text)
        self._used += self._height(text)
        if self._used >= self._lines:
            self._process = self._started()
            self._feed("".join(self._kept))

    def close(self) -> None:
        """Shows what fits the screen, or waits until the pager is left."""
        if self._process is None:
            self._write("".join(self._kept))
            return
        with contextlib.suppress(BrokenPipeError), _ignored_interrupts():
            self._process.communicate()

    def _height(self, text: str) -> int:
        """Returns the lines of the screen that whole lines of text take."""
        wide = max(self._columns, 1)
        bare = _ESCAPE.sub("", text)
        lines = bare.split("\n")
        return sum(max(1, math.ceil(columns_of(line) / wide)) for line in lines[:-1])

    def _started(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command,
            shell=True,
            stdin=subprocess.PIPE,
            env={**_DEFAULTS, **os.environ},
            encoding="utf-8",
            errors="backslashreplace",
        )

    def _feed(self, text: str) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()


@contextlib.contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Leaves Ctrl-C to the pager, which has the terminal."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
