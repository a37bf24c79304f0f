"""What is found in a source: its files, their partition values, and the formats it must not be."""

from dataclasses import dataclass

from catalog.errors import ErrorKind, Unsupported

SUFFIXES = (".parquet", ".parq", ".pq")
"""Names that end so are Parquet files; others in a directory are left alone, and counted."""

DELTA_LOG = "_delta_log"
"""Directory of a table of Delta's that says which of its files count."""

ICEBERG_METADATA = "metadata/*.metadata.json"
"""Files of a table of Iceberg's that say which of its files count."""

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
            kind=ErrorKind.OTHER_FORMAT,
            hint=f"export it to Parquet with a reader of {name}, or name the files themselves "
            "with a pattern",
        )
