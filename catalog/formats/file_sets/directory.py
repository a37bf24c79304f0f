"""Directories of anything as sources: one walk that takes every file.

Links to files and directories within the source are followed, so that what they lead to is part
of the set under both names; its content is stored once.
"""

import os
import stat
from typing import NamedTuple

from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.formats.file_sets.listing import FileListing, Found, as_signed, check_names
from catalog.hints import Option, hint
from catalog.storage.failures import machine_failure


class _Folder(NamedTuple):
    """A directory on the way: where it is, and what paths of its files begin with."""

    place: str
    prefix: str
    linked: bool


def list_files(source: str, own: str) -> FileListing:
    """Lists all files below a directory.

    Args:
        source: The directory.
        own: The directory of the catalog that takes them; empty if it is in a bucket.

    Raises:
        NotFound: Nothing has that name.
        InvalidInput: It is not a directory, or has to do with the catalog's; a link leads out of
            it or in a circle; something in it is neither a file nor a directory, or has a name
            that cannot be restored everywhere.
        StorageFailure: A directory cannot be read.
    """
    root = os.path.abspath(source)
    if not os.path.isdir(root):
        raise _no_directory(source, root)
    if own:
        _check_apart(root, own)
    try:
        return _walk(root)
    except OSError as error:
        raise _unreadable(error, error.filename or root) from error


def _walk(root: str) -> FileListing:
    found = Found()
    real = os.path.join(os.path.realpath(root), "")
    pending = [_Folder(root, "", False)]
    empty = 0
    while pending:
        folder = pending.pop()
        names: list[str] = []
        with os.scandir(folder.place) as entries:
            for entry in entries:
                names.append(name := entry.name)
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(_Folder(entry.path, f"{folder.prefix}{name}/", folder.linked))
                    continue
                else:
                    status = _special(entry, real, folder)
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(_Folder(entry.path, f"{folder.prefix}{name}/", True))
                        continue
                found.paths.append(folder.prefix + name)
                found.sizes.append(status.st_size)
                found.mtimes.append(status.st_mtime_ns)
                found.ctimes.append(status.st_ctime_ns)
                found.inodes.append(as_signed(status.st_ino))
        check_names(folder.place, names, at_root=not folder.prefix)
        empty += not names and bool(folder.prefix)
    directories = "1 empty directory is" if empty == 1 else f"{empty:,} empty directories are"
    return found.listing(root, [f"{directories} left out: a file set has files"] if empty else ())


def _special(entry: "os.DirEntry[str]", real: str, folder: _Folder) -> os.stat_result:
    """Returns what a link within the source leads to.

    Raises:
        InvalidInput: It leads out of the source, to nothing, or in a circle; or it is no link, and
            no file either.
    """
    if not entry.is_symlink():
        raise _not_a_file(entry.path)
    target = os.path.realpath(entry.path)
    try:
        status = os.stat(entry.path)
    except OSError as error:
        if not isinstance(error, FileNotFoundError) and machine_failure(error) is not None:
            raise
        raise InvalidInput(
            f"{entry.path} links to {os.readlink(entry.path)}, which does not exist, or to itself",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="remove the link, or restore what it links to",
        ) from error
    inside = os.path.join(target, "")
    if not inside.startswith(real) or inside == real:
        raise InvalidInput(
            f"{entry.path} links to {target}, which is outside the source or contains the link",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="put a copy in the place of the link, or remove it",
        )
    if stat.S_ISREG(status.st_mode):
        return status
    if not stat.S_ISDIR(status.st_mode):
        raise _not_a_file(entry.path)
    around = os.path.join(os.path.realpath(folder.place), "")
    if around.startswith(inside) or folder.linked:
        raise InvalidInput(
            f"{entry.path} links to {target}, "
            f"{'below another link' if folder.linked else 'which contains the link'}: the walk "
            "would go in circles",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="put a copy in the place of the link, or remove it",
        )
    return status


def _not_a_file(path: str) -> InvalidInput:
    return InvalidInput(
        f"{path} is neither a file nor a directory, but a pipe, a socket or a device",
        kind=ErrorKind.NOT_A_FILE,
        hint="remove it from the directory: only files have contents that can be kept",
    )


def _check_apart(root: str, own: str) -> None:
    """Checks that neither the source nor the catalog is within the other."""
    inner, home = (os.path.join(os.path.realpath(one), "") for one in (root, own))
    if inner.startswith(home):
        raise InvalidInput(
            f"{root} is inside the catalog itself",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="restore the files elsewhere first, and give that directory",
        )
    if home.startswith(inner):
        raise InvalidInput(
            f"{root} contains the catalog itself",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="name a directory within it, or move the catalog elsewhere",
        )


def _no_directory(source: str, root: str) -> CatalogError:
    if os.path.lexists(root):
        return InvalidInput(
            f"{source} is not a directory",
            kind=ErrorKind.NOT_A_DIRECTORY,
            hint="a file set is a directory: give the one that the file is in",
        )
    return NotFound(
        f"no directory {source}",
        kind=ErrorKind.SOURCE_NOT_FOUND,
        hint=hint(
            "check the path; {} takes a missing source as an empty one", Option("allow_empty")
        ),
    )


def _unreadable(error: OSError, place: str) -> CatalogError:
    failed = f"cannot read {os.fsencode(place).decode(errors='backslashreplace')}"
    if isinstance(error, FileNotFoundError):
        return InvalidInput(
            f"{failed}: it vanished while the source was listed",
            kind=ErrorKind.SOURCE_CHANGED,
            hint="try again once the writer has finished",
        )
    return machine_failure(error, failed) or StorageFailure(
        f"{failed}: {error.strerror}", hint="check its permissions"
    )
