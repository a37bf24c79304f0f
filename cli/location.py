"""Finds the catalog: by option, environment, or upwards from the working directory.

A configuration decides to which servers requests go only if it can be trusted, and if it names
the catalog where ``-C`` or the environment names one.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import typer

from catalog import AzureOptions, GcsOptions, S3Options
from catalog.errors import CatalogError, ErrorKind, NotFound
from catalog.model.datafile import Verify
from catalog.model.limits import TIME_LIMIT_S
from catalog.model.texts import path_text
from cli.config import CONFIG_NAME, Config, PublicationEntry, read_config
from cli.output import stderr
from cli.trust import distrust
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import TableDefaults

CATALOG_VARIABLE = "PARQUETRY_CATALOG"
CONFIG_VARIABLE = "PARQUETRY_CONFIG"
CATALOG_FILE = "catalog.json"

_PROJECT: ContextVar[Path | None] = ContextVar("project", default=None)
"""The directory of a project that ``-C`` names while a command runs: its configuration counts."""

SECTIONS = {"gs": "gcs", "az": "azure"}
"""Which section is about a catalog's bucket; about sources of a local one it is that of S3."""


class BucketOptions(TypedDict, total=False):
    """How buckets are reached, as ``catalog.open`` takes it."""

    s3: S3Options
    gcs: GcsOptions
    azure: AzureOptions


def named_uri(context: typer.Context) -> str | None:
    """Returns the catalog that ``-C`` or the environment names; None if neither does.

    Raises:
        UsageError: The option has no value, e.g. an unset variable of a script.
    """
    option: str | None = context.find_root().params.get("catalog_uri")
    if option == "":
        raise UsageError("-C names no catalog: its value is empty", hint="-C DIR")
    named = option or os.environ.get(CATALOG_VARIABLE)
    return path_text(named, "the catalog's place") if named else None


def catalog_uri(context: typer.Context) -> str:
    """Returns the location of the catalog.

    Raises:
        NotFound: None was named, and none was found.
        InvalidInput: The configuration found on the way is not valid.
    """
    uri = named_uri(context)
    if uri is not None:
        return _configured_in(uri) or uri
    chosen = _chosen_config()
    if chosen is not None and (uri := read_config(chosen).catalog) is not None:
        return uri
    for directory in _upwards():
        path = directory / CONFIG_NAME
        if chosen is None and path.is_file() and (uri := read_config(path).catalog) is not None:
            reason = distrust(path) if "://" in uri else ""
            if not reason:
                return uri
            stderr.note(f"{path} does not choose the catalog: {reason}; {_way_out(path)}")
        if (directory / CATALOG_FILE).is_file():
            return str(directory)
    here = next(iter(_upwards()), "a directory that is gone")
    raise NotFound(
        f"no catalog named, and none found in {here} or above it",
        kind=ErrorKind.CATALOG_NOT_FOUND,
        hint="create one with: parquetry init DIR; or name one: -C DIR, "
        f'{CATALOG_VARIABLE}, or catalog = "DIR" in {CONFIG_NAME}',
    )


def _configured_in(uri: str) -> str | None:
    """Returns the catalog that the configuration of a directory names; None if it is a catalog.

    So ``-C`` takes the directory of a project too.

    Raises:
        InvalidInput: The configuration is not valid.
    """
    path = _project_config(uri)
    found = None if path is None else read_config(path).catalog
    if path is None or found is None or ("://" in found and distrust(path)):
        return None
    return found


def _project_config(uri: str) -> Path | None:
    """Returns the configuration of a project's directory; None if it is none, or a catalog."""
    path = Path(uri) / CONFIG_NAME
    if "://" in uri or (Path(uri) / CATALOG_FILE).is_file() or not path.is_file():
        return None
    return path


@contextmanager
def in_project(context: typer.Context) -> Iterator[None]:
    """Lets the configuration of a project that ``-C`` names be the nearest one."""
    uri = named_uri(context)
    path = None if uri is None else _project_config(uri)
    before = _PROJECT.set(None if path is None else Path(os.path.abspath(path.parent)))
    try:
        yield
    finally:
        _PROJECT.reset(before)


def bucket_options(uri: str, context: typer.Context, *, named: bool) -> BucketOptions:
    """Returns how buckets are reached for a catalog, ``named`` by the user or found.

    The nearest configuration decides.
    It is not asked where somebody else can have written it, nor about a catalog that the user
    named and it does not: a note says so. Where it decides which server is asked, a note says
    that as well, once it is asked.

    Raises:
        InvalidInput: The configuration is not valid.
    """
    chosen = _chosen_config()
    path = chosen or next((one for one in _configs() if one.is_file()), None)
    if path is None:
        return {}
    reason = "" if chosen else distrust(path)
    try:
        config = read_config(path)
    except CatalogError:
        if not reason:
            raise
        config = None  # nobody needs it
    key = SECTIONS.get(uri.partition("://")[0], "s3")
    if config is None or getattr(config, key) in (S3Options(), GcsOptions(), AzureOptions()):
        return {}
    if named and not chosen and not reason and not _names(config, uri):
        reason = f"it does not name the catalog {uri}"
    if reason:
        stderr.note(f"[{key}] of {path} is not used: {reason}; {_way_out(path)}")
        return {}
    context.with_resource(stderr.told_of("catalog.storage"))
    return {"s3": config.s3, "gcs": config.gcs, "azure": config.azure}


def verification(context: typer.Context) -> Verify:
    """Returns what of data files is compared: by the option, else by the nearest configuration.

    Whoever wrote it: it can only ask for more than the default.
    """
    option: Verify | None = context.find_root().params.get("verify")
    if option is not None:
        return option
    with suppress(CatalogError):  # one that nobody needs
        config = find_config()
        if config is not None and config.verify is not None:
            return config.verify
    return "size"


def running_code(file: Path | None = None) -> dict[str, str]:
    """Returns which code a command runs: that of a file, or of the working directory.

    Nothing if the nearest configuration says so.
    """
    from catalog.operations.code import code_in_directory

    with suppress(CatalogError):  # one that nobody needs
        config = find_config()
        if config is not None and not config.record_code:
            return {}
    return code_in_directory(file)


def time_limit_s() -> float | None:
    """Returns after how many seconds stored SQL is stopped; None for never.

    The nearest configuration says it if it is trusted: it may allow more than the default.
    """
    with suppress(CatalogError):  # one that nobody needs
        config = find_config()
        if config is not None and config.time_limit_s is not None:
            return TIME_LIMIT_S if config_distrust(config.path) else config.time_limit_s
    return TIME_LIMIT_S


def configured_workers() -> int:
    """Returns how many processes run tasks, 0 for none.

    The nearest configuration says it if it is trusted: processes take memory.
    """
    with suppress(CatalogError):  # one that nobody needs
        config = find_config()
        if config is not None and config.workers and not config_distrust(config.path):
            return config.workers
    return 0


def find_config() -> Config | None:
    """Returns the configuration: the one that the environment names, else the nearest upwards.

    Raises:
        InvalidInput: It is not valid.
    """
    paths = (path for path in _configs() if path.is_file())
    chosen = _chosen_config() or next(paths, None)
    return None if chosen is None else read_config(chosen)


def configured_publications(context: typer.Context) -> tuple[PublicationEntry, ...]:
    """Returns the publications that the nearest configuration keeps current for the catalog.

    A note says so if they are not, since somebody else can have written it, or it names another
    catalog.

    Raises:
        InvalidInput: It is not valid.
    """
    config = _config_about(context, "[[publish]]", lambda config: config.publications)
    return () if config is None else config.publications


def table_defaults(context: typer.Context) -> Mapping[str, "TableDefaults"]:
    """Returns what diffs of the catalog ignore and tolerate, as the nearest configuration says.

    A note says so if it is not asked, as for publications.

    Raises:
        InvalidInput: It is not valid.
    """
    config = _config_about(context, "[tables]", lambda config: config.defaults)
    return {} if config is None else config.defaults


def configured_metrics(context: typer.Context) -> Mapping[str, str]:
    """Returns the queries that diffs of the catalog run, as the nearest configuration says.

    A note says so if it is not asked, as for publications.

    Raises:
        InvalidInput: It is not valid.
    """
    config = _config_about(context, "[metrics]", lambda config: config.metrics)
    return {} if config is None else config.metrics


def _config_about(
    context: typer.Context, section: str, wanted: Callable[[Config], object]
) -> Config | None:
    """Returns the nearest configuration if it has something to say about the catalog, and may.

    A note says so if it may not.
    """
    config = find_config()
    if config is None or not wanted(config):
        return None
    reason = config_distrust(config.path)
    uri = catalog_uri(context)
    by_chance = config.catalog is None and named_uri(context) is None
    if not reason and _chosen_config() is None and not (by_chance or _names(config, uri)):
        reason = f"it does not name the catalog {uri}"
    if reason:
        stderr.note(f"{section} of {config.path} is not used: {reason}; {_way_out(config.path)}")
        return None
    return config


def _chosen_config() -> Path | None:
    """Returns the configuration that the user names, who then trusts it."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    return Path(os.path.abspath(chosen)) if chosen else None


def config_distrust(path: Path) -> str:
    """Returns why a configuration may not decide what runs; empty if it may."""
    return "" if _chosen_config() == path else distrust(path)


def _names(config: Config, uri: str) -> bool:
    """Returns whether a configuration names this catalog."""
    if config.catalog is None or "://" in uri or "://" in config.catalog:
        return config.catalog is not None and config.catalog.rstrip("/") == uri.rstrip("/")
    return os.path.realpath(config.catalog) == os.path.realpath(uri)


def _way_out(path: Path) -> str:
    return f"{CONFIG_VARIABLE}={path} uses it nevertheless"


def _configs() -> Iterator[Path]:
    project = _PROJECT.get()
    named = () if project is None else (project,)
    return (directory / CONFIG_NAME for directory in chain(named, _upwards()))


def _upwards() -> tuple[Path, ...]:
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return ()
    return (here, *here.parents)
