"""Verification of what leaves name: data files, lists of contents, and the contents."""

import hashlib
import os
from collections.abc import Iterator, Sequence

from catalog.care.fsck.findings import Findings
from catalog.care.fsck.present import Present
from catalog.care.fsck.rows import RowsCheck, Told
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
from catalog.threads import Threads

TOGETHER = 1000
"""Contents that are looked at together."""

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


@dataclass(frozen=True, slots=True)
class _Look:
    """What was found of a file.

    Attributes:
        found: What was found without reading it.
        told: What was found by reading it.
        bytes: How many of its bytes were hashed.
        unproved: Whether no hash of it is known.
    """

    found: frozenset[int] = NOTHING
    told: Sequence[Told] = ()
    bytes: int = 0
    unproved: bool = False


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
        self._rows = RowsCheck(store)
        self._bad: dict[str, frozenset[int]] = {}
        self._outside: set[bytes] = set()
        self.is_loose = False
        self.damaged: dict[str, Damaged] = {}
        self.bytes = 0
        self.count = 0
        self.unproved = 0

    def check(self, table: StoredTable, files: list[DataFile]) -> frozenset[int]:
        """Verifies the data files of a leaf, and returns the findings at them."""
        looks = self._looks(table, files)
        found = NOTHING
        for file in files:
            one = self._file(table, file, looks)
            if file.blobs is not None:
                one |= self._contents(table, file)
            if one:
                self._findings.table(one, table.name, _partition(table, file))
                found |= one
        return found

    def _name(self, file: DataFile) -> str:
        """Returns what stands for a file and all that is said of it."""
        name = f"{file.path}\0{file.size_bytes}\0{file.token}\0{file.guard}"
        return name + (f"\0{file.file_schema}\0{file.rows}" if self._deep else "")

    def _looks(self, table: StoredTable, files: list[DataFile]) -> "dict[str, _Look]":
        """Looks at the files that nobody has looked at yet; their bytes are read by threads."""
        found = {}
        whole = {}
        for file in files:
            name = self._name(file)
            if name in found or self._seen(name) is not None:
                continue
            check()
            self.count += 1
            found[name] = _Look(self._presence(table, file))
            if self._deep and not found[name].found:
                whole[name] = file
        with Threads(min(os.cpu_count() or 1, len(whole)) or 1) as pool:
            for name, look in zip(
                whole, pool.map(lambda file: self._read(table, file), whole.values()), strict=True
            ):
                found[name] = look
        return found

    def _file(
        self, table: StoredTable, file: DataFile, looks: "dict[str, _Look]"
    ) -> frozenset[int]:
        if not _is_outside(file):
            self._present.need(file.path)
        name = self._name(file)
        if (known := self._seen(name)) is not None:
            return known
        look = looks[name]
        self.bytes += look.bytes
        self.unproved += look.unproved
        found = look.found
        for told in look.told:
            one = self._findings.add(told.kind, told.path, told.message)
            if told.is_derived:
                self._findings.table(one, table.name)
            else:
                found |= one
            if told.kind == "data-damaged":
                sha256 = file.token.partition("sha256:")[2]
                self.damaged[file.path] = Damaged(sha256, file.size_bytes)
        return self._done(name, found)

    def _presence(self, table: StoredTable, file: DataFile) -> frozenset[int]:
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

    def _read(self, table: StoredTable, file: DataFile) -> "_Look":
        """Reads a file; in any thread."""
        kind, _, expected = file.token.partition(":")
        length, unproved = 0, kind != "sha256"
        if not unproved:
            try:
                actual, length = self._hash(file.path, own=not _is_outside(file))
            except CatalogError as error:
                return _Look(told=(Told("unreadable", file.path, error.message),))
            if actual != expected:
                wrong = Told(
                    "data-damaged" if file.guard is None else "reference-changed",
                    file.path,
                    f"the bytes of {file.path} are not those that were committed",
                )
                return _Look(told=(wrong,), bytes=length)
        told = tuple(self._rows.look(table, file))
        return _Look(told=told, bytes=length, unproved=unproved)

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
        for part in range(0, len(blobs), TOGETHER):
            found |= self._blobs(blobs[part : part + TOGETHER])
        return self._done(f"{path}\0{file.blobs.elsewhere}", found)

    def _blobs(self, blobs: Sequence[Blob]) -> frozenset[int]:
        """Verifies contents; their bytes are read by threads."""
        sizes: dict[str, tuple[Blob, int | CatalogError | None]] = {}
        whole = []
        for blob in blobs:
            if blob.path is not None:
                self._present.need(blob.path)
            name = _blob_name(blob)
            if name in sizes or self._seen(name) is not None:
                continue
            check()
            self.count += 1
            size = self._blob_size(blob)
            sizes[name] = blob, size
            if self._deep and size == blob.size_bytes:
                whole.append(name)
        with Threads(min(os.cpu_count() or 1, len(whole)) or 1) as pool:
            hashed = pool.map(lambda name: self._hashed(sizes[name][0]), whole)
            for name, actual in zip(whole, hashed, strict=True):
                blob = sizes[name][0]
                if isinstance(actual, CatalogError):
                    sizes[name] = blob, actual
                    continue
                self.bytes += blob.size_bytes
                if actual != blob.sha256:
                    sizes[name] = blob, -1
        for name, (blob, size) in sizes.items():
            self._done(name, self._blob(blob, size))
        return frozenset().union(*(self._seen(_blob_name(blob)) or NOTHING for blob in blobs))

    def _blob(self, blob: Blob, size: int | CatalogError | None) -> frozenset[int]:
        """Tells of a content, given its size; None if it is gone, -1 if it has other bytes."""
        path = _blob_path(blob)
        if size == blob.size_bytes:
            return NOTHING
        if not blob.place:
            self.damaged[path] = Damaged(blob.sha256, blob.size_bytes)
        if isinstance(size, CatalogError):
            return self._findings.add("unreadable", path, size.message)
        if size is None and not blob.place:
            return self._missing("content-missing", path, f"{path} is gone")
        return self._findings.add(
            "content-changed" if blob.place else "content-damaged",
            path,
            f"{path} is gone, or its bytes are not those that were taken in",
        )

    def _blob_size(self, blob: Blob) -> int | CatalogError | None:
        try:
            if blob.path is not None:
                return self._present.size(blob.path)
            return self._outside_size(blob.place)
        except CatalogError as error:
            return error

    def _hashed(self, blob: Blob) -> str | CatalogError:
        try:
            return self._hash(_blob_path(blob), own=blob.path is not None)[0]
        except CatalogError as error:
            return error

    def _outside_size(self, path: str) -> int | None:
        if is_remote(path):
            found = remote_files(self._store, path).look(path)
            return None if found is None else found.size_bytes
        try:
            return os.stat(path).st_size
        except OSError:
            return None

    def _hash(self, path: str, *, own: bool) -> tuple[str, int]:
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


def _blob_path(blob: Blob) -> str:
    return blob.path or blob.place


def _blob_name(blob: Blob) -> str:
    return f"{_blob_path(blob)}\0{blob.sha256}\0{blob.size_bytes}"


def _is_outside(file: DataFile) -> bool:
    return os.path.isabs(file.path) or is_remote(file.path)


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
