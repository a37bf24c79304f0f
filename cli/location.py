"""Finds the catalog: by option, environment, or upwards from the working directory."""

import os
from pathlib import Path
from typing import TypedDict

import typer

from catalog import AzureOptions, GcsOptions, S3Options
from catalog.errors import ErrorKind, NotFound
from cli.config import CONFIG_NAME, Config, read_config
from cli.usage import UsageError

CATALOG_VARIABLE = "PARQUETRY_CATALOG"
CATALOG_FILE = "catalog.json"


def named_uri(context: typer.Context) -> str | None:
    """Returns the catalog that ``-C`` or the environment names; None if neither does.

    Raises:
        UsageError: The option has no value, e.g. an unset variable of a script.
    """
    option: str | None = context.find_root().params.get("catalog_uri")
    if option == "":
        raise UsageError("-C names no catalog: its value is empty", hint="-C DIR")
    return option or os.environ.get(CATALOG_VARIABLE) or None


def catalog_uri(context: typer.Context) -> str:
    """Returns the location of the catalog.

    Raises:
        NotFound: None was named, and none was found.
        InvalidInput: The configuration found on the way is not valid.
    """
    uri = named_uri(context)
    if uri is not None:
        return uri
    for directory in _upwards():
        config = directory / CONFIG_NAME
        if config.is_file() and (uri := read_config(config).catalog) is not None:
            return uri
        if (directory / CATALOG_FILE).is_file():
            return str(directory)
    raise NotFound(
        f"no catalog named, and none found in {Path.cwd()} or above it",
        kind=ErrorKind.CATALOG_NOT_FOUND,
        hint="create one with: parquetry init DIR; or name one: -C DIR, "
        f'{CATALOG_VARIABLE}, or catalog = "DIR" in {CONFIG_NAME}',
    )


class BucketOptions(TypedDict, total=False):
    """How buckets are reached, as ``catalog.open`` takes it."""

    s3: S3Options
    gcs: GcsOptions
    azure: AzureOptions


def bucket_options() -> BucketOptions:
    """Returns how buckets are reached, by the nearest configuration."""
    config = find_config()
    return {} if config is None else {"s3": config.s3, "gcs": config.gcs, "azure": config.azure}


def find_config() -> Config | None:
    """Returns the nearest configuration upwards, None if there is none.

    Raises:
        InvalidInput: It is not valid.
    """
    paths = (directory / CONFIG_NAME for directory in _upwards())
    return next((read_config(path) for path in paths if path.is_file()), None)


def _upwards() -> tuple[Path, ...]:
    return (Path.cwd(), *Path.cwd().parents)
