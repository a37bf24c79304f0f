"""The engine on which a checked SELECT runs."""

from contextlib import AbstractContextManager

from catalog.engine.allowed_files import AllowedFiles
from catalog.engine.isolated import isolated_engine
from catalog.engine.restricted import SelectEngine, restricted_engine
from catalog.model.limits import Limits
from catalog.query.stored.check import StoredSelect
from catalog.storage.external_files import remote_files
from catalog.storage.store import ObjectStore


def engine_for(
    select: StoredSelect, *, store: ObjectStore | None = None, limits: Limits | None = None
) -> AbstractContextManager[SelectEngine]:
    """Opens an engine that can read only the relations that are made known to it.

    A SELECT whose values may grow without bound gets a process of its own, since nothing else can
    stop it.

    Args:
        select: What is going to run.
        store: The catalog's store, through which files in buckets are read.
        limits: What each statement may take.

    Raises:
        StorageFailure: There is no place for temporary files.
    """
    files = AllowedFiles(lambda uri: remote_files(store, uri))
    if select.bounded:
        return restricted_engine(files=files, limits=limits)
    return isolated_engine(files=files, limits=limits)
