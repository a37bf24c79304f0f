"""Examples of changes of value, cut around the first difference, and how much they cover."""

import unicodedata

from catalog.diff.counts import Example
from catalog.diff.view import ColumnView
from catalog.report.figures import (
    around,
    clipped,
    columns_of,
    count,
    counted,
    first_difference,
    plain,
)

TIMES = "\N{MULTIPLICATION SIGN}"
VALUE_WIDTH = 28
"""Columns a value of an example takes at most: two of them and a key fit one line."""

CONTEXT = 10
"""Characters before the first difference that are shown of values that are cut."""


def example_text(example: Example, most: int | None = VALUE_WIDTH) -> str:
    """Returns an example: a change of value, how often, and the key of one such row.

    A value takes so many columns of text at most; None means any number.
    """
    notes = [] if example.count is None else [f"{TIMES}{count(example.count)}"]
    if example.key:
        key = ", ".join(f"{plain(n)} {shown_value(v, most)}" for n, v in example.key.items())
        notes.append(f"e.g. {key}")
    change = " → ".join(_both(example, most))
    return f"{change} ({', '.join(notes)})" if notes else change


def shown_value(value: str | None, most: int | None = VALUE_WIDTH) -> str:
    """Returns a value as it stands in a sentence: NULL, and in quotes what could be mistaken."""
    shown = _quoted(value)
    return shown if most is None else clipped(shown, most)


def _quoted(value: str | None) -> str:
    return "NULL" if value is None else plain(distinct_text(value))


def distinct_text(value: str) -> str:
    """Returns a text, in quotes if it could be mistaken for another: empty, blank, NULL."""
    is_clear = value and value == value.strip() and value != "NULL"
    return value if is_clear else f"'{value}'"


def _both(example: Example, most: int | None) -> tuple[str, str]:
    """Returns both values, cut around the place where they begin to differ."""
    before, after = _part(example, example.before, 0), _part(example, example.after, 1)
    if most is None:
        return before, after
    if example.before is None or example.after is None:
        return clipped(before, most), clipped(after, most)
    return cut_pair(before, after, most)


def cut_pair(before: str, after: str, most: int) -> tuple[str, str]:
    """Returns two texts of a line, each in so many columns, cut so that their difference shows.

    Texts that begin to differ late are shown from a little before that place.
    """
    before, after = around(before, after, most)
    if max(columns_of(before), columns_of(after)) <= most:
        return before, after
    alike = first_difference(before, after)
    if columns_of(before[:alike]) <= most - CONTEXT:
        return clipped(before, most), clipped(after, most)
    start = max(alike - CONTEXT, 0)
    while start and _belongs_to_the_last(before[start : start + 1]):
        start -= 1
    first, second = (f"…{text[start:].removeprefix('…')}" for text in (before, after))
    return clipped(first, most), clipped(second, most)


def _belongs_to_the_last(character: str) -> bool:
    return unicodedata.category(character or " ") in ("Mn", "Me", "Cf", "Sk")


def _part(example: Example, value: str | None, side: int) -> str:
    """Returns what an example has of a value, with ``…`` where something is missing."""
    if value is None or example.lengths is None:
        return _quoted(value)
    end = example.skipped + len(value)
    tail = "…" if end < example.lengths[side] else ""
    return f"{'…' if example.skipped else ''}{plain(value)}{tail}"


def coverage_text(column: ColumnView) -> str:
    """Returns how many changes of value there are besides the examples; empty if none are."""
    examples, changed = column.examples, column.counts.changed
    counts = [one.count for one in examples]
    if not examples or None in counts:
        return ""
    shown = sum(one or 0 for one in counts)
    left = changed - shown
    if left <= 0:
        return ""
    cells = f"{count(left)} of {count(changed)} cells"
    if column.distinct is None:
        return f"… other changes in {cells}"
    return f"… and {counted(column.distinct - len(examples), 'more change')}, in {cells}"
