"""Data files: the entries of a table's manifest, and how two manifests differ."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias, get_args

from catalog.dataclasses import dataclass, field

Verify: TypeAlias = Literal["size", "pages", "hash"]
"""What of data files is compared with the commit before they are read.

``size``: size and guard; ``pages``: also the checksums of pages; ``hash``: also the hash, or
the checksums of pages where the hash is not known.
"""

VERIFY: tuple[Verify, ...] = get_args(Verify)
"""All of them."""


@dataclass(frozen=True, slots=True)
class ColumnStats:
    """Bounds and counts of one column in one file.

    Attributes:
        nulls: Rows that are NULL; None if unknown.
        nans: Rows that are NaN; None if unknown, which forbids pruning of floats.
        low: Encoded lower bound (see ``values``); None if unknown.
        high: Encoded upper bound; None if unknown.
        exact: Whether both bounds are values that occur.
    """

    nulls: int | None = None
    nans: int | None = None
    low: bytes | None = None
    high: bytes | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class BlobList:
    """Points to the list of the contents that a data file of a file set names.

    Attributes:
        id: The SHA-256 of the list, by which it is stored.
        elsewhere: How many of the contents are not the catalog's own.
    """

    id: str
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class DataFile:
    """One immutable Parquet file of a table.

    Attributes:
        path: Root-relative for files in the store, an absolute path or URI for references.
        token: Identifies the content: ``sha256:…``, or
            ``stat:<size>+<mtime_ns>+<inode>`` for local references that were not hashed.
        size_bytes: Size of the file.
        rows: Rows in the file.
        partition: Encoded partition values in the order of the partition spec.
        file_schema: Id of the file schema through which it is read.
        guard: For files that others can reach (links, references), the
            ``<size>+<mtime_ns>+<inode>`` that every read plan verifies; else None.
        stats: Statistics by field id.
        unsound: Field ids of columns whose statistics in the file's footer contradict the values:
            an engine must not go by them. ``stats`` are right.
        blobs: The contents that its rows name, if it is of a file set.
        rows_of: Of a file that was put together from others, with just their rows: what stands
            for these, 16 bytes; see ``model.same_rows``.
    """

    path: str
    token: str
    size_bytes: int
    rows: int
    partition: tuple[bytes | None, ...]
    file_schema: str
    guard: str | None = None
    stats: Mapping[int, ColumnStats] = field(default_factory=dict)
    unsound: tuple[int, ...] = ()
    blobs: BlobList | None = None
    rows_of: bytes | None = None

    @property
    def identity(self) -> "Identity":
        """Returns what makes two data files the same for diff and fingerprints."""
        return Identity(self.token, self.partition, self.file_schema)


class Identity(NamedTuple):
    """The rows a data file brings: content, partition values, file schema.

    It is a tuple because files are looked up by it all the time.
    """

    token: str
    partition: tuple[bytes | None, ...]
    file_schema: str


_OWN_PATH = re.compile(r"data(?:/(?!\.{1,2}(?:/|\Z))[^/\\\0]+)+")
_LOCAL_PATH = re.compile(r"/[^\0]+")
_LOCAL_GUARD = re.compile(r"[0-9]{1,20}\+-?[0-9]{1,20}\+[0-9]{1,20}")
_URI = re.compile(r"(?:s3|gs|az)://[^/\0]+/[^\0]+")
_REMOTE_GUARD = re.compile(r"etag:[^\0]*\+[^+\0]*\+[0-9]{1,20}")


def may_lie_at(path: str, guard: str | None) -> bool:
    """Returns whether a table may have a file of this path and guard.

    The catalog's own files are below ``data``. Others are where their guard says how they were
    when they were committed, which nobody knows who has not seen them.
    """
    if guard is None:
        return _OWN_PATH.fullmatch(path) is not None
    if guard.startswith("etag:"):
        return bool(_URI.fullmatch(path) and _REMOTE_GUARD.fullmatch(guard))
    local = _LOCAL_PATH.fullmatch(path) or _OWN_PATH.fullmatch(path)
    return bool(local and "://" not in path and _LOCAL_GUARD.fullmatch(guard))


def is_outside(path: str) -> bool:
    """Returns whether something that is not the catalog's own may lie at a path or URI."""
    if "://" in path:
        return _URI.fullmatch(path) is not None
    return _LOCAL_PATH.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The data files in which two snapshots of a table differ, in tree order.

    ``partitions_kept`` counts the partitions whose files are the same in both.
    """

    removed: tuple[DataFile, ...]
    added: tuple[DataFile, ...]
    files_kept: int
    partitions_kept: int
