"""Prefixes of anything in a bucket as sources: every object below one is a file."""

import hashlib

from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.formats.file_sets.listing import FileListing, Found, check_names
from catalog.hints import Option, hint
from catalog.storage.store import RemoteFiles

INODE_BYTES = 7
"""Bytes of an ETag's hash used as an inode: enough to distinguish files, and below 2^63."""


def list_objects(source: str, remote: RemoteFiles, own: str) -> FileListing:
    """Lists all objects below a prefix; ``own`` is the place of the catalog that takes them.

    Raises:
        NotFound: There are none.
        InvalidInput: One has a name that cannot be that of a file, or is the catalog's.
    """
    root = source.rstrip("/")
    inner, home = f"{root}/", f"{own}/"
    if inner.startswith(home) or home.startswith(inner):
        raise InvalidInput(
            f"{root} is inside the catalog itself, or contains it",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="name a prefix apart from the catalog's",
        )
    found = Found()
    folders: dict[str, set[str]] = {}
    for one in remote.list(inner):
        path = one.uri[len(inner) :]
        if not path or (path.endswith("/") and not one.size_bytes):
            continue  # it marks a folder
        written_ns = int(one.modified.timestamp()) * 1_000_000_000
        found.paths.append(path)
        found.sizes.append(one.size_bytes)
        found.mtimes.append(written_ns)
        found.ctimes.append(written_ns)
        digest = hashlib.sha256(one.etag.encode()).digest()
        found.inodes.append(int.from_bytes(digest[:INODE_BYTES]))
        found.etags.append(one.etag)
        _note(folders, path)
    if not found.paths:
        raise NotFound(
            f"nothing exists under {source}",
            kind=ErrorKind.SOURCE_NOT_FOUND,
            hint=hint(
                "check the prefix; {} takes a missing source as an empty one",
                Option("allow_empty"),
            ),
        )
    for folder, names in folders.items():
        check_names(f"{root}/{folder}".rstrip("/"), sorted(names), at_root=not folder)
    for path in found.paths:
        if path in folders:
            raise InvalidInput(
                f"{root}/{path} is an object and has objects below it: no directory can hold both",
                kind=ErrorKind.INVALID_NAME,
                hint="rename one of them, or leave it out",
            )
    return found.listing(root)


def _note(folders: dict[str, set[str]], path: str) -> None:
    folder, _, name = path.rpartition("/")
    folders.setdefault(folder, set()).add(name)
    while folder:
        above, _, name = folder.rpartition("/")
        inside = folders.setdefault(above, set())
        if name in inside:
            return
        inside.add(name)
        folder = above
