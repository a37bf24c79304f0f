"""Data files as stored: where an engine reads them, and whether they are still the same.

A file that others can reach has a guard: ``<size>+<mtime_ns>+<inode>`` of a local file,
``etag:<etag>+<version>+<size>`` of an object in S3.
"""

import hashlib
import itertools
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import BinaryIO

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData, ErrorKind
from catalog.hints import Option, hint
from catalog.model.datafile import DataFile
from catalog.model.listings import FileInfo
from catalog.model.partition import partition_values
from catalog.model.table import TableSnapshot
from catalog.repository.copied_links import CopiedLink, is_copied_link, keep_links, read_links
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.failures import machine_errors
from catalog.storage.store import KeepsCopies, ObjectStore, OpenFile, RemoteFile, RemoteFiles
from catalog.threads import Threads

DATA = "data"
"""Where the catalog's own data files are stored: a name there never stands for other bytes."""

ETAG = "etag:"
"""How the guards of remote files begin."""

MAGIC = b"PAR1"
"""How Parquet files begin and end, unless their footer is encrypted: those are not taken."""

COPY_BYTES = 1 << 20
"""Bytes of a local file that are copied at a time."""

REMOTE_READ_BYTES = 16 << 20
"""Bytes hashed at a time where each part is a request."""

LISTED_FILES = 4
"""Files from which on a listing of them is cheaper than a look at each, and looks that a page of
a listing may cost."""

PAGE_FILES = 1000
"""Files that a page of a listing holds."""

LOOKS = 16
"""Looks under way at a time."""

_RESTORE = "restore the file from a backup, or snapshot the table again"


def guard_of(found: os.stat_result) -> str:
    """Returns the guard of a file that others can reach: size, modification time, inode."""
    return f"{found.st_size}+{found.st_mtime_ns}+{found.st_ino}"


def remote_guard(found: RemoteFile) -> str:
    """Returns the guard of a file in a bucket."""
    return f"{ETAG}{found.etag}+{found.version}+{found.size_bytes}"


def locate(store: ObjectStore, file: DataFile) -> str:
    """Returns where an engine reads a data file: an absolute path or a URI."""
    external = os.path.isabs(file.path) or is_remote(file.path)
    return file.path if external else store.uri(file.path)


def place(store: ObjectStore, file: DataFile) -> str:
    """Returns where our engine reads a data file.

    One in a bucket is opened only if it has its size, and the ETag that its guard may name. Other
    tools do not understand such URIs: for them there is ``locate``.
    """
    location = locate(store, file)
    if not is_remote(location):
        return location
    remote = file.guard is not None and file.guard.startswith(ETAG)
    etag = _parts(file.guard)[0] if remote and file.guard is not None else ""
    files = remote_files(store, location)
    return files.guarded(location, etag=etag, size_bytes=file.size_bytes)


def file_info(store: ObjectStore, table: TableSnapshot, file: DataFile) -> FileInfo:
    """Describes a data file of a table."""
    return FileInfo(
        file.path,
        locate(store, file),
        file.rows,
        file.size_bytes,
        partition_values(table, file),
        file.token,
    )


def nearby(store: ObjectStore, file: DataFile) -> str | None:
    """Returns a local file with the bytes of a data file that was just uploaded, if any."""
    return store.local_copy(file.path) if isinstance(store, KeepsCopies) else None


def local_path(store: ObjectStore, file: DataFile) -> str | None:
    """Returns the local path of a data file; None if it is in a bucket."""
    location = locate(store, file)
    return nearby(store, file) if is_remote(location) else location


def readable(store: ObjectStore, file: DataFile) -> str | OpenFile:
    """Returns what reads a data file here: a local path, or the open file in its bucket.

    Raises:
        NotFound: It is in a bucket, and gone.
        CorruptData: It is in a bucket, and was changed.
    """
    path = local_path(store, file)
    if path is not None:
        return path
    location = place(store, file)
    return remote_files(store, location).open(location)


def copy(store: ObjectStore, file: DataFile, target: str) -> None:
    """Copies a data file to a local file.

    Raises:
        CorruptData: It is gone, or not what was committed.
    """
    location = locate(store, file)
    if not is_remote(location):
        _copy_locally(store, file, target)
    else:
        files = remote_files(store, location)
        found = files.look(location)
        if found is None or found.size_bytes != file.size_bytes:
            raise not_as_committed(location)
        files.fetch(location, target, etag=found.etag)
    if not _has_content(target, file):
        raise not_as_committed(location)


def _copy_locally(store: ObjectStore, file: DataFile, target: str) -> None:
    """Copies a local file that is what its entry says."""
    with opened_locally(store, file) as source, open(target, "wb") as copied:
        left = file.size_bytes
        while part := source.read(min(left, COPY_BYTES)):
            copied.write(part)
            left -= len(part)


@contextmanager
def opened_locally(store: ObjectStore, file: DataFile) -> Iterator[BinaryIO]:
    """Opens a local file that is what its entry says: regular, of its size, and Parquet.

    An entry of a stranger's catalog may name a device, a pipe, or any file of the user's.

    Raises:
        CorruptData: It is not that.
    """
    location = locate(store, file)
    try:
        with machine_errors(f"cannot read {location}"):
            opened = os.open(location, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise not_as_committed(location) from error
    with open(opened, "rb") as source:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode) or not 8 <= found.st_size == file.size_bytes:
            raise not_as_committed(location)
        ends = os.pread(opened, len(MAGIC), 0), os.pread(opened, len(MAGIC), found.st_size - 4)
        if ends != (MAGIC, MAGIC) or _leads_out(store, file):
            raise not_as_committed(location)
        yield source


def _leads_out(store: ObjectStore, file: DataFile) -> bool:
    """Returns whether only a link says that a file of the catalog's own is what was committed.

    Links are followed, for people move data to other disks; then the hash tells. Copies that the
    server of a bucket made have none.
    """
    if file.guard is not None or file.token.startswith("sha256:"):
        return False
    root, place = os.path.realpath(store.location), os.path.realpath(locate(store, file))
    return os.path.commonpath((root, place)) != root


def check_content(location: str, file: DataFile) -> None:
    """Checks the bytes of a local file whose hash is known, before it is rewritten.

    Otherwise damage to a file would become part of a new one, whose own hash is right.

    Raises:
        CorruptData: It is not that.
    """
    if not is_remote(location) and not _has_content(location, file):
        raise not_as_committed(location)


def _has_content(location: str, file: DataFile) -> bool:
    kind, _, expected = file.token.partition(":")
    if kind != "sha256":
        return True
    with machine_errors(f"cannot read {location}"), open(location, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == expected


def not_as_committed(location: str) -> CorruptData:
    """Returns the error for a file that is not what its entry says."""
    return CorruptData(
        f"{location} is gone, or is not the file that was committed",
        kind=ErrorKind.FILE_CHANGED,
        hint=_RESTORE,
    )


@dataclass(frozen=True, slots=True)
class Watch:
    """Local files as they were before they were read.

    Attributes:
        what: The table that they belong to, for messages.
    """

    what: str
    found: Mapping[str, os.stat_result] = field(default_factory=dict)

    def check(self) -> None:
        """Checks, after the last row was read, that it is the files of before that were read.

        Links to a file come and go without a change of its content, but with one of its ctime.

        Raises:
            CorruptData: A file was changed, replaced or removed.
        """
        for path, before in self.found.items():
            now = _stat(path)
            if now is None or guard_of(now) != guard_of(before):
                raise _read_while_changed(path, self.what)
            if now.st_nlink == before.st_nlink and now.st_ctime_ns != before.st_ctime_ns:
                raise _read_while_changed(path, self.what)


def verify(
    store: ObjectStore,
    files: Iterable[DataFile],
    *,
    what: str,
    all_needed: bool = True,
    watch_own: bool = False,
) -> Watch:
    """Checks that files are still what was committed to a table, ``what``, as far as is cheap.

    That is the size of local files, and the guards of those that are linked or referenced.
    Files in buckets that have none are compared by size when they are opened, see ``place``. Of
    a linked file that was copied, together with the catalog, the hash is compared once.

    Args:
        store: The store of the table.
        files: The files.
        what: The table, for messages.
        all_needed: Whether all will be opened; if not, the catalog's own may be missing.
        watch_own: Whether the catalog's own are compared again, too.

    Returns:
        What compares local files again once they were read: those that others can reach.

    Raises:
        CorruptData: A file was changed, replaced or removed.
    """
    watched: dict[str, os.stat_result] = {}
    remote: list[DataFile] = []
    copied: list[DataFile] = []
    for file in files:
        path = locate(store, file)
        if is_remote(path):
            if is_copied_link(file.path, file.token, file.guard):
                copied.append(file)
            else:
                remote += [file] if file.guard is not None else []
            continue
        now = _stat(path)
        own = file.guard is None
        if now is None:
            if own and not all_needed:
                continue
            raise _changed(path, what, gone=True, own=own)
        regular = stat.S_ISREG(now.st_mode) and now.st_size == file.size_bytes
        if not regular:
            raise _changed(path, what, gone=False, own=own)
        if not own and file.guard != guard_of(now):
            if not is_copied_link(file.path, file.token, file.guard) or _is_linked(file, now):
                raise _changed(path, what, gone=False, own=own)
            copied.append(file)
        if watch_own or not own:
            watched[path] = now
    if remote:
        _verify_remote(store, remote, what)
    if copied:
        _verify_copied(store, copied, what)
    return Watch(what, watched)


def _is_linked(file: DataFile, now: os.stat_result) -> bool:
    """Returns whether a file is still the one that was linked, which others can reach."""
    inode = (file.guard or "").rpartition("+")[2]
    return now.st_nlink > 1 and inode == str(now.st_ino)


def _verify_copied(store: ObjectStore, files: Sequence[DataFile], what: str) -> None:
    """Checks linked files whose guard is that of the file that was linked, and then copied.

    A file that is still as a record says was compared with its hash by then; others are now.
    """
    known = read_links(store, [file.path for file in files])
    fresh: list[CopiedLink] = []
    for file in files:
        info = store.info(file.path)
        link = known.get(file.path)
        if info is not None and link == CopiedLink(file.path, file.token, info.identity):
            continue
        if info is None or not own_content_is(store, file):
            raise _changed(locate(store, file), what, gone=info is None)
        fresh.append(CopiedLink(file.path, file.token, info.identity))
    keep_links(store, fresh)


def own_content_is(store: ObjectStore, file: DataFile) -> bool:
    """Returns whether a file of the catalog's own has the size and the hash of its entry."""
    location = locate(store, file)
    if not is_remote(location):
        return _has_content(location, file)
    digest = hashlib.sha256()
    files = remote_files(store, location)
    with closing(files.open(location)) as opened:
        if opened.size != file.size_bytes:
            return False
        while part := opened.read(REMOTE_READ_BYTES):
            digest.update(part)
    return file.token == f"sha256:{digest.hexdigest()}"


def _stat(path: str) -> os.stat_result | None:
    """Returns what a file is like; None if there is none."""
    try:
        with machine_errors(f"cannot look at {path}"):
            return os.stat(path)
    except OSError:
        return None


def _verify_remote(store: ObjectStore, files: Sequence[DataFile], what: str) -> None:
    """Checks files in buckets: by listings, or one by one if they are few."""
    reader = remote_files(store, files[0].path)
    buckets: dict[str, list[str]] = {}
    for file in files:
        buckets.setdefault(file.path.split("/", 3)[2], []).append(file.path)
    now: dict[str, RemoteFile] = {}
    for paths in buckets.values():
        now.update(_listed(reader, paths))
    missing = [file.path for file in files if file.path not in now]
    with Threads(LOOKS) as pool:
        looked = zip(missing, pool.map(reader.look, missing), strict=True)
        now.update((path, one) for path, one in looked if one is not None)
    for file in files:
        now_file = now.get(file.path)
        if now_file is None or not _is_same(file.guard or "", now_file):
            version = _parts(file.guard or "++")[1]
            raise _changed(file.path, what, gone=now_file is None, version=version)


def _listed(reader: RemoteFiles, paths: Sequence[str]) -> dict[str, RemoteFile]:
    """Returns what a listing says of files of one bucket, where it costs less than a look at each.

    A listing begins at what the paths have in common, and ends at the last of them, or when
    so much else is between them that single requests are cheaper.
    """
    if len(paths) < LISTED_FILES:
        return {}
    start, last = os.path.commonprefix(paths), max(paths)  # noqa: RUF071 - so are S3's prefixes
    listing = itertools.islice(reader.list(start), len(paths) // LISTED_FILES * PAGE_FILES)
    wanted = set(paths)
    before_end = itertools.takewhile(lambda one: one.uri <= last, listing)
    return {one.uri: one for one in before_end if one.uri in wanted}


def _is_same(guard: str, now: RemoteFile) -> bool:
    """Returns whether a remote file has the content its guard describes, in any version.

    Whoever writes the same bytes again makes a new version; a snapshot would find no change.
    """
    etag, _, size = _parts(guard)
    return (etag, size) == (now.etag, str(now.size_bytes))


def _parts(guard: str) -> tuple[str, str, str]:
    """Returns the ETag, the version id and the size that the guard of a remote file holds."""
    etag, version, size = guard.removeprefix(ETAG).rsplit("+", 2)
    return etag, version, size


def _changed(
    path: str, what: str, *, gone: bool, own: bool = False, version: str = ""
) -> CorruptData:
    happened = "is gone" if gone else "was changed"
    restore = f"restore its version {version}" if version else "restore the file"
    protect = f"{restore}, or snapshot the table again; {{}} protects data from later writes"
    return CorruptData(
        f"{path} {happened} since {what} was committed",
        kind=ErrorKind.FILE_CHANGED,
        hint=_RESTORE if own else hint(protect, Option("mode", "copy")),
    )


def _read_while_changed(path: str, what: str) -> CorruptData:
    return CorruptData(
        f"{path}, a file of {what}, was changed while it was read",
        kind=ErrorKind.FILE_CHANGED,
        hint=hint(
            "snapshot the table again once the writer has finished; {} protects data from later "
            "writes",
            Option("mode", "copy"),
        ),
    )
