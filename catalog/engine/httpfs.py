"""The catalog's own data files in S3, read by DuckDB's extension ``httpfs`` where it is installed.

They never change under their names, so that requests need no condition. They are called ``s3a://``
for it, which is another name for the same object: ``s3://`` stays with our own filesystem, which
reads all else, and these files too wherever anything would not be as it is with boto3.
"""

import re
from collections.abc import Sequence

import duckdb

from catalog.storage.bucket.requests import split_uri
from catalog.storage.external_files import OwnObject
from catalog.storage.s3.access import SCHEME, S3Access
from catalog.storage.s3.direct import DirectReach, trusted_authorities

DIRECT_SCHEME = "s3a://"
"""How ``httpfs`` is told of objects in S3."""

WORTH_BYTES = 64 << 20
"""From about so many bytes on the extension pays: to load it takes 60 ms of every connection."""

SECRET = "parquetry_data"
"""The name under which DuckDB holds, in memory, what it reads a catalog's data files with."""

MARK = "parquetry:"
"""Begins a scope of nothing, by which credentials are told from those that they replace."""

_FILESYSTEM = "S3FileSystem"
"""What ``httpfs`` calls the filesystem that it registers."""

_PLAIN = re.compile(r"(?!.*/\.\.?/)[^\x00-\x1f\x7f?*\[\]{}#\\'\"]+")
"""Names that ``httpfs`` takes as they are, and that its messages can be searched for: in others
it sees globs, options behind ``?``, or steps to the directory above."""

_OPENLY_HELD = ("s3_access_key_id", "s3_secret_access_key", "s3_session_token")
"""Settings into which ``httpfs`` takes the environment's credentials, for everybody to read."""


def directly(con: duckdb.DuckDBPyConnection, uris: list[str], *, moved_bytes: int) -> list[str]:
    """Returns URIs of data files, those that a connection reads by ``httpfs`` named so.

    Nothing is installed, and nothing asked of the network.

    Args:
        con: The connection, with its transaction, which must see the credentials.
        uris: The files; what is no ``OwnObject`` is left as it is.
        moved_bytes: About as many bytes are going to be read.
    """
    own = next((uri for uri in uris if isinstance(uri, OwnObject)), None)
    if own is None or moved_bytes < WORTH_BYTES or not _ready(con, own):
        return uris
    return [_direct(uri, own) if isinstance(uri, OwnObject) else uri for uri in uris]


def _direct(uri: OwnObject, like: OwnObject) -> str:
    if uri.below != like.below or _PLAIN.fullmatch(uri) is None:
        return uri
    return DIRECT_SCHEME + uri.removeprefix(SCHEME)


def _ready(con: duckdb.DuckDBPyConnection, own: OwnObject) -> bool:
    """Tells whether a connection can read files by ``httpfs``, having made it so if need be.

    An extension that others loaded is left alone: who knows how they set it up.
    """
    if own.access.without_httpfs:
        return False
    reach = own.access.direct(split_uri(own, SCHEME)[0])
    if reach is None:
        return False
    try:
        loaded = _FILESYSTEM in con.list_filesystems()
        if _confined(con, loaded=loaded) or (loaded and not _scopes(con)):
            return False
        scopes = [DIRECT_SCHEME + own.below.removeprefix(SCHEME), f"{MARK}{own.access.mark(reach)}"]
        if not loaded or _scopes(con) != scopes:
            with con.cursor() as other:  # a transaction of its own: it is not undone
                if not loaded:
                    _load(other, own.access, secure=reach.secure)
                _hold(other, reach, scopes)
        return _scopes(con) == scopes
    except duckdb.Error:
        return False


def _confined(con: duckdb.DuckDBPyConnection, *, loaded: bool) -> bool:
    """Tells whether the user set what may be reached, perhaps by name, or what may be set.

    In a configuration that is locked, the environment's credentials could not be taken out again.
    """
    names = ("enable_external_access", "lock_configuration")
    shown = ", ".join(f"current_setting('{name}')" for name in names)
    ((reaches, locked),) = con.execute(f"SELECT {shown}").fetchall()
    return not reaches or (locked and not loaded)


def _scopes(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Returns what our credentials are for, as a connection's transaction sees it."""
    query = "SELECT scope FROM duckdb_secrets() WHERE name = ?"
    found = con.execute(query, [SECRET]).fetchall()
    return list(found[0][0]) if found else []


def _load(con: duckdb.DuckDBPyConnection, access: S3Access, *, secure: bool) -> None:
    try:
        con.execute("LOAD httpfs")
    except duckdb.Error:
        access.without_httpfs = True
        raise
    for setting in _OPENLY_HELD:
        con.execute(f"SET GLOBAL {setting} = ''")
    if secure:
        con.execute("SET GLOBAL enable_server_cert_verification = true")
        con.execute("SET GLOBAL enable_curl_server_cert_verification = true")
        con.execute("SET GLOBAL ca_cert_file = ?", [trusted_authorities()])


def _hold(con: duckdb.DuckDBPyConnection, reach: DirectReach, scopes: Sequence[str]) -> None:
    """Gives DuckDB credentials, as parameters, so that they stand in no log of statements."""
    con.execute(
        f"CREATE OR REPLACE TEMPORARY SECRET {SECRET} (TYPE s3, SCOPE ?, KEY_ID ?, SECRET ?, "
        "SESSION_TOKEN ?, REGION ?, ENDPOINT ?, URL_STYLE ?, USE_SSL ?)",
        [
            list(scopes),
            reach.key_id,
            reach.secret,
            reach.token,
            reach.region,
            reach.host,
            "path" if reach.path_style else "vhost",
            reach.secure,
        ],
    )
