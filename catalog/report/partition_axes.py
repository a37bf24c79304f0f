"""Where the changed partitions of a table lie among all: along its days, months, or other values.

Each partition column is an axis; columns of year, month and day are one together. Along an axis
lie its values in order, with how many partitions of each have changed, and how many rows of these.
Axes of time can be added up by months or years.
"""

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.diff.counts import PartitionCounts
from catalog.diff.view import Partitioning, TableView

Unit: TypeAlias = Literal["year", "month", "day", "value"]
"""What a value of an axis stands for: a span of time, or nothing but itself."""

Time: TypeAlias = tuple[int, ...]
"""Year, month and day, as many as are known."""

_TIME = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:\+00)?)?)?)?")

_PARTS = ("year", "month", "day")

_WHOLE_NUMBERS = re.compile(r"(U|HUGE|UHUGE)?(TINY|SMALL|BIG)?INT(EGER)?")

_UNITS: tuple[Unit, ...] = ("year", "month", "day")

YEARS = range(1000, 3000)
"""Years as people mean them: other numbers of four digits are taken as numbers."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value of an axis, or several that were added up.

    Attributes:
        label: The value in text form; None for NULL.
        time: The span of time that it is; None on other axes.
        changed: Partitions that have changed there.
        partitions: All partitions there that are known.
        rows_changed: Rows that have changed there.
        rows: Rows of the partitions that have changed, those now there and those deleted, of which
            rows_changed are some; None if not known.
        counts: Inserted, deleted and updated rows; filled, cleared and corrected cells.
    """

    label: str | None
    time: Time | None
    changed: int
    partitions: int
    rows_changed: int
    rows: int | None
    counts: tuple[int, ...] = (0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Axis:
    """The values of partition columns in order.

    Attributes:
        name: The columns: ``day``, or ``year/month``.
        unit: What a value stands for.
        places: The values in order, NULL last.
        complete: Whether those without a change are among them.
    """

    name: str
    unit: Unit
    places: tuple[Place, ...]
    complete: bool

    @property
    def changed(self) -> tuple[Place, ...]:
        """Returns the values where something changed."""
        return tuple(place for place in self.places if place.changed)

    @property
    def runs(self) -> list[tuple[Place, ...]]:
        """Returns the changed values without NULL, those together that follow each other.

        On an axis that is not complete, those of time follow each other that do so in the calendar;
        of others it is not known.
        """
        found: list[list[Place]] = []
        last: Place | None = None
        for place in self.places:
            if place.label is None:
                continue
            if place.changed:
                follows = last is not None and last.changed and self._follow(last, place)
                if follows:
                    found[-1].append(place)
                else:
                    found.append([place])
            last = place
        return [tuple(run) for run in found]

    def _follow(self, one: Place, other: Place) -> bool:
        if self.complete:
            return True
        if one.time is None or other.time is None:
            return False
        return _number(other.time) - _number(one.time) == 1


def partition_axes(table: TableView) -> list[Axis]:
    """Returns the axes of a table on which its changed partitions lie; none if it has none."""
    partitioning = table.partitioning
    if partitioning is None or not table.partitions:
        return []
    columns = _columns(partitioning)
    return [axis for names in columns if (axis := _axis(table, partitioning, names)) is not None]


def in_order(table: TableView) -> list[PartitionCounts]:
    """Returns the partitions in which something changed, in order of their values."""
    changed = [one for one in table.partitions if one.rows_changed and one.values]
    kinds = (
        {}
        if table.partitioning is None
        else dict(zip(table.partitioning.columns, table.partitioning.types, strict=True))
    )
    orders = {}
    for name in {name for one in changed for name in one.values}:
        texts = {value for one in changed if (value := one.values.get(name)) is not None}
        orders[name] = _order(texts, kinds.get(name, ""), None)
    return sorted(changed, key=lambda one: [orders[n](value) for n, value in one.values.items()])


def by_period(axis: Axis, unit: Unit) -> Axis:
    """Returns an axis of time with its values added up by months or years."""
    length = _UNITS.index(unit) + 1

    def period(place: Place) -> Time | None:
        return None if place.time is None else place.time[:length]

    places = [
        _sum(None if time is None else time_label(time), time, list(group))
        for time, group in groupby(axis.places, key=period)
    ]
    return Axis(axis.name, unit, tuple(places), axis.complete)


def time_label(time: Time) -> str:
    """Returns a span of time as ``2024``, ``2024-03`` or ``2024-03-31``."""
    return "-".join(f"{part:0{4 if not n else 2}}" for n, part in enumerate(time))


def units_above(unit: Unit) -> tuple[Unit, ...]:
    """Returns the longer spans of time that values may be added up by, the shortest first."""
    return {"day": ("month", "year"), "month": ("year",)}.get(unit, ())  # type: ignore[return-value]


def _columns(partitioning: Partitioning) -> list[tuple[str, ...]]:
    """Returns the columns of each axis: those of year, month and day together."""
    names = partitioning.columns
    parts = [name for name in names if name.casefold() in _PARTS]
    whole = tuple(part for part in _PARTS if part in [name.casefold() for name in parts])
    if len(parts) < 2 or whole != _PARTS[: len(parts)]:
        return [(name,) for name in names]
    together = tuple(sorted(parts, key=lambda name: _PARTS.index(name.casefold())))
    return [(name,) for name in names if name not in parts] + [together]


def _axis(table: TableView, partitioning: Partitioning, names: tuple[str, ...]) -> Axis | None:
    kinds = dict(zip(partitioning.columns, partitioning.types, strict=True))
    listed = [
        *(((_value(one.values, names)), one) for one in table.partitions if one.rows_changed),
        *(
            (_value(dict(zip(partitioning.columns, values, strict=True)), names), None)
            for values, _ in partitioning.unchanged or ()
        ),
    ]
    texts = {value for value, _ in listed if value is not None}
    times = _times(texts, [kinds.get(name, "") for name in names])
    order = _order(texts, kinds.get(names[0], ""), times)
    grouped: dict[str | None, list[PartitionCounts | None]] = {}
    for value, counts in listed:
        grouped.setdefault(value, []).append(counts)
    places = tuple(
        _place(value, None if value is None or times is None else times[value], grouped[value])
        for value in sorted(grouped, key=order)
    )
    if not any(place.changed for place in places):
        return None
    unit: Unit = "value" if times is None else _UNITS[len(next(iter(times.values()))) - 1]
    return Axis("/".join(names), unit, places, partitioning.unchanged is not None)


def _value(values: Mapping[str, str | None], names: Sequence[str]) -> str | None:
    """Returns the value of a partition on an axis; of year, month and day ``2024-03-01``."""
    if len(names) == 1:
        return values.get(names[0])
    parts = [values.get(name) for name in names]
    if any(part is None for part in parts):
        return None
    return "-".join((part or "").zfill(4 if not n else 2) for n, part in enumerate(parts))


def _times(texts: Iterable[str], kinds: Sequence[str]) -> dict[str, Time] | None:
    """Returns the spans of time that values are, all of one unit; None if they are none."""
    found: dict[str, Time] = {}
    numbers = len(kinds) == 1 and _WHOLE_NUMBERS.fullmatch(kinds[0])
    for text in texts:
        match = _TIME.fullmatch(text)
        if match is None:
            return None
        time = tuple(int(part) for part in match.groups() if part is not None)
        if time[0] not in YEARS or not _exists(time) or (numbers and time[0] < 1900):
            return None
        found[text] = time
    return found if len({len(time) for time in found.values()}) == 1 else None


def _exists(time: Time) -> bool:
    try:
        datetime.date(*(*time, 1, 1)[:3])
    except ValueError:
        return False
    return True


def _number(time: Time) -> int:
    """Returns the number of a span of time, which is 1 more for the next."""
    if len(time) == 3:
        return datetime.date(*time).toordinal()
    return time[0] if len(time) == 1 else 12 * time[0] + time[1]


def _order(
    texts: Iterable[str], kind: str, times: Mapping[str, Time] | None
) -> Callable[[str | None], tuple[bool, object]]:
    if times is not None:
        return lambda text: (text is None, () if text is None else times[text])
    if _WHOLE_NUMBERS.fullmatch(kind) and all(re.fullmatch(r"-?\d+", text) for text in texts):
        return lambda text: (text is None, int(text or 0))
    return lambda text: (text is None, text or "")


def _place(value: str | None, time: Time | None, members: list[PartitionCounts | None]) -> Place:
    changed = [one for one in members if one is not None]
    rows = [None if one.rows is None else one.rows[1] + one.deleted for one in changed]
    kinds = zip(*(_numbers(one) for one in changed), strict=True)
    return Place(
        value,
        time,
        len(changed),
        len(members),
        sum(one.rows_changed for one in changed),
        None if None in rows else sum(one for one in rows if one is not None),
        tuple(map(sum, kinds)) or (0, 0, 0, 0, 0, 0),
    )


def _numbers(counts: PartitionCounts) -> tuple[int, ...]:
    rows = (counts.inserted, counts.deleted, counts.updated)
    return (*rows, counts.filled, counts.cleared, counts.corrected)


def _sum(label: str | None, time: Time | None, places: Sequence[Place]) -> Place:
    rows = [place.rows for place in places]
    return Place(
        label,
        time,
        sum(place.changed for place in places),
        sum(place.partitions for place in places),
        sum(place.rows_changed for place in places),
        None if None in rows else sum(one for one in rows if one is not None),
        tuple(map(sum, zip(*(place.counts for place in places), strict=True))),
    )


def years_of(axis: Axis) -> Iterator[tuple[int, list[Place]]]:
    """Yields the years of an axis of time with the values of each, NULL left out."""
    timed = [place for place in axis.places if place.time is not None]
    for year, group in groupby(timed, key=lambda place: (place.time or (0,))[0]):
        yield year, list(group)
