"""The partitions of a table in its picture: a strip of all, their span, and a table of counts."""

from collections.abc import Callable, Sequence
from functools import partial

from catalog.diff.counts import PartitionCounts
from catalog.diff.view import TableView
from catalog.report.figures import (
    bar,
    clipped,
    columns_of,
    count,
    counted,
    listed,
    named_values,
    plain,
    share,
)
from catalog.report.layout import GAP, aligned, flowed, widths_of
from catalog.report.partition_axes import (
    Axis,
    Place,
    Unit,
    by_period,
    in_order,
    partition_axes,
    time_label,
    units_above,
    years_of,
)
from catalog.report.picture.sheet import INDENT, Sheet, first

STRIP_PLACES = 60
"""Values that a strip shows one by one; more are added up by months or years, or not drawn."""

RUNS_NAMED = 3
"""Runs of changed values that are named: of more, the first and the last value are."""

VALUES_NAMED = 6
"""Values that are named of a column without an order that means something."""

LEVELS = "▂▄▆"
"""Marks of a span of time in part of which something changed, from a third up."""

NOTHING, CHANGED = "·", "█"

KINDS = ("inserted", "deleted", "updated", "filled", "cleared", "corrected")

BAR_WIDTH = 8


def axis_facts(table: TableView, sheet: Sheet, indent: int) -> list[tuple[str, list[str]]]:
    """Returns by the name of an axis where changed partitions lie on it, as lines.

    ``indent`` is where the lines will begin.
    """
    return [(axis.name, _axis_lines(axis, sheet, indent)) for axis in partition_axes(table)]


def _axis_lines(axis: Axis, sheet: Sheet, indent: int) -> list[str]:
    groups, words = strip(axis), span_words(axis, sheet.limits.value)
    room = max(sheet.width - indent, 20)
    drawn = GAP.join(groups)
    if not groups:
        return flowed(words, width=room)
    if columns_of(drawn) + len(GAP) + columns_of("; ".join(words)) <= room:
        return [drawn + GAP + "; ".join(words)]
    return [*flowed(groups, width=room, between=" "), *flowed(words, width=room)]


def strip(axis: Axis) -> list[str]:
    """Returns marks for all values of an axis in order, in groups; none if they are too many.

    Names have no order, and no marks. Months are in groups by year: ``2022 ············``, days in
    groups by month.
    """
    if not axis.complete or len(axis.places) < 2:
        return []
    if axis.unit == "value" and not _is_ordered(axis):
        return []
    for unit in (axis.unit, *units_above(axis.unit)):
        shown = axis if unit == axis.unit else by_period(axis, unit)
        if len(shown.places) <= STRIP_PLACES:
            break
    else:
        return []
    nothing = ["".join(map(_mark, (p for p in shown.places if p.label is None)))]
    null = [f"NULL {nothing[0]}"] if nothing[0] else []
    if shown.unit == "value":
        return ["".join(_mark(place) for place in shown.places if place.label is not None), *null]
    if shown.unit == "year":
        ends = [time_label(p.time) for p in shown.places if p.time is not None]
        marks = "".join(_mark(place) for place in shown.places if place.time is not None)
        return [f"{ends[0]} {marks} {ends[-1]}" if len(ends) > 1 else f"{ends[0]} {marks}", *null]
    return [*_calendar(shown), *null]


def _calendar(axis: Axis) -> list[str]:
    """Returns marks of months by year, or of days by month, each where it belongs."""
    groups = []
    if axis.unit == "month":
        for year, places in years_of(axis):
            marks = {(place.time or (0, 0))[1]: _mark(place) for place in places}
            groups.append(f"{year} " + "".join(marks.get(month, " ") for month in range(1, 13)))
        return [group.rstrip() for group in groups]
    months: dict[tuple[int, ...], dict[int, str]] = {}
    for place in axis.places:
        if place.time is not None:
            months.setdefault(place.time[:2], {})[place.time[2]] = _mark(place)
    for month, marks in months.items():
        days = range(min(marks), max(marks) + 1)
        groups.append(f"{time_label(month)} " + "".join(marks.get(day, " ") for day in days))
    return groups


def _mark(place: Place) -> str:
    if not place.changed:
        return NOTHING
    if place.changed == place.partitions:
        return CHANGED
    return LEVELS[min(len(LEVELS) * place.changed // place.partitions, len(LEVELS) - 1)]


def span_words(axis: Axis, most: int | None = None) -> list[str]:
    """Returns which values of an axis changed, and what share of their rows, in parts.

    A value is cut to so many columns of text.
    """
    label = partial(_label, most=most)
    changed = axis.changed
    of = f"{count(len(changed))} of {count(len(axis.places))}"
    if not axis.complete:
        of = counted(len(changed), "value" if axis.unit == "value" else axis.unit)
    if axis.unit == "value" and len(changed) > 1 and not _is_ordered(axis):
        named = listed([label(place) for place in changed], VALUES_NAMED)
        where = f"{of}: {named}"
    else:
        where = f"{of}: {_spans(axis, label)}"
    return [where, *_shares(changed)]


def _is_ordered(axis: Axis) -> bool:
    """Returns whether values have an order that means something: whole numbers do."""
    return all((place.label or "0").lstrip("-").isdigit() for place in axis.places)


def _spans(axis: Axis, label: Callable[[Place], str]) -> str:
    def words(run: Sequence[Place]) -> str:
        return label(run[0]) if len(run) == 1 else f"{label(run[0])} … {label(run[-1])}"

    runs = axis.runs
    null = any(place.label is None for place in axis.changed)
    if not runs:
        return "NULL"
    tail = ", and NULL" if null else ""
    if len(runs) == 1:
        gap = ", no gap" if len(runs[0]) > 1 else ""
        return f"{words(runs[0])}{gap}{tail}"
    if len(runs) <= RUNS_NAMED:
        return ", ".join(map(words, runs)) + tail
    span = f"{label(runs[0][0])} … {label(runs[-1][-1])}"
    if not axis.complete and axis.unit == "value":
        return f"{span}{tail}"
    return f"{span} with {counted(len(runs) - 1, 'gap')}{_missing(axis)}{tail}"


def _missing(axis: Axis) -> str:
    """Returns how many values between the first and the last changed one did not change."""
    if not axis.complete:
        return ""
    at = [n for n, place in enumerate(axis.places) if place.changed and place.label is not None]
    between = at[-1] - at[0] + 1 - len(at)
    return f" ({count(between)} between unchanged)"


def _label(place: Place, most: int | None) -> str:
    label = "NULL" if place.label is None else plain(place.label)
    return label if most is None else clipped(label, most)


def _shares(changed: Sequence[Place]) -> list[str]:
    """Returns the share of rows that changed in the partitions that did."""
    sizes = [place.rows for place in changed]
    if None in sizes or not changed:
        return []
    rows = [(place.rows_changed, place.rows or 0) for place in changed]
    total = share(sum(part for part, _ in rows), sum(whole for _, whole in rows))
    each = sorted((part / whole, share(part, whole)) for part, whole in rows if whole)
    if len(each) < 2 or each[0][1] == each[-1][1]:
        return [f"{total} of their rows"]
    low, high = each[0][1].removesuffix(" %"), each[-1][1]
    return [f"{total} of their rows ({low} to {high} each)"]


def partition_table(table: TableView, sheet: Sheet) -> list[str]:
    """Returns counts by partition, or by month or year where they are many, as lines."""
    changed = in_order(table)
    shown, more = first(changed, sheet.limits.partitions)
    if not changed:
        return []
    axes = partition_axes(table)
    if more and len(axes) == 1 and (period := _period(axes[0], sheet)) is not None:
        return ["", *period_lines(period, axes[0].unit, sheet), *_rest(len(changed), sheet)]
    if more:
        shown = sorted(changed, key=lambda one: -one.rows_changed)[: sheet.limits.partitions]
    how = sheet.partitions or sheet.more
    lines = ["", *counts_lines([(named_values(p.values), p) for p in shown], "partition", sheet)]
    return [*lines, f"{INDENT}{sheet.rest(more, 'partition', how)}"] if more else lines


def _rest(number: int, sheet: Sheet) -> list[str]:
    how = f" ({sheet.partitions} lists all)" if sheet.partitions else ""
    return [f"{INDENT}{counted(number, 'partition')} changed{how}"] if how else []


def _period(axis: Axis, sheet: Sheet) -> Axis | None:
    """Returns an axis added up by the shortest span of time that leaves few enough lines."""
    most = sheet.limits.periods
    for unit in units_above(axis.unit):
        period = by_period(axis, unit)
        if most is None or len(period.changed) <= most:
            return period
    return None


def counts_lines(
    named: Sequence[tuple[str, PartitionCounts]], what: str, sheet: Sheet
) -> list[str]:
    """Returns counts by partition below a header, and the share of their rows where known."""
    rows = []
    for name, one in named:
        numbers = [getattr(one, kind) for kind in KINDS]
        size = None if one.rows is None else one.rows[1] + one.deleted
        rows.append(([name], numbers, (one.rows_changed, size)))
    return _counts(rows, [what], sheet)


def period_lines(axis: Axis, unit: Unit, sheet: Sheet) -> list[str]:
    """Returns counts by month or year below a header."""
    rows = []
    for place in axis.changed:
        of = f"{count(place.changed)} of {count(place.partitions)}"
        label = "NULL" if place.label is None else place.label
        changed = of if axis.complete else count(place.changed)
        rows.append(([label, changed], list(place.counts), (place.rows_changed, place.rows)))
    return _counts(rows, [axis.unit, f"{unit}s"], sheet, sparse=True)


Counted = tuple[list[str], list[int], tuple[int, int | None]]
"""The names of a line, its numbers by kind, and rows that changed of all there are."""


def _counts(
    rows: Sequence[Counted], names: list[str], sheet: Sheet, *, sparse: bool = False
) -> list[str]:
    """Returns lines with numbers, their share of rows and a bar, as far as there is room.

    Where numbers would else be cut, or ``sparse``, kinds are left out of which there are none, and
    then those of cells.
    """
    some = [any(numbers[i] for _, numbers, _ in rows) for i in range(len(KINDS))]
    shares = all(size is not None for _, _, (_, size) in rows)
    every = list(range(len(KINDS)))
    present = [i for i in every if some[i]] or every
    every = present if sparse else every
    choices = [(every, shares, shares), (every, shares, False), (present, shares, False)]
    for kinds, with_share, with_bar in (
        *choices,
        (present, False, False),
        (present[: sum(some[:3])], False, False),
    ):
        head = [*names, *(KINDS[i] for i in kinds), *(["of rows"] if with_share else [])]
        cells = [
            [
                *labels,
                *(count(numbers[i]) for i in kinds),
                *([share(changed, size or 0)] if with_share else []),
                *([bar(changed, size or 0, BAR_WIDTH)] if with_bar else []),
            ]
            for labels, numbers, (changed, size) in rows
        ]
        head += [""] if with_bar else []
        widths = widths_of([head, *cells], columns=len(head), width=None)
        if sum(widths) + len(GAP) * (len(widths) - 1) + len(INDENT) <= sheet.width:
            break
    right = [False, *([True] * (len(head) - 1))]
    right[-1] = not with_bar
    return aligned([head, *cells], right=right, indent=len(INDENT), width=sheet.width)
