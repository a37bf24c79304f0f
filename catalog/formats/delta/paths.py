"""Where the files of a table are, as its log names them."""

import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from catalog.errors import CorruptData, ErrorKind, Unsupported
from catalog.storage.external_files import is_remote

_ODD = re.compile(r"[%:]|^/|(?:^|/)\.(?:/|$)")
"""What is in a path that may name a file which another path names, too."""


def file_path(root: str, stated: str) -> str:
    """Returns where a file is: an absolute path, or a URI.

    Args:
        root: The table's directory, absolute, or its URI.
        stated: The path in the log: relative to the table or absolute, and encoded once.

    Raises:
        CorruptData: It leads out of the table's directory by ``..``, or is none.
        Unsupported: It is in a place of another kind than the table.
    """
    path = _without_dots(unquote(stated))
    if "\0" in path or not path:
        raise _unusable(root, stated, "is not a path")
    if ".." in path.split("/"):
        raise _unusable(root, stated, "leads out of the table by ..")
    scheme = urlsplit(stated).scheme if "://" in stated else ""
    if is_remote(root):
        if scheme and scheme not in ("file", root.partition(":")[0]):
            scheme = {"s3a": "s3", "s3n": "s3"}.get(scheme, scheme)
            path = f"{scheme}://{path.partition('://')[2]}"
        if scheme == root.partition(":")[0]:
            return path
        if scheme or path.startswith("/"):
            raise _elsewhere(root, stated)
        return f"{root}/{path}"
    if scheme == "file" or stated.startswith("file:/"):
        found = urlsplit(stated)
        if found.netloc not in ("", "localhost"):
            raise _elsewhere(root, stated)
        return _without_dots(unquote(found.path))
    if scheme:
        raise _elsewhere(root, stated)
    return path if path.startswith("/") else f"{root}/{path}"


def named_twice(root: str, stated: Sequence[str]) -> str | None:
    """Returns a path of a log that names the same file as one before it; None if none does.

    Raises:
        CorruptData: One is no path in the table.
        Unsupported: One is in a place of another kind than the table.
    """
    seen = set(stated)
    if len(seen) == len(stated):
        if not any(map(_ODD.search, stated)):
            return None
        if len({file_path(root, one) for one in stated}) == len(stated):
            return None
    seen = set()
    for one in stated:
        path = file_path(root, one)
        if path in seen:
            return one
        seen.add(path)
    return None


def _without_dots(path: str) -> str:
    return "/".join(part for part in path.split("/") if part != ".") if "./" in path else path


def _unusable(root: str, stated: str, why: str) -> CorruptData:
    return CorruptData(
        f"the log of {root} names the file {stated}, which {why}", kind=ErrorKind.LOG_DAMAGED
    )


def _elsewhere(root: str, stated: str) -> Unsupported:
    return Unsupported(
        f"the log of {root} names the file {stated}, which is in a place of another kind",
        kind=ErrorKind.UNSUPPORTED_FEATURE,
        hint="write the rows of the table to one place, e.g. by a deep clone",
    )
