"""Times as people say them: ``yesterday``, ``2 days ago``, ``last tuesday 18:00``.

As with a written date, a day means its start. Days begin at midnight UTC, as all times here that
do not say otherwise.
"""

import calendar
import datetime
import re
from typing import TypeAlias

from catalog.dataclasses import dataclass

WEEKDAYS = tuple(day.lower() for day in calendar.day_name)
"""The days of the week, Monday first."""

MONTHS = {"month": 1, "year": 12}
"""Units that are months, and how many: these have no fixed length."""

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
"""Units of a fixed length, in seconds."""

NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
"""Numbers that people write out."""

_UNIT = "|".join((*SECONDS, *MONTHS))
_COUNT = "|".join((r"[0-9]{1,9}", *NUMBERS))
_PART = rf"(?P<count>{_COUNT})\s+(?P<unit>{_UNIT})s?"
_UNNAMED = _PART.replace("?P<count>", "?:").replace("?P<unit>", "?:")
_AGO = re.compile(rf"{_UNNAMED}(?:(?:\s+and|\s*,)?\s+{_UNNAMED})*\s+ago")
_EACH = re.compile(rf"\b{_PART}\b")
_LAST = re.compile(rf"last\s+({_UNIT})")
_DAY = re.compile(
    rf"(?P<day>today|yesterday|(?:last\s+)?(?P<weekday>{'|'.join(WEEKDAYS)}))"
    r"(?:\s+(?:at\s+)?(?P<clock>[0-9]{1,2}:[0-9]{2}|[0-9]{2}:[0-9]{2}:[0-9]{2}))?"
)


@dataclass(frozen=True, slots=True)
class Ago:
    """A time before now by whole months, and then by seconds."""

    months: int
    seconds: int

    def before(self, now: datetime.datetime) -> datetime.datetime:
        """Returns the time; the earliest that there is if it would be before that."""
        index = now.year * 12 + now.month - 1 - self.months
        year, month = index // 12, index % 12 + 1
        if year < 1:
            return _EARLIEST
        day = min(now.day, calendar.monthrange(year, month)[1])
        try:
            return now.replace(year=year, month=month, day=day) - datetime.timedelta(
                seconds=self.seconds
            )
        except OverflowError:
            return _EARLIEST


@dataclass(frozen=True, slots=True)
class OnDay:
    """A time on a day: today, yesterday, or the last day of a name before today.

    Attributes:
        weekday: The day of the week, 0 for Monday; None counts days.
        days: How many days ago, if there is no weekday.
        clock: When on that day, in UTC; None if only the day was named, which means its start.
    """

    weekday: int | None
    days: int
    clock: datetime.time | None

    def before(self, now: datetime.datetime) -> datetime.datetime:
        """Returns the time."""
        today = now.astimezone(datetime.UTC).date()
        days = self.days if self.weekday is None else (today.weekday() - self.weekday - 1) % 7 + 1
        day = today - datetime.timedelta(days=days)
        clock = self.clock or datetime.time()
        return datetime.datetime.combine(day, clock, tzinfo=datetime.UTC)


Time: TypeAlias = datetime.datetime | Ago | OnDay
"""A time that somebody wrote, perhaps relative to now."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}")
_EARLIEST = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def relative_time(text: str) -> Ago | OnDay | None:
    """Reads a time that depends on when it is now; None if the text is not one.

    Words may be apart by blanks, dots or underscores, as git takes them: ``2.days.ago``.

    >>> relative_time("2 days ago")
    Ago(months=0, seconds=172800)
    >>> relative_time("last tuesday")
    OnDay(weekday=1, days=0, clock=None)
    """
    words = re.sub(r"[\s._]+", " ", text.strip()).lower()
    if words == "now":
        return Ago(0, 0)
    last = _LAST.fullmatch(words)
    if last is not None:
        words = f"1 {last[1]} ago"
    if _AGO.fullmatch(words):
        return _ago(words)
    day = _DAY.fullmatch(words)
    if day is None:
        return None
    try:
        clock = day["clock"] and datetime.time.fromisoformat(day["clock"].rjust(5, "0"))
    except ValueError:
        return None
    weekday = None if day["weekday"] is None else WEEKDAYS.index(day["weekday"])
    return OnDay(weekday, int(day["day"] == "yesterday"), clock or None)


def stated_time(text: str) -> Time | None:
    """Reads a time: one of ISO 8601, in UTC unless it has an offset, or one relative to now.

    Returns:
        The time, which ``moment_of`` makes a moment; None if the text is not a time.
    """
    relative = relative_time(text)
    if relative is not None:
        return relative
    try:
        moment = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def moment_of(time: Time, now: datetime.datetime) -> datetime.datetime:
    """Returns the moment that a time means now."""
    return time if isinstance(time, datetime.datetime) else time.before(now)


def last_moment_of(text: str, now: datetime.datetime) -> datetime.datetime | None:
    """Returns the last moment of what a text means: of the day, if it names one without a time.

    None if the text is not a time.
    """
    time = stated_time(text)
    if time is None:
        return None
    moment = moment_of(time, now)
    names_day = isinstance(time, OnDay) and time.clock is None
    if not names_day and not _DATE.fullmatch(text.strip()):
        return moment
    try:
        return moment + datetime.timedelta(days=1) - datetime.timedelta.resolution
    except OverflowError:
        return datetime.datetime.max.replace(tzinfo=datetime.UTC)


def _ago(words: str) -> Ago:
    months = seconds = 0
    for part in _EACH.finditer(words):
        count = NUMBERS.get(part["count"]) or int(part["count"])
        months += count * MONTHS.get(part["unit"], 0)
        seconds += count * SECONDS.get(part["unit"], 0)
    return Ago(months, seconds)
