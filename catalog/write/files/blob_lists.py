"""Lists of the contents that new data files of a file set name, on their way into the store."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from catalog.formats.file_sets.rows import read_rows
from catalog.model.datafile import BlobList, DataFile
from catalog.repository.blobs import Blob, encode_list, list_path, read_list
from catalog.storage.failures import storage_errors
from catalog.storage.store import ObjectStore, StagedFile


class BlobLists:
    """Makes the list of each data file that is written, from its rows.

    Attributes:
        staged: The lists, with their paths in the store.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.staged: list[tuple[StagedFile, str]] = []
        self._store = store
        self._places: dict[str, str] = {}

    def know(self, files: Iterable[DataFile]) -> None:
        """Takes note of where the contents lie that some data files name."""
        for file in files:
            if file.blobs is not None and file.blobs.elsewhere:
                for blob in read_list(self._store, file.blobs):
                    self._places.setdefault(blob.sha256, blob.place)

    def of_rows(self, path: str, name: str, places: Mapping[str, str]) -> BlobList:
        """Returns the list of a data file that was just written.

        Args:
            path: Where it is.
            name: What messages call it.
            places: Where its contents lie, by hash, as far as that is not known otherwise.
        """
        rows = read_rows(path, name).select(["sha256", "size"]).to_pydict()
        known = {**self._places, **places}
        return self.add(
            Blob(sha256, size, known.get(sha256, ""))
            for sha256, size in zip(rows["sha256"], rows["size"], strict=True)
        )

    def add(self, blobs: Iterable[Blob]) -> BlobList:
        """Stages a list."""
        found, data = encode_list(blobs)
        path = list_path(found.id)
        if all(path != known for _, known in self.staged):
            scratch = self._store.scratch()
            with storage_errors(scratch, "cannot write a list of contents"):
                try:
                    Path(scratch).write_bytes(data)
                    self.staged.append((self._store.take_over(scratch), path))
                except BaseException:
                    if os.path.exists(scratch):
                        os.unlink(scratch)
                    raise
        return found

    def discard(self) -> None:
        """Forgets lists that were not published."""
        for staged, _ in self.staged:
            staged.discard()
        self.staged.clear()
