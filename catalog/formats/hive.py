"""Directories of Parquet files, plain or hive-partitioned, as they lie on disk.

A hive-partitioned path has segments ``column=value``, the value with Hive's escapes
(``%XX``), NULL as ``__HIVE_DEFAULT_PARTITION__``.
"""

import glob
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from catalog.errors import InvalidInput, NotFound, StorageFailure, Unsupported
from catalog.storage.store import RemoteFiles

SUFFIXES = (".parquet", ".parq", ".pq")
"""Names that end so are Parquet files; others in a directory are left alone, and counted."""

DELTA_LOG = "_delta_log"
"""Directory of a table of Delta's that says which of its files count."""

ICEBERG_METADATA = "metadata/*.metadata.json"
"""Files of a table of Iceberg's that say which of its files count."""

NULL_SEGMENT = "__HIVE_DEFAULT_PARTITION__"
"""Hive's text for a NULL partition value."""

MAX_SEGMENT_BYTES = 255
"""Longest path segment that common file systems take."""

_SAFE = re.compile(r"[A-Za-z0-9_.,+@ -]")

HiveValues = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Describes a file of a source as it was found.

    Of an object in S3, time of change is that of the write, and the inode is a number made of
    its ETag: it tells files apart in the same way.

    Attributes:
        path: Absolute, or a URI.
        relative: Relative to the source.
        size_bytes: Its size.
        mtime_ns: Time of its last write.
        ctime_ns: Time of its last change, links included.
        inode: Its inode.
        hive: Column and text per hive segment of the path, in order; None is NULL.
        etag: Of an object in S3, what its content is known by.
    """

    path: str
    relative: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    hive: HiveValues
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """Holds what was found in a source.

    Attributes:
        root: The source, absolute, or a URI.
        files: Parquet files by relative path; empty if there are none.
        columns: Names of the partition columns in path order.
        ignored: Files that are no Parquet by their names.
    """

    root: str
    files: tuple[SourceFile, ...]
    columns: tuple[str, ...]
    ignored: int


def discover(
    source: str, partition_by: Collection[str] = (), *, remote: RemoteFiles | None = None
) -> Discovery:
    """Lists the Parquet files of a source.

    Args:
        source: A directory, a file, or a glob pattern, here or in S3.
        partition_by: Partition columns that are known: the source itself may then lie
            within such a directory, as ``orders/day=2024-01-31`` does.
        remote: Lists the source if it lies elsewhere.

    Raises:
        NotFound: There is nothing of that name.
        InvalidInput: The files are partitioned in different ways, a link leaves the
            directory, or a name is no UTF-8.
        StorageFailure: A directory cannot be read.
        Unsupported: It is a table of Delta's or Iceberg's.
    """
    if remote is None:
        root, files, ignored = _local(source)
    else:
        from catalog.formats.objects import objects

        root, files, ignored = objects(source, remote)
    for file in files:
        _check_unicode(file.path)
    outer = tuple(pair for pair in segments(root + os.sep) if pair[0] in partition_by)
    if outer:
        files = [replace(file, hive=(*outer, *file.hive)) for file in files]
    files.sort(key=lambda file: file.relative)
    return Discovery(root, tuple(files), _columns(files), ignored)


def _local(source: str) -> tuple[str, list[SourceFile], int]:
    """Returns the root of a source, its files, and how many are no Parquet."""
    root = os.path.abspath(source)
    try:
        if os.path.isfile(root):
            found = os.stat(root)
            root = os.path.dirname(root)
            files, ignored = [_source_file(os.path.abspath(source), root, found)], 0
        elif os.path.isdir(root):
            check_format(
                root,
                delta=os.path.isdir(os.path.join(root, DELTA_LOG)),
                iceberg=bool(glob.glob(f"{glob.escape(root)}/{ICEBERG_METADATA}")),
            )
            files, ignored = _walk(root)
        elif glob.has_magic(source):
            root = os.path.abspath(_fixed_part(source))
            files, ignored = _matching(source, root)
        else:
            raise NotFound(
                f"no file or directory {source}",
                kind="source-not-found",
                hint="check the path; --allow-empty takes a missing source as an empty one",
            )
    except OSError as error:
        raise StorageFailure(
            f"cannot read {error.filename}: {error.strerror}", hint="check who may read it"
        ) from error
    return root, files, ignored


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


def check_format(root: str, *, delta: bool, iceberg: bool) -> None:
    """Refuses what is a table of another format: its files by themselves are not its rows.

    Args:
        root: The directory or prefix.
        delta: Whether a log of Delta's lies in it.
        iceberg: Whether metadata of Iceberg's lie in it.

    Raises:
        Unsupported: It is one.
    """
    if delta or iceberg:
        name = "Delta" if delta else "Iceberg"
        raise Unsupported(
            f"{root} is a table of {name}: some of its files may be deleted or hold deleted rows",
            kind="other-format",
            hint=f"export it to Parquet with a reader of {name}, or name the files themselves "
            "with a pattern",
        )


def _check_unicode(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise InvalidInput(
            f"the name {shown} is no UTF-8", kind="not-unicode", hint="rename it, or leave it out"
        ) from error


def _check_inside(path: str, inside: str) -> None:
    target = os.path.realpath(path)
    above = os.path.join(os.path.realpath(os.path.dirname(path)), "")
    if not target.startswith(inside) or above.startswith(target + os.sep):
        raise InvalidInput(
            f"{path} is a link to {target}, outside of the source or around in a circle",
            kind="path-outside",
            hint="name the directory it points to as the source",
        )


def _matching(pattern: str, base: str) -> tuple[list[SourceFile], int]:
    """Lists what a pattern matches: files, and all that is in directories."""
    files: dict[str, SourceFile] = {}
    ignored = 0
    tail = pattern[len(_fixed_part(pattern)) :].lstrip(os.sep)
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


def _fixed_part(pattern: str) -> str:
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


def segments(relative: str) -> Iterator[tuple[str, str | None]]:
    """Yields column and text of the hive segments of a path, but for its last."""
    for segment in relative.split(os.sep)[:-1]:
        column, equals, value = segment.partition("=")
        if equals and column:
            yield unescape(column), None if value == NULL_SEGMENT else unescape(value)


def _columns(files: Sequence[SourceFile]) -> tuple[str, ...]:
    if not files:
        return ()
    first = files[0]
    columns = tuple(name for name, _ in first.hive)
    for file in files:
        if tuple(name for name, _ in file.hive) != columns:
            raise InvalidInput(
                f"{first.path} and {file.path} are partitioned in different ways",
                kind="mixed-partitioning",
                hint="every file needs the same column=value directories in the same order",
            )
    folded = [name.casefold() for name in columns]
    if len(set(folded)) < len(folded):
        raise InvalidInput(f"{first.path} names a partition column twice")
    return columns


def unescape(text: str) -> str:
    """Returns what a path segment stands for: ``%XX`` are bytes of UTF-8."""
    if "%" not in text:
        return text
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), os.fsencode(text))
    return raw.decode("utf-8", "surrogateescape")


def partition_path(names: Sequence[str], values: Sequence[str | None]) -> str:
    """Returns the directories of a partition below a table's, ``/``-separated.

    Args:
        names: The partition columns.
        values: Their values as text; None is NULL.

    Raises:
        InvalidInput: A segment would be longer than file systems take.
    """
    segments = []
    for name, value in zip(names, values, strict=True):
        text = NULL_SEGMENT if value is None else _escape_value(value)
        segment = f"{escape(name)}={text}"
        if len(segment) > MAX_SEGMENT_BYTES:
            raise InvalidInput(
                f"partition value {(value or '')[:40]!r}… of column {name!r} is too long for a path"
            )
        segments.append(segment)
    return "/".join(segments)


def _escape_value(value: str) -> str:
    escaped = escape(value)
    return "%5F" + escaped[1:] if value == NULL_SEGMENT else escaped


def escape(text: str) -> str:
    """Returns text as a part of a path segment, with Hive's escapes."""
    encoded = "".join(
        c if _SAFE.match(c) else "".join(f"%{b:02X}" for b in os.fsencode(c)) for c in text
    )
    if encoded.endswith((".", " ")):
        encoded = f"{encoded[:-1]}%{ord(encoded[-1]):02X}"
    return encoded
