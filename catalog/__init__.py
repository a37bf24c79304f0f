"""Parquetry: versions many Parquet tables as one, and shows what changed between versions."""

from importlib import import_module
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
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike
    from typing import Literal

    from catalog.care.fsck.run import FsckReport
    from catalog.catalog import Catalog as Catalog
    from catalog.diff.options import TableDefaults as TableDefaults
    from catalog.engine.executor import Executor
    from catalog.engine.executor import ThreadExecutor as ThreadExecutor
    from catalog.engine.executors.dask_cluster import DaskExecutor as DaskExecutor
    from catalog.engine.executors.processes import ProcessExecutor as ProcessExecutor
    from catalog.engine.executors.ray_cluster import RayExecutor as RayExecutor
    from catalog.model.check_functions import GivenFunctions
    from catalog.model.contracts import Contract
    from catalog.model.hooks import Given, Hooks
    from catalog.operations.compare.comparison import Comparison
    from catalog.operations.context import OperationContext

__version__ = "0.1.0"

__all__ = [
    "AlreadyExists",
    "AzureOptions",
    "CatalogError",
    "Conflict",
    "CorruptData",
    "DaskExecutor",
    "ErrorKind",
    "GateRefused",
    "GcsOptions",
    "InvalidInput",
    "MergeConflict",
    "NotFound",
    "ProcessExecutor",
    "RayExecutor",
    "S3Options",
    "StorageFailure",
    "TableDefaults",
    "ThreadExecutor",
    "Unsupported",
    "compare",
    "create",
    "fsck",
    "open",
    "read_contracts",
]


_LATER = {
    "DaskExecutor": "engine.executors.dask_cluster",
    "ProcessExecutor": "engine.executors.processes",
    "RayExecutor": "engine.executors.ray_cluster",
    "TableDefaults": "diff.options",
    "ThreadExecutor": "engine.executor",
}
"""Names that are imported when they are asked for, by the modules that have them."""


def __getattr__(name: str) -> object:
    if name == "dbapi":  # lies above this package; whoever asks for it imports it here
        return import_module(f"{__name__}.dbapi")
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
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
    executor: "Executor | None" = None,
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
        executor: What runs the independent tasks of diffs, refreshes and checks:
            ``catalog.ProcessExecutor(8)``, ``catalog.DaskExecutor(client)``,
            ``catalog.RayExecutor()``, or ``catalog.ThreadExecutor(8)``. None compares tables in
            this process, and runs what is refreshed side by side on threads.

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
        executor=executor,
    )


def fsck(
    uri: "str | PathLike[str]",
    *,
    deep: bool = False,
    repair: bool = False,
    source: "Catalog | str | None" = None,
    dry_run: bool = False,
    progress: "Callable[[str, int], None] | None" = None,
    s3: S3Options | None = None,
    gcs: GcsOptions | None = None,
    azure: AzureOptions | None = None,
) -> "FsckReport":
    """Verifies a catalog, also one that cannot be opened since its description is damaged.

    Args:
        uri: Where it is, as for ``open``.
        deep: As for ``Catalog.fsck``, as are the other options.
        repair: See there.
        source: See there.
        dry_run: See there.
        progress: See there.
        s3: As for ``open``.
        gcs: As for ``open``.
        azure: As for ``open``.

    Raises:
        NotFound: There is no catalog, nor are there branches of one.
        Unsupported: It was written in a newer format.
        StorageFailure: The objects cannot be listed.
    """
    from catalog.care.fsck.description import opened_to_verify
    from catalog.catalog import Catalog
    from catalog.model.texts import path_text
    from catalog.storage.failures import machine_errors
    from catalog.storage.opening import open_store

    place = path_text(uri, "the catalog's place")
    with machine_errors():
        store = open_store(place, s3=s3, gcs=gcs, azure=azure, cache="")
        repository = opened_to_verify(store)
    return Catalog(store.location, repository).fsck(
        deep=deep, repair=repair, source=source, dry_run=dry_run, progress=progress
    )


# long: one parameter for each option, and what each means
def compare(
    old: object,
    new: object,
    *,
    key: "Sequence[str] | None" = None,
    columns: "Sequence[str] | None" = None,
    tolerance: "Mapping[str, str] | None" = None,
    ignore: "Sequence[str] | None" = None,
    query: str | None = None,
    level: 'Literal["stat", "cells", "rows"]' = "rows",
    method: 'Literal["auto", "join"]' = "auto",
    check_keys: bool = False,
    full_stats: bool = False,
    explain: bool = True,
    distributions: bool = False,
    threads: int | None = None,
    memory_limit_bytes: int | None = None,
    progress: "Callable[..., None] | None" = None,
    catalog: "Catalog | str | PathLike[str] | None" = None,
    s3: S3Options | None = None,
    gcs: GcsOptions | None = None,
    azure: AzureOptions | None = None,
) -> "Comparison":
    """Compares two places or frames, row by row and cell by cell; nothing stays behind.

    Columns pair up by name.

    Args:
        old: The older rows: a directory of Parquet files, flat or hive-partitioned, a file, a
            pattern, ``s3://bucket/prefix``, or ``table@ref`` of a catalog; a table of Delta or
            Iceberg, also at a version: ``delta:PATH@VERSION``, ``iceberg:PATH@TAG``; or a pyarrow
            table, record batch, reader or dataset, a Polars or pandas frame, a DuckDB relation, or
            a list of dictionaries.
        new: The newer rows, likewise.
        key: Key columns to match rows by; None means the key of a table of a catalog, else
            whole rows are matched, and none is updated.
        columns: Columns to compare; None means all.
        tolerance: By column, ``"0.5"`` or ``"1%"``.
        ignore: Columns not to compare.
        query: A query over the rows, called ``data``, whose results are compared instead.
        level: ``stat`` reads footers only, ``cells`` counts rows and cells, ``rows`` also keeps
            the changed rows for ``changes()``.
        method: ``auto`` takes the fastest path that the files allow, ``join`` reads all files
            that differ; both give the same answer.
        check_keys: Whether to look for NULL and duplicate keys in all rows.
        full_stats: Whether statistics cover all rows.
        explain: Whether to look for what explains the changes: by how much values changed, what
            changed rows have in common, which columns look renamed.
        distributions: Whether to count the values of changed columns before and after, to draw
            them; reads these columns once more.
        threads: Threads to use; None means all.
        memory_limit_bytes: Memory to use; None means a quarter of the machine's.
        progress: Receives the tasks done, the tasks in all, and the rows compared so far; if it
            takes ``phase``, also what goes on, such as ``comparing``.
        catalog: The catalog of a ``table@ref``, open or by its place.
        s3: How to reach S3, beyond what boto3 finds in its environment and profiles.
        gcs: How to reach Google Cloud Storage, beyond what Google's library finds by itself.
        azure: How to reach Azure Blob Storage, beyond what is set in the environment.

    Returns:
        Counts of rows and cells, and the changed rows. It is a context manager, and what it keeps
        goes with it.

    Raises:
        NotFound: A place, a table or a ref does not exist.
        InvalidInput: There is no column in common, a key column is missing on a side or has types
            that do not compare, or an argument is not valid.
        CorruptData: A file is damaged, or was changed meanwhile.
        Unsupported: A place is a table of a format that is not read, or with a feature that is not
            known, or a column of a frame has a type that tables cannot keep.
    """
    from catalog.catalog import Catalog
    from catalog.formats.open_table import bare_location
    from catalog.operations.compare.run import Sources, run_comparison
    from catalog.operations.diff_request import DiffRequest
    from catalog.storage.opening import open_files

    if progress is not None and not callable(progress):
        raise InvalidInput(f"progress must be a function, not {progress!r}")

    def find() -> "OperationContext":
        if isinstance(catalog, Catalog):
            return catalog.context
        assert catalog is not None, "there is a place"
        return Catalog.open(catalog, s3=s3, gcs=gcs, azure=azure, cache="").context

    request = DiffRequest(
        from_ref="old",
        to_ref="new",
        key=key,
        columns=columns,
        tolerance=tolerance,
        ignore=ignore,
        level=level,
        method=method,
        check_keys=check_keys,
        full_stats=full_stats,
        explain=explain,
        distributions=distributions,
        threads=threads,
        memory_limit_bytes=memory_limit_bytes,
        progress=progress,
    )
    places = bare_location(old), bare_location(new)
    files = open_files(places, s3=s3, gcs=gcs, azure=azure)
    sources = Sources(None if catalog is None else find, files)
    return run_comparison(old, new, request, sources, query=query)


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
