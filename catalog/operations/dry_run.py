"""Dry runs: an operation done for real, on a store over the catalog's that nothing else reads."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.operations.context import OperationContext
from catalog.storage.overlay import OverlayStore


@contextmanager
def on_trial(context: OperationContext, *, dry_run: bool) -> Iterator[OperationContext]:
    """Yields the context an operation works on: the catalog itself, or a trial copy over it.

    Whatever a dry run writes, intermediate commits included, goes to a temporary directory that
    is deleted at the end.
    """
    if not dry_run:
        yield context
        return
    with tempfile.TemporaryDirectory(prefix="parquetry-") as folder:
        yield context.over(OverlayStore(context.repository.store, folder))
