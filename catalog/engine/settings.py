"""Settings that users may change on a connection, put aside while the catalog itself works."""

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
"""What decides in which order rows come, which values are alike, and how they read as text."""


class UserSettings:
    """Holds the settings of a connection that were there when this was made.

    Args:
        con: The connection.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        shown = ", ".join(f"current_setting({literal(name)})" for name in _PLAIN)
        (row,) = con.execute(f"SELECT {shown}").fetchall()
        before = {name: str(value) for name, value in zip(_PLAIN, row, strict=True)}
        self._before = {name: old for name, old in before.items() if _differs(old, _PLAIN[name])}
        self._threads: int | None = None

    @property
    def are_plain(self) -> bool:
        """Tells whether the settings are those on which the catalog relies anyway."""
        return not self._before

    def put_aside(self) -> None:
        """Sets the connection to what the catalog's own statements rely on."""
        self._use_all_threads()
        self._set({name: _PLAIN[name] for name in self._before})

    def put_back(self) -> None:
        """Sets the connection to what it was."""
        self._use_all_threads()
        self._set(self._before)

    def use_one_thread(self) -> None:
        """Lets statements run on one thread until the settings are put aside or back."""
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
