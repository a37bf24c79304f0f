"""Ages as people write them: ``36h``, ``90d``, ``2 weeks``."""

import datetime
import re

from catalog.errors import InvalidInput

MOST_AGE = datetime.timedelta(days=36_500)
"""Greatest age that can be asked for."""

_AGE = re.compile(
    r"\s*([0-9]{1,9})\s*(s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?)\s*", re.IGNORECASE
)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def age_of(text: object) -> datetime.timedelta | None:
    """Returns an age, which is more than nothing; None if a text is none.

    Example:
        >>> age_of("90d").days
        90
    """
    found = _AGE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    seconds = int(found[1]) * _SECONDS[found[2][0].lower()]
    return datetime.timedelta(seconds=seconds) if 0 < seconds <= MOST_AGE.days * 86_400 else None


def given_age(age: "str | datetime.timedelta", what: str) -> datetime.timedelta:
    """Returns an age that was given as text or as a length of time.

    Args:
        age: The age.
        what: What it is, for messages: ``keep``.

    Raises:
        InvalidInput: It is none, or nothing.
    """
    if isinstance(age, datetime.timedelta):
        if datetime.timedelta(0) < age <= MOST_AGE:
            return age
    elif (found := age_of(age)) is not None:
        return found
    raise InvalidInput(
        f"{what}: {age!r} is not an age",
        hint="write a number of h, d or w, such as 90d",
    )


def age_text(age: datetime.timedelta) -> str:
    """Writes an age as ``age_of`` reads it: in days if it is whole days.

    Example:
        >>> age_text(datetime.timedelta(days=90)), age_text(datetime.timedelta(hours=36))
        ('90d', '36h')
    """
    seconds = int(age.total_seconds())
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
