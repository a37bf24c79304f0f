"""What changed rows have in common, in words: ``only channel = phone (89,482 of 89,482; …)``."""

from catalog.diff.findings import Renaming, Segment
from catalog.report.figures import clipped, count, listed, plain, share

VALUES_NAMED = 4
"""Values of a column that are named."""


def segment_text(segment: Segment, most: int | None = None) -> str:
    """Returns what changed rows have in common, with its support.

    It says ``only`` if all of them have it, and how many rows have it that did not change.

    Args:
        segment: What they have in common.
        most: Columns of text that a value takes; None means any number.
    """
    values = [_value(value, most) for value in segment.values]
    relation = f"= {values[0]}" if len(values) == 1 else f"in {listed(values, VALUES_NAMED)}"
    every = segment.rows == segment.out_of
    of = f"{count(segment.rows)} of {count(segment.out_of)}"
    of += "" if every else f", {share(segment.rows, segment.out_of)}"
    name = plain(segment.column)
    shown = name if most is None else clipped(name, most)
    return f"{'only' if every else 'mostly'} {shown} {relation} ({of}{_others(segment)})"


def _others(segment: Segment) -> str:
    """Returns how many of the rows that did not change have it too."""
    if not segment.others_out_of:
        return ""
    part = share(segment.others, segment.others_out_of)
    return f"; {part} of {count(segment.others_out_of)} unchanged rows"


def _value(value: str | None, most: int | None) -> str:
    if value is None:
        return "NULL"
    shown = plain(value) if value and value == value.strip() else repr(value)
    return shown if most is None else clipped(shown, most)


def renaming_text(renaming: Renaming) -> str:
    """Returns which column looks renamed, and how many of its values are the same."""
    names = f"{plain(renaming.before)} → {plain(renaming.after)}"
    of = f"{count(renaming.equal)} of {count(renaming.out_of)}"
    return f"{names} looks renamed: {of} values are equal"
