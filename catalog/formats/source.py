"""What is found in a source: its format, its files, and their partition values."""

from enum import StrEnum
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.model.types import DataType

SUFFIXES = (".parquet", ".parq", ".pq")
"""Endings of the names of Parquet files; other files in a directory are skipped, and counted."""

Layout: TypeAlias = tuple[tuple[str, DataType], ...]
"""Name and type of each column of a file, in order."""


class SourceFormat(StrEnum):
    """What a directory or a prefix is, by what lies in it."""

    PARQUET = "Parquet"
    DELTA = "Delta"
    HUDI = "Hudi"
    ICEBERG = "Iceberg"
    PAIMON = "Paimon"
    DUCKLAKE = "DuckLake"
    PARQUETRY = "Parquetry"


@dataclass(frozen=True, slots=True)
class OtherTable:
    """A table of another format, by its folder: its Parquet files are not its rows."""

    root: str
    format: SourceFormat


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
    """What a source has: Parquet files in any order.

    Attributes:
        ignored: How many files are not Parquet by their names.
        repeated: How many links lead to what the source has anyway.
        named: Whether the files themselves were named, by a path or a pattern of files.
        table: What the root itself is a table of, if not of Parquet.
    """

    root: str
    files: list[SourceFile]
    ignored: int = 0
    repeated: int = 0
    named: bool = False
    table: OtherTable | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found in a source: Parquet files by relative path.

    Attributes:
        columns: The names of the partition columns in path order.
        ignored: How many files are not Parquet by their names.
        warnings: What the user should know.
        part_of: The table of another format of which a pattern names files, if it is one.
    """

    root: str
    files: tuple[SourceFile, ...]
    columns: tuple[str, ...]
    ignored: int = 0
    warnings: tuple[str, ...] = ()
    part_of: OtherTable | None = None
