"""Differences of moments and times of day as text, in the engine's form of an interval."""

DAY_NS = 86_400 * 10**9
"""Nanoseconds of a day."""


def duration_text(nanoseconds: int) -> str:
    """Returns a number of nanoseconds as days and a time.

    Example:
        >>> duration_text(-(DAY_NS + 90 * 60 * 10**9)), duration_text(1_500_000)
        ('-1 day -01:30:00', '00:00:00.0015')
    """
    sign = "-" if nanoseconds < 0 else ""
    days, rest = divmod(abs(nanoseconds), DAY_NS)
    parts = [f"{sign}{days} {'day' if days == 1 else 'days'}"] if days else []
    if rest or not days:
        seconds, fraction = divmod(rest, 10**9)
        time = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        digits = f"{fraction:09}".rstrip("0")
        parts.append(f"{time}.{digits}" if digits else time)
    return " ".join(parts)
