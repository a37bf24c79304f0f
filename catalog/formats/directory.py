"""Directories of Parquet files, plain or hive-partitioned."""

import glob
import os

from catalog.errors import ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.formats.hive_path import segments
from catalog.formats.source import (
    DELTA_LOG,
    ICEBERG_METADATA,
    SUFFIXES,
    Listing,
    SourceFile,
    SourceFormat,
)
from catalog.hints import Option, hint


def list_directory(source: str) -> Listing:
    """Lists a directory, a file, or what a glob pattern matches.

    Raises:
        NotFound: Nothing has that name.
        InvalidInput: A link leaves the directory.
        StorageFailure: A directory cannot be read.
    """
    root = os.path.abspath(source)
    try:
        if os.path.isfile(root):
            folder = os.path.dirname(root)
            return Listing(folder, [_source_file(root, folder, os.stat(root))])
        if os.path.isdir(root):
            if os.path.isdir(os.path.join(root, DELTA_LOG)):
                return Listing(root, [], format=SourceFormat.DELTA)
            if glob.glob(f"{glob.escape(root)}/{ICEBERG_METADATA}"):
                return Listing(root, [], format=SourceFormat.ICEBERG)
            return Listing(root, *_walk(root))
        if glob.has_magic(source):
            root = os.path.abspath(fixed_part(source))
            return Listing(root, *_matching(source, root))
    except OSError as error:
        raise StorageFailure(
            f"cannot read {error.filename}: {error.strerror}", hint="check its permissions"
        ) from error
    raise missing_source(f"no file or directory {source}", "path")


def missing_source(problem: str, what: str) -> NotFound:
    """Returns the error for a source that does not exist; ``what`` is what to check."""
    advice = hint(
        f"check the {what}; {{}} takes a missing source as an empty one", Option("allow_empty")
    )
    return NotFound(problem, kind=ErrorKind.SOURCE_NOT_FOUND, hint=advice)


def _walk(root: str) -> tuple[list[SourceFile], int]:
    files: list[SourceFile] = []
    ignored = 0
    inside = os.path.realpath(root) + os.sep
    pending = [root]
    while pending:
        folder = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(("_", ".")) and "=" not in entry.name:
                    continue
                if entry.is_symlink():
                    _check_inside(entry.path, inside)
                if entry.is_dir():
                    pending.append(entry.path)
                elif entry.name.lower().endswith(SUFFIXES):
                    files.append(_source_file(entry.path, root, entry.stat()))
                else:
                    ignored += 1
    return files, ignored


def _check_inside(path: str, inside: str) -> None:
    target = os.path.realpath(path)
    above = os.path.join(os.path.realpath(os.path.dirname(path)), "")
    if not target.startswith(inside) or above.startswith(target + os.sep):
        raise InvalidInput(
            f"{path} links to {target}, which is outside the source or contains the link",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="give the directory it points to as the source",
        )


def _matching(pattern: str, base: str) -> tuple[list[SourceFile], int]:
    """Lists what a pattern matches: files, and all that is in directories."""
    files: dict[str, SourceFile] = {}
    ignored = 0
    tail = pattern[len(fixed_part(pattern)) :].lstrip(os.sep)
    for found in glob.iglob(tail, root_dir=base, recursive=True):
        path = os.path.normpath(os.path.join(base, found))
        if os.path.isdir(path):
            below, others = _walk(path)
            files.update((f.path, _source_file(f.path, base, os.stat(f.path))) for f in below)
            ignored += others
        elif path.lower().endswith(SUFFIXES):
            files[path] = _source_file(path, base, os.stat(path))
        else:
            ignored += 1
    return list(files.values()), ignored


def fixed_part(pattern: str) -> str:
    """Returns the folder, here or in a bucket, that holds all that a pattern matches."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _source_file(path: str, root: str, found: os.stat_result) -> SourceFile:
    relative = path[len(root) :].lstrip(os.sep)
    return SourceFile(
        path=path,
        relative=relative,
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
        ctime_ns=found.st_ctime_ns,
        inode=found.st_ino,
        hive=tuple(segments(relative)),
    )
