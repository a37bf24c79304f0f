"""Parquetry: versions many Parquet tables as one, and shows what changed between versions."""

from typing import TYPE_CHECKING

from catalog.errors import (
    AlreadyExists,
    CatalogError,
    Conflict,
    CorruptData,
    ErrorKind,
    GateRefused,
    InvalidInput,
    MergeConflict,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.storage.options import AzureOptions, GcsOptions, S3Options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike
    from typing import Literal

    from catalog.catalog import Catalog as Catalog
    from catalog.model.check_functions import GivenFunctions
    from catalog.model.contracts import Contract
    from catalog.model.hooks import Given, Hooks

__version__ = "0.1.0"

__all__ = [
    "AlreadyExists",
    "AzureOptions",
    "CatalogError",
    "Conflict",
    "CorruptData",
    "ErrorKind",
    "GateRefused",
    "GcsOptions",
    "InvalidInput",
    "MergeConflict",
    "NotFound",
    "S3Options",
    "StorageFailure",
    "Unsupported",
    "create",
    "open",
    "read_contracts",
]


def __getattr__(name: str) -> object:
    if name != "Catalog":  # loaded when it is asked for: errors and options need none of it
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from catalog.catalog import Catalog

    return Catalog


def create(
    uri: "str | PathLike[str]",
    *,
    s3: S3Options | None = None,
    gcs: GcsOptions | None = None,
    azure: AzureOptions | None = None,
    cache: str | None = None,
    verify: 'Literal["size", "pages", "hash"]' = "size",
) -> "Catalog":
    """Creates an empty catalog in a directory or a bucket and opens it.

    Args:
        uri: A directory, created if it is missing, or ``s3://bucket/prefix``,
            ``gs://bucket/prefix`` or ``az://container/prefix`` of a bucket that exists.
        s3: How to reach S3, beyond what boto3 finds in its environment and profiles.
        gcs: How to reach Google Cloud Storage, beyond what Google's library finds by itself.
        azure: How to reach Azure Blob Storage, beyond what is set in the environment.
        cache: Directory for a local cache of a bucket's immutable objects; None is
            ``parquetry`` in the user's cache directory, and an empty text disables it.
        verify: What of each data file is compared with the commit before it is read: its
            ``size``, also the checksums in its ``pages``, or also the ``hash`` of its bytes.

    Raises:
        AlreadyExists: There is already a catalog.
        NotFound: The bucket does not exist.
        StorageFailure: The directory or the bucket cannot be written.
        Unsupported: The server of the bucket ignores the conditions of writes, or the library
            for it is not installed.
    """
    from catalog.catalog import Catalog

    return Catalog.create(uri, s3=s3, gcs=gcs, azure=azure, cache=cache, verify=verify)


def open(
    uri: "str | PathLike[str]",
    *,
    s3: S3Options | None = None,
    gcs: GcsOptions | None = None,
    azure: AzureOptions | None = None,
    cache: str | None = None,
    verify: 'Literal["size", "pages", "hash"]' = "size",
    time_limit_s: float | None = 21_600.0,
    hooks: "Mapping[str, Given] | Callable[[], Hooks] | None" = None,
    check_functions: "GivenFunctions" = None,
) -> "Catalog":
    """Opens the catalog in a directory or a bucket.

    Args:
        uri: A directory, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or
            ``az://container/prefix``.
        s3: How to reach S3, beyond what boto3 finds in its environment and profiles.
        gcs: How to reach Google Cloud Storage, beyond what Google's library finds by itself.
        azure: How to reach Azure Blob Storage, beyond what is set in the environment.
        cache: Directory for a local cache of a bucket's immutable objects; None is
            ``parquetry`` in the user's cache directory, and an empty text disables it.
        verify: What of each data file is compared with the commit before it is read: its
            ``size``, also the checksums in its ``pages``, or also the ``hash`` of its bytes.
        time_limit_s: After how many seconds SQL that the catalog stores, such as the definition
            of a derived table, is stopped; None means never.
        hooks: What may be asked about changes where the rules of a branch name it: by name a
            function, or a command as a list of words. A function is given the change as JSON
            values, the diff with ``gate`` beside it, and lets it through by returning nothing or
            True. A command gets the same on stdin, and lets it through by ending with 0.
        check_functions: The Python checks that may run: functions by the names by which checks
            name them, or a list of names of entry points ``parquetry.checks`` of installed
            packages. A function is given the rows, as a ``pyarrow.RecordBatchReader``, and the
            parameters of the check, and returns the rows that fail it, their number, or None.

    Raises:
        NotFound: There is no catalog, or the bucket does not exist.
        StorageFailure: The bucket cannot be read.
        Unsupported: The catalog was written in a newer format, or the server of the bucket
            ignores the conditions of writes, or the library for it is not installed.
    """
    from catalog.catalog import Catalog

    return Catalog.open(
        uri,
        s3=s3,
        gcs=gcs,
        azure=azure,
        cache=cache,
        verify=verify,
        time_limit_s=time_limit_s,
        hooks=hooks,
        check_functions=check_functions,
    )


def read_contracts(path: "str | PathLike[str]") -> "list[Contract]":
    """Reads contracts, which say what a change may do, from a TOML file.

    Args:
        path: A file with sections ``[contract.NAME]``.

    Raises:
        NotFound: There is no such file.
        InvalidInput: It is not TOML, or a contract in it is not valid: the message names the place.
        StorageFailure: It cannot be read.
    """
    from catalog.operations.contracts.given import given_contracts

    return [*given_contracts(path)]
