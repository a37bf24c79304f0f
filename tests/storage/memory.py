"""A store in memory: for tests and for trying things out within one process."""

import datetime
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import AlreadyExists, ErrorKind, NotFound, StorageFailure, Unsupported
from catalog.hints import Option, hint
from catalog.storage.store import ObjectInfo, StagedFile, Stored, SwapLost, check_path


@dataclass(frozen=True, slots=True)
class _Held:
    data: bytes
    serial: int
    modified: datetime.datetime


class MemoryStore:
    """Objects in a dictionary; see ``ObjectStore`` for what each method promises."""

    location = "memory://"
    external_files = None

    def __init__(self) -> None:
        self._objects: dict[str, _Held] = {}
        self._serial = 0
        self._lock = threading.Lock()

    def read(self, path: str) -> Stored:
        """Returns an object."""
        held = self._objects.get(check_path(path))
        if held is None:
            raise NotFound(f"no object {path}", kind=ErrorKind.OBJECT_NOT_FOUND)
        return Stored(held.data, str(held.serial))

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""
        return self.read(path).data[offset : offset + length]

    def info(self, path: str) -> ObjectInfo | None:
        """Returns what a listing would say of an object."""
        held = self._objects.get(check_path(path))
        return None if held is None else _info(path, held)

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist."""
        with self._lock:
            if check_path(path) in self._objects:
                raise AlreadyExists(f"object {path} exists", kind=ErrorKind.OBJECT_EXISTS)
            return self._set(path, data)

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        """Replaces an object that must still be at a version."""
        with self._lock:
            held = self._objects.get(check_path(path))
            if held is None or str(held.serial) != version:
                raise SwapLost(f"object {path} was changed by another writer")
            return self._set(path, data)

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object."""
        with self._lock:
            self._set(check_path(path), data)

    def stage(self, source: str) -> "_MemoryStaged":
        """Takes in a copy of a local file."""
        try:
            data = Path(source).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"no file {source}", kind=ErrorKind.SOURCE_NOT_FOUND) from error
        except OSError as error:
            raise StorageFailure(f"cannot read {source}: {error.strerror}") from error
        return _MemoryStaged(data)

    def scratch(self) -> str:
        """Returns a fresh path in the system's directory for temporary files."""
        descriptor, name = tempfile.mkstemp(prefix="parquetry-")
        os.close(descriptor)
        return name

    def take_over(self, source: str) -> "_MemoryStaged":
        """Takes in a local file that nobody else uses."""
        staged = self.stage(source)
        Path(source).unlink(missing_ok=True)
        return staged

    def publish(self, files: Sequence[tuple[StagedFile, str]]) -> None:
        """Gives staged files their names."""
        for staged, path in files:
            data = Path(staged.local_path).read_bytes()
            with self._lock:
                if check_path(path) not in self._objects:
                    self._set(path, data)
            staged.discard()

    def adopt(self, files: Sequence[tuple[str, str]]) -> list[bool]:
        """Refuses: memory cannot link to files."""
        raise Unsupported(
            "a catalog in memory cannot link to files", hint=hint("use {}", Option("mode", "copy"))
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields objects in path order."""
        for path in sorted(self._objects):
            if path.startswith(prefix):
                held = self._objects[path]
                yield _info(path, held)

    def delete(self, path: str) -> None:
        """Removes an object."""
        with self._lock:
            self._objects.pop(check_path(path), None)

    def delete_listed(self, found: Sequence[ObjectInfo]) -> Sequence[bool]:
        """Removes objects that are still those that were listed."""
        gone = []
        for listed in found:
            with self._lock:
                now = self.info(listed.path)
                gone.append(now is None or now.identity == listed.identity)
                if gone[-1]:
                    self._objects.pop(listed.path, None)
        return gone

    def uri(self, path: str) -> str:
        """Refuses: no engine can read this process's memory by name."""
        raise Unsupported(
            "an engine cannot read a catalog in memory", hint="create the catalog in a directory"
        )

    def _set(self, path: str, data: bytes) -> str:
        self._serial += 1
        now = datetime.datetime.now(datetime.UTC)
        self._objects[path] = _Held(bytes(data), self._serial, now)
        return str(self._serial)


class _MemoryStaged:
    def __init__(self, data: bytes) -> None:
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.size_bytes = len(data)
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(data)
        self.local_path = file.name

    def discard(self) -> None:
        Path(self.local_path).unlink(missing_ok=True)


def _info(path: str, held: _Held) -> ObjectInfo:
    return ObjectInfo(path, len(held.data), held.modified, str(held.serial))
