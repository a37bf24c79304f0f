"""Opening a table of Iceberg: a directory, a metadata file, or a table that a catalog names."""

import os
from typing import TYPE_CHECKING, Any

from catalog.errors import (
    CatalogError,
    ErrorKind,
    InvalidInput,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.formats.iceberg.current_metadata import (
    current_file,
    is_metadata_file,
    metadata_folder,
    not_a_table,
    read_place,
    table_of,
)
from catalog.formats.iceberg.locations import place_of
from catalog.formats.iceberg.table_metadata import Metadata, parse_metadata
from catalog.storage.external_files import check_no_secrets, is_remote
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    from catalog.formats.iceberg.table import IcebergTable

SCHEME = "iceberg:"
"""Begins a table that is named by a catalog of PyIceberg: ``iceberg:CATALOG/NAMESPACE.TABLE``."""


def open_iceberg(place: str, store: ObjectStore | None) -> "IcebergTable":
    """Opens a table.

    Args:
        place: Its directory, one of its metadata files, or ``iceberg:CATALOG/NAMESPACE.TABLE``,
            where the catalog is one of PyIceberg's configuration; with ``iceberg:`` also before
            a directory or a file.
        store: The catalog's store, by whose access files in buckets are read.

    Raises:
        CorruptData: Its metadata are damaged.
        InvalidInput: It cannot be told what its current metadata are.
        NotFound: There is no such table.
        Unsupported: A feature of the table is not known, or PyIceberg is not installed.
    """
    _check_installed()
    named = place.removeprefix(SCHEME)
    if named != place and _is_in_catalog(named):
        return _from_catalog(named, store)
    root = check_no_secrets(named).rstrip("/") or "/"
    root = root if is_remote(root) else os.path.abspath(root)
    if is_metadata_file(root):
        return _table(parse_metadata(read_place(root, store), root), table_of(root), store)
    folder = metadata_folder(root, store)
    if folder is None:
        raise not_a_table(root)
    name = current_file(folder)
    path = f"{folder.place}/{name}"
    return _table(parse_metadata(folder.read(name), path), root, store)


def has_metadata(root: str, store: ObjectStore | None) -> bool:
    """Returns whether a place is a table's directory, or one of its metadata files."""
    return is_metadata_file(root) or metadata_folder(root, store) is not None


def _check_installed() -> None:
    try:
        import pyiceberg.table  # noqa: F401
    except ImportError as error:
        raise Unsupported(
            f"the library for tables of Iceberg is not installed: {error.name}",
            kind=ErrorKind.EXTRA_NOT_INSTALLED,
            hint="pip install 'parquetry[iceberg]'",
        ) from error


def _table(metadata: Metadata, root: str, store: ObjectStore | None) -> "IcebergTable":
    from catalog.formats.iceberg.file_io import TableFiles
    from catalog.formats.iceberg.table import IcebergTable

    return IcebergTable(metadata, root=root, files=TableFiles(store))


def _is_in_catalog(named: str) -> bool:
    """Returns whether what follows ``iceberg:`` names a table of a catalog, and no place."""
    name, slash, table = named.partition("/")
    return bool(name and slash and "." in table) and not (
        is_remote(named) or "/" in table or is_metadata_file(named) or os.path.exists(named)
    )


def _from_catalog(named: str, store: ObjectStore | None) -> "IcebergTable":
    name, _, identifier = named.partition("/")
    found = _loaded(name, identifier)
    root = place_of(found.metadata.location).rstrip("/")
    location = found.metadata_location
    if not location:
        metadata = Metadata(named, found.metadata, str(found.metadata.table_uuid), {})
        return _table(metadata, root, store)
    path = place_of(location)
    return _table(parse_metadata(read_place(path, store), path), root, store)


def _loaded(name: str, identifier: str) -> Any:
    """Returns a table as PyIceberg loads it from a catalog of its configuration."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
    from pyiceberg.utils.config import Config

    settings = Config().get_catalog_config(name)
    if settings is None:
        raise InvalidInput(
            f"PyIceberg's configuration has no catalog {name!r}",
            hint="set PYICEBERG_CATALOG__NAME__URI, or write it to .pyiceberg.yaml",
        )
    try:
        catalog = load_catalog(name, **{key: str(value) for key, value in settings.items()})
        try:
            return catalog.load_table(identifier)
        finally:
            catalog.close()
    except (NoSuchTableError, NoSuchNamespaceError) as error:
        raise NotFound(
            f"catalog {name} has no table {identifier}",
            kind=ErrorKind.SOURCE_NOT_FOUND,
            hint="name it NAMESPACE.TABLE, and a version apart from it",
        ) from error
    except CatalogError:
        raise
    except Exception as error:  # every kind of catalog has errors of its own
        raise StorageFailure(
            f"PyIceberg's catalog {name} did not load {identifier}: "
            f"{' '.join(str(error).split())[:300]}",
            hint="check PyIceberg's configuration of that catalog",
        ) from error
