"""Errors of the machine: what each means, and what helps.

The operating system, Python, pyarrow and DuckDB tell of a full disk, of too many open files or of
too little memory in errors of their own, which other errors resemble: a file that cannot be read
is not a damaged file. This is the only place that tells them apart.
"""

import contextlib
import errno
import functools
import os
import re
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import ParamSpec, TypeVar

from catalog.errors import CatalogError, CorruptData, ErrorKind, NotFound, StorageFailure

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_MEMORY = (errno.ENOMEM, errno.ENOBUFS)
_FILES = (errno.EMFILE, errno.ENFILE)
_OTHERS = (
    *(errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV, errno.EBUSY, errno.ENOLCK),
    *(errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN, errno.ECONNRESET, errno.ECONNABORTED),
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENAMETOOLONG, errno.EAGAIN, errno.ESHUTDOWN),
)
_MACHINE = frozenset((*_FULL, *_FORBIDDEN, *_MEMORY, *_FILES, *_OTHERS))
"""Error numbers that say something about the machine. Of the others, EINVAL is also what reading
at an impossible place of a damaged file ends in."""

_TEXTS = {os.strerror(number): number for number in sorted(_MACHINE, reverse=True)}
"""What C++ libraries put into their messages, by which the number is found again."""

_NO_THREAD = ("can't start new thread", "Resource temporarily unavailable", "thread constructor")

_ENGINES = {"IO Error: ": "IOException", "Out of Memory Error: ": "OutOfMemoryException"}
"""How the texts of DuckDB's errors begin, which is all that Arrow passes on, and their classes."""

_ALLOCATION = re.compile(r"(?:malloc|realloc) of size (\d+)")

LARGEST_BYTES = 1 << 40
"""Largest block of memory that anybody wants: more is a size that a damaged file states."""

_HINTS = {
    ErrorKind.NO_SPACE: "free some space and run it again; nothing was committed",
    ErrorKind.NOT_PERMITTED: "check the permissions there, and whether it is mounted read-only",
    ErrorKind.OUT_OF_MEMORY: "free memory or raise the limit for the process (ulimit -v), or use "
    "fewer threads and a lower memory limit; then run it again",
}
_FILES_HINT = "raise the limit of open files (ulimit -n), or run less at a time"
_THREADS_HINT = "raise the limit of processes and threads (ulimit -u), or free memory (ulimit -v)"
_DISK_HINT = "check the disk or the network file system, and the system's log; then run it again"


def machine_failure(error: BaseException, doing: str = "") -> StorageFailure | None:
    """Returns the catalog's error for an error of the machine; None if it is another one.

    Args:
        error: What Python, pyarrow or DuckDB raised.
        doing: What failed: ``cannot read /data/x.parquet``.
    """
    number = _number(error)
    if number is None:
        return None
    kind, advice = ErrorKind.STORAGE, _DISK_HINT
    reason = os.strerror(number)
    if number in _FULL:
        kind = ErrorKind.NO_SPACE
    elif number in _FORBIDDEN:
        kind = ErrorKind.NOT_PERMITTED
    elif number in _MEMORY:
        kind, reason = ErrorKind.OUT_OF_MEMORY, "out of memory"
    elif number in _FILES:
        advice = _FILES_HINT
    elif number == errno.EAGAIN:
        advice, reason = _THREADS_HINT, "no thread can be started"
    elif number == errno.ENAMETOOLONG:
        advice = "use a shorter path"
    failed = doing or _described(error)
    message = failed if reason in failed else f"{failed}: {reason}" if failed else reason
    if advice in (_FILES_HINT, _THREADS_HINT):
        return StorageFailure(message, kind=ErrorKind.MACHINE_LIMIT, hint=advice)
    return StorageFailure(message, kind=kind, hint=_HINTS.get(kind, advice))


def _number(error: BaseException) -> int | None:
    """Returns the error number that says what is wrong with the machine, if anything is."""
    library, text = type(error).__module__.lstrip("_").partition(".")[0], str(error)
    if library == "duckdb":
        return _number_of_engine(type(error).__name__, text)
    name = next((name for start, name in _ENGINES.items() if text.startswith(start)), None)
    if name is not None:
        return _number_of_engine(name, text)
    if isinstance(error, MemoryError):  # pyarrow's too
        wanted = _ALLOCATION.search(text)
        return None if wanted and int(wanted[1]) > LARGEST_BYTES else errno.ENOMEM
    if isinstance(error, ImportError):  # of a library that is loaded late
        return errno.ENOMEM if "map segment" in text else _number_of_text(text)
    if isinstance(error, OSError):
        return error.errno if error.errno in _MACHINE else None
    no_thread = isinstance(error, RuntimeError) and any(t in text for t in _NO_THREAD)
    return errno.EAGAIN if no_thread else None


def _number_of_engine(name: str, text: str) -> int | None:
    if name == "OutOfMemoryException":
        full = "max_temp_directory_size" in text or os.strerror(errno.ENOSPC) in text
        return errno.ENOSPC if full else errno.ENOMEM
    if name not in ("IOException", "Error", "InternalException", "FatalException"):
        return None  # its message may be about a value of the data
    if any(part in text for part in _NO_THREAD):
        return errno.EAGAIN
    return _number_of_text(text)


def _number_of_text(text: str) -> int | None:
    return next((number for words, number in _TEXTS.items() if words in text), None)


def _described(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}" if error.filename else ""
    line = str(error).partition("\n")[0]
    return "" if isinstance(error, MemoryError) else line.removeprefix("IO Error: ")


def temporary_folder() -> str:
    """Makes a directory for files that go with the process.

    Raises:
        StorageFailure: There is no place for one.
    """
    try:
        import tempfile

        return tempfile.mkdtemp(prefix="parquetry-")
    except OSError as error:
        failure = machine_failure(error, "cannot make a directory for temporary files")
        raise StorageFailure(
            failure.message if failure else f"no directory for temporary files: {error.strerror}",
            kind=failure.kind if failure else ErrorKind.STORAGE,
            hint="name a directory with space, which you may write: TMPDIR=/path",
        ) from error


@contextlib.contextmanager
def machine_errors(doing: str = "") -> Iterator[None]:
    """Raises errors of the machine as the catalog's, and lets others pass.

    Args:
        doing: What failed then: ``cannot read /data/x.parquet``.

    Raises:
        StorageFailure: The disk is full, memory ran out, a file may not be read, and the like.
    """
    try:
        yield
    except CatalogError:
        raise
    except Exception as error:  # libraries have classes of their own for lack of memory
        failure = machine_failure(error, doing)
        if failure is None:
            raise
        raise failure from error


def tells_machine_errors(owner: type[T]) -> type[T]:
    """Makes the public methods of a class raise errors of the machine as the catalog's.

    Memory and threads may run out anywhere, and files fail to open: what is not told where it
    happens, with the name of the file, is told here. An instance with a method ``_explained`` may
    know better what an error means that comes out.
    """
    for name, member in list(vars(owner).items()):
        if name.startswith("_") and name not in ("__enter__", "__exit__"):
            continue
        if isinstance(member, staticmethod):
            setattr(owner, name, staticmethod(_telling(member.__func__)))
        elif isinstance(member, FunctionType):
            setattr(owner, name, _telling(member))
    return owner


def _telling(function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def telling(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            with machine_errors():
                return function(*arguments, **named)
        except CorruptData as error:
            explained: Callable[[CorruptData], CatalogError] | None
            explained = getattr(arguments[0] if arguments else None, "_explained", None)
            better = error if explained is None else explained(error)
            if better is error:
                raise
            raise better from error

    return telling


@contextlib.contextmanager
def reading_errors(path: str) -> Iterator[None]:
    """Raises errors of reading an object like ``storage_errors``; no object has too long a name."""
    try:
        with storage_errors(path):
            yield
    except StorageFailure as failure:
        cause = failure.__cause__
        if isinstance(cause, OSError) and cause.errno == errno.ENAMETOOLONG:
            missing = f"no object or file {path[:80]}…"
            raise NotFound(missing, kind=ErrorKind.OBJECT_NOT_FOUND) from cause
        raise


@contextlib.contextmanager
def storage_errors(path: str, failed: str = "") -> Iterator[None]:
    """Raises errors of the operating system about an object as the catalog's.

    Args:
        path: The object, or the file.
        failed: What failed, if it is not the store.

    Raises:
        NotFound: There is none.
        StorageFailure: All else.
    """
    doing = failed or f"storage failed at {path}"
    try:
        with machine_errors(doing):
            yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"no object or file {path}", kind=ErrorKind.OBJECT_NOT_FOUND) from error
    except OSError as error:
        raise StorageFailure(f"{doing}: {error.strerror or error}", hint=_DISK_HINT) from error
