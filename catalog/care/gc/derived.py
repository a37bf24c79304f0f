"""Derived objects: which of them data files that stay still have a use for."""

from collections.abc import Iterator

from catalog.repository.fingerprints import fingerprint_path
from catalog.repository.reachability import Leaf
from catalog.repository.row_digests import digests_path

REMEMBERED = 1 << 18
"""Data files remembered, so that those which many leaves name are dealt with once."""


class Derived:
    """Finds the derived objects of data files."""

    def __init__(self) -> None:
        self._done: set[tuple[str, str]] = set()

    def paths(self, leaf: Leaf) -> Iterator[str]:
        """Yields where the fingerprints and the row digests of a leaf's files are, if there."""
        snapshot = leaf.table.snapshot
        for file in leaf.files():
            about = file.path, file.file_schema
            if about in self._done:
                continue
            if len(self._done) >= REMEMBERED:
                self._done.clear()
            self._done.add(about)
            yield fingerprint_path(file, snapshot.key)
            if file.file_schema in snapshot.file_schemas:
                yield digests_path(snapshot, file)
