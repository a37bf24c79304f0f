"""Prefixes of Parquet files in a bucket as sources, listed as directories are."""

import fnmatch
import glob
import hashlib
from collections.abc import Iterable, Sequence

from catalog.errors import ErrorKind, StorageFailure
from catalog.formats.directory import missing_source
from catalog.formats.source import Listing, OtherTable, SourceFile, SourceFormat
from catalog.formats.source_names import MARKERS, Pattern, holds_files
from catalog.formats.walk import Entry, Hive, Parts, Walk
from catalog.storage.store import RemoteFile, RemoteFiles
from catalog.threads import Threads

INODE_BYTES = 7
"""Bytes of an ETag's hash used as an inode: enough to distinguish files, and below 2^63."""

REQUESTS = 16
"""Requests under way at a time."""


def list_bucket(source: str, remote: RemoteFiles, own: str) -> Listing:
    """Lists a prefix, an object, or what a glob pattern matches; ``own`` is the catalog.

    Raises:
        NotFound: Nothing has that name.
        Unsupported: A table of another format is below it.
    """
    root = source.rstrip("/")
    objects = list(remote.list(f"{root}/"))
    if objects:
        return Walk(Prefix(root, objects), Pattern(), own).listing()
    single = None if source.endswith("/") else remote.look(root)
    if single is not None:
        folder, _, name = root.rpartition("/")
        return Listing(folder, [Prefix(folder, [single]).file(name, ())], named=True)
    if glob.has_magic(source):
        root, pattern = Pattern.split(source)
        return Walk(Prefix(root, remote.list(f"{root}/")), pattern, own).listing()
    raise missing_source(f"nothing exists under {source}", "prefix")


def table_around(folder: str, remote: RemoteFiles, own: str) -> OtherTable | None:
    """Returns the table of another format that a prefix is, or is in."""
    places, bucket = [folder], folder.count("/", 0, folder.index("://") + 3)
    while places[-1].count("/") > bucket:
        places.append(places[-1].rpartition("/")[0])

    def is_there(place: str, marker: str, inner: str) -> bool:
        try:
            found = Prefix(place, remote.list(f"{place}/{marker}/"))
        except StorageFailure as error:
            if error.kind is ErrorKind.NOT_PERMITTED:  # to look around is not needed to read
                return False
            raise
        return found.holds((marker,), inner) if inner else bool(found.entries(()))

    asked = [(place, kind, *marker) for place in places for kind, marker in MARKERS.items()]
    with Threads(REQUESTS) as pool:
        answers = pool.map(lambda one: is_there(one[0], one[2], one[3]), asked)
        for (place, kind, *_), answer in zip(asked, answers, strict=True):
            at_home = kind is SourceFormat.PARQUETRY and place == own
            if answer and not at_home and holds_files(kind, place, folder):
                return OtherTable(place, kind)
    return None


class Prefix:
    """The names below a prefix; see ``Tree``."""

    def __init__(self, root: str, objects: Iterable[RemoteFile]) -> None:
        self.root = root
        self._files: dict[str, RemoteFile] = {}
        self._folders: dict[Parts, set[tuple[str, bool]]] = {}
        for one in objects:
            relative = one.uri[len(root) + 1 :]
            parts = tuple(relative.split("/"))
            if parts[-1]:  # else it marks a folder
                self._files[relative] = one
            for n in reversed(range(len(parts))):
                known = parts[:n] in self._folders
                inside = self._folders.setdefault(parts[:n], set())
                if parts[n] or n < len(parts) - 1:
                    inside.add((parts[n], n < len(parts) - 1))
                if known:
                    break

    def entries(self, folder: Parts) -> Sequence[Entry]:
        """Returns what is below a prefix, up to the next slash."""
        return [Entry(name, is_folder) for name, is_folder in self._folders.get(folder, ())]

    def holds(self, folder: Parts, pattern: str) -> bool:
        """Returns whether a prefix has a name that matches."""
        names = (name for name, _ in self._folders.get(folder, ()))
        return any(fnmatch.fnmatchcase(name, pattern) for name in names)

    def file(self, relative: str, hive: Hive) -> SourceFile:
        """Returns an object as it was listed."""
        found = self._files[relative]
        written_ns = int(found.modified.timestamp()) * 1_000_000_000
        return SourceFile(
            path=found.uri,
            relative=relative,
            size_bytes=found.size_bytes,
            mtime_ns=written_ns,
            ctime_ns=written_ns,
            inode=int.from_bytes(hashlib.sha256(found.etag.encode()).digest()[:INODE_BYTES]),
            hive=hive,
            etag=found.etag,
        )

    def real_path(self, parts: Parts) -> str:
        """Returns a path as it is: buckets have no links."""
        return "/".join((self.root, *parts))
