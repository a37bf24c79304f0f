"""Whether a configuration file may decide to which servers requests and credentials go.

Whoever can write a file above the working directory could otherwise have them sent anywhere.
"""

import os
import pwd
import stat
from pathlib import Path

LINKS = 40
"""Symbolic links that are followed from one file: as many as Linux follows."""


def distrust(path: Path) -> str:
    """Returns why a file is not trusted; empty if only the user and root can have written it.

    Links count too: who may change where one leads may change what is read.
    """
    owners = _owners()
    current = Path(os.path.abspath(path))
    for _ in range(LINKS):
        try:
            found, folder = os.lstat(current), os.stat(current.parent)
        except OSError as error:
            return f"it cannot be looked at: {error.strerror}"
        if found.st_uid not in owners:
            return f"{_named(current, path)} belongs to {_name(found.st_uid)}"
        if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
            return f"everybody can replace {_named(current, path)}"
        if not stat.S_ISLNK(found.st_mode):
            return f"everybody can write {_named(current, path)}" if _is_open(found) else ""
        target = current.parent / os.readlink(current)
        current = Path(os.path.realpath(target.parent)) / target.name
    return "it is behind too many links"


def _owners() -> frozenset[int]:
    """Returns the users whose files are trusted: this one, root, and who became root by sudo."""
    user = os.geteuid()
    by_sudo = os.environ.get("SUDO_UID", "") if user == 0 else ""
    return frozenset({0, user, *([int(by_sudo)] if by_sudo.isdecimal() else [])})


def _is_open(found: os.stat_result) -> bool:
    return bool(found.st_mode & stat.S_IWOTH)


def _named(current: Path, path: Path) -> str:
    return "it" if current == Path(os.path.abspath(path)) else str(current)


def _name(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"
