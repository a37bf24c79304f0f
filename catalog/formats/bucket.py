"""Prefixes of Parquet files in S3, listed as directories are."""

import fnmatch
import hashlib
import re
from collections.abc import Iterator

from catalog.errors import ErrorKind, NotFound
from catalog.formats.hive_path import segments
from catalog.formats.source import DELTA_LOG, ICEBERG_METADATA, SUFFIXES, SourceFile, check_format
from catalog.storage.store import RemoteFile, RemoteFiles

_MAGIC = re.compile(r"[*?[]")

INODE_BYTES = 7
"""Bytes of an ETag's hash that stand for an inode: enough to tell files apart, and below 2^63."""


def list_bucket(source: str, remote: RemoteFiles) -> tuple[str, list[SourceFile], int]:
    """Lists a prefix, an object, or what a glob pattern matches.

    Args:
        source: Its URI.
        remote: Lists it.

    Returns:
        The root of the source, its files, and how many objects are no Parquet.

    Raises:
        NotFound: There is nothing of that name.
        Unsupported: It is a table of Delta's or Iceberg's.
    """
    if _MAGIC.search(source):
        root = _fixed_part(source)
        wanted = [part for part in source[len(root) + 1 :].split("/") if part]
        found = [
            one
            for one in remote.list(f"{root}/")
            if any(_match(wanted, head) for head in _heads(one.uri[len(root) + 1 :].split("/")))
        ]
        return root, *_taken(found, root)
    root = source.rstrip("/")
    found = list(remote.list(f"{root}/"))
    if not found:
        one = None if source.endswith("/") else remote.look(root)
        if one is None:
            raise NotFound(
                f"nothing lies below {source}",
                kind=ErrorKind.SOURCE_NOT_FOUND,
                hint="check the prefix; --allow-empty takes a missing source as an empty one",
            )
        folder = root.rpartition("/")[0]
        return folder, [source_file(one, folder)], 0
    names = [one.uri[len(root) + 1 :] for one in found]
    check_format(
        root,
        delta=any(name.startswith(f"{DELTA_LOG}/") for name in names),
        iceberg=any(_match(ICEBERG_METADATA.split("/"), name.split("/")) for name in names),
    )
    return root, *_taken(found, root)


def source_file(found: RemoteFile, root: str) -> SourceFile:
    """Returns an object as a file of a source."""
    relative = found.uri[len(root) + 1 :]
    written_ns = int(found.modified.timestamp()) * 1_000_000_000
    return SourceFile(
        path=found.uri,
        relative=relative,
        size_bytes=found.size_bytes,
        mtime_ns=written_ns,
        ctime_ns=written_ns,
        inode=int.from_bytes(hashlib.sha256(found.etag.encode()).digest()[:INODE_BYTES]),
        hive=tuple(segments(relative)),
        etag=found.etag,
    )


def _taken(found: list[RemoteFile], root: str) -> tuple[list[SourceFile], int]:
    seen = [one for one in found if _is_seen(one.uri[len(root) + 1 :])]
    files = [source_file(one, root) for one in seen if one.uri.lower().endswith(SUFFIXES)]
    return files, len(seen) - len(files)


def _is_seen(relative: str) -> bool:
    """Tells whether an object counts: not a folder's marker, nor below a hidden name."""
    parts = relative.split("/")
    hidden = (part.startswith(("_", ".")) and "=" not in part for part in parts)
    return bool(parts[-1]) and not any(hidden)


def _fixed_part(pattern: str) -> str:
    folder = pattern.rpartition("/")[0]
    while _MAGIC.search(folder):
        folder = folder.rpartition("/")[0]
    return folder


def _heads(parts: list[str]) -> Iterator[list[str]]:
    """Yields a path and the folders above it: a pattern that matches one takes all below."""
    for count in range(len(parts), 0, -1):
        yield parts[:count]


def _match(wanted: list[str], parts: list[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_match(wanted[1:], parts[n:]) for n in range(len(parts) + 1))
    return bool(
        parts and fnmatch.fnmatchcase(parts[0], wanted[0]) and _match(wanted[1:], parts[1:])
    )
