"""Directories of Parquet files as sources, plain or hive-partitioned."""

import fnmatch
import glob
import os
import stat
from collections.abc import Iterator, Sequence

from catalog.errors import ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.formats.source import Listing, OtherTable, SourceFile, SourceFormat
from catalog.formats.source_names import HUDI_PARTITION, MARKERS, Pattern, holds_files
from catalog.formats.walk import Entry, Hive, Parts, Walk, not_a_file
from catalog.hints import Option, hint
from catalog.storage.failures import machine_failure


def list_directory(source: str, own: str) -> Listing:
    """Lists a directory, a file, or what a glob pattern matches; ``own`` is the catalog.

    Raises:
        NotFound: Nothing has that name.
        InvalidInput: A link leaves the directory, or a name is not that of a file.
        StorageFailure: A directory cannot be read.
        Unsupported: A table of another format is below it.
    """
    root = os.path.abspath(source)
    try:
        if os.path.isdir(root):
            return Walk(Directory(root), Pattern(), os.path.realpath(own)).listing()
        if os.path.lexists(root):
            folder, name = os.path.split(root)
            return Listing(folder, [Directory(folder).file(name, ())], named=True)
        if glob.has_magic(source):
            folder, pattern = Pattern.split(source)
            folder = os.path.abspath(folder)
            if not os.path.isdir(folder):
                return Listing(folder, [])
            return Walk(Directory(folder), pattern, os.path.realpath(own)).listing()
    except OSError as error:
        failed = f"cannot read {error.filename or root}"
        raise machine_failure(error, failed) or StorageFailure(
            f"{failed}: {error.strerror}", hint="check its permissions"
        ) from error
    raise missing_source(f"no file or directory {source}", "path")


def missing_source(problem: str, what: str) -> NotFound:
    """Returns the error for a source that does not exist; ``what`` is what to check."""
    advice = hint(
        f"check the {what}; {{}} takes a missing source as an empty one", Option("allow_empty")
    )
    return NotFound(problem, kind=ErrorKind.SOURCE_NOT_FOUND, hint=advice)


def table_around(folder: str, own: str) -> OtherTable | None:
    """Returns the table of another format that a directory is, or is in."""
    for start in dict.fromkeys((os.path.realpath(folder), folder)):
        place, above = start, os.path.dirname(start)
        while True:
            for kind in _formats(place):
                at_home = kind is SourceFormat.PARQUETRY and os.path.realpath(place) == own
                if not at_home and holds_files(kind, place, start):
                    return OtherTable(place, kind)
            if above == place:
                break
            place, above = above, os.path.dirname(above)
    return None


def _formats(folder: str) -> Iterator[SourceFormat]:
    here = Directory(folder)
    for kind, (marker, inner) in MARKERS.items():
        if here.holds((marker,), inner) if inner else os.path.isdir(os.path.join(folder, marker)):
            yield kind
    if os.path.exists(os.path.join(folder, HUDI_PARTITION)):
        yield SourceFormat.HUDI


class Directory:
    """A directory; see ``Tree``."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._prefix = os.path.join(root, "")
        self._real = os.path.join(os.path.realpath(root), "")

    def entries(self, folder: Parts) -> Sequence[Entry]:
        """Returns what is in a directory."""
        with os.scandir(self._path(folder)) as found:
            return [_entry(one) for one in found]

    def holds(self, folder: Parts, pattern: str) -> bool:
        """Returns whether a directory has a name that matches; not if it cannot be read."""
        try:
            names = os.listdir(self._path(folder))
        except OSError:
            return False
        return any(fnmatch.fnmatchcase(name, pattern) for name in names)

    def file(self, relative: str, hive: Hive) -> SourceFile:
        """Returns a file as it is now."""
        path = f"{self._prefix}{relative}"
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise not_a_file(path)
        return SourceFile(
            path=path,
            relative=relative,
            size_bytes=found.st_size,
            mtime_ns=found.st_mtime_ns,
            ctime_ns=found.st_ctime_ns,
            inode=found.st_ino,
            hive=hive,
        )

    def real_path(self, parts: Parts) -> str:
        """Returns where a path leads, which must be within the directory."""
        path = self._path(parts)
        target = os.path.realpath(path)
        if not os.path.exists(path):
            raise InvalidInput(
                f"{path} links to {target}, which does not exist",
                kind=ErrorKind.PATH_OUTSIDE,
                hint="remove the link, or restore what it links to",
            )
        if not parts:
            return target
        inside = os.path.join(target, "")
        around = os.path.join(os.path.realpath(os.path.dirname(path)), "")
        if not inside.startswith(self._real) or around.startswith(inside):
            raise InvalidInput(
                f"{path} links to {target}, which is outside the source or contains the link",
                kind=ErrorKind.PATH_OUTSIDE,
                hint="give the directory it points to as the source",
            )
        return target

    def _path(self, parts: Parts) -> str:
        return os.path.join(self.root, *parts)


def _entry(found: "os.DirEntry[str]") -> Entry:
    if found.is_file(follow_symlinks=False):
        return Entry(found.name, is_folder=False)
    is_link = found.is_symlink()
    try:
        return Entry(found.name, found.is_dir(), found.is_file(), is_link)
    except OSError:  # a link to itself
        return Entry(found.name, is_folder=False, is_file=False, is_link=is_link)
