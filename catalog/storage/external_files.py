"""Files outside a catalog, in buckets: who reads them for a store of any kind."""

from collections.abc import Iterator
from functools import cached_property

from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.messages import masked
from catalog.storage.options import S3Options
from catalog.storage.store import ObjectStore, OpenFile, RemoteFile, RemoteFiles

SCHEME = "s3://"


class FilesInS3:
    """Reads files in S3 for a catalog in a directory; see ``RemoteFiles``.

    What it takes to speak to a server is imported for the first file.
    """

    scheme = SCHEME

    def __init__(self, options: S3Options | None = None) -> None:
        self.options = options or S3Options()

    @cached_property
    def _files(self) -> RemoteFiles:
        from catalog.storage.bucket.files import BucketFiles
        from catalog.storage.s3.service import S3Service

        return BucketFiles(S3Service(self.options))

    def list(self, uri: str) -> Iterator[RemoteFile]:
        """Yields all files whose URIs start with this one."""
        return self._files.list(uri)

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of a file; None if there is none."""
        return self._files.look(uri)

    def open(self, uri: str, *, like: OpenFile | None = None) -> OpenFile:
        """Opens a file for reading by ranges."""
        return self._files.open(uri, like=like)

    def guarded(self, uri: str, *, etag: str = "", size_bytes: int | None = None) -> str:
        """Returns a URI for ``open`` that opens a file only if it has an ETag, or a size."""
        return self._files.guarded(uri, etag=etag, size_bytes=size_bytes)

    def fetch(self, uri: str, target: str, *, etag: str) -> None:
        """Copies a file that must still have its ETag to a local one."""
        self._files.fetch(uri, target, etag=etag)


def is_remote(location: str) -> bool:
    """Returns whether a location is a URI rather than a local path."""
    return "://" in location


def check_no_secrets(location: str) -> str:
    """Returns a location that may be stored and shown.

    Raises:
        InvalidInput: It is a URI that contains a password, a key or a signature.
    """
    if is_remote(location) and masked(location) != location:
        raise InvalidInput(
            f"{location} contains a secret, which commits and messages would repeat",
            kind=ErrorKind.SECRET_IN_URI,
            hint="leave it out, and give credentials in the environment: AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or AZURE_STORAGE_SAS_TOKEN",
        )
    return location


def check_readable(path: str) -> None:
    """Checks that DuckDB can read files at a path.

    It takes every path for a pattern, in which no form of a backslash means the character.

    Raises:
        InvalidInput: The path has a backslash beside a character of patterns.
    """
    if "\\" in path and any(sign in path for sign in "*?["):
        raise InvalidInput(
            f"DuckDB cannot read {path}: it has a backslash in it, and one of * ? [",
            kind=ErrorKind.INVALID_NAME,
            hint="rename the file or the directory",
        )


def own_files(store: ObjectStore | None) -> RemoteFiles | None:
    """Returns the store's own reader of files in buckets, or None if the default one serves.

    The default serves a directory without options for S3: nothing is loaded for it before the
    first such file is met.
    """
    files = None if store is None else store.external_files
    by_default = isinstance(files, FilesInS3) and files.options == S3Options()
    return None if by_default else files


def remote_files(store: ObjectStore | None, location: str) -> RemoteFiles:
    """Returns what reads a file in a bucket: the store's own access where it fits.

    Raises:
        Unsupported: Files of that kind are not read.
    """
    own = None if store is None else store.external_files
    if own is not None and location.startswith(own.scheme):
        return own
    if location.startswith(SCHEME):
        return FilesInS3()
    raise Unsupported(
        f"files in {location.partition('://')[0]}:// cannot be read here",
        hint="use a local path, or s3://BUCKET/PREFIX; a catalog in gs:// or az:// also takes "
        "sources in the same service",
    )
