"""What a fix is repeated for: ``month=2024-01..2024-06``, ``region=EU,US``, or a query.

Pure values. A text names a variable, and after ``=`` its values: a query if it begins like one,
else elements with commas between them. An element is a range ``A..B``, both ends included, or a
value; in single or double quotes, it is the value as it stands. Blanks around an element do not
count.
"""

import datetime
import re
from collections.abc import Callable, Iterator, Sequence

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.types import Scalar

MAX_VALUES = 10_000
"""Most values of a variable, and most steps that several variables make: each is a commit."""

MAX_NAME = 64
"""Longest name of a variable: it goes into the environment of commands, and into keys."""

MAX_VALUE = 1_000
"""Most characters of a value: it goes into messages, keys and the environment of commands."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUERY = re.compile(r"""(?:select|with|from|values|table)[\s("']""", re.IGNORECASE)
_QUOTED = re.compile(r"""'((?:[^']|'')*)'|"((?:[^"]|"")*)\"""")
_ELEMENT = re.compile(rf"\s*(?:(?:{_QUOTED.pattern})\s*(?=,|\Z)|([^,]*))(?:,|\Z)")

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMPACT = {6: "%Y%m", 8: "%Y%m%d"}
"""How months and days are written without hyphens, by length."""


@dataclass(frozen=True, slots=True)
class ForEach:
    """A variable, and what it stands for in turn.

    Attributes:
        name: The variable.
        text: What it stands for, as it was written.
        values: Its values, in order; none if a query finds them.
    """

    name: str
    text: str
    values: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """Returns the query that finds its values; empty if they are listed."""
        return "" if self.values else self.text

    def __str__(self) -> str:
        return f"{self.name}={self.text}"


def for_each(text: str) -> ForEach:
    """Reads a variable and what it stands for.

    Raises:
        InvalidInput: The text is not of that form, names no value, or one value twice.

    Example:
        >>> for_each("month=2023-11..2024-02").values
        ('2023-11', '2023-12', '2024-01', '2024-02')
        >>> for_each("n=08..10").values, for_each("region=EU,'a, b'").values
        (('08', '09', '10'), ('EU', 'a, b'))
    """
    name, equals, rest = text.partition("=")
    name, rest = name.strip(), rest.strip()
    if not equals:
        raise _invalid(text, "it has no '='", hint="e.g. month=2024-01..2024-06")
    check_variable(name)
    if not rest:
        raise _invalid(text, "it names no value", hint=f"e.g. {name}=2024-01..2024-06")
    if _QUERY.match(rest):
        return ForEach(name, rest)
    values: list[str] = []
    for found in _elements(rest):
        values += found
        if len(values) > MAX_VALUES:
            raise too_many(f"{name}={rest}")
    return ForEach(name, rest, checked_values(name, values))


def listed_values(name: str, values: Sequence[str]) -> ForEach:
    """Returns a variable with values that need not be read from a text.

    Raises:
        InvalidInput: There are none or too many, one is not possible, or there twice.
    """
    check_variable(name)
    quoted = ",".join("'" + value.replace("'", "''") + "'" for value in values)
    return ForEach(name, quoted, checked_values(name, values))


def check_variable(name: str) -> None:
    """Checks that a variable may be called so.

    Raises:
        InvalidInput: It may not.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise InvalidInput(
            f"{name[:MAX_NAME]!r} cannot be the name of a variable",
            kind=ErrorKind.INVALID_NAME,
            hint="use letters, digits and _, e.g. month=2024-01..2024-06",
        )
    if name.upper().startswith("PARQUETRY_"):
        raise InvalidInput(
            f"variable {name!r} has the name of a setting",
            kind=ErrorKind.INVALID_NAME,
            hint="choose a name that does not begin with PARQUETRY_",
        )


def checked_values(name: str, values: Sequence[str]) -> tuple[str, ...]:
    """Returns the values of a variable after checking them.

    Raises:
        InvalidInput: There are none or too many, one is not possible, or there twice.
    """
    if not values:
        raise InvalidInput(f"there is no value for {name}", hint="nothing would be done")
    if len(values) > MAX_VALUES:
        raise too_many(f"the list of {name}")
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise InvalidInput(f"{name}={value} is there twice", hint="name each value once")
        seen.add(value)
        if len(value) > MAX_VALUE:
            raise InvalidInput(f"a value of {name} is longer than {MAX_VALUE:,} characters")
        if "\0" in value:
            raise InvalidInput(f"a value of {name} has a null character: {value!r}")
    return tuple(values)


def too_many(what: str) -> InvalidInput:
    """Returns the error for more steps than there may be."""
    return InvalidInput(
        f"{what} is more than {MAX_VALUES:,} steps",
        hint="let one step do more: repeat for months rather than days",
    )


def inferred_kind(values: Sequence[str]) -> Scalar:
    """Returns the type of values that no column says the type of.

    Numbers as one writes them are INTEGER, or BIGINT; dates are DATE; the rest is text, and so
    are numbers with zeros before them: ``01`` is not how 1 is written.
    """
    if all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value) for value in values):
        small = all(-(1 << 31) <= int(value) < 1 << 31 for value in values)
        return Scalar("INTEGER" if small else "BIGINT")
    if all(_DATE.fullmatch(value) and _date(value) for value in values):
        return Scalar("DATE")
    return Scalar("VARCHAR")


def _elements(text: str) -> Iterator[Sequence[str]]:
    """Yields the values of each element of a list."""
    position = 0
    while True:
        found = _ELEMENT.match(text, position)
        assert found is not None, "anything up to a comma is an element"
        single, double, bare = found.groups()
        if bare is None:
            yield (single.replace("''", "'") if single is not None else double.replace('""', '"'),)
        elif not bare.strip():
            raise _invalid(text, "an element of the list is empty", hint="'' is the empty text")
        elif ".." in bare:
            yield _range(bare.strip())
        else:
            yield (bare.strip(),)
        if found.end() == len(text) and not found[0].endswith(","):
            return
        position = found.end()


def _range(text: str) -> Sequence[str]:
    """Returns the values of a range, both ends included."""
    first, _, last = (part.strip() for part in text.partition(".."))
    if not first or not last or last.startswith(".") or ".." in last:
        advice = "write A..B, both included; in quotes it is a value: '" + text + "'"
        raise _invalid(text, "it is not a range", hint=advice)
    for pattern, count in _COUNTING:
        if pattern.fullmatch(first) and pattern.fullmatch(last):
            return count(text, first, last)
    raise _invalid(
        text,
        f"nobody can count from {first!r} to {last!r}",
        hint="ranges are of whole numbers, months (2024-01) or days (2024-01-31); else list the "
        "values: EU,US, or give a query",
    )


def _integers(text: str, first: str, last: str) -> Sequence[str]:
    padded = any(len(end) > 1 and end.lstrip("-").startswith("0") for end in (first, last))
    if padded and (len(first) != len(last) or "-" in first + last):
        raise _invalid(
            text,
            "its ends are not equally long",
            hint="pad both with zeros, as in 01..12, or none: 1..12",
        )
    low, high = int(first), int(last)
    _check_ends(text, high - low + 1)
    _check_no_calendar(text, first, last)
    width = len(first) if padded else 0
    return [f"{number:0{width}d}" for number in range(low, high + 1)]


def _check_no_calendar(text: str, first: str, last: str) -> None:
    """Checks that a range of numbers is not also one of days or months, with other values."""
    form = _COMPACT.get(len(first)) if len(first) == len(last) else None
    ends = [] if form is None else [_moment(end, form) for end in (first, last)]
    if len(ends) != 2 or None in ends or first[:-2] == last[:-2]:
        return
    written = [f"{end[:4]}-{end[4:6]}{f'-{end[6:]}' if end[6:] else ''}" for end in (first, last)]
    raise _invalid(
        text,
        f"it may count numbers, or what lies between {written[0]} and {written[1]}",
        hint="list the values, or give a query: SELECT DISTINCT … FROM …",
    )


def _months(text: str, first: str, last: str) -> Sequence[str]:
    ends = []
    for end in (first, last):
        year, month = int(end[:4]), int(end[5:])
        if not 1 <= month <= 12:
            raise _invalid(text, f"{end} is not a month")
        ends.append(12 * year + month - 1)
    _check_ends(text, ends[1] - ends[0] + 1)
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(ends[0], ends[1] + 1)]


def _days(text: str, first: str, last: str) -> Sequence[str]:
    ends = []
    for end in (first, last):
        day = _date(end)
        if day is None:
            raise _invalid(text, f"{end} is not a day of the calendar")
        ends.append(day.toordinal())
    _check_ends(text, ends[1] - ends[0] + 1)
    return [datetime.date.fromordinal(n).isoformat() for n in range(ends[0], ends[1] + 1)]


_COUNTING: Sequence[tuple[re.Pattern[str], Callable[[str, str, str], Sequence[str]]]] = (
    (_INTEGER, _integers),
    (_MONTH, _months),
    (_DATE, _days),
)
"""What ranges can be of: how their ends are written, and how one counts."""


def _check_ends(text: str, count: int) -> None:
    if count < 1:
        raise _invalid(text, "it ends before it begins", hint="write the lower end first")
    if count > MAX_VALUES:
        raise too_many(text)


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _moment(text: str, form: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, form)
    except ValueError:
        return None


def _invalid(text: str, why: str, *, hint: str = "list the values: A,B") -> InvalidInput:
    return InvalidInput(f"cannot repeat a fix for {text!r}: {why}", hint=hint)
