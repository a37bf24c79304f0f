"""What is found in a source: its format, its files, and their partition values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from catalog.model.types import DataType

SUFFIXES = (".parquet", ".parq", ".pq")
"""Endings of the names of Parquet files; other files in a directory are skipped, and counted."""

DELTA_LOG = "_delta_log"
"""Directory that says which files of a Delta table count."""

ICEBERG_METADATA = "metadata/*.metadata.json"
"""Files that say which files of an Iceberg table count."""

Layout: TypeAlias = tuple[tuple[str, DataType], ...]
"""Name and type of each column of a file, in order."""


class SourceFormat(StrEnum):
    """What a directory or a prefix is, by the metadata in it."""

    PARQUET = "Parquet"
    DELTA = "Delta"
    ICEBERG = "Iceberg"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source as it was found.

    An object in a bucket has the time of its write as the time of its change, and for an inode a
    number made of its ETag, which distinguishes files in the same way.

    Attributes:
        path: Absolute, or a URI.
        relative: Relative to the source.
        size_bytes: Its size.
        mtime_ns: Time of its last write.
        ctime_ns: Time of its last change, links included.
        inode: Its inode.
        hive: Column and text per hive segment of the path, in order; None is NULL.
        etag: The ETag of an object in a bucket; empty for a local file.
    """

    path: str
    relative: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    hive: tuple[tuple[str, str | None], ...]
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a directory or a prefix holds: Parquet files in any order, none of another format.

    ``ignored`` counts the files that are not Parquet by their names.
    """

    root: str
    files: list[SourceFile]
    ignored: int = 0
    format: SourceFormat = SourceFormat.PARQUET


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found in a source: Parquet files by relative path, and the rest as in ``Listing``.

    ``columns`` are the names of the partition columns in path order.
    """

    root: str
    files: tuple[SourceFile, ...]
    columns: tuple[str, ...]
    ignored: int
