"""What ``diff`` is asked for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cli.specs import pair
from cli.usage import UsageError

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
BINARY_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """Holds what a diff is asked for.

    Attributes:
        tables: The tables; none means all that changed.
        key: Columns to match rows by; None means the tables' own.
        columns: Columns to compare; none means all.
        tolerance: By column, an absolute number or one in percent.
        change: Which rows to list; None means all kinds.
        where: SQL that rows to list must meet.
        limit: How many rows to list; -1 means all, None what the format usually takes.
        check_keys: Whether to look for bad keys in all rows.
        full_stats: Whether statistics cover all rows.
        method: ``auto`` or ``join``.
        narrow: Whether rows show their key and the columns that changed, not all.
        threads: Threads; None means all.
        memory_limit_bytes: Memory; None means what the catalog takes.
    """

    tables: tuple[str, ...] = ()
    key: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    tolerance: Mapping[str, str] = field(default_factory=dict)
    change: str | None = None
    where: str | None = None
    limit: int | None = None
    check_keys: bool = False
    full_stats: bool = False
    method: str = "auto"
    narrow: bool = False
    threads: int | None = None
    memory_limit_bytes: int | None = None


def tolerances(texts: Sequence[str]) -> dict[str, str]:
    """Reads ``COL=X`` options.

    Raises:
        UsageError: One has another form.
    """
    form = "--tolerance COL=X"
    return dict(pair(one, form, "--tolerance amount=0.01 or amount=1%") for one in texts)


def memory_bytes(written: str) -> int:
    """Reads a size such as ``2GB`` or ``512MiB``.

    Raises:
        UsageError: It is none.
    """
    match = _SIZE.fullmatch(written.strip())
    if match is None:
        raise UsageError(f"{written!r} is no size", hint="e.g. --memory-limit 2GB")
    units = BINARY_UNITS if match[3] else UNITS
    return int(float(match[1]) * units.get(match[2].lower(), 1))
