"""Finding what a source is and which files it has, in a directory or a bucket."""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace

from catalog.errors import ErrorKind, InvalidInput, NotFound, Unsupported
from catalog.formats.bucket import list_bucket
from catalog.formats.directory import list_directory
from catalog.formats.hive_path import segments
from catalog.formats.source import Discovery, Listing, SourceFile, SourceFormat
from catalog.storage.external_files import check_no_secrets, is_remote, remote_files
from catalog.storage.store import ObjectStore


def discover(
    source: str,
    partition_by: Collection[str] = (),
    *,
    store: ObjectStore | None = None,
    missing_ok: bool = False,
) -> Discovery:
    """Lists the Parquet files of a source.

    Args:
        source: A directory, a file, or a glob pattern, here or in a bucket.
        partition_by: Partition columns that are known: the source itself may then be
            within such a directory, as ``orders/day=2024-01-31`` is.
        store: The catalog's store, which may have access to the bucket of the source.
        missing_ok: Whether a missing source counts as one without files.

    Raises:
        NotFound: Nothing has that name.
        InvalidInput: The files are partitioned in different ways, a link leaves the
            directory, a name is not valid UTF-8, or the source contains a secret.
        StorageFailure: A directory cannot be read.
        Unsupported: It is a Delta or Iceberg table, or in a place that is not read.
    """
    try:
        listing = (
            list_bucket(check_no_secrets(source), remote_files(store, source))
            if is_remote(source)
            else list_directory(source)
        )
    except NotFound:
        if not missing_ok:
            raise
        listing = Listing(source if is_remote(source) else os.path.abspath(source), [])
    if listing.format is not SourceFormat.PARQUET:
        raise Unsupported(
            f"{listing.root} is a table of {listing.format}: some of its files may be deleted or "
            "hold deleted rows",
            kind=ErrorKind.OTHER_FORMAT,
            hint=f"export it to Parquet with a reader of {listing.format}, or name the files "
            "themselves with a pattern",
        )
    files = listing.files
    for file in files:
        _check_unicode(file.path)
    outer = tuple(pair for pair in segments(listing.root + os.sep) if pair[0] in partition_by)
    if outer:
        files = [replace(file, hive=(*outer, *file.hive)) for file in files]
    files = sorted(files, key=lambda file: file.relative)
    return Discovery(listing.root, tuple(files), _columns(files), listing.ignored)


def _check_unicode(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise InvalidInput(
            f"the name {shown} is not valid UTF-8",
            kind=ErrorKind.NOT_UNICODE,
            hint="rename it, or leave it out",
        ) from error


def _columns(files: Sequence[SourceFile]) -> tuple[str, ...]:
    if not files:
        return ()
    first = files[0]
    columns = tuple(name for name, _ in first.hive)
    for file in files:
        if tuple(name for name, _ in file.hive) != columns:
            raise InvalidInput(
                f"{first.path} and {file.path} are partitioned in different ways",
                kind=ErrorKind.MIXED_PARTITIONING,
                hint="every file needs the same column=value directories in the same order",
            )
    folded = [name.casefold() for name in columns]
    if len(set(folded)) < len(folded):
        raise InvalidInput(f"the path {first.path} has a partition column twice")
    return columns
