"""Where the files that an Iceberg table names are: local paths, or URIs as they are read here."""

import os
import re

from catalog.errors import ErrorKind, Unsupported

_SCHEMES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""Schemes of the same files here, by those of other readers."""

_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*")

_AZURE = re.compile(r"(?:abfss?|wasbs?)://([^@/]+)@[^/]+/(.*)", re.IGNORECASE | re.DOTALL)
"""How Azure's drivers name a file: container, account, path."""


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
    azure = _AZURE.fullmatch(location)
    if azure is not None:  # the account is that of the catalog's access: else nothing is found
        return f"az://{azure[1]}/{azure[2]}"
    scheme, colon, rest = location.partition(":")
    is_file = colon and scheme.lower() == "file"
    if not is_file and (not rest.startswith("//") or _SCHEME.fullmatch(scheme) is None):
        return os.path.abspath(location)
    if is_file:
        host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "/", rest)
        if host not in ("", "localhost") or not slash:
            raise Unsupported(
                f"the table names {location!r}, a file on another machine",
                hint="use a table in a directory of this machine, or in a bucket",
            )
        return "/" + path.lstrip("/")
    return f"{_SCHEMES.get(scheme.lower(), scheme)}:{rest}"
