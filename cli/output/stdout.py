"""Owns stdout: data, and nothing else, goes out here."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from catalog.errors import ErrorKind, StorageFailure
from catalog.messages import printable
from catalog.report.layout import UNLIMITED

if TYPE_CHECKING:
    import pyarrow as pa

    from cli.output.pager import Screen

PLAIN_WIDTH = 100
"""Columns of a drawing where stdout goes into a pipe, of which nobody knows how wide it is."""

NARROWEST = 20
"""Columns that a drawing has at least, however narrow the terminal is."""

_asked_width: int | None = None
_is_paged = True
_screen: "Screen | None" = None
_waiting: list[Callable[[], None]] = []
"""What is called before the next text is written."""


class ReaderGoneError(Exception):
    """The reader of stdout, e.g. ``head``, has closed it: nothing is left to do."""


def prepare() -> None:
    """Makes both streams take any text: UTF-8 where nobody looks, escapes where they cannot.

    A stream that was closed before the start (``>&-``) is one that nobody reads.
    """
    sys.stdout = sys.stdout or _nobody()
    sys.stderr = sys.stderr or _nobody()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if stream.isatty():
            reconfigure(errors="backslashreplace")
        else:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def _nobody() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def write(text: str) -> None:
    """Writes text as it is.

    Raises:
        ReaderGoneError: Stdout was closed.
    """
    _begin_output()
    try:
        (sys.stdout if _screen is None else _screen).write(text)
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def before_output(call: Callable[[], None]) -> None:
    """Has something be called once, before anything else is written to stdout."""
    _waiting.append(call)


def _begin_output() -> None:
    while _waiting:
        _waiting.pop()()


def data(text: str) -> None:
    """Writes data: as it is for programs, but to a terminal nothing that would steer it.

    Raises:
        ReaderGoneError: Stdout was closed.
    """
    write(printable(text) if is_terminal() else text)


def data_bytes(content: "bytes | pa.Buffer") -> None:
    """Writes data that is text in UTF-8, and sends it on its way.

    Raises:
        ReaderGoneError: Stdout was closed.
    """
    if is_terminal() or getattr(sys.stdout, "encoding", "") not in ("utf-8", "UTF-8"):
        data(str(memoryview(content), "utf-8"))
        return
    with binary() as stream:
        stream.write(content)


def line(text: str = "") -> None:
    """Writes one line."""
    write(text + "\n")


def lines(texts: Iterable[str]) -> None:
    """Writes lines."""
    for text in texts:
        line(text)


def flush() -> None:
    """Sends what is written on its way.

    Raises:
        ReaderGoneError: Stdout was closed.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def abandon() -> None:
    """Points a closed stdout to nowhere, so that the interpreter ends without a complaint."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def paged() -> Iterator[None]:
    """Has a pager show text that is longer than the screen, if one is wanted.

    Raises:
        ReaderGoneError: It was left before the end.
    """
    global _screen
    if not _is_paged or not is_terminal():
        yield
        return
    from cli.output.pager import Screen, pager

    command = pager()
    if command is None:
        yield
        return
    _screen = screen = Screen(command, sys.stdout.write)
    try:
        yield
    finally:
        _screen = None
        screen.close()


def is_paging() -> bool:
    """Returns whether a pager has the terminal."""
    return _screen is not None and _screen.is_paging


def is_terminal() -> bool:
    """Returns whether stdout is a terminal."""
    return sys.stdout.isatty()


def has_colour() -> bool:
    """Returns whether colours may be used: on a terminal that does not refuse them."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def forget_requests() -> None:
    """Forgets what an earlier command line asked for."""
    global _asked_width, _is_paged
    _asked_width, _is_paged = None, True


def ask_no_pager() -> None:
    """Takes that no pager is wanted."""
    global _is_paged
    _is_paged = False


def ask_width(columns: int | None) -> None:
    """Takes the width that the command line asks for; -1 is no limit, None is not asked."""
    global _asked_width
    _asked_width = columns


def width(target: Path | None = None) -> int:
    """Returns how many columns a drawing may take: what all drawings go by.

    It is ``--width`` if given. A file (``target``) holds everything in full otherwise. Stdout has
    the columns of the variable COLUMNS, else of the terminal; a pipe has ``PLAIN_WIDTH``.
    """
    known = room(target)
    if known is not None:
        return known
    return PLAIN_WIDTH if target is None else UNLIMITED


def room(target: Path | None = None) -> int | None:
    """Returns how many columns a table of values may take; None if nothing limits it.

    It is ``width``, but a pipe limits no table: its rows are data for whoever reads it.
    """
    if _asked_width is not None:
        return UNLIMITED if _asked_width < 0 else _asked_width
    if target is not None:
        return None
    stated = os.environ.get("COLUMNS", "")
    if stated.isascii() and stated.isdigit() and int(stated[:9]) > 0:
        return max(int(stated[:9]), NARROWEST)
    if not is_terminal():
        return None
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return max(columns or shutil.get_terminal_size().columns, NARROWEST)


@contextlib.contextmanager
def binary() -> Iterator[BinaryIO]:
    """Lends stdout for bytes.

    Raises:
        ReaderGoneError: Stdout was closed.
    """
    _begin_output()
    flush()
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        raise ReaderGoneError from error


@contextlib.contextmanager
def file(path: Path) -> Iterator[BinaryIO]:
    """Lends a file that appears, or replaces another, only once it is whole.

    Raises:
        StorageFailure: It cannot be written.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise StorageFailure(
            f"cannot write {path}: {error.strerror or error}",
            kind=ErrorKind.OUTPUT_UNWRITABLE,
            hint="name a file in a directory that exists and may be written to: -o FILE",
        ) from error


def make_directory(path: Path) -> None:
    """Makes a directory for files, if it is not there.

    Raises:
        StorageFailure: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailure(
            f"cannot make the directory {path}: {error.strerror or error}",
            kind=ErrorKind.OUTPUT_UNWRITABLE,
            hint="name a directory that can be made: -o DIR/",
        ) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
