"""Prefixes of Parquet files in a bucket, listed as directories are."""

import fnmatch
import hashlib
import re
from collections.abc import Iterator

from catalog.errors import ErrorKind, NotFound
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
from catalog.storage.store import RemoteFile, RemoteFiles

_MAGIC = re.compile(r"[*?[]")

INODE_BYTES = 7
"""Bytes of an ETag's hash used as an inode: enough to distinguish files, and below 2^63."""


def list_bucket(source: str, remote: RemoteFiles) -> Listing:
    """Lists a prefix, an object, or what a glob pattern matches.

    Args:
        source: Its URI.
        remote: Lists it.

    Raises:
        NotFound: Nothing has that name.
    """
    if _MAGIC.search(source):
        root = _fixed_part(source)
        wanted = [part for part in source[len(root) + 1 :].split("/") if part]
        matching = [
            one
            for one in remote.list(f"{root}/")
            if any(_match(wanted, head) for head in _heads(one.uri[len(root) + 1 :].split("/")))
        ]
        return _parquet(matching, root)
    root = source.rstrip("/")
    objects = list(remote.list(f"{root}/"))
    if not objects:
        single = None if source.endswith("/") else remote.look(root)
        if single is None:
            raise NotFound(
                f"nothing exists under {source}",
                kind=ErrorKind.SOURCE_NOT_FOUND,
                hint=hint(
                    "check the prefix; {} takes a missing source as an empty one",
                    Option("allow_empty"),
                ),
            )
        folder = root.rpartition("/")[0]
        return Listing(folder, [source_file(single, folder)])
    names = [one.uri[len(root) + 1 :] for one in objects]
    if any(name.startswith(f"{DELTA_LOG}/") for name in names):
        return Listing(root, [], format=SourceFormat.DELTA)
    if any(_match(ICEBERG_METADATA.split("/"), name.split("/")) for name in names):
        return Listing(root, [], format=SourceFormat.ICEBERG)
    return _parquet(objects, root)


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


def _parquet(objects: list[RemoteFile], root: str) -> Listing:
    visible = [one for one in objects if _is_visible(one.uri[len(root) + 1 :])]
    files = [source_file(one, root) for one in visible if one.uri.lower().endswith(SUFFIXES)]
    return Listing(root, files, len(visible) - len(files))


def _is_visible(relative: str) -> bool:
    """Returns whether an object counts: not a folder's marker, nor below a hidden name."""
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
