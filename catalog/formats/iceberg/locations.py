"""Where the files that an Iceberg table names are: local paths, or URIs as they are read here."""

import os

from catalog.errors import ErrorKind, Unsupported

_SCHEMES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""Schemes of other readers, by the scheme of the same files here."""


def place_of(location: str) -> str:
    """Returns a file's or directory's local path, or its URI, from what a table calls it.

    Nothing is decoded: ``%20`` in a location is the name of a directory that has it in its name.

    Raises:
        Unsupported: It leads upwards, or to another machine.
    """
    if ".." in location.replace("\\", "/").split("/"):
        raise Unsupported(
            f"the table names {location!r}, which leads upwards: where that is depends on the "
            "reader",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="register the file again under its full path",
        )
    scheme, colon, rest = location.partition(":")
    if not colon or "/" in scheme:
        return os.path.abspath(location)
    if scheme.lower() == "file":
        host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "/", rest)
        if host not in ("", "localhost") or not slash:
            raise Unsupported(
                f"the table names {location!r}, a file on another machine",
                hint="use a table in a directory of this machine, or in a bucket",
            )
        return "/" + path.lstrip("/")
    return f"{_SCHEMES.get(scheme.lower(), scheme)}:{rest}"
