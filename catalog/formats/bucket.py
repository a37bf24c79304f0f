"""Prefixes of Parquet files in a bucket, listed as directories are."""

import fnmatch
import glob
import hashlib

from catalog.formats.directory import fixed_part, missing_source
from catalog.formats.hive_path import segments
from catalog.formats.source import (
    DELTA_LOG,
    ICEBERG_METADATA,
    SUFFIXES,
    Listing,
    SourceFile,
    SourceFormat,
)
from catalog.storage.store import RemoteFile, RemoteFiles

INODE_BYTES = 7
"""Bytes of an ETag's hash used as an inode: enough to distinguish files, and below 2^63."""


def list_bucket(source: str, remote: RemoteFiles) -> Listing:
    """Lists a prefix, an object, or what a glob pattern matches: files, and all below folders.

    Raises:
        NotFound: Nothing has that name.
    """
    if glob.has_magic(source):
        root = fixed_part(source)
        wanted = [part for part in source[len(root) + 1 :].split("/") if part]
        matching = []
        for one in remote.list(f"{root}/"):
            parts = one.uri[len(root) + 1 :].split("/")
            if any(_match(wanted, parts[:count]) for count in range(len(parts), 0, -1)):
                matching.append(one)
        return _parquet(matching, root)
    root = source.rstrip("/")
    objects = list(remote.list(f"{root}/"))
    if not objects:
        single = None if source.endswith("/") else remote.look(root)
        if single is None:
            raise missing_source(f"nothing exists under {source}", "prefix")
        folder = root.rpartition("/")[0]
        return Listing(folder, [_source_file(single, folder)])
    names = [one.uri[len(root) + 1 :] for one in objects]
    if any(name.startswith(f"{DELTA_LOG}/") for name in names):
        return Listing(root, [], format=SourceFormat.DELTA)
    if any(_match(ICEBERG_METADATA.split("/"), name.split("/")) for name in names):
        return Listing(root, [], format=SourceFormat.ICEBERG)
    return _parquet(objects, root)


def _source_file(found: RemoteFile, root: str) -> SourceFile:
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
    files = [_source_file(one, root) for one in visible if one.uri.lower().endswith(SUFFIXES)]
    return Listing(root, files, len(visible) - len(files))


def _is_visible(relative: str) -> bool:
    """Returns whether an object counts: not a folder's marker, nor below a hidden name."""
    parts = relative.split("/")
    hidden = (part.startswith(("_", ".")) and "=" not in part for part in parts)
    return bool(parts[-1]) and not any(hidden)


def _match(wanted: list[str], parts: list[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_match(wanted[1:], parts[n:]) for n in range(len(parts) + 1))
    return bool(
        parts and fnmatch.fnmatchcase(parts[0], wanted[0]) and _match(wanted[1:], parts[1:])
    )
