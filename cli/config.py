"""Reads ``parquetry.toml``: the catalog, and the tables that ``snapshot`` takes."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog import AzureOptions, GcsOptions, S3Options
from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from cli.specs import FORMATS, MODES, PartitionBy, TableSpec
from cli.usage import nearest

CONFIG_NAME = "parquetry.toml"
TOP_KEYS = ("catalog", "s3", "gcs", "azure", "tables")
S3_KEYS = ("endpoint_url", "region", "profile", "path_style")
GCS_KEYS = ("endpoint_url",)
AZURE_KEYS = ("account", "endpoint_url")
TABLE_KEYS = ("source", "key", "partition_by", "mode", "format")


@dataclass(frozen=True, slots=True)
class Config:
    """Holds a configuration.

    Attributes:
        path: Where it was read from.
        catalog: The catalog, absolute or with a scheme; None if it names none.
        s3: How S3 is reached, beyond what boto3 finds by itself.
        gcs: How Google Cloud Storage is reached, beyond what Google's library finds by itself.
        azure: How Azure Blob Storage is reached, beyond what stands in the environment.
        tables: The tables in their order.
    """

    path: Path
    catalog: str | None
    s3: S3Options
    gcs: GcsOptions
    azure: AzureOptions
    tables: tuple[TableSpec, ...]


def read_config(path: Path) -> Config:
    """Reads a configuration; paths in it are relative to its directory.

    Raises:
        InvalidInput: It is no TOML, or has keys or values that make no sense.
        StorageFailure: It cannot be read.
    """
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageFailure(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is no TOML: {error}", kind=ErrorKind.INVALID_CONFIG) from error
    _check_keys(path, stored, TOP_KEYS, "")
    catalog = stored.get("catalog")
    if catalog is not None:
        catalog = _located(path, _text(path, "catalog", catalog))
    tables = stored.get("tables", {})
    if not isinstance(tables, dict):
        raise _wrong(path, "tables", "tables like [tables.orders]")
    return Config(
        path,
        catalog,
        _s3(path, stored.get("s3", {})),
        GcsOptions(**_texts(path, "gcs", stored.get("gcs", {}), GCS_KEYS)),
        AzureOptions(**_texts(path, "azure", stored.get("azure", {}), AZURE_KEYS)),
        tuple(_table(path, *item) for item in _flattened(tables)),
    )


def _s3(path: Path, stored: object) -> S3Options:
    known = _section(path, "s3", stored, S3_KEYS)
    path_style = known.pop("path_style", None)
    if path_style is not None and not isinstance(path_style, bool):
        raise _wrong(path, "s3.path_style", "true or false")
    return S3Options(**_texts(path, "s3", known, S3_KEYS), path_style=path_style)


def _texts(path: Path, section: str, stored: object, known: tuple[str, ...]) -> dict[str, str]:
    found = _section(path, section, stored, known)
    return {key: _text(path, f"{section}.{key}", value) for key, value in found.items()}


def _section(path: Path, name: str, stored: object, known: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(stored, dict):
        raise _wrong(path, name, f"a table like [{name}]")
    _check_keys(path, stored, known, f"{name}.")
    return dict(stored)


def _flattened(tables: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Lists the tables; ``[tables.sales.orders]`` is the table ``sales.orders``."""
    found: list[tuple[str, object]] = []
    for name, value in tables.items():
        inner = isinstance(value, dict) and value and "source" not in value
        if inner and isinstance(value, dict) and all(isinstance(v, dict) for v in value.values()):
            found += _flattened(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found


def _table(path: Path, name: str, stored: object) -> TableSpec:
    where = f"tables.{name}"
    if not isinstance(stored, dict):
        raise _wrong(path, where, "a table with a source")
    _check_keys(path, stored, TABLE_KEYS, f"{where}.")
    if "source" not in stored:
        raise InvalidInput(
            f"{path}: {where} has no source",
            kind=ErrorKind.INVALID_CONFIG,
            hint='say where it comes from: source = "exports/orders"',
        )
    return TableSpec(
        table=name,
        source=_located(path, _text(path, f"{where}.source", stored["source"])),
        key=_names(path, f"{where}.key", stored.get("key")),
        partition_by=_partition_by(path, f"{where}.partition_by", stored.get("partition_by")),
        mode=_choice(path, f"{where}.mode", stored.get("mode"), MODES),
        format=_choice(path, f"{where}.format", stored.get("format"), FORMATS),
    )


def _check_keys(
    path: Path, stored: Mapping[str, object], known: tuple[str, ...], prefix: str
) -> None:
    for key in stored:
        if key not in known:
            raise InvalidInput(
                f"{path}: unknown key {prefix}{key}",
                kind=ErrorKind.INVALID_CONFIG,
                hint=nearest(key, known),
            )


def _located(path: Path, value: str) -> str:
    return value if "://" in value else str(path.parent / Path(value).expanduser())


def _text(path: Path, where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(path, where, "a text")
    return value


def _names(path: Path, where: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise _wrong(path, where, 'a list of columns like ["order_id"]')
    return tuple(_text(path, where, one) for one in value)


def _partition_by(path: Path, where: str, value: object) -> PartitionBy | None:
    if isinstance(value, dict):
        return tuple((name, _text(path, f"{where}.{name}", kind)) for name, kind in value.items())
    names = _names(path, where, value)
    return None if names is None else tuple((name, None) for name in names)


def _choice(path: Path, where: str, value: object, known: tuple[str, ...]) -> str | None:
    if value is not None and value not in known:
        raise _wrong(path, where, f"one of {', '.join(known)}")
    return None if value is None else str(value)


def _wrong(path: Path, where: str, wanted: str) -> InvalidInput:
    return InvalidInput(f"{path}: {where} must be {wanted}", kind=ErrorKind.INVALID_CONFIG)
