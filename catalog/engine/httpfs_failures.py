"""What ``httpfs`` says of the catalog's own data files, as the catalog's errors."""

import re
from urllib.parse import unquote, urlsplit

import duckdb

from catalog.engine.httpfs import DIRECT_SCHEME
from catalog.errors import CatalogError, CorruptData, ErrorKind, StorageFailure
from catalog.storage.bucket.ranged import file_changed
from catalog.storage.s3.access import SCHEME, refused, unreached

_NAMED = re.compile(r"['\"](?P<name>(?:s3a|https?)://[^'\"\n]+)['\"]")

_OWN = re.compile(r"/data/.+/[0-9a-f]{64}(-[0-9a-f]+)*\.parquet")
"""How the names of data files end that the catalog gave itself."""

_SHOWN = re.compile(rf"{DIRECT_SCHEME}(?=[^'\"\n]*{_OWN.pattern})")

_STATUS = re.compile(r"HTTP (?P<status>[1-9]\d\d)\b")
_CODE = re.compile(r"^(?P<code>[A-Z]\w+): ", re.MULTILINE)
_BROKEN = re.compile(r"^IO Error: (?P<why>[\w ,()-]+?) error for HTTP")
_UNREACHED = re.compile(r"Could not (?:connect|resolve)")
_AMAZON = re.compile(r"(?P<bucket>.+)\.s3(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?")


def direct_error(error: duckdb.Error) -> CatalogError | None:
    """Returns the catalog's error for a data file of its own that ``httpfs`` could not read.

    Nothing else of what it or a server says is passed on.

    Returns:
        None if it is about something else.
    """
    if not isinstance(error, duckdb.IOException):
        return None
    first, _, rest = str(error).partition("\n")
    named = _NAMED.search(first)
    uri = "" if named is None else _object(named["name"])
    if named is None or _OWN.search(uri) is None:
        return None
    found = _STATUS.search(first)
    if found is None:
        if _UNREACHED.search(first) and not named["name"].startswith(DIRECT_SCHEME):
            parts = urlsplit(named["name"])
            return unreached(f"{parts.scheme}://{parts.netloc}", uri)
        if "ETag" in first:
            return file_changed(uri)
        why = _BROKEN.search(first)
        return StorageFailure(f"S3 failed at {uri}: {'no answer' if why is None else why['why']}")
    status = int(found["status"])
    if status == 404:
        return CorruptData(f"{uri} is gone", kind=ErrorKind.FILE_CHANGED)
    if status in (412, 416):
        return file_changed(uri)
    code = _CODE.search(rest)
    return refused(code["code"] if code is not None else "unknown", status, uri)


def plain_names(text: str) -> str:
    """Returns a text with the catalog's data files named as everywhere else."""
    return _SHOWN.sub(SCHEME, text)


def _object(name: str) -> str:
    """Returns the URI of an object that is named by its URI or its address."""
    if name.startswith(DIRECT_SCHEME):
        return plain_names(name)
    parts = urlsplit(name)
    path = unquote(parts.path).removeprefix("/")
    amazon = _AMAZON.fullmatch(parts.netloc)
    return f"{SCHEME}{path}" if amazon is None else f"{SCHEME}{amazon['bucket']}/{path}"
