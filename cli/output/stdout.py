"""Owns stdout: data, and nothing else, goes out here."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from catalog.errors import ErrorKind, StorageFailure
from catalog.messages import printable

if TYPE_CHECKING:
    import pyarrow as pa

PLAIN_WIDTH = 100
"""Width of text in columns where stdout is not a terminal."""


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
    try:
        sys.stdout.write(text)
    except BrokenPipeError as error:
        raise ReaderGoneError from error


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


def is_terminal() -> bool:
    """Returns whether stdout is a terminal."""
    return sys.stdout.isatty()


def has_colour() -> bool:
    """Returns whether colours may be used: on a terminal that does not refuse them."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Returns how many columns of text fit."""
    return shutil.get_terminal_size().columns if is_terminal() else PLAIN_WIDTH


@contextlib.contextmanager
def binary() -> Iterator[BinaryIO]:
    """Lends stdout for bytes.

    Raises:
        ReaderGoneError: Stdout was closed.
    """
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
