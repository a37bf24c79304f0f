"""Operations only tried out: done on a catalog over the stored one, which nothing reaches."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.repository.repository import Repository
from catalog.storage.overlay import OverlayStore

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@contextmanager
def tried_out(owner: "Catalog", *, dry_run: bool) -> Iterator["Catalog"]:
    """Yields the catalog on which an operation is done: itself, or in a dry run one over it.

    What a dry run writes, commits between two steps too, lies in a directory for temporary files
    that goes with it.
    """
    if not dry_run:
        yield owner
        return
    with tempfile.TemporaryDirectory(prefix="parquetry-") as folder:
        repository = Repository(OverlayStore(owner.repository.store, folder), owner.info)
        yield type(owner)(owner.uri, repository, author=owner.author, clock=owner.clock)
