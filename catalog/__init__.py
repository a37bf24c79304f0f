"""Parquetry: versions many Parquet tables as one, and tells what a change changed."""

from typing import TYPE_CHECKING

from catalog.errors import (
    AlreadyExists,
    CatalogError,
    Conflict,
    CorruptData,
    InvalidInput,
    MergeConflict,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.storage.options import AzureOptions, GcsOptions, S3Options

if TYPE_CHECKING:
    from os import PathLike

    from catalog.catalog import Catalog

__version__ = "0.1.0"

__all__ = [
    "AlreadyExists",
    "AzureOptions",
    "CatalogError",
    "Conflict",
    "CorruptData",
    "GcsOptions",
    "InvalidInput",
    "MergeConflict",
    "NotFound",
    "S3Options",
    "StorageFailure",
    "Unsupported",
    "create",
    "open",
]


def create(
    uri: "str | PathLike[str]",
    *,
    s3: S3Options | None = None,
    gcs: GcsOptions | None = None,
    azure: AzureOptions | None = None,
    cache: str | None = None,
) -> "Catalog":
    """Creates an empty catalog in a directory or a bucket and opens it.

    Args:
        uri: A directory, made if it is missing, or ``s3://bucket/prefix``,
            ``gs://bucket/prefix`` or ``az://container/prefix`` of a bucket that exists.
        s3: How S3 is reached, beyond what boto3 finds in its environment and profiles.
        gcs: How Google Cloud Storage is reached, beyond what Google's library finds by itself.
        azure: How Azure Blob Storage is reached, beyond what stands in the environment.
        cache: Directory for a local cache of what never changes in a bucket; None is
            ``parquetry`` in the user's cache directory, and an empty text switches it off.

    Raises:
        AlreadyExists: A catalog is there already.
        NotFound: There is no such bucket.
        StorageFailure: The directory or the bucket cannot be written.
        Unsupported: The server of the bucket ignores the conditions of writes, or the library
            for it is not installed.
    """
    from catalog.catalog import Catalog

    return Catalog.create(uri, s3=s3, gcs=gcs, azure=azure, cache=cache)


def open(
    uri: "str | PathLike[str]",
    *,
    s3: S3Options | None = None,
    gcs: GcsOptions | None = None,
    azure: AzureOptions | None = None,
    cache: str | None = None,
) -> "Catalog":
    """Opens the catalog in a directory or a bucket.

    Args:
        uri: A directory, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or
            ``az://container/prefix``.
        s3: How S3 is reached, beyond what boto3 finds in its environment and profiles.
        gcs: How Google Cloud Storage is reached, beyond what Google's library finds by itself.
        azure: How Azure Blob Storage is reached, beyond what stands in the environment.
        cache: Directory for a local cache of what never changes in a bucket; None is
            ``parquetry`` in the user's cache directory, and an empty text switches it off.

    Raises:
        NotFound: No catalog is there, or no such bucket.
        StorageFailure: The bucket cannot be read.
        Unsupported: The catalog was written in a newer format, or the server of the bucket
            ignores the conditions of writes, or the library for it is not installed.
    """
    from catalog.catalog import Catalog

    return Catalog.open(uri, s3=s3, gcs=gcs, azure=azure, cache=cache)
