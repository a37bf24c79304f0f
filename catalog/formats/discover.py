"""Finding what a source is and which files it has, in a directory or a bucket."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.formats import bucket, directory
from catalog.formats.hive_path import segments
from catalog.formats.source import Discovery, Listing, OtherTable, SourceFile, SourceFormat
from catalog.formats.source_names import is_ducklake
from catalog.formats.walk import other_format
from catalog.storage.external_files import (
    check_no_secrets,
    check_readable,
    is_remote,
    remote_files,
)
from catalog.storage.store import ObjectStore


def list_source(source: str, store: ObjectStore | None) -> Listing:
    """Lists the Parquet files of a source; see ``discover``."""
    own = "" if store is None else store.location
    if is_remote(source):
        return bucket.list_bucket(check_no_secrets(source), remote_files(store, source), own)
    return directory.list_directory(source, own)


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
            directory, a name is not valid UTF-8 or that of a pipe, or the source contains a
            secret.
        StorageFailure: A directory cannot be read.
        Unsupported: It is, has or lies in a table of another format, or is in a place that is not
            read.
    """
    try:
        listing = list_source(source, store)
    except NotFound:
        if not missing_ok:
            raise
        listing = Listing(source if is_remote(source) else os.path.abspath(source), [])
    table = listing.table or _table_around(listing.root, store)
    if table is None and any(is_ducklake(os.path.basename(file.path)) for file in listing.files):
        table = OtherTable(listing.root, SourceFormat.DUCKLAKE)
    if table is not None and not listing.named:
        raise other_format(table)
    files = listing.files
    for file in files:
        _check_unicode(file)
        if not file.etag:
            check_readable(file.path)
    outer = tuple(pair for pair in segments(listing.root + os.sep) if pair[0] in partition_by)
    if outer:
        files = [replace(file, hive=(*outer, *file.hive)) for file in files]
    files = sorted(files, key=lambda file: file.relative)
    warnings = tuple(_warnings(listing, table))
    part_of = None if _is_file(source, listing) else table
    columns = _columns(files)
    return Discovery(listing.root, tuple(files), columns, listing.ignored, warnings, part_of)


def _is_file(source: str, listing: Listing) -> bool:
    """Returns whether a source is the path of a file, rather than a pattern of some."""
    path = source if is_remote(source) else os.path.abspath(source)
    return [file.path for file in listing.files] == [path]


def _table_around(root: str, store: ObjectStore | None) -> OtherTable | None:
    own = "" if store is None else store.location
    if is_remote(root):
        return bucket.table_around(root, remote_files(store, root), own)
    return directory.table_around(root, os.path.realpath(own))


def _warnings(listing: Listing, table: OtherTable | None) -> Iterator[str]:
    if table is not None:
        yield (
            f"{table.root} is a table of {table.format}: the files that were named are taken as "
            "they are, though some of them may be deleted or hold deleted rows"
        )
    if listing.ignored:
        files = "1 file" if listing.ignored == 1 else f"{listing.ignored} files"
        verb = "is" if listing.ignored == 1 else "are"
        yield f"skipped {files} in {listing.root} that {verb} not Parquet"
    if listing.repeated:
        links = "a link" if listing.repeated == 1 else f"{listing.repeated} links"
        verb = "leads" if listing.repeated == 1 else "lead"
        yield f"skipped {links} in {listing.root} that {verb} to files that are taken anyway"


def _check_unicode(file: SourceFile) -> None:
    """Checks that a path is UTF-8, and so are the names of partition columns in it."""
    try:
        "".join((file.path, *(name for name, _ in file.hive))).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(file.path).decode(errors="backslashreplace")
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
        raise InvalidInput(
            f"the path {first.path} has a partition column twice",
            kind=ErrorKind.BAD_COLUMNS,
            hint="rename one of the directories: names that differ in case are one column",
        )
    if "\0" in "".join(columns):
        raise InvalidInput(
            f"a partition column in the path {first.path} has a null character in its name",
            kind=ErrorKind.BAD_COLUMNS,
            hint="rename the directory",
        )
    return columns
