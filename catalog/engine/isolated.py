"""The restricted engine in a process of its own, for SELECTs that DuckDB's limits do not stop.

One call of a function such as ``range(1000000000)`` or ``repeat('x', 2000000000)`` takes as much
memory and time as it likes: DuckDB looks at its limits between calls. A process has a limit of
memory that the operating system keeps, and can be killed. It gets no environment, and no access
to buckets: parts of remote files are read here and handed over.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import duckdb

from catalog.engine.allowed_files import AllowedFiles
from catalog.engine.isolated_process import BOOT, failure_from, failure_of
from catalog.engine.relation import RelationSql
from catalog.engine.restricted import Result, allowed_relation, attached, time_is_over
from catalog.engine.workspace import default_memory_limit
from catalog.errors import CatalogError, ErrorKind, StorageFailure
from catalog.interruption import register
from catalog.model.limits import Limits
from catalog.model.scan_plan import ScanPlan
from catalog.storage.failures import temporary_folder
from catalog.storage.store import OpenFile

KILL_AFTER_S = 2.0
"""How long after its time the process is killed: it should have stopped by itself."""

_LIBRARIES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables that Python may need to start: where its libraries are."""

OPEN_FILES = 100
"""Remote files that are kept open for a process."""


class IsolatedEngine:
    """See ``SelectEngine``; each SELECT has a process."""

    def __init__(self, files: AllowedFiles, limits: Limits, *, folder: str) -> None:
        self._files = files
        self._limits = limits
        self._folder = folder
        self._variables: dict[str, list[str | None]] = {}
        self._numbers = count(1)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._interrupted = False
        register(self)

    def relation(self, plan: ScanPlan) -> str:
        """See ``SelectEngine``."""
        relation: RelationSql = allowed_relation(plan, self._files)
        self._variables.update(relation.variables)
        return relation.text

    @contextmanager
    def result(
        self, sql: str, *, within: duckdb.DuckDBPyConnection, limit: int | None = None
    ) -> Iterator[Result]:
        """See ``SelectEngine``."""
        path = os.path.join(self._folder, f"{next(self._numbers)}.db")
        try:
            names = self._run(sql, path, limit)
            with attached(path, within) as table:
                yield Result(table, names)
        finally:
            with suppress(FileNotFoundError):
                os.remove(path)

    def interrupt(self) -> None:
        """See ``SelectEngine``."""
        self._interrupted = True
        for process in tuple(self._running):
            process.kill()

    def _run(self, sql: str, path: str, limit: int | None) -> tuple[str, ...]:
        """Runs a process, which writes a database file, and returns the names of the columns.

        Raises:
            CatalogError: What it failed with.
        """
        job = {
            "sql": sql,
            "path": path,
            "limit": limit,
            "folder": self._folder,
            "files": sorted(self._files.allowed),
            "variables": self._variables,
            "memory_bytes": self._limits.memory_bytes or default_memory_limit(),
            "spill_bytes": self._limits.spill_bytes,
            "threads": self._limits.threads,
            "time_s": self._limits.time_s,
        }
        over, remote = threading.Event(), _Remote(self._files)
        with self._process(over) as process:
            assert process.stdin is not None and process.stdout is not None, "they are pipes"
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps([sys.path, job]).encode() + b"\n")
                process.stdin.flush()
                for line in process.stdout:
                    message = json.loads(line)
                    if "ask" not in message:
                        return _answered(message)
                    process.stdin.write(remote.reply(message))
                    process.stdin.flush()
            process.wait()
        if self._interrupted:
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
        raise self._ended(process.returncode, over.is_set())

    @contextmanager
    def _process(self, over: threading.Event) -> Iterator[subprocess.Popen[bytes]]:
        """Yields a started process, which is killed when its time is over, or in the end."""
        process = _started(self._folder)
        self._running.add(process)

        def kill() -> None:
            over.set()
            process.kill()

        timer: threading.Timer | None = None
        if self._limits.time_s is not None:
            timer = threading.Timer(self._limits.time_s + KILL_AFTER_S, kill)
            timer.daemon = True
            timer.start()
        try:
            yield process
        finally:
            if timer is not None:
                timer.cancel()
            process.kill()
            process.wait()
            self._running.discard(process)
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    assert pipe is not None, "it is a pipe"
                    pipe.close()

    def _ended(self, code: int, over: bool) -> CatalogError:
        """Returns the error for a process that ended without an answer."""
        if over:
            return time_is_over(self._limits)
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return StorageFailure(
            f"the process that ran the statement ended by {name}: it may have needed more memory "
            "than it may take",
            kind=ErrorKind.OUT_OF_MEMORY,
            hint="raise the memory limit",
        )


def _started(folder: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-c", BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _LIBRARIES if name in os.environ},
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        raise StorageFailure(
            f"cannot start a process to run the statement in: {error.strerror}",
            kind=ErrorKind.MACHINE_LIMIT,
        ) from error


def _answered(message: Mapping[str, Any]) -> tuple[str, ...]:
    if "failure" in message:
        raise failure_from(message["failure"])
    return tuple(message["names"])


class _Remote:
    """Answers what a process asks about remote files; each is opened once."""

    def __init__(self, files: AllowedFiles) -> None:
        self._files = files
        self._open: dict[str, OpenFile] = {}

    def reply(self, question: Mapping[str, Any]) -> bytes:
        """Returns an answer: a line, and the bytes that it tells of."""
        try:
            if question["ask"] == "read":
                data = self._part(question["uri"], question["offset"], question["length"])
                return json.dumps({"length": len(data)}).encode() + b"\n" + data
            found = self._files.look(question["uri"])
        except CatalogError as error:
            return json.dumps({"failure": failure_of(error)}).encode() + b"\n"
        known = (
            None if found is None else [found.size_bytes, found.modified.isoformat(), found.etag]
        )
        return json.dumps({"found": known}).encode() + b"\n"

    def _part(self, uri: str, offset: int, length: int) -> bytes:
        if uri not in self._open:
            if len(self._open) >= OPEN_FILES:
                self._open.pop(next(iter(self._open))).close()
            self._open[uri] = self._files.open(uri)
        file = self._open[uri]
        file.seek(offset)
        return file.read(length)


@contextmanager
def isolated_engine(
    *, files: AllowedFiles, limits: Limits | None = None
) -> Iterator[IsolatedEngine]:
    """Yields an engine like ``restricted_engine``, whose limits always hold."""
    folder = temporary_folder()
    try:
        yield IsolatedEngine(files, limits or Limits(), folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
