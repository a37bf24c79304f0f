"""The files of a directory of anything, in columns, and which names they may have."""

import os
from array import array
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass, field
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.file_sets import MAX_DEPTH, folded, path_problem
from catalog.repository.columnar import strings

MIN_TIME = -(1 << 63)
"""The earliest time of a file, in nanoseconds since 1970: what 64 bits hold."""


@dataclass(frozen=True, slots=True)
class FileListing:
    """The files of a source, by path.

    There may be hundreds of thousands: what is known of them is in columns of equal length.

    Attributes:
        root: The directory, absolute, or the URI of a prefix.
        paths: Relative to it, with ``/`` between their parts, in the order of their UTF-8.
        sizes, mtimes, ctimes, inodes: As the system has them, times in nanoseconds, inodes signed;
            of an object in a bucket both times are that of its write, and the inode is made of its
            ETag.
        etags: The ETags of objects in a bucket; none of local files.
        warnings: What the user should know.
    """

    root: str
    paths: pa.StringArray
    sizes: pa.Int64Array
    mtimes: pa.Int64Array
    ctimes: pa.Int64Array
    inodes: pa.Int64Array
    etags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def same(self, other: "FileListing") -> bool:
        """Returns whether another look at the source found the same files, unchanged."""
        pairs = zip(self.columns(), other.columns(), strict=True)
        return all(one.equals(two) for one, two in pairs)

    def columns(self) -> tuple[pa.Array, ...]:
        """Returns all that is known of the files."""
        return (self.paths, self.sizes, self.mtimes, self.ctimes, self.inodes)

    def location(self, path: str) -> str:
        """Returns where a file is: an absolute path or a URI."""
        return f"{self.root.rstrip('/')}/{path}"


def _column(numbers: Iterable[int]) -> pa.Int64Array:
    values = array("q", numbers)
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


@dataclass(slots=True)
class Found:
    """Files as they are found, in any order."""

    paths: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    mtimes: list[int] = field(default_factory=list)
    ctimes: list[int] = field(default_factory=list)
    inodes: list[int] = field(default_factory=list)
    etags: list[str] = field(default_factory=list)

    def listing(self, root: str, warnings: Iterable[str] = ()) -> FileListing:
        """Returns the files by path.

        Raises:
            InvalidInput: One lies too deep, or has a time that cannot be kept.
        """
        self._check()
        paths = strings(self.paths)
        numbers = map(_column, (self.sizes, self.mtimes, self.ctimes, self.inodes))
        order = pc.sort_indices(paths)
        etags = tuple(self.etags[n] for n in order.to_pylist()) if self.etags else ()
        sizes, mtimes, ctimes, inodes = (column.take(order) for column in numbers)
        return FileListing(
            root,
            paths.take(order),
            sizes,
            mtimes,
            ctimes,
            inodes,
            etags,
            tuple(warnings),
        )

    def _check(self) -> None:
        for path in self.paths:
            if path.count("/") > MAX_DEPTH:
                raise _refused(path, path_problem(path) or "")
        for times in (self.mtimes, self.ctimes):
            if times and not MIN_TIME <= min(times) <= max(times) < -MIN_TIME:
                wrong = next(n for n, time in enumerate(times) if not MIN_TIME <= time < -MIN_TIME)
                raise InvalidInput(
                    f"{self.paths[wrong]!r} has a time that cannot be kept: {times[wrong]} "
                    "nanoseconds since 1970",
                    kind=ErrorKind.UNWRITABLE_VALUE,
                    hint="give it a time between the years 1678 and 2262, with touch for example",
                )


def as_signed(inode: int) -> int:
    """Returns an inode, which some file systems have of 64 bits, as a signed number."""
    return inode if inode < 1 << 63 else inode - (1 << 64)


def check_names(folder: str, names: Sequence[str], *, at_root: bool) -> None:
    """Checks the names of what is in one directory.

    Raises:
        InvalidInput: One cannot be restored everywhere, or two are one elsewhere.
    """
    joined = "/".join(names)
    plain = joined.isascii() and joined.isprintable() and "\\" not in joined
    if not plain:
        for name in names:
            _check_name(folder, name)
    elif at_root:
        for name in names:
            if name[1:2] == ":":
                _check_name(folder, name)
    known = set(joined.lower().split("/") if plain else map(folded, names))
    if not known.isdisjoint(("", ".", "..")):  # in a bucket
        for name in names:
            _check_name(folder, name)
    if len(known) < len(names):
        _refuse_alike(folder, names)


def _check_name(folder: str, name: str) -> None:
    problem = path_problem(name)
    if problem is not None:
        raise _refused(os.path.join(folder, name), problem)


def _refused(path: str, problem: str) -> InvalidInput:
    shown = os.fsencode(path).decode(errors="backslashreplace")
    shown = shown if shown.isprintable() else repr(shown)
    unicode = "UTF-8" in problem
    return InvalidInput(
        f"{shown} cannot be the name of a file of a file set: {problem}",
        kind=ErrorKind.NOT_UNICODE if unicode else ErrorKind.INVALID_NAME,
        hint="rename it, or leave it out",
    )


def _refuse_alike(folder: str, names: Iterable[str]) -> None:
    known: dict[str, str] = {}
    for name in sorted(names):
        other = known.setdefault(folded(name), name)
        if other != name:
            raise names_alike(folder, other, name)


def names_alike(folder: str, one: str, other: str) -> InvalidInput:
    """Returns the error for two names that a machine which ignores case takes for one."""
    return InvalidInput(
        f"{one!r} and {other!r} in {folder} are the same name where case does not count: only one "
        "of them could be restored there",
        kind=ErrorKind.INVALID_NAME,
        hint="rename one of them",
    )
