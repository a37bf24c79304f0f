"""Owns stderr: notes, warnings, progress and errors."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.errors import CatalogError
from catalog.messages import printable
from catalog.report.figures import plain
from cli.hints import worded
from cli.output import stdout

FIRST_SHOWN_AFTER_S = 1.0
"""Progress keeps quiet for so long: what is done by then needs none."""

REDRAW_AFTER_S = 0.1
"""Progress is drawn no more often: faster, it only flickers."""


def note(text: str) -> None:
    """Writes a note beside the data."""
    _tell(text + "\n")


def warning(text: str) -> None:
    """Writes a warning."""
    _tell(f"warning: {text}\n")


def error(failure: CatalogError) -> None:
    """Writes what failed, and what helps."""
    _tell(f"error: {failure.message}\n")
    hint = worded(failure.advice)
    if hint:
        _tell(f"hint: {hint}\n")


class _Log(logging.Handler):
    """Writes what the catalog logs, each message once: warnings as such, the rest as notes."""

    def __init__(self) -> None:
        super().__init__()
        self._written: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self._written:
            self._written.add(text)
            (warning if record.levelno >= logging.WARNING else note)(text)


@contextmanager
def logged() -> Iterator[None]:
    """Writes what the catalog logs meanwhile."""
    logger, handler = logging.getLogger("catalog"), _Log()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def told_of(name: str) -> Iterator[None]:
    """Has a logger tell not only of warnings."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)


def _tell(text: str) -> None:
    """Writes lines of people's text, whatever is quoted in it: names, data, words of libraries."""
    _write(printable(text))


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        pass


class Progress:
    """Shows on a terminal how far a long task is, and nothing anywhere else.

    Call it with what is done, the whole (0 if unknown) and a word; use it as a context
    manager so that the line is wiped at the end.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._started = time.monotonic()
        self._drawn = 0.0
        self._shown = False
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *failure: object) -> None:
        if self._shown:
            _write("\r\x1b[K")

    @property
    def elapsed_s(self) -> float:
        """Returns the seconds since the task began, never 0."""
        return max(time.monotonic() - self._started, 1e-6)

    def of_rows(self, done: int, total: int, rows: int) -> None:
        """Redraws the line of a comparison of rows."""
        self(done, total, f"tasks, {rows:,} rows, {rows / self.elapsed_s:,.0f} rows/s")

    def __call__(self, done: int = 0, total: int = 0, what: str = "") -> None:
        """Redraws the line if a person looks and it is time to."""
        now = time.monotonic()
        is_early = now - self._started < FIRST_SHOWN_AFTER_S or now - self._drawn < REDRAW_AFTER_S
        if is_early or not self._terminal or stdout.is_paging():
            return
        share = f" {done:,} of {total:,}" if total else ""
        left = ""
        if 0 < done < total:
            left = f", about {(now - self._started) * (total - done) / done:,.0f} s left"
        line = plain(f"{self._title}{share} {what}{left}")
        _write(f"\r\x1b[K{line}"[:100])
        self._drawn = now
        self._shown = True
