"""Rows without a key that are the same but for the last digits of floats."""

import math
from collections.abc import Iterator

from catalog.diff.result import TableDiff
from catalog.report.values import rows

DIGITS = 5e-12
"""How far floats may be apart that are the same, in relation to their size: 12 digits."""

SAME_FLOATS = "0.0000000005%"
"""The same as the tolerance of a diff."""

MOST_ROWS = 100_000
"""Rows that are paired at most: more that differ are a difference."""

_CHANGE = "_change"


def same_but_for_floats(diff: TableDiff) -> bool:
    """Returns whether rows that went and came are the same, but for the last digits of floats.

    A diff compares whole rows if there is no key, and knows no tolerance then.

    Args:
        diff: The diff of a table without a key, with its rows.
    """
    gone, come = diff.rows.deleted or 0, diff.rows.inserted or 0
    if gone != come or gone > MOST_ROWS or diff.rows.updated:
        return False
    before, after = (sorted(map(_form, _side(diff, side))) for side in ("_from", "_to"))
    return all(
        old[0] == new[0] and all(map(_near, old[1], new[1]))
        for old, new in zip(before, after, strict=True)
    )


Form = tuple[list[str], list[float]]
"""A row that sorts: the text of what must be equal, and its floats."""


def _side(diff: TableDiff, side: str) -> Iterator[dict[str, object]]:
    reader = diff.changes()
    place = reader.schema.names.index(side)
    for row in rows(reader):
        values = row[place]
        if isinstance(values, dict):
            yield values


def _form(row: dict[str, object]) -> Form:
    floats = {n: v for n, v in row.items() if isinstance(v, float) and math.isfinite(v)}
    rest = [f"{name}={'' if name in floats else repr(value)}" for name, value in row.items()]
    return rest, list(floats.values())


def _near(old: float, new: float) -> bool:
    return math.isclose(old, new, rel_tol=DIGITS, abs_tol=0.0)
