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

if TYPE_CHECKING:
    from catalog.catalog import Catalog

__version__ = "0.1.0"

__all__ = [
    "AlreadyExists",
    "CatalogError",
    "Conflict",
    "CorruptData",
    "InvalidInput",
    "MergeConflict",
    "NotFound",
    "StorageFailure",
    "Unsupported",
    "create",
    "open",
]


def create(uri: str) -> "Catalog":
    """Creates an empty catalog in a directory and opens it.

    Args:
        uri: A directory, made if it is missing.

    Raises:
        AlreadyExists: A catalog is there already.
        StorageFailure: The directory cannot be written.
    """
    from catalog.catalog import Catalog

    return Catalog.create(uri)


def open(uri: str) -> "Catalog":
    """Opens the catalog in a directory.

    Raises:
        NotFound: No catalog is there.
        Unsupported: The catalog was written in a newer format.
    """
    from catalog.catalog import Catalog

    return Catalog.open(uri)
