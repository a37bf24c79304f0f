"""Where the metadata of a table is kept for clients to read.

It is derived, lies below ``cache/iceberg/``, and can be removed at any time: what a client is told
of is looked for before, and written again where it is gone or not as it was written. Files whose
names say nothing of their bytes have a sum beside them, by which a verification goes.
"""

import hashlib
import re
from contextlib import suppress

from catalog.errors import CatalogError, ErrorKind, StorageFailure
from catalog.model.ids import content_id
from catalog.repository.iceberg_sums import PREFIX, SUMS, sum_of
from catalog.storage.store import ObjectStore

READ_BYTES = 8 << 20
"""Bytes of a data file that are hashed at a time."""

_PLAIN = re.compile(r"[0-9a-f]{1,64}")
"""Ids of tables as the catalog makes them; others, of catalogs made by strangers, are hashed."""


class MetadataFolder:
    """The metadata files of one history of a table."""

    def __init__(self, store: ObjectStore, table_id: str, first: str) -> None:
        """Takes the store of the catalog.

        Args:
            store: The store.
            table_id: The table.
            first: The commit with which the history begins.
        """
        self._store = store
        segment = table_id if _PLAIN.fullmatch(table_id) else content_id(table_id.encode())
        self._path = f"{PREFIX}{segment}/{first}/"
        self._written: dict[str, str] = {}
        self._data: set[str] = set()

    @property
    def location(self) -> str:
        """Returns where it is, as clients know it."""
        return self._store.uri(self._path.rstrip("/"))

    def read(self, location: str) -> bytes:
        """Returns the content of a file that was written before.

        Raises:
            KeyError: It is gone, or another one by now.
        """
        path = self._path + location.rpartition("/")[2]
        content = self._stored(path)
        if content is None or content_id(content) != self._written[path]:
            raise KeyError(location)
        return content

    def write(self, name: str, content: bytes) -> str:
        """Writes a file whose name says what is in it, and returns where it is.

        One that is there as it should be is left, so that a catalog that cannot be written is
        served as far as it was served before.

        Raises:
            StorageFailure: It cannot be written.
        """
        path = self._path + name
        if self._stored(path) != content:
            try:
                self._store.put(path, content)
            except StorageFailure as error:
                raise StorageFailure(
                    f"cannot write {path}, from which clients read which files a table has: "
                    f"{error.message}",
                    kind=error.kind,
                    hint="serve the catalog with the right to write below cache/",
                ) from error
            self._sum(name, content_id(content))
        self._written[path] = content_id(content)
        return self._store.uri(path)

    def data_path(self, name: str) -> str:
        """Returns the path of a data file that is written again for clients."""
        return f"{self._path}data/{name}"

    def keep(self, path: str) -> None:
        """Notes that a data file was written, which clients are told of."""
        self._data.add(path)
        name = path.removeprefix(self._path)
        if self._store.info(self._path + SUMS + name) is None:
            digest = hashlib.sha256()
            offset = 0
            while part := self._store.read_range(path, offset, READ_BYTES):
                digest.update(part)
                offset += len(part)
            self._sum(name, digest.hexdigest())

    def drop(self, path: str) -> None:
        """Removes a data file, with its sum, so that it is made anew."""
        for one in (path, self._path + SUMS + path.removeprefix(self._path)):
            self._store.delete(one)

    def _sum(self, name: str, sha256: str) -> None:
        """Keeps what the bytes of a file are, with what tells that this itself is whole."""
        with suppress(CatalogError):
            self._store.put(self._path + SUMS + name, sum_of(sha256, self._path + name))

    def is_whole(self) -> bool:
        """Returns whether all that was written is still there."""
        names = {info.path for info in self._store.list(self._path)}
        return names.issuperset(self._written) and names.issuperset(self._data)

    def _stored(self, path: str) -> bytes | None:
        try:
            return self._store.read(path).data
        except CatalogError as error:
            if error.kind in (ErrorKind.OBJECT_NOT_FOUND, ErrorKind.CORRUPT_DATA):
                return None
            raise
