"""Dates, times, timestamps and intervals as DuckDB writes them, over all years that it knows."""

import re
import struct

from catalog.model.types import Scalar

_INFINITE_DAYS = (1 << 31) - 1
_INFINITE_MICROSECONDS = (1 << 63) - 1
_DAY_NS = 86_400 * 10**9

_TIME = re.compile(
    r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r"(?P<offset>Z|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)?"
)


def date_text(days: int) -> str:
    """Returns a date, given in days since 1970-01-01.

    Source: "chrono-Compatible Low-Level Date Algorithms" by Howard Hinnant, ``civil_from_days``.
    """
    if abs(days) >= _INFINITE_DAYS:
        return "infinity" if days > 0 else "-infinity"
    era, day = divmod(days + 719_468, 146_097)
    of_era = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    of_year = day - (365 * of_era + of_era // 4 - of_era // 100)
    month = (5 * of_year + 2) // 153
    number = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    year = of_era + era * 400 + (month <= 2)
    common = year if year > 0 else 1 - year
    return f"{common:04d}-{month:02d}-{number:02d}{'' if year > 0 else ' (BC)'}"


def moment_text(nanoseconds: int, kind: Scalar) -> str:
    """Returns a timestamp, given in nanoseconds since 1970-01-01."""
    infinite = _INFINITE_MICROSECONDS * (1 if kind.name.endswith("_NS") else 1000)
    if abs(nanoseconds) == infinite:
        return "infinity" if nanoseconds > 0 else "-infinity"
    days, clock = divmod(nanoseconds, _DAY_NS)
    zone = "+00" if kind.name in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS") else ""
    return f"{date_text(days)} {clock_text(clock)}{zone}"


def clock_text(nanoseconds: int) -> str:
    """Returns a time of day, given in nanoseconds since midnight."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    shown = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{shown}.{fraction:09d}".rstrip("0") if fraction else shown


def interval_text(stored: bytes) -> str:
    """Returns an interval as Parquet has it: months, days and milliseconds."""
    months, days, milliseconds = struct.unpack("<III", stored)
    counts = ((months // 12, "year"), (months % 12, "month"), (days, "day"))
    parts = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in counts if count]
    if milliseconds or not parts:
        parts.append(clock_text(milliseconds * 10**6))
    return " ".join(parts)


def time_ns(stated: str, *, utc: bool) -> int | None:
    """Reads a time of day in nanoseconds since midnight, None if the text is not one.

    Only a time in UTC may have an offset from it.
    """
    found = _TIME.fullmatch(stated)
    if found is None or (found["offset"] and not utc):
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    clock = ((hours * 60 + minutes) * 60 + seconds) * 10**9 + int((found[4] or "0").ljust(9, "0"))
    offset = found["offset"]
    if not offset or offset == "Z":
        return clock
    digits = offset[1:].replace(":", "").ljust(6, "0")
    away = (int(digits[:2]) * 60 + int(digits[2:4])) * 60 + int(digits[4:])
    return (clock - away * 10**9 * (-1 if offset[0] == "-" else 1)) % _DAY_NS
