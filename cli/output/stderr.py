"""Owns stderr: notes, warnings, progress and errors."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from catalog.errors import CatalogError
from catalog.messages import printable
from catalog.report.figures import clipped, columns_of, counted, plain
from cli.hints import worded
from cli.output import stdout

FIRST_SHOWN_AFTER_S = 1.0
"""Progress keeps quiet for so long: what is done by then needs none."""

REDRAW_AFTER_S = 0.1
"""Progress is drawn no more often: faster, it only flickers."""

TICK_S = 0.5
"""How often it is drawn if nothing is heard of the task."""

USUAL_COLUMNS = 80
"""Columns of a terminal that does not say how many it has."""

COMPARING = "comparing"
"""The phase of a diff of which tasks and rows tell how far it is."""


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
    for progress in tuple(_shown):
        progress.wipe()
    _write(printable(text))


_shown: "set[Progress]" = set()
"""The lines of progress on the terminal, which other text must not be added to."""


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        pass


class Progress:
    """Shows on a terminal how far a long task is, and nothing anywhere else.

    Call it with what is done, the whole (0 if unknown) and a word; use it as a context manager. The
    line is wiped at the end, and before anything is written to stdout. It is drawn again from time
    to time, with the seconds that have passed, however long nobody calls.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._started = time.monotonic()
        self._drawn = 0.0
        self._is_over = not sys.stderr.isatty()
        self._parts: list[tuple[int, str]] = []
        self._left_s: float | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def __enter__(self) -> "Progress":
        if not self._is_over:
            stdout.before_output(self.end)
            threading.Thread(target=self._keep_drawing, daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.end()

    def end(self) -> None:
        """Wipes the line, and draws it no more."""
        self._ended.set()
        with self._lock:
            self._is_over = True
        self.wipe()

    def wipe(self) -> None:
        """Wipes the line, which may be drawn again."""
        with self._lock:
            if self in _shown:
                _shown.discard(self)
                _write("\r\x1b[K")

    @property
    def elapsed_s(self) -> float:
        """Returns the seconds since the task began, never 0."""
        return max(time.monotonic() - self._started, 1e-6)

    def of_rows(self, done: int, total: int, rows: int, *, phase: str = "") -> None:
        """Redraws the line of a comparison of rows, in a phase."""
        if phase and phase != COMPARING:
            self._take([(0, phase)], left_s=None)
            return
        speed = f"{rows / self.elapsed_s:,.0f} rows/s"
        tasks = f"{done:,} of {counted(total, 'task')}"
        told = [(0, phase), (1, tasks), (3, counted(rows, "row")), (4, speed)]
        self._take([part for part in told if part[1]], left_s=self._left(done, total))

    def __call__(self, done: int = 0, total: int = 0, what: str = "") -> None:
        """Redraws the line if a person looks and it is time to."""
        share = f"{done:,} of {total:,} " if total else ""
        self._take([(0, f"{share}{what}")], left_s=self._left(done, total))

    def _left(self, done: int, total: int) -> float | None:
        return self.elapsed_s * (total - done) / done if 0 < done < total else None

    def _take(self, parts: list[tuple[int, str]], *, left_s: float | None) -> None:
        self._parts, self._left_s = parts, left_s
        self._draw(at_most_every_s=REDRAW_AFTER_S)

    def _keep_drawing(self) -> None:
        while not self._ended.wait(TICK_S):
            self._draw(at_most_every_s=TICK_S)

    def _draw(self, *, at_most_every_s: float) -> None:
        now = time.monotonic()
        is_early = now - self._started < FIRST_SHOWN_AFTER_S or now - self._drawn < at_most_every_s
        if is_early or self._is_over or stdout.is_paging():
            return
        line = fitting_line(self._title, self._told(), columns())
        with self._lock:
            if not self._is_over:
                _write(f"\r\x1b[K{line}")
                self._drawn = now
                _shown.add(self)

    def _told(self) -> list[tuple[int, str]]:
        """Returns what there is to say, with how soon it is left out where room is short."""
        if self._left_s is not None:
            return [*self._parts, (2, f"about {self._left_s:,.0f} s left")]
        return [*self._parts, (2, f"{self.elapsed_s:,.0f} s")]


def fitting_line(title: str, parts: Sequence[tuple[int, str]], most: int) -> str:
    """Returns a line of progress that takes at most some columns of a terminal.

    Args:
        title: What is going on.
        parts: What there is to say of it; those of the highest number are left out first.
        most: The columns.
    """
    left = list(parts)
    while True:
        line = plain(" ".join([title, ", ".join(text for _, text in left)]).rstrip())
        if columns_of(line) <= most or len(left) < 2:
            return clipped(line, most)
        left.remove(max(left, key=lambda part: part[0]))


def columns() -> int:
    """Returns how many columns a line on the terminal may take: none that would begin another."""
    try:
        found = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        found = 0
    return max((found or USUAL_COLUMNS) - 1, 1)
