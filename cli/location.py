"""Finds the catalog: by option, environment, or upwards from the working directory."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import typer

from catalog import AzureOptions, GcsOptions, S3Options
from catalog.errors import ErrorKind, NotFound
from cli.config import CONFIG_NAME, Config, read_config
from cli.usage import UsageError

CATALOG_VARIABLE = "PARQUETRY_CATALOG"
CATALOG_FILE = "catalog.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Says where a command works.

    Attributes:
        given: The catalog named by ``-C`` or the environment, if one was.
        directory: The working directory.
    """

    given: str | None
    directory: Path


def place_of(context: typer.Context) -> Place:
    """Returns where the command of a context works.

    Raises:
        UsageError: The option was given without a value, e.g. an unset variable of a script.
    """
    option = context.find_root().params.get("catalog_uri")
    if option == "":
        raise UsageError("-C names no catalog: its value is empty", hint="-C DIR")
    return Place(option or os.environ.get(CATALOG_VARIABLE) or None, Path.cwd())


def catalog_uri(place: Place) -> str:
    """Returns the location of the catalog.

    Raises:
        NotFound: None was named, and none was found.
        InvalidInput: The configuration found on the way makes no sense.
    """
    if place.given is not None:
        return place.given
    for directory in (place.directory, *place.directory.parents):
        config = directory / CONFIG_NAME
        if config.is_file() and (uri := read_config(config).catalog) is not None:
            return uri
        if (directory / CATALOG_FILE).is_file():
            return str(directory)
    raise NotFound(
        f"no catalog named, and none found in {place.directory} or above it",
        kind=ErrorKind.CATALOG_NOT_FOUND,
        hint="create one with: parquetry init DIR; or name one: -C DIR, "
        f'{CATALOG_VARIABLE}, or catalog = "DIR" in {CONFIG_NAME}',
    )


class BucketOptions(TypedDict):
    """Says how buckets are reached, as ``catalog.open`` takes it."""

    s3: S3Options
    gcs: GcsOptions
    azure: AzureOptions


def bucket_options(place: Place) -> BucketOptions:
    """Returns how buckets are reached, as the nearest configuration says."""
    config = find_config(place)
    if config is None:
        return {"s3": S3Options(), "gcs": GcsOptions(), "azure": AzureOptions()}
    return {"s3": config.s3, "gcs": config.gcs, "azure": config.azure}


def find_config(place: Place) -> Config | None:
    """Returns the nearest configuration upwards, None if there is none.

    Raises:
        InvalidInput: It makes no sense.
    """
    for directory in (place.directory, *place.directory.parents):
        if (directory / CONFIG_NAME).is_file():
            return read_config(directory / CONFIG_NAME)
    return None
