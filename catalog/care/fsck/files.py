"""Verification of what leaves name: data files, lists of contents, and the contents."""

import hashlib
import os
from collections.abc import Iterator

from catalog.care.fsck.findings import Findings
from catalog.care.fsck.present import Present
from catalog.care.fsck.rows import RowsCheck
from catalog.care.fsck.trees import NOTHING
from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, CorruptData, ErrorKind, StorageFailure
from catalog.interruption import check
from catalog.model.datafile import DataFile
from catalog.model.partition import partition_text, partition_values
from catalog.repository.blobs import Blob, list_path, read_list
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import verify
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.store import ObjectStore

READ_BYTES = 8 << 20
"""Bytes that are read, to hash them, at a time."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """An object of which it is known by what hash its bytes are to be told.

    Attributes:
        sha256: Of its bytes, hex; empty if it is not known.
        table: The table that needs it, for lists.
        file: The entry of the data file that names it, for lists.
    """

    sha256: str
    size_bytes: int | None = None
    table: StoredTable | None = None
    file: DataFile | None = None


class Files:
    """Verifies the files that commits need, each once.

    Args:
        store: The objects.
        present: Which are there.
        findings: Takes what is wrong.
        deep: Whether to read all bytes.

    Attributes:
        is_loose: Whether what is gone may be gone: only old moves of branches lead to it.
        damaged: What is known of objects that are gone or damaged, by path.
        bytes: How many bytes were read and hashed.
        count: How many files were looked at.
    """

    def __init__(
        self, store: ObjectStore, present: Present, findings: Findings, *, deep: bool
    ) -> None:
        self._store = store
        self._present = present
        self._findings = findings
        self._deep = deep
        self._rows = RowsCheck(store, findings)
        self._bad: dict[str, frozenset[int]] = {}
        self._outside: set[bytes] = set()
        self.is_loose = False
        self.damaged: dict[str, Damaged] = {}
        self.bytes = 0
        self.count = 0
        self.unproved = 0

    def check(self, table: StoredTable, files: list[DataFile]) -> frozenset[int]:
        """Verifies the data files of a leaf, and returns the findings at them."""
        found = NOTHING
        for file in files:
            one = self._file(table, file)
            if file.blobs is not None:
                one |= self._contents(table, file)
            if one:
                self._findings.table(one, table.name, _partition(table, file))
                found |= one
        return found

    def _file(self, table: StoredTable, file: DataFile) -> frozenset[int]:
        own = not (os.path.isabs(file.path) or is_remote(file.path))
        if own:
            self._present.need(file.path)
        name = f"{file.path}\0{file.size_bytes}\0{file.token}\0{file.guard}"
        schema = f"\0{file.file_schema}\0{file.rows}" if self._deep else ""
        if (known := self._seen(name + schema)) is not None:
            return known
        check()
        self.count += 1
        found = self._presence(table, file, own)
        if not found and self._deep:
            found = self._content(file, own) or self._rows.check(table, file)
        return self._done(name + schema, found)

    def _presence(self, table: StoredTable, file: DataFile, own: bool) -> frozenset[int]:
        if file.guard is None:
            size = self._present.size(file.path)
            if size == file.size_bytes:
                return NOTHING
            token = file.token.partition("sha256:")[2]
            self.damaged[file.path] = Damaged(token, file.size_bytes)
            if size is None:
                return self._missing("data-missing", file.path, f"{file.path} is gone")
            return self._findings.add(
                "data-damaged",
                file.path,
                f"{file.path} has {size} bytes, and was committed with {file.size_bytes}",
            )
        try:
            verify(self._store, [file], what=f"table {table.name}")
        except CorruptData as error:
            return self._findings.add("reference-changed", file.path, error.message)
        except CatalogError as error:
            return self._findings.add("unreadable", file.path, error.message)
        return NOTHING

    def _content(self, file: DataFile, own: bool) -> frozenset[int]:
        kind, _, expected = file.token.partition(":")
        if kind != "sha256":
            self.unproved += 1
            return NOTHING
        try:
            actual, length = self._hash(file.path, own)
        except CatalogError as error:
            return self._findings.add("unreadable", file.path, error.message)
        self.bytes += length
        if actual == expected:
            return NOTHING
        if file.guard is None:
            self.damaged[file.path] = Damaged(expected, file.size_bytes)
        return self._findings.add(
            "data-damaged" if file.guard is None else "reference-changed",
            file.path,
            f"the bytes of {file.path} are not those that were committed",
        )

    def _contents(self, table: StoredTable, file: DataFile) -> frozenset[int]:
        assert file.blobs is not None, "only file sets have contents"
        path = list_path(file.blobs.id)
        self._present.need(path)
        known = self._seen(f"{path}\0{file.blobs.elsewhere}")
        if known is not None:
            return known
        check()
        found = NOTHING
        try:
            blobs = read_list(self._store, file.blobs)
        except CorruptData as error:
            self.damaged[path] = Damaged(file.blobs.id, None, table, file)
            if self._present.size(path) is None:
                found = self._missing("list-missing", path, error.message)
            else:
                found = self._findings.add("list-damaged", path, error.message)
            blobs = []
        except CatalogError as error:
            found, blobs = self._findings.add("unreadable", path, error.message), []
        for blob in blobs:
            found |= self._blob(blob)
        return self._done(f"{path}\0{file.blobs.elsewhere}", found)

    def _blob(self, blob: Blob) -> frozenset[int]:
        own = blob.path is not None
        path = blob.path or blob.place
        if own:
            self._present.need(path)
        if (known := self._seen(f"{path}\0{blob.size_bytes}")) is not None:
            return known
        self.count += 1
        kind = "content" if not blob.place else "content-changed"
        found = NOTHING
        try:
            size = self._present.size(path) if own else self._outside_size(path)
            actual, length = "", 0
            if size == blob.size_bytes and self._deep:
                actual, length = self._hash(path, own)
                self.bytes += length
            if size is None and not blob.place:
                found = self._missing("content-missing", path, f"{path} is gone")
            elif size != blob.size_bytes or (self._deep and actual != blob.sha256):
                found = self._findings.add(
                    "content-damaged" if kind == "content" else kind,
                    path,
                    f"{path} is gone, or its bytes are not those that were taken in",
                )
        except CatalogError as error:
            found = self._findings.add("unreadable", path, error.message)
        if found and not blob.place:
            self.damaged[path] = Damaged(blob.sha256, blob.size_bytes)
        return self._done(f"{path}\0{blob.size_bytes}", found)

    def _outside_size(self, path: str) -> int | None:
        if is_remote(path):
            found = remote_files(self._store, path).look(path)
            return None if found is None else found.size_bytes
        try:
            return os.stat(path).st_size
        except OSError:
            return None

    def _hash(self, path: str, own: bool) -> tuple[str, int]:
        """Returns the hash of the bytes of a file, and how many they are."""
        digest, length = hashlib.sha256(), 0
        for part in parts_of(self._store, path) if own else _outside_parts(self._store, path):
            digest.update(part)
            length += len(part)
        return digest.hexdigest(), length

    def _missing(self, kind: str, path: str, message: str) -> frozenset[int]:
        found = self._findings.add(
            kind, path, message, severity="left over" if self.is_loose else "damage"
        )
        if not self.is_loose:
            self._findings.worsen(found)
        return found

    def _seen(self, name: str) -> frozenset[int] | None:
        """Returns what was found of a file before; None if nobody looked."""
        bad = self._bad.get(name)
        if bad is not None:
            if not self.is_loose:
                self._findings.worsen(bad)
            return bad
        return NOTHING if _short(name) in self._outside else None

    def _done(self, name: str, found: frozenset[int]) -> frozenset[int]:
        if found:
            self._bad[name] = found
        else:
            self._outside.add(_short(name))
        return found


def _short(name: str) -> bytes:
    return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()


def _partition(table: StoredTable, file: DataFile) -> str:
    try:
        return partition_text(partition_values(table.snapshot, file))
    except (CatalogError, ValueError, OverflowError):
        return ""


def parts_of(store: ObjectStore, path: str) -> Iterator[bytes]:
    """Yields the bytes of an object in parts."""
    offset = 0
    while part := store.read_range(path, offset, READ_BYTES):
        check()
        yield part
        offset += len(part)
        if len(part) < READ_BYTES:
            return


def _outside_parts(store: ObjectStore, path: str) -> Iterator[bytes]:
    """Yields the bytes of a file that is not the catalog's own."""
    if is_remote(path):
        opened = remote_files(store, path).open(path)
        try:
            while part := opened.read(READ_BYTES):
                check()
                yield part
        finally:
            opened.close()
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as source:
            while part := source.read(READ_BYTES):
                check()
                yield part
    except OSError as error:
        raise StorageFailure(
            f"cannot read {path}: {error.strerror or error}", kind=ErrorKind.STORAGE
        ) from error
