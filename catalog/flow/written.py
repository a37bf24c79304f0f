"""What a command wrote: its output must be its own, not what an earlier run left there."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from catalog.errors import CatalogError, ErrorKind, InvalidInput
from catalog.formats.discover import list_source
from catalog.storage.store import ObjectStore

Files: TypeAlias = Mapping[str, tuple[int | str, ...]]
"""Files by their paths or URIs, each as it is: its size, times, inode, and ETag in a bucket."""


def files_before(place: str, store: ObjectStore) -> Files:
    """Returns the Parquet files of an output before its command runs; none if it is no source."""
    try:
        return _files(place, store)
    except CatalogError:
        return {}


def check_written(
    place: str,
    store: ObjectStore,
    before: Files,
    *,
    advice: str,
    is_known: Callable[[str], bool] = lambda path: False,
) -> None:
    """Checks that a command wrote its output: all of it but what is known anyway.

    Args:
        place: Where the output is.
        store: The catalog's store, which may have access to the bucket of the output.
        before: What was there before the command ran.
        advice: What helps if it wrote nothing.
        is_known: Returns whether the table has the content of a file already.

    Raises:
        InvalidInput: It wrote nothing, or left files that were there before.
        CatalogError: The output cannot be listed.
    """
    try:
        after = _files(place, store)
    except CatalogError as error:
        if error.kind != ErrorKind.SOURCE_NOT_FOUND:
            raise
        after = {}
    if all(before.get(path) == file for path, file in after.items()):
        raise InvalidInput(
            f"the command wrote nothing to {place}", kind=ErrorKind.COMMAND_FAILED, hint=advice
        )
    old = sorted(path for path, file in after.items() if before.get(path) == file)
    left = next((path for path in old if not is_known(path)), None)
    if left is not None:
        raise InvalidInput(
            f"{place} holds files that the command did not write: {left}",
            kind=ErrorKind.COMMAND_FAILED,
            hint="have the command clear the directory before it writes",
        )


def _files(place: str, store: ObjectStore) -> Files:
    return {
        one.path: (one.size_bytes, one.mtime_ns, one.ctime_ns, one.inode, one.etag)
        for one in list_source(place, store).files
    }
