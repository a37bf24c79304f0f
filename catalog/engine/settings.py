"""Settings that users may change on a connection, set aside while the catalog itself works."""

from collections.abc import Mapping

import duckdb

from catalog.engine.quoting import literal

_PLAIN = {
    "TimeZone": "UTC",
    "default_collation": "",
    "default_order": "ASCENDING",
    "default_null_order": "NULLS_LAST",
    "preserve_insertion_order": "true",
}
"""Settings that decide the order of rows, which values are equal, and how they read as text."""


class UserSettings:
    """The settings that a user had on a connection when this was created."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        shown = ", ".join(f"current_setting({literal(name)})" for name in _PLAIN)
        (row,) = con.execute(f"SELECT {shown}").fetchall()
        before = {name: str(value) for name, value in zip(_PLAIN, row, strict=True)}
        self._before = {name: old for name, old in before.items() if _differs(old, _PLAIN[name])}
        self._threads: int | None = None

    @property
    def are_plain(self) -> bool:
        """Returns whether the settings are already those that the catalog relies on."""
        return not self._before

    def put_aside(self) -> None:
        """Sets what the catalog's own statements rely on."""
        self._use_all_threads()
        self._set({name: _PLAIN[name] for name in self._before})

    def put_back(self) -> None:
        """Restores the user's settings."""
        self._use_all_threads()
        self._set(self._before)

    def use_one_thread(self) -> None:
        """Limits statements to one thread until the settings are set aside or restored."""
        ((threads,),) = self._con.execute("SELECT current_setting('threads')").fetchall()
        self._threads = int(threads)
        self._con.execute("SET threads = 1")

    def _use_all_threads(self) -> None:
        if self._threads is not None:
            self._con.execute(f"SET threads = {self._threads}")
            self._threads = None

    def _set(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._con.execute(f"SET {name} = {literal(value)}")


def _differs(old: str, wanted: str) -> bool:
    return old.lower() not in (wanted.lower(), f"etc/{wanted.lower()}")
