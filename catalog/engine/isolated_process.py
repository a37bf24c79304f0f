"""What runs in the process of an isolated engine.

On its stdin it gets a line of JSON, ``[sys.path, job]``; its answer is a line of JSON on stdout:
``{"names": […]}`` or ``{"failure": […]}``. Before that it may ask for parts
of remote files: ``{"ask": "look" or "read", "uri": …}`` is answered by a line, and by as many
bytes as that says.
"""

import datetime
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.engine.allowed_files import SCHEME, AllowedFiles
from catalog.engine.restricted import restricted_engine
from catalog.errors import (
    CatalogError,
    CorruptData,
    ErrorKind,
    InvalidInput,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.model.limits import Limits
from catalog.storage.positioned_file import PositionedFile
from catalog.storage.store import OpenFile, RemoteFile

BOOT = (
    "import json, sys; path, job = json.loads(sys.stdin.buffer.readline()); sys.path[:] = path; "
    "from catalog.engine.isolated_process import main; main(job)"
)
"""The program that the process begins with: it imports from where its parent does."""

ROOM_BYTES = 2 << 30
"""Address space beside the engine's memory limit, and as much of that again: for code, stacks of
threads, buffers that DuckDB does not count, and heaps that are not full."""

LOOKS_EVERY_S = 0.5
"""How often the process looks whether its parent is still there."""


def main(job: Mapping[str, Any]) -> None:
    """Does a job and ends the process."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever else is written to stdout
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    channel = _Channel(answers)
    try:
        _limit(job)
        answer = _done(job, channel)
    except CatalogError as error:
        answer = {"failure": failure_of(error)}
    except MemoryError:
        answer = {"failure": failure_of(_too_little_memory())}
    channel.send(answer)
    os._exit(0)  # nothing to tidy up, and no destructor of a library that lacks memory


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOKS_EVERY_S)
    os._exit(1)


def _limit(job: Mapping[str, Any]) -> None:
    """Limits the process by means of the operating system."""
    room = job["memory_bytes"] * 2 + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _done(job: Mapping[str, Any], channel: "_Channel") -> dict[str, Any]:
    limits = Limits(job["time_s"], job["memory_bytes"], job["spill_bytes"], job["threads"])
    files = AllowedFiles(remote=lambda uri: channel)
    files.allowed.update(job["files"])
    with restricted_engine(files=files, limits=limits, folder=job["folder"]) as engine:
        for name, values in job["variables"].items():
            engine.connection.execute(f"SET VARIABLE {name} = CAST(? AS VARCHAR[])", [values])
        return {"names": engine.write(job["sql"], job["path"], limit=job["limit"])}


class _Channel:
    """Asks the parent for remote files; see ``filesystem.Files``."""

    scheme = SCHEME

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends a line."""
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._answers, data) :]

    def ask(self, **question: object) -> tuple[Mapping[str, Any], bytes]:
        """Asks the parent, and returns its answer with the bytes that follow it.

        Raises:
            CatalogError: It could not read the file.
        """
        with self._lock:
            self.send(question)
            answer = json.loads(sys.stdin.buffer.readline())
            data = sys.stdin.buffer.read(answer.get("length", 0))
        if "failure" in answer:
            raise failure_from(answer["failure"])
        return answer, data

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of a file; None if there is none."""
        answer, _ = self.ask(ask="look", uri=f"{SCHEME}{uri}")
        if answer["found"] is None:
            return None
        size, modified, etag = answer["found"]
        return RemoteFile(uri, size, datetime.datetime.fromisoformat(modified), etag)

    def open(self, uri: str, *, like: OpenFile | None = None) -> OpenFile:
        """Opens a file, which is read by the parent.

        Raises:
            CorruptData: It is gone.
        """
        found = self.look(uri) if like is None else like.found
        if found is None:
            raise CorruptData(f"{uri} is gone", kind=ErrorKind.FILE_CHANGED)
        return _AskedFile(self, found)


class _AskedFile(PositionedFile):
    def __init__(self, channel: _Channel, found: RemoteFile) -> None:
        super().__init__(found)
        self._channel = channel

    def part(self, offset: int, length: int) -> bytes:
        uri = f"{SCHEME}{self.found.uri}"
        _, data = self._channel.ask(ask="read", uri=uri, offset=offset, length=length)
        return data


def failure_of(error: CatalogError) -> list[str]:
    """Returns an error as JSON."""
    return [type(error).__name__, error.message, error.kind, error.hint]


def failure_from(stored: Sequence[str]) -> CatalogError:
    """Returns the error that ``failure_of`` wrote."""
    name, message, kind, hint = stored
    known = (InvalidInput, CorruptData, Unsupported, NotFound)
    category = next((one for one in known if one.__name__ == name), StorageFailure)
    stated = next((one for one in ErrorKind if one == kind), None)
    return category(message, kind=stated, hint=hint)


def _too_little_memory() -> StorageFailure:
    return StorageFailure(
        "the statement needs more memory than it may take",
        kind=ErrorKind.OUT_OF_MEMORY,
        hint="raise the memory limit",
    )
