"""Files of Iceberg tables, read through the catalog's own access to directories and buckets.

PyIceberg would choose by the table's properties, which are anybody's, what code reads its files.
"""

import os
import stat
from typing import Any

import pyarrow as pa
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile

from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.formats.footer import ParquetSource
from catalog.formats.iceberg.locations import place_of
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.failures import machine_errors
from catalog.storage.store import ObjectStore


class TableFile(InputFile):
    """A file that a table names."""

    def __init__(self, location: str, store: ObjectStore | None) -> None:
        super().__init__(location)
        self._place = place_of(location)
        self._store = store

    def __len__(self) -> int:
        if is_remote(self._place):
            found = remote_files(self._store, self._place).look(self._place)
            if found is None:
                raise self._missing()
            return found.size_bytes
        return os.path.getsize(self._place)

    def exists(self) -> bool:
        """Returns whether it is there."""
        if is_remote(self._place):
            return remote_files(self._store, self._place).look(self._place) is not None
        return os.path.exists(self._place)

    def open(self, seekable: bool = True) -> InputStream:
        """Opens it for reading.

        Raises:
            CorruptData: It is missing.
            Unsupported: It is in a place that is not read.
        """
        if is_remote(self._place):
            try:
                opened = remote_files(self._store, self._place).open(self._place)
            except NotFound as error:
                raise self._missing() from error
            return pa.PythonFile(opened, mode="r")  # type: ignore[no-any-return]
        try:
            with machine_errors(f"cannot read {self._place}"):
                if not stat.S_ISREG(os.stat(self._place).st_mode):  # a pipe would never end
                    raise self._missing()
                return pa.OSFile(self._place)  # type: ignore[no-any-return]
        except FileNotFoundError as error:
            raise self._missing() from error
        except OSError as error:
            raise CorruptData(
                f"{self._place}, which the table names, is not a file that can be read: {error}",
                kind=ErrorKind.LOG_DAMAGED,
            ) from error

    def _missing(self) -> CorruptData:
        return CorruptData(
            f"{self._place}, which the table names, is missing",
            kind=ErrorKind.LOG_DAMAGED,
            hint="its version was expired, or the table was moved: its files are named by their "
            "full paths",
        )


class TableFiles(FileIO):
    """Reads the files that a table names, and writes none."""

    def __init__(self, store: ObjectStore | None) -> None:
        super().__init__({})
        self._store = store

    def new_input(self, location: str) -> InputFile:
        """Returns a file."""
        return TableFile(location, self._store)

    def read(self, location: str) -> bytes:
        """Returns the bytes of a file.

        Raises:
            CorruptData: It is missing.
            Unsupported: It is in a place that is not read.
        """
        stream: Any = self.new_input(location).open()
        with stream:
            return bytes(stream.read())

    def source(self, place: str) -> ParquetSource:
        """Returns what reads a Parquet file: its path, or the remote file, opened."""
        return remote_files(self._store, place).open(place) if is_remote(place) else place

    def new_output(self, location: str) -> OutputFile:
        """Refuses what the interface asks for: nothing is written to tables of others."""
        raise NotImplementedError(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refuses what the interface asks for: nothing is deleted from tables of others."""
        raise NotImplementedError(str(location))
