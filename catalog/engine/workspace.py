"""Workspaces: connections with a directory of their own to spill into."""

import shutil
import tempfile
import weakref

import duckdb

from catalog.engine.connection import connect
from catalog.engine.resources import default_memory_limit
from catalog.storage.store import ObjectStore


class Workspace:
    """Is a connection with a directory of its own to spill into; both go when it is closed.

    Attributes:
        folder: The directory.
        con: The connection.
    """

    def __init__(
        self,
        *,
        store: ObjectStore | None = None,
        threads: int | None = None,
        memory_limit_bytes: int | None = None,
    ) -> None:
        self.folder = tempfile.mkdtemp(prefix="parquetry-")
        memory = default_memory_limit() if memory_limit_bytes is None else memory_limit_bytes
        try:
            self.con: duckdb.DuckDBPyConnection = connect(
                store=store,
                threads=threads,
                memory_limit_bytes=memory,
                temp_directory=self.folder,
            )
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._remove = weakref.finalize(self.con, shutil.rmtree, self.folder, ignore_errors=True)

    def close(self) -> None:
        """Closes the connection and removes the directory; also done when nobody uses it."""
        self.con.close()
        self._remove()
