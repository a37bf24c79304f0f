"""Columns whose names follow one pattern, in a line: ``feature_001 … feature_299: 257 columns``."""

import re
from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.diff.counts import ColumnCounts
from catalog.diff.findings import NumberDelta
from catalog.diff.view import ColumnView, TableView
from catalog.report.figures import clipped, count, plain, share
from catalog.report.picture.deltas import TIMES

FEWEST = 5
"""Columns of one pattern that are told in one line: fewer are told one by one."""

_NUMBER = re.compile(r"(\d+)")

KINDS = ("filled", "cleared", "corrected")


@dataclass(frozen=True, slots=True)
class Fold:
    """Columns of one pattern and type, in the order of the numbers in their names."""

    columns: tuple[ColumnView, ...]


def folded(columns: Sequence[ColumnView]) -> list[Fold]:
    """Returns the columns of which many have names that differ in their numbers alone."""
    groups: dict[tuple[str, tuple[str, str] | None], list[ColumnView]] = {}
    for column in columns:
        if _NUMBER.search(column.name):
            groups.setdefault((_NUMBER.sub("#", column.name), column.types), []).append(column)
    folds = [
        Fold(tuple(sorted(group, key=lambda one: _numbers(one.name))))
        for group in groups.values()
        if len(group) >= FEWEST
    ]
    return sorted(folds, key=lambda fold: -len(fold.columns))


def _numbers(name: str) -> list[tuple[int, str]]:
    """Returns the numbers in a name, by their length first: they may have any number of digits."""
    digits = (part.lstrip("0") for part in _NUMBER.findall(name))
    return [(len(one), one) for one in digits]


def fold_text(fold: Fold, table: TableView, most: int | None) -> str:
    """Returns which columns are folded, and how many of the cells of each changed how."""
    names = (plain(column.name) for column in (fold.columns[0], fold.columns[-1]))
    first, last = (name if most is None else clipped(name, most) for name in names)
    kinds = [text for kind in KINDS if (text := _kind(fold, kind, table))]
    said = [f"{count(len(fold.columns))} columns", *kinds, *_rule(fold)]
    return f"{first} … {last}: {', '.join(said)}"


def _kind(fold: Fold, kind: str, table: TableView) -> str:
    """Returns how many cells of a column changed in one way, as a share of the rows compared."""
    cells = sorted(_cells(column.counts, kind) for column in fold.columns)
    if not cells[-1]:
        return ""
    rows = table.rows.before - (table.rows.deleted or 0)
    if not rows:
        return f"{count(cells[0])} to {count(cells[-1])} cells {kind} each"
    low, high = share(cells[0], rows), share(cells[-1], rows)
    return (
        f"{low} {kind} each" if low == high else f"{low.removesuffix(' %')} to {high} {kind} each"
    )


def _cells(counts: ColumnCounts, kind: str) -> int:
    return int(getattr(counts, kind))


def _rule(fold: Fold) -> list[str]:
    """Returns the ratio that all changed cells of all columns have, if there is one."""
    found = set()
    for column in fold.columns:
        delta = column.delta
        if not isinstance(delta, NumberDelta) or delta.common_ratio is None:
            return []
        if delta.common_ratio.cells != column.counts.corrected:
            return []
        found.add(delta.common_ratio.value)
    return [f"all {TIMES}{plain(found.pop())}"] if len(found) == 1 else []
