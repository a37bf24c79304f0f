"""Metrics as a table of figures: before, after, and by how much they differ."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction

from catalog.dataclasses import dataclass
from catalog.diff.view import Metric, MetricRow
from catalog.report.drift import MINUS
from catalog.report.figures import count, counted, grouped, plain
from catalog.report.layout import aligned
from catalog.report.picture.sheet import INDENT, Sheet

LEAST_DIGITS = 4
"""Decimals of a share in percent at most."""

DIGITS = 200
"""Digits in which differences are exact: those of any DECIMAL, and of doubles as they are shown."""


@dataclass(frozen=True, slots=True)
class FigureTable:
    """Figures to be drawn as a table.

    Attributes:
        header: The names of the columns.
        rows: Their cells.
        right: Which columns are numbers.
        notes: What is to be said below.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    notes: tuple[str, ...] = ()


def figure_table(metric: Metric, most: int | None) -> FigureTable:
    """Returns the figures of a metric that differ, and how many do not.

    If it is a single row, all of its figures are shown. ``most`` figures are; None means all.
    """
    keys = list(dict.fromkeys(name for row in metric.rows for name in row.key))
    single = len(metric.rows) == 1 and not keys
    differing = [
        (row, name, old, new)
        for row in metric.rows
        for name, old, new in _figures(row)
        if single or old != new or row.before is None or row.after is None
    ]
    shown = differing if most is None or len(differing) <= most + 1 else differing[:most]
    rows = tuple(
        (
            *(_text(row.key.get(key)) for key in keys),
            plain(name),
            "(new)" if row.before is None else _text(old),
            "(gone)" if row.after is None else _text(new),
            *(_difference(old, new) if row.before and row.after else ("", "")),
        )
        for row, name, old, new in shown
    )
    header = (*(plain(key) for key in keys), "figure", "before", "after", "Δ", "%")
    right = (*(False for _ in keys), False, True, True, True, True)
    return FigureTable(header, rows, right, tuple(_notes(metric, len(differing) - len(shown))))


def _notes(metric: Metric, left: int) -> Iterator[str]:
    if left:
        yield f"… and {counted(left, 'more figure')}"
    if metric.more:
        yield f"… and {counted(metric.more, 'more row')}"
    same = sum(row.before == row.after for row in metric.rows)
    if same and len(metric.rows) > 1:
        yield f"{count(same)} of {counted(len(metric.rows), 'row')} unchanged"
    if not metric.rows and not metric.more:
        yield "no rows"


def _figures(row: MetricRow) -> Iterator[tuple[str, str | None, str | None]]:
    before, after = row.before or {}, row.after or {}
    for name in dict.fromkeys((*after, *before)):
        yield name, before.get(name), after.get(name)


def _text(text: str | None) -> str:
    return "NULL" if text is None else plain(grouped(text))


def _difference(before: str | None, after: str | None) -> tuple[str, str]:
    """Returns the difference of two numbers, exactly, and in percent of the first."""
    old, new = _number(before), _number(after)
    if old is None or new is None:
        return "", ""
    with localcontext() as context:
        context.prec = DIGITS
        moved = new - old
    if not moved:
        return "0", "0 %"
    sign = "+" if moved > 0 else MINUS
    amount = f"{sign}{grouped(format(abs(moved), 'f'))}"
    if not old:
        return amount, ""
    percent = abs(Fraction(moved) / Fraction(old)) * 100
    return amount, f"{sign}{_percent(percent)} %"


def _number(text: str | None) -> Decimal | None:
    try:
        number = None if text is None else Decimal(text)
    except InvalidOperation:
        return None
    is_small = number is not None and number.is_finite() and abs(number.adjusted()) < DIGITS // 2
    return number if is_small else None


def _percent(percent: Fraction) -> str:
    """Returns a number of percent with one decimal, more where that would be 0, which it is not."""
    if percent >= 1000:
        return f"{round(percent):,}"
    digits = 1
    while digits < LEAST_DIGITS and round(percent, digits) == 0:
        digits += 1
    shown = round(percent, digits)
    return f"{float(shown):,.{digits}f}" if shown else f"<{10.0**-digits:.{digits}f}"


def metric_lines(metrics: Sequence[Metric], sheet: Sheet) -> list[str]:
    """Returns the drawings of metrics, each after an empty line."""
    lines = []
    for metric in metrics:
        lines += ["", sheet.paint(plain(metric.name), "bold")]
        if metric.error:
            fault = f"{sheet.paint('warning', 'yellow')}: it could not be computed: "
            lines.append(f"{INDENT}{fault}{plain(metric.error)}")
            continue
        table = figure_table(metric, sheet.limits.figures)
        cells = [table.header, *table.rows]
        if table.rows:
            lines += aligned(cells, right=table.right, indent=len(INDENT), width=sheet.width)
        lines += [f"{INDENT}{note}" for note in table.notes]
    return lines


def fits(metric: Metric, sheet: Sheet) -> bool:
    """Returns whether a drawing of a metric has all of its figures that differ."""
    whole, shown = figure_table(metric, None), figure_table(metric, sheet.limits.figures)
    return len(whole.rows) == len(shown.rows) and not metric.more and not metric.error
