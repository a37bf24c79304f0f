"""Commands on a pseudo-terminal: what a person sees, at a width and height of theirs."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.conftest import REPOSITORY

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(slots=True)
class Terminal:
    """Is a terminal on which a process runs."""

    process: "subprocess.Popen[bytes]"
    handle: int
    parts: list[bytes] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def text(self) -> str:
        """Is all that was written to it so far, escapes included."""
        return b"".join(self.parts).decode(errors="replace").replace("\r\n", "\n")

    def type(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def wait_for(self, text: str, *, timeout_s: float = 30) -> None:
        """Waits until a text was written."""
        with self.changed:
            assert self.changed.wait_for(lambda: text in self.text, timeout_s), self.text

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # what Linux answers at the end
            while part := os.read(self.handle, 65536):
                with self.changed:
                    self.parts.append(part)
                    self.changed.notify_all()


@contextmanager
def started(
    *words: str,
    cwd: Path,
    columns: int = 80,
    rows: int = 24,
    env: Mapping[str, str] | None = None,
    errors: int | None = None,
) -> Iterator[Terminal]:
    """Runs a command on a terminal; stderr is there too, or a stream of the system."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs if errors is None else errors,
        env={**inherited, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm", **(env or {})},
        start_new_session=True,
    )
    os.close(theirs)
    terminal = Terminal(process, ours)
    reader = threading.Thread(target=terminal._read, daemon=True)
    reader.start()
    try:
        yield terminal
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()
        reader.join(10)
        os.close(ours)


def shown(
    *words: str,
    cwd: Path,
    columns: int = 80,
    rows: int = 24,
    env: Mapping[str, str] | None = None,
) -> str:
    """Returns what a command shows on a terminal until it ends, escapes included."""
    with started(*words, cwd=cwd, columns=columns, rows=rows, env=env) as terminal:
        pass
    return terminal.text


def bare(text: str) -> str:
    """Returns text without the escapes that steer a terminal."""
    return ESCAPE.sub("", text)
