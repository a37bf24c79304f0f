"""Files of file sets, found, opened and restored."""

import difflib
import os
import threading
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass
from catalog.engine.verification import verified
from catalog.errors import CorruptData, ErrorKind, InvalidInput, NotFound
from catalog.formats.file_sets.rows import read_rows
from catalog.hints import Option, hint
from catalog.model.datafile import DataFile
from catalog.model.file_sets import KEY, check_file_set, is_file_set, path_problem
from catalog.model.ids import excerpt
from catalog.model.texts import check_text
from catalog.operations.context import OperationContext
from catalog.operations.tables import stored_table
from catalog.repository.blobs import Blob, read_list
from catalog.repository.columnar import strings
from catalog.repository.commits import StoredTable
from catalog.repository.contents import copy_content, open_content
from catalog.repository.datafiles import readable
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.repository.tables import data_files
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

THREADS = 8
"""Files restored at a time."""

BATCH_FILES = 64
"""Files that a thread restores at a time."""


@dataclass(frozen=True, slots=True)
class FileSet:
    """A file set at a commit.

    Attributes:
        what: What messages call it.
    """

    context: OperationContext
    stored: StoredTable
    what: str

    @property
    def store(self) -> ObjectStore:
        """Where its contents are."""
        return self.context.repository.store

    def rows(self, files: list[DataFile]) -> Iterator[tuple[DataFile, pa.Table]]:
        """Yields data files with their rows.

        Raises:
            CorruptData: One is not what was committed, or holds what no file set has.
        """
        watch = verified(self.context.repository, files, what=self.what)
        for file in files:
            yield file, read_rows(readable(self.store, file), file.path)
        watch.check()

    def files(self, path: str | None = None) -> list[DataFile]:
        """Returns its data files, or those alone that may have a row of a path."""
        found = data_files(self.context.repository.commits, self.stored, fields=KEY)
        if path is None:
            return list(found)
        return [file for file in found if _may_hold(file, path.encode())]

    def places(self, file: DataFile) -> Mapping[str, str]:
        """Returns where those contents of a data file lie that are not the catalog's own."""
        if file.blobs is None or not file.blobs.elsewhere:
            return {}
        return {blob.sha256: blob.place for blob in read_list(self.store, file.blobs)}


def file_set(context: OperationContext, table: str, ref: str) -> FileSet:
    """Returns a file set at a ref.

    Raises:
        NotFound: There is no such table or ref.
        InvalidInput: The table is no file set.
    """
    resolved = context.resolve(ref)
    stored = stored_table(context.repository, table, resolved)
    if not is_file_set(stored.snapshot.properties):
        raise InvalidInput(
            f"table {stored.name!r} is no file set: it has rows, and no files",
            kind=ErrorKind.FILE_SET,
            hint=hint("a snapshot with {} makes one", Option("format", "files")),
        )
    check_file_set(stored.name, stored.snapshot)
    return FileSet(context, stored, f"table {stored.name} in commit {resolved.commit_id[:8]}")


def open_file(context: OperationContext, table_at: str, path: str) -> BinaryIO:
    """Opens a file of a file set; see ``Catalog.open_file``."""
    check_text(table_at, "the file set")
    check_text(path, "the path")
    table, at, ref = table_at.partition("@")
    if not table or (at and not ref):
        raise InvalidInput(f"{table_at!r} is not of the form TABLE@REF", hint="e.g. images@main")
    if ref.startswith("{"):
        ref = f"{DEFAULT_BRANCH}@{ref}"
    found = file_set(context, table, ref or DEFAULT_BRANCH)
    return open_content(found.store, _find(found, path, table_at))


def _find(files: FileSet, path: str, shown: str) -> Blob:
    """Returns the content of a path.

    Raises:
        NotFound: The set has no such path.
    """
    near: list[str] = []
    wanted = [] if path_problem(path) else files.files(path)
    for file, rows in files.rows(wanted):
        at = pc.index(rows["path"], strings([path])[0]).as_py()
        if at >= 0:
            sha256 = rows["sha256"][at].as_py()
            return Blob(sha256, rows["size"][at].as_py(), files.places(file).get(sha256, ""))
        near += rows["path"].to_pylist()
    close = difflib.get_close_matches(path, near, n=3, cutoff=0.6)
    raise NotFound(
        f"{shown} has no file {path!r}",
        kind=ErrorKind.ROW_NOT_FOUND,
        hint=f"did you mean {' or '.join(close)}?"
        if close
        else f"paths are relative, as the column path has them: SELECT path FROM {shown}",
    )


def _may_hold(file: DataFile, path: bytes) -> bool:
    stats = file.stats.get(KEY[0])
    if stats is None:
        return True
    return not (
        (stats.low is not None and path < stats.low)
        or (stats.high is not None and path > stats.high)
    )


def restore(files: FileSet, folder: str) -> int:
    """Writes all files of a file set below a directory that is made; returns how many.

    Raises:
        CorruptData: A content is not what was committed, or a path is not one of a file set's.
    """
    os.makedirs(folder, exist_ok=True)
    count = 0
    made, stopped = {folder}, threading.Event()
    with Threads(THREADS) as pool:
        try:
            for file, rows in files.rows(files.files()):
                jobs = _Jobs(files, folder, made, files.places(file), rows, stopped)
                list(pool.map(jobs.run, range(0, len(rows), BATCH_FILES)))
                count += len(rows)
        finally:
            stopped.set()
    return count


@dataclass(frozen=True, slots=True)
class _Jobs:
    """The files of one data file, to be written.

    Attributes:
        made: The directories that are there.
        stopped: Set once no further file is to be written.
    """

    files: FileSet
    folder: str
    made: set[str]
    places: Mapping[str, str]
    rows: pa.Table
    stopped: threading.Event

    def run(self, start: int) -> None:
        """Writes some of the files."""
        part = self.rows.slice(start, BATCH_FILES)
        times = part["modified"].cast(pa.int64())
        columns = (part["path"], part["size"], part["sha256"], times)
        for path, size, sha256, modified in zip(*(c.to_pylist() for c in columns), strict=True):
            if self.stopped.is_set():
                return
            target = self._target(path)
            try:
                copy_content(
                    self.files.store, Blob(sha256, size, self.places.get(sha256, "")), target
                )
            except (FileExistsError, IsADirectoryError) as error:
                raise self._wrong(path, "another file of the set has that name here") from error
            try:
                os.utime(target, ns=(modified * 1000, modified * 1000))
            except (OverflowError, ValueError) as error:
                raise self._wrong(path, "its time is none that a file can have") from error

    def _target(self, path: str) -> str:
        """Returns where a file goes; its directory is made.

        Raises:
            CorruptData: It would go elsewhere, or nowhere.
        """
        problem = path_problem(path)
        if problem is not None:
            raise self._wrong(path, problem)
        target = os.path.join(self.folder, *path.split("/"))
        folder = os.path.dirname(target)
        if folder not in self.made:
            try:
                os.makedirs(folder, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise self._wrong(
                    path, "a file of the set has the name of its directory"
                ) from error
            self.made.add(folder)
        return target

    def _wrong(self, path: str, problem: str) -> CorruptData:
        return CorruptData(f"{self.files.what} has a file {excerpt(path)}: {problem}")
