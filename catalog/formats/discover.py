"""Finding what a source is and which files it has, in a directory or a bucket."""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace

from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.bucket import list_bucket
from catalog.formats.directory import list_directory
from catalog.formats.hive_path import segments
from catalog.formats.source import Discovery, SourceFile
from catalog.storage.store import RemoteFiles


def discover(
    source: str, partition_by: Collection[str] = (), *, remote: RemoteFiles | None = None
) -> Discovery:
    """Lists the Parquet files of a source.

    Args:
        source: A directory, a file, or a glob pattern, here or in S3.
        partition_by: Partition columns that are known: the source itself may then lie
            within such a directory, as ``orders/day=2024-01-31`` does.
        remote: Lists the source if it lies elsewhere.

    Raises:
        NotFound: There is nothing of that name.
        InvalidInput: The files are partitioned in different ways, a link leaves the
            directory, or a name is no UTF-8.
        StorageFailure: A directory cannot be read.
        Unsupported: It is a table of Delta's or Iceberg's.
    """
    if remote is None:
        root, files, ignored = list_directory(source)
    else:
        root, files, ignored = list_bucket(source, remote)
    for file in files:
        _check_unicode(file.path)
    outer = tuple(pair for pair in segments(root + os.sep) if pair[0] in partition_by)
    if outer:
        files = [replace(file, hive=(*outer, *file.hive)) for file in files]
    files.sort(key=lambda file: file.relative)
    return Discovery(root, tuple(files), _columns(files), ignored)


def _check_unicode(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise InvalidInput(
            f"the name {shown} is no UTF-8",
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
        raise InvalidInput(f"{first.path} names a partition column twice")
    return columns
