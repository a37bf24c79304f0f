"""Charts of a page as geometry: histograms, strips and calendars, drawn as static SVG."""

from collections.abc import Sequence
from itertools import pairwise

from catalog.dataclasses import dataclass
from catalog.diff.findings import Distribution
from catalog.report.figures import count, counted, grouped, plain
from catalog.report.html.grids import Cell, Column, Grid, number, value
from catalog.report.partition_axes import Axis, Place, by_period

MOST_BARS = 240
"""Bars of a strip: each is wide enough to be seen on a telephone."""

MOST_MONTHS = 40
"""Months that a calendar has by day; longer ones are by month."""

MOST_YEARS = 60
"""Years that a calendar has by month."""

LEVELS = 4
"""Sizes of the squares of a calendar."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its place from 0 to 1000, its width, and heights before and after up to 100."""

    x: float
    width: float
    before: float
    after: float = 0.0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Values before and after, drawn over each other.

    Attributes:
        title: What it shows, in a sentence.
        bars: One for each range.
        line: The outline of the bars after, as points.
        labels: The first edge, the one in the middle, and the last.
        most: The most rows in a range.
        grid: The same numbers as a table.
        remark: Which rows it is of, and what is not in it.
    """

    title: str
    bars: tuple[Bar, ...]
    line: str
    labels: tuple[str, ...]
    most: str
    grid: Grid
    remark: str


@dataclass(frozen=True, slots=True)
class Square:
    """A day or month of a calendar; level 0 is one in which nothing changed."""

    column: int
    row: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """Partitions by day in lines of months, or by month in lines of years."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    squares: tuple[Square, ...]
    legend: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """Partitions side by side in the order of their values."""

    title: str
    bars: tuple[Bar, ...]
    labels: tuple[str, str]
    most: str


def distribution_grid(one: Distribution, name: str) -> Grid:
    """Returns the numbers of a distribution as a table, with what is not in its ranges."""
    most = max((*one.before, *one.after, 1))
    rows: list[tuple[Cell, ...]] = []
    for label, before, after in zip(_labels(one), one.before, one.after, strict=True):
        rows.append((label, _bar(before, most), _bar(after, most), _difference(before, after)))
    rest = [("other values", one.others)] if any(one.others) else []
    rest += [("NULL", one.nulls)] if one.kind == "ranges" and any(one.nulls) else []
    for text, (before, after) in rest:
        rows.append((Cell(text), number(before), number(after), _difference(before, after)))
    first = "values" if one.kind == "values" else "from … to below"
    head = (Column(first), *(Column(n, right=True) for n in ("before", "after", "difference")))
    return Grid(f"Values of {plain(name)} before and after", head, tuple(rows))


def covered(one: Distribution) -> str:
    """Returns which rows a distribution is of."""
    before, after = one.rows
    return f"Of the {count(before)} rows before and {count(after)} after in files that differ."


def _labels(one: Distribution) -> list[Cell]:
    if one.kind == "values":
        return [Cell(value=value(label)) for label in one.labels]
    edges = [grouped(plain(label or "")) for label in one.labels]
    return [Cell(f"{low} … {high}", sort=n) for n, (low, high) in enumerate(pairwise(edges))]


def _bar(amount: int, most: int) -> Cell:
    return Cell(count(amount), sort=amount, share=amount / most)


def _difference(before: int, after: int) -> Cell:
    moved = after - before
    sign = "+" if moved > 0 else "\N{MINUS SIGN}" if moved < 0 else ""
    return Cell(f"{sign}{count(abs(moved))}", sort=moved, is_faint=not moved)


def histogram(one: Distribution, name: str) -> Histogram | None:
    """Returns the ranges of a distribution as bars; None if it is of single values."""
    if one.kind != "ranges":
        return None
    most = max((*one.before, *one.after, 1))
    wide = 1000 / len(one.before)
    bars, line = [], ["0,100"]
    for n, (before, after) in enumerate(zip(one.before, one.after, strict=True)):
        bars.append(Bar(n * wide, wide, 100 * before / most, 100 * after / most))
        height = 100 - 100 * after / most
        line += [f"{n * wide:.1f},{height:.1f}", f"{(n + 1) * wide:.1f},{height:.1f}"]
    edges = [grouped(plain(label or "")) for label in one.labels]
    middle = len(edges) // 2
    labels = (edges[0], edges[middle], edges[-1]) if len(edges) > 2 else (edges[0], edges[-1])
    title = f"Values of {plain(name)} from {edges[0]} to {edges[-1]}, before and after"
    grid = distribution_grid(one, name)
    return Histogram(
        title, tuple(bars), " ".join([*line, "1000,100"]), labels, count(most), grid, covered(one)
    )


def picture(axis: Axis) -> Calendar | Strip | None:
    """Returns partitions as a calendar if they are dates, else as a strip; None for one."""
    if len(axis.places) < 2:
        return None
    if axis.unit == "day" and len(_months(axis)) <= MOST_MONTHS:
        return _calendar(axis, by_day=True)
    if axis.unit in ("day", "month"):
        months = axis if axis.unit == "month" else by_period(axis, "month")
        if len(_years(months)) <= MOST_YEARS:
            return _calendar(months, by_day=False)
    return _strip(axis)


def _months(axis: Axis) -> range:
    return _span([time[0] * 12 + time[1] - 1 for p in axis.places if (time := p.time)])


def _years(axis: Axis) -> range:
    return _span([time[0] for p in axis.places if (time := p.time)])


def _span(numbers: Sequence[int]) -> range:
    return range(min(numbers), max(numbers) + 1) if numbers else range(0)


def _calendar(axis: Axis, *, by_day: bool) -> Calendar:
    """Returns days in lines of months, or months in lines of years."""
    if by_day:
        rows = {n: f"{n // 12:04}-{n % 12 + 1:02}" for n in _months(axis)}
        heads = tuple(str(n) for n in range(1, 32))
    else:
        rows, heads = {n: f"{n:04}" for n in _years(axis)}, _MONTHS
    first, most = min(rows), max(place.rows_changed for place in axis.places)
    squares = []
    for place in axis.places:
        if place.time is not None:
            line = place.time[0] * 12 + place.time[1] - 1 if by_day else place.time[0]
            column = place.time[2 if by_day else 1] - 1
            level = _level(place.rows_changed, most)
            squares.append(Square(column, line - first, level, _said(place, axis.name)))
    unit = "day" if by_day else "month"
    title = f"Rows that changed by {unit} of {plain(axis.name)}, {rows[first]} to {rows[max(rows)]}"
    return Calendar(title, heads, tuple(rows.values()), tuple(squares), _legend(most, unit))


def _level(changed: int, most: int) -> int:
    return 0 if not changed or not most else max(1, -(-LEVELS * changed // most))


def _legend(most: int, unit: str) -> tuple[str, ...]:
    """Returns what each size stands for."""
    limits = [most * n // LEVELS for n in range(LEVELS + 1)]
    texts = ["no row changed"]
    for low, high in pairwise(limits):
        if high > low:
            texts.append(count(high) if high == low + 1 else f"{count(low + 1)} to {count(high)}")
        else:
            texts.append("")
    texts[-1] += f" rows in a {unit}"
    return tuple(texts)


def _said(place: Place, name: str) -> str:
    named = f"{plain(name)}={_label(place)}"
    of = "" if place.rows is None or not place.changed else f" of {count(place.rows)}"
    where = ""
    if place.partitions > 1:
        every = counted(place.partitions, "partition")
        where = f", in {count(place.changed)} of {every}"
    return f"{named}: {count(place.rows_changed)}{of} rows changed{where}"


def _strip(axis: Axis) -> Strip:
    """Returns partitions as bars; several as one where there are many."""
    places = axis.places
    each = -(-len(places) // MOST_BARS)
    groups = [places[n : n + each] for n in range(0, len(places), each)]
    sums = [sum(one.rows_changed for one in own) for own in groups]
    most, wide = max(*sums, 1), 1000 / len(groups)
    bars = []
    for n, (own, changed) in enumerate(zip(groups, sums, strict=True)):
        said = _said(own[0], axis.name)
        if len(own) > 1:
            said = f"{_label(own[0])} … {_label(own[-1])}: {counted(changed, 'row')} changed"
        bars.append(Bar(n * wide, wide, 100 * changed / most, title=said))
    title = f"Rows that changed by {plain(axis.name)}"
    return Strip(title, tuple(bars), (_label(places[0]), _label(places[-1])), count(most))


def _label(place: Place) -> str:
    return "NULL" if place.label is None else plain(place.label[:60])
