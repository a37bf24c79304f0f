"""Workspaces: connections with a directory of their own to spill into, and a share of memory."""

import os
import shutil
import weakref
from functools import cached_property
from itertools import count
from pathlib import Path

import duckdb

from catalog.dataclasses import dataclass
from catalog.engine.connection import borrow
from catalog.engine.instances import give_back, open_to_users
from catalog.storage.failures import temporary_folder
from catalog.storage.store import ObjectStore

OWN_PREFIX = "__parquetry_"
"""Begins the names of tables and views that the catalog makes in the engine."""

SHARE = 4
"""A diff takes a quarter of the memory: the rest is for the process that asked for it."""

LEAST_SHARE_BYTES = 128 << 20
"""Least memory of each of several workspaces: below, an engine fails at what it could spill."""

_CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(slots=True)
class _Machine:
    """How many processes share this machine, as far as they know of each other."""

    processes: int = 1


_machine = _Machine()


def share_machine(processes: int) -> None:
    """Has this process take its part of memory and cores: so many work at a time."""
    _machine.processes = max(1, processes)
    if processes > 1:
        import pyarrow as pa

        pa.set_cpu_count(_own_cores())


def _own_cores() -> int:
    return max(1, (os.cpu_count() or 1) // _machine.processes)


def default_memory_limit() -> int:
    """Returns the default memory limit in bytes: a quarter of the machine's memory.

    A worker takes its part of that, but not less than an engine needs.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = int(_CGROUP.read_text())
    except (OSError, ValueError):
        allowed = total
    quarter = min(total, allowed) // SHARE
    return max(quarter // _machine.processes, min(LEAST_SHARE_BYTES, quarter))


class Workspace:
    """A connection with a directory of its own to spill into; both go when it is closed.

    The connection is opened when it is first used. With a ``share`` of n, it takes an nth of the
    memory and of the cores by default: n of them work at a time.
    """

    def __init__(
        self,
        *,
        store: ObjectStore | None = None,
        threads: int | None = None,
        memory_limit_bytes: int | None = None,
        share: int = 1,
    ) -> None:
        if share > 1:
            threads = threads or max(1, (os.cpu_count() or 1) // share)
            least = min(LEAST_SHARE_BYTES, default_memory_limit())
            memory_limit_bytes = memory_limit_bytes or max(default_memory_limit() // share, least)
        if threads is None and _machine.processes > 1:
            threads = _own_cores()
        self._store = store
        self._threads = threads
        self._memory_limit_bytes = memory_limit_bytes
        self._numbers = count(1)

    @cached_property
    def _opened(self) -> "tuple[duckdb.DuckDBPyConnection, str]":
        folder = temporary_folder()
        memory = self._memory_limit_bytes
        try:
            con = borrow(
                store=self._store,
                threads=self._threads,
                memory_limit_bytes=default_memory_limit() if memory is None else memory,
                temp_directory=folder,
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._remove = weakref.finalize(con, shutil.rmtree, folder, ignore_errors=True)
        return con, folder

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection."""
        return self._opened[0]

    def open_to_users(self) -> duckdb.DuckDBPyConnection:
        """Returns the connection, for a user's statements."""
        open_to_users(self.con)
        return self.con

    @property
    def folder(self) -> str:
        """The directory, which goes with the connection."""
        return self._opened[1]

    def name(self, word: str) -> str:
        """Returns a name that no other table or view of the connection has."""
        return f"{OWN_PREFIX}{word}_{next(self._numbers)}"

    def close(self) -> None:
        """Closes the connection and removes the directory; also done when nobody uses it."""
        if "_opened" in self.__dict__:
            give_back(self.con)
            self._remove()
