"""Statements that a catalog may store, and those that it must never run: one a line of a file.

In hostile ones, names in braces are filled in: ``secret`` (a file), ``data`` (a data file),
``name`` (of that file in the engine), ``new`` (a file that is not there), ``folder``,
``variable`` (of the environment).
"""

from pathlib import Path


def _lines(name: str) -> list[str]:
    text = (Path(__file__).parent / name).read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


ORDINARY = _lines("ordinary.sql.txt")

HOSTILE = [*_lines("hostile.sql.txt"), "", "-- nothing", " \n "]
